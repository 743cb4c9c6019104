"""`docker rm -f $(docker ps -qa)` removes people's containers and nothing of the system."""

from machine import USER_IMAGE

SERVICES = "system-docker ps --no-trunc --format '{{.Names}} {{.ID}}' | sort"


def test_remove_all_containers(booted):
    before = booted.check(SERVICES)
    assert {"udev", "network", "console", "docker"} <= {line.split()[0]
                                                        for line in before.split("\n")}
    booted.check("docker rm -f $(docker ps -qa)")
    assert booted.check("docker ps -qa") == ""
    # The same containers, not new ones under the old names.
    assert booted.check(SERVICES) == before
    assert booted.check(f"docker run --rm {USER_IMAGE} echo works") == "works"
