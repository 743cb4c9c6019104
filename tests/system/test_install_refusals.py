"""`proa install` refuses: the exit code, the reason with a way out, the disk untouched."""

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import threading

import pytest

from disk import BUILD, Disk
from installing import (ARCHITECTURE, CLOUD_CONFIG, DAMAGED, HOLDS_DATA, IN_USE, NOBODY,
                        NOT_A_DISK, NOT_PERMITTED, NO_DISK, NO_KEY, READ_ONLY, REFUSED, SIGNATURE,
                        TOO_SMALL, USAGE, empty_disk, expect, install, state_of)
from machine import run_quietly


# -- what the disk is -------------------------------------------------------------------------

def test_no_such_disk(releases, folder):
    code, said, _ = install(folder / "none.img", releases, "--yes")
    assert code == NO_DISK and "truncate -s" in said
    code, said, _ = install("/dev/no-such-disk", releases, "--yes")
    assert code == NO_DISK and "lsblk" in said


@pytest.mark.parametrize("path", ["/dev/null", "/tmp"])
def test_not_a_disk(releases, path):
    code, said, _ = install(path, releases, "--force")
    assert code == NOT_A_DISK and "neither a disk nor a plain file" in said


def test_read_only_file(releases, folder):
    disk = empty_disk(folder / "d.img")
    disk.chmod(0o444)
    expect(READ_ONLY, ["read-only", "chmod u+w"], disk, releases, "--yes")


def test_somebody_elses_file(releases, folder):
    disk = empty_disk(folder / "d.img")
    expect(NOT_PERMITTED, ["may not be written"], disk, releases, "--yes", user=NOBODY, group=NOBODY,
           extra_groups=[])


def test_too_small(releases, folder):
    disk = empty_disk(folder / "d.img", "2G")
    expect(TOO_SMALL, ["it has 2.0 GiB", "2.6 GiB (2757754880 bytes) are needed"], disk, releases,
           "--yes")
    # So much, and no more, is enough.
    expect(TOO_SMALL, ["needed"], empty_disk(disk, 2757754880 - 512), releases, "--yes")
    code, said, _ = install(empty_disk(disk, 2757754880), releases, "--yes", "--dry-run")
    assert code == 0, said


def test_too_small_for_the_slots_asked_for(releases, folder):
    disk = empty_disk(folder / "d.img")
    expect(TOO_SMALL, ["4.6 GiB"], disk, releases, "--yes", "--slot-size", "2G")
    expect(USAGE, ["--slot-size 1.0 GiB or more"], disk, releases, "--yes", "--slot-size", "512M")


# -- what the disk holds ----------------------------------------------------------------------

def file_system(disk):
    run_quietly("mke2fs", "-q", "-F", "-t", "ext4", "-L", "precious", disk)


def partition_table(disk):
    run_quietly("parted", "-s", disk, "mklabel", "gpt", "mkpart", "a", "1MiB", "100MiB")


def raw_bytes(disk):
    with open(disk, "r+b") as file:
        file.seek(1000)
        file.write(b"a database of its own kind")


def raw_bytes_behind_an_empty_table(disk):
    with open(disk, "r+b") as file:
        file.seek(510)
        file.write(b"\x55\xaa and a database of its own kind")


def volume(disk):
    """What LUKS and LVM begin with."""
    with open(disk, "r+b") as file:
        file.write(b"LUKS\xba\xbe\x00\x01")


@pytest.mark.parametrize("fill,shown", [
    (file_system, "ext4 file system \"precious\""),
    (partition_table, "a partition table (gpt) with 1 partition"),
    (raw_bytes, "holds data of a kind unknown here"),
    (raw_bytes_behind_an_empty_table, "table (dos) with 0 partitions and data of a kind unknown"),
    (volume, "encrypted volume (LUKS)"),
])
def test_holds_data(releases, folder, fill, shown):
    disk = empty_disk(folder / "d.img")
    fill(disk)
    # --yes is for empty disks.
    expect(HOLDS_DATA, ["holds data", "--force"], disk, releases, "--yes")
    expect(HOLDS_DATA, ["holds data"], disk, releases, "--dry-run")
    _, said, _ = install(disk, releases)
    assert shown in said


def test_an_empty_disk_needs_a_yes(releases, folder):
    expect(REFUSED, ["no terminal to ask at; give --yes"], empty_disk(folder / "d.img"), releases)


def at_a_terminal(command, answer):
    """Runs a command with a terminal of its own; returns (exit code, what stood on it)."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)
    said = b""
    while select.select([terminal], [], [], 60)[0]:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        said += piece
        if answer and said.rstrip().endswith(b":"):
            os.write(terminal, answer.encode() + b"\n")
            answer = None
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), said.decode(errors="replace")


def test_typing_the_disks_name(releases, folder):
    disk = empty_disk(folder / "precious.img")
    file_system(disk)
    command = [str(word) for word in (BUILD / "proa", "install", "-d", disk, "-b", releases["good"],
                                      "--key", releases["key"])]
    before = state_of(disk)
    for wrong in ("yes", "precious", "Precious.img"):
        code, said = at_a_terminal(command, wrong)
        assert code == REFUSED, said
        assert "nothing was written" in said and "ext4 file system" in said
    assert state_of(disk) == before
    code, said = at_a_terminal(command, "precious.img")
    assert code == 0, said
    assert "%" in said and "MiB/s" in said or "100%" in said
    assert Disk(disk).flip()["slot"] == "a"


# -- who uses the disk ------------------------------------------------------------------------

def test_file_on_a_loop_device(releases, folder, loop):
    disk = empty_disk(folder / "d.img")
    device = loop(disk)
    expect(IN_USE, [f"attached to {device}", f"losetup -d {device}"], disk, releases, "--force")


def test_looped_file_by_another_name(releases, folder, loop):
    disk = empty_disk(folder / "d.img")
    device = loop(disk)
    (folder / "link.img").hardlink_to(disk)
    expect(IN_USE, [f"attached to {device}"], folder / "link.img", releases, "--force")


@pytest.mark.parametrize("partitioned", [False, True], ids=["disk", "partition"])
def test_device_on_a_loop_device(releases, folder, loop, partitioned):
    """The kernel lets a loop device share the disk that it is on."""
    disk = empty_disk(folder / "d.img")
    if partitioned:
        run_quietly("parted", "-s", disk, "mklabel", "gpt", "mkpart", "a", "1MiB", "100MiB")
    device = loop(disk)
    if partitioned:
        run_quietly("partx", "-u", device)
    upper = loop(device + ("p1" if partitioned else ""))
    expect(IN_USE, [f"attached to {upper}", f"losetup -d {upper}"], device, releases, "--force",
           "--dry-run", file=disk)


def lock_byte(file):
    """As QEMU locks a disk that may be shared (its block/file-posix.c)."""
    lock = struct.pack("hhqqi", fcntl.F_RDLCK, os.SEEK_SET, 100, 1, 0)
    fcntl.fcntl(file, fcntl.F_OFD_SETLK if hasattr(fcntl, "F_OFD_SETLK") else 37, lock)


@pytest.mark.parametrize("partitioned", [False, True], ids=["disk", "partition"])
def test_device_of_a_running_machine(releases, folder, loop, partitioned):
    disk = empty_disk(folder / "d.img")
    if partitioned:
        run_quietly("parted", "-s", disk, "mklabel", "gpt", "mkpart", "a", "1MiB", "100MiB")
    device = loop(disk)
    if partitioned:
        run_quietly("partx", "-u", device)
    with open(device + ("p1" if partitioned else ""), "rb") as file:
        lock_byte(file)
        expect(IN_USE, ["locked"], device, releases, "--force", "--dry-run", file=disk)


def test_file_of_a_running_machine(releases, folder):
    """QEMU holds byte locks, others flock."""
    disk = empty_disk(folder / "d.img")
    with open(disk, "rb") as file:
        lock_byte(file)
        expect(IN_USE, ["locked"], disk, releases, "--force")
    with open(disk, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        expect(IN_USE, ["locked"], disk, releases, "--force")


def test_lock_that_is_let_go(releases, folder, loop):
    """As udev locks a disk while it looks at it."""
    device = loop(empty_disk(folder / "d.img"))
    file = open(device, "rb")
    fcntl.flock(file, fcntl.LOCK_SH)
    letting_go = threading.Timer(1, file.close)
    letting_go.start()
    got, said, _ = install(device, releases, "--dry-run")
    letting_go.join()
    assert got == 0, said


def test_device_without_root(releases, folder, loop):
    disk = empty_disk(folder / "d.img")
    device = loop(disk)
    os.chmod(device, 0o660)
    expect(NOT_PERMITTED, ["root", "sudo"], device, releases, "--force", file=disk, user=NOBODY,
           group=NOBODY, extra_groups=[])


def test_read_only_device(releases, folder, loop):
    disk = empty_disk(folder / "d.img")
    expect(READ_ONLY, ["read-only", "blockdev --setrw"], loop(disk, "-r"), releases, "--force",
           file=disk)


def test_partition(releases, folder, loop):
    disk = empty_disk(folder / "d.img")
    run_quietly("parted", "-s", disk, "mklabel", "gpt", "mkpart", "a", "1MiB", "4000MiB")
    device = loop(disk)
    run_quietly("partx", "-u", device)
    expect(NOT_A_DISK, ["is a part of " + device[5:]], device + "p1", releases, "--force", file=disk)


@pytest.mark.parametrize("partitioned", [False, True], ids=["disk", "partition"])
def test_mounted(releases, folder, loop, partitioned):
    disk = empty_disk(folder / "d.img")
    if partitioned:
        run_quietly("parted", "-s", disk, "mklabel", "gpt", "mkpart", "a", "1MiB", "100MiB")
    device = loop(disk)
    node = device
    if partitioned:
        run_quietly("partx", "-u", device)
        node += "p1"
    run_quietly("mke2fs", "-q", "-F", "-t", "ext4", node)
    mount_point = folder / "a folder"
    mount_point.mkdir()
    run_quietly("mount", "-o", "ro", node, mount_point)
    try:
        run_quietly("sync")
        expect(IN_USE, [f"{node} is mounted on {mount_point}", "umount"], device, releases,
               "--force", file=disk)
    finally:
        run_quietly("umount", mount_point)


def test_swap(releases, folder, loop):
    disk = empty_disk(folder / "d.img")
    device = loop(disk)
    run_quietly("mkswap", device)
    run_quietly("swapon", device)
    try:
        expect(IN_USE, [f"{device} is swap space", f"swapoff {device}"], device, releases,
               "--force", file=disk)
    finally:
        run_quietly("swapoff", device)


def test_held_by_someone(releases, folder, loop):
    """As ZFS and btrfs hold the disks of a pool: opened alone, mounted nowhere."""
    disk = empty_disk(folder / "d.img")
    device = loop(disk)
    holder = os.open(device, os.O_RDONLY | os.O_EXCL)
    try:
        expect(IN_USE, ["in use by"], device, releases, "--force", file=disk)
    finally:
        os.close(holder)


# -- what is installed ------------------------------------------------------------------------

@pytest.mark.parametrize("bundle,code,words", [
    ("foreign", ARCHITECTURE, ["riscv64"]),
    ("unsigned", SIGNATURE, []),
    ("changed manifest", SIGNATURE, []),
    ("changed index", DAMAGED, []),
    ("empty", DAMAGED, []),
    ("no tar", DAMAGED, []),
    ("cut in the manifest", DAMAGED, []),
    ("cut in the index", DAMAGED, []),
    ("cut in the data", DAMAGED, ["cut off"]),
    ("cut at the end", DAMAGED, ["cut off"]),
])
def test_bundle(releases, folder, bundle, code, words):
    expect(code, ["bundle", *words], empty_disk(folder / "d.img"), releases, "--yes", bundle=bundle)


def test_unknown_key(releases, folder):
    expect(SIGNATURE, ["signed"], empty_disk(folder / "d.img"), releases, "--yes", "--key",
           releases["other key"])


def test_key_file_that_is_none(releases, folder):
    disk = empty_disk(folder / "d.img")
    (folder / "key.pem").write_text("hello\n")
    expect(NO_KEY, [str(folder / "key.pem")], disk, releases, "--yes", "--key", folder / "key.pem")
    expect(NO_KEY, ["gone.pem"], disk, releases, "--yes", "--key", folder / "gone.pem")


def test_no_key_at_all(releases, folder):
    for default in ("/etc/proa/keys", "/usr/lib/proa/keys/1.root"):
        assert not os.path.exists(default), f"this machine has keys of its own: {default}"
    disk = empty_disk(folder / "d.img")
    before = state_of(disk)
    result = subprocess.run([BUILD / "proa", "install", "-d", disk, "-b", releases["good"], "-y"],
                            stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == NO_KEY and "--key FILE" in result.stderr
    assert state_of(disk) == before


@pytest.mark.parametrize("text,words", [
    ("hostname: boat: x\n", ["c.yml:1:15: error: not YAML"]),
    ("hostname: b\n\tb: 2\n", ["c.yml:2:1: error: not YAML"]),
    ("just words\n", ["at the top must stand keys"]),
    ("hostnam: boat\nrunmcd: []\n", ["did you mean hostname?", "did you mean runcmd?"]),
    ("", ["keys"]),
])
def test_cloud_config(releases, folder, text, words):
    (folder / "c.yml").write_text(text)
    said = expect(CLOUD_CONFIG, ["c.yml"], empty_disk(folder / "d.img"), releases, "--yes", "-c",
                  folder / "c.yml")
    # Each error has a line of its own, before the last.
    for word in words:
        assert word in said


@pytest.mark.parametrize("options,words", [
    (["--append", "a\"b"], ["--append"]),
    (["--append", "proa.slot=b"], ["--append"]),
    (["--slot-size", "much"], ["--slot-size"]),
    (["--sector-size", "520"], ["--sector-size"]),
    (["--frobnicate"], ["--frobnicate"]),
])
def test_usage(releases, folder, options, words):
    disk = empty_disk(folder / "d.img")
    before = state_of(disk)
    code, said, out = install(disk, releases, "--yes", *options, "--json")
    assert code == USAGE and all(word in said for word in words), said
    assert json.loads(out)["exit"] == USAGE
    assert state_of(disk) == before


# -- what is only seen half way ---------------------------------------------------------------

@pytest.mark.parametrize("bundle", ["cut in the data", "changed data", "cut at the end"])
def test_damage_in_the_data(releases, folder, bundle):
    """The disk is written by then; it must say so, and never half-boot."""
    disk = empty_disk(folder / "d.img")
    code, said, out = install(disk, releases, "--yes", "--json", bundle=bundle, piped=True)
    assert code == DAMAGED, said
    assert "the disk does not boot now; run proa install again" in said
    report = json.loads(out)
    assert report["result"] == "failed" and report["exit"] == DAMAGED and report["disk_touched"]
    found = Disk(disk)
    assert b"was interrupted" in found.read(0, 440)
    start, size = found.partition("proa-a")
    assert found.read(start + size - 65536, 65536) == bytes(65536), "the slot has a descriptor"
    start, size = found.partition("proa-esp")
    assert found.read(start, 4096) == bytes(4096), "the ESP can be read"
    # A second run makes it whole; --force, for there is a partition table now.
    code, said, _ = install(disk, releases, "--force")
    assert code == 0, said
    assert b"was interrupted" not in found.read(0, 440)
