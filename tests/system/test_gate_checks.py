"""A person's check that fails: a trial falls back, a good slot stays up and says it."""

import json
import re

import pytest

from machine import LOAD_IMAGE, USER_IMAGE

CHECK = """\
#!/bin/sh
# The new release lacks something; later the machine does, in every release.
if grep -q proa.slot=b /proc/cmdline || [ -e /var/lib/bad ]; then
    echo "no such thing"
    exit 1
fi
"""

DEADLINE = "proa: {health: {deadline: 100s}}\n"
CONFIG = ("write_files:\n- path: /var/lib/proa/health.d/50-thing\n  permissions: \"0755\"\n"
          f"  content: {json.dumps(CHECK)}\n")


def status(one):
    return json.loads(one.check("sudo proa status --json || true"))


def test_gate_checks(disk, machine):
    trial = disk(config=DEADLINE + CONFIG, flipped=True)
    trial.patch_flip("b_left=2", "b_left=1") # one attempt is as good as two, and quicker
    one = machine(trial)
    one.wait_boot(r"error: health gate failed: .*check 50-thing failed \(exit code 1\)",
                  unless=None)
    one.wait_for("rebooting")
    one.wait_boot("health gate passed")
    one.wait_shell()
    found = status(one)
    assert (found["slot"], found["fellback"]) == ("a", True)
    # That is remembered of the release.
    assert (found["upgrade"]["event"], found["slots"]["b"]["upgrade"]) == ("fell back", "fell back")

    # It settles. Then the same check and a container fail, which is no release's fault.
    one.check(LOAD_IMAGE, 300)
    one.check(f"docker run -d --name web --restart always -v /var/lib:/host {USER_IMAGE} "
              "sh -c 'test ! -e /host/bad && exec sleep 99999'", 60)
    one.check(f"docker run -d --name once {USER_IMAGE} sleep 99999", 60)
    one.check("sudo touch /var/lib/bad")
    one.type(" sudo proa reboot\n")
    one.wait_boot("health gate passed", unless=None)
    one.wait_shell()
    one.wait_true("sudo proa status | grep -q 'Degraded.*check 50-thing failed'")
    found = status(one)
    assert (found["slot"], found["phase"]) == ("a", "degraded")
    # It ends and is started again: a look may meet it between the two.
    assert re.search("container web (does not run|has only just started)", found["degraded"])
    assert "once" not in found["degraded"]
    # Each round begins the log anew.
    one.wait_true("sudo grep -q 'no such thing' /var/log/health.log")

    # Mended: all is well again.
    one.check("sudo rm /var/lib/bad")
    one.wait_true("sudo proa status > /tmp/status", 300)


@pytest.mark.full
def test_default_deadline(disk, machine):
    """Where nobody has set it, a release has five minutes."""
    trial = disk(config=CONFIG, flipped=True)
    trial.patch_flip("b_left=2", "b_left=1")
    one = machine(trial)
    mounted = one.wait_boot("state mounted", unless=None)
    failed = one.wait_for("error: health gate failed: .*check 50-thing failed", 600)
    waited = one.time_of(failed.start()) - one.time_of(mounted.start())
    assert 295 < waited < 330, waited
    one.wait_for("rebooting")
    one.wait_boot("root verified: slot a", unless=None)
