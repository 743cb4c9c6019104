"""From the kernel's first byte on the console to user Docker's API answering.

Both are timed from outside, by when the line came over the serial console: Proa's
service manager says `user Docker answers`; in Debian a small program, started before
anything else, asks /run/docker.sock just as often and says so in the same way. When SSH
answers is seen from outside: its server's first words come through a forwarded port.
"""

import sys

import rows

PAIRS = 5
DEADLINE = 600


def proa_boot(one):
    watch = rows.SshWatch(one)
    began, release = rows.kernel_line(one)
    arguments = rows.kernel_arguments(one)
    match = one.wait_for("user Docker answers", DEADLINE)
    docker = one.time_of(match.start()) - began
    # All services run, and the gate has believed them for three seconds.
    match = one.wait_for("health gate passed", DEADLINE)
    healthy = one.time_of(match.start()) - began
    return {"docker": docker, "healthy": healthy, "ssh": watch.wait() - began}, release, arguments


def debian_boot(folder, disk, arguments):
    one = rows.debian_machine(disk, folder, arguments)
    one.start()
    try:
        began, release = rows.kernel_line(one)
        watch = rows.SshWatch(one)
        match = one.wait_for("bench: Docker answers", DEADLINE)
        seconds = {"docker": one.time_of(match.start()) - began, "ssh": watch.wait() - began}
        one.wait_shell()
        one.check("docker version")
        one.type(" systemctl poweroff\n")
        one.wait_off()
        return seconds, release
    finally:
        one.stop()


def proa_pair(golden, folder, number):
    """A disk's first boot and its second."""
    disk = golden.overlay(folder / f"proa{number}.qcow2")
    seconds = []
    for _ in range(2):
        one = rows.proa_machine(f"proa{number}", disk, folder)
        one.start()
        try:
            took, release, arguments = proa_boot(one)
            seconds.append(took)
            # The line was no promise: the API does answer.
            one.wait_shell()
            one.check("docker version")
            one.type(" sudo proa poweroff\n")
            one.wait_off()
        finally:
            one.stop()
    return seconds, release, arguments


def main():
    table = rows.Table("boot")
    folder = rows.work_folder("boot")
    golden = rows.golden(folder, append=rows.TALKATIVE)
    debian = rows.debian_disk(folder)
    first, later, peer = [], [], []
    for number in range(PAIRS):
        seconds, release, arguments = proa_pair(golden, folder, number)
        first.append(seconds[0])
        later.append(seconds[1])
        if number == 0:
            # Debian's very first boot makes its machine id and the like: not compared.
            debian_boot(folder, debian, arguments)
        took, peer_release = debian_boot(folder, debian, arguments)
        peer.append(took)
        if release != peer_release:
            sys.exit(f"bench: not comparable: Proa runs Linux {release}, Debian {peer_release}")
        rows.progress(f"pair {number + 1} of {PAIRS}: Proa first {seconds[0]['docker']:.1f} s, "
                      f"later {seconds[1]['docker']:.1f} s (SSH {seconds[1]['ssh']:.1f} s, healthy "
                      f"{seconds[1]['healthy']:.1f} s), Debian {took['docker']:.1f} s (SSH "
                      f"{took['ssh']:.1f} s)")

    def middle(boots, what):
        return rows.median([boot[what] for boot in boots])

    proa, debian_seconds = middle(later, "docker"), middle(peer, "docker")
    table.add("kernel's first byte to user Docker's API", round(proa, 2), "s",
              peer=round(debian_seconds, 2))
    table.add("the same, as a part of Debian's", round(proa / debian_seconds, 3), "ratio", 0.5)
    for what, words, target in (("ssh", "SSH answers", 0.7),
                                ("healthy", "all services healthy", 1.0)):
        seconds = middle(later, what)
        table.add(f"kernel's first byte: {words}", round(seconds, 2), "s")
        table.add("the same, as a part of Debian's Docker", round(seconds / debian_seconds, 3),
                  "ratio", target)
    table.add("Debian: SSH answers", round(middle(peer, "ssh"), 2), "s")
    table.add("first boot", round(middle(first, "docker"), 2), "s")
    table.add("first boot against later boots", round(middle(first, "docker") / proa, 3), "ratio",
              1.3)
    table.end()


main()
