"""An authority that `confab tls` made, and clients that trust it."""

import os
import socket
import ssl
import subprocess

from .deadline import seconds
from .raw import Raw
from .server import BINARY


def confab(folder, *arguments, **settings):
    """Runs `confab tls …`: the finished process."""
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder)} | settings
    return subprocess.run(
        [BINARY, "tls", *arguments], env=env, cwd=folder, capture_output=True, text=True, timeout=20
    )


def openssl(*arguments, **options):
    done = subprocess.run(
        ["openssl", *arguments], capture_output=True, text=True, timeout=seconds(20), **options
    )
    return done


class Authority:
    def __init__(self, folder):
        self.folder = folder
        self.ca, self.ca_key, self.cert, self.key = (
            os.path.join(folder, "tls", name)
            for name in ("ca.crt", "ca.key", "server.crt", "server.key")
        )
        made = confab(folder, "init")
        assert made.returncode == 0, made.stderr

    def context(self):
        return ssl.create_default_context(cafile=self.ca)

    def raw(self, server, **options):
        """A raw connection behind TLS."""
        context = self.context()
        return Raw(
            server,
            make=lambda: context.wrap_socket(socket.socket(), server_hostname="127.0.0.1"),
            **options,
        )

    def serial(self, server):
        """Of the certificate that a server shows now."""
        with socket.create_connection(("127.0.0.1", server.port), seconds(10)) as plain:
            with self.context().wrap_socket(plain, server_hostname="localhost") as s:
                return s.getpeercert()["serialNumber"]

    def leaf(self, days, names="DNS:localhost,IP:127.0.0.1"):
        """Puts a certificate there that ends in so many days."""
        request = openssl("req", "-new", "-key", self.key, "-subj", "/CN=confab").stdout
        extensions = os.path.join(self.folder, "extensions")
        with open(extensions, "w", encoding="ascii") as f:
            f.write(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
        made = openssl(
            *("x509", "-req", "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial"),
            *("-days", str(days), "-extfile", extensions, "-out", self.cert),
            input=request,
        )
        assert made.returncode == 0, made.stderr
