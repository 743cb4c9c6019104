"""A running machine follows new keys to a newer release, boots it, and goes back.

Meanwhile containers are busy, the state partition is full, and a check and a container of a
person's fail all along.
"""

import json
import re

from disk import BUILD, manifest
from machine import LOAD_IMAGE, USER_IMAGE, run_quietly
from releasing import CHANNEL, TEST_KEY, newer_bundle, publish
from upgrading import IMAGE, read_pair
from web import Server

NEWER = "2099.1.0"

# Reads and writes, and says how often it has done so; never frees a block of a full disk.
BUSY = ("while sleep 1; do dd if=/dev/urandom of=/data/x bs=64k count=4 conv=notrunc 2>/dev/null; "
        "sync; md5sum /data/x > /tmp/sum; n=$((n+1)); echo $n > /tmp/count; done")

# All of the state partition, what is kept back for root too.
FILL = ("for size in 1G 64M 4M 256K 4K; do while n=$((n+1)); fallocate -l $size "
        "/var/lib/filler-$n; do :; done; done; ! dd if=/dev/zero of=/var/lib/filler bs=4k count=64")

# What the kernel and PID 1 do not say; a check that fails degrades the machine.
TROUBLE = r"proa: +\d+\.\d\d error: .*|Kernel panic.*"
BROKEN = "check 50-thing failed (exit code 1)"


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
    code, said = one.run(f"sudo {command} --json 2>/dev/shm/errors", deadline)
    assert code == expect, said + one.check("cat /dev/shm/errors")
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


def set_up_troubles(one):
    """A check and a container that have never worked, and one that works hard."""
    one.check(LOAD_IMAGE, 300)
    one.check(f"docker run -d --name busy --restart always --tmpfs /tmp -v busy:/data {USER_IMAGE} "
              f"sh -c '{BUSY}'")
    one.check(f"docker run -d --name broken --restart always --label proa.health=required "
              f"{USER_IMAGE} false")
    one.check("sudo mkdir -p /var/lib/proa/health.d && "
              "printf '#!/bin/sh\\nexit 1\\n' | sudo tee /var/lib/proa/health.d/50-thing && "
              "sudo chmod 755 /var/lib/proa/health.d/50-thing")
    one.wait_true("docker exec busy cat /tmp/count")


def busy(one):
    """Since when the container runs, and how often it has done its work."""
    return (one.check("docker inspect -f '{{.State.StartedAt}}' busy"),
            int(one.check("docker exec busy cat /tmp/count")))


def upgrades(one):
    history = json.loads(one.check("sudo proa history --json"))
    return [(event["event"], event["version"]) for event in history["upgrades"]]


def upgrade_on_full_disk(one, version):
    """Nothing of it needs space; one at a time; and what it was cannot be noted down."""
    since, count = busy(one)
    one.check(f"sudo sh -c '{FILL}' 2>/dev/null", 300)
    # Away from the terminal, which is needed for others; /tmp is on the full disk, too.
    one.check("setsid -f sh -c 'cd /dev/shm; sudo proa upgrade --yes --json >said 2>first; "
              "echo $? >code' </dev/null")
    one.check("until grep -q write /dev/shm/said; do sleep 1; done", 300)
    # A second one says so at once.
    said = result(one, "proa upgrade --yes", expect=15)
    assert "another program changes the slots" in said["error"]
    one.check("until [ -s /dev/shm/code ]; do sleep 1; done", 600)
    errors = one.check("cat /dev/shm/first")
    assert one.check("cat /dev/shm/code") == "0", errors
    said = json.loads(one.check("tail -n 1 /dev/shm/said"))
    assert (said["result"], said["slot"], said["from"], said["version"]) == \
        ("upgraded", "b", version, NEWER)
    # The image is the same: nothing but the channel and the bundle's head came.
    assert said["bytes_fetched"] < 4 << 20 and said["bytes_reused"] > 300 << 20
    # Others may give back a block meanwhile, so that some of it can be noted down.
    assert "No space left on device" in errors, errors
    assert "will be held against" in errors or "will not tell of this" in errors, errors
    one.check("sudo sh -c 'rm /var/lib/filler*'")
    found = busy(one)
    assert found[0] == since and found[1] > count, (since, count, found)


def upgrade_and_back(one, server, newer, version):
    one.wait_boot("health gate passed")
    one.wait_shell()
    # QEMU's own network: the host's loopback is there.
    address = server.url(CHANNEL).replace("127.0.0.1", "10.0.2.2")
    code, said = one.run("proa upgrade --yes")
    assert code == 10 and "sudo" in said
    assert "proa.upgrade.url" in one.run("sudo proa upgrade --yes")[1]
    one.check(f"sudo proa config set proa.upgrade.url {address}")
    set_up_troubles(one)

    said = result(one, "proa list")
    seen = one.check("cd /var/lib/proa && sudo cat channel keys/2.root && ls keys && cd")
    assert "root=2" in seen and "number=2" in seen and "2.root.sig" in seen
    assert [(one["version"], one["state"]) for one in said["releases"]] == [(NEWER, "newer")]
    # A program has to wait until the running release has settled.
    assert "has not settled" in result(one, "proa upgrade --unattended", expect=4)["error"]
    # Whatever the slots know: a release of a higher epoch has settled here.
    one.check("echo epoch=9 | sudo tee /var/lib/proa/epoch")
    assert "epoch" in result(one, "proa upgrade --yes", expect=23)["error"]
    one.check("sudo rm /var/lib/proa/epoch")
    upgrade_on_full_disk(one, version)
    # What the former keys sign is not taken, nor an old channel a second time.
    server.files = publish(newer.parent, "9", newer)
    assert "no channel key" in result(one, "proa upgrade --yes", expect=18)["error"]
    server.files = publish_new(newer, "6")
    said = result(one, "proa upgrade --yes", expect=27)
    assert "an old channel" in said["error"]
    server.files = publish_new(newer, "8")
    found = status(one)
    assert found["flip"]["pending"] is True and found["slots"]["b"]["upgrade"] == "pending"
    assert found["upgrade"] is None or found["upgrade"]["event"] in ("started", "upgraded")
    assert result(one, "proa upgrade --yes", expect=3)["result"] == "pending"
    assert result(one, "proa rollback")["result"] == "cancelled"
    slots = json.loads(one.check("sudo proa verify --json 2>/dev/null"))
    assert [(slots[slot]["state"], slots[slot]["key_in_force"]) for slot in "ab"] == \
        [("whole", False), ("whole", True)]
    found = status(one)
    assert found["flip"]["next"] == "a" and found["slots"]["b"]["upgrade"] == "cancelled"
    # A person did not want it: no program does it by itself.
    assert "took the flip" in result(one, "proa upgrade --unattended", expect=29)["error"]
    assert result(one, "proa upgrade --yes")["result"] == "upgraded"
    errors = one.check("cat /dev/shm/errors")
    assert f"not held against Proa {NEWER}: check 50-thing; container broken" in errors
    assert f"warning: Proa {NEWER}: a person took the flip to it back" in errors
    # Said once more, what fails is looked at once more.
    one.type(" sudo proa upgrade --yes --reboot\n")

    one.wait_boot(f"root verified: slot b, version {NEWER}", unless=TROUBLE)
    one.wait_for(f"left out, as before the upgrade: .*{re.escape(BROKEN)}", unless=TROUBLE)
    one.wait_for("health gate passed", unless=TROUBLE)
    one.wait_shell()
    found = status(one)
    assert (found["slot"], found["version"], found["gate"]) == ("b", NEWER, "passed")
    for what in (BROKEN, "container broken "):
        assert what in found["left_out"] and what in found["degraded"]
    assert (found["upgrade"]["event"], found["slots"]["a"]["upgrade"]) == ("passed", None)
    assert BROKEN in found["upgrade"]["text"]
    assert upgrades(one)[:3] == [(event, NEWER) for event in ("passed", "upgraded", "cancelled")]
    one.check("sudo rm /var/lib/proa/health.d/50-thing; docker rm -f broken")
    # Its orderly end makes it good: a person may then condemn the one that it is left for.
    one.type(" sudo proa rollback --reboot\n")

    one.wait_boot(f"root verified: slot a, version {version}", unless=TROUBLE)
    one.wait_for("health gate passed", unless=TROUBLE)
    one.wait_shell()
    assert status(one)["slots"]["b"]["upgrade"] == "rolled back"
    assert one.check("cat /var/lib/proa/epoch") == "epoch=1"
    assert "rolled back from it" in result(one, "proa upgrade --unattended", expect=29)["error"]
    assert result(one, "proa mark bad")["slot"] == "a"
    found = status(one)
    assert found["phase"] == "degraded" and "marked bad" in found["degraded"]
    assert (found["flip"]["next"], found["flip"]["a"]) == ("b", {"left": 0, "good": False})
    assert result(one, "proa upgrade --yes", expect=3)["result"] == "pending"
    # The way out of it is not taken back by a second word.
    assert result(one, "proa rollback", expect=3)["result"] == "pending"
    assert status(one)["flip"]["next"] == "b"
    assert upgrades(one)[:2] == [("marked bad", version), ("rolled back", NEWER)]
