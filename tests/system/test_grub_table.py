"""grub.cfg, run by the real GRUB 2.14 (as grub-emu), against the C model: for each
row the slot picked, what the kernel is told, and the block left on the disk.

The decision is the shipped grub.cfg itself. grub-emu's own `linux` stands for
the firmware's: it takes a kernel that exists as a file beside it, says what it
would start, and starts nothing. Needs root (chroot, loop device).
"""

import itertools
import os
import re
import select
import shutil
import subprocess
import tempfile
import time

import pytest

import grub_table_disk as disks
from grub_table_disk import HEADER, VARIABLES, block

GOOD = block()


class Emulator:
    """GRUB in its chroot, and the one disk that it sees."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="grub-table.", dir=os.path.join(disks.FORKY, "tmp"))
        self.inside = "/tmp/" + os.path.basename(self.folder)
        self.disk = disks.Disk(self._path("disk"), args="console=ttyS0")
        os.mkdir(self._path("config"))
        shutil.copy(os.path.join(disks.TOP, "bootloader/grub/grub.cfg"), self._path("config/proa.cfg"))
        self._write("config/grub.cfg", "set root=hd0,gpt3\nset debug=linux\nexport debug\n"
                    f"source (host){self.inside}/config/proa.cfg\n")
        self._write("plain.map", f"(hd0) {self.inside}/disk\n")
        # One working folder for each set of slots whose kernel and initramfs can be read.
        for readable in itertools.product((False, True), repeat=2):
            for slot, there in zip((4, 5), readable):
                boot = self._path("%d%d/(hd0,gpt%d)/boot" % (*readable, slot))
                os.makedirs(boot)
                if there:
                    for name in ("vmlinuz", "initrd"):
                        open(os.path.join(boot, name), "w").close()

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, text):
        with open(self._path(name), "w") as f:
            f.write(text)

    def close(self):
        shutil.rmtree(self.folder)

    def map_device(self, device):
        """A second device map, whose disk is the block device `device`."""
        node = self._path("node")
        os.mknod(node, 0o600 | 0o060000, os.stat(device).st_rdev)
        self._write("device.map", f"(hd0) {self.inside}/node\n")

    def run(self, readable, device_map="plain.map"):
        """Boots once. Returns GRUB's output up to where it would start a kernel or restart."""
        process = subprocess.Popen(
            ["chroot", disks.FORKY, "sh", "-c",
             'cd "$0" && exec env TERM=dumb grub-emu -r host -d "$1" -m "$2"',
             f"{self.inside}/{int(readable[0])}{int(readable[1])}", f"{self.inside}/config",
             f"{self.inside}/{device_map}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text, deadline = b"", time.monotonic() + 20
        try:
            while b"restarting" not in text and b"Press any key to exit" not in text:
                ready, _, _ = select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))
                assert ready, f"GRUB hangs: {text!r}"
                more = os.read(process.stdout.fileno(), 65536)
                if not more:
                    break
                text += more
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        # GRUB breaks its lines at 80 columns, between words.
        return re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.decode(errors="replace")))


def decision(output):
    """What GRUB did, in the words of the model's answer, and the time on its clock."""
    clocks = set(re.findall(r"Proa: (?:slot [ab]|no slot can be read) at (\d{6})", output))
    assert len(clocks) == 1, output
    found = dict(slot=None, fellback=False, lastresort=False, unsaved=False, flip=None)
    kernel = re.search(r"kexec -la \(hd0,gpt([45])\)/boot/vmlinuz --initrd=\(hd0,gpt([45])\)/boot/initrd "
                       r"--command-line=([^']*)'", output)
    if not kernel:
        assert "restarting" in output, output
        return found, clocks.pop()
    number, initrd_number, command_line = kernel.groups()
    words = command_line.split()
    found["slot"] = {"4": "a", "5": "b"}[number]
    for name in ("fellback", "lastresort", "unsaved"):
        found[name] = f"proa.{name}=1" in words
    for word in words:
        if word.startswith("proa.flip="):
            found["flip"] = word.split("=")[1]
    assert number == initrd_number
    assert words[:2] == ["panic=5", "oops=panic"]
    assert f"proa.slot={found['slot']}" in words
    assert f"proa.root={disks.guid(int(number))}" in words
    assert words[-1] == "console=ttyS0"
    return found, clocks.pop()


@pytest.fixture(scope="module")
def emulator():
    emulator = Emulator()
    yield emulator
    emulator.close()


def check(emulator, rows, device_map="plain.map", put=None):
    """Runs rows of (name, block, mirror, writable, readable), and compares all of them at the end."""
    seen = []
    for _, block_bytes, mirror_bytes, _, readable in rows:
        (put or emulator.disk.put)(block_bytes, mirror_bytes)
        output = emulator.run(readable, device_map)
        found, tok = decision(output)
        after, mirror_after = emulator.disk.get()
        assert mirror_after == mirror_bytes, "GRUB wrote the mirror"
        seen.append((dict(found, block=after), tok, output))
    expected = disks.answers([(row[1], row[2], row[3], *row[4], True, tok)
                              for row, (_, tok, _) in zip(rows, seen)])
    wrong = []
    for row, (found, tok, output), wanted in zip(rows, seen, expected):
        if wanted["slot"] is None:
            # Nothing is started, so nothing is told.
            wanted = dict(wanted, fellback=False, lastresort=False, unsaved=False, flip=None)
        if found != wanted:
            wrong.append(f"{row[0]} at {tok}:\n  model {wanted}\n  GRUB  {found}\n{output}")
    assert not wrong, f"{len(wrong)} of {len(rows)} rows differ; the first:\n" + wrong[0]


BOTH = (True, True)
READABLE = [(True, True), (False, True), (True, False), (False, False)]


@pytest.fixture(scope="module")
def full(request):
    """Every row (--full, or PROA_FULL=1), or a sample of each kind?"""
    return request.config.getoption("--full", default=False) or os.environ.get("PROA_FULL") == "1"


def combinations(lefts):
    for slot, a_left, b_left, a_good, b_good, turn in itertools.product(
            "ab", lefts, lefts, (0, 1), (0, 1), "ab"):
        yield f"slot={slot} a={a_left},{a_good} b={b_left},{b_good} turn={turn}", block(
            slot, a_left, a_good, b_left, b_good, turn, tok="235959")


def test_every_combination(emulator, full):
    lefts = range(10) if full else (0, 1, 9)
    check(emulator, [(name, content, GOOD, True, BOTH) for name, content in combinations(lefts)])


def test_unreadable_kernels(emulator, full):
    """The marks do not matter to GRUB (the test above shows it), so one value of each is enough."""
    lefts = range(10) if full else (0, 2)
    rows = []
    for readable, slot, a_left, b_left, turn in itertools.product(READABLE[1:], "ab", lefts, lefts, "ab"):
        rows.append((f"{readable} {slot} {a_left} {b_left} {turn}",
                     block(slot, a_left, 1, b_left, 0, turn), GOOD, True, readable))
    check(emulator, rows)


def damaged_blocks():
    """Blocks that GRUB must refuse, or heal by saving, exactly as C says."""
    bad_values = {
        "v": ["0", "2", "11", ""], "slot": ["c", "A", "ab", "", "a b"],
        "a_left": ["10", "x", "-1", "", "4 ", "4\\\n"], "a_good": ["2", "", "y"],
        "b_left": ["00", "a", ""], "b_good": ["2", "", "1\r"],
        "turn": ["c", "", "aa"], "tok": ["00000", "0000000", "12345x", ""], "end": ["0", "", "11"],
    }
    for name, values in bad_values.items():
        for value in values:
            yield f"{name}={value!r}", block(**{"b_left": 2, name: value})
    whole = block(b_left=2, turn="b")
    lines = whole.rstrip(b"#").splitlines(keepends=True)
    for i, name in enumerate(VARIABLES):
        missing = b"".join(lines[:i + 1] + lines[i + 2:])
        yield f"without {name}", missing.ljust(512, b"#")
        broken = lines[:i + 1] + [lines[i + 1].replace(b"=", b"\xff")] + lines[i + 2:]
        yield f"{name} without its =", b"".join(broken)[:512].ljust(512, b"#")
        twice = b"".join(lines) + f"{name}=z\n".encode()
        yield f"{name} twice, the last one bad", twice.ljust(512, b"#")
    yield "twice, the first one bad", (HEADER + b"slot=z\n" + b"".join(lines[1:])).ljust(512, b"#")
    yield "header's first byte", b"\0" + whole[1:]
    yield "header's newline", whole[:24] + b"#" + whole[25:]
    yield "header in lower case", whole[:26].lower() + whole[26:]
    yield "zeros", bytes(512)
    yield "ones", b"\xff" * 512
    yield "header alone", HEADER.ljust(512, b"#")
    yield "header and zeros", HEADER.ljust(512, b"\0")
    for cut in (26, 40, 60, 90, 100):
        yield f"torn at {cut}, then zeros", whole[:cut].ljust(512, b"\0")
        yield f"torn at {cut}, then #", whole[:cut].ljust(512, b"#")
    yield "a zero within a value", whole.replace(b"a_left=4", b"a_left=4\0"[:9]).ljust(512, b"#")[:512]
    yield "a zero within a name", whole.replace(b"slot=a", b"slo\0=a")
    yield "a comment swallows a line", whole.replace(b"a_good=0\n", b"#_good=0\\\n")[:512]
    yield "an escape at the end", whole[:511] + b"\\"
    yield "other names beside ours", whole.rstrip(b"#").ljust(400, b"#") + b"\nprefix=x\n" + b"#" * 102
    yield "no room left", (b"".join(lines) + b"x=" + b"y" * 381).ljust(511, b"y") + b"\n"


def test_damaged_blocks(emulator, full):
    mirror = block(slot="b", a_left=1, b_left=3, turn="b", tok="111111")
    rows = [(name, content, mirror, True, BOTH) for name, content in damaged_blocks()]
    rows += [(name + ", mirror spent", content, block(a_left=0, turn="b"), True, BOTH)
             for name, content in damaged_blocks()]
    if full:
        rows += [(f"{name}, readable {readable}", content, mirror, True, readable)
                 for readable in READABLE[1:] for name, content in damaged_blocks()]
    check(emulator, rows)


def test_both_damaged(emulator):
    damage = [bytes(512), block(v=2), block(tok="x")]
    rows = [(f"{i} {j} {readable}", damage[i], damage[j], True, readable)
            for i, j, readable in itertools.product(range(3), range(3), READABLE)]
    check(emulator, rows)


def test_disk_that_refuses_writes(emulator, full):
    """Root writes through file modes, so the disk is a read-only loop device. Rows at
    different seconds make the clock choose differently; the model is given GRUB's clock."""
    loop = subprocess.run(["losetup", "--find", "--show", "--read-only", emulator.disk.path],
                          check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    try:
        with pytest.raises(OSError), open(loop, "r+b", buffering=0) as f:
            f.write(b"x" * 512)
        emulator.map_device(loop)

        def put(block_bytes, mirror_bytes):
            emulator.disk.put(block_bytes, mirror_bytes)
            subprocess.run(["blockdev", "--flushbufs", loop], check=True)

        lefts = (0, 1, 2, 9) if full else (0, 2)
        rows = []
        for slot, a_left, b_left, turn, readable in itertools.product("ab", lefts, lefts, "ab", READABLE):
            rows.append((f"{slot} {a_left} {b_left} {turn} {readable}",
                         block(slot, a_left, 0, b_left, 0, turn), GOOD, False, readable))
        rows.append(("damaged", bytes(512), GOOD, False, BOTH))
        rows.append(("both damaged", bytes(512), bytes(512), False, BOTH))
        check(emulator, rows, "device.map", put)
    finally:
        subprocess.run(["losetup", "--detach", loop], check=True)
