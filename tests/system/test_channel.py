"""proa-image channel: the signed list of a server's releases. No machine is booted."""

import hashlib
import subprocess

from disk import BUILD
from machine import run_quietly
from small_release import make_bundle, make_tree

IMAGE = BUILD / "proa-image"


def lines(path):
    return [line.split("=", 1) for line in path.read_text().splitlines()[1:]]


def refused(*command):
    done = subprocess.run([str(word) for word in command], stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, check=False)
    assert done.returncode != 0
    return done.stderr


def test_channel(folder):
    for role in ("root", "release", "channel"):
        run_quietly(IMAGE, "keygen", "-o", folder, "--role", role)
    root = folder / "1.root"
    run_quietly(IMAGE, "root", "--number", "1", "--release-key", folder / "release.pub",
                "--channel-key", folder / "channel.pub", "--root-key", folder / "root.pub",
                "--sign", folder / "root.key", "-o", root)
    tree = make_tree(folder / "tree", 1 << 20)
    bundles = [make_bundle(tree, folder / version, "--version", version, "--min-version", "1.0",
                           "-k", folder / "release.key") for version in ("2.0", "2.1")]
    one = bundles[1].rename(folder / "proa-2.1.bundle")
    channel = folder / "stable.channel"

    def make(*words):
        return run_quietly(IMAGE, "channel", "-o", channel, *words, one)

    make("-k", folder / "channel.key", "--days", "2")
    said = dict(lines(channel))
    assert said["name"] == "stable" and said["serial"] == said["time"]
    assert int(said["expires"]) - int(said["time"]) == 2 * 24 * 3600
    with open(one, "rb") as file:
        header = file.read(512)
        manifest = file.read(int(header[124:135], 8))
    assert said["release"] == (f"2.1 1.0 1 {one.stat().st_size} "
                               f"{hashlib.sha256(manifest).hexdigest()} proa-2.1.bundle")
    run_quietly(IMAGE, "verify", "--root", root, channel)

    # The next one follows it. Signed by a key that may not sign channels, nobody takes it.
    make("-k", folder / "release.key", "--time", said["time"])
    assert int(dict(lines(channel))["serial"]) == int(said["serial"]) + 1
    assert "no channel key" in refused(IMAGE, "verify", "--root", root, channel)

    # With a key that is elsewhere.
    make("--serial", "3")
    run_quietly(IMAGE, "digest", channel, "-o", folder / "bytes")
    run_quietly("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", folder / "channel.key", "-in",
                folder / "bytes", "-out", folder / "raw")
    run_quietly(IMAGE, "attach", "--signature", folder / "raw", "--key", folder / "channel.pub",
                channel)
    run_quietly(IMAGE, "verify", "--root", root, channel)
    channel.write_text(channel.read_text().replace("serial=3", "serial=4"))
    assert "changed" in refused(IMAGE, "verify", "--root", root, channel)

    assert "2.1 twice" in refused(IMAGE, "channel", "-o", channel, one, one)
    assert "whole number" in refused(IMAGE, "channel", "-o", channel, "--days", "0", one)
    assert "NAME.channel" in refused(IMAGE, "channel", "-o", folder / "stable", one)
    channel.write_text("something else\n")
    assert "serial is to be followed" in refused(IMAGE, "channel", "-o", channel, one)
