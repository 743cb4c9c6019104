"""proa upgrade and proa list by a channel, onto a disk that does not run. No boot."""

import os
import shutil
import time

import pytest

from machine import run_quietly
from upgrading import (BUILD, DAMAGED_BUNDLE, NETWORK, NOTHING, SIGNATURE, USAGE, Releases)
from web import Server

CHANNEL, NO_RELEASE = 27, 28
IMAGE = BUILD / "proa-image"


class Published(Releases):
    """Releases 2.1, 2.2 (from 2.1 on only) and 1.9 beside a channel, all signed by their keys."""

    def __init__(self, folder):
        super().__init__(folder)
        for role in ("root", "channel"):
            run_quietly(IMAGE, "keygen", "-o", folder, "--role", role)
        self.key = folder / "1.root"
        run_quietly(IMAGE, "root", "--number", "1", "--release-key", folder / "release.pub",
                    "--channel-key", folder / "channel.pub", "--root-key", folder / "root.pub",
                    "--sign", folder / "root.key", "-o", self.key)
        for version, least in (("1.9", "0"), ("2.1", "2.0"), ("2.2", "2.1")):
            bundle = self.bundle(version, "--min-version", least)
            shutil.copy(bundle, folder / f"{version}.bundle")

    def channel(self, *versions, key="channel", days="30", serial="5", at=None):
        path = self.folder / "stable.channel"
        run_quietly(IMAGE, "channel", "-o", path, "-k", self.folder / f"{key}.key", "--days", days,
                    "--serial", serial, *(["--time", str(at)] if at else []),
                    *[self.folder / f"{version}.bundle" for version in versions])
        return {name: (self.folder / name).read_bytes() for name in
                ["stable.channel", "stable.channel.sig", "1.9.bundle", "2.1.bundle", "2.2.bundle"]}


    def other(self):
        """Another channel's document and signatures, by what stands behind the name."""
        path = self.folder / "testing.channel"
        run_quietly(IMAGE, "channel", "-o", path, "-k", self.folder / "channel.key",
                    self.folder / "2.1.bundle")
        return {end: (self.folder / ("testing.channel" + end)).read_bytes() for end in ("", ".sig")}


@pytest.fixture(scope="module")
def made(work):
    folder = work / "channel"
    folder.mkdir()
    return Published(folder)


@pytest.fixture
def server(made):
    one = Server(made.channel("2.2", "2.1", "1.9"))
    yield one
    one.stop()


def from_channel(made, disk, server, *words, **how):
    return made.proa(disk, "upgrade", "--yes", "--channel", server.url("stable.channel"), *words,
                     **how)


def test_channel(made, server, folder):
    disk = made.disk(folder / "d.img")
    said, _ = made.proa(disk, "list", "--channel", server.url("stable.channel"))
    assert (said["channel"], said["serial"]) == ("stable", 5)
    assert {one["version"]: one["state"] for one in said["releases"]} == \
        {"2.2": "too far", "2.1": "newer", "1.9": "older"}

    # The newest that can be reached; then, from there, the one behind it.
    said, _ = from_channel(made, disk, server)
    assert (said["result"], said["from"], said["version"]) == ("upgraded", "2.0", "2.1")
    said, _ = from_channel(made, disk, server)
    assert (said["result"], said["from"], said["version"]) == ("upgraded", "2.1", "2.2")
    said, _ = from_channel(made, disk, server, expect=NOTHING)
    assert said["result"] == "nothing newer"
    said, _ = from_channel(made, disk, server, "1.9", "--allow-downgrade")
    assert said["version"] == "1.9"
    assert server.requests[-1][0] == "/1.9.bundle"
    from_channel(made, disk, server, "3.0", expect=NO_RELEASE)
    made.proa(disk, "upgrade", "--yes", expect=USAGE)


def refused(made, disk, server, code, words):
    before = disk.flip()
    said, errors = from_channel(made, disk, server, expect=code)
    assert words in errors.splitlines()[-1], errors
    assert said["exit"] == code and disk.flip() == before


def test_channels_that_are_not_taken(made, server, folder):
    disk = made.disk(folder / "d.img")
    good = dict(server.files)

    server.files = made.channel("2.1", key="release")
    refused(made, disk, server, SIGNATURE, "no channel key")
    server.files = made.channel("2.1", days="1", at=int(time.time()) - 2 * 24 * 3600)
    refused(made, disk, server, CHANNEL, "expired")
    server.files = {**good, "stable.channel": good["stable.channel"].replace(b"2.1 2.0", b"2.1 0")}
    refused(made, disk, server, SIGNATURE, "changed")
    server.files = {**good, "stable.channel": os.urandom(20 << 20)}
    refused(made, disk, server, CHANNEL, "longer than")
    server.files = {**good, "stable.channel.sig": b"\0" * (20 << 20)}
    refused(made, disk, server, CHANNEL, "longer than")
    server.files = {name: data for name, data in good.items() if not name.endswith(".sig")}
    refused(made, disk, server, NETWORK, "404")
    # Mix and match: a well signed release in the place of the one that is named.
    server.files = {**good, "2.1.bundle": good["2.2.bundle"]}
    refused(made, disk, server, DAMAGED_BUNDLE, "not the 2.1 that the channel names")
    server.files = {**good, "2.1.bundle": made.bundle("2.1", signed=False).read_bytes()}
    refused(made, disk, server, SIGNATURE, "sign")

    # A bundle that is not all there yet costs nobody the other slot.
    server.files = {**good, "2.1.bundle": good["2.1.bundle"][:-100_000]}
    refused(made, disk, server, DAMAGED_BUNDLE, "still being copied")
    # Another channel of the same publisher, and one of next week.
    server.files = {"stable.channel" + end: data for end, data in made.other().items()}
    refused(made, disk, server, CHANNEL, "the channel \"testing\"")
    server.files = made.channel("2.1", at=int(time.time()) + 7 * 24 * 3600)
    refused(made, disk, server, CHANNEL, "one of the two is wrong")

    # While somebody puts a new one there, one look finds the old signature.
    server.files = good
    server.once = {"stable.channel.sig": made.channel("2.1", serial="4")["stable.channel.sig"]}
    from_channel(made, disk, server)
    assert disk.flip()["slot"] == "b"
