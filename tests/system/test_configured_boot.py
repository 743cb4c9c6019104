"""A cloud-config of all that is done once a boot; what of it goes wrong costs nothing else."""

import pytest

from machine import run_quietly

CONFIG = """\
bootcmd:
- echo early > /run/bootcmd
- [sh, -c, exit 3]
mounts:
- [/dev/vdb, /mnt/data, ext4, "noatime"]
- [/dev/vdz, /mnt/none]
- [tmpfs, /usr, tmpfs]
- [tmpfs, /mnt/../bin/, tmpfs]
- [tmpfs, /srv/twice/, tmpfs]
write_files:
- {path: /mnt/data/note, content: "on the second disk\\n", owner: proa, permissions: "0600"}
- {path: /etc/none, content: x}
runcmd:
- docker ps --format '{{.Names}}' > /run/runcmd; echo said
proa:
  docker:
    bip: 10.9.0.1/24
    log_opts: {no-such-option: "1"}
"""


def test_configured_boot(disk, machine, folder):
    second = folder / "second.img"
    run_quietly("truncate", "-s", "64M", second)
    run_quietly("mke2fs", "-q", "-t", "ext4", second)
    one = machine(disk(config=CONFIG), second)
    # User Docker does not start with that option; it does without.
    one.wait_boot("error: proa.docker: user Docker does not start with these options",
                  unless=None)
    one.wait_for("health gate passed")
    one.wait_shell()
    one.check("docker network inspect bridge | grep -q 172.17.0.1")

    assert one.check("cat /run/bootcmd").strip() == "early"
    assert "noatime" in one.check("findmnt -n /mnt/data")
    assert one.check("stat -c '%U %a' /mnt/data/note").strip() == "proa 600"
    one.wait_true("test -e /run/runcmd")
    assert "said" in one.check("sudo cat /var/log/runcmd.log")

    # What went wrong is said, with its place.
    said = one.check("sudo proa status; true")
    assert "Degraded" in said
    for words in ("line 3: bootcmd: ended with exit code 3 (/var/log/bootcmd.log)",
                  "mounts: there is no /dev/vdz", "proa.docker: user Docker does not start"):
        assert words in " ".join(said.split()), said
    log = one.check("sudo cat /var/log/syslog")
    assert "Linux version" in log, "the kernel's messages are missing in /var/log/syslog"

    # The options that user Docker does not start with come back, and go again.
    one.check("sudo proa config apply")
    one.wait_for("error: proa.docker: user Docker does not start with these options")
    one.wait_true("docker version")
    # Mounted once, whatever its name is written like, and nothing over the system's own.
    assert one.check("grep -c ' /srv/twice ' /proc/mounts").strip() == "1"
    assert "tmpfs" not in one.check("findmnt -n -o FSTYPE -T /usr/bin; findmnt -n -o FSTYPE -T /usr")


@pytest.mark.full
def test_system_docker_options(disk, machine):
    """They count from the next boot on; one with which it does not start is left out."""
    one = machine(disk(config="proa: {system_docker: {log_opts: {none: '1'}}}\n"))
    one.wait_boot("health gate passed")
    one.wait_shell()
    one.type(" sudo proa reboot\n")
    one.wait_boot("degraded: System Docker does not start with the options", unless=None)
    one.wait_for("health gate passed", unless=None)
    one.wait_shell()
    said = one.check("sudo proa status; true")
    assert "options of proa.system_docker" in " ".join(said.split()), said


# Both daemons run with it, and answer each of our requests with an error: we speak an older
# version of the API. Whatever is to be mounted hangs.
REFUSING = """\
bootcmd:
- printf '#!/bin/sh\\nexec sleep 300\\n' > /run/hang
- chmod 755 /run/hang
- mount --bind /run/hang /usr/bin/mount
mounts:
- [tmpfs, /mnt/one, tmpfs]
- [tmpfs, /mnt/two, tmpfs]
- [tmpfs, /mnt/three, tmpfs]
proa:
  docker: {environment: {DOCKER_MIN_API_VERSION: "1.51"}}
  system_docker: {environment: {DOCKER_MIN_API_VERSION: "1.51"}}
"""


@pytest.mark.full
def test_refusing_dockers(disk, machine):
    """Options with which a Docker runs, and is of no use, are left out as well."""
    one = machine(disk(config=REFUSING))
    one.wait_boot("error: proa.docker: user Docker does not answer with these options",
                  unless=None)
    one.wait_for("health gate passed", unless=None)
    one.wait_shell()
    # The manager waits for the first mount only, and tells of it later.
    one.wait_true("sudo proa status | tr -s ' \\n' ' ' | grep -q 'one: it took longer than 30 s'")
    one.type(" sudo proa reboot\n")
    one.wait_boot("degraded: System Docker does not answer with the options", unless=None)
    one.wait_for("health gate passed", unless=None)
    one.wait_shell()
    one.check("docker version && system-docker version")
