"""A killed daemon comes back, and people's containers never notice."""

import pytest

STARTED = "docker inspect --format '{{.State.Pid}} {{.State.StartedAt}}' survivor"

# What each daemon's command line holds, and how it is seen to be back.
DAEMONS = {
    "system_docker": ("dockerd.*system-docker", "system-docker version"),
    "user_docker": ("dockerd.*containerd-namespace[= ]user", "docker version"),
    "service_manager": ("proa-services$", "proa status"),
}


def processes(machine, pattern):
    """Process ids by command line. The shell of this very command is not among them."""
    output = machine.check(
        "for p in /proc/[0-9]*; do c=$(sudo tr '\\0' ' ' < $p/cmdline 2> /dev/null); "
        "c=${c% }; " f"[ ${{p#/proc/}} = $$ ] || ! echo \"$c\" | grep -qE '{pattern}' "
        "|| echo ${p#/proc/}; done; true")
    return set(output.split())


@pytest.mark.parametrize("daemon", DAEMONS)
def test_kill_daemons(booted, daemon):
    pattern, answers = DAEMONS[daemon]
    before = booted.check(STARTED)
    killed = processes(booted, pattern)
    assert len(killed) == 1, f"{pattern}: {killed}"

    booted.check(f"sudo kill -KILL {' '.join(killed)}")
    booted.wait_true(f"! test -d /proc/{min(killed)}", 60)
    booted.wait_true(answers)
    booted.wait_true("docker version")
    assert processes(booted, pattern) and not processes(booted, pattern) & killed
    assert booted.check(STARTED) == before
