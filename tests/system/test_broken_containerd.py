"""A power cut has broken containerd's database: the machine comes up all the same."""

import pytest

from machine import LOAD_IMAGE, USER_IMAGE

DATABASE = "/var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db"


@pytest.mark.full
def test_broken_containerd(disk, machine):
    one = machine(disk())
    one.wait_boot("health gate passed")
    one.wait_shell()
    one.check(LOAD_IMAGE, 300)
    one.check(f"docker run -d --name kept --restart always {USER_IMAGE} sleep 99999")
    one.check(f"sudo dd if=/dev/urandom of={DATABASE} bs=4096 count=8 conv=notrunc,fsync")
    one.power_cut()

    one.start()
    one.wait_boot("containerd does not work; its store is made anew", 600, unless=None)
    one.wait_for("health gate passed", 600)
    one.wait_shell()
    # A person's containers come back: what Docker knows of them lies elsewhere.
    one.wait_true("docker ps --format '{{.Names}}' | grep -x kept")
    one.check("docker exec kept true")
