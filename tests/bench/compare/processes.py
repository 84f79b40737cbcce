"""Starts and stops what a run needs: a Redis and servers, each on its processor."""

import os
import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass

from kinds import Kind

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))
PEERS = os.path.join(ROOT, "tests", "bench", "peers")

SERVER_CPU, LOAD_CPU = 0, 1
START_S = 120  # a peer may have to be compiled first
STOP_S = 10
FIRST_PORT, LAST_PORT = 21000, 32000  # below those of outgoing connections


class CannotRun(Exception):
    """A part does not start or end as it should; the text says which and why."""


def pinned(cpu: int) -> list[str]:
    can_pin = (os.cpu_count() or 1) > 1 and shutil.which("taskset")
    return ["taskset", "-c", str(cpu)] if can_pin else []


class Ports:
    """Free ports of 127.0.0.1, each given once until all have been."""

    def __init__(self) -> None:
        self.next = FIRST_PORT + os.getpid() % 1000 * 10

    def take(self) -> int:
        for _ in range(FIRST_PORT, LAST_PORT):
            port = self.next
            self.next = port + 1 if port < LAST_PORT else FIRST_PORT
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue
        raise CannotRun("no free port")


PORTS = Ports()


class Process:
    """A program with its log, until close()."""

    def __init__(self, name: str, command: list[str], log: str, environment=None) -> None:
        self.name, self.log = name, log
        with open(log, "wb") as out:
            self.child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **(environment or {})},
            )

    def wait_for(self, is_ready) -> None:
        """Closes it when it does not get so far."""
        until = time.monotonic() + START_S
        while not is_ready():
            if self.has_ended() or time.monotonic() > until:
                self.close()
                raise CannotRun(f"{self.name} does not start: {self.last_words()}")
            time.sleep(0.02)

    def last_words(self) -> str:
        """The last line of its log that tells of an error, or else the last one."""
        lines = [line.strip() for line in read(self.log).splitlines() if line.strip()]
        errors = [line for line in lines if re.search("error|emerg|fatal|panic", line, re.I)]
        return (errors or lines or ["it says nothing"])[-1]

    def has_ended(self) -> bool:
        return self.child.poll() is not None

    def pids(self) -> list[int]:
        """Of the process, its children and theirs."""
        pids = [self.child.pid]
        for pid in pids:
            pids += children_of(pid)
        return pids

    def close(self) -> None:
        """Ends it. Children that outlive it are killed."""
        pids = [] if self.has_ended() else self.pids()
        self.child.terminate()
        try:
            self.child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        for pid in pids[1:]:
            end(pid)


def read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def children_of(pid: int) -> list[int]:
    """proc(5): each thread lists the children that it started."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, read(f"/proc/{pid}/task/{task}/children").split())
    except OSError:
        pass  # it has ended
    return found


def end(pid: int) -> None:
    """Gives an orphan a moment to end by itself."""
    try:
        for _ in range(50):
            os.kill(pid, 0)
            time.sleep(0.02)
        os.kill(pid, 9)
    except ProcessLookupError:
        pass


# RFC 6455 section 1.3.
HANDSHAKE = (
    "GET /ws/ready HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def answers(port: int, request: str) -> bool:
    """Whether it listens and a process is there that serves: nginx listens before it has one, and
    nchan refuses with 503 until it has Redis. Who does not know what to say to a bare request is
    given a moment."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as s:
            s.sendall(request.encode())
            s.settimeout(0.5)
            if b" 503 " in s.recv(16):
                return False
    except TimeoutError:
        return True
    except OSError:
        return False
    return True


@dataclass
class Redis:
    process: Process
    port: int
    path: str


def start_redis(folder: str) -> Redis:
    """The same for everybody: append-only file, everysec, and no limit on what waits for a
    subscriber, so that Redis cuts off nobody."""
    port = PORTS.take()
    path = os.path.join(folder, "redis.sock")
    command = [
        *pinned(LOAD_CPU),
        *("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--unixsocket", path),
        *("--dir", folder, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
        *("--client-output-buffer-limit", "pubsub 0 0 0"),
    ]
    process = Process("redis-server", command, os.path.join(folder, "redis.log"))
    process.wait_for(lambda: "ready to accept connections" in read(process.log).lower())
    return Redis(process, port, path)


@dataclass
class Server:
    process: Process
    port: int


def start_confab(kind: Kind, program: str, redis_address: str, folder: str) -> Server:
    environment = {
        "SERVER_PORT": "0",
        "BIND": "127.0.0.1",
        "REDIS_ADDR": redis_address,
        "RATE_LIMIT_MESSAGES": "0",
        "ACCEPT_RATE": "0",
        "MAX_CLIENTS": "10100",
        "DRAIN_SECONDS": "0",
        "DATA_DIR": os.path.join(folder, "data"),
        "ENV_FILE": "/dev/null",
        "LOG_LEVEL": "info",
        **kind.settings,
    }
    log = os.path.join(folder, "server.log")
    process = Process(kind.name, [*pinned(SERVER_CPU), program], log, environment)
    listening = re.compile(r"event=listening.* port=(\d+)")

    def is_ready() -> bool:
        text = read(log)
        return bool(listening.search(text) and re.search("event=store .*state=ready", text))

    process.wait_for(is_ready)
    return Server(process, int(listening.search(read(log)).group(1)))


def start_peer(kind: Kind, redis_port: int, folder: str) -> Server:
    port = PORTS.take()
    script = os.path.join(PEERS, f"{kind.name}.sh")
    command = [*pinned(SERVER_CPU), script, str(port), str(redis_port), folder]
    process = Process(kind.name, command, os.path.join(folder, "server.log"))
    request = HANDSHAKE if kind.dialect == "nchan" else "GET / HTTP/1.0\r\n\r\n"
    process.wait_for(lambda: answers(port, request))
    return Server(process, port)
