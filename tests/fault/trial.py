"""One row under way: what its function works with, and the judgement of what came out."""

import os
import threading
import time
from contextlib import ExitStack, contextmanager

from result import SUMS, Result
from soak import Soak
from support.deadline import FACTOR, seconds, wait_for
from usage import Held
from world import World, first_line

# A small load: sleeps stay well inside the 100 messages that a room keeps.
LOAD = {"clients": 24, "rooms": 3, "joined": 2, "rate": 100, "drop": 2, "sleep_ms": 400, "moves": 2}
LEAD_S, TAIL_S = 0.4, 0.3  # of load before and after what a row does
AT_LEAST_ACKED = 20  # with less, a row says nothing
ARCHIVED_MS = 1000  # within so much, a message is in the archive

# must be 0 in every row
ALWAYS = ("duplicated", "reordered", "skipped", "diverged", "unacked")


class Trial:
    def __init__(self, row, long, folder, shared, seed=None):
        self.row = row
        self.long = long
        self.folder = folder
        self.failures = []
        self.reports = []  # of confab-soak, one for each run
        self.held = []  # of each instance in each run
        self.archived = {"unarchived": 0, "archived_twice": 0}  # of all archives
        self.forgot_ms = []  # when Redis forgot
        self._shared = shared
        self._seed = seed
        self._worlds = []
        self._stack = ExitStack()

    # ---- for the functions of the rows

    def pick(self, short, long):
        return long if self.long else short

    def fewer(self, count):
        """Sanitizers make everything slower."""
        return count // FACTOR

    @staticmethod
    def hold(duration):
        """The fault itself lasts so long."""
        threading.Event().wait(duration)

    def check(self, ok, text):
        if not ok:
            self.failures.append(text)

    def redis_forgets(self):
        """Now. What it took in within the last second, the archive may not have read yet."""
        self.forgot_ms.append(time.time() * 1000)

    @property
    def world(self):
        """Three instances that the row leaves alive; other rows use them, too."""
        return self._shared.get()

    def own_world(self, **options):
        world = World(**options)
        self._worlds.append(world)
        return world

    def enter(self, context):
        """Ends with the row."""
        return self._stack.enter_context(context)

    @contextmanager
    def soak(self, world, urls=None, running=True, more_fds=0, **options):
        """The load, for as long as the block lasts. What the instances hold is compared from
        before it to after it, when each may have so many descriptors more."""
        options = {**LOAD, "settle": seconds(15), "seconds": 3600, **options}
        if self._seed is not None:
            options["seed"] = self._seed
        if self.row.expected.loss:
            options["allow_loss"] = True
        folder = os.path.join(self.folder, f"run-{len(self.reports) + 1}")
        os.mkdir(folder)
        before, pids = world.usage_at_rest(), world.pids()
        before = [held._replace(fds=held.fds + more_fds) for held in before]
        if world.archives:
            options["acks"] = os.path.join(folder, "acks")
        load = Soak(folder, urls or world.urls, **options)
        try:
            if running:
                load.wait_running()
                self.hold(LEAD_S)
            yield load
            self.hold(TAIL_S)
            self.reports.append(load.finish())
        finally:
            load.close()
        self._compare(world, before, pids)
        for archive in world.archives.values():
            self._judge_archive(archive, options["acks"])

    # ---- what was archived

    def _judge_archive(self, archive, acks):
        with open(acks, encoding="utf-8") as f:
            lines = [line.split(" ") for line in f]
        ids = {line[0] for line in lines if not self._was_forgotten(int(line[2]))}
        self.check(len(ids) >= AT_LEAST_ACKED, f"only {len(ids)} messages to archive")
        try:
            wait_for(lambda: not archive.missing(ids), "all are archived", 30)
        except AssertionError:
            pass  # the judgement names the figures
        self.archived["unarchived"] += len(archive.missing(ids))
        self.archived["archived_twice"] += len(archive.doubled())

    def _was_forgotten(self, at_ms):
        return any(ms - ARCHIVED_MS < at_ms <= ms for ms in self.forgot_ms)

    # ---- what was held

    def _compare(self, world, before, pids):
        def held():
            lived = [a == b for a, b in zip(pids, world.pids())]
            return [Held(*each) for each in zip(before, world.usage(), lived)]

        try:
            wait_for(lambda: all(h.rest_is_back for h in held()), "threads, descriptors", 5)
        except AssertionError:
            pass  # the judgement names the figures
        self.held += held()

    # ---- judgement

    def close(self):
        """Stops what belongs to this row and looks for instances that broke."""
        shared = self._shared.peek()
        used = self._worlds or ([shared] if shared else [])
        for world in used:
            self.failures += world.complaints()
        for world in self._worlds:
            self.failures += world.stop()
        if self.failures:
            for world in used:
                world.write_logs(self.folder)
        for world in self._worlds:
            world.destroy()
        self._stack.close()

    def total(self, key):
        return sum(report[key] for report in self.reports)

    def most(self, key):
        return max((report[key] for report in self.reports), default=0)

    def recoveries_ms(self):
        return [mark["recovery_ms"] for report in self.reports for mark in report["marks"]]

    def figures(self):
        if not self.reports:
            return {}
        recoveries = [ms for ms in self.recoveries_ms() if ms is not None]
        # With --missed there is no load to be silent; how long until everybody had everything?
        returns = [report["all_ms"] for report in self.reports if "all_ms" in report]
        return {
            **{name: self.total(name) for name in SUMS},
            **(self.archived if self._has_archive() else {}),
            "silence_ms": None if returns else self.most("silence_ms"),
            "recovery_ms": max(recoveries + returns, default=None),
        }

    def _has_archive(self):
        return any(world.archives for world in self._worlds)

    def result(self, took):
        judged = self.row.expected.memory and FACTOR == 1
        return Result(self.row.name, took, self.failures, self.figures(), self.held, judged)

    def judge(self):
        if not self.reports:
            self.check(False, "nothing was measured")
            return
        expected = self.row.expected
        for report in self.reports:
            reasons = "; ".join(report["reasons"][:3])
            self.check(report["verdict"] == "holds", f"confab-soak: {reasons}")
        for key in ALWAYS:
            self.check(self.total(key) == 0, f"{self.total(key)} {key}")
        self.check(self.total("acked") >= AT_LEAST_ACKED, f"only {self.total('acked')} messages")
        if not expected.loss:
            self.check(self.total("lost") == 0, f"{self.total('lost')} lost")
        if not expected.gaps:
            self.check(self.total("gaps_declared") == 0, f"{self.total('gaps_declared')} gaps")
        if not expected.reconnects:
            self.check(self.total("reconnects") == 0, f"{self.total('reconnects')} reconnects")
        unarchived, twice = self.archived.values()
        self.check(unarchived == 0, f"{unarchived} unarchived")
        self.check(twice == 0, f"{twice} archived twice")
        refused = self.total("refused")
        self.check((refused > 0) == expected.refused, f"{refused} refused")
        self._judge_times(expected)
        self._judge_held(expected)

    def _judge_times(self, expected):
        recoveries = self.recoveries_ms()
        self.check(None not in recoveries, "not everybody recovered")
        slowest = max((r for r in recoveries if r is not None), default=0)
        if expected.recovery_s is not None:
            self.check(slowest <= 1000 * seconds(expected.recovery_s), f"recovery {slowest} ms")
        if expected.silence_s is not None:
            silence = self.most("silence_ms")
            self.check(silence <= 1000 * seconds(expected.silence_s), f"silence {silence} ms")

    def _judge_held(self, expected):
        for held in self.held:
            change = f"{held.before} → {held.after}"
            self.check(held.rest_is_back, f"threads or descriptors: {change}")
            if expected.memory and FACTOR == 1:
                self.check(held.memory_is_back, f"memory: {change}")

    def error(self, error):
        self.failures.append(first_line(error) or type(error).__name__)
