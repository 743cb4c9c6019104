"""The power is cut at any write of an upgrade: what boots then is whole, and the upgrade goes on.

All that `proa upgrade --disk` writes is recorded, and when it made that durable. Of each moment a
disk is made as a power cut may leave it: what was durable is there; of what was written since,
each sector by itself is there or not. A killed program is the same with all of it there.
"""

import collections
import os
import random
import signal
import struct

import pytest

from disk import Disk
from machine import ROOT, run_quietly
from small_release import make_bundle, make_tree, manifest_of
from upgrading import FAILED, NOTHING, Releases
from web import Server

SECTOR = 512
# The steps of DESIGN's "Applying an upgrade", as they reach the disk: what each writes to.
STEPS = ["flip block", "mirror", "descriptor", "image", "descriptor", "flip block", "mirror"]

Write = collections.namedtuple("Write", "durable offset data")
Sync = collections.namedtuple("Sync", [])


@pytest.fixture(scope="module", params=["file", "server"])
def made(work, request):
    """Disks that hold 2.0 and boot 2.1, whose every byte differs from 2.2's; the record of 2.2."""
    folder = work / f"cut-{request.param}"
    folder.mkdir()
    made = Releases(folder)
    made.disk_path = folder / "before.img"
    made.disk(made.disk_path)
    for version in ("2.1", "2.2"):
        made.golden[version] = make_bundle(
            make_tree(folder / f"tree-{version}", 3 << 20), folder / f"r-{version}", "--version",
            version, "--epoch", "2", "--frame-size", "256", "-k", folder / "release.key")
    made.upgrade(made.disk_path, made.golden["2.1"])
    server = Server({"r.bundle": made.golden["2.2"].read_bytes()})
    try:
        made.log = record(made, folder, made.golden["2.2"] if request.param == "file" else
                          server.url("r.bundle"))
    finally:
        server.stop()
    return made


def record(made, folder, bundle):
    log = folder / "log"
    made.recorder = folder / "record_writes.so"
    run_quietly("cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o",
                made.recorder, ROOT / "tests/system/record_writes.c")
    disk = folder / "recorded.img"
    run_quietly("cp", "--sparse=always", made.disk_path, disk)
    made.upgrade(disk, bundle, env={**os.environ, "LD_PRELOAD": str(made.recorder),
                                                "RECORD_DISK": str(disk), "RECORD_LOG": str(log)})
    disk.unlink()
    data, at, notes = log.read_bytes(), 0, []
    while at < len(data):
        kind, offset, size = struct.unpack_from("=QQQ", data, at)
        at += 24
        notes.append(Sync() if kind == ord("s") else
                     Write(kind == ord("d"), offset, data[at:at + size]))
        at += size
    return notes


def place_of(disk, write):
    """What a write is to."""
    start, size = disk.partition("proa-a")
    if start <= write.offset < start + size:
        return "descriptor" if write.offset >= start + size - (64 << 10) else "image"
    offset = write.offset - disk.partition("proa-flip")[0]
    return {0x8000: "flip block", 0x10000: "mirror"}[offset]


def test_order(made):
    """Each step is durable before the next one begins, and there is no other write."""
    disk, seen, loose = Disk(made.disk_path), [], False
    for note in made.log:
        if isinstance(note, Sync):
            loose = False
            continue
        place = place_of(disk, note)
        if not seen or seen[-1] != place:
            assert not loose, f"{place} is written while {seen[-1]} may be lost"
            seen.append(place)
        loose = loose or not note.durable
        if place in ("flip block", "mirror"):
            assert len(note.data) == SECTOR
    assert seen == STEPS and not loose


def cut(made, path, upto, chance, torn):
    """The disk where the power is cut when `upto` notes were made, and the next was under way.

    chance: of a sector that was written and not made durable, to be there.
    torn: of the write that was under way, the same; one sector is never torn by itself.
    """
    run_quietly("cp", "--sparse=always", made.disk_path, path)
    synced = max((i for i, note in enumerate(made.log[:upto]) if isinstance(note, Sync)), default=-1)
    with open(path, "r+b") as disk:
        for i, note in enumerate(made.log[:upto + 1]):
            if isinstance(note, Sync):
                continue
            there = torn if i == upto else 1 if note.durable or i < synced else chance
            for sector in range(0, len(note.data), SECTOR):
                if there == 1 or random.random() < there:
                    disk.seek(note.offset + sector)
                    disk.write(note.data[sector:sector + SECTOR])
    return path


def moments(made, full):
    """Every one that is no write to the image, and of those some, or all."""
    image = [i for i, note in enumerate(made.log) if isinstance(note, Write) and len(note.data) > SECTOR
             and not note.durable]
    others = [i for i in range(len(made.log) + 1) if i not in image]
    return others + (image if full else random.sample(image, 4))


def test_power_cut(made, folder, full):
    seed = random.randrange(1 << 32)
    random.seed(seed)
    boots = collections.Counter()
    for upto in moments(made, full):
        for chance, torn in ((1, 0), (0.5, 0.5), (0, 0)):
            what = f"seed {seed}, cut at {upto} of {len(made.log)}, {chance}, {torn}"
            path = cut(made, folder / "d.img", upto, chance, torn)
            try:
                boots[check(made, path)] += 1
            except AssertionError as error:
                raise AssertionError(f"{what}: {error}") from error
    # Both sides of the flip were seen.
    assert set(boots) == {"2.1", "2.2"}, boots


@pytest.mark.parametrize("made", ["file"], indirect=True)
def test_killed(made, folder, full):
    """The program itself, right behind each thing that it writes or makes durable."""
    boots, points = collections.Counter(), collections.Counter()
    for number in moments(made, full)[1:]:
        path = folder / "d.img"
        run_quietly("cp", "--sparse=always", made.disk_path, path)
        made.upgrade(path, made.golden["2.2"], expect=-signal.SIGKILL, env={
            **os.environ, "LD_PRELOAD": str(made.recorder), "RECORD_DISK": str(path),
            "RECORD_KILL": str(number)})
        note = made.log[number - 1]
        points["sync" if isinstance(note, Sync) else place_of(Disk(path), note)] += 1
        try:
            boots[check(made, path)] += 1
        except AssertionError as error:
            raise AssertionError(f"killed behind {number} of {len(made.log)}: {error}") from error
    assert set(points) == {"sync", *STEPS} and set(boots) == {"2.1", "2.2"}, (points, boots)


def check(made, path):
    """What boots is whole, and the upgrade carries on. Returns the version that boots."""
    disk = Disk(path)
    flip = disk.flip() or disk.flip("mirror")
    assert flip, "neither flip block nor mirror is whole"
    slot = flip["slot"]
    assert flip[f"{slot}_left"] != "0", flip
    version = made.proa(path, "verify", slot)[0][slot]["version"]
    assert version == {"a": "2.2", "b": "2.1"}[slot]
    said, _ = made.upgrade(path, made.golden["2.2"], expect=0 if slot == "b" else NOTHING)
    assert said["result"] == ("upgraded" if slot == "b" else "runs")
    # Where the flip had been made, its mirror may be older: it boots a whole slot, too.
    assert disk.flip()["slot"] == "a"
    assert slot == "a" or disk.flip() == disk.flip("mirror")
    assert made.proa(path, "verify", "a")[0]["a"]["version"] == "2.2"
    return version


@pytest.mark.parametrize("bad, words", [("w", "cannot write slot a at byte"),
                                        ("", "does not give back what was written to slot a")])
def test_bad_sector(made, folder, bad, words):
    """In the slot that is written: the other one boots as before; on a disk without it all is well."""
    path = folder / "d.img"
    run_quietly("cp", "--sparse=always", made.disk_path, path)
    # In the hash tree, which no older release's chunk covers.
    at = Disk(path).partition("proa-a")[0] + int(manifest_of(made.golden["2.2"])["fs_size"])
    said, errors = made.upgrade(path, made.golden["2.2"], expect=FAILED, env={
        **os.environ, "LD_PRELOAD": str(made.recorder), "RECORD_DISK": str(path),
        "RECORD_BAD": f"{bad}{at}"})
    assert words in said["error"] and "slot b boots as before" in said["error"], errors
    disk = Disk(path)
    assert disk.flip()["slot"] == "b" and disk.flip()["a_left"] == "0"
    assert check(made, path) == "2.1"
