"""confab-soak as a child: it loads and judges while somebody else breaks things."""

import json
import os
import subprocess
import threading
import time
from contextlib import contextmanager

from support.deadline import seconds
from support.process import spawn
from support.server import BINARY, parse

SOAK = os.path.join(os.path.dirname(BINARY), "confab-soak")
BROKEN = 1  # its exit status when a promise did not hold


class Soak:
    """options are those of confab-soak with _ for -; True stands for a flag without a value."""

    def __init__(self, folder, urls, **options):
        self.folder = folder
        self.clients = options.get("clients")
        command = [SOAK, "--json"]
        for name, value in options.items():
            command.append("--" + name.replace("_", "-"))
            command += [] if value is True else [str(value)]
        self.log = []
        self._logged = threading.Condition()
        self._marks = 0
        self._out = open(os.path.join(folder, "soak.json"), "w+", encoding="utf-8")
        with open(os.path.join(folder, "soak.command"), "w", encoding="utf-8") as f:
            f.write(" ".join([*command, *urls]) + "\n")
        self.process = spawn(
            [*command, *urls],
            stdin=subprocess.PIPE,
            stdout=self._out,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._collector = threading.Thread(target=self._collect, daemon=True)
        self._collector.start()

    def _collect(self):
        with open(os.path.join(self.folder, "soak.log"), "w", encoding="utf-8") as kept:
            for line in self.process.stderr:
                kept.write(line)
                with self._logged:
                    self.log.append(line.rstrip("\n"))
                    self._logged.notify_all()
        with self._logged:
            self._logged.notify_all()

    def wait_event(self, event, count=1, timeout=20):
        """Until it has said so that often."""
        end = time.monotonic() + seconds(timeout)
        with self._logged:
            while sum(parse(line).get("event") == event for line in self.log) < count:
                left = end - time.monotonic()
                over = self.process.poll() is not None and not self._collector.is_alive()
                if over or left <= 0:
                    tail = "; ".join(self.log[-3:])
                    raise AssertionError(f"confab-soak did not say event={event}: {tail}")
                self._logged.wait(min(left, 0.1))

    def wait_running(self):
        self.wait_event("running")

    def wait_recovered(self):
        """From all faults until now."""
        self.wait_event("recovered", self._marks)

    def wait_end(self, timeout=40):
        """Until it is done by itself."""
        self.process.wait(seconds(timeout))

    def tell(self, line):
        try:
            os.write(self.process.stdin.fileno(), f"{line}\n".encode())
        except BrokenPipeError:
            pass  # it has ended: its status says why

    @contextmanager
    def fault(self, name):
        """What happens inside is the fault; recovery is counted from its end."""
        self._marks += 1
        mark = f"{name}-{self._marks}"
        self.tell(f"begin {mark}")
        yield
        self.tell(f"end {mark}")

    def finish(self, timeout=40):
        """Ends the load, lets everything settle, and returns what was found."""
        self.tell("stop")
        code = self.process.wait(seconds(timeout))
        self._collector.join()
        self._out.seek(0)
        text = self._out.read()
        if code not in (0, BROKEN) or not text.strip():
            raise AssertionError(f"confab-soak ended with {code}: {'; '.join(self.log[-3:])}")
        return json.loads(text)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._collector.join()
        self.process.stdin.close()
        self.process.stderr.close()
        self._out.close()
