"""The plug is pulled during the very first boot; the next one comes up as if nothing was."""

import pytest

from machine import LOAD_IMAGE, USER_IMAGE


@pytest.mark.parametrize("stage", [
    pytest.param("init: started", marks=pytest.mark.full),
    "state mounted",
    pytest.param("System Docker answers", marks=pytest.mark.full),
    pytest.param("user Docker answers", marks=pytest.mark.full),
])
def test_power_cut_first_boot(disk, machine, stage):
    one = machine(disk())
    if stage == "init: started":
        one.wait_for(stage)
    else:
        one.wait_boot(stage)
    one.power_cut()

    one.start()
    one.wait_boot("health gate passed")
    one.wait_shell()
    one.check(LOAD_IMAGE, 300)
    assert one.check(f"docker run --rm {USER_IMAGE} echo hello") == "hello"
