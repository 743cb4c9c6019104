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


def test_broken_file(booted):
    """YAML that is none: what the file said before counts, and the machine is as it was."""
    booted.check("sudo proa config set hostname boat")
    booted.check("sudo proa config apply")
    assert booted.check("hostname") == "boat"
    booted.check("printf 'hostname: [other\\n' | sudo tee /var/lib/proa/conf/local.yml")
    booted.check("sudo proa config apply")
    assert booted.check("hostname") == "boat"
    booted.wait_true("sudo proa status | grep -q 'Degraded.*local.yml.*its last good version'")
    listed = booted.check("sudo proa config export --full 2>&1")
    assert "hostname: boat # /var/lib/proa/conf-good/local.yml:" in " ".join(
        listed.replace("  ", " ").split()), listed
    code, said = booted.run("sudo proa config set hostname ship 2>&1")
    assert code == 1 and "mend or remove it" in said
    booted.check("sudo rm /var/lib/proa/conf/local.yml")
    booted.check("sudo proa config apply")
    assert booted.check("hostname") == "proa"
