"""The state partition is damaged, refuses writes, or is not there: the machine is reached."""

import json
import time

import pytest

from ssh import public, ssh, wait_ssh


LONG = 150      # seconds: the watchdog has 120, the gate here 60


def status(one):
    return json.loads(one.check("sudo proa status --json || true"))


def test_read_only_while_running(disk, machine, key):
    """An error of the file system's: from then on Linux 6.12 neither writes nor reads it."""
    one = machine(disk(config=f"ssh_authorized_keys: ['{public(key)}']\n"))
    one.wait_boot("health gate passed")
    one.wait_shell()
    wait_ssh(one, key)
    one.check("echo test | sudo tee /sys/fs/ext4/vda6/trigger_fs_error")
    one.wait_true("! touch ~/file")

    # It is said within a minute; the machine stays, and people still get in.
    one.wait_for("degraded: the state partition is not mounted read-write", 120)
    found = status(one)
    assert (found["gate"], found["phase"]) == ("passed", "degraded"), found
    code, said = ssh(one, key, "cat /proc/uptime")
    assert code == 0, said

    # The next boot mends it.
    one.type(" sudo proa reboot\n")
    one.wait_boot("checking the file system on /dev/vda6", unless=None)
    one.wait_for("state mounted")


def test_damaged(disk, machine):
    """The superblock and the first group's tables are gone: e2fsck has copies of them."""
    made = disk(config="hostname: kept\n")
    start, _ = made.partition("proa-state")
    made.write(start, bytes(16 << 10))
    one = machine(made)
    one.wait_boot("error: /dev/vda6 was damaged, and is repaired", unless=None)
    one.wait_for("health gate passed", unless=None)
    one.wait_shell()
    assert one.check("hostname") == "kept"


@pytest.mark.full
def test_long_repair(disk, machine):
    """Longer than watchdog and gate would wait: no fault of the release, which stays."""
    made = disk(config="proa: {health: {deadline: 60s}}\n", flipped=True)
    start, _ = made.partition("proa-state")
    made.write(start, bytes(16 << 10))
    one = machine(made, extra=["-device", "i6300esb", "-action", "watchdog=reset"])
    one.wait_boot("checking the file system on /dev/vda6", unless=None)
    # Five requests a second are all that the disk takes.
    one.monitor("block_set_io_throttle disk0 0 0 0 5 0 0")
    began = time.monotonic()
    while time.monotonic() < began + LONG:
        assert "state mounted" not in one.console, "the repair was quick"
        time.sleep(1)
    one.monitor("block_set_io_throttle disk0 0 0 0 0 0 0")
    one.wait_for("error: /dev/vda6 was damaged, and is repaired", 600, unless="init: started")
    one.wait_for("health gate passed", unless="init: started")
    one.wait_shell()
    found = status(one)
    assert (found["slot"], found["fellback"]) == ("b", False), found


def test_missing(disk, machine, folder, full):
    """Nothing of it is left: up all the same, open at the consoles, and on with a new one."""
    made = disk(autologin=False)
    made.wipe("proa-state")
    one = machine(made)
    one.wait_boot("error: health gate failed: the state partition /dev/vda6 cannot be mounted",
                  unless=None)
    one.wait_for("degraded: the state partition", 600)
    one.wait_for("service console runs", unless=None)
    one.wait_shell()
    found = status(one)
    assert (found["slot"], found["phase"]) == ("a", "degraded")
    assert "the state partition /dev/vda6 cannot be mounted" in found["degraded"]
    # Its SSH server answers, and knows nobody; its Docker runs containers.
    one.wait_true("proa service list | grep -q '^docker *running'")
    code, said = ssh(one, None, "true")
    assert code == 255 and "(publickey)" in said
    if not full:
        return

    # As proa-init(8) has it.
    one.check("sudo mkfs.ext4 -q -L proa-state /dev/vda6", 300)
    one.check("sudo mount /dev/vda6 /mnt && sudo mkdir -p /mnt/lib/proa/conf")
    one.check("echo 'proa: {autologin: true}' | sudo tee /mnt/lib/proa/conf/cloud-config.yml")
    one.check("sudo umount /mnt")
    one.type(" sudo proa reboot\n")
    one.wait_boot("health gate passed")
    one.wait_shell()
    assert status(one)["phase"] != "degraded"


@pytest.mark.full
def test_read_only_by_its_superblock(disk, machine):
    """Somebody has asked for it: it is said, and what is to be typed undoes it."""
    one = machine(disk())
    one.wait_boot("health gate passed")
    one.wait_shell()
    one.check("sudo tune2fs -O read-only /dev/vda6")
    one.type(" sudo proa reboot\n")
    said = "the file system of the state partition /dev/vda6 is read-only"
    one.wait_boot(f"degraded: {said}", unless=None)
    one.wait_for("service console runs", unless=None)
    one.wait_shell()
    found = status(one)
    assert found["phase"] == "degraded" and said in found["degraded"], found
    one.check("sudo tune2fs -O ^read-only /dev/vda6")
    one.type(" sudo proa reboot\n")
    one.wait_boot("health gate passed")


@pytest.mark.full
def test_missing_in_both_slots(disk, machine):
    """Neither release is at fault: each has its attempts, then the last resort stays up."""
    made = disk(flipped=True, autologin=False)
    made.patch_flip("b_left=2", "b_left=1")
    made.patch_flip("a_left=4", "a_left=1")
    made.wipe("proa-state")
    one = machine(made)
    slots = []
    # One attempt each, four last resorts that reboot, and the one that stays.
    for _ in range(7):
        found = one.wait_boot("root verified: slot ([ab])", unless=None)
        slots.append(found.group(1))
        one.wait_for("error: health gate failed: the state partition /dev/vda6 cannot be mounted")
    assert slots[:2] == ["b", "a"], slots
    assert all(one != other for one, other in zip(slots[2:], slots[3:])), slots
    one.wait_for("degraded: the state partition")
    one.wait_for("service console runs")
    one.wait_shell()
    found = status(one)
    assert (found["lastresort"], found["phase"]) == (True, "degraded"), found
    one.wait_true("proa service list | grep -q '^docker *running'")
    code, said = ssh(one, None, "true")
    assert code == 255 and "(publickey)" in said


@pytest.mark.full
def test_write_protected(disk, machine):
    """No write at all, GRUB's neither: a reboot would be the same again, for ever."""
    made = disk(flipped=True)
    one = machine(made, writable=False)
    one.wait_boot("degraded: the disk /dev/vda is write-protected", unless=None)
    one.wait_for("service console runs", unless=None)
    one.wait_shell()
    assert "the disk /dev/vda is write-protected" in status(one)["degraded"]
