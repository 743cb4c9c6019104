"""The image is what docs/internals.md says, and building it again gives the same bytes."""

import filecmp
import json
import os
import subprocess

import pytest

import machine as machines

ROOT = machines.ROOT
IMAGE = ROOT / "build/image"
MEGABYTE = 1000 * 1000


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The slot's files, read back out of the image by erofs-utils."""
    folder = tmp_path_factory.mktemp("image") / "tree"
    subprocess.run(["fsck.erofs", f"--extract={folder}", "--overwrite", "--preserve",
                    IMAGE / "slot.img"], check=True, capture_output=True)
    yield folder
    subprocess.run(["rm", "-rf", folder], check=True)


@pytest.mark.parametrize("path, target", [
    ("usr", "layers/os/usr"), ("etc", "layers/os/etc"), ("bin", "usr/bin"), ("sbin", "usr/sbin"),
    ("lib", "usr/lib"), ("lib64", "usr/lib64"),
    ("layers/os/etc/resolv.conf", "/run/proa/resolv.conf"),
    ("layers/os/etc/hostname", "/run/proa/hostname"),
    ("layers/os/etc/machine-id", "/run/proa/machine-id"),
])
def test_links(tree, path, target):
    assert os.readlink(tree / path) == target


@pytest.mark.parametrize("path", [
    "boot/vmlinuz", "boot/initrd", "boot/grub/core.img", "boot/grub/boot.img",
    "boot/grub/esp-512.img", "boot/grub/esp-4096.img", "sbin/init", "usr/bin/proa",
    "usr/bin/system-docker", "usr/sbin/dockerd", "usr/bin/containerd", "usr/lib/proa/proa-services",
    "usr/lib/proa/services.yml", "usr/lib/proa/keys/1.root", "usr/lib/proa/keys/1.root.sig",
    "usr/lib/proa/images/busybox.tar", "usr/lib/os-release",
])
def test_files(tree, path):
    assert (tree / path).stat().st_size > 0


@pytest.mark.parametrize("name", ["apt", "dpkg", "perl", "python3", "systemctl", "docker-compose"])
def test_absent_programs(tree, name):
    assert not (tree / "usr/bin" / name).exists()


def test_arguments_are_a_grub_environment_block(tree):
    block = (tree / "boot/args").read_bytes()
    assert len(block) == 1024
    assert block.startswith(b"# GRUB Environment Block\nargs=console=tty0 ")
    assert block.rstrip(b"#").endswith(b"\n")


def test_nobody_has_a_password(tree):
    etc, login = tree / "layers/os/etc", tree / "layers/os/usr/lib/proa/login"
    shadow = (login / "shadow").read_text().splitlines()
    assert {line.split(":")[1] for line in shadow} <= {"*", "!"}
    # What counts on a machine is made of its own configuration.
    assert os.readlink(etc / "shadow") == "/run/proa/login/shadow"
    assert os.readlink(etc / "sudoers.d/proa") == "/run/proa/login/sudoers"
    # The package makes host keys when it is installed: all machines would share them.
    assert [path.name for path in (etc / "ssh").iterdir() if "host" in path.name] == []


def test_modules_are_whole(tree):
    """Each dependency that depmod names is a file, uncompressed."""
    [modules] = (tree / "layers/os/usr/lib/modules").iterdir()
    for line in (modules / "modules.dep").read_text().splitlines():
        for path in line.replace(":", "").split():
            assert path.endswith(".ko") and (modules / path).exists(), path


def test_seed_names_the_layer(tree):
    """One image under two names, whose only layer is the slot's own userland."""
    images = tree / "seed/image/overlay2"
    names = json.loads((images / "repositories.json").read_text())["Repositories"]["proa/os"]
    [digest] = set(names.values())
    config = json.loads((images / "imagedb/content/sha256" / digest.split(":")[1]).read_text())
    [diff] = config["rootfs"]["diff_ids"]
    layer = images / "layerdb/sha256" / diff.split(":")[1]
    assert (layer / "diff").read_text() == diff
    cache = tree / "seed/overlay2" / (layer / "cache-id").read_text()
    assert os.readlink(cache / "diff") == "/layers/os"
    link = tree / "seed/overlay2/l" / (cache / "link").read_text()
    assert os.readlink(link) == f"../{cache.name}/diff"


def test_size():
    """The bundle's size is for scripts/bench: tests compress quickly, releases well."""
    assert (IMAGE / "slot.img").stat().st_size <= 600 * MEGABYTE


def test_sbom_names_what_is_in_it():
    [sbom] = IMAGE.glob("*.spdx.json")
    packages = {package["name"] for package in json.loads(sbom.read_text())["packages"]}
    assert {"docker.io", "containerd", "runc", "libc6", "busybox-static", "grub-pc-bin"} <= packages
    assert any(name.startswith("linux-image-") for name in packages)
    assert not {"dpkg", "perl-base"} & packages


def test_built_again_it_is_the_same(folder):
    """On another day, in another place and language, with another umask."""
    level = (IMAGE / "stamp").read_text().split()[0]
    environment = {**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"}
    subprocess.run(["sh", "-c", 'umask 077; exec "$@"', "sh", ROOT / "images/build",
                    folder / "again", "--level", level], check=True, env=environment)
    for first in [IMAGE / "slot.img", *IMAGE.glob("*.bundle"), *IMAGE.glob("*.spdx.json")]:
        assert filecmp.cmp(first, folder / "again" / first.name, shallow=False), first.name
