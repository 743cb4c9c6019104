"""A disk file that `proa install` made boots by BIOS, and user Docker runs a container."""

from machine import LOAD_IMAGE, USER_IMAGE


def test_boot_bios(disk, machine):
    one = machine(disk())
    one.wait_boot("root verified: slot a, version ")
    one.wait_for("System Docker answers")
    one.wait_for("user Docker answers")
    one.wait_for("health gate passed")
    one.wait_shell()
    one.check(LOAD_IMAGE, 300)
    assert one.run("test -d /sys/firmware/efi")[0] != 0
    assert one.check(f"docker run --rm {USER_IMAGE} echo hello") == "hello"
    # Two Dockers, not one seen twice: they know other containers.
    assert "console" in one.check("system-docker ps --format '{{.Names}}'")
    assert one.check("docker ps -q") == ""
