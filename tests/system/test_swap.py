"""From the health gate on there is a swap in compressed memory."""

PREFER = "100"


def test_swap(booted):
    booted.wait_true("grep -q zram0 /proc/swaps")
    swaps = [line.split() for line in booted.check("cat /proc/swaps").splitlines()[1:]]
    assert [(fields[0], fields[-1]) for fields in swaps] == [("/dev/zram0", PREFER)]
    memory = int(booted.check("awk '/^MemTotal/ { print $2 }' /proc/meminfo"))
    assert abs(int(swaps[0][2]) - memory / 2) < 100
    # What lies idle moves there a minute after the gate, and nothing went wrong.
    booted.wait_true("test $(awk '$1 == \"/dev/zram0\" { print $4 }' /proc/swaps) -gt 8192")
    assert booted.check("sudo cat /run/proa/log/zram") == ""
    assert booted.check("docker ps -q --filter name=survivor") != ""
