"""A machine whose console is its second serial port: the lines and a shell are there."""

import pytest


@pytest.mark.full
def test_other_console(disk, machine):
    # Ports that come by `extra` come first: what the test reads is the second then, ttyS1.
    one = machine(disk(append="console=ttyS1,115200"), extra=["-serial", "null"])
    one.wait_boot("health gate passed")
    one.wait_shell()
    assert one.check("tty").strip() == "/dev/ttyS1"
