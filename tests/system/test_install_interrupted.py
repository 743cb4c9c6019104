"""`proa install`, killed at any stage, leaves a disk that says so at boot; a second run mends it."""

import subprocess

import pytest

from disk import BUILD, Disk
from machine import run_quietly
from small_release import make_bundle, make_tree

# What it says on the way (installer/install.c), in this order.
STAGES = ["Partitioning", "Writing slot A: ", "Writing slot A: 50%", "Checking slot A: ",
          "Making the state partition", "Placing the boot loader"]


@pytest.fixture(scope="module")
def release(work):
    """(bundle, key)"""
    folder = work / "interrupted"
    folder.mkdir()
    run_quietly(BUILD / "proa-image", "keygen", "-o", folder, "--name", "release")
    bundle = make_bundle(make_tree(folder / "tree"), folder / "out", "-k", folder / "release.key")
    return bundle, folder / "release.pub"


def command(disk, release, *options):
    return [str(word) for word in (BUILD / "proa", "install", "-d", disk, "-b", release[0], "--key",
                                   release[1], *options)]


def kill_at(stage, path, release):
    """Starts an installation, and kills it when it says `stage`."""
    run_quietly("truncate", "-s", "4G", path)
    process = subprocess.Popen(command(path, release, "--yes"), stderr=subprocess.PIPE, text=True)
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith(stage):
            process.kill()
            break
    process.stderr.close()
    process.wait()
    assert stage in said, f"it never said \"{stage}\":\n{said}"
    return Disk(path)


@pytest.mark.parametrize("stage", STAGES)
def test_killed(release, folder, stage):
    disk = kill_at(stage, folder / "d.img", release)
    code = disk.read(0, 440)
    untouched = not any(disk.read(0, 1 << 20))
    placed = b"GRUB" in code
    # The first write is the mark and the last one takes it away: there is nothing in between.
    assert b"was interrupted" in code or (untouched if stage == "Partitioning" else placed)
    if placed:
        assert stage == STAGES[-1]
    elif not untouched and stage in STAGES[2:5]:
        start, size = disk.partition("proa-esp")
        assert disk.read(start, 4096) == bytes(4096), "UEFI firmware finds a file system"
    run_quietly(*command(disk.path, release, "--force"))
    assert b"GRUB" in disk.read(0, 440)
    again = Disk(disk.path)
    assert again.flip()["slot"] == "a"
    run_quietly("e2fsck", "-fn", f"{disk.path}?offset={again.partition('proa-state')[0]}")


def test_boot_says_so(release, folder, machine):
    """On the serial console, by the firmware's own means; then the next boot device's turn."""
    one = machine(kill_at("Checking slot A: ", folder / "d.img", release))
    one.wait_for("Proa: the installation of this disk was interrupted. Run proa install again.", 60)
