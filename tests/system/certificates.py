"""Certificates for TLS's servers and clients."""

import base64
import hashlib
import ssl

from machine import run_quietly


class Keys:
    """An authority, and what it signed: a certificate for each name, with its key beside it."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = self.make("authority", "-x509", "-days", "2")

    def make(self, name, *options):
        run_quietly("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-subj", f"/CN={name}", "-keyout", self.key(name), "-out",
                    self.folder / f"{name}.pem", *options)
        return self.folder / f"{name}.pem"

    def sign(self, name, alternative):
        request = self.make(name)
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternative}\n")
        out = self.folder / f"{name}.crt"
        run_quietly("openssl", "x509", "-req", "-days", "2", "-in", request, "-CA", self.authority,
                    "-CAkey", self.key("authority"), "-extfile", extensions, "-out", out)
        return out

    def key(self, name):
        return self.folder / f"{name}.key"

    def pin(self, name):
        public = run_quietly("openssl", "pkey", "-in", self.key(name), "-pubout")
        der = base64.b64decode("".join(public.splitlines()[1:-1]))
        return "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()

    def context(self, name, ask=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.crt", self.key(name))
        if ask:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.authority)
        return context
