"""A damaged flip block does not stop a boot, and both copies are whole after it."""

import pytest


@pytest.mark.parametrize("damaged", [["block"], ["block", "mirror"]], ids=["block", "both"])
def test_flip_damaged(disk, machine, damaged):
    made = disk()
    for which in damaged:
        made.damage_flip(which)
        assert made.flip(which) is None
    one = machine(made)
    # With neither copy whole the clock picks the slot: the empty one comes to nothing
    # and the next boot picks again.
    one.wait_for("user Docker answers", 900)
    one.power_cut()
    block, mirror = made.flip("block"), made.flip("mirror")
    assert block is not None and block == mirror
    assert block["slot"] == "a"
