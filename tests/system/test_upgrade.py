"""A running machine follows new keys to a newer release, boots it, and goes back."""

import json

from disk import BUILD, manifest
from machine import run_quietly
from releasing import CHANNEL, TEST_KEY, newer_bundle, publish
from upgrading import IMAGE, read_pair
from web import Server

NEWER = "2099.1.0"


def change_keys(folder, newer):
    """2.root: one new key in every role, and none of the image's."""
    run_quietly(IMAGE, "keygen", "-o", folder, "--name", "new")
    public = folder / "new.pub"
    run_quietly(IMAGE, "root", "--number", "2", "--release-key", public, "--channel-key", public,
                "--root-key", public, "--sign", TEST_KEY, "--sign", folder / "new.key",
                "--previous", BUILD / "keys/1.root", "-o", folder / "2.root")
    # The image's own root document wants the old signature, too, when the slot boots.
    run_quietly(IMAGE, "sign", "-k", folder / "new.key", newer)


def publish_new(newer, serial):
    """What lies on the server: all of it by the new key, and the document that names it."""
    folder = newer.parent
    return {**publish(folder, serial, newer, key=folder / "new.key"),
            **read_pair(folder / "2.root")}


def status(one):
    return json.loads(one.check("sudo proa status --json || true"))


def result(one, command, expect=0, deadline=600):
    code, said = one.run(f"sudo {command} --json 2>/tmp/errors", deadline)
    assert code == expect, said + one.check("cat /tmp/errors")
    return json.loads(said.splitlines()[-1])


def test_upgrade_and_back(disk, machine, folder):
    newer = newer_bundle(folder / "newer.bundle", NEWER)
    change_keys(folder, newer)
    version = manifest()["version"]
    server = Server(publish_new(newer, "7"))
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
    seen = one.check("cd /var/lib/proa && sudo cat channel keys/2.root && ls keys && cd")
    assert "root=2" in seen and "number=2" in seen and "2.root.sig" in seen
    assert [(one["version"], one["state"]) for one in said["releases"]] == [(NEWER, "newer")]
    said = result(one, "proa upgrade --yes")
    assert (said["result"], said["slot"], said["from"], said["version"]) == \
        ("upgraded", "b", version, NEWER)
    # The image is the same: nothing but the channel and the bundle's head came.
    assert said["bytes_fetched"] < 4 << 20 and said["bytes_reused"] > 300 << 20
    # What the former keys sign is not taken, nor an old channel a second time.
    server.files = publish(newer.parent, "9", newer)
    assert "no channel key" in result(one, "proa upgrade --yes", expect=18)["error"]
    server.files = publish_new(newer, "6")
    said = result(one, "proa upgrade --yes", expect=27)
    assert "an old channel" in said["error"]
    server.files = publish_new(newer, "8")
    assert status(one)["flip"]["pending"] is True
    assert result(one, "proa upgrade --yes", expect=3)["result"] == "pending"
    assert result(one, "proa rollback")["result"] == "cancelled"
    slots = json.loads(one.check("sudo proa verify --json 2>/dev/null"))
    assert [(slots[slot]["state"], slots[slot]["key_in_force"]) for slot in "ab"] == \
        [("whole", False), ("whole", True)]
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
