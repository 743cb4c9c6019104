"""Attacks on upgrades, mounted from a web server onto a disk that does not run. No boot.

The list is TUF's (docs/security.md says which test answers what). Nothing may be written before
the refusal, but where the data themselves are wrong; and then the disk boots as before.
"""

import io
import shutil
import tarfile
import time

import pytest

from faulty import signatures
from installing import state_of
from machine import run_quietly
from upgrading import (CHANNEL, DAMAGED_BUNDLE, DAMAGED_SLOT, FOREIGN, IMAGE, SIGNATURE,
                       Publisher, read_pair)
from web import Server


class Attacked(Publisher):
    """A publisher who has changed all keys twice: 1.root, 2.root, 3.root; disks know the first."""

    def __init__(self, folder):
        super().__init__(folder)
        for generation in "23":
            for role in ("release", "channel", "root"):
                self.keygen(role + generation, role)
        self.root(2, "root", "root2", release="release2", channel="channel2", root="root2")
        self.root(3, "root2", "root3", release="release3", channel="channel3", root="root3")
        self.keygen("mallory", "root")

    def other_content(self, version):
        """A release whose last MiB is its own, and must be fetched."""
        tree = self.change_tree(f"tree-{version}", 7 << 20, 1 << 20)
        path = self.folder / f"{version}.bundle"
        shutil.copy(self.bundle(version, tree=tree), path)
        return {**self.sign_channel(path), path.name: path.read_bytes()}

    def roots(self, *numbers):
        return {name: data for number in numbers
                for name, data in read_pair(self.folder / f"{number}.root").items()}

    def server_files(self, version="2.1", generation="", roots=(), **how):
        """A channel with one release, both signed by that generation's keys."""
        key = how.pop("release_key", f"release{generation}")
        path = self.folder / f"{version}.bundle"
        bundle = self.bundle(version, *how.pop("options", []), key=key).read_bytes()
        path.write_bytes(bundle)
        return {**self.sign_channel(path, key=f"channel{generation}", **how), **self.roots(*roots),
                path.name: bundle}


@pytest.fixture(scope="module")
def made(work):
    folder = work / "attacks"
    folder.mkdir()
    return Attacked(folder)


@pytest.fixture
def server(made):
    one = Server({})
    yield one
    one.stop()


@pytest.fixture
def disk(made, folder):
    return made.disk(folder / "d.img")


def refused(made, disk, server, code, words, *options):
    """Says so, writes nothing, and fetches next to nothing."""
    before, sent = state_of(disk.path), server.sent
    said, errors = made.from_channel(disk, server, *options, expect=code)
    assert words in errors.splitlines()[-1], errors
    assert said["exit"] == code and words in said["error"]
    assert state_of(disk.path) == before, "the disk was touched"
    assert server.sent - sent < 8 << 20
    return errors


def boots_as_before(made, disk, *keys):
    flip = disk.flip()
    assert flip == disk.flip("mirror")
    assert (flip["slot"], flip["a_left"], flip["b_left"]) == ("a", "4", "0")
    state, _ = made.proa(disk, "verify", *keys)
    assert (state["a"]["state"], state["a"]["version"], state["b"]["state"]) == \
        ("whole", "2.0", "empty")


def test_arbitrary_software(made, server, disk):
    """Whoever has the server, and no key."""
    good = made.server_files()
    server.files = {**good, "2.1.bundle": made.bundle("2.1", key="mallory").read_bytes()}
    refused(made, disk, server, SIGNATURE, "no release key known here")
    server.files = made.server_files(release_key="channel")
    refused(made, disk, server, SIGNATURE, "no release key known here")
    server.files = {**good, **made.sign_channel(made.folder / "2.1.bundle", key="mallory")}
    refused(made, disk, server, SIGNATURE, "no channel key known here")
    # With root documents of their own: nobody of the one before has signed them.
    for signers in (["mallory"], ["mallory", "root2"]):
        own = made.root(2, *signers, name="own.root", release="mallory", channel="mallory",
                        root=signers[-1])
        server.files = {**good, **read_pair(own, "2.root")}
        refused(made, disk, server, SIGNATURE, "(by the keys before it)")


def test_rollback(made, server, disk):
    """Releases and root documents of former days."""
    server.files = made.server_files("2.1", "3", roots=(2, 3))
    made.from_channel(disk, server)
    keys = ["--key", made.folder / "3.root"]
    assert made.proa(disk, "verify", *keys)[0]["b"]["key_in_force"] is True

    # All that was there a year ago, as it was then.
    server.files = made.server_files("2.2")
    refused(made, disk, server, CHANNEL, "root document 3 has been in force here")
    server.files = made.server_files("2.2", "2", roots=[2])
    refused(made, disk, server, CHANNEL, "the newest to be had now is 2")
    server.files["2.root"] = b""
    refused(made, disk, server, CHANNEL, "2.root")
    before = state_of(disk.path)
    assert "root document 3" in made.upgrade(disk, made.bundle("2.2"), expect=CHANNEL)[1]
    assert state_of(disk.path) == before


def test_freeze(made, server, disk):
    """What has expired is no news, whatever the server does to look alive."""
    server.files = made.server_files(days="1", at=int(time.time()) - 2 * 24 * 3600)
    refused(made, disk, server, CHANNEL, "expired")
    # Keys that are held back: new channels cannot be read then, and the old one expires.
    server.files = made.server_files(generation="3", roots=[3])
    refused(made, disk, server, SIGNATURE, "no channel key known here")
    server.files = made.server_files(generation="3", roots=(2, 3))
    del server.files["3.root.sig"]
    refused(made, disk, server, SIGNATURE, "no channel key known here")


@pytest.mark.parametrize("name, words", [
    ("stable.channel", "longer than"), ("stable.channel.sig", "longer than"),
    ("2.root", "longer than"), ("2.root.sig", "longer than"), ("2.1.bundle", "no Proa bundle")])
def test_endless_data(made, server, disk, name, words):
    """Files without an end: no more of them is taken than there may be."""
    server.files = made.server_files()
    if name == "2.root.sig":
        server.files |= made.roots(2)
    server.files[name] = b"\0" * 65536
    server.endless = {name}
    refused(made, disk, server, DAMAGED_BUNDLE if name == "2.1.bundle" else CHANNEL, words)


def test_endless_roots(made, server, disk):
    """Who has a stolen root key can make as many as they like."""
    signed = {}
    for number in range(2, 67):
        signed.update(read_pair(made.root(number, name="many.root"), f"{number}.root"))
    server.files = {**made.server_files(), **signed}
    refused(made, disk, server, CHANNEL, "64 root documents or more")


def test_endless_bundle(made, server, disk):
    """Right to its last byte, and then it goes on: the signed sizes count."""
    server.files = made.other_content("3.3")
    size = len(server.files["3.3.bundle"])
    server.endless = {"3.3.bundle"}
    server.ranges = False
    made.from_channel(disk, server)
    assert made.proa(disk, "verify")[0]["b"]["version"] == "3.3"
    # Its head, then all of it, and what was on its way then.
    assert size < server.sent < 2 * size + (8 << 20)


def with_member(bundle, name, content, before):
    """The bundle, with a member more in front of another."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(bundle)) as old, \
            tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as new:
        for member in old:
            if member.name == before:
                more = tarfile.TarInfo(name)
                more.size = len(content)
                new.addfile(more, io.BytesIO(content))
            new.addfile(member, old.extractfile(member))
    return out.getvalue()


def test_extraneous_dependencies(made, server, disk):
    """A release is four members and nothing else; what it needs besides cannot be said."""
    good = made.server_files()
    for before in ("manifest", "index", "data"):
        server.files = {**good, "2.1.bundle": with_member(good["2.1.bundle"], "more", b"x" * 9000,
                                                          before)}
        refused(made, disk, server, DAMAGED_BUNDLE, "bundle")
    # Nor by a line more in what was signed.
    channel = good["stable.channel"] + b"needs=more.bundle\n"
    server.files = {**good, "stable.channel": channel}
    refused(made, disk, server, SIGNATURE, "changed")
    manifest = good["2.1.bundle"].replace(b"epoch=2\n", b"needs=1\n", 1)
    server.files = {**good, "2.1.bundle": manifest}
    refused(made, disk, server, SIGNATURE, "changed")


def test_mix_and_match(made, server, disk):
    """Parts that belong to different releases, each well signed."""
    good, later = made.server_files("2.1"), made.server_files("2.2")
    made.server_files("2.1")
    server.files = {**good, "2.1.bundle": later["2.2.bundle"]}
    refused(made, disk, server, DAMAGED_BUNDLE, "not the 2.1 that the channel names")
    server.files = {**good, "stable.channel.sig": later["stable.channel.sig"]}
    refused(made, disk, server, SIGNATURE, "changed")
    server.files = {**made.server_files(roots=[2]), **made.roots(2)}
    server.files["2.root.sig"] = made.roots(3)["3.root.sig"]
    refused(made, disk, server, SIGNATURE, "root document")
    server.files["2.root"] = made.roots(3)["3.root"]
    refused(made, disk, server, CHANNEL, "3 does not follow 1")

    # One release's head before another's data: seen at the first piece, but only then.
    head, data = made.other_content("3.1"), made.other_content("3.2")["3.2.bundle"]
    start = data_of(head["3.1.bundle"])
    mixed = head["3.1.bundle"][:start] + data[data_of(data):]
    mixed = mixed.ljust(len(head["3.1.bundle"]), b"\0")[:len(head["3.1.bundle"])]
    server.files = {**head, "3.1.bundle": mixed}
    _, errors = made.from_channel(disk, server, expect=DAMAGED_BUNDLE)
    assert "slot a boots as before" in errors.splitlines()[-1]
    boots_as_before(made, disk)
    server.files = head
    made.from_channel(disk, server)
    assert disk.flip()["slot"] == "b"


def data_of(bundle):
    """Where the member `data` begins."""
    with tarfile.open(fileobj=io.BytesIO(bundle)) as members:
        return members.getmember("data").offset_data


def of_another_product(made, bundle):
    """The bundle, made by somebody else with the same keys."""
    with tarfile.open(fileobj=io.BytesIO(bundle)) as members:
        manifest, signed = (members.extractfile(name).read() for name in
                            ("manifest", "manifest.sig"))
    other = manifest.replace(b"product=proa\n", b"product=prob\n")
    for old, new in ((manifest, other),
                     (signed, signatures(made.folder, other, made.folder / "release.key"))):
        assert bundle.count(old) == 1 and len(old) == len(new)
        bundle = bundle.replace(old, new)
    return bundle


def test_wrong_software(made, server, disk):
    """Well signed, and for somebody else."""
    server.files = made.server_files("2.5", options=["--architecture", "riscv64"])
    refused(made, disk, server, FOREIGN, "riscv64")
    server.files = made.server_files("2.6")
    bundle = made.folder / "2.6.bundle"
    bundle.write_bytes(of_another_product(made, bundle.read_bytes()))
    server.files |= {**made.sign_channel(bundle), bundle.name: bundle.read_bytes()}
    refused(made, disk, server, FOREIGN, "\"prob\"")
    server.files = made.server_files()
    for name, data in made.sign_channel(made.folder / "2.1.bundle", name="testing").items():
        server.files[name.replace("testing", "stable")] = data
    refused(made, disk, server, CHANNEL, "the channel \"testing\"")


def test_lost_keys(made, server, disk):
    """All keys were stolen and replaced, twice; this machine slept through both."""
    # What the thief has signs nothing any more, though this disk has never heard of it.
    server.files = made.server_files("2.4", "", roots=(2, 3))
    refused(made, disk, server, SIGNATURE, "no channel key known here")
    server.files = made.server_files("2.4", "3", roots=(2, 3), release_key="release")
    refused(made, disk, server, SIGNATURE, "no release key known here")
    server.files = made.server_files("2.4", "3", roots=(2, 3), release_key="release2")
    refused(made, disk, server, SIGNATURE, "no release key known here")
    # Root documents by stolen root keys: the one of today must sign the next.
    for number, thief in ((4, "root"), (4, "root2")):
        forged = made.root(number, thief, "mallory", name="forged.root", release="release",
                           channel="channel", root="mallory")
        server.files = {**made.server_files("2.4", roots=(2, 3)), **read_pair(forged, "4.root")}
        refused(made, disk, server, SIGNATURE, "4.root")
    # Signed by the keys before it, and not by its own.
    half = made.root(2, "root", name="half.root", root="root")
    half.write_bytes((made.folder / "2.root").read_bytes())
    half.with_name("half.root.sig").unlink()
    run_quietly(IMAGE, "sign", "-k", made.folder / "root.key", half)
    server.files = {**made.server_files(), **read_pair(half, "2.root")}
    refused(made, disk, server, SIGNATURE, "(by its own keys)")

    # And the machine follows, from the first to the third, to a release of today's keys.
    server.requests.clear()
    server.files = made.server_files("2.1", "3", roots=(1, 2, 3))
    said, _ = made.from_channel(disk, server)
    assert (said["result"], said["from"], said["version"]) == ("upgraded", "2.0", "2.1")
    assert [path for path, _ in server.requests if ".root" in path] == \
        ["/2.root", "/2.root.sig", "/3.root", "/3.root.sig", "/4.root"]

    # What was written when the lost key counted is still there, and a way back.
    keys = ["--key", made.folder / "3.root"]
    state, _ = made.proa(disk, "verify", *keys)
    assert [(state[slot]["state"], state[slot]["key_in_force"]) for slot in "ab"] == \
        [("whole", False), ("whole", True)]
    said, errors = made.proa(disk, "rollback", *keys)
    assert said["version"] == "2.0" and "a key that was taken back since" in errors
    assert disk.flip()["slot"] == "a"
    # From there, too, nothing goes back.
    server.files = made.server_files("2.2")
    refused(made, disk, server, CHANNEL, "root document 3 has been in force here")
    server.files = made.server_files("2.2", "3", roots=(2, 3))
    made.from_channel(disk, server)
    # The newest document alone knows nothing of the first one's keys.
    made.key = made.folder / "3.root"
    try:
        made.proa(disk, "verify", "b")
        assert made.proa(disk, "verify", "a", expect=DAMAGED_SLOT)[0]["a"]["state"] == "untrusted"
    finally:
        made.key = made.folder / "1.root"
