"""proa upgrade over TLS: who the server is, and who we are. No boot."""

import os

import pytest

from certificates import Keys
from installing import state_of
from machine import run_quietly
from upgrading import NETWORK, Releases
from web import Server
from web2 import Server2

NAME = "r.bundle"
FAILED = 1


@pytest.fixture(scope="module")
def made(work):
    folder = work / "tls"
    folder.mkdir()
    return Releases(folder)


@pytest.fixture(scope="module")
def keys(made):
    one = Keys(made.folder)
    one.sign("server", "IP:127.0.0.1")
    one.sign("other", "DNS:other.example")
    one.sign("client", "DNS:client.example")
    return one


@pytest.fixture
def serve(made):
    servers = []

    def start(context):
        servers.append(Server({NAME: made.bundle("2.1").read_bytes()}, tls=context))
        return servers[-1]
    yield start
    for one in servers:
        one.stop()


def test_who_the_server_is(made, keys, serve, folder):
    disk = made.disk(folder / "d.img")
    before = state_of(disk.path)
    ca = ("--ca-file", keys.authority)

    def refused(url, *words, code=NETWORK, says):
        lines, errors = made.upgrade(disk, url, *words, expect=code, every=True)
        assert says in errors.splitlines()[-1], errors
        # Another try would not mend that.
        assert len(lines) == 1
        assert state_of(disk.path) == before, "the disk was touched"

    server = serve(keys.context("server"))
    url = server.url(NAME)
    refused(url, says="--ca-file")
    refused(server.url(NAME, "localhost"), *ca, says="'localhost'")
    refused(serve(keys.context("other")).url(NAME), *ca, says="'127.0.0.1'")
    refused(url, "--ca-file", folder / "none.pem", code=FAILED, says="No such file")
    refused(url, "--ca-file", made.key, code=FAILED, says="needs certificates in PEM")
    # The certificate is right, and the key is another one than it was.
    refused(url, *ca, "--pinned-key", keys.pin("other"), says="--pinned-key")
    refused(url, *ca, "--pinned-key", keys.pin("server")[:-1], code=FAILED, says="no pinned key")
    # Who came by TLS is not led out of it.
    server.redirect = "http" + url[len("https"):]
    refused(url, *ca, says="leads elsewhere")
    server.redirect = None
    made.upgrade(disk, url, *ca, "--pinned-key", keys.pin("other") + ";" + keys.pin("server"))
    assert disk.flip()["slot"] == "b"


def test_http_2(made, keys, folder):
    """Parts in turn on one connection; then one of them ends early, and the server goes away."""
    tree = made.change_tree("changed", 0, 64)
    with open(tree / "filling", "r+b") as file:
        for at in range(1 << 20, 8 << 20, 1 << 20):
            file.seek(at)
            file.write(os.urandom(64))
    bundle = made.bundle("2.2", tree=tree).read_bytes()

    def upgrade(name, ends):
        server = Server2({NAME: bundle}, keys.context("server"))
        server.delay, server.ends = 0.05, ends
        disk = made.disk(folder / name)
        said, _ = made.upgrade(disk, server.url(NAME), "--ca-file", keys.authority)
        server.stop()
        assert disk.flip()["slot"] == "b" and said["bytes_fetched"] < len(bundle) / 2
        assert server.together > 1
        return [(number, *map(int, part[len("bytes="):].split("-")))
                for number, part in server.requests if part]

    parts = upgrade("whole.img", {})
    assert len(parts) >= 8 and len({number for number, _, _ in parts}) == 1
    for end in "reset", "goodbye":
        parts = upgrade(f"{end}.img", {5: (40000, end)})
        connection, at, last = parts[5 - 2]
        # What has come is kept, and only who goes away takes the connection with it.
        rest = [one for one, begin, end_at in parts if at < begin <= at + 40000 and end_at == last]
        assert len(rest) == 1 and (rest[0] == connection) == (end == "reset"), parts


def test_who_we_are(made, keys, serve, folder):
    disk = made.disk(folder / "d.img")
    url = serve(keys.context("server", ask=True)).url(NAME)
    key = keys.key("client")
    cert = ("--client-cert", keys.folder / "client.crt")

    def upgrade(*words, code, says=""):
        _, errors = made.upgrade(disk, url, "--ca-file", keys.authority, *words, expect=code)
        assert not says or says in errors.splitlines()[-1], errors

    upgrade(code=NETWORK, says="--client-cert")
    upgrade("--client-key", key, code=FAILED, says="needs its certificate")
    upgrade(*cert, "--client-key", folder / "none", code=FAILED, says="No such file")
    upgrade(*cert, "--client-key", keys.key("other"), code=FAILED, says="belong together")
    key.chmod(0o644)
    upgrade(*cert, "--client-key", key, code=FAILED, says=f"chmod 600 {key}")
    key.chmod(0o640)
    # A passphrase is asked for by nobody.
    locked = folder / "locked.key"
    run_quietly("openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:x", "-out", locked)
    upgrade(*cert, "--client-key", locked, code=FAILED, says="passphrase")
    both = folder / "both.pem"
    both.write_bytes(cert[1].read_bytes() + key.read_bytes())
    both.chmod(0o600)
    upgrade("--client-cert", both, code=0)
    assert disk.flip()["slot"] == "b"
