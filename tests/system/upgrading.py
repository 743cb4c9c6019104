"""What the tests of `proa upgrade --disk` share: small releases, disks with one, the command."""

import json
import os
import shutil
import subprocess

from disk import BUILD, Disk
from installing import empty_disk
from machine import run_quietly
from small_release import make_bundle, make_tree

# proa-upgrade(8)
FAILED, USAGE, NOTHING, REFUSED = 1, 2, 3, 4
NO_DISK, NOT_A_DISK, TOO_SMALL, IN_USE = 11, 12, 14, 15
SIGNATURE, DAMAGED_BUNDLE, OLDER, EPOCH, TOO_FAR = 18, 19, 22, 23, 24
DAMAGED_SLOT, NETWORK, CHANNEL, NO_RELEASE = 25, 26, 27, 28
FOREIGN = 17

IMAGE = BUILD / "proa-image"


class Releases:
    """Bundles of several versions, and disks that hold version 2.0."""

    def __init__(self, folder):
        self.folder = folder
        self.key = folder / "release.pub"
        self.tree = make_tree(folder / "tree", 8 << 20)
        run_quietly(IMAGE, "keygen", "-o", folder, "--name", "release")
        self.golden = {}

    def change_tree(self, name, at, size):
        """The same tree, but for `size` bytes of its large file."""
        tree = shutil.copytree(self.tree, self.folder / name)
        with open(tree / "filling", "r+b") as file:
            file.seek(at)
            file.write(os.urandom(size))
        return tree

    def bundle(self, version, *options, signed=True, key="release", tree=None):
        folder = self.folder / "-".join([version, *map(str, options), key if signed else "un"])
        key = ["-k", self.folder / f"{key}.key"] if signed else []
        if not folder.exists():
            make_bundle(tree or self.tree, folder, "--version", version, "--epoch", "2",
                        "--frame-size", "256", *key, *options)
        return folder / "r.bundle"

    def disk(self, path, sector=512):
        if sector not in self.golden:
            golden = empty_disk(self.folder / f"golden-{sector}", "4G")
            run_quietly(BUILD / "proa", "install", "-d", golden, "-b", self.bundle("2.0"), "--key",
                        self.key, "--yes", "--sector-size", sector)
            self.golden[sector] = golden
        run_quietly("cp", "--sparse=always", self.golden[sector], path)
        return Disk(path, sector)

    def command(self, disk, *words):
        return [str(word) for word in (BUILD / "proa", *words, "--disk",
                                       getattr(disk, "path", disk), "--key", self.key)]

    def proa(self, disk, *words, expect=0, every=False, **how):
        """Runs `proa WORDS --disk DISK --json`: what it says last (or all), and its errors."""
        how.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run([*self.command(disk, *words), "--json"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, start_new_session=True,
                              check=False, **how)
        assert done.returncode == expect, done.stdout + done.stderr
        lines = done.stdout.splitlines()
        said = [json.loads(line) for line in lines]
        return said if every else said[-1] if said else {}, done.stderr

    def upgrade(self, disk, bundle, *words, **how):
        return self.proa(disk, "upgrade", "--yes", "-b", bundle, *words, **how)


class Publisher(Releases):
    """With keys of every role, the root document 1.root that lists them, and channels."""

    def __init__(self, folder):
        super().__init__(folder)
        for role in ("root", "channel"):
            self.keygen(role, role)
        self.key = self.root(1)

    def keygen(self, name, role):
        run_quietly(IMAGE, "keygen", "-o", self.folder, "--role", role, "--name", name)

    def root(self, number, *signers, name=None, **keys):
        """N.root of the named keys (release="release" …), signed by `signers`: its path."""
        path = self.folder / (name or f"{number}.root")
        words = [word for role in ("release", "channel", "root")
                 for word in (f"--{role}-key", self.folder / f"{keys.get(role, role)}.pub")]
        for signer in signers or ["root"]:
            words += ["--sign", self.folder / f"{signer}.key"]
        run_quietly(IMAGE, "root", "--number", number, *words, "-o", path)
        return path

    def sign_channel(self, *bundles, name="stable", key="channel", days="30", serial="5", at=None):
        """The channel and its signatures, as they lie on a server."""
        path = self.folder / f"{name}.channel"
        run_quietly(IMAGE, "channel", "-o", path, "-k", self.folder / f"{key}.key", "--days", days,
                    "--serial", serial, *(["--time", str(at)] if at else []), *bundles)
        return read_pair(path)

    def from_channel(self, disk, server, *words, **how):
        return self.proa(disk, "upgrade", "--yes", "--channel", server.url("stable.channel"),
                         *words, **how)


def read_pair(path, name=None):
    """A document and its signatures: name → bytes."""
    name = name or path.name
    return {name: path.read_bytes(), name + ".sig": path.with_name(path.name + ".sig").read_bytes()}
