"""Releases of a later version than this build's, and a channel for them."""

import io
import tarfile

from disk import BUILD, find_bundle, manifest
from machine import run_quietly

CHANNEL = "stable.channel"
TEST_KEY = BUILD / "keys/test.key"


def newer_bundle(path, version):
    """This build's release under a later version, signed anew."""
    with tarfile.open(find_bundle()) as old, \
            tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as new:
        for member in old:
            data = old.extractfile(member)
            if member.name == "manifest":
                text = data.read().replace(f"version={manifest()['version']}\n".encode(),
                                           f"version={version}\n".encode(), 1)
                member.size, data = len(text), io.BytesIO(text)
            new.addfile(member, data)
    run_quietly(BUILD / "proa-image", "sign", "-k", TEST_KEY, path)
    return path


def publish(folder, serial, *bundles, key=TEST_KEY):
    """What lies on the server, as web.Server takes it: a channel with these releases."""
    run_quietly(BUILD / "proa-image", "channel", "-o", folder / CHANNEL, "-k", key,
                "--serial", serial, *bundles)
    names = [folder / CHANNEL, folder / (CHANNEL + ".sig"), *bundles]
    return {path.name: path.read_bytes() for path in names}
