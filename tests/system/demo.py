"""The part of scripts/demo that talks to the machine."""

import pathlib
import re
import sys

sys.dont_write_bytecode = True

import machine as machines
from disk import file_extent, manifest
from releasing import CHANNEL, newer_bundle, publish
from web import Server

SECOND, THIRD = "2099.2.0", "2099.3.0"
# A damaged block of PID 1's file, in the slot of release 3.
BROKEN = file_extent("/layers/os/usr/sbin/init")[0]

# What a person would type, and what must be in the answer.
STEPS = [
    (machines.LOAD_IMAGE, "busybox"),
    ("docker run --rm busybox echo hello from a container", "hello from a container"),
    ("docker run -d --name web busybox sleep 100000", ""),
    ("docker ps --format '{{.Names}}  {{.Status}}'", "web"),
    ("system-docker ps --format '{{.Names}}  {{.Status}}'", "docker"),
    ("docker rm -f $(docker ps -qa)", ""),
    ("docker ps -qa | wc -l", "0"),
    ("system-docker ps --format '{{.Names}}  {{.Status}}'", "docker"),
    ("sudo proa status", ""),
]

SHOWN = """
Shown: the image was built from Debian's packages, installed with `proa install`,
and booted by BIOS; user Docker ran containers; `docker rm -f $(docker ps -qa)` removed
them all and left every system service up. Release 2 came from a web server and was
booted; release 3 was broken on purpose, and the machine came back by itself.

The disk is {disk}. An interactive machine on it: `make run`
"""


def services(machine):
    return set(machine.check("system-docker ps --format '{{.Names}}'").split())


def show(machine, command, wanted="", deadline=300):
    """Types a command, shows the answer, which must hold `wanted`."""
    print(f"\n  proa$ {command}", flush=True)
    output = machine.check(command, deadline)
    for line in output.split("\n"):
        print(f"  {line}", flush=True)
    if wanted not in output:
        raise machines.MachineError(f"'{wanted}' is missing in this answer")


def wait_up(machine, version=""):
    """Waits for a boot that becomes healthy, in a release of this version; shows its lines."""
    begin = machine.position
    machine.wait_for(f"root verified: slot ., version {re.escape(version)}", 900)
    match = machine.wait_for("health gate passed.*")
    for line in re.findall(r"(?:proa: |Proa: slot |.*Kernel panic).*", match.string[begin:]):
        print(f"  {line.rstrip()}", flush=True)
    machine.wait_shell()


def reboot(machine, version):
    print("\n  proa$ sudo proa reboot", flush=True)
    machine.type(" sudo proa reboot\n")
    wait_up(machine, version)


def containers(machine):
    before = services(machine)
    for command, wanted in STEPS:
        show(machine, command, wanted)
    after = services(machine)
    if after != before:
        raise machines.MachineError(f"services before: {before}, after: {after}")


def upgrades(machine, folder):
    """Release 2 by a web server; then release 3, broken; and back by itself."""
    files = publish(folder, "1", newer_bundle(folder / f"proa-{SECOND}.bundle", SECOND))
    server = Server(files)
    try:
        # QEMU's own network: this machine's loopback.
        address = server.url(CHANNEL).replace("127.0.0.1", "10.0.2.2")
        show(machine, f"sudo proa config set proa.upgrade.url {address}")
        show(machine, "sudo proa list", SECOND)
        show(machine, "sudo proa upgrade --yes 2>/dev/null", SECOND, 900)
        reboot(machine, SECOND)
        server.files = publish(folder, "2",
                               newer_bundle(folder / f"proa-{THIRD}.bundle", THIRD))
        show(machine, "sudo proa upgrade --yes 2>/dev/null", THIRD, 900)
    finally:
        server.stop()
    print("\n  Release 3 loses a block of its init.", flush=True)
    show(machine, "sudo dd if=/dev/zero of=$(sed -n s/^slot_a=//p /run/proa/boot) bs=4096 count=1 "
         f"seek={BROKEN // 4096} conv=notrunc,fsync 2>&1 | tail -n 1")
    reboot(machine, SECOND)
    show(machine, "sudo proa status || true", SECOND)
    show(machine, "sudo proa history", "failed")


def main():
    disk = pathlib.Path(sys.argv[1])
    machine = machines.Machine("demo", [disk], disk.parent)
    machine.start()
    try:
        wait_up(machine, manifest()["version"])
        containers(machine)
        upgrades(machine, disk.parent)
        machine.type(" sudo proa poweroff\n")
        machine.wait_off()
    except AssertionError as error:
        print(f"\n{machine.tail()}\n\ndemo: {error}\nBy hand: {machine.by_hand()}")
        return 1
    finally:
        machine.stop()
    print(SHOWN.format(disk=disk))
    return 0


if __name__ == "__main__":
    sys.exit(main())
