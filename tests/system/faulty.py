"""Faulty releases: the one in slot b, with files changed in place, hash tree and signature anew.

A publisher who ships a broken release has signed it, and every block of it verifies. So the
hash tree is made again for what was changed, and the descriptor is signed with the test key;
by what docs/internals.md says of the formats, and not with Proa's own code.
"""

import base64
import hashlib
import mmap
import re
import struct

from disk import BUILD, file_extent, manifest, slot_image
from machine import ROOT, run_quietly

BLOCK = 4096
DESCRIPTOR = 64 << 10
ROOT_KEY = BUILD / "keys/test.key"


def program(folder, fault):
    """A program that exits, segfaults or hangs at once, or takes all memory: its bytes."""
    out = folder / f"faulty-{fault}"
    run_quietly("cc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-nostdlib", "-ffreestanding",
                "-fno-stack-protector", "-fno-delete-null-pointer-checks", "-Wl,--build-id=none",
                f"-DFAULT='{fault[0]}'", "-o", out, ROOT / "tests/system/faulty.c")
    return out.read_bytes()


def add_kernel_arguments(faulty, text):
    """To the release's own, a GRUB environment block that is filled up with '#'."""
    path = "/boot/args"
    before = faulty.contents(path).rstrip(b"#").rstrip(b"\n")
    faulty.replace(path, before + b" " + text.encode() + b"\n", b"#")


def signatures(folder, text, key):
    """What stands in N.sig for this text: one signature, by this private key."""
    file, signature = folder / "signed", folder / "signature"
    file.write_bytes(text)
    run_quietly("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", file, "-out",
                signature)
    public = run_quietly("openssl", "pkey", "-in", key, "-pubout", "-outform", "PEM")
    raw = base64.b64decode("".join(public.splitlines()[1:-1]))[-32:]
    return (f"proa-signature 1\n{hashlib.sha256(raw).hexdigest()[:16]} "
            f"{base64.b64encode(signature.read_bytes()).decode()}\n").encode()


def neighbours(numbers):
    """(first, last) of each row of numbers without a gap."""
    rows = []
    for number in sorted(numbers):
        if rows and rows[-1][1] == number - 1:
            rows[-1][1] = number
        else:
            rows.append([number, number])
    return rows


class Faulty:
    """Changes to slot b's file system; `ship` writes them to a disk that holds the release there."""

    def __init__(self, folder):
        self.folder = folder
        with open(slot_image(), "rb") as file:
            self.image = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        self.fields = dict(manifest())
        self.changed = set()

    def write(self, offset, data):
        self.image[offset:offset + len(data)] = data
        self.changed.update(range(offset // BLOCK, (offset + len(data) - 1) // BLOCK + 1))

    def contents(self, path):
        offset, length = file_extent(path)
        return self.image[offset:offset + min(length, self._inode(path)[1])]

    def replace(self, path, data, filling=b""):
        """Other contents; the length stays, what is left over is filled, or stays as it is."""
        length = self._inode(path)[1]
        assert len(data) <= length, f"{path} has room for {length} bytes"
        self.write(file_extent(path)[0], data + filling * (length - len(data)))

    def truncate(self, path, length):
        where, before, wide = self._inode(path)
        assert length < before
        self.write(where + 8, struct.pack("<Q" if wide else "<I", length))

    def rename(self, path, name):
        """Another name of the same length, which must not change the folder's order."""
        folder, old = path.rsplit("/", 1)
        where = self._inode(folder)[0]
        assert len(name) == len(old)
        # A small folder's names stand behind its inode.
        at = self.image.find(old.encode(), where, where - where % BLOCK + BLOCK)
        assert at > 0, f"{folder} has no {old}"
        self.write(at, name.encode())

    def rename_in_initrd(self, path, name):
        at = next(at for found, at, _ in self._initrd() if found == path)
        assert len(name) == len(path)
        self.write(self.image.rfind(path.encode() + b"\0", 0, at), name.encode())

    def replace_in_initrd(self, path, data):
        _, at, size = next(file for file in self._initrd() if file[0] == path)
        assert len(data) <= size
        self.write(at, data)

    def initrd_names(self):
        return [name for name, _, _ in self._initrd()]

    def ship(self, disk, *, key=ROOT_KEY, root_hash=None, sums=True):
        """Onto the disk: changed blocks, hash tree, signed descriptor.

        sums: also the sums that GRUB compares, as for every kernel that is built.
        """
        if sums:
            digest = hashlib.sha256(self.contents("/boot/vmlinuz")).hexdigest()
            for name in ("sums", "sums.copy"):
                self.replace(f"/boot/{name}", f"{digest}  vmlinuz\n".encode())
        self.fields["root_hash"] = root_hash or self._hash_tree()
        at, length = disk.partition("proa-b")
        for first, last in neighbours(self.changed):
            disk.write(at + first * BLOCK, self.image[first * BLOCK:(last + 1) * BLOCK])
        where = at + length - DESCRIPTOR
        disk.write(where, self._descriptor(disk.read(where, DESCRIPTOR), key))

    # -- inside --------------------------------------------------------------

    def _inode(self, path):
        """(byte offset, the file's length, whether its inode is an extended one)."""
        text = run_quietly("dump.erofs", f"--path={path}", slot_image())
        nid = int(re.search(r"^NID: (\d+)", text, re.MULTILINE).group(1))
        # EROFS: the superblock is at 1024, its meta_blkaddr at 40; an inode has slots of 32 bytes.
        meta = struct.unpack_from("<I", self.image, 1024 + 40)[0]
        where = meta * BLOCK + nid * 32
        wide = bool(self.image[where] & 1)
        size = struct.unpack_from("<Q" if wide else "<I", self.image, where + 8)[0]
        return where, size, wide

    def _initrd(self):
        """(name, where in the image its contents begin, their length) of the initramfs' files.

        A cpio archive of the format "newc": a header of 110 characters, the name, the contents,
        each filled up to 4 bytes.
        """
        start, _ = file_extent("/boot/initrd")
        at = 0
        while True:
            header = self.image[start + at:start + at + 110]
            assert header[:6] == b"070701"
            size, name_size = int(header[54:62], 16), int(header[94:102], 16)
            name = self.image[start + at + 110:start + at + 110 + name_size - 1].decode()
            if name == "TRAILER!!!":
                return
            contents = (at + 110 + name_size + 3) // 4 * 4
            yield name, start + contents, size
            at = (contents + size + 3) // 4 * 4

    def _hash_tree(self):
        """Makes the tree anew where blocks were changed; returns the root hash.

        dm-verity's: the topmost level stands first, behind the file system.
        """
        salt = bytes.fromhex(self.fields["salt"])
        counts, blocks = [], int(self.fields["fs_size"]) // BLOCK
        while blocks > 1:
            blocks = -(-blocks // 128)
            counts.append(blocks)
        first = int(self.fields["fs_size"]) // BLOCK + sum(counts)
        changed = {block for block in self.changed if block * BLOCK < int(self.fields["fs_size"])}
        below = 0
        for count in counts:
            first -= count
            above = set()
            for block in changed:
                digest = hashlib.sha256(salt + self.image[block * BLOCK:(block + 1) * BLOCK])
                place = first * BLOCK + (block - below) * 32
                self.write(place, digest.digest())
                above.add(place // BLOCK)
            below, changed = first, above
        top = int(self.fields["fs_size"])
        return hashlib.sha256(salt + self.image[top:top + BLOCK]).hexdigest()

    def _descriptor(self, before, key):
        assert before[:8] == b"PROASLOT"
        text = "proa-manifest 1\n" + "".join(f"{k}={v}\n" for k, v in self.fields.items())
        signed = signatures(self.folder, text.encode(), key)
        body = text.encode() + signed
        head = before[:12] + struct.pack("<III", len(text.encode()), len(signed), 0) + before[24:40]
        head += hashlib.sha256(head + body).digest()
        return (head + body).ljust(DESCRIPTOR, b"\0")
