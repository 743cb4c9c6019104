"""Disk files: golden installs, overlays, and faults written into them offline."""

import os
import pathlib
import re
import struct
import subprocess
import tempfile
import uuid

import machine as machines
from machine import ROOT, run_quietly

# PROA_BUILD: another build folder than the usual one.
BUILD = pathlib.Path(os.environ.get("PROA_BUILD", ROOT / "build"))
IMAGE = BUILD / "image"

# Byte offsets in proa-flip (bootloader/flipfs.h): a format that does not change.
FLIP_OFFSETS = {"block": 0x8000, "mirror": 0x10000}
ENVIRONMENT_MAGIC = b"# GRUB Environment Block\n"


class Disk:
    """A disk file, raw or qcow2. Read and write only while no machine runs on it."""

    def __init__(self, path, sector=512):
        self.path = pathlib.Path(path)
        self.sector = sector
        self._partitions = None

    def overlay(self, path):
        """A copy of its own: what is written there leaves this one as it is."""
        return Disk(machines.overlay(self.path, path,
                                     "qcow2" if self.qcow2 else "raw"), self.sector)

    @property
    def qcow2(self):
        return machines.image_is_qcow2(self.path)

    def read(self, offset, length):
        if not self.qcow2:
            with open(self.path, "rb") as image:
                image.seek(offset)
                return image.read(length)
        start = offset - offset % 512
        blocks = -(-(offset + length - start) // 512)
        with tempfile.NamedTemporaryFile() as out:
            run_quietly("qemu-img", "dd", "-f", "qcow2", "-O", "raw", "bs=512",
                        f"skip={start // 512}", f"count={start // 512 + blocks}",
                        f"if={self.path}", f"of={out.name}")
            data = pathlib.Path(out.name).read_bytes()
        return data[offset - start:offset - start + length]

    def write(self, offset, data):
        if not self.qcow2:
            with open(self.path, "r+b") as image:
                image.seek(offset)
                image.write(data)
            return
        with tempfile.NamedTemporaryFile() as source:
            source.write(data)
            source.flush()
            run_quietly("qemu-io", "-f", "qcow2", "-c",
                        f"write -q -s {source.name} {offset} {len(data)}", self.path)

    def wipe(self, label):
        """Zeros over a whole partition."""
        start, length = self.partition(label)
        # qemu-io takes less than 2 GiB at once.
        pieces = [f"write -q -z {at} {min(1 << 30, start + length - at)}"
                  for at in range(start, start + length, 1 << 30)]
        run_quietly("qemu-io", "-f", "qcow2" if self.qcow2 else "raw",
                    *(word for piece in pieces for word in ("-c", piece)), self.path)

    def partition(self, label):
        """(first byte, length) of a partition, out of the GPT."""
        if self._partitions is None:
            self._partitions = self._read_gpt()
        return self._partitions[label]

    def partition_uuid(self, label):
        self.partition(label)
        return self._uuids[label]

    def _read_gpt(self):
        header = self.read(self.sector, 92)
        assert header[:8] == b"EFI PART", f"{self.path} has no GPT"
        entries_lba, count, size = struct.unpack_from("<QII", header, 72)
        table = self.read(entries_lba * self.sector, count * size)
        found, self._uuids = {}, {}
        for index in range(count):
            entry = table[index * size:(index + 1) * size]
            first, last = struct.unpack_from("<QQ", entry, 32)
            label = entry[56:128].decode("utf-16-le").rstrip("\0")
            if label:
                found[label] = (first * self.sector, (last + 1 - first) * self.sector)
                self._uuids[label] = str(uuid.UUID(bytes_le=entry[16:32]))
        return found

    # -- the flip block (docs/internals.md) ----------------------------------

    def flip(self, which="block"):
        """The variables of the block or the mirror; None where it is not whole."""
        return parse_flip(self.read(self._flip_at(which), self.sector))

    def patch_flip(self, before, after):
        """Replaces a variable in block and mirror: patch_flip("b_left=2", "b_left=1")."""
        for which in FLIP_OFFSETS:
            block = self.read(self._flip_at(which), self.sector)
            assert block.count(before.encode()) == 1 and len(before) == len(after)
            self.write(self._flip_at(which), block.replace(before.encode(), after.encode()))

    def damage_flip(self, which):
        self.write(self._flip_at(which), b"\xff" * self.sector)

    def _flip_at(self, which):
        return self.partition("proa-flip")[0] + FLIP_OFFSETS[which]

    # -- the slot ------------------------------------------------------------

    def corrupt_slot(self, slot, offset, length=4096):
        """Flips every bit of some bytes of a slot."""
        at = self.partition(f"proa-{slot}")[0] + offset
        self.write(at, bytes(byte ^ 0xff for byte in self.read(at, length)))


def parse_flip(block):
    """The flip block's variables, or None where the block is damaged (DESIGN §3)."""
    if not block.startswith(ENVIRONMENT_MAGIC):
        return None
    text = block.decode("ascii", "replace")
    values = dict(line.split("=", 1) for line in text.split("\n") if "=" in line)
    whole = values.get("v") == "1" and values.get("end") == "1"
    return values if whole else None


class Golden:
    """Installed disks, each kind made once."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._made = {}

    def get(self, size="8G", sector=512, append="", config=None, autologin=True, flipped=False):
        """autologin: the console asks for nothing, so that tests can type there.
        flipped: slot b holds the release, too, and is on trial."""
        if autologin:
            append = f"{append} cc.proa.autologin=true".strip()
        kind = (size, sector, append, config, flipped)
        if kind not in self._made:
            self._made[kind] = self._install(*kind)
        return self._made[kind]

    def _install(self, size, sector, append, config, flipped):
        path = self.folder / f"golden{len(self._made)}-{size}-{sector}.img"
        run_quietly("truncate", "-s", size, path)
        command = [*install_command(path), *(["--append", append] if append else [])]
        if config:
            source = path.with_suffix(".yml")
            source.write_text(config)
            command += ["-c", source]
        if sector != 512:
            command += ["--sector-size", sector]
        run_quietly(*command)
        if flipped:
            run_quietly(BUILD / "proa", "upgrade", "--disk", path, "-b", find_bundle(), "--key",
                        BUILD / "keys/1.root", "--allow-downgrade", "--yes")
        return Disk(path, sector)


def install_command(path, bundle=None, key=None):
    """`proa install` onto a plain file, with this build's bundle and its key."""
    return [BUILD / "proa", "install", "-d", path, "-b", bundle or find_bundle(), "--key",
            key or BUILD / "keys/1.root", "--yes"]


def find_bundle():
    found = sorted(IMAGE.glob("*.bundle"))
    assert len(found) == 1, f"expected one bundle in {IMAGE}, found {len(found)}"
    return found[0]


def older_bundle():
    """The older half of the release pair; made where this build has none yet (minutes)."""
    if BUILD == ROOT / "build":
        run_quietly(ROOT / "scripts/prepare", "--older")
    found = sorted((BUILD / "older").glob("*.bundle"))
    assert len(found) == 1, f"{BUILD}/older: no bundle; scripts/prepare --older makes it"
    return found[0]


def slot_image():
    """The slot image as it was built: the same bytes as in a slot, from its start."""
    return IMAGE / "slot.img"


def manifest():
    """The release's manifest, as a dictionary of strings."""
    lines = next(IMAGE.glob("*.manifest")).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines[1:])


def file_extent(path):
    """(offset, length) of a file within the slot image, by its path in the image."""
    text = run_quietly("dump.erofs", f"--path={path}", "-e", slot_image())
    found = re.search(r"^\s*0:\s+\d+\.\.\s*\d+\s+\|\s+(\d+)\s+:\s+(\d+)\.\.\s*(\d+)", text,
                      re.MULTILINE)
    assert found, f"dump.erofs shows no extent for {path}:\n{text}"
    start, end = int(found.group(2)), int(found.group(3))
    return start, end - start
