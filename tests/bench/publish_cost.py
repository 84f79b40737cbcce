#!/usr/bin/env python3
"""What a call of publish.lua costs Redis: CPU of its main thread per call, in microseconds.

A private redis-server with an append-only file takes calls as instances send them, without an
archive and with one. Several folders (publish.lua and fence.lua in variants that take the same
arguments) are measured in turn, and the least of all rounds counts: the rest is noise of a busy
machine.

    tests/bench/publish_cost.py [--rounds 9] [--calls 4000] [FOLDER…]
"""

import argparse
import pathlib
import socket
import subprocess
import tempfile
import time

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "src/store/scripts"
LIMITS = (
    "local HISTORY_MESSAGES, HISTORY_SECONDS, DEDUPE_SECONDS, CONVERSATIONS_KEPT = 100, 86400, 300, 200\n"
    "local META_SECONDS, ARCHIVE_BACKLOG, RATE_LIMIT, RATE_WINDOW_MS = 2592000, 1000000, 0, 10000\n"
)
PARTS = ["fence.lua", "publish.lua"]
STREAMS = 1000
UNDER_WAY = 20  # of all instances
HEAD = '{"type":"message","room":"%s","user":"user-%d","seq":'
MID = ',"id":"0123456789abcdef","timestamp":'
TAIL = ',"content":"' + "x" * 50 + '"}'


class Redis:
    """A private server and one connection to it."""

    def __init__(self, folder):
        self.path = f"{folder}/s"
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.path, "--dir", folder]
            + ["--appendonly", "yes", "--save", "", "--auto-aof-rewrite-percentage", "0"],
            stdout=subprocess.DEVNULL,
        )
        self.socket = socket.socket(socket.AF_UNIX)
        while self.socket.connect_ex(self.path):
            time.sleep(0.01)
        self.input = self.socket.makefile("rb")

    def close(self):
        """Ends it."""
        self.process.kill()
        self.process.wait()

    def answer(self):
        """The next reply."""
        line = self.input.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"$":
            return None if rest == b"-1" else self.input.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        return rest

    def run(self, *words):
        """One command."""
        self.socket.sendall(command(*words))
        return self.answer()

    def cpu_us(self):
        """CPU of the main thread so far."""
        with open(f"/proc/{self.process.pid}/schedstat", encoding="ascii") as f:
            return int(f.read().split()[0]) / 1000

    def drive(self, calls):
        """Sends the calls, UNDER_WAY at a time. Returns CPU per call in µs."""
        bursts = [calls[i : i + UNDER_WAY] for i in range(0, len(calls), UNDER_WAY)]
        before = self.cpu_us()
        for burst in bursts:
            self.socket.sendall(b"".join(burst))
            for _ in burst:
                answer = self.answer()
                if not all(isinstance(a, bytes) and a.startswith(b"ok ") for a in answer):
                    raise RuntimeError(f"not stored: {answer}")
        return (self.cpu_us() - before) / len(calls)


def command(*words):
    """RESP2."""
    out = [b"*%d\r\n" % len(words)]
    for word in words:
        word = str(word).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(out)


def group(stream, count, private, cid):
    """Keys and arguments of `count` messages to one stream."""
    user, other = stream, stream + 1
    prefix = f"confab:{{dm:user-{user}|user-{other}}}" if private else f"confab:{{room:r{stream}}}"
    keys = [prefix + ":meta", prefix + ":history"]
    tail = "" if cid else TAIL
    shape = 8 * count + (4 if private else 0) + int(cid)
    args = [shape, HEAD % (f"r{stream}", user), tail]
    if private:
        for one, peer in ((user, other), (other, user)):
            keys.append(f"confab:{{user:user-{one}}}:conversations")
            args += [f"confab:user:user-{one}", f"user-{peer}"]
    else:
        args += ["", 0, ""]
    for _ in range(count):
        args.append(MID)
        if cid:
            group.cids += 1
            keys.append(f"{prefix}:dedupe:user-{user}:{group.cids}")
            args += [TAIL, "0123456789abcdef"]
    return keys, args


group.cids = 0


def make_calls(sha, count, streams, each, private=False, cid=False):
    """`count` calls with `each` messages to each of `streams` streams."""
    calls, at = [], 0
    for _ in range(count):
        keys, args = ["confab:archive"], ["fence", "epoch", "0"]
        for _ in range(streams):
            more_keys, more_args = group(at % STREAMS, each, private, cid)
            keys += more_keys
            args += more_args
            at += 1
        calls.append(command("EVALSHA", sha, len(keys), *keys, *args))
    return calls


CASES = {
    "room, 1 message": dict(streams=1, each=1),
    "room, 1 message with cid": dict(streams=1, each=1, cid=True),
    "private, 1 message": dict(streams=1, each=1, private=True),
    "32 of one stream": dict(streams=1, each=32),
    "32 of 32 streams": dict(streams=32, each=1),
}


def measure(redis, sha, case, calls):
    """One round."""
    messages = CASES[case]["streams"] * CASES[case]["each"]
    return redis.drive(make_calls(sha, max(calls // messages, STREAMS // 4), **CASES[case]))


def archive(redis, on):
    """An empty stream, as the first archive makes it, or none."""
    redis.run("DEL", "confab:archive")
    if on:
        redis.run("XGROUP", "CREATE", "confab:archive", "a:0", "0", "MKSTREAM")


def main():
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folders", nargs="*", default=[str(SCRIPTS)])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--dir", default="/dev/shm", help="where the append-only file is")
    options = parser.parse_args()
    best = {}
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        redis = Redis(folder)
        shas = {}
        for name in options.folders:
            parts = [(pathlib.Path(name) / part).read_text("utf-8") for part in PARTS]
            shas[name] = redis.run("SCRIPT", "LOAD", LIMITS + "".join(parts)).decode()
        for case in CASES:  # streams and their lives are there
            measure(redis, shas[options.folders[0]], case, STREAMS)
        for _ in range(options.rounds):
            for key in [(n, on, c) for c in CASES for n in shas for on in (False, True)]:
                archive(redis, key[1])
                us = measure(redis, shas[key[0]], key[2], options.calls)
                best[key] = min(best.get(key, us), us)
        redis.close()
    for name in shas:
        print(f"{name}\n{'µs of Redis per call':28}{'no archive':>12}{'archive':>12}")
        for case in CASES:
            print(f"{case:28}{best[name, False, case]:12.1f}{best[name, True, case]:12.1f}")


if __name__ == "__main__":
    main()
