"""Some instances on a Redis of their own."""

import os
import signal

from support.deadline import FACTOR, wait_for
from support.redis import Redis
from support.server import Server
from usage import usage

# Short limits make clients that misbehave end soon. Each way to run the pumps is there.
SETTINGS = {
    "RATE_LIMIT_MESSAGES": 0,
    "HEARTBEAT_MS": 1000 * FACTOR,
    "HANDSHAKE_TIMEOUT_S": 1 * FACTOR,
    "LAG_CLOSE_S": 1 * FACTOR,
    "OUTBOX_KB": 256,
}
PUMPS = ("threads", "shared", "auto")

STEADY = 10  # looks in a row that show the same


class World:
    """address: of a Redis that somebody else runs. archives: support.archive.Archive by number
    of the instance that writes it, whose launchers may differ. Further settings are those of
    confab."""

    def __init__(
        self, count=len(PUMPS), address=None, started=True, launcher=(), archives=None, **settings
    ):
        self.archives = archives or {}
        self.redis = Redis(durable=True, started=started) if address is None else None
        self._address = self.redis.addr if self.redis else address
        self._settings = {**SETTINGS, **settings}
        self._launcher = launcher
        self._gone = []
        self.servers = []
        try:
            for number in range(count):
                self.servers.append(self._start(number, 0))
            if started:
                self.wait_ready()
        except BaseException:
            self.destroy()
            raise

    def _start(self, number, port):
        settings = {"PUMPS": PUMPS[number % len(PUMPS)], **self._settings}
        launcher = self._launcher
        if number in self.archives:
            archive = self.archives[number]
            settings |= {"ARCHIVE": "sqlite", "ARCHIVE_DIR": archive.folder}
            launcher = [*launcher, *archive.launcher]
        return Server(self._address, launcher=launcher, SERVER_PORT=port, **settings)

    @property
    def urls(self):
        return [f"ws://127.0.0.1:{s.port}" for s in self.servers]

    def wait_ready(self):
        for server in self.servers:
            server.wait_health(200, 20)

    def wait_degraded(self):
        for server in self.servers:
            server.wait_health(503, 20)

    # ---- one instance

    def kill(self, number):
        server = self.servers[number]
        server.process.kill()
        server.process.wait()

    def terminate(self, number):
        """The way a service manager does it: it must end by itself, with status 0."""
        self.servers[number].stop(signal.SIGTERM, timeout=30)

    def restart(self, number):
        """After kill() or terminate(), on the same port."""
        old = self.servers[number]
        self.servers[number] = self._start(number, old.port)
        self._gone.append(old)

    # ---- all of them

    def pids(self):
        return [s.process.pid for s in self.servers]

    def usage(self):
        return [usage(pid) for pid in self.pids()]

    def usage_at_rest(self):
        """A connection that has just ended takes a moment to go."""
        seen = []

        def is_steady():
            seen.append([u[1:] for u in self.usage()])
            return len(seen) > STEADY and all(u == seen[-1] for u in seen[-STEADY:])

        wait_for(is_steady, "threads and descriptors do not change")
        return self.usage()

    def wait_clients(self, count):
        wait_for(
            lambda: sum(s.stats()["clients"] for s in self.servers) == count,
            f"{count} clients",
            20,
        )

    def complaints(self):
        """Instances that have ended, and reports of sanitizers."""
        found = []
        for server in self.servers:
            code = server.process.poll()
            if code is not None:
                found.append(f"the instance on port {server.port} ended with {code}")
        for server in self.servers + self._gone:
            try:
                server.check_log()
            except AssertionError:
                found.append(f"the instance on port {server.port} has a report in its log")
        return found

    def write_logs(self, folder):
        for number, server in enumerate(self._gone + self.servers):
            path = os.path.join(folder, f"confab-{number}-port-{server.port}.log")
            with open(path, "w", encoding="utf-8") as f:
                f.write("\n".join(server.log) + "\n")

    def stop(self):
        """Asks all to stop, which takes as long as the slowest; returns what went wrong. Their
        clients have gone before."""
        running = [s for s in self.servers if s.process.poll() is None]
        for server in running:
            server.process.send_signal(signal.SIGTERM)
        found = []
        for server in running:
            try:
                code = server.wait_exit()
                server.check_log()
                if code != 0:
                    found.append(f"the instance on port {server.port} ended with {code}")
                for line in server.logged(event="drained"):
                    if line["clients"] != "0":
                        found.append(f"{line['clients']} clients were counted that had gone")
            except AssertionError as e:
                found.append(f"stopping the instance on port {server.port}: {first_line(e)}")
        return found

    def destroy(self):
        for server in self.servers + self._gone:
            server.destroy()
        self.servers, self._gone = [], []
        if self.redis:
            self.redis.close()
            self.redis = None


def first_line(error):
    return str(error).partition("\n")[0]
