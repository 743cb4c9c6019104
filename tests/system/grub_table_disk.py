"""Disk files for the tests of GRUB's decision: a GPT as small as it may be, with
proa-flip rendered and GRUB placed by the boot loader's own code (grub_table)."""

import os
import struct
import subprocess
import uuid
import zlib

MIB = 1 << 20
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
FORKY = os.environ.get("FORKY", os.path.join(TOP, "build", "chroots", "forky"))
GRUB_TABLE = os.path.join(BUILD, "tests", "grub_table")

TYPE_BIOS = "21686148-6449-6e6f-744e-656564454649"
TYPE_ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
TYPE_OTHER = "0fc63daf-8483-4772-8e79-3d69d8477de4"

# Offsets in proa-flip: bootloader/flipfs.h.
BLOCK_OFFSET = 8 * 4096
MIRROR_OFFSET = 16 * 4096
ARGS_OFFSET = 24 * 4096
ARGS_SIZE = 4096
BLOCK_SIZE = 512

VARIABLES = ("v", "slot", "a_left", "a_good", "b_left", "b_good", "turn", "tok", "end")
HEADER = b"# GRUB Environment Block\n"


def guid(number):
    """The PARTUUID of the test disk's partition `number`."""
    return "0fa5c0de-0000-4000-8000-%012x" % number


def block(slot="a", a_left=4, a_good=0, b_left=0, b_good=0, turn="a", tok="000000", v=1, end=1):
    """A flip block; values are not checked, so that a damaged one can be made."""
    values = dict(v=v, slot=slot, a_left=a_left, a_good=a_good, b_left=b_left, b_good=b_good,
                  turn=turn, tok=tok, end=end)
    text = HEADER + b"".join(f"{name}={values[name]}\n".encode() for name in VARIABLES)
    return text.ljust(BLOCK_SIZE, b"#")


def run_table(*arguments, **options):
    return subprocess.run([GRUB_TABLE, *arguments], check=True, stdout=subprocess.PIPE, **options).stdout


def answers(rows):
    """What the C model says: rows of (block, mirror, writable, kernel_a, kernel_b, clock, tok);
    a kernel is 0 (unreadable), 1 (whole) or 2 (damaged)."""
    lines = "".join("%s %s %d %d %d %d %s\n" % (row[0].hex(), row[1].hex(), *map(int, row[2:6]), row[6])
                    for row in rows)
    found = []
    for line in run_table("model", input=lines.encode()).decode().splitlines():
        slot, fellback, lastresort, unsaved, flip, after = line.split()
        found.append(dict(slot=None if slot == "-" else slot, fellback=fellback == "1",
                          lastresort=lastresort == "1", unsaved=unsaved == "1",
                          flip=None if flip == "-" else flip, block=bytes.fromhex(after)))
    assert len(found) == len(rows)
    return found


class Disk:
    """A disk file. `slots` is what the two slots hold (bytes, padded to whole MiB)."""

    def __init__(self, path, esp_mib=1, slots=(b"", b""), sector=512, args=""):
        self.path = path
        self.sector = sector
        sizes = [2, esp_mib, 2] + [max(1, -(-len(slot) // MIB)) for slot in slots]
        types = [TYPE_BIOS, TYPE_ESP, TYPE_OTHER, TYPE_OTHER, TYPE_OTHER]
        names = ["proa-bios", "proa-esp", "proa-flip", "proa-a", "proa-b"]
        self.offsets, at = [], MIB
        for size in sizes:
            self.offsets.append(at)
            at += size * MIB
        self.sizes = [size * MIB for size in sizes]
        self._write_gpt(at + MIB, types, names)
        with open(path, "r+b") as f:
            f.seek(self.offsets[2])
            f.write(run_table("flipfs", args))
            for offset, content in zip(self.offsets[3:], slots):
                f.seek(offset)
                f.write(content)

    def _write_gpt(self, size, types, names):
        """UEFI specification 2.10, §5.3: protective MBR, header and entries, both copies."""
        sectors = size // self.sector
        entries = b""
        for i, (kind, name) in enumerate(zip(types, names)):
            first = self.offsets[i] // self.sector
            last = (self.offsets[i] + self.sizes[i]) // self.sector - 1
            entries += uuid.UUID(kind).bytes_le + uuid.UUID(guid(i + 1)).bytes_le
            entries += struct.pack("<QQQ", first, last, 0) + name.encode("utf-16le").ljust(72, b"\0")
        entries = entries.ljust(128 * 128, b"\0")
        span = len(entries) // self.sector

        def header(own, other, at):
            text = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, own, other, 2 + span,
                               sectors - span - 2, uuid.UUID(guid(0)).bytes_le, at, 128, 128,
                               zlib.crc32(entries))
            return text[:16] + struct.pack("<I", zlib.crc32(text)) + text[20:]

        mbr = bytearray(512)
        mbr[446:462] = struct.pack("<8BII", 0, 0, 2, 0, 0xee, 255, 255, 255, 1, sectors - 1)
        mbr[510:] = b"\x55\xaa"
        with open(self.path, "wb") as f:
            f.truncate(size)
            f.write(mbr)
            f.seek(self.sector)
            f.write(header(1, sectors - 1, 2))
            f.seek(2 * self.sector)
            f.write(entries)
            f.seek((sectors - 1 - span) * self.sector)
            f.write(entries)
            f.write(header(sectors - 1, 1, sectors - 1 - span))

    def place_grub(self, images):
        run_table("place", self.path, str(self.offsets[0]), str(self.offsets[1]), str(self.sizes[1]),
                  str(self.sector), images)

    def update_grub(self, images):
        run_table("update", self.path, str(self.offsets[0]), images)

    def put(self, block_bytes, mirror_bytes):
        with open(self.path, "r+b") as f:
            for offset, content in ((BLOCK_OFFSET, block_bytes), (MIRROR_OFFSET, mirror_bytes)):
                f.seek(self.offsets[2] + offset)
                f.write(content)

    def args(self, write=None):
        """The arguments file; replaced by `write`, if given."""
        with open(self.path, "r+b") as f:
            f.seek(self.offsets[2] + ARGS_OFFSET)
            if write is None:
                return f.read(ARGS_SIZE)
            return f.write(write)

    def get(self):
        """The block and the mirror as they are on the disk."""
        with open(self.path, "rb") as f:
            found = []
            for offset in (BLOCK_OFFSET, MIRROR_OFFSET):
                f.seek(self.offsets[2] + offset)
                found.append(f.read(BLOCK_SIZE))
        return tuple(found)
