"""The archive's file, read as `sqlite3 -readonly` does while servers write it."""

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing, contextmanager, suppress

from .deadline import wait_for

_MESSAGES = """
SELECT stream.name, epoch.name, message.id & 4294967295, message.json
FROM message JOIN epoch ON epoch.id = message.id >> 32 JOIN stream ON stream.id = epoch.stream
WHERE message.kind != 7 ORDER BY message.id
"""


class Archive:
    """folder: ARCHIVE_DIR, as this process sees it."""

    launcher = ()  # in front of the server that writes it

    def __init__(self, folder):
        self.folder = str(folder)
        self.path = os.path.join(self.folder, "archive.db")

    def query(self, sql):
        """A connection that cannot write: as the last one to close, another would copy the log."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as db:
            return db.execute(sql).fetchall()

    def messages(self):
        """(stream, epoch, number, message) of all that a page would show."""
        return [(s, e, n, json.loads(text)) for s, e, n, text in self.query(_MESSAGES)]

    def doubled(self):
        """Ids of messages that are there more than once."""
        times = Counter(message["id"] for _, _, _, message in self.messages())
        return [i for i, count in times.items() if count > 1]

    def missing(self, ids):
        """Those of the ids that are not in the file; all when it cannot be read now."""
        try:
            return ids - {message["id"] for _, _, _, message in self.messages()}
        except sqlite3.Error:
            return ids

    def lacks(self, acks):
        """Acknowledged messages, as acks, that are not in the file; or cannot be read now."""
        try:
            there = {(m["id"], n) for _, _, n, m in self.messages()}
        except sqlite3.Error:
            return list(acks)
        return [ack for ack in acks if (ack["id"], ack["seq"]) not in there]

    def check(self, acks, timeout=20):
        """All that was acknowledged is in the file, within a moment, and nothing is there twice."""
        wait_for(lambda: not self.lacks(acks), f"{len(acks)} messages are in {self.path}", timeout)
        for stream, epoch, number, message in self.messages():
            assert message["seq"] == number, (stream, epoch, number, message)
        assert not self.doubled(), "archived twice"

    def damage(self, first, most):
        """Overwrites bytes of the file and of its log from there on, at most so many."""
        for path in (self.path, self.path + "-wal"):
            size = os.path.getsize(path) if os.path.exists(path) else 0
            if size > first:
                with open(path, "r+b") as f:
                    f.seek(first)
                    f.write(b"\xa5" * min(most, size - first))

    @contextmanager
    def locked(self, name):
        """As another process that holds archive.lock or archive.write."""
        with open(os.path.join(self.folder, name), "a", encoding="ascii") as f:
            wait_for(lambda: _try_lock(f), f"{name} is locked")
            yield

    @contextmanager
    def in_transaction(self):
        """As a shell that has begun to write."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            yield
            db.execute("ROLLBACK")


def _try_lock(f):
    try:
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


class SmallDisk(Archive):
    """A file system of 4 MB in the mount namespace of the server that writes it."""

    def __init__(self, folder):
        super().__init__(folder)
        os.makedirs(self.folder)
        mount = 'mount -t tmpfs -o size=4m none "$0" && exec "$@"'
        self.launcher = ("unshare", "-rm", "sh", "-c", mount, self.folder)
        self.inside = None

    def is_possible(self):
        """User namespaces may be forbidden."""
        return subprocess.run([*self.launcher, "true"], check=False).returncode == 0

    def look_into(self, server):
        self.inside = f"/proc/{server.process.pid}/root{self.folder}"

    def query(self, sql):
        """SQLite would follow /proc/PID/root back to here, so what is looked at is a copy, which
        is as good once nothing is written."""
        for name in ("archive.db", "archive.db-wal"):
            shutil.copyfile(os.path.join(self.inside, name), os.path.join(self.folder, name))
        return super().query(sql)

    @contextmanager
    def full(self):
        filler = os.path.join(self.inside, "filler")
        with open(filler, "wb", buffering=0) as f, suppress(OSError):
            while True:
                f.write(bytes(4096))
        yield
        os.unlink(filler)


def state(server):
    return server.json("/api/v1/health")["archive"]["state"]


def wait_state(server, *wanted, timeout=20):
    return wait_for(lambda: state(server) in wanted, f"archive is {wanted}", timeout)
