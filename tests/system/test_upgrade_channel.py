"""proa upgrade and proa list by a channel, onto a disk that does not run. No boot."""

import os
import shutil
import time

import pytest

from upgrading import (CHANNEL, DAMAGED_BUNDLE, NETWORK, NO_RELEASE, NOTHING, SIGNATURE, USAGE,
                       Publisher)
from web import Proxy, Server


class Published(Publisher):
    """Releases 2.1, 2.2 (from 2.1 on only) and 1.9 beside a channel, all signed by their keys."""

    def __init__(self, folder):
        super().__init__(folder)
        new = self.change_tree("changed", 1 << 20, 5 << 20)
        for version, least in (("1.9", "0"), ("2.1", "2.0"), ("2.2", "2.1")):
            bundle = self.bundle(version, "--min-version", least,
                                 tree=new if version == "2.1" else None)
            shutil.copy(bundle, folder / f"{version}.bundle")

    def channel(self, *versions, **how):
        """All that lies on the server, with those versions in the channel."""
        return {**self.sign_channel(*[self.folder / f"{version}.bundle" for version in versions],
                                    **how),
                **{f"{version}.bundle": (self.folder / f"{version}.bundle").read_bytes()
                   for version in ("1.9", "2.1", "2.2")}}

    def other(self):
        """Another channel's document and signatures, under the name of this one."""
        pair = self.sign_channel(self.folder / "2.1.bundle", name="testing")
        return {name.replace("testing", "stable"): data for name, data in pair.items()}


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


def test_channel(made, server, folder):
    disk = made.disk(folder / "d.img")
    said, _ = made.proa(disk, "list", "--channel", server.url("stable.channel"))
    assert (said["channel"], said["serial"]) == ("stable", 5)
    assert {one["version"]: one["state"] for one in said["releases"]} == \
        {"2.2": "too far", "2.1": "newer", "1.9": "older"}

    # The newest that can be reached; then, from there, the one behind it.
    said, _ = made.from_channel(disk, server)
    assert (said["result"], said["from"], said["version"]) == ("upgraded", "2.0", "2.1")
    said, _ = made.from_channel(disk, server)
    assert (said["result"], said["from"], said["version"]) == ("upgraded", "2.1", "2.2")
    said, _ = made.from_channel(disk, server, expect=NOTHING)
    assert said["result"] == "nothing newer"
    said, _ = made.from_channel(disk, server, "1.9", "--allow-downgrade")
    assert said["version"] == "1.9"
    assert server.requests[-1][0] == "/1.9.bundle"
    made.from_channel(disk, server, "3.0", expect=NO_RELEASE)
    made.proa(disk, "upgrade", "--yes", expect=USAGE)


def test_proxies_of_the_environment(made, server, folder):
    disk = made.disk(folder / "d.img")
    proxy = Proxy(server)

    def run(channel, *words, expect=0, seen, **variables):
        before = len(proxy.requests)
        out = made.proa(disk, *words, "--channel", channel, expect=expect,
                        env={**os.environ, **variables})
        assert (len(proxy.requests) > before) == seen
        return out

    run("http://releases.example/stable.channel", "upgrade", "--yes", "2.1", seen=True,
        http_proxy=proxy.url())
    assert "GET http://releases.example/2.1.bundle" in proxy.requests
    assert disk.flip()["slot"] == "b"
    own = server.url("stable.channel")
    run(own, "list", seen=True, http_proxy=proxy.url())
    run(own, "list", seen=False, http_proxy=proxy.url(), no_proxy="127.0.0.1")
    run(own, "list", seen=False, https_proxy=proxy.url())
    # Where it is the proxy that cannot be reached, that is what is said.
    _, errors = run(own, "list", seen=False, expect=NETWORK, http_proxy="http://127.0.0.1:1")
    assert "Failed to connect to 127.0.0.1 port 1 " in errors
    proxy.stop()


def refused(made, disk, server, code, words):
    before = disk.flip()
    said, errors = made.from_channel(disk, server, expect=code)
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
    server.files = made.other()
    refused(made, disk, server, CHANNEL, "the channel \"testing\"")
    server.files = made.channel("2.1", at=int(time.time()) + 7 * 24 * 3600)
    refused(made, disk, server, CHANNEL, "one of the two is wrong")

    # While somebody puts a new one there, one look finds the old signature.
    server.files = good
    server.once = {"stable.channel.sig": made.channel("2.1", serial="4")["stable.channel.sig"]}
    made.from_channel(disk, server)
    assert disk.flip()["slot"] == "b"


@pytest.fixture
def mirror(made):
    one = Server(made.channel("2.1"))
    yield one
    one.stop()


def with_mirror(made, disk, server, mirror, **how):
    return made.proa(disk, "upgrade", "--yes", "--channel", server.url("stable.channel"),
                     "--channel", mirror.url("stable.channel"), **how)


def is_whole(made, disk):
    state, _ = made.proa(disk, "verify", "b")
    assert (state["b"]["state"], state["b"]["version"]) == ("whole", "2.1")
    assert disk.flip()["slot"] == "b"


@pytest.mark.parametrize("how", ["gone", "lags", "forged", "has no bundle", "has another bundle"])
def test_mirror_in_place_of_the_first(made, server, mirror, folder, how):
    disk = made.disk(folder / "d.img")
    good = dict(server.files)
    if how == "gone":
        server.files = {}
    elif how == "lags":
        server.files = made.channel("2.1", days="1", at=int(time.time()) - 2 * 24 * 3600)
    elif how == "forged":
        server.files = made.channel("2.1", key="release")
    elif how == "has no bundle":
        del server.files["2.1.bundle"]
    else:
        server.files["2.1.bundle"] = good["1.9.bundle"]
    said, errors = with_mirror(made, disk, server, mirror)
    assert said["version"] == "2.1" and f"trying {mirror.url('')}" not in errors
    is_whole(made, disk)
    assert mirror.requests


@pytest.mark.parametrize("how", ["dies", "sends garbage"])
def test_mirror_in_the_middle(made, server, mirror, folder, how):
    """Half of the data is there when the first server is of no use any more."""
    disk = made.disk(folder / "d.img")
    bundle = server.files["2.1.bundle"]
    half = len(bundle) // 2
    if how == "dies":
        server.dies = 2 << 20
    else:
        server.files["2.1.bundle"] = bundle[:half] + os.urandom(len(bundle) - half)
    lines, _ = with_mirror(made, disk, server, mirror, every=True)
    is_whole(made, disk)
    told = [line for line in lines if line["event"] == "mirror"]
    assert [line["mirror"] for line in told] == [mirror.url("2.1.bundle")]
    assert told[0]["url"] == server.url("2.1.bundle") and told[0]["error"]
    # What had come by then was not fetched again.
    assert 1 << 20 < mirror.sent_parts < 5 << 20


def test_no_mirror_is_any_good(made, server, mirror, folder):
    disk = made.disk(folder / "d.img")
    server.files = {}
    mirror.files = made.channel("2.1", key="release")
    _, errors = with_mirror(made, disk, server, mirror, expect=SIGNATURE)
    assert "no channel key" in errors.splitlines()[-1]
