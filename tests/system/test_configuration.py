"""The configuration is applied; what is in error in it is said, and stops nothing."""

import json


def status(booted):
    return json.loads(booted.check("sudo proa status --json || true"))


def test_configuration(booted):
    booted.check("sudo proa config set hostname boat")
    booted.check("sudo proa config set proa.sysctl.vm.swappiness 33")
    booted.check("sudo proa config set proa.modules '[macvlan, no_such_module]'")
    booted.check("printf 'hostnam: other\\n' | sudo tee /var/lib/proa/conf/10-typo.yml")
    assert "did you mean proa.ssh.port" in booted.check("proa config get proa.ssh.prot 2>&1 || true")

    # The service manager reads it whenever it starts.
    booted.check("sudo pkill -KILL -x proa-services")
    booted.wait_true("test \"$(hostname)\" = boat && grep -qx boat /run/proa/hostname")
    booted.wait_true("test $(cat /proc/sys/vm/swappiness) = 33")
    booted.wait_true("grep -q ^macvlan /proc/modules")
    booted.wait_true("sudo proa status | grep -q 'Degraded.*10-typo.yml, line 1: hostnam: '")
    said = status(booted)["degraded"]
    assert "did you mean hostname? (and 1 more" in said
    listed = booted.check("sudo proa config export 2>&1")
    assert "10-typo.yml:1:1: error: hostnam: unknown key" in listed and "hostname: boat" in listed

    # Mended: all is well again.
    booted.check("sudo rm /var/lib/proa/conf/10-typo.yml")
    booted.check("sudo proa config set proa.modules '[macvlan]'")
    booted.check("sudo pkill -KILL -x proa-services")
    booted.wait_true("sudo proa status > /tmp/status && ! grep -q Degraded /tmp/status")
