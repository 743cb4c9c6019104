"""The part of scripts/demo that talks to the machine."""

import pathlib
import re
import sys

sys.dont_write_bytecode = True

import machine as machines

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
them all and left every system service up.

The disk is {disk}. An interactive machine on it: `make run`
"""


def services(machine):
    return set(machine.check("system-docker ps --format '{{.Names}}'").split())


def main():
    disk = pathlib.Path(sys.argv[1])
    machine = machines.Machine("demo", [disk], disk.parent)
    machine.start()
    try:
        machine.wait_boot("user Docker answers")
        match = machine.wait_for("health gate passed.*")
        for line in re.findall(r"proa: .*", match.string):
            print(f"  {line.rstrip()}", flush=True)
        machine.wait_shell()
        before = services(machine)
        for command, wanted in STEPS:
            output = machine.check(command, 300)
            print(f"\n  proa$ {command}", flush=True)
            for line in output.split("\n"):
                print(f"  {line}", flush=True)
            if wanted not in output:
                raise machines.MachineError(f"'{wanted}' is missing in this answer")
        after = services(machine)
        if after != before:
            raise machines.MachineError(f"services before: {before}, after: {after}")
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
