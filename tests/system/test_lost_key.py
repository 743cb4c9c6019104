"""What docs/security.md tells a publisher to do, word for word but for building images. No boot."""

import subprocess

from disk import BUILD, Disk
from installing import empty_disk, state_of
from machine import ROOT, run_quietly
from small_release import make_bundle, make_tree
from upgrading import IMAGE, SIGNATURE, Releases
from web import Server


class Reader(Releases):
    """Has done what the README says, and put a release on a disk."""

    def __init__(self, folder):     # nothing of the parent's: keys and releases come from the steps
        self.folder, self.key = folder, folder / "keys/1.root"
        for role in ("root", "channel", "release"):
            run_quietly(IMAGE, "keygen", "-o", folder / "keys", "--role", role)
        run_quietly(IMAGE, "root", "--number", "1", "--release-key", folder / "keys/release.pub",
                    "--channel-key", folder / "keys/channel.pub", "--root-key",
                    folder / "keys/root.pub", "--sign", folder / "keys/root.key", "-o", self.key)
        run_quietly("sh", "-ec", "mkdir release-key out && cp keys/1.root* keys/release.key "
                    "release-key/", cwd=folder)
        self.tree = make_tree(folder / "tree", 2 << 20)

    def release(self, version):
        return make_bundle(self.tree, self.folder / version, "--version", version, "-k",
                           self.folder / "keys/release.key")

    def install(self):
        path = empty_disk(self.folder / "d.img", "4G")
        run_quietly(BUILD / "proa", "install", "-d", path, "-b", self.release("2026.10.0"), "--key",
                    self.key, "--yes")
        return Disk(path, 512)


def steps(folder):
    """The commands, one list a bold heading."""
    text = (ROOT / "docs/security.md").read_text()
    parts = text.split("## When a key is lost\n")[1].split("\n**")[1:]
    for part in parts:
        lines = [line[4:] for line in part.splitlines() if line.startswith("    ")]
        lines = [line for line in lines if not line.startswith("images/build ")]
        yield "\n".join(lines).replace("build/proa-image", str(IMAGE)).replace(
            "/srv/www", str(folder / "srv"))


def test_lost_key(folder):
    made = Reader(folder)
    disk = made.install()
    (folder / "out/proa-2026.12.0.bundle").write_bytes(made.release("2026.12.0").read_bytes())
    release, channel, stolen, gone, machine = steps(folder)
    assert machine == ""

    def do(commands):
        assert "proa-image root" in commands
        run_quietly("sh", "-ec", commands, cwd=folder)

    def published():
        return {path.name: path.read_bytes() for path in (folder / "srv").iterdir()}

    do(release)
    server = Server(published())
    channel_url = ["--channel", server.url("stable.channel")]
    try:
        said, _ = made.proa(disk, "list", *channel_url)
        assert [one["version"] for one in said["releases"]] == ["2026.12.0"]
        for commands in (channel, stolen):
            do(commands)
        # A release by the lost key, on a server that knows what is newest.
        evil = make_bundle(made.tree, folder / "evil", "--version", "2026.12.1", "-k",
                           folder / "keys/release.key")
        server.files = {**published(), "evil.bundle": evil.read_bytes()}
        before = state_of(disk.path)
        made.upgrade(disk, server.url("evil.bundle"), expect=SIGNATURE)
        assert state_of(disk.path) == before
        # The release that stays, from the first root document to the fourth.
        said, _ = made.proa(disk, "upgrade", "--yes", *channel_url)
        assert (said["result"], said["version"]) == ("upgraded", "2026.12.0")
        assert "/4.root.sig" in [path for path, _ in server.requests]
    finally:
        server.stop()
    # Of two signatures, that of today's key is told.
    state, _ = made.proa(disk, "verify", "--key", folder / "keys/4.root")
    assert [(state[slot]["version"], state[slot]["key_in_force"]) for slot in "ab"] == \
        [("2026.10.0", False), ("2026.12.0", True)]
    # Its image asks for the old signature when it boots.
    run_quietly(IMAGE, "verify", "--root", folder / "keys/1.root", folder / "out/proa-2026.12.0.bundle")

    do(gone)
    newest = subprocess.check_output([ROOT / "images/rootfs/newest-root", folder / "release-key"],
                                     text=True)
    assert newest == "100.root\n"
    for name in ("9.root", "101.root.sig", "x.root", "1000x.root"):
        (folder / "release-key" / name).touch()
    assert subprocess.check_output([ROOT / "images/rootfs/newest-root", folder / "release-key"],
                                   text=True) == newest
    assert subprocess.check_output([ROOT / "images/rootfs/newest-root", folder / "srv"],
                                   text=True) == "4.root\n"
