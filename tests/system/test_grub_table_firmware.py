"""grub.cfg under the real firmware, SeaBIOS and OVMF, from a disk that the boot
loader's own code made: each boot's decision and the block that it leaves are
what the C model says. A tiny kernel shows its command line, waits, and resets."""

import collections
import hashlib
import os
import re
import shutil
import socket
import subprocess
import time

import pytest

import grub_table_disk as disks
from grub_table_disk import block

OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"
HERE = os.path.dirname(os.path.abspath(__file__))

Scenario = collections.namedtuple("Scenario", "name block mirror slots boots writable quick",
                                  defaults=(("both", "both"), 1, True, True))
# `quick`: under OVMF, where a boot takes seconds, without --full too.
SCENARIOS = [
    Scenario("installed, never settled", block(), block(), boots=8, quick=False),
    Scenario("falls back, then last resort", block(a_left=1, b_left=1), block(), boots=4, quick=False),
    Scenario("primary b", block("b", 0, 1, 2, 1, "b"), block(), ("both", "without sums"), 4, quick=False),
    Scenario("kernel of a missing", block(a_left=2, b_left=1), block(), ("no kernel", "both"), 3),
    Scenario("initramfs of b missing", block("b", 1, 0, 3, 0, "b"), block(), ("both", "no initramfs"), 2, quick=False),
    Scenario("a is zeros", block(a_left=0, turn="a"), block(), ("nothing", "both"), 2, quick=False),
    Scenario("block damaged", bytes(512), block(b_left=3, slot="b"), boots=2),
    Scenario("one value damaged", block(a_left="x"), block(b_left=3, slot="b"), boots=2, quick=False),
    Scenario("both damaged", bytes(512), block(end=0), boots=2, quick=False),
    Scenario("kernel of a damaged", block(a_left=2, b_left=1), block(), ("damaged kernel", "both"), 3),
    Scenario("a sum of b rotten", block("b", 1, 0, 3, 0, "b"), block(), ("damaged kernel", "rotten sum"), 2, quick=False),
    Scenario("both damaged kernels", block(b_left=1), block(), ("damaged kernel", "damaged kernel"), 3, quick=False),
    Scenario("a damaged, b missing", block(b_left=1), block(), ("damaged kernel", "nothing"), 1, quick=False),
    Scenario("a damaged, refused writes", block(b_left=1), block(), ("damaged kernel", "both"), 2, writable=False, quick=False),
    Scenario("nothing to start", block(b_left=1), block(), ("no kernel", "nothing"), 1, quick=False),
    Scenario("a disk that refuses writes", block(b_left=1), block(), boots=3, writable=False),
    Scenario("last resort, refused writes", block(a_left=0), block(), boots=2, writable=False, quick=False),
]


def make_slots(folder):
    """What a slot may hold, as EROFS images: {name: bytes}."""
    kernel = folder / "vmlinuz"
    subprocess.run(["gcc", "-m32", "-c", "-o", folder / "kernel.o",
                    os.path.join(HERE, "grub_table_kernel.S")], check=True)
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", folder / "kernel.o", kernel], check=True)
    slots = {"nothing": bytes(4096)}
    # The kernel's last word may be another than its sums say.
    whole = {"vmlinuz": kernel.read_bytes() + b"one", "initrd": b"initrd"}
    sums = f"{hashlib.sha256(whole['vmlinuz']).hexdigest()}  vmlinuz\n"
    for name, files in (("both", whole), ("no kernel", {"initrd": whole["initrd"]}),
                        ("no initramfs", {"vmlinuz": whole["vmlinuz"]}),
                        ("damaged kernel", {**whole, "vmlinuz": kernel.read_bytes() + b"two"}),
                        ("rotten sum", whole), ("without sums", whole)):
        tree = folder / name.replace(" ", "-")
        (tree / "boot").mkdir(parents=True)
        (tree / "boot/args").write_bytes((disks.HEADER + b"args=release=1 quiet\n").ljust(1024, b"#"))
        for file, data in files.items():
            (tree / "boot" / file).write_bytes(data)
        if name != "without sums":
            (tree / "boot/sums").write_text("0" * 64 + sums[64:] if name == "rotten sum" else sums)
            (tree / "boot/sums.copy").write_text(sums)
        inside = os.path.join(disks.FORKY, "tmp", f"slot.{os.getpid()}")
        shutil.copytree(tree, inside)
        try:
            image = f"/tmp/slot.{os.getpid()}.erofs"
            subprocess.run(["chroot", disks.FORKY, "mkfs.erofs", "--quiet", "-T0", "-Uclear", image,
                            f"/tmp/slot.{os.getpid()}"], check=True)
            with open(disks.FORKY + image, "rb") as f:
                slots[name] = f.read()
            os.unlink(disks.FORKY + image)
        finally:
            shutil.rmtree(inside)
    return slots


class Machine:
    """QEMU with the serial port on a socket."""

    def __init__(self, disk, folder, uefi, writable):
        self.text = ""
        path = folder / "serial"
        path.unlink(missing_ok=True)
        sector = f",logical_block_size={disk.sector},physical_block_size={disk.sector}"
        command = ["qemu-system-x86_64", "-nodefaults", "-machine", "q35", "-m", "256", "-display", "none",
                   "-vga", "std", "-accel", "tcg,thread=multi", "-cpu", "max",
                   "-drive", f"file={disk.path},format=raw,if=none,id=disk"
                   + ("" if writable else ",readonly=on"),
                   "-device", "virtio-blk-pci,drive=disk" + sector,
                   "-chardev", f"socket,id=serial,path={path},server=on,wait=off", "-serial", "chardev:serial"]
        if uefi:
            variables = folder / "vars.fd"
            shutil.copy(OVMF_VARS, variables)
            command += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF_CODE}",
                        "-drive", f"if=pflash,format=raw,file={variables}"]
        self.process = subprocess.Popen(command)
        self.socket = socket.socket(socket.AF_UNIX)
        for _ in range(100):
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                time.sleep(0.05)
        self.socket.settimeout(120)

    def boot(self, end=r"kernel: .*\r\n|restarting"):
        """Waits for the boot to end; returns what was said since the last one."""
        while not re.search(end, self.text):
            more = self.socket.recv(65536)
            assert more, f"the machine ended:\n{self.text}"
            self.text += re.sub(r"\x1b\[[0-9;?=]*[a-zA-Z]", "", more.decode(errors="replace"))
        said, self.text = self.text, ""
        return said

    def reset(self):
        self.send(b"\n")

    def send(self, keys):
        self.socket.sendall(keys)

    def close(self):
        self.socket.close()
        self.process.kill()
        self.process.wait()


def decision(said):
    """What GRUB did, in the words of the model's answer, and the time on its clock."""
    clock = re.search(r"Proa: slot [ab] at (\d{6})|restarting", said).group(1)
    if not clock:
        clock = re.search(r"no slot can be read at (\d{6})", said).group(1)
    found = dict(slot=None, fellback=False, lastresort=False, unsaved=False, flip=None)
    kernel = re.search(r"kernel: (.*)\r\n", said)
    if kernel:
        words = kernel.group(1).split()
        found["slot"] = re.search(r"proa\.slot=(.)", kernel.group(1)).group(1)
        number = 4 + "ab".index(found["slot"])
        for name in ("fellback", "lastresort", "unsaved"):
            found[name] = f"proa.{name}=1" in words
        for word in words:
            if word.startswith("proa.flip="):
                found["flip"] = word.split("=")[1]
        assert words[:3] == [f"BOOT_IMAGE=(hd0,gpt{number})/boot/vmlinuz", "panic=5", "oops=panic"]
        assert f"proa.root={disks.guid(number)}" in words
        assert words[-3:] == ["release=1", "quiet", "machine=2"]
    return found, clock


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """GRUB's images and what slots may hold, made once."""
    folder = tmp_path_factory.mktemp("grub-table")
    subprocess.run([os.path.join(disks.TOP, "bootloader/grub/build"), folder / "grub"], check=True)
    return folder / "grub", make_slots(folder)


def run(scenario, parts, folder, uefi, sector=512, update=False):
    images, slots = parts
    disk = disks.Disk(str(folder / "disk"), 264 if sector == 4096 else 64,
                      [slots[name] for name in scenario.slots], sector, "machine=2")
    disk.place_grub(images)
    if update:
        disk.update_grub(images)
    disk.put(scenario.block, scenario.mirror)
    kernels = [{"both": 1, "without sums": 1, "rotten sum": 1}.get(name, 2 if name.startswith("damaged") else 0)
               for name in scenario.slots]
    block_bytes = scenario.block
    machine = Machine(disk, folder, uefi, scenario.writable)
    try:
        for number in range(scenario.boots):
            if number:
                machine.reset()
            said = machine.boot()
            found, tok = decision(said)
            found["block"] = disk.get()[0]
            wanted, = disks.answers([(block_bytes, scenario.mirror, scenario.writable, *kernels, True, tok)])
            if wanted["slot"] is None:
                wanted = dict(wanted, fellback=False, lastresort=False, unsaved=False, flip=None)
            assert found == wanted, f"boot {number + 1} of: {scenario.name}\n{said}"
            assert disk.get()[1] == scenario.mirror, "GRUB wrote the mirror"
            block_bytes = wanted["block"]
    finally:
        machine.close()


def name_of(scenario):
    return scenario.name.replace(" ", "_")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=name_of)
def test_bios(scenario, parts, tmp_path):
    run(scenario, parts, tmp_path, uefi=False)


def test_bios_after_update(parts, tmp_path):
    """The second copy of the core boots as the first does."""
    run(SCENARIOS[1], parts, tmp_path, uefi=False, update=True)


@pytest.mark.parametrize("scenario", [
    pytest.param(scenario, id=name_of(scenario), marks=[] if scenario.quick else [pytest.mark.full])
    for scenario in SCENARIOS])
def test_uefi(scenario, parts, tmp_path):
    run(scenario, parts, tmp_path, uefi=True)


def test_uefi_4096_byte_sectors(parts, tmp_path):
    run(SCENARIOS[3], parts, tmp_path, uefi=True, sector=4096)


def test_menu_asked_for_once(parts, tmp_path):
    """The arguments file opens the menu; the next boot is unattended again."""
    images, slots = parts
    disk = disks.Disk(str(tmp_path / "disk"), 64, [slots["both"]] * 2, args="machine=2")
    disk.place_grub(images)
    disk.put(block(a_left=4, b_left=2), block())
    unasked = disk.args()
    disk.args(unasked.replace(b"menu=0", b"menu=1"))
    machine = Machine(disk, tmp_path, uefi=False, writable=True)
    try:
        assert "kernel:" not in machine.boot("last resort")
        assert disk.args() == unasked
        machine.send(b"\x1b[B")
        time.sleep(0.5)
        machine.send(b"\x1b[B")
        time.sleep(0.5)
        machine.send(b"\r")
        found, tok = decision(machine.boot())
        assert found == dict(slot="b", fellback=False, lastresort=False, unsaved=False,
                             flip=f"a,4,0,1,0,a,{tok}")
        machine.reset()
        found, tok = decision(machine.boot())
        assert found["slot"] == "a" and found["flip"] == f"a,3,0,1,0,a,{tok}"
    finally:
        machine.close()
