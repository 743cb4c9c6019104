"""Memory at idle beside Debian, and the least with which Proa boots and runs containers."""

import rows
from machine import LOAD_IMAGE, USER_IMAGE, MachineError

IDLE_SECONDS = 300
LADDER = [256, 224, 192, 176, 160]
USED = ("awk '{ sub(\":\", \"\", $1); m[$1] = $2 } END { print m[\"MemTotal\"] - m[\"MemFree\"] "
        "- m[\"Buffers\"] - m[\"Cached\"] - m[\"SReclaimable\"] }' /proc/meminfo")


def idle(one):
    """MiB in use, five minutes after the kernel started."""
    one.wait_shell()
    one.check(f"while [ $(cut -d. -f1 /proc/uptime) -lt {IDLE_SECONDS} ]; do sleep 5; done",
              IDLE_SECONDS * 4)
    return int(one.check(USED)) / 1024


def proa_idle(golden, folder):
    one = rows.proa_machine("idle", golden.overlay(folder / "idle.qcow2"), folder)
    one.start()
    try:
        arguments = rows.kernel_arguments(one)
        one.wait_for("health gate passed", 600)
        return idle(one), arguments
    finally:
        one.stop()


def debian_idle(folder, arguments):
    one = rows.debian_machine(rows.debian_disk(folder), folder, arguments)
    one.start()
    try:
        one.wait_for("bench: Docker answers", 600)
        return idle(one)
    finally:
        one.stop()


def boots_with(golden, folder, memory):
    one = rows.proa_machine(f"small{memory}", golden.overlay(folder / f"small{memory}.qcow2"),
                            folder, memory=memory)
    one.start()
    try:
        one.wait_boot("health gate passed", 600)
        one.wait_shell()
        one.check(LOAD_IMAGE, 300)
        for name in ("one", "two", "three"):
            one.check(f"docker run -d --name {name} {USER_IMAGE} sleep 99999", 300)
        return one.check("docker ps -q | wc -l", 300).strip() == "3"
    except MachineError as error:
        rows.progress(f"{memory} MiB: {error}")
        return False
    finally:
        one.stop()


def main():
    table = rows.Table("memory")
    folder = rows.work_folder("memory")
    golden = rows.golden(folder, append=rows.TALKATIVE)
    proa, arguments = proa_idle(golden, folder)
    rows.progress(f"Proa at idle: {proa:.0f} MiB")
    debian = debian_idle(folder, arguments)
    rows.progress(f"Debian at idle: {debian:.0f} MiB")
    table.add("in use at idle, 1 GiB machine, 5 min after boot", round(proa, 1), "MiB", 200,
              round(debian, 1))
    table.add("the same, as a part of Debian's", round(proa / debian, 3), "ratio", 1.0)

    least = None
    for memory in LADDER:
        if not boots_with(golden, folder, memory):
            break
        least = memory
    table.add("least memory to boot and run three containers",
              least if least is not None else float("inf"), "MiB", 256)
    table.end()


main()
