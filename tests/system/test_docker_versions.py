"""26.1 → 28.5 → 26.1: what Docker leaves on the state partition serves whichever one comes next.

With this pair the older engine takes the newer's data as they are (seen with 26.1.5 and 28.5.2),
and so nothing is put back. A third passage there and back has an engine that refuses them: before
it, a file is put in the place of the database of volumes that no dockerd starts with.
"""

import json

import pytest

from disk import Disk, find_bundle, install_command, manifest, older_bundle
from machine import LOAD_IMAGE, USER_IMAGE, run_quietly
from releasing import CHANNEL, publish
from web import Server

OLD, NEW = "26.1.", "28.5."
DATA = "/var/lib/docker"


def status(one):
    return json.loads(one.check("sudo proa status --json || true"))


def make(one, number):
    """A container on a network of its own that counts its starts in a volume of its own."""
    one.check(f"docker network create net{number}", 60)
    one.check(f"docker volume create --label made={number} volume{number}", 60)
    one.check(f"docker run -d --name c{number} --restart always --network net{number} "
              f"-v volume{number}:/data {USER_IMAGE} "
              "sh -c 'echo start >>/data/starts; exec sleep 99999'", 120)


def starts(one, number):
    return one.check(f"docker exec c{number} cat /data/starts", 60).split().count("start")


def check_containers(one, *numbers):
    for number in numbers:
        one.wait_true(f"docker ps --format '{{{{.Names}}}}' | grep -qx c{number}", 120)
        assert one.check(f"docker network inspect -f '{{{{len .Containers}}}}' net{number}") == "1"
        assert one.check("docker volume inspect -f '{{.Labels.made}}' "
                         f"volume{number}") == str(number)
    one.check(f"docker run --rm {USER_IMAGE} true", 120)


def check_built_image(one, kernel):
    """What a person built in System Docker stands on the userland that it was built on."""
    assert one.check("system-docker run --rm --network none mine:1 "
                     "/bin/sh -c 'cat /made; ls /usr/lib/modules' 2>/dev/null",
                     120).split() == ["by-a-person", kernel]


def engine(one, version):
    assert one.check("docker version -f '{{.Server.Version}}'").startswith(version)
    assert one.check("system-docker version -f '{{.Server.Version}}'").startswith(version)


def data_version(one):
    return one.check(f"sudo cat {DATA}/.proa/version")


def install_older(disk, arguments=""):
    run_quietly("truncate", "-s", "8G", disk)
    run_quietly(*install_command(disk, older_bundle()), "--append",
                f"cc.proa.autologin=true {arguments}")


def upgrade(one, folder):
    """While it runs, from a server: what both releases have need not come."""
    server = Server(publish(folder, "7", find_bundle()))
    try:
        one.check(f"sudo proa upgrade --channel {server.url(CHANNEL, '10.0.2.2')} --yes --json "
                  "> /tmp/said", 900)
    finally:
        server.stop()
    said = json.loads(one.check("tail -n 1 /tmp/said"))
    size = find_bundle().stat().st_size
    assert (said["result"], said["version"]) == ("upgraded", manifest()["version"]), said
    assert size // 10 < said["bytes_fetched"] < size and said["bytes_reused"] > 0, said
    one.type(" sudo proa reboot\n")


@pytest.mark.full
def test_docker_versions(machine, folder):
    disk = folder / "disk.img"
    install_older(disk)
    one = machine(Disk(disk))
    one.wait_boot("health gate passed")
    one.wait_shell()
    engine(one, OLD)
    kernel = one.check("uname -r")
    assert data_version(one) == "version=1"
    one.check(LOAD_IMAGE, 300)
    make(one, 1)
    one.check("system-docker run --name builder proa/os /bin/sh -c 'echo by-a-person >/made'", 120)
    one.check("system-docker commit builder mine:1 && system-docker rm builder", 120)
    upgrade(one, folder)

    one.wait_boot("user Docker's data are copied")
    one.wait_for("health gate passed")
    one.wait_shell()
    engine(one, NEW)
    assert status(one)["version"] == manifest()["version"]
    assert data_version(one) == "version=2"
    one.check(f"sudo test -f {DATA}/.proa/saved-1/image/overlay2/repositories.json")
    one.check(f"sudo test ! -e {DATA}/.proa/saved-1/overlay2")
    check_containers(one, 1)
    assert starts(one, 1) == 2
    check_built_image(one, kernel)
    make(one, 2)
    one.type(" sudo proa rollback --reboot\n")

    one.wait_boot("health gate passed")
    one.wait_shell()
    engine(one, OLD)
    check_containers(one, 1, 2)
    assert (starts(one, 1), starts(one, 2)) == (3, 2)
    check_built_image(one, kernel)
    # Nothing was put back: it has taken them as they are, and of these there is no copy.
    assert data_version(one) == "version=1"
    assert one.check(f"sudo ls {DATA}/.proa").split() == ["version"]
    assert "degraded" not in status(one) or not status(one)["degraded"]
    one.type(" sudo proa rollback --reboot\n")

    # There again, and back with what the older one refuses.
    one.wait_boot("user Docker's data are copied")
    one.wait_for("health gate passed")
    one.wait_shell()
    engine(one, NEW)
    check_containers(one, 1, 2)
    check_built_image(one, kernel)
    one.check(f"docker run -d --name c3 {USER_IMAGE} sleep 99999", 120)
    one.check(f"echo no database | sudo tee {DATA}/volumes/new && "
              f"sudo mv {DATA}/volumes/new {DATA}/volumes/metadata.db")
    one.type(" sudo proa rollback --reboot\n")

    one.wait_boot("error: service docker: ended with exit code 1", unless=None)
    one.wait_for("user Docker's older data are back", 120)
    one.wait_for("health gate passed")
    one.wait_shell()
    engine(one, OLD)
    check_containers(one, 1, 2)
    assert starts(one, 1) == 5
    assert data_version(one) == "version=1"
    assert "c3" not in one.check("docker ps -a --format '{{.Names}}'").split()
    assert one.check(f"sudo cat {DATA}/.proa/refused-2/volumes/metadata.db") == "no database"
    one.check(f"sudo grep -rl '/c3\"' {DATA}/.proa/refused-2/containers")
    assert "refused-2: remove that folder" in status(one)["degraded"]


@pytest.mark.full
def test_no_room(machine, folder):
    """Then the newer engine does not start, and the machine goes back to the release before."""
    disk = folder / "disk.img"
    install_older(disk, "cc.proa.health.deadline=100s")
    one = machine(Disk(disk))
    one.wait_boot("health gate passed")
    one.wait_shell()
    one.check(LOAD_IMAGE, 300)
    make(one, 1)
    one.check(f"sudo fallocate -l 300M {DATA}/image/padding")
    one.check("sudo fallocate -l $(($(df --output=avail -B1 /var | tail -n1) - 200000000)) "
              "/var/lib/fill")
    upgrade(one, disk)
    Disk(disk).patch_flip("b_left=2", "b_left=1") # one attempt is as good as two, and quicker

    one.start()
    one.wait_boot(f"root verified: slot b, version {manifest()['version']}")
    one.wait_for("error: user Docker: there is no room for a copy")
    one.wait_for("error: health gate failed: .*there is no room for a copy")
    one.wait_for("rebooting")

    one.wait_boot("health gate passed")
    one.wait_shell()
    engine(one, OLD)
    assert status(one)["fellback"] is True
    check_containers(one, 1)
    assert data_version(one) == "version=1"
    assert "there is no room for a copy" in one.check("sudo proa history")
