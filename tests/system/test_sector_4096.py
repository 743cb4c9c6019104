"""Disks with sectors of 4096 bytes boot by UEFI; BIOS firmware can't boot those."""


def test_sector_4096(disk, machine):
    made = disk(sector=4096)
    one = machine(made, uefi=True)
    one.wait_boot("root verified: slot a")
    one.wait_for("state mounted")
    one.power_cut()
    # GRUB counted the boot in one sector of the block, and only there.
    assert made.flip("block")["a_left"] == str(4 - one.starts)
