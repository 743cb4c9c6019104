"""`proa install` does it: what lies on the disk, what it reports, and where that cannot go."""

import json
import os
import subprocess

import pytest

from disk import BUILD, Disk
from installing import (FAILED, HOLDS_DATA, NOBODY, empty_disk, expect, install, state_of)
from machine import run_quietly

KERNEL_LINE = "quiet"


@pytest.mark.parametrize("sector", [512, 4096])
def test_installed_file(releases, folder, sector):
    """Without root, from standard input: the whole disk as other tools see it."""
    disk = empty_disk(folder / "d.img")
    os.chown(disk, NOBODY, NOBODY)
    config = folder / "c.yml"
    config.write_text("#cloud-config\nhostname: boat\n")
    config.chmod(0o644)
    with open(releases["good"], "rb") as bundle:
        result = subprocess.run(
            [str(word) for word in (BUILD / "proa", "install", "-d", disk, "-b", "-", "--key",
                                    releases["key"], "-c", config, "--append", KERNEL_LINE,
                                    "--sector-size", sector, "--yes", "--json")],
            stdin=bundle, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
            user=NOBODY, group=NOBODY, extra_groups=[])
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["result"] == "installed" and report["version"] == "1.0"

    environment = {**os.environ, "PARTED_SECTOR_SIZE": str(sector)}
    table = run_quietly("parted", "-s", "-m", disk, "unit", "B", "print", env=environment)
    assert f":{sector}:{sector}:gpt:" in table
    found = Disk(disk, sector)
    for partition in report["partitions"]:
        start, size = found.partition(partition["label"])
        assert (start, size) == (partition["offset"], partition["size"])
        assert found.partition_uuid(partition["label"]) == partition["uuid"]
        assert f"\n{partition['number']}:{start}B:{start + size - 1}B:{size}B:" in table

    slot, image = found.partition("proa-a")[0], releases["good"].parent / "slot.img"
    assert found.read(slot, image.stat().st_size) == image.read_bytes()
    flip = found.flip()
    assert flip == found.flip("mirror")
    assert (flip["slot"], flip["a_left"], flip["b_left"]) == ("a", "4", "0")
    assert KERNEL_LINE.encode() in found.read(found.partition("proa-flip")[0], 2 << 20)
    code = found.read(0, 440)
    assert any(code) and b"was interrupted" not in code
    assert (b"UEFI mode only" in code) == (sector == 4096)

    state = f"{disk}?offset={found.partition('proa-state')[0]}"
    run_quietly("e2fsck", "-fn", state)
    listing = run_quietly("debugfs", "-R", "stat lib/proa/conf/cloud-config.yml", state)
    assert "Mode:  0600" in listing and "User:     0   Group:     0" in listing
    assert "hostname: boat" in run_quietly("debugfs", "-R", "cat lib/proa/conf/cloud-config.yml",
                                           state)


def test_owner_that_cannot_be_changed(releases, folder):
    """debugfs ends with 0 though it failed; the cloud-config must not stay somebody's."""
    disk = empty_disk(folder / "d.img")
    os.chown(disk, NOBODY, NOBODY)
    tools = folder / "tools"
    tools.mkdir()
    (tools / "debugfs").write_text("#!/bin/sh\necho 'debugfs 1.47.0 (5-Feb-2023)' >&2\n"
                                   "echo '/lib: File not found by ext2_lookup' >&2\n")
    (tools / "debugfs").chmod(0o755)
    code, said, _ = install(disk, releases, "--yes", user=NOBODY, group=NOBODY, extra_groups=[],
                            env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
    assert code == FAILED, said
    assert "cannot make the state partition" in said and "File not found" in said


def test_installed_device(releases, folder, loop):
    """The same on a device, twice: what the first left is in the way of the second."""
    disk = empty_disk(folder / "d.img")
    device = loop(disk)
    code, said, _ = install(device, releases, "--yes")
    assert code == 0, said
    first = Disk(disk).partition_uuid("proa-a")
    expect(HOLDS_DATA, ["holds data"], device, releases, "--yes", file=disk)
    code, said, _ = install(device, releases, "--force")
    assert code == 0, said
    assert Disk(disk).partition_uuid("proa-a") != first
    run_quietly("e2fsck", "-fn", f"{disk}?offset={Disk(disk).partition('proa-state')[0]}")


def test_name_that_is_no_text(releases, folder):
    disk = empty_disk(folder / os.fsdecode(b"d\xff.img"))
    code, said, out = install(disk, releases, "--yes", "--json", errors="replace")
    assert code == 0, said
    assert json.loads(out)["disk"] == str(folder / "d\ufffd.img")
    code, said, out = install(disk, releases, "--yes", "--json", errors="replace")
    assert code == HOLDS_DATA and "d\ufffd.img" in json.loads(out)["error"]


def test_report_that_cannot_be_written(releases, folder):
    disk = empty_disk(folder / "d.img")
    with open("/dev/full", "wb") as full:
        result = subprocess.run([BUILD / "proa", "install", "-d", disk, "-b", releases["good"],
                                 "--key", releases["key"], "--dry-run", "--json"],
                                stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == FAILED
    assert "cannot write the report (nothing was written)" in result.stderr


@pytest.mark.parametrize("closed", ["1", "2"])
def test_closed_stream(releases, folder, closed):
    """The disk never gets the number of a standard stream, and messages with it."""
    disk = empty_disk(folder / "d.img")
    before = state_of(disk)
    subprocess.run(["sh", "-c", f'exec "$0" "$@" {closed}>&-', BUILD / "proa", "install", "-d", disk,
                    "-b", releases["good"], "--key", releases["key"], "--dry-run", "--json"],
                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                   check=True)
    assert state_of(disk) == before


def test_dry_run(releases, folder):
    disk = empty_disk(folder / "d.img")
    before = state_of(disk)
    code, said, out = install(disk, releases, "--dry-run", "--json")
    assert code == 0, said
    assert json.loads(out)["result"] == "planned"
    assert len(json.loads(out)["partitions"]) == 6
    assert state_of(disk) == before
