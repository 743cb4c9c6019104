"""What people and their containers wrote is there after an orderly reboot."""

import pytest

from machine import LOAD_IMAGE, USER_IMAGE


@pytest.mark.full
def test_state_survives_reboot(disk, machine):
    one = machine(disk())
    one.wait_boot("health gate passed")
    one.wait_shell()
    one.check(LOAD_IMAGE, 300)
    one.check("echo kept > ~/file")
    one.check(f"docker run --rm -v data:/data {USER_IMAGE} sh -c 'echo volume > /data/file'")
    one.check(f"docker run -d --name again --restart always {USER_IMAGE} sleep 99999")
    machine_id = one.check("cat /etc/machine-id")

    one.type(" sudo proa reboot\n")
    one.wait_for("rebooting")
    one.wait_boot("health gate passed")
    one.wait_shell()
    assert one.check("cat ~/file") == "kept"
    assert one.check("cat /etc/machine-id") == machine_id
    assert one.check(f"docker run --rm -v data:/data {USER_IMAGE} cat /data/file") == "volume"
    one.wait_true("docker ps --format '{{.Names}}' | grep -qx again")
