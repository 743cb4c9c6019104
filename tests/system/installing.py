"""What the tests of `proa install` share: small releases, disks, the command and its exit codes.

No machine is booted. Disks are sparse files and loop devices on them; releases are small ones
that `proa-image` makes with the boot loader of this build's image.
"""

import hashlib
import os
import subprocess

import pytest

from disk import BUILD
from machine import run_quietly
from small_release import make_bundle, make_tree

NOBODY = 65534

# proa-install(8)
FAILED, USAGE, REFUSED = 1, 2, 4
(NOT_PERMITTED, NO_DISK, NOT_A_DISK, READ_ONLY, TOO_SMALL, IN_USE, HOLDS_DATA, ARCHITECTURE,
 SIGNATURE, DAMAGED, CLOUD_CONFIG, NO_KEY) = range(10, 22)


# -- releases ---------------------------------------------------------------------------------

@pytest.fixture(scope="session")
def releases(work):
    """Keys and bundles, by name."""
    folder = work / "releases"
    folder.mkdir()
    tree = make_tree(folder / "tree")
    for name in ("release", "other"):
        run_quietly(BUILD / "proa-image", "keygen", "-o", folder, "--name", name)

    def build(name, *options):
        return make_bundle(tree, folder / name, *options)

    made = {"key": folder / "release.pub", "other key": folder / "other.pub",
            "good": build("good", "-k", folder / "release.key"),
            "unsigned": build("unsigned"),
            "foreign": build("foreign", "-k", folder / "release.key", "--architecture", "riscv64")}
    good = made["good"].read_bytes()

    def broken(name, content):
        made[name] = folder / (name.replace(" ", "-") + ".bundle")
        made[name].write_bytes(content)

    def flipped(at):
        return good[:at] + bytes([good[at] ^ 0x01]) + good[at + 1:]

    broken("empty", b"")
    broken("no tar", b"this is no bundle\n" * 1000)
    broken("cut in the manifest", good[:600])
    broken("cut in the index", good[:4096])
    broken("changed manifest", flipped(good.index(b"version=1.0") + 8))
    broken("changed index", flipped(good.index(b"PROAINDX") + 200))
    broken("cut in the data", good[:len(good) // 2])
    broken("changed data", flipped(len(good) // 2))
    broken("cut at the end", good[:-2048])
    return made


# -- disks ------------------------------------------------------------------------------------

def state_of(path):
    """All that a write would change: content, length and time of the last write."""
    digest = hashlib.sha256()
    status = os.stat(path)
    with open(path, "rb") as file:
        at = 0
        while at < status.st_size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            while at < end:
                data = os.pread(file.fileno(), min(1 << 20, end - at), at)
                # Where the kernel has merely allocated zeros, nothing was changed.
                if data.strip(b"\0"):
                    digest.update(b"%d:" % at + data)
                at += len(data)
    return digest.hexdigest(), status.st_size, status.st_mtime_ns


def empty_disk(path, size="4G"):
    path.unlink(missing_ok=True)
    run_quietly("truncate", "-s", size, path)
    return path


def install(disk, releases, *options, bundle="good", piped=False, **how):
    """Runs the command; returns (exit code, standard error, standard output)."""
    if piped:
        with subprocess.Popen(["cat", releases[bundle]], stdout=subprocess.PIPE) as cat:
            return install(disk, {**releases, "-": "-"}, *options, bundle="-", stdin=cat.stdout,
                           **how)
    command = [BUILD / "proa", "install", "-d", disk, "-b", releases[bundle]]
    how.setdefault("stdin", subprocess.DEVNULL)
    if "--key" not in options:
        command += ["--key", releases["key"]]
    result = subprocess.run([str(word) for word in [*command, *options]],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            start_new_session=True, **how)
    return result.returncode, result.stderr, result.stdout


def expect(code, words, disk, releases, *options, file=None, **how):
    """The refusal, and that the disk (or the file behind it) is as it was; all that was said."""
    before = state_of(file or disk)
    got, said, _ = install(disk, releases, *options, **how)
    assert got == code, f"exit code {got} instead of {code}:\n{said}"
    for word in words:
        assert word in said.splitlines()[-1], f"\"{word}\" is not in the last line of:\n{said}"
    assert state_of(file or disk) == before, "the disk was touched"
    return said


@pytest.fixture
def loop(folder):
    """Attaches a file to a loop device: loop(path, *options) → device."""
    devices = []

    def attach(path, *options):
        out = run_quietly("losetup", "-f", "--show", *options, path)
        devices.append(out.strip())
        return devices[-1]
    yield attach
    for device in reversed(devices):
        subprocess.run(["partx", "-d", device], stderr=subprocess.DEVNULL, check=False)
        run_quietly("losetup", "-d", device)
