"""A rotten block never becomes wrong data: it is an error where it is read."""

import pytest

from disk import file_extent, manifest

# Read by a service alone, never on the way to it.
SERVICE_FILE = "/layers/os/usr/bin/udevadm"


def hash_tree():
    """The tree's topmost block: nothing can be read without it."""
    return int(manifest()["fs_size"])


def second_stage():
    """PID 1 of the slot, which stage 1 starts."""
    return file_extent("/layers/os/usr/sbin/init")[0]


@pytest.mark.full
@pytest.mark.parametrize("offset", [hash_tree, second_stage])
def test_corrupted_block_stage_1(disk, machine, offset):
    made = disk()
    made.corrupt_slot("a", offset())
    one = machine(made)
    for _ in range(2):
        # It reboots by itself after each.
        one.wait_boot("error: ", unless="state mounted|System Docker answers")
    one.power_cut()
    # GRUB has counted both.
    assert made.flip()["a_left"] == str(4 - 1 - one.starts)


def test_corrupted_block_service(disk, machine):
    made = disk()
    offset, _ = file_extent(SERVICE_FILE)
    made.corrupt_slot("a", offset)
    one = machine(made)
    one.wait_boot("degraded: ", 600, unless=None)
    one.wait_shell()
    status, output = one.run(f"cat {SERVICE_FILE.removeprefix('/layers/os')} > /dev/null")
    assert status != 0 and "I/O error" in output.replace("Input/output", "I/O")
