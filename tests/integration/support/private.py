"""confab's own Redis, seen from outside."""

import os
import shutil
import signal
import tempfile

from redis import Redis as Client  # absolute: the package, not this file's neighbour
from redis.exceptions import RedisError

from .deadline import seconds, wait_for


class DataDir:
    """A DATA_DIR for tests: no server survives the test that it was made for."""

    def __init__(self, name="data"):
        self.folder = tempfile.mkdtemp(prefix="confab-data-")
        self.path = os.path.join(self.folder, name)
        self._client = None

    @property
    def client(self):
        if self._client is None:
            # through the descriptor of the folder: its path may be longer than an address holds
            self._fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            self._client = Client(
                unix_socket_path=f"/proc/self/fd/{self._fd}/redis.sock",
                decode_responses=True,
                socket_timeout=seconds(10),
            )
        return self._client

    def pid(self):
        """Of the server, None while none answers or it still loads its file."""
        try:
            self.client.ping()
            return self.client.info("server")["process_id"]
        except (RedisError, OSError):
            return None
        except AttributeError:  # redis-py 4.3: an error of a Unix socket wants to name its host
            return None

    def wait_pid(self, other_than=None):
        return wait_for(lambda: (p := self.pid()) != other_than and p, "private Redis answers")

    def wait_gone(self, pid):
        wait_for(lambda: not is_running(pid), f"redis-server {pid} ends")

    def close(self):
        pid = os.path.isdir(self.path) and self.pid()
        if pid:
            os.kill(pid, signal.SIGKILL)
        if self._client is not None:
            self._client.close()
            os.close(self._fd)
        shutil.rmtree(self.folder)


def is_running(pid):
    """Zombies do not count."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
