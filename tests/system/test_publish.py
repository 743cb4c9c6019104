"""proa-image publish: the folder of a web server, right at every moment. No machine is booted."""

import hashlib
import html.parser
import os
import shutil
import subprocess
import time

import pytest

from machine import ROOT, run_quietly
from upgrading import BUILD, REFUSED, Releases
from web import Server

IMAGE = BUILD / "proa-image"
FAILED = 1


class Publisher(Releases):
    """Keys, root documents, and the folder `out` in which a release is made ready."""

    def __init__(self, folder):
        super().__init__(folder)
        for name in ("root", "channel", "channel2"):
            run_quietly(IMAGE, "keygen", "-o", folder, "--role", name.rstrip("2"), "--name", name)
        self.out = folder / "out"
        self.begin()
        self.key = folder / "1.root"
        shutil.copy(self.out / "1.root", self.key)
        shutil.copy(self.out / "1.root.sig", folder)

    def begin(self):
        """An empty `out`, with the root document alone."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()
        if (self.folder / "1.root").exists():
            shutil.copy(self.folder / "1.root", self.out)
            shutil.copy(self.folder / "1.root.sig", self.out)
        else:
            self.root(1, "channel")

    def root(self, number, *channel_keys):
        keys = [word for key in channel_keys
                for word in ("--channel-key", self.folder / f"{key}.pub")]
        before = ["--previous", self.out / f"{number - 1}.root"] if number > 1 else []
        run_quietly(IMAGE, "root", "--number", number, "--release-key",
                    self.folder / "release.pub", *keys, "--root-key", self.folder / "root.pub",
                    "--sign", self.folder / "root.key", *before, "-o",
                    self.out / f"{number}.root")

    def release(self, version, notes=None, **how):
        bundle = self.out / f"proa-{version}.bundle"
        shutil.copy(self.bundle(version, **how), bundle)
        if notes is not None:
            bundle.with_suffix(".txt").write_text(notes)
        return bundle

    def channel(self, *versions, serial, key="channel", name="stable", bundles=(), at=None):
        keys = [word for one in key.split() for word in ("-k", self.folder / f"{one}.key")]
        run_quietly(IMAGE, "channel", "-o", self.out / f"{name}.channel", *keys, "--serial",
                    serial, *(["--time", at, "--days", 1] if at else []),
                    *(self.out / f"proa-{version}.bundle" for version in versions), *bundles)

    def publish(self, to, expect=0, name="stable", **environment):
        done = subprocess.run([IMAGE, "publish", self.out / f"{name}.channel", to],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env={**os.environ, **environment}, check=False)
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout, done.stderr

    def refused(self, to, words, expect=REFUSED):
        before = contents(to)
        _, errors = self.publish(to, expect)
        assert words in errors, errors
        assert contents(to) == before


class Folder(dict):
    """What Server serves: the files of a folder, as they are when they are asked for."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def get(self, name, default=None):
        path = self.path / name
        return path.read_bytes() if path.is_file() else default


class Page(html.parser.HTMLParser):
    """Reads a page: its links, its text, and whether every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.names, self.text = [], [], set(), ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.links += [value for name, value in attrs if name == "href"]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def contents(folder):
    """Every file's bytes; what a killed run left half written is nobody's."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.iterdir() if path.suffix != ".new"}


@pytest.fixture(scope="module")
def made(work):
    folder = work / "publish"
    folder.mkdir()
    return Publisher(folder)


@pytest.fixture
def www(made, folder):
    """A folder with 2.1 in it; 2.2 is ready beside a channel that names both."""
    made.begin()
    made.release("2.1", "The <first> & best.\n")
    made.channel("2.1", serial=5)
    to = folder / "www"
    made.publish(to)
    made.release("2.2")
    made.channel("2.1", "2.2", serial=6)
    return to


def test_publish(made, www, folder):
    assert set(contents(www)) == {
        "1.root", "1.root.sig", "SHA256SUMS", "index.html", "proa-2.1.bundle", "proa-2.1.txt",
        "stable.channel", "stable.channel.sig"}
    bundle = www / "proa-2.1.bundle"
    inode = bundle.stat().st_ino
    # The next one beside its own bundle alone: the other is there.
    (made.out / "proa-2.1.bundle").unlink()
    (made.out / "proa-2.1.txt").unlink()
    said, _ = made.publish(www)
    assert "proa-2.2.bundle: written" in said and "proa-2.1.bundle: there already" in said
    before = contents(www)
    said, _ = made.publish(www)
    assert said.count(": written") == 0 and contents(www) == before
    assert bundle.stat().st_ino == inode

    run_quietly("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=www)
    page = Page((www / "index.html").read_text())
    assert page.names & {"script", "img", "iframe"} == set()
    for link in page.links:
        assert link.startswith("./") and (www / link).is_file(), link
    for name in contents(www).keys() - {"index.html", "proa-2.1.txt"}:
        assert f"./{name}" in page.links
    assert page.text.index("Proa 2.2") < page.text.index("Proa 2.1")
    assert "The <first> & best.\n" in page.text and page.text.count("There are no notes.") == 1
    assert before["proa-2.1.bundle"] in page.text and before["1.root"] in page.text
    assert f"({bundle.stat().st_size} bytes)" in page.text

    server = Server(Folder(www))
    disk = made.disk(folder / "d.img")
    try:
        said, _ = made.proa(disk, "upgrade", "--yes", "--channel", server.url("stable.channel"))
        assert (said["result"], said["version"]) == ("upgraded", "2.2")
    finally:
        server.stop()


def test_two_channels(made, www):
    made.publish(www)
    made.channel("2.2", serial=1, name="testing")
    made.publish(www, name="testing")
    page = Page((www / "index.html").read_text())
    assert page.text.count("Proa 2.2") == 2 and "Channel stable" in page.text
    assert (www / "SHA256SUMS").read_text().count("proa-2.2.bundle") == 1
    # What no channel has any more stays, and is said.
    made.channel("2.2", serial=7)
    said, _ = made.publish(www)
    assert "proa-2.1.bundle: in no channel" in said and (www / "proa-2.1.bundle").exists()
    # A channel that no machine would take is not on the page.
    (www / "testing.channel.sig").write_bytes((www / "stable.channel.sig").read_bytes())
    _, errors = made.publish(www)
    assert "testing.channel" in errors and "left out" in errors
    assert "Channel testing" not in (www / "index.html").read_text()


def test_refusals(made, www):
    made.channel("2.1", "2.2", serial=4)
    made.refused(www, "has the serial 5")
    made.channel("2.1", "2.2", serial=5)
    made.refused(www, "the same serial")
    made.channel("2.1", "2.2", serial=6, at=int(time.time()) - 100_000)
    made.refused(www, "expired")
    made.channel("2.1", "2.2", serial=6, at=int(time.time()) + 200_000)
    made.refused(www, "more than a day from now")
    made.channel("2.1", "2.2", serial=6, key="release")
    made.refused(www, "no channel key")

    made.channel("2.1", "2.2", serial=6)
    late = made.out / "proa-2.2.bundle"
    data = late.read_bytes()
    late.unlink()
    made.refused(www, "proa-2.2.bundle is not in", FAILED)
    late.write_bytes(data[:-20_000] + bytes(8) + data[-19_992:])
    made.refused(www, "damaged", FAILED)
    shutil.copy(made.bundle("2.1"), late)
    made.refused(www, "not the bundle that the channel was made of", FAILED)
    shutil.copy(made.bundle("2.2", signed=False), late)
    made.refused(www, "not signed")

    # Version 2.1 once more, of other bytes: machines may be fetching the first.
    shutil.copy(made.bundle("2.1", "--docker", "29"), made.out / "proa-2.1.bundle")
    made.channel("2.1", serial=7)
    made.refused(www, "a published release does not change")
    other = made.out / "index.html"
    shutil.copy(made.bundle("2.1"), other)
    made.channel(serial=7, bundles=[other])
    made.refused(www, "NAME.bundle", FAILED)


def test_signed_anew(made, www):
    """A release may get another key's signature later: its manifest is the same."""
    run_quietly(IMAGE, "sign", "-k", made.folder / "channel2.key", made.out / "proa-2.1.bundle")
    made.channel("2.1", serial=7)
    before = contents(www)["proa-2.1.bundle"]
    made.publish(www)
    assert contents(www)["proa-2.1.bundle"] != before
    run_quietly("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=www)


def test_root_documents(made, www):
    # Machines that found the new keys would refuse the channel that is there meanwhile.
    made.root(2, "channel2")
    made.channel("2.1", serial=7, key="channel channel2")
    made.refused(www, "sign that one with a new key too")
    made.root(2, "channel", "channel2")
    made.channel("2.1", serial=7, key="channel2")
    made.publish(www)
    run_quietly(IMAGE, "verify", "--root", www / "2.root", www / "stable.channel")
    assert (www / "2.root.sig").exists()
    made.root(3, "channel2")
    made.channel("2.1", serial=8, key="channel2")
    made.publish(www)
    # None is taken away or changed.
    (made.out / "3.root").unlink()
    made.refused(www, "3.root, and beside the channel it is missing")
    made.root(3, "channel", "channel2")
    made.refused(www, "another 3.root")
    (made.out / "1.root").unlink()
    made.refused(www, "1.root", FAILED)


def takes(made, disk, server):
    """What a machine makes of the folder: the serial and versions, all of them fetchable."""
    said, _ = made.proa(disk, "list", "--channel", server.url("stable.channel"))
    for release in said["releases"]:
        done, _ = made.proa(disk, "upgrade", "--check", release["version"], "--channel",
                            server.url("stable.channel"))
        assert done["result"] == "available"
    return said["serial"], sorted(release["version"] for release in said["releases"])


def test_killed(made, www, folder):
    """Whenever it is killed, machines find the old channel or the new one, and all it names."""
    library = folder / "kill_at_rename.so"
    run_quietly("cc", "-shared", "-fPIC", "-o", library, ROOT / "tests/system/kill_at_rename.c")
    disk = made.disk(folder / "d.img")
    old, new = (5, ["2.1"]), (6, ["2.1", "2.2"])
    found = []
    for at in range(1, 20):
        to = folder / f"www{at}"
        shutil.copytree(www, to)
        done = subprocess.run([IMAGE, "publish", made.out / "stable.channel", to],
                              stdout=subprocess.DEVNULL, check=False,
                              env={**os.environ, "LD_PRELOAD": str(library),
                                   "KILL_AT_RENAME": str(at)})
        if done.returncode == 0:
            break
        assert done.returncode == -9
        server = Server(Folder(to))
        try:
            found.append(takes(made, disk, server))
            # And the next run ends what this one began.
            made.publish(to)
            assert takes(made, disk, server) == new
        finally:
            server.stop()
        assert len((to / "stable.channel.sig").read_text().splitlines()) == 2
    # The bundle, two pages, three steps of the channel: only the last two show it.
    assert found == [old] * 4 + [new] * 2
