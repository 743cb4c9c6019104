"""Releases that fail in every way that we know: each machine comes back in the old one, by itself.

Slot a has run, and settled; slot b is on trial, with a fault (faulty.py). Nobody touches the
machine: it boots b, fails, and ends in a, healthy, with the evidence in its history.
"""

import dataclasses
import json
import random
import re
import time

import pytest

from disk import BUILD, Disk, file_extent, find_bundle
from faulty import BLOCK, Faulty, add_kernel_arguments, program
from machine import LOAD_IMAGE, ROOT, USER_IMAGE, Machine, run_quietly

INIT = "/layers/os/usr/sbin/init"
DOCKER = "/layers/os/usr/sbin/dockerd"
SERVICES = "/layers/os/usr/lib/proa/services.yml"
VIRTIO = "virtio_blk.ko"
# Read by nothing but a person who loads it.
UNREAD = "/usr/lib/proa/images/busybox.tar"

# A person's container and check, which the faulty release's kernel arguments can make fail.
CHECK = "#!/bin/sh\n! grep -q fault=check /proc/cmdline\n"
CONFIG = ("write_files:\n- path: /var/lib/proa/health.d/50-thing\n  permissions: \"0755\"\n"
          f"  content: {json.dumps(CHECK)}\n")
WATCHDOG = ["-device", "i6300esb", "-action", "watchdog=reset"]

UNSEEN = ("unseen", "never reached init")
RESET = ("reset", "reset, last heartbeat at 20")
# GRUB went on to slot a in the same boot.
CANNOT_BE_READ = "Proa: slot b cannot be read"


NO_ROOT = "slot b: its root file system cannot be mounted: "


def stage_1(reason):
    return "failed", f"stage 1 failed: {reason}"


def stage_2(reason):
    """Perhaps among others: a slow machine's services are not all up in the time that it has."""
    return "failed", f"stage 2 failed: .*{reason}"


@dataclasses.dataclass
class Fault:
    """`make` breaks the release, and may return how it is to be shipped."""
    make: callable
    evidence: tuple          # (class, what its text matches) of b's boot
    says: str = ""           # on the console
    attempts: int = 1        # that b has
    quick: bool = False      # in the short check, too


FAULTS = {}


def fault(*evidence, **options):
    def add(make):
        FAULTS[make.__name__] = Fault(make, *evidence, **options)
        return make
    return add


# -- kernel and initramfs ------------------------------------------------------

@fault(UNSEEN, attempts=2, quick=True)
def kernel_panics(faulty):
    add_kernel_arguments(faulty, "rdinit=/nothing")


@fault(UNSEEN)
def kernel_truncated(faulty):
    faulty.truncate("/boot/vmlinuz", len(faulty.contents("/boot/vmlinuz")) // 2)


@fault(UNSEEN, says=CANNOT_BE_READ, quick=True)
def kernel_rotten(faulty):
    """Behind the publisher's back: what `sums` holds is of the kernel that was built."""
    offset, length = file_extent("/boot/vmlinuz")
    faulty.write(offset + length // 2, bytes(BLOCK))
    return {"sums": False}


@fault(UNSEEN, says=CANNOT_BE_READ)
def initramfs_missing(faulty):
    faulty.rename("/boot/initrd", "initrx")
    return {"sums": False}


@fault(UNSEEN, says="error: no disk has the partition ")
def initramfs_without_driver(faulty):
    """Without the disk, stage 1 can note nothing on it either."""
    path = next(name for name in faulty.initrd_names() if name.endswith("/" + VIRTIO))
    faulty.rename_in_initrd(path, path[:-len(VIRTIO)] + "x" * len(VIRTIO))


@fault(UNSEEN)
def initramfs_init_exits(faulty):
    faulty.replace_in_initrd("init", program(faulty.folder, "exit"))


# -- what proves the slot ------------------------------------------------------

@fault(stage_1(NO_ROOT))
def root_hash_wrong(_faulty):
    return {"root_hash": "5" * 64}


@fault(stage_1(NO_ROOT), quick=True)
def root_block_corrupted(faulty):
    """Behind the publisher's back, too: the tree is not made anew."""
    return {"rot": int(faulty.fields["fs_size"])}


@fault(stage_1("slot b cannot be used: .* is signed by .*, which is no release key known here"))
def signed_by_unknown_key(faulty):
    run_quietly(BUILD / "proa-image", "keygen", "-o", faulty.folder, "--name", "unknown")
    return {"key": faulty.folder / "unknown.key"}


@fault(stage_1(NO_ROOT))
def descriptor_of_another_release(faulty):
    faulty.fields.update(version="2098.1.0", fs_size=str(64 << 20), image_size=str(65 << 20))
    return {"root_hash": "a" * 64}


# -- init ----------------------------------------------------------------------

@fault(RESET)
def init_exits(faulty):
    faulty.replace(INIT, program(faulty.folder, "exit"))


@fault(RESET, quick=True)
def init_segfaults(faulty):
    faulty.replace(INIT, program(faulty.folder, "segfault"))


@fault(RESET)
def init_hangs(faulty):
    """Stage 1 has armed the watchdog, for 120 s."""
    faulty.replace(INIT, program(faulty.folder, "hang"))


@fault(RESET)
def init_hangs_later(faulty):
    """The console service, which may do anything, stops PID 1."""
    stop = faulty.folder / "stop"
    run_quietly("cc", "-O2", "-static", "-s", "-Wall", "-Wextra", "-Werror", "-o", stop,
                ROOT / "tests/system/stop_pid1.c")
    faulty.replace("/layers/os/usr/lib/systemd/systemd-networkd", stop.read_bytes())
    edit_services(faulty, "[/usr/lib/proa/services/console]",
                  "[/usr/lib/systemd/systemd-networkd]")


# -- System Docker, user Docker, services ------------------------------------------

def edit_services(faulty, old, new):
    text = faulty.contents(SERVICES).decode()
    assert text.count(old) == 1
    # Its comments make room.
    lines = [line for line in text.replace(old, new).splitlines()
             if not line.lstrip().startswith("#")]
    faulty.replace(SERVICES, ("\n".join(lines) + "\n").encode(), b"\n")


@fault(stage_2("System Docker"))
def system_docker_missing(faulty):
    faulty.rename(DOCKER, "dockerx")


@fault(stage_2("System Docker"), quick=True)
def system_docker_crashes(faulty):
    faulty.replace(DOCKER, program(faulty.folder, "exit"))


@fault(stage_2("System Docker"))
def system_docker_hangs(faulty):
    faulty.replace(DOCKER, program(faulty.folder, "hang"))


@fault(stage_2("user Docker"))
def user_docker_missing(faulty):
    edit_services(faulty, "- /usr/sbin/dockerd", "- /usr/sbin/nothing")


@fault(stage_2("user Docker"))
def user_docker_crashes(faulty):
    edit_services(faulty, "- /usr/sbin/dockerd", "- /usr/bin/false")


@fault(stage_2("user Docker"))
def user_docker_hangs(faulty):
    # chronyd is another service's, which no gate waits for with this one down.
    faulty.replace("/layers/os/usr/sbin/chronyd", program(faulty.folder, "hang"))
    edit_services(faulty, "- /usr/sbin/dockerd", "- /usr/sbin/chronyd")


@fault(stage_2("service network"))
def service_fails(faulty):
    edit_services(faulty, "[/usr/lib/proa/services/network]", "[/usr/bin/false]")


@fault(stage_2("service network"))
def service_never_healthy(faulty):
    """It runs, and its own check says that all is not well."""
    edit_services(faulty, "[/usr/lib/proa/services/network]",
                  "[/usr/lib/proa/services/network]\n    healthcheck:\n"
                  "      {test: [CMD, /usr/bin/false], interval: 3s, timeout: 5s, retries: 2}")


@fault(stage_2("container web"), quick=True)
def container_does_not_run(faulty):
    add_kernel_arguments(faulty, "fault=container")


@fault(stage_2("check 50-thing"))
def check_fails(faulty):
    add_kernel_arguments(faulty, "fault=check")


@fault(UNSEEN, says="Initramfs unpacking failed")
def out_of_memory(faulty):
    """At its very start: it leaves itself a part of what the old one has had."""
    add_kernel_arguments(faulty, "mem=104M")


@fault(stage_2("user Docker"), says="Out of memory: Killed process")
def out_of_memory_later(faulty):
    """Whenever anybody looks, it runs: the kernel ends it, and it is started again.

    The other services wait for this one: beside them, what they read again and again keeps the
    kernel from killing anything for longer than the gate takes.
    """
    add_kernel_arguments(faulty, "mem=320M")
    faulty.replace("/layers/os/usr/sbin/chronyd", program(faulty.folder, "memory"))
    edit_services(faulty, "- /usr/sbin/dockerd", "- /usr/sbin/chronyd")


# -- the machine -------------------------------------------------------------------

@pytest.fixture(scope="module")
def settled(golden, work):
    """A disk whose slot a has run with a person's container, and whose b is on trial."""
    folder = work / "settled"
    folder.mkdir()
    disk = golden.get(config=CONFIG).overlay(folder / "disk.qcow2")
    one = Machine("settled", [disk.path], folder)
    one.start()
    try:
        one.wait_boot("health gate passed")
        one.wait_shell()
        one.check(LOAD_IMAGE, 300)
        one.check(f"docker run -d --name web --restart always {USER_IMAGE} "
                  "sh -c '! grep -q fault=container /proc/cmdline && exec sleep 99999'", 120)
        one.wait_true("docker ps --format '{{.Names}} {{.Status}}' | grep '^web Up .. seconds'")
        # What is waited for in vain need not be waited for long.
        one.check("sudo proa config set proa.health.deadline 60s")
        one.check("sudo proa config set proa.watchdog.timeout 20s")
        one.type(" sudo proa poweroff\n")
        one.wait_off()
    finally:
        one.stop()
    raw = folder / "disk.img"
    run_quietly("qemu-img", "convert", "-O", "raw", disk.path, raw)
    run_quietly(BUILD / "proa", "upgrade", "--disk", raw, "-b", find_bundle(), "--key",
                BUILD / "keys/1.root", "--allow-downgrade", "--yes")
    disk.path.unlink()
    return Disk(raw)


def break_slot(disk, folder, what):
    """Slot b of the disk gets the fault, and its attempts."""
    faulty = Faulty(folder)
    how = what.make(faulty) or {}
    rot = how.pop("rot", None)
    faulty.ship(disk, **how)
    if rot is not None:
        disk.corrupt_slot("b", rot)
    if what.attempts != 2:
        disk.patch_flip("b_left=2", f"b_left={what.attempts}")
    assert disk.flip()["slot"] == "b" and disk.flip()["a_good"] == "1"


def status(one):
    return json.loads(one.check("sudo proa status --json || true"))


def boots_of(one):
    return json.loads(one.check("sudo proa history --json -n 0"))["boots"]


def wait_for_old_release(one):
    """The machine ends in slot a, healthy: what status and history say there."""
    one.wait_for("root verified: slot a", 900)
    one.wait_for("health gate passed")
    one.wait_shell()
    one.wait_true("docker ps --format '{{.Names}}' | grep -x web")
    found = status(one)
    assert (found["slot"], found["fellback"], found["gate"]) == ("a", True, "passed"), found
    assert found["flip"]["next"] == "a", found
    return found, boots_of(one)


def rows(quick):
    return pytest.mark.parametrize("name", [
        pytest.param(name, marks=[] if quick(name) else [pytest.mark.full]) for name in FAULTS])


@rows(lambda name: FAULTS[name].quick)
def test_fault(name, settled, machine, folder):
    what = FAULTS[name]
    disk = settled.overlay(folder / "disk.qcow2")
    break_slot(disk, folder, what)
    one = machine(disk, extra=WATCHDOG)
    if what.evidence is not UNSEEN:
        one.wait_boot("")  # an emulated kernel that dies by itself is not this fault
    _, boots = wait_for_old_release(one)
    kinds, texts = [boot["class"] for boot in boots], [boot["text"] for boot in boots]
    # Of the two attempts that a flip gives, one boot was seen. The one that this test has taken
    # away counts as one that never reached init.
    wanted = ["running", what.evidence[0], "poweroff"]
    if what.evidence is not UNSEEN and what.attempts == 1:
        wanted.insert(2, "unseen")
    assert re.fullmatch(" ".join(wanted), " ".join(kinds)), texts
    assert {boot["slot"] for boot in boots[1:-1]} == {"b"}
    assert re.match(what.evidence[1], texts[1]), texts
    assert what.says in one.console


@rows(lambda name: name == "user_docker_crashes")
def test_power_cut(name, settled, machine, folder):
    """The same, with the power cut at any moment: of the bad boot, or of what comes after it."""
    what = FAULTS[name]
    disk = settled.overlay(folder / "disk.qcow2")
    break_slot(disk, folder, what)
    one = machine(disk, extra=WATCHDOG)
    seconds = random.uniform(1, 60)
    time.sleep(seconds)
    assert one.power_cut(), "it was off already"
    said = one.console
    print(f"the power was cut after {seconds:.1f} s, at: {said[-200:]}")
    one.start()
    _, boots = wait_for_old_release(one)
    # What was cut left its mark: such a boot was reset. Before init, its attempt was lost.
    ends = [(boot["class"], boot["slot"]) for boot in boots[1:-1]]
    if "root verified: slot a" in said:
        assert ends[0] == ("reset", "a"), boots
    elif "root verified: slot b" in said and not re.search("health gate failed|rebooting", said):
        assert ends[0] == ("reset", "b"), boots
    else:
        assert ends[-1][0] in ("unseen", "failed", "reset") and ends[-1][1] == "b", boots


@pytest.mark.full
@pytest.mark.parametrize("rotten", [True, False], ids=["rotten", "unreadable"])
def test_block_is_lost_later(rotten, settled, machine, folder):
    """In a release that has passed its gate: it says so, and the next boot is the old one's."""
    disk = settled.overlay(folder / "disk.qcow2")
    offset, _ = file_extent(f"/layers/os{UNREAD}")
    if rotten:
        disk.corrupt_slot("b", offset)
    one = machine(disk, unreadable=None if rotten else disk.partition("proa-b")[0] + offset)
    one.wait_boot("health gate passed")
    one.wait_shell()
    assert status(one)["slot"] == "b"
    assert one.run(f"cat {UNREAD} > /dev/null")[0] != 0
    reason = "dm-verity met a corrupt block" if rotten else "the disk could not read a block"
    one.wait_true(f"sudo proa status --json | grep -q '\"{reason} in slot b\"'")
    one.wait_true("sudo proa status --json | grep -q '\"next\": \"a\"'")
    one.type(" sudo proa reboot\n")
    one.wait_boot("root verified: slot a", 600, unless=None)
    one.wait_for("health gate passed")
    one.wait_shell()
    found = status(one)
    assert (found["slot"], found["flip"]["b"]["left"]) == ("a", 0), found
    boots = boots_of(one)
    assert [(boot["class"], boot["slot"], boot["degraded"]) for boot in boots] == \
        [("running", "a", False), ("reboot", "b", True), ("poweroff", "a", False)], boots
