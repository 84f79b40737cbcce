"""A script of the repository that runs until it is told to stop."""

import os
import signal
import subprocess
import threading
import time

from .deadline import seconds
from .process import spawn
from .server import BINARY, ROOT, parse


class Script:
    """settings are environment names, as for Server. In a session of its own, as in a terminal."""

    def __init__(self, *command, **settings):
        env = {"PATH": os.environ["PATH"], "CONFAB_BIN": BINARY, "ENV_FILE": ""}
        env |= {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
        env |= {name: str(value) for name, value in settings.items()}
        self.lines = []
        self._changed = threading.Condition()
        self.process = spawn(
            [os.path.join(ROOT, command[0]), *map(str, command[1:])],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def text(self):
        return "\n".join(self.lines)

    def logged(self, **fields):
        lines = [parse(line) for line in list(self.lines) if line.startswith("time=")]
        return [line for line in lines if fields.items() <= line.items()]

    def wait(self, question, what, timeout=20):
        """Until question() is true; asked again whenever a line arrives."""
        end = time.monotonic() + seconds(timeout)
        with self._changed:
            while not (answer := question()):
                left = end - time.monotonic()
                assert left > 0 and self._reader.is_alive(), f"no {what}:\n{self.text()}"
                self._changed.wait(min(left, 0.1))
            return answer

    def wait_listening(self, count):
        return self.wait(
            lambda: len(found := self.logged(event="listening")) == count and found,
            f"{count} instances",
        )

    def ctrl_c(self):
        os.killpg(self.process.pid, signal.SIGINT)

    def wait_exit(self, timeout=30):
        """The exit status, after everything that writes to its terminal has ended."""
        code = self.process.wait(seconds(timeout))
        self._reader.join(seconds(timeout))
        assert not self._reader.is_alive(), f"somebody still writes:\n{self.text()}"
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds(30))
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(seconds(10))
        self.process.stdout.close()
