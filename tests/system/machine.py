"""Whole machines in QEMU, looked at from outside: the serial console, the disk.

A `Machine` is one QEMU process with its serial console on a pipe. Everything
that the console says is kept with the time at which it came, and in a log file.
Nothing here knows pytest: the tests, the benchmarks and scripts/machine share it.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Emulated machines with two CPUs stall or die by themselves in about one of 80
# boots. Where the console falls silent for this long before `init` has said its
# first line, the machine may be started once more.
# The second figure is for a reset in the same QEMU process, after which 7.2 emulates
# twice as slowly, and GRUB takes 50 s in place of 5.
SILENT_SECONDS, SILENT_SECONDS_WARM = 90, 300
INIT_STARTED = "init: started"

# How they die: before 8.1 (commit deba78709a, "Always lock pages before translation")
# QEMU may run the breakpoint with which the kernel patches its code on another CPU,
# after the kernel has taken it away again.
STALE_BREAKPOINT = "Oops: int3"

# What no healthy boot says.
TROUBLE = r"proa: +\d+\.\d\d (error|degraded): .*|Kernel panic.*"

# The image that Proa's own image carries, so that user Docker has something to run.
USER_IMAGE = "busybox"
LOAD_IMAGE = "docker load -q -i /usr/lib/proa/images/busybox.tar"

# Every such restart in this process, for the summary: (machine, why).
restarts = []

# The disks' state at the last start, as a snapshot in their qcow2 files.
AT_START = "at start"


class MachineError(AssertionError):
    """The machine did not do what was waited for; the text says what and names the log."""


def accelerator():
    """`kvm` or `tcg`: what scripts/accel chose (it probes once, and remembers)."""
    out = subprocess.run([ROOT / "scripts/accel"], check=True, stdout=subprocess.PIPE, text=True)
    return out.stdout.strip()


def overlay(base, path, base_format="raw"):
    """A qcow2 file over `base`, which stays untouched."""
    run_quietly("qemu-img", "create", "-q", "-f", "qcow2", "-F", base_format,
                "-b", os.path.abspath(base), path)
    return pathlib.Path(path)


def run_quietly(*command, **options):
    """Runs a command; where it fails, the error carries its output."""
    command = [str(word) for word in command]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            errors="replace", stdin=subprocess.DEVNULL, **options)
    if result.returncode != 0:
        raise AssertionError(f"{shlex.join(command)} ended with {result.returncode}:\n"
                             f"{result.stdout}")
    return result.stdout


def find_firmware(part):
    """OVMF's code or variables (`CODE` or `VARS`)."""
    for name in (f"OVMF_{part}_4M.fd", f"OVMF_{part}.fd"):
        path = pathlib.Path("/usr/share/OVMF") / name
        if path.exists():
            return path
    raise FileNotFoundError("no OVMF firmware in /usr/share/OVMF: install the package ovmf")


def disk_arguments(index, path, bus, sector, order, writable, unreadable):
    """QEMU's arguments for one disk; `order` is its place in the firmware's boot order, if any."""
    drive = f"disk{index}"
    image_format = "qcow2" if image_is_qcow2(path) else "raw"
    block = f"if=none,id={drive},cache=unsafe,discard=unmap"
    if unreadable is None:
        block += f",file={path},format={image_format}"
    else:
        block += (f",driver=blkdebug,image.driver={image_format},image.file.driver=file,"
                  f"image.file.filename={path},inject-error.0.event=none,"
                  "inject-error.0.iotype=read,inject-error.0.errno=5,"
                  f"inject-error.0.sector={unreadable // 512}")
    block += "" if writable else ",readonly=on"
    size = f",logical_block_size={sector},physical_block_size={sector}" if sector != 512 else ""
    common = f"drive={drive}{size}" + (f",bootindex={order}" if order else "")
    device = {
        "virtio": [f"virtio-blk-pci,{common}"],
        "scsi": [f"virtio-scsi-pci,id=bus{index}", f"scsi-hd,bus=bus{index}.0,{common}"],
        "ahci": [f"ich9-ahci,id=bus{index}", f"ide-hd,bus=bus{index}.0,{common}"],
        "nvme": [f"nvme,serial=proa{index},{common}"],
        "usb": [f"qemu-xhci,id=bus{index}", f"usb-storage,bus=bus{index}.0,{common}"],
    }[bus]
    arguments = ["-drive", block]
    for part in device:
        arguments += ["-device", part]
    return arguments


def drop_snapshot(path, tag):
    subprocess.run(["qemu-img", "snapshot", "-d", tag, path], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def image_is_qcow2(path):
    with open(path, "rb") as image:
        return image.read(4) == b"QFI\xfb"


def qemu_command(disks, *, accel, uefi_vars=None, memory=1024, bus="virtio", sector=512, cpus=2,
                 boot=0, extra=(), forward=None, tap=False, writable=True,
                 skip_idle=False, unreadable=None):
    """The whole command line but for the serial console.

    `boot`: the disk that is booted; None: as the firmware itself remembers.
    `forward`: a port of this machine's loopback that leads to the guest's SSH server.
    `tap`: the network is the device tap0, and not QEMU's own.
    `writable`: False for disks that take no writes.
    `unreadable`: a byte of the first disk whose sector cannot be read.
    `skip_idle`: while all processors wait, the machine's time leaps to its next timer.
    """
    command = ["qemu-system-x86_64", "-nodefaults", "-machine", "q35", "-m", str(memory),
               "-smp", str(cpus), "-display", "none", "-vga", "std", "-rtc", "base=utc"]
    if skip_idle:
        command += ["-accel", "tcg,thread=single", "-cpu", "max", "-icount", "shift=1,sleep=off"]
    elif accel == "kvm":
        command += ["-accel", "kvm", "-cpu", "host"]
    else:
        command += ["-accel", "tcg,thread=multi", "-cpu", "max"]
    if uefi_vars:
        command += ["-drive", f"if=pflash,format=raw,readonly=on,file={find_firmware('CODE')}",
                    "-drive", f"if=pflash,format=qcow2,file={uefi_vars}"]
    for index, disk in enumerate(disks):
        order = None if boot is None else 1 if index == boot else index + 2
        command += disk_arguments(index, disk, bus, sector, order, writable,
                                  unreadable if index == 0 else None)
    hostfwd = f",hostfwd=tcp:127.0.0.1:{forward}-:22" if forward else ""
    command += ["-netdev", "tap,id=net0,ifname=tap0,script=no,downscript=no" if tap
                else f"user,id=net0{hostfwd}",
                "-device", "virtio-net-pci,netdev=net0,addr=0x10,romfile=",
                "-device", "virtio-rng-pci"]
    return command + list(extra)


def free_port():
    """A TCP port of the loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Machine:
    """One machine. `disks` are image files, in the order in which they are attached."""

    def __init__(self, name, disks, folder, *, uefi=False, memory=1024, bus="virtio", sector=512,
                 boot=0, extra=(), alive=INIT_STARTED, netns=None, writable=True,
                 skip_idle=False, unreadable=None, warm=False):
        self.name = name
        self.disks = [pathlib.Path(disk) for disk in disks]
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.uefi, self.memory, self.bus, self.sector = uefi, memory, bus, sector
        self.ssh_port = free_port()
        self.boot = boot
        self.writable, self.skip_idle, self.unreadable = writable, skip_idle, unreadable
        self.warm = warm        # a reset stays in the same QEMU process
        self.extra = list(extra)
        self.netns = netns      # the network name space in which it is, with a tap0
        self.alive = alive      # once the console has said this, silence is no stall
        self.log_path = self.folder / f"{name}.console"
        self.starts = 0
        self.may_restart = True
        self.process = None
        self._qmp = None
        self._uefi_vars = None
        self._changed = threading.Condition()
        self._text = ""
        self._chunks = []       # (offset in _text, time) of each piece that came
        self._read_to = 0       # wait_for() looks behind this
        self._boot_from = 0     # where in _text the current boot began
        self._ended = True
        self._token = 0

    # -- power ---------------------------------------------------------------

    def start(self):
        """Switches the machine on."""
        with self._changed:
            self._cut = self._ended = False
            self._read_to = self._boot_from = len(self._text)
        self._launch()
        self.starts += 1
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def _launch(self):
        """A QEMU process, as `process` and `_qmp`."""
        if self.uefi and not self._uefi_vars:
            self._uefi_vars = overlay(find_firmware("VARS"), self.folder / f"{self.name}.vars")
        # Socket paths are at most 107 bytes long: the build folder's may be longer.
        socket_folder = tempfile.mkdtemp(prefix="proa-qmp-")
        qmp = os.path.join(socket_folder, "qmp")
        command = qemu_command(self.disks, accel=accelerator(), uefi_vars=self._uefi_vars,
                               memory=self.memory, bus=self.bus, sector=self.sector,
                               boot=self.boot, extra=self.extra, forward=self.ssh_port,
                               tap=self.netns is not None, writable=self.writable,
                               skip_idle=self.skip_idle, unreadable=self.unreadable)
        if self.netns:
            command = ["ip", "netns", "exec", self.netns, *command]
        command += ["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
                    "-qmp", f"unix:{qmp},server=on,wait=off"]
        if not self.warm:
            command += ["-action", "reboot=shutdown"]
        if self.may_restart and not self.warm:
            self._keep_disks()
        errors = self.folder / f"{self.name}.qemu"
        with open(self.log_path, "ab") as log:
            log.write(f"--- start {self.starts + 1}: {shlex.join(command)}\n".encode())
        with self._changed:
            self._chunks.append((len(self._text), time.monotonic()))
        # QEMU must not outlive us, whatever ends us.
        command = ["setpriv", "--pdeathsig", "KILL", *command]
        with open(errors, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log, bufsize=0,
                                            start_new_session=True)
        try:
            self._qmp = _connect(qmp, self.process)
        except OSError as error:
            self.process.kill()
            self._close()
            raise self._error(f"did not start ({error}): {errors.read_text()}") from None
        finally:
            shutil.rmtree(socket_folder, ignore_errors=True)

    def _files_written(self):
        """The qcow2 files to which a run writes, OVMF's variables among them."""
        disks = [disk for disk in self.disks if image_is_qcow2(disk)] if self.writable else []
        return disks + ([self._uefi_vars] if self._uefi_vars else [])

    def _keep_disks(self):
        for path in self._files_written():
            drop_snapshot(path, AT_START)
            run_quietly("qemu-img", "snapshot", "-c", AT_START, path)

    def _put_disks_back(self):
        """As if the machine had not been started: the attempt that GRUB counted is not spent."""
        for path in self._files_written():
            run_quietly("qemu-img", "snapshot", "-a", AT_START, path)

    def power_cut(self):
        """Pulls the plug: QEMU is killed, nothing in the guest is told. Was it on until then?"""
        with self._changed:
            self._cut = True
            if self.process is None:
                return False
            self.process.kill()
        self._reader.join()
        return self._close() == -signal.SIGKILL

    stop = power_cut

    def _close(self):
        """Returns what QEMU ended with."""
        code = self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        if self._qmp:
            self._qmp.close()
        self.process = self._qmp = None
        return code

    def wait_off(self, deadline=120):
        """Waits until the machine has switched itself off."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._ended, deadline):
                raise self._error(f"did not switch itself off within {deadline} s")
        self.power_cut()

    def monitor(self, command):
        """A line for QEMU's own monitor; its answer."""
        return self._qmp.command("human-monitor-command", {"command-line": command})

    def save(self, tag):
        answer = self.monitor(f"savevm {tag}")
        assert not answer.strip(), f"savevm: {answer}"

    def load(self, tag):
        """Back to a saved moment; what the console said since then is forgotten."""
        answer = self.monitor(f"loadvm {tag}")
        assert not answer.strip(), f"loadvm: {answer}"
        with self._changed:
            self._read_to = len(self._text)

    # -- the console ---------------------------------------------------------

    @property
    def console(self):
        with self._changed:
            return self._text

    @property
    def position(self):
        """Where wait_for() will go on reading."""
        return self._read_to

    def time_of(self, offset):
        """When (time.monotonic) the byte at `offset` of the console came."""
        with self._changed:
            came = self._chunks[0][1]
            for start, when in self._chunks:
                if start > offset:
                    break
                came = when
            return came

    def wait_for(self, pattern, deadline=300, *, unless=None):
        """Waits for a line that matches the regular expression, behind what was waited for before.

        Returns the match; its `.string` is the whole console. Fails at once where `unless`
        matches first, where QEMU ends, and at the deadline (seconds).
        """
        wanted = re.compile(pattern, re.MULTILINE)
        refused = re.compile(unless, re.MULTILINE) if unless else None
        end = time.monotonic() + deadline
        with self._changed:
            while True:
                found = wanted.search(self._text, self._read_to)
                bad = refused.search(self._text, self._read_to) if refused else None
                if found and not (bad and bad.start() < found.start()):
                    self._read_to = found.end()
                    return found
                stalled = self._stale_breakpoint() if bad else self._stalled()
                if stalled and self.may_restart:
                    self._restart(stalled)
                    end = time.monotonic() + deadline
                    continue
                if bad:
                    raise self._error(f"said {bad.group()!r} while {pattern!r} was waited for")
                if self._ended:
                    raise self._error(f"ended while {pattern!r} was waited for"
                                      + (f" ({stalled})" if stalled else ""))
                if time.monotonic() >= end:
                    raise self._error(f"did not say {pattern!r} within {deadline} s")
                self._changed.wait(min(1.0, max(0.01, end - time.monotonic())))

    def wait_boot(self, pattern, deadline=300, *, unless=TROUBLE):
        """Waits for one boot's `init: started`, then for a line behind it. Returns the match."""
        with self._changed:
            self._boot_from = self._read_to
        self.wait_for(re.escape(self.alive), deadline, unless=unless)
        return self.wait_for(pattern, deadline, unless=unless)

    def run(self, command, deadline=120):
        """Runs a shell command at the console's prompt. Returns (exit status, output)."""
        self._token += 1
        token = f"{os.getpid()}-{self._token}"
        # The echo of what is typed never holds the markers in one piece.
        self.type(f" printf 'proa-test-%s\\n' begin-{token}; {{ {command}\n}}; "
                  f"printf '\\nproa-test-%s=%d\\n' end-{token} $?\n")
        self.wait_for(f"proa-test-begin-{token}\r?\n", deadline)
        start = self._read_to
        found = self.wait_for(f"\r?\nproa-test-end-{token}=(\\d+)\r?\n", deadline)
        output = found.string[start:found.start()].replace("\r", "")
        # The kernel and the services talk on the same console.
        lines = [line for line in output.split("\n")
                 if not re.match(r"proa: +\d+\.\d\d |\[ *\d+\.\d+\] ", line)]
        return int(found.group(1)), "\n".join(lines).strip("\n")

    def check(self, command, deadline=120):
        """Runs a command that must succeed; its output."""
        status, output = self.run(command, deadline)
        if status != 0:
            raise self._error(f"`{command}` ended with {status}:\n{output}")
        return output

    def wait_shell(self, deadline=300):
        """Waits until the console's shell answers."""
        end = time.monotonic() + deadline
        while True:
            self._token += 1
            token = f"ready-{os.getpid()}-{self._token}"
            self.type(f"\n printf 'proa-test-%s\\n' {token}\n")
            try:
                self.wait_for(f"proa-test-{token}\r?\n", min(10, deadline))
                return
            except MachineError:
                if self._ended or time.monotonic() > end:
                    raise

    def wait_true(self, command, deadline=180):
        """Runs a command until it succeeds; its output."""
        end = time.monotonic() + deadline
        while True:
            status, output = self.run(command, deadline)
            if status == 0:
                return output
            if time.monotonic() > end:
                raise self._error(f"`{command}` still ends with {status} after {deadline} s:\n"
                                  f"{output}")
            time.sleep(1)

    def type(self, text):
        self.process.stdin.write(text.encode())

    # -- inside --------------------------------------------------------------

    def _read(self):
        """Reads the console, of one QEMU process after the other."""
        while True:
            self._read_one()
            with self._changed:
                # A reset is a start of its own, unless `warm`.
                try:
                    if not self._cut and self._qmp.was_reset():
                        self._close()
                        self._launch()
                        continue
                except MachineError as error:
                    self._text += f"{error}\n"
                self._ended = True
                self._changed.notify_all()
                return

    def _read_one(self):
        with open(self.log_path, "ab") as log:
            while True:
                data = os.read(self.process.stdout.fileno(), 65536)
                if not data:
                    break
                log.write(data)
                log.flush()
                with self._changed:
                    self._chunks.append((len(self._text), time.monotonic()))
                    self._text += data.decode("utf-8", "replace")
                    self._changed.notify_all()
        self.process.wait()

    def _stalled(self):
        """Why the machine may be started once more, or None."""
        if self.alive in self._text[self._boot_from:]:
            return None
        if self._ended:
            return "QEMU ended before init"
        silent = time.monotonic() - self._chunks[-1][1]
        allowed = SILENT_SECONDS_WARM if self.warm else SILENT_SECONDS
        return f"silent for {silent:.0f} s before init" if silent > allowed else None

    def _stale_breakpoint(self):
        """The same for a kernel that died of QEMU's own fault."""
        said = self._text[self._boot_from:]
        if self.alive in said or STALE_BREAKPOINT not in said or accelerator() != "tcg":
            return None
        return "died of a stale breakpoint before init"

    def _restart(self, why):
        self.may_restart = False
        restarts.append((self.name, why))
        read_to = self._read_to
        self._changed.release()
        try:
            self.power_cut()
            if not self.warm:
                self._put_disks_back()
            self.start()
        finally:
            self._changed.acquire()
        self._read_to = max(read_to, self._read_to)

    def _error(self, what):
        return MachineError(f"machine {self.name} {what}; its console is in {self.log_path}")

    def by_hand(self):
        """The command that starts such a machine for a person."""
        words = ["scripts/machine", "run", "--memory", str(self.memory)]
        words += ["--uefi"] if self.uefi else []
        words += ["--bus", self.bus] if self.bus != "virtio" else []
        words += ["--sector", str(self.sector)] if self.sector != 512 else []
        for disk in self.disks:
            words += ["--disk", str(disk)]
        return shlex.join(words)

    def tail(self, lines=120):
        with self._changed:
            text = self._text
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1bc", "", text)
        kept = [line for line in text.replace("\r", "").split("\n") if line.strip()]
        return "\n".join(kept[-lines:])


class _Qmp:
    """As much of QEMU's machine protocol as is needed: one command, one answer."""

    def __init__(self, connection):
        self._file = connection.makefile("rwb")
        self._connection = connection
        self._events = []
        self._file.readline()
        self.command("qmp_capabilities")

    def command(self, name, arguments=None):
        request = {"execute": name, "arguments": arguments or {}}
        self._file.write(json.dumps(request).encode() + b"\n")
        self._file.flush()
        while True:
            line = self._file.readline()
            if not line:
                raise MachineError(f"QEMU went away during {name}")
            answer = json.loads(line)
            if "error" in answer:
                raise MachineError(f"QEMU: {name}: {answer['error'].get('desc')}")
            if "return" in answer:
                return answer["return"]
            self._events.append(answer)

    def was_reset(self):
        """QEMU has ended: because the guest, or its watchdog, wanted a reset?"""
        try:
            rest = self._file.read()
        except OSError:
            return False
        return any(event.get("event") == "SHUTDOWN" and event["data"]["reason"] == "guest-reset"
                   for event in [*self._events, *map(json.loads, rest.splitlines())])

    def close(self):
        try:
            self._file.close()
        except OSError:
            pass
        self._connection.close()


def _connect(path, process, deadline=30):
    end = time.monotonic() + deadline
    connection = socket.socket(socket.AF_UNIX)
    while True:
        try:
            connection.connect(path)
            return _Qmp(connection)
        except (FileNotFoundError, ConnectionRefusedError):
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.05)
