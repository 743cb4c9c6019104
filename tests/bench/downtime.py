"""From the reboot command to user Docker's API answering: plainly, into another release, and by
way of a release whose kernel panics at once. All on one machine, one reboot after the other.
"""

import rows
from disk import BUILD, Disk, find_bundle  # noqa: E402
from faulty import Faulty, add_kernel_arguments  # noqa: E402
from machine import run_quietly  # noqa: E402

ROUNDS = 3
DEADLINE = 900


def reboot(one, slot):
    """Seconds from the command to the answer of user Docker in that slot."""
    began = rows.monotonic()
    one.type(" sudo proa reboot\n")
    one.wait_for(f"root verified: slot {slot}", DEADLINE)
    match = one.wait_for("user Docker answers", DEADLINE)
    seconds = one.time_of(match.start()) - began
    one.wait_for("health gate passed", DEADLINE)
    one.wait_shell()
    return seconds


def flip(one):
    """The other slot boots next; it is read and checked for that.

    A good one that has failed has one more attempt (DESIGN §3), which is taken back first.
    """
    if "taken back" in one.check("sudo proa rollback", DEADLINE):
        one.check("sudo proa rollback", DEADLINE)


def start(disk, folder, name):
    one = rows.proa_machine(name, disk, folder)
    one.start()
    one.wait_boot("health gate passed", DEADLINE)
    one.wait_shell()
    return one


def good_releases(disk, folder):
    plain, flipped = [], []
    one = start(disk, folder, "good")
    try:
        slot = "a"
        for number in range(ROUNDS):
            plain.append(reboot(one, slot))
            flip(one)
            slot = "b" if slot == "a" else "a"
            flipped.append(reboot(one, slot))
            rows.progress(f"round {number + 1} of {ROUNDS}: plain {plain[-1]:.1f} s, other "
                          f"release {flipped[-1]:.1f} s")
        if slot == "b":
            flip(one)
            reboot(one, "a")
        one.type(" sudo proa poweroff\n")
        one.wait_off()
    finally:
        one.stop()
    return plain, flipped


def bad_release(disk, folder):
    seconds = []
    faulty = Faulty(folder)
    add_kernel_arguments(faulty, "rdinit=/nothing")
    faulty.ship(disk)
    one = start(disk, folder, "bad")
    try:
        for number in range(ROUNDS):
            flip(one)
            seconds.append(reboot(one, "a"))
            rows.progress(f"bad release, round {number + 1} of {ROUNDS}: {seconds[-1]:.1f} s")
        assert one.console.count("Kernel panic") == 2 * ROUNDS
    finally:
        one.stop()
    return seconds


def main():
    table = rows.Table("downtime")
    folder = rows.work_folder("downtime")
    golden = rows.golden(folder)
    run_quietly(BUILD / "proa", "upgrade", "--stage", "--disk", golden.path, "-b", find_bundle(),
                "--key", BUILD / "keys/1.root", "--allow-downgrade", "--yes")
    disk = Disk(golden.path).overlay(folder / "disk.qcow2")
    plain, flipped = map(rows.median, good_releases(disk, folder))
    bad = rows.median(bad_release(disk, folder))
    table.add("reboot command to user Docker's API", round(plain, 2), "s")
    table.add("into another release, against a plain reboot", round(flipped / plain, 3), "ratio", 1.1)
    table.add("a release that panics at once, and back", round(bad, 2), "s")
    table.add("the same, in plain reboots", round(bad / plain, 3), "ratio", 2.0)
    table.end()


main()
