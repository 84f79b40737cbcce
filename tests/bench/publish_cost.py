#!/usr/bin/env python3
"""What a call of publish.lua costs Redis: CPU of its main thread per call, in microseconds.

A private redis-server with an append-only file takes calls as instances send them: without an
archive, with its stream, and with an archive that also reads the stream. Several folders (publish.lua and its parts in variants that take the same
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
    "local AWAY_MESSAGES, AWAY_SECONDS, MENTIONS_KEPT = 1000, 2592000, 200\n"
    "local META_SECONDS, ARCHIVE_BACKLOG, RATE_LIMIT, RATE_WINDOW_MS = 2592000, 1000000, 0, 10000\n"
)
PARTS = ["fence.lua", "rarely.lua", "guard.lua", "mention.lua", "rarely_end.lua", "publish.lua"]
STREAMS = 1000
STREAM = "confab:archive"
UNDER_WAY = 20  # calls of all instances
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
            stderr=subprocess.DEVNULL,
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

    def drain(self):
        """What an archive does with 60 entries."""
        entries = self.run("XREADGROUP", "GROUP", "a:0", "c", "COUNT", 60, "STREAMS", STREAM, ">")
        ids = [entry[0].decode() for entry in entries[0][1]]
        self.run("XACK", STREAM, "a:0", *ids)
        self.run("XTRIM", STREAM, "MINID", "~", ids[-1])

    def drive(self, calls, drains=False):
        """Sends the calls, UNDER_WAY at a time. Returns CPU per call in µs."""
        bursts = [calls[i : i + UNDER_WAY] for i in range(0, len(calls), UNDER_WAY)]
        before = self.cpu_us()
        for n, burst in enumerate(bursts, 1):
            self.socket.sendall(b"".join(burst))
            for _ in burst:
                answer = self.answer()
                if not all(isinstance(a, bytes) and a.startswith(b"ok ") for a in answer):
                    raise RuntimeError(f"not stored: {answer}")
            if drains and n % 3 == 0:
                self.drain()
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
    shape = 16 * count + (4 if private else 0) + int(cid)
    args = [shape, HEAD % (f"r{stream}", user), tail]
    if private:
        for one, peer in ((user, other), (other, user)):
            keys.append(f"confab:{{user:user-{one}}}:conversations")
            args += [f"confab:user:user-{one}", f"user-{peer}"]
        keys.append(f"confab:{{user:user-{other}}}:unread")
    else:
        args += ["", 0, "", ""]
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
        keys, args = [STREAM], ["fence", "epoch", "0"]
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


COLUMNS = ("no archive", "stream", "and reader")


def measure(redis, sha, case, column, calls):
    """One round. The stream is empty, as the first archive makes it, or not there."""
    redis.run("DEL", STREAM)
    if column != COLUMNS[0]:
        redis.run("XGROUP", "CREATE", STREAM, "a:0", "0", "MKSTREAM")
    return redis.drive(make_calls(sha, calls, **CASES[case]), column == COLUMNS[2])


def load(redis, folder):
    """The SHA of the script in this folder."""
    parts = [(pathlib.Path(folder) / part).read_text("utf-8") for part in PARTS]
    return redis.run("SCRIPT", "LOAD", LIMITS + "".join(parts)).decode()


def by_time(options, keys):
    """{key: µs of CPU per call}, the least of all rounds."""
    best = {}
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        redis = Redis(folder)
        shas = {name: load(redis, name) for name in options.folders}
        for case in CASES:  # streams and their lives are there
            measure(redis, shas[options.folders[0]], case, COLUMNS[0], STREAMS)
        for _ in range(options.rounds):
            for key in keys:
                messages = CASES[key[1]]["streams"] * CASES[key[1]]["each"]
                us = measure(redis, shas[key[0]], *key[1:], max(options.calls // messages, 240))
                best[key] = min(best.get(key, us), us)
        redis.close()
    return best


def main():
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folders", nargs="*", default=[str(SCRIPTS)])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--dir", default="/dev/shm", help="where the append-only file is")
    options = parser.parse_args()
    keys = [(n, c, column) for c in CASES for n in options.folders for column in COLUMNS]
    best = by_time(options, keys)
    for name in options.folders:
        print(f"{name:32}", *(f"{column:>12}" for column in COLUMNS))
        for case in CASES:
            print(f"{case:32}", *(f"{best[name, case, column]:12.1f}" for column in COLUMNS))


if __name__ == "__main__":
    main()
