"""A good slot in which something is wrong stays up, and settles all the same.

The machine's clock leaps over all times in which it has nothing to do.
"""

import json

import pytest

CONFIG = ("proa: {health: {deadline: 60s}}\n"
          "write_files:\n- path: /var/lib/proa/health.d/50-bad\n  permissions: \"0755\"\n"
          "  content: \"#!/bin/sh\\nexit 1\\n\"\n")


@pytest.mark.full
def test_an_hour(disk, machine):
    made = disk(config=CONFIG, flipped=True)
    made.patch_flip("slot=b", "slot=a")
    made.patch_flip("a_good=0", "a_good=1")
    one = machine(made, skip_idle=True)
    one.wait_boot("degraded: check 50-bad failed", 1800, unless=None)
    one.wait_for("settled", 1800, unless="init: started")
    one.wait_shell()
    one.wait_true("test $(cut -d. -f1 /proc/uptime) -gt 3900", 1800)
    found = json.loads(one.check("sudo proa status --json || true"))
    assert (found["slot"], found["gate"], found["phase"]) == ("a", "passed", "degraded"), found
    assert one.console.count("init: started") == 1
    one.check("docker version")
