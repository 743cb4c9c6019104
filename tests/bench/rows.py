"""What the benchmarks share: rows for people and for programs, and machines to measure."""

import json
import pathlib
import re
import shutil
import socket
import statistics
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/system"))

import disk as disks  # noqa: E402
import machine as machines  # noqa: E402

WORK = ROOT / "build/bench"
DEBIAN = WORK / "debian"


# The release's arguments keep the kernel quiet; both systems get this behind them, so
# that its first words come over the console.
TALKATIVE = "loglevel=7"


class Table:
    """A benchmark's rows. Printed as they come with --json, else as a table at the end."""

    def __init__(self, bench):
        self.bench = bench
        self.json = sys.argv[1:2] == ["--json"]
        self.rows = []

    def add(self, row, value, unit, target=None, peer=None):
        """A target is met at or below it; None: a figure to know, not to reach."""
        met = None if target is None else value <= target
        self.rows.append({"bench": self.bench, "row": row, "value": value, "unit": unit,
                          "target": target, "met": met, "peer": peer})
        if self.json:
            print(json.dumps(self.rows[-1]), flush=True)

    def missing(self, row, target=None):
        """A row whose figure could not be measured here; why has been said."""
        self.rows.append({"bench": self.bench, "row": row, "value": None, "unit": "not measured",
                          "target": target, "met": None, "peer": None})
        if self.json:
            print(json.dumps(self.rows[-1]), flush=True)

    def end(self):
        if not self.json:
            print(f"{'':52} {'value':>9} {'target':>9} {'Debian 13':>9} {'':6} met")
            for row in self.rows:
                met = {True: "yes", False: "NO", None: ""}[row["met"]]
                print(f"{row['row']:52} {shown(row['value']):>9} {shown(row['target']):>9} "
                      f"{shown(row['peer']):>9} {row['unit']:6} {met}")
        # A missed target is a result, not a failure of the measurement.


def shown(value):
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def progress(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def work_folder(bench):
    folder = WORK / bench
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def golden(folder, **kind):
    return disks.Golden(folder).get(**kind)


def proa_machine(name, disk, folder, **options):
    return machines.Machine(name, [disk.path], folder, **options)


def debian_machine(disk, folder, arguments, **options):
    """The peer. The kernel is handed over by QEMU: only its own time and later is measured."""
    extra = ["-kernel", str(DEBIAN / "vmlinuz"), "-initrd", str(DEBIAN / "initrd.img"),
             "-append", f"root=/dev/vda ro {arguments}"]
    return machines.Machine("debian", [disk.path], folder, extra=extra, alive="systemd[1]",
                            **options)


def debian_disk(folder):
    return disks.Disk(DEBIAN / "debian.img").overlay(folder / "debian.qcow2")


class SshWatch:
    """Notes from outside when the machine's SSH server says who it is, for the first time."""

    def __init__(self, one):
        self.one, self.at = one, None
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        while self.one.process is not None:
            try:
                # QEMU accepts for the machine, and hangs up where nobody listens in it.
                with socket.create_connection(("127.0.0.1", self.one.ssh_port), 2) as connection:
                    connection.settimeout(30)
                    if connection.recv(4) == b"SSH-":
                        self.at = time.monotonic()
                        return
            except OSError:
                pass
            time.sleep(0.1)

    def wait(self, deadline=300):
        self._thread.join(deadline)
        assert self.at is not None, "no SSH server answers"
        return self.at


def kernel_line(one):
    """Waits for the kernel's first words; the time at which they began, and its release."""
    match = one.wait_for(r"\[ *0\.000000\] Linux version (\S+) ", 120)
    return one.time_of(match.start()), match.group(1)


def kernel_arguments(one):
    """The command line without what names a slot or a root: the same for both systems."""
    match = one.wait_for(r"\[ *0\.000000\] Command line: (.*?)\r?\n", 30)
    return " ".join(word for word in match.group(1).split()
                    if not re.match(r"proa\.|BOOT_IMAGE=|root=|ro$|rw$|init=", word))


median = statistics.median
monotonic = time.monotonic
