"""A running machine writes a newer release beside its own, boots it, and goes back."""

import json

from disk import manifest
from releasing import CHANNEL, newer_bundle, publish
from web import Server

NEWER = "2099.1.0"


def status(one):
    return json.loads(one.check("sudo proa status --json || true"))


def result(one, command, expect=0, deadline=600):
    code, said = one.run(f"sudo {command} --json 2>/tmp/errors", deadline)
    assert code == expect, said + one.check("cat /tmp/errors")
    return json.loads(said.splitlines()[-1])


def test_upgrade_and_back(disk, machine, folder):
    newer = newer_bundle(folder / "newer.bundle", NEWER)
    version = manifest()["version"]
    server = Server(publish(folder, "7", newer))
    try:
        upgrade_and_back(machine(disk()), server, newer, version)
    finally:
        server.stop()


def upgrade_and_back(one, server, newer, version):
    one.wait_boot("health gate passed")
    one.wait_shell()
    # QEMU's own network: the host's loopback is there.
    address = server.url(CHANNEL).replace("127.0.0.1", "10.0.2.2")
    code, said = one.run("proa upgrade --yes")
    assert code == 10 and "sudo" in said
    assert "proa.upgrade.url" in one.run("sudo proa upgrade --yes")[1]
    one.check(f"sudo proa config set proa.upgrade.url {address}")

    said = result(one, "proa list")
    assert [(one["version"], one["state"]) for one in said["releases"]] == [(NEWER, "newer")]
    said = result(one, "proa upgrade --yes")
    assert (said["result"], said["slot"], said["from"], said["version"]) == \
        ("upgraded", "b", version, NEWER)
    # The image is the same: nothing but the channel and the bundle's head came.
    assert said["bytes_fetched"] < 4 << 20 and said["bytes_reused"] > 300 << 20
    # An old channel is not taken a second time.
    server.files = publish(newer.parent, "6", newer)
    said = result(one, "proa upgrade --yes", expect=27)
    assert "an old channel" in said["error"]
    server.files = publish(newer.parent, "8", newer)
    assert status(one)["flip"]["pending"] is True
    assert result(one, "proa upgrade --yes", expect=3)["result"] == "pending"
    assert result(one, "proa rollback")["result"] == "cancelled"
    assert status(one)["flip"]["next"] == "a"
    one.type(" sudo proa upgrade --yes --reboot\n")

    one.wait_boot(f"root verified: slot b, version {NEWER}")
    one.wait_for("health gate passed")
    one.wait_shell()
    found = status(one)
    assert (found["slot"], found["version"], found["phase"]) == ("b", NEWER, "passed")
    # Its orderly end makes it good: a person may then condemn the one that it is left for.
    one.type(" sudo proa rollback --reboot\n")

    one.wait_boot(f"root verified: slot a, version {version}")
    one.wait_for("health gate passed")
    one.wait_shell()
    assert result(one, "proa mark bad")["slot"] == "a"
    found = status(one)
    assert found["phase"] == "degraded" and "marked bad" in found["degraded"]
    assert (found["flip"]["next"], found["flip"]["a"]) == ("b", {"left": 0, "good": False})
    assert result(one, "proa upgrade --yes", expect=3)["result"] == "pending"
    # The way out of it is not taken back by a second word.
    assert result(one, "proa rollback", expect=3)["result"] == "pending"
    assert status(one)["flip"]["next"] == "b"
