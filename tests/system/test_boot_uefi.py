"""The same disk boots by UEFI."""

from machine import LOAD_IMAGE, USER_IMAGE


def test_boot_uefi(disk, machine):
    one = machine(disk(), uefi=True)
    one.wait_boot("root verified: slot a, version ")
    one.wait_for("user Docker answers")
    one.wait_shell()
    one.check(LOAD_IMAGE, 300)
    one.check("test -d /sys/firmware/efi")
    assert one.check(f"docker run --rm {USER_IMAGE} echo hello") == "hello"
