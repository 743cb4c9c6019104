"""The machine's SSH server, from outside: through a port of the loopback."""

import subprocess
import time

from machine import run_quietly


def make_key(path):
    """A key pair; the path of the private one."""
    run_quietly("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path)
    return path


def public(key):
    return key.with_suffix(".pub").read_text().strip()


def options(one, key, deadline=60):
    words = ["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new",
             "-o", "LogLevel=ERROR", "-o", f"UserKnownHostsFile={one.folder}/known_hosts",
             "-o", "IdentitiesOnly=yes", "-o", f"ConnectTimeout={deadline}"]
    return words + (["-i", str(key)] if key else [])


def ssh(one, key, *command, user="proa", deadline=60):
    """Runs a command by SSH; (exit status, what was said). 255: no log-in."""
    result = subprocess.run(["ssh", *options(one, key, deadline), "-p", str(one.ssh_port),
                             f"{user}@127.0.0.1", *command], text=True, check=False,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=deadline * 2)
    return result.returncode, result.stdout


def wait_ssh(one, key, deadline=180):
    """Waits until the key opens the machine."""
    end = time.monotonic() + deadline
    while True:
        code, said = ssh(one, key, "true")
        if code == 0:
            return
        assert time.monotonic() < end, f"no log-in by SSH within {deadline} s: {said}"
        time.sleep(1)
