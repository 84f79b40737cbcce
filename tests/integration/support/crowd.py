"""Thousands of connections, from a process of their own: they must not slow down the clients of
the test that are measured meanwhile."""

import json
import os
import resource
import select
import socket
import subprocess
import sys
import time

from .deadline import seconds
from .process import spawn

_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_IP_BIND_ADDRESS_NO_PORT = 24
_AGAIN_S = 0.05


class Crowd:
    """kind: "burst" connects all at once, sends a handshake for each ({n} in path is its number)
    and keeps what is open until it hears bye; "loris" sends headers byte by byte, for ever, and
    comes back when it is sent away."""

    def __init__(self, server, count, kind="burst", path="/ws"):
        self.process = spawn(
            [sys.executable, "-m", "support.crowd", kind, str(server.port), str(count), path],
            cwd=_FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answers(self, timeout=60):
        """When all have been answered: {"answers": {STATUS: how many}, "seconds": …}. An answer
        that is none is "closed" or the name of an error."""
        ready = select.select([self.process.stdout], [], [], seconds(timeout))[0]
        assert ready, "not all connections were answered"
        return json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Cuts all of them."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


# ---- in the process of its own


class _Connection:
    def __init__(self, number, port):
        self.number = number
        self.port = port
        self.socket = None
        self.answer = None
        self.head = b""
        self.sent = 0

    def open(self, epoll):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        # many addresses: one has 28,000 ports, and closed ones rest for a minute
        self.socket.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        self.socket.bind((f"127.0.1.{self.number % 200 + 1}", 0))
        self.socket.connect_ex(("127.0.0.1", self.port))
        self.head, self.sent = b"", 0
        epoll.register(self.socket, select.EPOLLOUT)
        return self.socket.fileno()

    def send(self, data):
        """False when it is not connected yet."""
        try:
            self.sent += self.socket.send(data)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            pass  # the end is seen by read()
        return self.sent > 0

    def read(self):
        """False at the end."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return True
        except OSError as e:
            self.answer = self.answer or type(e).__name__
            return False
        if self.answer is None:
            self.head += data
            if b"\r\n\r\n" in self.head:
                self.answer = self.head.split()[1].decode()
            elif not data:
                self.answer = "closed"
        return bool(data) and b'"type":"bye"' not in data


def _burst(port, count, path):
    epoll = select.epoll()
    start = time.monotonic()
    connections = [_Connection(n, port) for n in range(count)]
    by_fd = {}

    def begin(fd, c):
        if c.send(_HANDSHAKE.format(path=path.format(n=c.number)).encode()):
            epoll.modify(fd, select.EPOLLIN)

    for c in connections:
        by_fd[c.open(epoll)] = c
        begin(c.socket.fileno(), c)  # at once, where the kernel connects at once
    waiting, told = count, False
    while True:
        for fd, events in epoll.poll(1.0):
            c = by_fd[fd]
            unanswered = c.answer is None
            if not c.sent and not events & (select.EPOLLERR | select.EPOLLHUP):
                begin(fd, c)
            elif not c.read():
                epoll.unregister(fd)
                c.socket.close()
            waiting -= unanswered and c.answer is not None
        if not waiting and not told:
            told = True
            answers = {}
            for c in connections:
                answers[c.answer] = answers.get(c.answer, 0) + 1
            result = {"answers": answers, "seconds": time.monotonic() - start}
            print(json.dumps(result), flush=True)


def _loris(port, count, _):
    epoll = select.epoll()
    now = time.monotonic()
    head = b"GET /ws HTTP/1.1\r\nX-Slow: "
    by_fd, later = {}, [(now, _Connection(n, port)) for n in range(count)]
    reached, told, start = set(), False, now
    next_byte = now
    while True:
        now = time.monotonic()
        while later and later[0][0] <= now:
            c = later.pop(0)[1]
            by_fd[c.open(epoll)] = c
        if now >= next_byte:
            next_byte = now + 0.2
            for c in by_fd.values():
                if c.sent:
                    c.send(head[c.sent : c.sent + 1] or b"x")
        for fd, events in epoll.poll(0.02):
            c = by_fd[fd]
            if events & select.EPOLLOUT and not c.sent:
                c.send(head[:1])
                reached.add(c.number)
                epoll.modify(fd, select.EPOLLIN)
            elif not c.read():
                epoll.unregister(fd)
                del by_fd[fd]
                c.socket.close()
                later.append((now + _AGAIN_S, c))
        if not told and len(reached) == count:
            told = True
            print(json.dumps({"answers": {}, "seconds": now - start}), flush=True)


def _main(kind, port, count, path):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    {"burst": _burst, "loris": _loris}[kind](int(port), int(count), path)


if __name__ == "__main__":
    _main(*sys.argv[1:])
