"""Who may log in: keys of the cloud-config by SSH, a password where one is set, nobody else."""

import pytest

from machine import MachineError, run_quietly
from ssh import make_key, options, public, ssh, wait_ssh


def log_in(one, password):
    """At the console's prompt; what stands there then."""
    # A prompt that came before other lines is asked for once more. No Enter before that: the
    # prompt behind a failure would take it for a name, and ask for a password at once.
    for attempt in range(10):
        try:
            one.wait_for(r"login: $", 20)
            break
        except MachineError:
            if attempt == 9:
                raise
            one.type("\n")
    one.type("proa\n")
    one.wait_for("Password: ")
    one.type(password + "\n")
    return one.wait_for(r"Login incorrect|proa@\S+:", 60).group()


def test_login(disk, machine, key, folder):
    config = ("#cloud-config\nhostname: boat\n"
              f"ssh_authorized_keys:\n- {public(key)}\n"
              "proa:\n  password: Tr0ub4dor\n")
    one = machine(disk(config=config, autologin=False))
    one.wait_boot("health gate passed")

    # The console asks, and takes the one password alone.
    assert log_in(one, "wrong") == "Login incorrect"
    assert log_in(one, "Tr0ub4dor").startswith("proa@boat:")
    # So does sudo, since there is a password.
    assert one.run("sudo -n true")[0] != 0
    one.check("echo Tr0ub4dor | sudo -S true")
    # It stands in clear nowhere but in the configuration, and nobody else may read that.
    assert one.run("cat /etc/shadow")[0] != 0
    assert one.run("cat /var/lib/proa/conf/cloud-config.yml")[0] != 0

    wait_ssh(one, key)
    assert ssh(one, key, "docker ps -q && hostname") == (0, "boat\n")
    # No other key, no root, no password.
    assert ssh(one, make_key(folder / "other"), "true")[0] == 255
    code, said = ssh(one, key, "true", user="root")
    assert code == 255 and "publickey" in said
    code, said = ssh(one, None, "true")
    assert code == 255 and "(publickey)" in said
    # Files go both ways.
    run_quietly("scp", *options(one, key), "-P", one.ssh_port, key.with_suffix(".pub"),
                "proa@127.0.0.1:kept.pub")

    # The host key is kept: the next boot is the same machine to every client.
    one.type(" echo Tr0ub4dor | sudo -S proa reboot\n")
    one.wait_boot("health gate passed")
    wait_ssh(one, key)
    code, said = ssh(one, key, "cat kept.pub")
    assert (code, said) == (0, public(key) + "\n")


@pytest.mark.full
def test_nobody(disk, machine):
    """Neither key nor password: the console says so, and opens to nobody."""
    one = machine(disk(autologin=False))
    one.wait_boot("nobody can log in here")
    assert log_in(one, "") == "Login incorrect"
