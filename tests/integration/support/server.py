"""The real server: started on a free port, watched, and stopped with every promise checked."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from .deadline import seconds, wait_for
from .process import spawn

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
BINARY = os.environ.get("CONFAB_BIN") or os.path.join(ROOT, "build", "release", "confab")

_PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
_REPORT = re.compile(
    r"(Address|Leak|Thread|UndefinedBehavior|Memory)Sanitizer|runtime error:|Assertion|\bBUG\b"
)


def parse(line):
    return {key: value.strip('"') for key, value in _PAIR.findall(line)}


class Server:
    """settings are environment names: Server(redis, PUMPS="shared"). Its environment holds
    nothing else, its folder is a fresh one. launcher: a command in front of it (setpriv …)."""

    def __init__(self, redis=None, wait=True, arguments=(), env_file=None, launcher=(), **settings):
        self.folder = tempfile.mkdtemp(prefix="confab-server-")
        if env_file is not None:
            with open(os.path.join(self.folder, ".env"), "w", encoding="utf-8") as f:
                f.write(env_file)
        env = {"PATH": os.environ["PATH"], "SERVER_PORT": "0", "BIND": "127.0.0.1"}
        # Without it, glibc reads the zone again for each date, under a lock that ThreadSanitizer
        # does not see (libwebsockets looks at dates of certificates on each net thread).
        env["TZ"] = "UTC"
        env |= {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
        if redis is not None:
            env["REDIS_ADDR"] = redis if isinstance(redis, str) else redis.addr
        env |= {name: str(value) for name, value in settings.items()}
        self.log = []
        self._logged = threading.Condition()
        self.process = spawn(
            [*launcher, BINARY, *arguments],
            cwd=self.folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._collector = threading.Thread(target=self._collect, daemon=True)
        self._collector.start()
        self.port = self.instance = None
        if wait:
            try:
                listening = self.wait_log(event="listening")
            except AssertionError:
                self.destroy()
                raise
            self.port = int(listening["port"])
            self.instance = listening["instance"]

    # ---- log

    def _collect(self):
        for line in self.process.stderr:
            with self._logged:
                self.log.append(line.rstrip("\n"))
                self._logged.notify_all()
        with self._logged:
            self._logged.notify_all()

    def logged(self, **fields):
        """The lines, as dicts, that have all these fields."""
        lines = [parse(line) for line in list(self.log)]
        return [line for line in lines if fields.items() <= line.items()]

    def wait_log(self, timeout=10, **fields):
        end = time.monotonic() + seconds(timeout)
        with self._logged:
            while True:
                if found := self.logged(**fields):
                    return found[0]
                over = self.process.poll() is not None and not self._collector.is_alive()
                left = end - time.monotonic()
                if over or left <= 0:
                    raise AssertionError(f"no log line with {fields}:\n{self.log_text()}")
                self._logged.wait(min(left, 0.1))

    def log_text(self):
        return "\n".join(self.log[-200:])

    # ---- HTTP

    def request(self, method="GET", path="/", headers=None, body=None):
        """Returns the response with its body read, as .body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds(10))
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            response.body = response.read()
            return response
        finally:
            connection.close()

    def json(self, path):
        return json.loads(self.request("GET", path).body)

    def stats(self):
        return self.json("/api/v1/stats")

    def health(self):
        return self.request("GET", "/api/v1/health").status

    def wait_health(self, status, timeout=10):
        wait_for(lambda: self.health() == status, f"health {status}", timeout)
        return self.json("/api/v1/health")

    # ---- process

    def threads(self):
        """Names of its threads, as `top -H` shows them."""
        names = []
        task = f"/proc/{self.process.pid}/task"
        for tid in os.listdir(task):
            try:
                with open(f"{task}/{tid}/comm", encoding="ascii") as f:
                    names.append(f.read().strip())
            except (FileNotFoundError, ProcessLookupError):
                pass  # it ended while we looked
        return names

    def affinities(self):
        """Name and processors of each thread."""
        task = f"/proc/{self.process.pid}/task"
        for tid in os.listdir(task):
            with open(f"{task}/{tid}/comm", encoding="ascii") as f:
                yield f.read().strip(), os.sched_getaffinity(int(tid))

    def count_threads(self, prefix):
        return sum(name.startswith(prefix) for name in self.threads())

    def wait_exit(self, timeout=20):
        try:
            code = self.process.wait(seconds(timeout))
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            raise AssertionError(f"did not end:\n{self.log_text()}") from None
        self._collector.join()
        return code

    def check_log(self):
        reports = [line for line in self.log if _REPORT.search(line)]
        assert not reports, self.log_text()

    def stop(self, how=signal.SIGTERM, timeout=20):
        """Asks it to stop: exit code 0 and no report of a sanitizer, or the test fails."""
        self.process.send_signal(how)
        code = self.wait_exit(timeout)
        self.check_log()
        assert code == 0, f"exit code {code}:\n{self.log_text()}"

    def destroy(self):
        """Leaves nothing behind; checks nothing."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._collector.join()
        self.process.stdout.close()
        self.process.stderr.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if self.process.poll() is None:
                self.stop()
            elif kind is None:
                self.check_log()
        finally:
            self.destroy()


def run(*arguments, env_file=None, timeout=20, **settings):
    """Runs a server that is expected to end by itself; returns (code, stdout, log lines)."""
    server = Server(wait=False, arguments=arguments, env_file=env_file, **settings)
    try:
        out = []
        reader = threading.Thread(target=lambda: out.append(server.process.stdout.read()))
        reader.start()
        code = server.wait_exit(timeout)
        reader.join()
        server.check_log()
        return code, out[0], server.log
    finally:
        server.destroy()
