"""The machine's nginx in front of instances, configured as scripts/cluster.sh does it."""

import http.client
import json
import os
import resource
import shutil
import signal
import socket
import tempfile

from support.deadline import seconds, wait_for
from support.process import spawn
from support.server import ROOT

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
DEPLOY = os.path.join(ROOT, "deploy", "nginx")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Nginx:
    def __init__(self, servers):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="confab-nginx-")
        os.chmod(self.folder, 0o711)  # the workers of an nginx that root starts are another user
        for name in os.listdir(DEPLOY):
            if name.endswith(".conf"):
                shutil.copy(os.path.join(DEPLOY, name), self.folder)
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(self._config(servers))
        self._log = open(os.path.join(self.folder, "log"), "w", encoding="utf-8")
        self.process = spawn(
            ["nginx", "-e", "stderr", "-p", self.folder, "-c", path],
            env={"PATH": PATH},
            stderr=self._log,
        )
        wait_for(self._listens, "nginx listens")

    def _config(self, servers):
        files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65536)
        values = {
            "PORT": self.port,
            "FILES": files,
            "CONNECTIONS": files // 2,
            "SERVERS": "\n".join(
                f"server 127.0.0.1:{s.port} max_fails=1 fail_timeout=2s;" for s in servers
            ),
        }
        with open(os.path.join(DEPLOY, "cluster.conf.in"), encoding="utf-8") as f:
            text = f.read()
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        return text

    def _listens(self):
        assert self.process.poll() is None, "nginx ended"
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except ConnectionRefusedError:
            return False

    def wait_sends_to(self, server):
        """nginx leaves out an instance that failed, for fail_timeout; until it is back."""
        wait_for(lambda: self._instance() == server.instance, "nginx knows the instance again", 20)

    def _instance(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds(5))
        try:
            connection.request("GET", "/api/v1/health")
            return json.load(connection.getresponse()).get("instance")
        except ValueError:
            return None  # a page of nginx: nobody answers
        finally:
            connection.close()

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self._log.close()
        shutil.rmtree(self.folder)
