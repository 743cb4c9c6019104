"""`proa service`, and `proa config apply`: changes while people's containers go on."""

import json


def services(one):
    return json.loads(one.check("proa service list --json"))


def states(one):
    return {name: service["state"] for name, service in services(one).items()}


ALL = {"docker", "udev", "network", "syslog", "ntp", "console"}


def test_service(booted):
    assert states(booted) == {name: "running" for name in ALL}
    assert "enp0s16: Gained carrier" in booted.check("proa service logs network --lines 50 2>&1")
    assert "did you mean udev?" in booted.run("proa service restart udef")[1]

    # Made anew; nobody else notices.
    before = booted.check("system-docker inspect -f '{{.Id}}' udev")
    booted.check("sudo proa service restart udev")
    booted.wait_true(f"id=$(system-docker inspect -f '{{{{.Id}}}}' udev) && test $id != {before} "
                     "&& proa service list | grep -q '^udev *running'")

    # Stopped by a person: it stays so, and the machine says it.
    booted.check("sudo proa service stop syslog")
    booted.wait_true("proa service list | grep -q '^syslog *stopped .*stopped by a person'")
    booted.wait_true("sudo proa status | grep -q 'service syslog does not run'")
    booted.check("sudo proa service up syslog")
    booted.wait_true("proa service list | grep -q '^syslog *running'")

    # What would lock people out is asked twice.
    code, said = booted.run("sudo proa service stop docker")
    assert code == 4 and "give --yes" in said
    code, said = booted.run("proa service stop udev")
    assert code == 4 and "sudo proa service stop" in said

    # One that dies comes back by itself.
    booted.check("sudo pkill -KILL -x rsyslogd")
    booted.wait_true("proa service list | grep -q '^syslog *running *1 '")


def test_apply(booted):
    pid = booted.check("docker inspect -f '{{.State.Pid}}' survivor")
    booted.check("sudo proa config set hostname boat")
    booted.check("sudo proa config set proa.docker.registry_mirrors '[\"http://10.0.2.2:5000\"]'")
    booted.check("sudo proa config set 'proa.network.interfaces.\"enp*\"' "
                 "'{dhcp: true, addresses: [192.0.2.9/24]}'")
    said = booted.check("sudo proa config apply")
    assert "restarted: docker network." in said, said
    booted.wait_true("ip -br -4 addr show dev enp0s16 | grep -q '10.0.2.15/24.*192.0.2.9\\|"
                     "192.0.2.9.*10.0.2.15/24'")
    booted.wait_true("docker info | grep -q http://10.0.2.2:5000/")
    assert booted.check("hostname") == "boat"
    assert booted.check("docker inspect -f '{{.State.Pid}}' survivor") == pid
    booted.check("docker exec survivor true")

    # Nothing has changed: nothing is restarted.
    assert "restarted" not in booted.check("sudo proa config apply")
    # Taken back: the address goes, and DHCP's stays.
    booted.check("sudo proa config unset proa.network")
    assert "restarted: network." in booted.check("sudo proa config apply")
    booted.wait_true("ip -br -4 addr show dev enp0s16 | grep 10.0.2.15 | grep -vq 192.0.2.9")
    # A clock that is not to be set.
    booted.check("sudo proa config set proa.ntp.enabled false")
    booted.check("sudo proa config apply")
    booted.wait_true("proa service list | grep -q '^ntp *disabled'")
    booted.wait_true("sudo proa status > /tmp/status")
