"""Upgrading: bytes that are fetched, time against the plain work, and memory.

The releases are real ones, made by the recipe out of Debian's packages (tests/bench/releases);
the machine is a disk file that does not run, and the server is on the loopback.
"""

import json
import os
import subprocess
import sys
import tarfile
import threading
import time

import rows  # first: it makes the tests' modules known
from disk import BUILD, install_command
from machine import run_quietly
from small_release import boot_loader, make_bundle
from web import Server

RUNS = 5
RELEASES = rows.WORK / "releases"
KEY = RELEASES / "source/build/keys/1.root"
MIB = 1 << 20
# Bytes fetched, as a part of the bundle.
PAIRS = [
    ("small", "some libraries changed", 0.06),
    ("kernel", "Linux 6.12.107 to 6.12.117", 0.43),
    ("big", "that, and Docker 26.1 to 28.5", 0.68),
]


def bundle_of(name):
    """The bundle of a release that tests/bench/releases has made as a whole, or None."""
    found = list((RELEASES / name).glob("*.bundle"))
    return found[0] if found and (RELEASES / name / "notes").exists() else None


def say_notes(names):
    """Why figures are not those of other places, once each: images/build's words."""
    said = set()
    for name in names:
        notes = RELEASES / name / "notes"
        lines = notes.read_text().splitlines() if notes.exists() else ["it has not been made"]
        # A package that images/lock names in two versions has a line for each.
        said |= {f"{name}: {line.split('] ')[-1].split(', images/lock names')[0]}"
                 + (": not as in images/lock, figures are not comparable"
                    if ", images/lock names" in line else "") for line in lines}
    for line in sorted(said):
        rows.progress(line)


class Upgrade:
    """One run of `proa upgrade`: what it said, when its phases began, and its memory."""

    def __init__(self, disk, url, key):
        command = [BUILD / "proa", "upgrade", "--disk", disk, "-b", url, "--key", key, "--yes",
                   "--json"]
        self.starts, self.most, self.result = {}, 0, None
        self.began = time.monotonic()
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        listener = threading.Thread(target=self.listen, args=(process,))
        listener.start()
        while process.poll() is None:
            self.look(process.pid)
            time.sleep(0.01)
        self.seconds = time.monotonic() - self.began
        listener.join()
        if process.returncode != 0:
            sys.exit(f"bench: proa upgrade ended with {process.returncode}: {self.result}")

    def look(self, pid):
        try:
            with open(f"/proc/{pid}/status", encoding="ascii") as status:
                self.most = max([self.most] + [int(line.split()[1]) for line in status
                                               if line.startswith("RssAnon:")])
        except OSError:
            pass

    def listen(self, process):
        """Each phase tells its beginning at once; the last line is the result."""
        for line in process.stdout:
            self.result = json.loads(line)
            if self.result["event"] == "progress":
                self.starts.setdefault((self.result["phase"], self.result["slot"]),
                                       time.monotonic())

    def writing(self):
        """Seconds of the phase in which the slot is written, sync included."""
        return self.starts["check", "b"] - self.starts["write", "b"]

    def as_running(self):
        """Seconds of all but the check of slot A, which a running machine has behind it."""
        return self.began + self.seconds - self.starts["look", "a"]


def installed(folder, bundle, size="8G", key=KEY):
    """A disk file with a release in slot A, and nothing yet in the other."""
    disk = folder / "installed.img"
    disk.unlink(missing_ok=True)
    run_quietly("truncate", "-s", size, disk)
    run_quietly(*install_command(disk, bundle, key))
    return disk


def fresh(disk, folder):
    """A copy of it that is on the disk: no write of the copy's falls into what is timed."""
    copy = folder / "run.img"
    run_quietly("cp", "--sparse=always", disk, copy)
    os.sync()
    return copy


def fetched(folder, old, new):
    """Bytes that came over the network, as a part of the bundle."""
    server = Server({"new.bundle": new.read_bytes()})
    try:
        one = Upgrade(installed(folder, old), server.url("new.bundle"), KEY)
    finally:
        server.stop()
    return one.result["bytes_fetched"] / new.stat().st_size


def measure_bytes(table, folder):
    new = bundle_of("new")
    say_notes(["new"] + [name for name, _, _ in PAIRS])
    for name, words, target in PAIRS:
        old = bundle_of(name)
        row = f"bytes fetched, {name}: {words}"
        if old is None:
            table.missing(row, target)
            continue
        part = fetched(folder, old, new)
        rows.progress(f"{row}: {part * new.stat().st_size / 1e6:.1f} of "
                      f"{new.stat().st_size / 1e6:.1f} MB")
        table.add(row, round(part, 3), "ratio", target)


def measure_months(table, folder):
    bundles = []
    while bundle_of(f"month-{len(bundles) + 1}"):
        bundles.append(bundle_of(f"month-{len(bundles) + 1}"))
    row = f"bytes fetched, {max(len(bundles) - 1, 0)} steps from kernel to kernel, median"
    if len(bundles) < 2:
        table.missing(row)
        return
    parts = [fetched(folder, old, new) for old, new in zip(bundles, bundles[1:])]
    rows.progress("kernel to kernel: " + ", ".join(f"{part:.3f}" for part in parts))
    table.add(row, round(rows.median(parts), 3), "ratio")


def plain(server, target, image_bytes):
    """curl, zstd and dd with sync; then reading it back past the cache, and one SHA-256 pass."""
    began = time.monotonic()
    run_quietly("sh", "-c", f"curl -sf {server.url('data')} | zstd -dcq | "
                f"dd of={target} bs=1M iflag=fullblock conv=notrunc,fsync")
    wrote = time.monotonic() - began
    run_quietly("dd", f"if={target}", "of=/dev/null", "bs=1M", f"count={image_bytes >> 20}",
                "iflag=direct")
    run_quietly("sh", "-c", f"head -c {image_bytes} {target} | openssl dgst -sha256")
    return wrote, time.monotonic() - began


def measure_time(table, folder):
    """The pair with the most to do, each time onto a fresh copy of the disk."""
    old, new = bundle_of("big"), bundle_of("new")
    if old is None:
        table.missing("upgrade (big), time", 1.3)
        return
    with tarfile.open(new) as tar:
        data = tar.extractfile("data").read()
        image_bytes = int(dict(line.split("=", 1) for line in tar.extractfile("manifest").read()
                               .decode().splitlines()[1:])["image_size"])
    server = Server({"new.bundle": new.read_bytes(), "data": data})
    disk, target = installed(folder, old), folder / "plain.img"
    ours, theirs = [], []
    try:
        for number in range(RUNS):
            one = Upgrade(fresh(disk, folder), server.url("new.bundle"), KEY)
            ours.append((one.writing(), one.as_running(), one.seconds))
            target.unlink(missing_ok=True)
            run_quietly("truncate", "-s", "8G", target)
            os.sync()
            theirs.append(plain(server, target, image_bytes))
            rows.progress(f"run {number + 1} of {RUNS}: upgrade {ours[-1][0]:.2f} s writing, "
                          f"{ours[-1][1]:.2f} s in all, plain {theirs[-1][0]:.2f} and "
                          f"{theirs[-1][1]:.2f} s")
    finally:
        server.stop()
    add_times(table, ours, theirs)


def add_times(table, ours, theirs):
    writing, all_of_it, offline = [rows.median(column) for column in zip(*ours)]
    wrote, plain_all = [rows.median(column) for column in zip(*theirs)]
    for row, mine, plain_row, peer in (
            ("write phase", writing, "curl, zstd -d, dd with sync", wrote),
            ("all of it", all_of_it, "that, read back, one SHA-256 pass", plain_all)):
        table.add(f"upgrade (big): {row}", round(mine, 2), "s")
        table.add(plain_row, round(peer, 2), "s")
        table.add("the first against the second", round(mine / peer, 3), "ratio", 1.3)
    table.add("upgrade (big): with the check of slot A (--disk)", round(offline, 2), "s")


def synthetic(folder, name, mib, version, shared=None):
    """A release of that size which does not compress; half of it may be another's."""
    tree = folder / f"tree-{name}"
    tree.mkdir()
    boot_loader(tree)
    with open(tree / "filling", "wb") as out:
        for piece in range(mib // 32):
            if shared and piece % 2:
                with open(shared, "rb") as other:
                    other.seek(piece * 32 * MIB)
                    out.write(other.read(32 * MIB))
            else:
                out.write(os.urandom(32 * MIB))
    bundle = make_bundle(tree, folder / name, "--version", version, "-k", folder / "bench.key")
    return bundle, tree / "filling"


def measure_memory(table, folder):
    for mib in (512, 1024, 2048):
        work = folder / str(mib)
        work.mkdir()
        run_quietly(BUILD / "proa-image", "keygen", "-o", work, "--name", "bench")
        old, filling = synthetic(work, "old", mib, "1.0")
        new, _ = synthetic(work, "new", mib, "1.1", filling)
        server = Server({"new.bundle": new.read_bytes()})
        try:
            disk = installed(work, old, "24G", work / "bench.pub")
            one = Upgrade(disk, server.url("new.bundle"), work / "bench.pub")
        finally:
            server.stop()
        table.add(f"anonymous memory, image of {mib / 1024:g} GiB", round(one.most / 1024, 1),
                  "MiB", 32)
        run_quietly("rm", "-rf", work)


def main():
    table = rows.Table("upgrade")
    folder = rows.work_folder("upgrade")
    measure_bytes(table, folder)
    measure_months(table, folder)
    measure_time(table, folder)
    measure_memory(table, folder)
    table.end()


main()
