"""What a running machine's configuration says of the network: `proa list` heeds it."""

import base64
import json
import time

import pytest

from certificates import Keys
from disk import find_bundle, manifest
from machine import run_quietly
from releasing import CHANNEL, TEST_KEY
from upgrading import IMAGE, NETWORK, read_pair
from web import Proxy, Server

HOST = "10.0.2.2"       # this machine, as QEMU's user network has it
FOLDER = "/var/lib/proa/test"


@pytest.fixture
def served(folder):
    """A channel with this build's release, over TLS for who has a certificate, and plainly."""
    keys = Keys(folder)
    keys.sign("server", f"IP:{HOST}")
    keys.sign("client", "DNS:client.example")
    run_quietly(IMAGE, "channel", "-o", folder / CHANNEL, "-k", TEST_KEY, "--serial", "1",
                find_bundle())
    files = read_pair(folder / CHANNEL)
    servers = [Server(files, tls=keys.context("server", ask=True)), Server(files)]
    servers += [Proxy(servers[0]), Proxy(servers[1])]
    yield keys, *servers
    for one in servers:
        one.stop()


def put(one, path, mode):
    """A file of ours in the machine's FOLDER."""
    text = base64.b64encode(path.read_bytes()).decode()
    one.check(f"echo {text} | base64 -d | sudo install -m {mode} /dev/stdin {FOLDER}/{path.name}")


@pytest.mark.full
def test_configuration(booted, served):
    keys, secure, plain, secure_proxy, plain_proxy = served

    def set_to(**settings):
        words = " ".join(f"proa.{key.replace('__', '.')}='{value}'"
                         for key, value in settings.items())
        booted.check(f"for s in {words}; do sudo proa config set \"${{s%%=*}}\" \"${{s#*=}}\"; done")

    def refused(says):
        code, said = booted.run("sudo proa list")
        assert code == NETWORK and says in said, said

    def listed():
        said = json.loads(booted.check("sudo proa list --json").splitlines()[-1])
        assert [one["version"] for one in said["releases"]] == [manifest()["version"]], said

    # Back at a moment of some while ago, it takes certificates of now for not valid yet.
    booted.check(f"sudo date -s @{int(time.time())}")
    booted.check(f"sudo mkdir -p {FOLDER}")
    for name, mode in (("authority.pem", 644), ("client.crt", 644), ("client.key", 600)):
        put(booted, keys.folder / name, mode)

    set_to(upgrade__url=secure.url(CHANNEL, HOST))
    refused("proa.upgrade.ca_file")
    set_to(upgrade__ca_file=f"{FOLDER}/authority.pem")
    refused("proa.upgrade.client_cert")
    set_to(upgrade__client_cert=f"{FOLDER}/client.crt", upgrade__client_key=f"{FOLDER}/client.key",
           upgrade__pinned_key=keys.pin("client"))
    refused("proa.upgrade.pinned_key")
    set_to(upgrade__pinned_key=keys.pin("server"))
    listed()

    # Who asks for this machine by another name gets there by the proxy alone.
    set_to(network__https_proxy=secure_proxy.url(HOST))
    listed()
    assert set(secure_proxy.requests) == {f"CONNECT {HOST}:{secure.httpd.server_port}"}
    set_to(network__http_proxy=plain_proxy.url(HOST),
           upgrade__url=f"http://releases.example/{CHANNEL}")
    listed()
    assert f"GET http://releases.example/{CHANNEL}" in plain_proxy.requests
    seen = len(plain_proxy.requests)
    set_to(network__no_proxy=HOST, upgrade__url=plain.url(CHANNEL, HOST))
    listed()
    assert len(plain_proxy.requests) == seen

    # A mirror stands in for an address where nobody is.
    set_to(upgrade__url=f"http://{HOST}:1/{CHANNEL}")
    booted.check(f"sudo proa config set proa.upgrade.mirrors '[{plain.url(CHANNEL, HOST)}]'")
    listed()
