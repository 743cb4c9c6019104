"""256 MiB are enough to boot and to run three containers."""

from machine import LOAD_IMAGE, USER_IMAGE


def test_small_memory(disk, machine):
    one = machine(disk(), memory=256)
    one.wait_boot("user Docker answers", 400)
    one.wait_for("health gate passed", 400)
    one.wait_shell()
    one.check(LOAD_IMAGE, 300)
    for name in ("one", "two", "three"):
        one.check(f"docker run -d --name {name} {USER_IMAGE} sleep 99999", 300)
    names = one.check("docker ps --format '{{.Names}}'", 300).split()
    assert sorted(names) == ["one", "three", "two"]
    assert "Out of memory" not in one.console
