"""tests/system/fill-slot: the second slot of a disk file is filled, and flipped to."""

import subprocess

import pytest

from disk import BUILD, Disk
from machine import ROOT, run_quietly
from small_release import make_bundle, make_tree


@pytest.mark.parametrize("sector", [512, 4096])
def test_fill_slot(folder, sector):
    program = BUILD / "fill-slot"
    if not program.exists():
        run_quietly("make", "-C", ROOT, f"BUILD={BUILD}", program)
    run_quietly(BUILD / "proa-image", "keygen", "-o", folder, "--name", "release")
    key = folder / "release.pub"
    bundle = make_bundle(make_tree(folder / "tree"), folder / "out", "-k", folder / "release.key")
    path = folder / "d.img"
    run_quietly("truncate", "-s", "4G", path)
    run_quietly(BUILD / "proa", "install", "-d", path, "-b", bundle, "--key", key, "--yes",
                "--sector-size", sector)
    disk = Disk(path, sector)

    def fill(slot, *options):
        return subprocess.run([str(word) for word in (program, "--key", key, "--sector-size",
                                                      sector, *options, path, slot, bundle)],
                              stderr=subprocess.PIPE, text=True, check=False)

    # The slot that boots next is never overwritten.
    refused = fill("a")
    assert refused.returncode != 0 and "boots next" in refused.stderr
    assert disk.flip()["a_left"] == "4"

    assert fill("b", "--no-flip").returncode == 0
    flip = disk.flip()
    assert (flip["slot"], flip["a_left"], flip["b_left"]) == ("a", "4", "0")
    assert fill("b").returncode == 0
    flip = disk.flip()
    assert flip == disk.flip("mirror")
    assert (flip["slot"], flip["b_left"], flip["b_good"]) == ("b", "2", "0")
    for slot in "ab":
        start, size = disk.partition(f"proa-{slot}")
        run_quietly(BUILD / "proa-image", "verify", "--key", key, path, "--offset", start,
                    "--size", size)
