"""The root is found and verified on every bus that a server may have its disk on."""

import pytest


@pytest.mark.parametrize("bus", ["scsi", "ahci", "nvme", "usb"])
def test_buses(disk, machine, bus):
    machine(disk(), bus=bus).wait_boot("root verified: slot a")
