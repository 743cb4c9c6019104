"""A rotten block never becomes wrong data: it is an error where it is read."""

from disk import file_extent

# Read by a service alone, never on the way to it.
SERVICE_FILE = "/layers/os/usr/bin/udevadm"


def test_corrupted_block_stage_1(disk, machine):
    made = disk()
    # Block 0 holds EROFS's superblock: stage 1 can't mount without it.
    made.corrupt_slot("a", 0)
    one = machine(made)
    one.wait_boot(r"error: ", unless="root verified: slot a")
    # It reboots by itself, and GRUB has counted.
    one.wait_boot(r"error: ", unless="root verified: slot a")
    one.power_cut()
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
