"""Orderly reboots never use up a healthy slot's attempts, however many follow each other."""


def test_ten_reboots(disk, machine, full):
    made = disk()
    one = machine(made)
    one.wait_boot("health gate passed")
    for _ in range(10 if full else 1):
        one.wait_shell()
        one.type(" sudo proa reboot\n")
        one.wait_for("rebooting")
        one.wait_boot("root verified: slot a", unless="root verified: slot b")
        one.wait_for("health gate passed")
    one.wait_shell()
    one.type(" sudo proa poweroff\n")
    one.wait_off()
    flip = made.flip()
    assert (flip["slot"], flip["a_left"], flip["a_good"]) == ("a", "4", "1")
    assert made.flip("mirror") == flip
