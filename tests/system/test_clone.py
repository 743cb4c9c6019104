"""With a byte-for-byte clone attached, the machine uses the disk that it was booted from."""

import pytest


@pytest.mark.parametrize("boot", [0, 1], ids=["clone_behind", "clone_before"])
def test_clone(disk, machine, boot):
    disks = [disk(), disk()]
    booted, clone = disks[boot], disks[1 - boot]
    start, length = clone.partition("proa-state")
    state_before = clone.read(start, 1 << 20)

    one = machine(*disks, boot=boot)
    one.wait_boot("state mounted")
    one.power_cut()

    assert booted.flip()["a_left"] == str(4 - one.starts)
    assert clone.flip()["a_left"] == "4"
    # Superblock, descriptors, journal's head: mounting would have written there.
    assert clone.read(start, 1 << 20) == state_before
    assert booted.read(start, 1 << 20) != state_before
