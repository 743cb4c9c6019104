"""A network of its own, with one machine on it: DHCP, router advertisements, DNS and time.

It is a network name space with a bridge that only QEMU's tap device is on. Nothing leaves it.
"""

import os
import subprocess
import time

import ssh
from machine import ROOT, run_quietly

ROUTER4, ROUTER6 = "192.0.2.1", "2001:db8::1"

# The userland that images/build has unpacked: its chronyd serves the time.
USERLAND = ROOT / "build/chroots/tools/work/tree/layers/os"


class Lan:
    """The other end of the cable."""

    def __init__(self, folder):
        self.folder = folder
        self.name = f"proa-test-{os.getpid()}"
        self.programs = []
        run_quietly("ip", "netns", "add", self.name)
        # A router says of itself that it is one when it is asked for its address (RFC 4861 §4.4);
        # of one that does not, the guest forgets the default route.
        for command in ("ip link set lo up", "sysctl -qw net.ipv6.conf.all.forwarding=1",
                        "ip tuntap add tap0 mode tap",
                        "sysctl -qw net.ipv6.conf.tap0.accept_dad=0",
                        f"ip address add {ROUTER4}/24 dev tap0",
                        f"ip -6 address add {ROUTER6}/64 dev tap0", "ip link set tap0 up"):
            self.run(*command.split())

    def run(self, *command):
        return run_quietly("ip", "netns", "exec", self.name, *command)

    def start(self, *command):
        """A program that runs until the end; QEMU's parent ends it with the test."""
        log = open(self.folder / f"{len(self.programs)}.log", "wb")
        self.programs.append(subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", self.name,
             *[str(word) for word in command]],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT))
        log.close()

    def serve_addresses(self):
        """A real DHCP server for both families, which names itself as router, DNS and clock."""
        self.start("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--log-dhcp",
                   "--interface=tap0", "--bind-dynamic", "--user=root", "--no-resolv",
                   "--no-hosts", f"--pid-file={self.folder}/pid",
                   f"--dhcp-leasefile={self.folder}/leases", "--domain=lan.example",
                   "--dhcp-range=192.0.2.100,192.0.2.120,10m",
                   "--dhcp-range=2001:db8::1000,2001:db8::1fff,64,10m", "--enable-ra",
                   f"--dhcp-option=option:dns-server,{ROUTER4}",
                   f"--dhcp-option=option:ntp-server,{ROUTER4}",
                   f"--dhcp-option=option6:dns-server,[{ROUTER6}]",
                   "--dhcp-option=option6:domain-search,six.example",
                   "--address=/known.example/198.51.100.7")

    def serve_time(self):
        """chronyd, which says that this machine's clock is right and sets nothing."""
        conf = "local stratum 3\nallow all\ncmdport 0\nbindcmdaddress /\npidfile /\n"
        (USERLAND / "tmp/chrony.conf").write_text(conf)
        self.start("chroot", USERLAND, "/usr/sbin/chronyd", "-x", "-d", "-u", "root", "-f",
                   "/tmp/chrony.conf")

    def ssh(self, one, key, address, command, deadline=120):
        """Until it answers: what the command says."""
        end = time.monotonic() + deadline
        while True:
            result = subprocess.run(
                ["ip", "netns", "exec", self.name, "ssh", *ssh.options(one, key, 10),
                 f"proa@{address}", command], text=True, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            if result.returncode == 0:
                return result.stdout
            assert time.monotonic() < end, f"no answer from {address}: {result.stdout}"
            time.sleep(1)

    def stop(self):
        for program in self.programs:
            program.kill()
            program.wait()
        (USERLAND / "tmp/chrony.conf").unlink(missing_ok=True)
        run_quietly("ip", "netns", "del", self.name)
