"""Every Ethernet port asks for an address by DHCP; containers reach out and are reached."""

from machine import USER_IMAGE


def test_network(booted):
    # What QEMU's user network gives.
    booted.wait_true("ip -4 -brief addr show dev enp0s16 | grep -q ' UP .*10.0.2.15/24'")
    booted.wait_true("grep -qx 'nameserver 10.0.2.3' /etc/resolv.conf")
    assert "default via 10.0.2.2 dev enp0s16" in booted.check("ip route | cat")
    booted.check("ping -c 1 -W 10 10.0.2.2")

    # A container behind user Docker's bridge: out by NAT, in by a published port.
    booted.check("docker run -d --name web -p 8080:80 " + USER_IMAGE +
                 " sh -c 'echo served > /tmp/page && httpd -f -h /tmp'", 60)
    booted.check("docker exec web ping -c 1 -W 10 10.0.2.2")
    get = f"docker run --rm --network host {USER_IMAGE} wget -qO- -T 10 http://10.0.2.15:8080/page"
    booted.wait_true(f"test \"$({get})\" = served")
    # The firewall's rules in words that need names, modules and extensions of their own.
    booted.check("sudo iptables -A DOCKER-USER -p tcp --dport ssh -m limit --limit 3/min "
                 "-m string --algo bm --string proa -m comment --comment why -j LOG")
    booted.check("sudo ip6tables -A OUTPUT -m owner --uid-owner proa -j ACCEPT")
    assert "--uid-owner 1000" in booted.check("sudo ip6tables -S OUTPUT")
