"""proa upgrade, rollback, mark and verify on a disk that does not run: small releases, no boot."""

import os
import subprocess

import pytest

from installing import empty_disk, state_of
from upgrading import (BUILD, DAMAGED_BUNDLE, DAMAGED_SLOT, EPOCH, IN_USE, NO_DISK, NOT_A_DISK,
                       NOTHING, OLDER, REFUSED, SIGNATURE, TOO_FAR, USAGE, Releases)


@pytest.fixture(scope="module")
def made(work):
    folder = work / "upgrades"
    folder.mkdir()
    return Releases(folder)


@pytest.mark.parametrize("sector", [512, 4096])
def test_upgrade_disk(made, folder, sector):
    disk = made.disk(folder / "d.img", sector)
    state, _ = made.proa(disk, "verify")
    assert (state["a"]["state"], state["b"]["state"]) == ("whole", "empty")

    # Looking writes nothing.
    before = state_of(disk.path)
    said, _ = made.upgrade(disk, made.bundle("2.1"), "--check")
    assert (said["result"], said["slot"], said["from"], said["version"]) == \
        ("available", "b", "2.0", "2.1")
    assert state_of(disk.path) == before

    # Staged, the disk boots as before; the same command without --stage flips.
    said, errors = made.upgrade(disk, made.bundle("2.1"), "--stage")
    assert said["result"] == "staged"
    assert "warning: the running slot has never settled" in errors
    flip = disk.flip()
    assert (flip["slot"], flip["a_left"], flip["b_left"]) == ("a", "4", "0")
    made.upgrade(disk, made.bundle("2.1"), "--stage", expect=NOTHING)
    said, errors = made.upgrade(disk, made.bundle("2.1"))
    assert said["result"] == "upgraded" and "Writing" not in errors
    flip = disk.flip()
    assert flip == disk.flip("mirror")
    assert (flip["slot"], flip["a_left"], flip["b_left"], flip["b_good"]) == ("b", "4", "2", "0")
    state, _ = made.proa(disk, "verify")
    assert [(state[slot]["state"], state[slot]["version"]) for slot in "ab"] == \
        [("whole", "2.0"), ("whole", "2.1")]

    # Of a disk that does not run, the slot that would boot counts as the running one.
    said, _ = made.upgrade(disk, made.bundle("2.1"), expect=NOTHING)
    assert said["result"] == "runs"
    said, errors = made.proa(disk, "rollback")
    assert (said["result"], said["slot"], said["version"]) == ("rolled back", "a", "2.0")
    assert "Proa 2.0 in slot a has never settled" in errors
    assert disk.flip()["slot"] == "a"
    said, _ = made.proa(disk, "mark", "bad", "b")
    assert (said["result"], disk.flip()["b_left"]) == ("marked bad", "0")
    # The only one that has ever worked is not condemned.
    assert "never settled" in made.proa(disk, "mark", "bad", "a", expect=REFUSED)[1]
    # A third release goes where the second was, from a pipe as well.
    disk.patch_flip("a_good=0", "a_good=1")
    with open(made.bundle("2.2"), "rb") as bundle, \
            subprocess.Popen(["cat"], stdin=bundle, stdout=subprocess.PIPE) as cat:
        _, errors = made.upgrade(disk, "-", stdin=cat.stdout)
    assert "warning" not in errors
    state, _ = made.proa(disk, "verify", "b")
    assert state["b"]["version"] == "2.2" and disk.flip()["slot"] == "b"


REFUSALS = {
    "older": (OLDER, "--allow-downgrade", "1.9", []),
    "epoch": (EPOCH, "epoch 1", "2.1", ["--epoch", "1"]),
    "too far": (TOO_FAR, "only from 2.0.1", "2.1", ["--min-version", "2.0.1"]),
    "not signed": (SIGNATURE, "sign", "2.1", None),
}


def test_refusals(made, folder):
    """Each says why, and nothing is written."""
    disk = made.disk(folder / "d.img")
    before = state_of(disk.path)

    def refused(code, words, bundle, *options, **how):
        said, errors = made.upgrade(disk, bundle, *options, expect=code, **how)
        assert words in errors.splitlines()[-1] and said["exit"] == code, errors
        assert state_of(disk.path) == before, "the disk was touched"

    for name, (code, words, version, options) in REFUSALS.items():
        bundle = made.bundle(version, signed=False) if options is None else \
            made.bundle(version, *options)
        refused(code, words, bundle)
        if name == "older":
            continue
        # None of these can be allowed.
        refused(code, words, bundle, "--allow-downgrade")
    cut = folder / "cut.bundle"
    cut.write_bytes(made.bundle("2.1").read_bytes()[:3000])
    refused(DAMAGED_BUNDLE, "bundle", cut)
    done = subprocess.run(made.command(disk, "upgrade", "-b", made.bundle("2.1")),
                          stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
                          start_new_session=True, check=False)
    assert done.returncode == REFUSED and "--yes" in done.stderr
    assert state_of(disk.path) == before

    # Words that do not go together, or say nothing.
    for words in (["--reboot", "--no-reboot"], ["--check", "--stage"], ["--least-rate", "fast"],
                  ["--rate-limit", "-1"]):
        _, errors = made.upgrade(disk, made.bundle("2.1"), *words, expect=USAGE)
        assert words[0] in errors, errors
    assert state_of(disk.path) == before

    # What a program may not do by itself.
    for words in (["--unattended"], ["--unattended", "--allow-downgrade"]):
        _, errors = made.upgrade(disk, made.bundle("2.1"), *words, expect=USAGE)
        assert "--unattended goes with neither" in errors
    assert state_of(disk.path) == before

    # No slot of this disk runs, so nobody but us can know that the other one is whole.
    disk.corrupt_slot("a", 1 << 20)
    before = state_of(disk.path)
    refused(DAMAGED_SLOT, "slot a", made.bundle("2.1"))
    state, _ = made.proa(disk, "verify", expect=DAMAGED_SLOT)
    assert state["a"]["state"] == "damaged"

    made.proa(folder / "none.img", "verify", expect=NO_DISK)
    made.proa(folder, "verify", expect=NOT_A_DISK)
    other = empty_disk(folder / "other.img", "1G")
    assert "no disk of Proa" in made.upgrade(other, made.bundle("2.1"), expect=NOT_A_DISK)[1]
    assert "does not run Proa" in subprocess.run(
        [BUILD / "proa", "verify", "--key", made.key], stderr=subprocess.PIPE, text=True,
        check=False).stderr


@pytest.mark.parametrize("sector", [512, 4096])
def test_device(made, folder, loop, sector):
    """A disk that is attached to this machine: as a file, but for who else uses it."""
    disk = made.disk(folder / "d.img", sector)
    device = loop(disk.path, "-b", str(sector))
    holder = os.open(device, os.O_RDONLY | os.O_EXCL)
    try:
        before = state_of(disk.path)
        for words in (["upgrade", "--yes", "-b", made.bundle("2.1")], ["rollback"],
                      ["mark", "bad", "b"]):
            _, errors = made.proa(device, *words, expect=IN_USE)
            assert device in errors, errors
        assert state_of(disk.path) == before
    finally:
        os.close(holder)
    assert made.upgrade(device, made.bundle("2.1"), "--no-reboot")[0]["result"] == "upgraded"
    state, _ = made.proa(device, "verify")
    assert [(state[slot]["state"], state[slot]["version"]) for slot in "ab"] == \
        [("whole", "2.0"), ("whole", "2.1")]
    assert disk.flip() == disk.flip("mirror") and disk.flip()["slot"] == "b"
    assert made.proa(device, "rollback")[0]["result"] == "rolled back"
    made.proa(device, "mark", "bad", "b")
    assert (disk.flip()["slot"], disk.flip()["b_left"]) == ("a", "0")


def test_cut_pipe(made, folder):
    """A pipe ends half way: the old release boots, and the next try makes it good."""
    disk = made.disk(folder / "d.img")
    half = made.bundle("2.1").stat().st_size // 2
    with subprocess.Popen(["head", "-c", str(half), made.bundle("2.1")],
                          stdout=subprocess.PIPE) as pipe:
        _, errors = made.upgrade(disk, "-", expect=DAMAGED_BUNDLE, stdin=pipe.stdout)
    assert "slot b is not whole now, and slot a boots as before" in errors
    flip = disk.flip()
    assert (flip["slot"], flip["a_left"], flip["b_left"]) == ("a", "4", "0")
    state, _ = made.proa(disk, "verify")
    assert (state["a"]["state"], state["b"]["state"]) == ("whole", "empty")
    assert "nothing to roll back to" in made.proa(disk, "rollback", expect=DAMAGED_SLOT)[1]
    made.upgrade(disk, made.bundle("2.1"))
    assert disk.flip()["slot"] == "b"


def test_one_at_a_time(made, folder):
    """While a bundle comes in slowly, nobody else changes slots; looking is free."""
    disk = made.disk(folder / "d.img")
    bundle = made.bundle("2.1").read_bytes()
    with subprocess.Popen(made.command(disk, "upgrade", "--yes", "-b", "-"), stdin=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as slow:
        slow.stdin.write(bundle[:len(bundle) // 2])
        slow.stdin.flush()
        for line in slow.stderr:
            if b"Writing slot B" in line:
                break
        assert "another program" in made.upgrade(disk, made.bundle("2.1"), expect=IN_USE)[1]
        made.proa(disk, "rollback", expect=IN_USE)
        assert made.proa(disk, "verify")[0]["a"]["state"] == "whole"
        slow.stdin.write(bundle[len(bundle) // 2:])
        slow.stdin.close()
        slow.stderr.read()
        assert slow.wait() == 0
    assert disk.flip()["slot"] == "b"
