"""The archive's file, read as `sqlite3 -readonly` does while servers write it."""

import fcntl
import json
import os
import shutil
import sqlite3
from collections import Counter
from contextlib import closing, contextmanager

from .deadline import wait_for

_MESSAGES = """
SELECT stream.name, epoch.name, message.id & 4294967295, message.json
FROM message JOIN epoch ON epoch.id = message.id >> 32 JOIN stream ON stream.id = epoch.stream
WHERE message.kind != 7 ORDER BY message.id
"""


class Archive:
    """folder: ARCHIVE_DIR, as this process sees it."""

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
        messages = self.messages()
        for stream, epoch, number, message in messages:
            assert message["seq"] == number, (stream, epoch, number, message)
        times = Counter(message["id"] for _, _, _, message in messages)
        assert not [i for i, count in times.items() if count > 1], "archived twice"

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


class ForeignArchive(Archive):
    """In the mount namespace of a process. SQLite would follow /proc/PID/root back to here, so
    what is looked at is a copy, which is as good once nothing is written."""

    def __init__(self, pid, folder, copies):
        super().__init__(f"/proc/{pid}/root{folder}")
        self._copy = Archive(copies)

    def query(self, sql):
        for suffix in ("", "-wal"):
            shutil.copyfile(self.path + suffix, self._copy.path + suffix)
        return self._copy.query(sql)


def _try_lock(f):
    try:
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def state(server):
    return server.json("/api/v1/health")["archive"]["state"]


def wait_state(server, *wanted, timeout=20):
    return wait_for(lambda: state(server) in wanted, f"archive is {wanted}", timeout)
