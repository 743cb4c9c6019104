"""proa upgrade from a web server, good and bad ones, onto a disk that does not run. No boot."""

import os
import pty
import re
import subprocess
import threading
import time

import pytest

from installing import state_of
from small_release import make_bundle
from upgrading import DAMAGED_BUNDLE, NETWORK, SIGNATURE, Releases
from web import Server

NAME = "next.bundle"
BLOCK = 4096                # of the file system: content moves by whole ones
FRAME = 256 << 10           # of the bundles: so much is fetched at least


class Web(Releases):
    """Two releases that share most of their bytes; the later one is on the server."""

    def __init__(self, folder):
        super().__init__(folder)
        tree = self.change_tree("changed", 3 << 20, 1 << 20)
        self.new = make_bundle(tree, folder / "new", "--version", "2.1", "--epoch", "2",
                               "--frame-size", str(FRAME >> 10), "-k", folder / "release.key")
        self.size = self.new.stat().st_size


@pytest.fixture(scope="module")
def made(work):
    folder = work / "web"
    folder.mkdir()
    return Web(folder)


@pytest.fixture
def server(made):
    one = Server({NAME: made.new.read_bytes()})
    yield one
    one.stop()


def is_whole(made, disk):
    state, _ = made.proa(disk, "verify")
    assert [(state[slot]["state"], state[slot]["version"]) for slot in "ab"] == \
        [("whole", "2.0"), ("whole", "2.1")]
    assert disk.flip()["slot"] == "b"


def test_fetches_what_is_new(made, server, folder):
    disk = made.disk(folder / "d.img")
    lines, errors = made.upgrade(disk, server.url(NAME), every=True)
    said = lines[-1]
    is_whole(made, disk)
    assert {line["event"] for line in lines[:-1]} == {"progress"} and said["event"] == "result"
    # One MiB changed, in frames of 256 KiB; beside it the head, and what was on its way then.
    assert said["bytes_fetched"] < 4 << 20 < made.size, errors
    assert said["bytes_reused"] > 5 << 20
    assert any(wanted for _, wanted in server.requests)


def test_server_without_ranges(made, server, folder):
    server.ranges = False
    disk = made.disk(folder / "d.img")
    made.upgrade(disk, server.url(NAME))
    is_whole(made, disk)


@pytest.mark.parametrize("ranges", [True, False])
def test_connections_that_break(made, server, folder, ranges):
    """The head's, the data's more than once; and a server that is busy at first."""
    server.ranges = ranges
    server.failures = [503, 429]
    server.cuts = [300, 100_000, 150_000, 200_000] if ranges else [300, made.size // 2,
                                                                   made.size - 100_000]
    disk = made.disk(folder / "d.img")
    made.upgrade(disk, server.url(NAME))
    is_whole(made, disk)
    assert not server.cuts and not server.failures


def test_carries_on(made, server, folder):
    """Killed half way: what has come by then is not fetched again."""
    disk = made.disk(folder / "d.img")
    server.hold = (1_000_000, threading.Event())
    end = time.monotonic() + 60
    # So slow that one part comes after the other: what has come is what was asked for first.
    with subprocess.Popen(made.command(disk, "upgrade", "--yes", "-b", server.url(NAME),
                                       "--rate-limit", "800K"),
                          stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as one:
        while not has_new_bytes(made, disk):
            assert one.poll() is None and time.monotonic() < end, "nothing new was written"
            time.sleep(0.1)
        one.kill()
    server.hold[1].set()
    first = [wanted for _, wanted in server.requests if wanted]
    state, _ = made.proa(disk, "verify")
    assert (state["a"]["state"], state["b"]["state"]) == ("whole", "empty")

    server.requests.clear()
    made.upgrade(disk, server.url(NAME))
    is_whole(made, disk)
    again = [wanted for _, wanted in server.requests if wanted]
    assert start_of(again[0]) > start_of(first[0]), (first, again)


def has_new_bytes(made, disk):
    """Does slot b hold more than a frame in one piece that the old image has nowhere?"""
    old, new = ((bundle.parent / "slot.img").read_bytes() for bundle in
                (made.bundle("2.0"), made.new))
    written = disk.read(disk.partition("proa-b")[0], len(new))
    known = {old[at:at + BLOCK] for at in range(0, len(old), BLOCK)}
    run = 0
    for at in range(0, len(new), BLOCK):
        block = new[at:at + BLOCK]
        run = run + BLOCK if block == written[at:at + BLOCK] and block not in known else 0
        if run == 2 * FRAME:
            return True
    return False


def start_of(wanted):
    return int(wanted.split("=")[1].split("-")[0])


def refused(made, disk, address, code, words):
    before = disk.flip()
    said, errors = made.upgrade(disk, address, expect=code)
    assert words in errors.splitlines()[-1], errors
    assert said["exit"] == code
    flip = disk.flip()
    assert (flip["slot"], flip["a_left"]) == (before["slot"], before["a_left"]) == ("a", "4")
    state, _ = made.proa(disk, "verify", "a")
    assert state["a"]["state"] == "whole"


def test_servers_that_misbehave(made, server, folder):
    disk = made.disk(folder / "d.img")
    before = disk.flip()
    refused(made, disk, server.url("missing"), NETWORK, "404")
    server.redirect = server.url(NAME)
    refused(made, disk, server.url(NAME), NETWORK, "in a circle")
    server.redirect = None
    server.files["other"] = b"<html>no such thing</html>" * 100
    refused(made, disk, server.url("other"), DAMAGED_BUNDLE, "no Proa bundle")
    server.files["cut"] = server.files[NAME][:100_000]
    refused(made, disk, server.url("cut"), DAMAGED_BUNDLE, "cut off")
    assert disk.flip() == before    # not even begun
    server.files["unsigned"] = made.bundle("2.2", signed=False).read_bytes()
    refused(made, disk, server.url("unsigned"), SIGNATURE, "sign")
    # The head is right, and all that follows is not.
    head = len(server.files[NAME]) // 3
    server.files["half"] = server.files[NAME][:head] + os.urandom(len(server.files[NAME]) - head)
    refused(made, disk, server.url("half"), DAMAGED_BUNDLE, "damaged")
    server.shift = 1
    refused(made, disk, server.url(NAME), NETWORK, "another part")
    server.shift = 0
    made.upgrade(disk, server.url(NAME))
    is_whole(made, disk)


def test_redirect_is_followed(made, server, folder):
    other = Server({NAME: made.new.read_bytes()})
    server.redirect = other.url(NAME)
    disk = made.disk(folder / "d.img")
    try:
        made.upgrade(disk, server.url(NAME))
    finally:
        other.stop()
    is_whole(made, disk)


@pytest.mark.full
def test_a_byte_a_time(made, server, folder):
    """Each request is answered, and brings next to nothing: that is no progress."""
    disk = made.disk(folder / "d.img")
    before = state_of(disk.path)
    server.cuts = [1] * 20
    refused(made, disk, server.url(NAME), NETWORK, "bytes remaining to read")
    assert 6 <= len(server.requests) <= 10
    assert state_of(disk.path) == before, "the disk was touched"


@pytest.mark.full
def test_nobody_listens(made, server, folder):
    """It tries for a while, as long as a server's restart takes; then it says so."""
    disk = made.disk(folder / "d.img")
    address = server.url(NAME)
    server.httpd.socket.close()
    with subprocess.Popen(made.command(disk, "upgrade", "--yes", "-b", address),
                          stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as one:
        _, errors = one.communicate(timeout=300)
        assert one.returncode == NETWORK and "connect" in errors.lower(), errors


def test_progress_for_programs(made, server, folder):
    """Over a slow line: each phase from nothing to all, and a line a second between."""
    disk = made.disk(folder / "d.img")
    lines, errors = made.upgrade(disk, server.url(NAME), "--rate-limit", "400K", every=True)
    is_whole(made, disk)
    told = [line for line in lines if line["event"] == "progress"]
    phases = [(line["phase"], line["slot"]) for line in told]
    assert list(dict.fromkeys(phases)) == \
        [("check", "a"), ("look", "a"), ("write", "b"), ("check", "b")]
    for one in set(phases):
        done = [line["done"] for line in told if (line["phase"], line["slot"]) == one]
        assert done == sorted(done) and done[0] == 0, told
        assert done[-1] == [line["total"] for line in told
                            if (line["phase"], line["slot"]) == one][-1]
    fetched = [line["fetched"] for line in told if "fetched" in line]
    assert 3 <= len(fetched) <= 8 and fetched == sorted(fetched)
    last = [line for line in told if "fetched" in line][-1]
    assert last["fetched"] == last["to_fetch"] <= lines[-1]["bytes_fetched"]
    # People's lines are not for programs, nor the other way round.
    assert "%" not in errors


def test_progress_for_people(made, server, folder):
    """On a terminal: one line that is drawn anew, and sentences that stand alone."""
    disk = made.disk(folder / "d.img")
    server.failures = [503]
    ours, theirs = pty.openpty()
    with subprocess.Popen(made.command(disk, "upgrade", "--yes", "-b", server.url(NAME),
                                       "--rate-limit", "600K"),
                          stderr=theirs, stdout=subprocess.DEVNULL) as one:
        os.close(theirs)
        text = b""
        try:
            while piece := os.read(ours, 4096):
                text += piece
        except OSError:     # how a terminal ends
            pass
        os.close(ours)
        assert one.wait(60) == 0, text
    is_whole(made, disk)
    assert re.search(rb"\r\x1b\[Kproa upgrade: http://127.*: .*503; next try in [12] s\r\n", text)
    drawn = re.findall(rb"\rWriting slot B \[([#.]+)\] +([0-9]+)%  ([^\x1b]*)\x1b", text)
    assert len(drawn) > 5 and drawn[-1][1] == b"100", text
    assert any(re.fullmatch(rb"[0-9]{3}[.][0-9] KiB/s, 0:0[0-9] left", rate)
               for _, _, rate in drawn), drawn


def test_network_is_gone_for_a_while(made, server, folder):
    """In the middle of the data nobody listens any more, for as long as a server's restart takes."""
    disk = made.disk(folder / "d.img")
    server.away_after = 300_000
    back = threading.Timer(3, server.come_back)
    back.start()
    lines, errors = made.upgrade(disk, server.url(NAME), every=True)
    back.join()
    is_whole(made, disk)
    told = [line for line in lines if line["event"] == "retry"]
    assert told and told[0]["url"] == server.url(NAME) and told[0]["error"], errors
    assert all(0.4 < line["seconds"] < 50 for line in told)


@pytest.mark.full
def test_network_is_gone_for_good(made, server, folder):
    """In the middle of the data, and no mirror: it says so, and the next try goes on from there."""
    disk = made.disk(folder / "d.img")
    server.away_after = 300_000
    refused(made, disk, server.url(NAME), NETWORK, "slot a boots as before; run this again: ")
    state, _ = made.proa(disk, "verify")
    assert (state["a"]["state"], state["b"]["state"]) == ("whole", "empty")
    assert disk.flip()["b_left"] == "0"
    server.come_back()
    made.upgrade(disk, server.url(NAME))
    is_whole(made, disk)


def test_wrong_lengths(made, server, folder):
    """What a server says of lengths is believed nowhere."""
    disk = made.disk(folder / "d.img")
    before = disk.flip()
    server.length = -made.size // 2
    refused(made, disk, server.url(NAME), DAMAGED_BUNDLE, "cut off")
    assert disk.flip() == before
    # What is announced and never comes is not waited for.
    server.length = 1 << 60
    lines, _ = made.upgrade(disk, server.url(NAME), every=True)
    assert all(line["event"] != "retry" for line in lines)
    is_whole(made, disk)
