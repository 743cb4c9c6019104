"""Installing: time against the plain work that it can't do without, and memory."""

import os
import subprocess
import time

import rows  # first: it makes the tests' modules known
import disk as disks
from machine import MachineError, overlay, run_quietly

RUNS = 5
LADDER = [512, 448, 384, 320, 256]


def install(target):
    """Seconds, and the most anonymous memory (KiB) that `proa` had at any look."""
    run_quietly("truncate", "-s", "8G", target)
    began = time.monotonic()
    process = subprocess.Popen([str(word) for word in disks.install_command(target)],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    most = 0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                most = max([most] + [int(line.split()[1]) for line in status
                                     if line.startswith("RssAnon:")])
        except OSError:
            pass
        time.sleep(0.01)
    seconds = time.monotonic() - began
    said = process.stderr.read()
    assert process.returncode == 0, f"proa install ended with {process.returncode}:\n{said}"
    os.unlink(target)
    return seconds, most


def plain(image, target):
    """`dd` with sync onto a fresh file, reading back past the cache, one SHA-256 pass."""
    run_quietly("truncate", "-s", "8G", target)
    began = time.monotonic()
    run_quietly("dd", f"if={image}", f"of={target}", "bs=1M", "conv=notrunc,fsync")
    blocks = os.path.getsize(image) >> 20
    run_quietly("dd", f"if={target}", "of=/dev/null", "bs=1M", f"count={blocks}", "iflag=direct")
    run_quietly("openssl", "dgst", "-sha256", image)
    seconds = time.monotonic() - began
    os.unlink(target)
    return seconds


def installs_inside(golden, folder, memory):
    """A booted Proa installs onto its second, empty disk; the bundle is its third."""
    name = f"inside{memory}"
    target, bundle = folder / f"{name}-target.img", folder / f"{name}-bundle.qcow2"
    run_quietly("truncate", "-s", "8G", target)
    overlay(disks.find_bundle(), bundle)
    one = rows.proa_machine(name, golden.overlay(folder / f"{name}.qcow2"), folder, memory=memory)
    one.disks += [target, bundle]
    one.start()
    try:
        one.wait_boot("health gate passed", 600)
        one.wait_shell()
        # udev looks at every disk once, soon after the boot, and locks it meanwhile.
        one.wait_true("sudo flock --nonblock --exclusive /dev/vdb true")
        one.check("sudo proa install -d /dev/vdb -b /dev/vdc --yes", 1800)
        one.stop()
        again = rows.proa_machine(f"{name}-again", disks.Disk(target), folder)
        again.start()
        try:
            again.wait_boot("root verified", 300)
        finally:
            again.stop()
        return True
    except MachineError as error:
        rows.progress(f"{memory} MiB: {error}")
        return False
    finally:
        one.stop()


def main():
    table = rows.Table("install")
    folder = rows.work_folder("install")
    target = folder / "target.img"
    image = disks.slot_image()
    installs, plains, memory = [], [], 0
    for number in range(RUNS):
        seconds, most = install(target)
        installs.append(seconds)
        memory = max(memory, most)
        plains.append(plain(image, target))
        rows.progress(f"run {number + 1} of {RUNS}: install {seconds:.2f} s, "
                      f"plain {plains[-1]:.2f} s")
    table.add("install onto a file", round(rows.median(installs), 2), "s")
    table.add("dd with sync, read back, one SHA-256 pass", round(rows.median(plains), 2), "s")
    table.add("the first against the second",
              round(rows.median(installs) / rows.median(plains), 3), "ratio", 1.3)
    table.add("anonymous memory of proa", round(memory / 1024, 1), "MiB", 32)

    golden = rows.golden(folder)
    least = None
    for size in LADDER:
        if not installs_inside(golden, folder, size):
            break
        least = size
    table.add("least memory in which a booted Proa installs",
              least if least is not None else float("inf"), "MiB", 512)
    table.end()


main()
