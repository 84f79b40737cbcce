"""A private Redis on a Unix socket in a folder of its own."""

import os
import shutil
import signal
import subprocess
import tempfile

from redis import Redis as Client  # absolute: the package, not this file
from redis.exceptions import RedisError

from .deadline import seconds, wait_for
from .process import spawn


class Redis:
    """durable: every write is on disk before it is answered, so kill() loses nothing."""

    def __init__(self, durable=False, password=None, started=True):
        self.folder = tempfile.mkdtemp(prefix="confab-redis-")
        self.socket = os.path.join(self.folder, "redis.sock")
        self.addr = "unix:" + self.socket
        self.durable = durable
        self.password = password
        self.process = None
        # A timeout: a stopped Redis must fail a test, not hang it.
        self.client = Client(
            unix_socket_path=self.socket,
            password=password,
            decode_responses=True,
            socket_timeout=seconds(10),
        )
        if started:
            self.start()

    def start(self):
        self._start(self.socket, self.client)

    def start_with(self, saved):
        """Starts with nothing but what save_keys() returned. It is put back under another
        address first: who waits for this Redis sees it only when it is complete."""
        self.wipe()
        aside = self.socket + ".aside"
        with Client(unix_socket_path=aside) as client:
            self._start(aside, client)
            for key, (value, ttl_ms) in saved.items():
                client.restore(key, ttl_ms, value)
        self.kill()
        self.start()

    def _start(self, address, client):
        assert self.process is None
        command = ["redis-server", "--port", "0", "--unixsocket", address]
        command += ["--dir", self.folder, "--save", "", "--daemonize", "no"]
        command += ["--appendonly", "yes" if self.durable else "no", "--appendfsync", "always"]
        if self.password:
            command += ["--requirepass", self.password]
        self.process = spawn(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        wait_for(lambda: self._answers(client), "redis-server answers")

    def _answers(self, client):
        assert self.process.poll() is None, "redis-server ended"
        try:
            return client.ping()
        except RedisError:
            return False

    def stop(self):
        """Freezes it: connections stay open and nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def cont(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def kill_clients(self, kind):
        """Cuts all connections of that kind ("normal", "pubsub") but ours; how many."""
        return self.client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

    def wipe(self):
        """Throws the data away; only while it does not run."""
        assert self.process is None
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)

    def save_keys(self, pattern):
        """Their values and times to live, for start_with()."""
        with Client(unix_socket_path=self.socket) as raw:
            return {k: (raw.dump(k), max(0, raw.pttl(k))) for k in raw.keys(pattern)}

    def close(self):
        self.client.close()
        self.kill()
        shutil.rmtree(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
