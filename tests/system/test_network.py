"""Every Ethernet port asks for an address by DHCP; names are resolved by the server it names."""


def test_network(booted):
    # What QEMU's user network gives.
    booted.wait_true("ip -4 -brief addr show dev enp0s16 | grep -q ' UP .*10.0.2.15/24'")
    booted.wait_true("grep -qx 'nameserver 10.0.2.3' /etc/resolv.conf")
    assert "default via 10.0.2.2 dev enp0s16" in booted.check("ip route | cat")
    booted.check("ping -c 1 -W 10 10.0.2.2")
