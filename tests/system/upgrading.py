"""What the tests of `proa upgrade --disk` share: small releases, disks with one, the command."""

import json
import subprocess

from disk import BUILD, Disk
from installing import empty_disk
from machine import run_quietly
from small_release import make_bundle, make_tree

# proa-upgrade(8)
FAILED, USAGE, NOTHING, REFUSED = 1, 2, 3, 4
NO_DISK, NOT_A_DISK, TOO_SMALL, IN_USE = 11, 12, 14, 15
SIGNATURE, DAMAGED_BUNDLE, OLDER, EPOCH, TOO_FAR = 18, 19, 22, 23, 24
DAMAGED_SLOT, NETWORK = 25, 26


class Releases:
    """Bundles of several versions, and disks that hold version 2.0."""

    def __init__(self, folder):
        self.folder = folder
        self.key = folder / "release.pub"
        self.tree = make_tree(folder / "tree", 8 << 20)
        run_quietly(BUILD / "proa-image", "keygen", "-o", folder, "--name", "release")
        self.golden = {}

    def bundle(self, version, *options, signed=True):
        folder = self.folder / "-".join([version, *map(str, options), "" if signed else "un"])
        key = ["-k", self.folder / "release.key"] if signed else []
        if not folder.exists():
            make_bundle(self.tree, folder, "--version", version, "--epoch", "2",
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

    def proa(self, disk, *words, expect=0, **how):
        """Runs `proa WORDS --disk DISK --json`: what it says last, and its errors."""
        how.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run([*self.command(disk, *words), "--json"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, start_new_session=True,
                              check=False, **how)
        assert done.returncode == expect, done.stdout + done.stderr
        lines = done.stdout.splitlines()
        return json.loads(lines[-1]) if lines else {}, done.stderr

    def upgrade(self, disk, bundle, *words, **how):
        return self.proa(disk, "upgrade", "--yes", "-b", bundle, *words, **how)
