"""`proa install` in a machine with UEFI: the firmware gets an entry, and boots the disk by it."""

import pytest

import disk as disks
from machine import overlay, run_quietly


@pytest.mark.full
def test_boot_entry(disk, machine, folder):
    target, bundle = folder / "target.img", folder / "bundle.qcow2"
    run_quietly("truncate", "-s", "8G", target)
    overlay(disks.find_bundle(), bundle)
    one = machine(disk(), target, bundle, uefi=True)
    one.wait_boot("health gate passed")
    one.wait_shell()
    # udev looks at every disk once, soon after the boot, and locks it meanwhile.
    one.wait_true("sudo flock --nonblock --exclusive /dev/vdb true")
    said = one.check("sudo proa install -d /dev/vdb -b /dev/vdc --yes", 1800)
    assert "The firmware's boot menu has it first: Boot" in said
    # The mount was the installer's own.
    one.check("! grep efivarfs /proc/mounts")
    # In order: QEMU holds back what it writes to a qcow2 file with the firmware's variables.
    one.type("sudo proa poweroff\n")
    one.wait_off()
    # The same firmware, with the variables that it has now, and no order from QEMU.
    one.boot = None
    one.start()
    one.wait_for(r'BdsDxe: starting Boot\w+ "Proa" from HD\(2,GPT,')
    one.wait_boot("root verified: slot a")
