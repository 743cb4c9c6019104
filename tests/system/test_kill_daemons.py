"""A killed daemon comes back, and people's containers never notice."""

import pytest

STARTED = "docker inspect --format '{{.State.Pid}} {{.State.StartedAt}}' survivor"

# Each daemon's command line, and how it is seen to be back.
DAEMONS = {
    "system_docker": ("^[^ ]*dockerd .*--data-root=/var/lib/system-docker", "system-docker version"),
    "user_docker": ("^[^ ]*dockerd .*--data-root=/var/lib/docker", "docker version"),
    "service_manager": ("^[^ ]*proa-services$", "sudo proa status"),
}


def processes(machine, pattern):
    return set(machine.run(f"pgrep -f -- '{pattern}'")[1].split())


@pytest.mark.parametrize("daemon", DAEMONS)
def test_kill_daemons(booted, daemon):
    pattern, answers = DAEMONS[daemon]
    before = booted.check(STARTED)
    killed = processes(booted, pattern)
    assert len(killed) == 1, f"{pattern}: {killed}"

    booted.check(f"sudo kill -KILL {' '.join(killed)}")
    # Back means: another process of that name, which answers.
    booted.wait_true(f"pgrep -f -- '{pattern}' | grep -qvx {min(killed)}")
    booted.wait_true(answers)
    booted.wait_true("docker version")
    assert not processes(booted, pattern) & killed
    assert booted.check(STARTED) == before
