"""Addresses from a real DHCP server and fixed ones, v4 and v6; a wrong clock is set."""

import re

from lan import ROUTER4, ROUTER6
from ssh import public

# Years in the past: a board whose battery is empty.
WRONG_CLOCK = ["-rtc", "base=2020-01-01T00:00:00"]
PORT = "enp0s16"


def test_dhcp_and_clock(disk, machine, lan, key):
    lan.serve_addresses()
    lan.serve_time()
    config = f"ssh_authorized_keys: [{public(key)}]\n"
    one = machine(disk(config=config), netns=lan.name, extra=WRONG_CLOCK)
    one.wait_boot("health gate passed")
    one.wait_shell()
    one.wait_true(f"ip -4 addr show dev {PORT} | grep -q 'inet 192.0.2.1[0-2][0-9]/24'")
    one.wait_true(f"ip -6 addr show dev {PORT} | grep -q 'inet6 2001:db8::1[0-9a-f]*/128'")
    one.wait_true("ip -6 route show default | grep -q 'via fe80::'")
    assert f"default via {ROUTER4}" in one.check("ip route show default | cat")
    resolv = one.check("cat /etc/resolv.conf")
    assert f"nameserver {ROUTER4}" in resolv and f"nameserver {ROUTER6}" in resolv
    assert re.search("^search .*lan.example", resolv, re.MULTILINE), resolv
    assert "198.51.100.7" in one.check("getent ahostsv4 known.example")
    one.check(f"ping -c 1 -W 10 {ROUTER6}")
    one.wait_true("test $(date +%Y) -ge 2026")
    address = re.search(r"192\.0\.2\.1\d\d", one.check(f"ip -4 addr show dev {PORT} | cat")).group()
    assert lan.ssh(one, key, address, "hostname") == "proa\n"


def test_fixed_addresses(disk, machine, lan, key):
    config = f"""\
ssh_authorized_keys: [{public(key)}]
proa:
  network:
    interfaces:
      "mac:52:54:00:12:34:56":
        addresses: [192.0.2.5/24, "2001:db8::5/64"]
        gateway: {ROUTER4}
        gateway_ipv6: {ROUTER6}
        mtu: 1400
      "en*": {{address: 192.0.2.6/24}}
    dns: {{nameservers: [{ROUTER4}], search: [own.example]}}
  ntp: {{servers: [{ROUTER4}]}}
"""
    # There is a DHCP server, and it is not asked.
    lan.serve_addresses()
    lan.serve_time()
    one = machine(disk(config=config), netns=lan.name, extra=WRONG_CLOCK)
    one.wait_boot("health gate passed")
    one.wait_shell()
    assert lan.ssh(one, key, "192.0.2.5", "hostname") == "proa\n"
    assert lan.ssh(one, key, "2001:db8::5", "hostname") == "proa\n"
    shown = one.check(f"ip addr show dev {PORT} | cat")
    assert "mtu 1400" in shown
    assert re.findall(r"inet6? (\S+) (?:brd \S+ )?scope global", shown) == \
        ["192.0.2.5/24", "2001:db8::5/64"], shown
    assert f"default via {ROUTER4}" in one.check("ip route show default | cat")
    assert f"default via {ROUTER6}" in one.check("ip -6 route show default | cat")
    assert one.check("cat /etc/resolv.conf").split() == \
        ["nameserver", ROUTER4, "search", "own.example"]
    one.wait_true("test $(date +%Y) -ge 2026")
    assert "198.51.100.7" in one.check("getent ahostsv4 known.example")
