"""Boots that end badly, or early: what they cost, and what the history says of each."""

import json

import pytest

from machine import LOAD_IMAGE, USER_IMAGE
from releasing import newer_bundle
from upgrading import REFUSED
from web import Server

# The gate waits for it until long after these tests' end.
SLOW = ("write_files:\n- path: /var/lib/proa/health.d/50-slow\n  permissions: \"0755\"\n"
        "  content: \"#!/bin/sh\\nsleep 20; exit 1\\n\"\n")


def status(one):
    return json.loads(one.check("sudo proa status --json || true"))


def classes(one):
    """(class, slot) of each boot, the newest first; each one's text."""
    boots = json.loads(one.check("sudo proa history --json -n 0"))["boots"]
    return [(boot["class"], boot["slot"]) for boot in boots], [boot["text"] for boot in boots]


def crash(one):
    one.check("sudo sh -c 'echo 1 > /proc/sys/kernel/sysrq'")
    one.type(" sudo sh -c 'echo c > /proc/sysrq-trigger'\n")
    one.wait_for("Kernel panic")


def test_crash_after_the_gate(disk, machine, folder, full):
    """Passing the gate brings no attempts back: a release that crashes later is spent, too."""
    # The firmware's memory for what a dying kernel has to say.
    erst = ["-object", f"memory-backend-file,id=erst,size=64K,mem-path={folder}/erst,share=on",
            "-device", "acpi-erst,memdev=erst"]
    times = 2 if full else 1
    made = disk(flipped=True)
    made.patch_flip("b_left=2", f"b_left={times}")
    one = machine(made, extra=erst)
    for left in reversed(range(times)):
        one.wait_boot("health gate passed", unless=None)
        one.wait_shell()
        found = status(one)
        assert (found["slot"], found["phase"], found["flip"]["b"]["left"]) == ("b", "passed", left)
        crash(one)
    one.wait_boot("health gate passed", unless=None)
    one.wait_shell()
    found = status(one)
    assert (found["slot"], found["fellback"]) == ("a", True)
    kinds, texts = classes(one)
    assert kinds == [("running", "a")] + [("reset", "b")] * times
    assert all(text.startswith("reset, last heartbeat at 20") for text in texts[1:]), texts
    one.wait_true("sudo test -e /var/lib/proa/crash && test -z \"$(sudo ls /sys/fs/pstore)\"")
    assert "sysrq: Trigger a crash" in one.check("sudo cat /var/lib/proa/crash")
    assert "the kernel's own record of a crash is in /var/lib/proa/crash" in one.console


def refuses_upgrades(one, folder):
    """Who is on trial does not write over the release that it would fall back to."""
    server = Server({"newer": newer_bundle(folder / "newer", "2099.1.0").read_bytes()})
    try:
        code, said = one.run(f"sudo proa upgrade -b {server.url('newer', '10.0.2.2')} --yes")
    finally:
        server.stop()
    assert code == REFUSED and "health gate" in said, said


def test_early_reboots(disk, machine, folder, full):
    """A person who reboots before the gate has spoken takes no attempt from a trial."""
    one = machine(disk(flipped=True, config=SLOW))
    for _ in range(2 if full else 1):
        one.wait_boot("service console runs")
        one.wait_shell()
        found = status(one)
        assert (found["slot"], found["gate"], found["flip"]["b"]["left"]) == ("b", "waiting", 1)
        one.type(" sudo proa reboot\n")
        one.wait_for("rebooting")
    one.wait_boot("service console runs")
    one.wait_shell()
    found = status(one)
    assert (found["slot"], found["gate"], found["flip"]["b"]["left"]) == ("b", "waiting", 1)
    kinds, texts = classes(one)
    assert kinds == [("running", "b")] + [("reboot", "b")] * (2 if full else 1), texts
    refuses_upgrades(one, folder)
    assert status(one)["flip"] == found["flip"]


@pytest.mark.full
def test_five_power_cuts(disk, machine):
    """A good release that never got to its gate gets one more chance after the next reboot."""
    made = disk(flipped=True)
    made.patch_flip("b_left=2", "b_left=4")
    made.patch_flip("b_good=0", "b_good=1")
    made.patch_flip("a_good=0", "a_good=1")
    one = machine(made)
    for marker in ("root verified: slot b", "Proa: slot b at ", "state mounted",
                   "System Docker answers"):
        one.wait_for(marker)
        one.power_cut()
        one.start()
    one.wait_boot("root verified: slot a", unless=None)
    one.power_cut()
    one.start()
    one.wait_boot("health gate passed", unless=None)
    one.wait_shell()
    found = status(one)
    assert (found["slot"], found["fellback"]) == ("a", True)
    one.type(" sudo proa reboot\n")
    one.wait_boot("root verified: slot b", unless="root verified: slot a")
    one.wait_for("health gate passed")
    one.wait_shell()
    assert status(one)["slot"] == "b"
    kinds, texts = classes(one)
    assert [kind for kind, _ in kinds] == ["running", "reboot", "reset", "reset", "reset", "unseen",
                                          "reset"], texts
    assert [slot for _, slot in kinds] == ["b", "a", "a", "b", "b", "b", "b"], texts


@pytest.mark.full
def test_container_broken_in_both_slots(disk, machine):
    """Neither release is at fault: the new one falls back, the old one stays up."""
    made = disk(config="proa: {health: {deadline: 2m}}\n", flipped=True)
    made.patch_flip("slot=b", "slot=a")
    one = machine(made)
    one.wait_boot("health gate passed")
    one.wait_shell()
    one.check(LOAD_IMAGE, 300)
    one.check(f"docker run -d --name web --restart always -v /var/lib:/host {USER_IMAGE} "
              "sh -c 'test ! -e /host/bad && exec sleep 99999'", 60)
    one.wait_true("docker ps --format '{{.Names}} {{.Status}}' | grep '^web Up .. seconds'")
    one.check("sudo touch /var/lib/bad")
    one.type(" sudo proa poweroff\n")
    one.wait_off()
    made.patch_flip("slot=a", "slot=b")
    one.start()
    # Both attempts, as a flip gives them: of fewer, history would miss a boot.
    for _ in range(2):
        one.wait_boot("error: health gate failed: .*container web", unless=None)
    one.wait_boot("degraded: container web", unless=None)
    one.wait_shell()
    found = status(one)
    assert (found["slot"], found["gate"], found["phase"]) == ("a", "passed", "degraded"), found
    kinds, texts = classes(one)
    assert kinds == [("running", "a"), ("failed", "b"), ("failed", "b"), ("poweroff", "a")], texts
    assert all(text.startswith("stage 2 failed: container web") for text in texts[1:3]), texts
