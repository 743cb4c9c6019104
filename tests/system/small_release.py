"""Small releases for tests of the installer: the boot loader of this build, and little else."""

import os

from disk import BUILD, find_bundle, slot_image
from machine import run_quietly


def manifest_of(bundle):
    """The manifest's keys; it is the first member of an uncompressed tar."""
    with open(bundle, "rb") as file:
        header = file.read(512)
        text = file.read(int(header[124:135], 8)).decode()
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def boot_loader(folder):
    """The boot loader's files, out of this build's slot image."""
    grub = folder / "boot/grub"
    grub.mkdir(parents=True)
    ranges = manifest_of(find_bundle())
    with open(slot_image(), "rb") as image:
        for key, name in (("boot_img", "boot.img"), ("boot_core", "core.img"),
                          ("boot_esp_512", "esp-512.img"), ("boot_esp_4096", "esp-4096.img")):
            offset, size = map(int, ranges[key].split(","))
            image.seek(offset)
            (grub / name).write_bytes(image.read(size))


def make_tree(folder, filling=24 << 20):
    """A root tree of `filling` bytes that do not compress. Boots as far as GRUB."""
    boot_loader(folder)
    (folder / "filling").write_bytes(os.urandom(filling))
    return folder


def make_bundle(tree, folder, *options):
    """The bundle; `slot.img` and the manifest lie beside it."""
    run_quietly(BUILD / "proa-image", "build", "--tree", tree, "-o", folder, "--name", "r",
                "--version", "1.0", "--kernel", "6.12", "--docker", "28.5", "--time", "1700000000",
                "-l", "1", *options)
    return folder / "r.bundle"
