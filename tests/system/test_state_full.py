"""A full state partition: the machine is reached, judged and configured as far as it goes."""

from ssh import public, ssh, wait_ssh


def test_state_full(booted, key):
    booted.check(f"mkdir -p ~/.ssh && echo '{public(key)}' > ~/.ssh/authorized_keys")
    wait_ssh(booted, key)
    # The last block, and what is kept back for root.
    booted.run("sudo dd if=/dev/zero of=/var/lib/filler bs=1M 2>/dev/null; "
               "sudo dd if=/dev/zero of=/var/lib/filler2 bs=1k 2>/dev/null", 600)
    assert booted.run("sudo sh -c 'echo x > /var/lib/one-more'")[0] != 0
    booted.check("sudo rm -f /var/lib/one-more")

    code, said = ssh(booted, key, "sudo proa status")
    assert code in (0, 10) and said.startswith("Proa "), said
    code, said = booted.run("sudo proa config set hostname boat 2>&1")
    assert code == 1 and "No space left on device" in said, said
    assert booted.check("proa config get hostname 2>/dev/null || sudo proa config get hostname") \
        == "proa"
    # The managers are started again, and nothing of theirs needs the space.
    booted.check("sudo pkill -KILL -x proa-services")
    booted.wait_true("proa service list | grep -c running | grep -qx 6")
    assert ssh(booted, key, "true")[0] == 0
    assert booted.check("docker exec survivor echo lives") == "lives"
    # The flip block is elsewhere: an orderly reboot counts as one.
    assert "attempts left" in booted.check("sudo proa status || true")
