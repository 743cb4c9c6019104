"""A hung PID 1: the watchdog resets the machine, and the boot has been counted."""

import json

import pytest

from machine import ROOT, run_quietly

HARDWARE = ["-device", "i6300esb", "-action", "watchdog=reset"]


def watchdog(one):
    return json.loads(one.check("sudo proa status --json || true"))["watchdog"]


def stop_program(folder):
    """A second disk that is nothing but the program: the guest reads it from the device."""
    program = folder / "stop-pid1"
    run_quietly("cc", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o", program,
                ROOT / "tests/system/stop_pid1.c")
    size = program.stat().st_size
    run_quietly("truncate", "-s", "4M", program)
    assert size <= 4 << 20
    return program


def test_watchdog(disk, machine, folder):
    # The timer's hardware outlives its reset.
    one = machine(disk(), stop_program(folder), extra=HARDWARE, warm=True)
    one.wait_boot("health gate passed")
    one.wait_shell()
    # Armed before the daemons were started.
    assert "watchdog: i6300esb, 120 s" in one.console
    one.wait_true("sudo proa status | grep -q 'Watchdog *i6300esb, resets after 120 s'")
    left = json.loads(one.check("sudo proa status --json || true"))["flip"]["a"]["left"]
    one.check("sudo proa config set proa.watchdog.timeout 12s")
    one.check("sudo pkill -KILL -x proa-services")
    one.wait_true("grep -x watchdog_timeout=12 /run/proa/boot")

    # From here on nothing turns PID 1's loop, and everything else goes on.
    one.check("sudo dd if=/dev/vdb of=/var/lib/proa/stop bs=1M && "
              "sudo chmod 755 /var/lib/proa/stop")
    one.type("sudo setsid /var/lib/proa/stop &\n")
    one.wait_boot("health gate passed", 600, unless=None)
    one.wait_shell()
    flip = json.loads(one.check("sudo proa status --json || true"))["flip"]
    # A machine that was started once more may have spent another.
    assert left - 2 + one.may_restart <= flip["a"]["left"] <= left - 1
    history = one.check("sudo cat /var/lib/proa/history")
    assert "reset, last heartbeat at" in history.split("\n")[0], history

    # Switched off, nothing resets the machine.
    one.check("sudo proa config set proa.watchdog.enabled false")
    one.check("sudo pkill -KILL -x proa-services")
    one.wait_true("grep -x watchdog=off /run/proa/boot")


@pytest.mark.full
def test_softdog(disk, machine):
    """Without hardware the kernel's own timer does, once the machine is up."""
    one = machine(disk(), extra=["-machine", "pc"])
    one.wait_boot("health gate passed")
    assert "watchdog: " not in one.console
    one.wait_for("watchdog: softdog, 120 s")
    one.wait_shell()
    assert watchdog(one) == {"driver": "softdog", "timeout": 120}
    one.check("sudo proa config set proa.watchdog.enabled false")
    one.check("sudo pkill -KILL -x proa-services")
    one.wait_for("watchdog: off")


def test_intel(booted):
    """Its device is made by another driver, and all the same there in stage 1."""
    booted.check("grep -x watchdog=iTCO_wdt /run/proa/boot")
