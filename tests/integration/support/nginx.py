"""The machine's nginx in front of several servers, with the configuration of scripts/cluster.sh."""

import os
import shutil
import socket
import subprocess
import tempfile

from .deadline import wait_for
from .process import spawn
from .server import ROOT

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Nginx:
    def __init__(self, ports):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="confab-nginx-")
        os.chmod(self.folder, 0o711)  # the workers of an nginx that root starts are another user
        source = os.path.join(ROOT, "deploy", "nginx")
        for name in os.listdir(source):
            shutil.copy(os.path.join(source, name), self.folder)
        self._write(ports)
        self.process = spawn(
            ["nginx", "-e", "stderr", "-p", self.folder, "-c", f"{self.folder}/nginx.conf"],
            env={"PATH": PATH},
            stderr=subprocess.DEVNULL,
        )
        wait_for(self._answers, "nginx answers")

    def _write(self, ports):
        """As scripts/cluster.sh does."""
        with open(f"{self.folder}/cluster.conf.in", encoding="utf-8") as f:
            text = f.read()
        servers = [f"server 127.0.0.1:{port} max_fails=1 fail_timeout=2s;" for port in ports]
        filled = {"@PORT@": self.port, "@FILES@": 4096, "@CONNECTIONS@": 2048}
        filled["@SERVERS@"] = "\n".join(servers)
        for mark, value in filled.items():
            text = text.replace(mark, str(value))
        with open(f"{self.folder}/nginx.conf", "w", encoding="utf-8") as f:
            f.write(text)

    def _answers(self):
        assert self.process.poll() is None, "nginx ended"
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)
