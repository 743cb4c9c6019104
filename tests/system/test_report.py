"""`proa report`: all parts are in it, secrets are not, and a dead Docker costs only its part."""

import base64
import tarfile

from machine import run_quietly

PARTS = ["MANIFEST", "versions", "status.txt", "status.json", "config", "flip",
         "kernel.log", "run-proa", "run-proa-log", "proc/cmdline", "proc/meminfo", "proc/mounts",
         "proc/interrupts", "blocks", "network", "system-docker", "services.log", "user-docker"]


def unpack(one, path, folder):
    """The bundle, brought out over the console and unpacked here: part → text."""
    text = one.check(f"sudo base64 {path}", 300)
    packed = folder / "report.tar.zst"
    packed.write_bytes(base64.b64decode(text))
    tar = folder / "report.tar"
    run_quietly("zstd", "-q", "-d", "-f", packed, "-o", tar)
    with tarfile.open(tar) as members:
        return {member.name.partition("/")[2]: members.extractfile(member).read().decode()
                for member in members}


def test_report(booted, folder):
    assert "sudo proa report" in booted.check("proa report 2>&1; test $? = 4")
    booted.check("sudo proa config set proa.password hunter2hunter2")
    booted.check("docker run -d --name secretive -e TOKEN=xyzzy-plugh busybox sleep 9999")
    booted.check("echo hunter2hunter2 is in a log | sudo tee /run/proa/log/extra")
    said = booted.check("sudo proa report -o /tmp/r.tar.zst", 300)
    assert booted.check("stat -c %a:%U /tmp/r.tar.zst") == "600:root"
    parts = unpack(booted, "/tmp/r.tar.zst", folder)
    assert "0 of them failed" in said, parts["MANIFEST"]
    assert [name for name in PARTS if not parts.get(name)] == []
    assert "history" in parts   # of former boots: this is the first
    whole = "\n".join(parts.values())
    assert "hunter2" not in whole and "xyzzy" not in whole
    assert "******** is in a log" in parts["run-proa-log"]
    assert "TOKEN=********" in parts["user-docker"]
    assert "end=1" in parts["flip"] and "\nvda6\n" in parts["blocks"]
    assert "==== /console" in parts["services.log"]

    # What is there is never overwritten.
    assert "cannot create" in booted.check("sudo proa report -o /tmp/r.tar.zst 2>&1 || true")

    # A daemon that is stopped does not answer; the others' parts are there all the same.
    booted.check("sudo kill -STOP $(sudo cat /run/system-docker.pid)")
    said = booted.check("sudo proa report -o /tmp/s.tar.zst; "
                        "sudo kill -CONT $(sudo cat /run/system-docker.pid)", 300)
    assert "2 of them failed" in said
    parts = unpack(booted, "/tmp/s.tar.zst", folder)
    assert parts["services.log"].startswith("error: ") and "TOKEN=" in parts["user-docker"]
    assert "system-docker: " in parts["MANIFEST"]
