"""Accounts with two devices each, which come and go while people write to them, and a ledger for
each device: has it got everything, once and in order?"""

import asyncio
import json
import random
import threading
from collections import defaultdict
from contextlib import suppress

from support.client import loop
from support.deadline import seconds, wait_for
from support.rest import ask, register, login
from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.legacy.client import connect

GONE = (OSError, WebSocketException, InvalidHandshake, asyncio.TimeoutError)
STAYS_S, LEAVES_S = (0.2, 1.5), (0.05, 0.8)
ANSWER_S = 3  # then the instance is taken for dead
PER_DEVICE = 2


class Link:
    """One connection to some instance."""

    def __init__(self, world, seed):
        self.world, self.random = world, random.Random(seed)
        self.ws = None

    async def open(self, **hello):
        url = self.random.choice(self.world.urls) + "/ws"
        options = {"open_timeout": ANSWER_S, "close_timeout": 0.5, "ping_interval": None}
        self.ws = await connect(url, max_size=None, **options)
        await self.send("hello", **hello)

    async def send(self, type_, **fields):
        await self.ws.send(json.dumps({"type": type_, **fields}))

    async def frame(self, timeout=ANSWER_S):
        frame = json.loads(await asyncio.wait_for(self.ws.recv(), timeout))
        if frame["type"] == "heartbeat":
            await self.send("heartbeat")
        return frame

    async def close(self, politely=True):
        ws, self.ws = self.ws, None
        if ws is None:
            return
        with suppress(*GONE):
            if politely:
                await ws.close()
            else:
                ws.transport.abort()


class Writer(Link):
    """Says one thing after the other, to one after the other; each again until it has its ack."""

    def __init__(self, crowd, name):
        super().__init__(crowd.world, name)
        self.crowd, self.name, self.session = crowd, name, f"session-{name}"
        self.acked = defaultdict(dict)  # by account: number → text
        self.count = 0

    async def run(self):
        while not self.crowd.written:
            to = self.random.choice(self.crowd.names)
            self.count += 1
            await self._tell(to, f"{self.name} {self.count}")
            await asyncio.sleep(self.random.uniform(0, 0.02))
        await self.close()

    async def _tell(self, to, text):
        while True:
            try:
                if self.ws is None:
                    await self.open(username=self.name, session=self.session)
                cid = f"w{self.count}"
                await self.send("private", to=to, content=text, cid=cid)
                frame = await self._answer(cid)
                if frame["type"] == "ack":
                    self.acked[to][frame["seq"]] = text
                    return
                await asyncio.sleep(0.1)  # an error that passes
            except GONE:
                await self.close(politely=False)
                await asyncio.sleep(0.05)

    async def _answer(self, cid):
        while True:
            frame = await self.frame()
            if frame.get("cid") == cid and frame["type"] in ("ack", "error"):
                return frame


class Device(Link):
    """got: by who wrote, number → text. Nothing but that stays from one connection to the next."""

    def __init__(self, crowd, name, token, seed):
        super().__init__(crowd.world, seed)
        self.crowd, self.name, self.token = crowd, name, token
        self.got = defaultdict(dict)
        self.connections = self.repeated = self.doubled = self.reordered = self.skipped = 0
        self.known = threading.Event()  # the server knows that it is a device

    async def run(self):
        while not self.crowd.over:
            try:
                await self._visit(self.random.uniform(*STAYS_S))
            except GONE:
                pass
            await self.close(politely=self.random.random() < 0.5)
            if not self.crowd.written:
                await asyncio.sleep(self.random.uniform(*LEAVES_S))

    async def _visit(self, stays_s):
        await self.open(token=self.token, caps=["away"])
        self.connections += 1
        last = {}  # number of each conversation in this connection
        end = asyncio.get_running_loop().time() + stays_s
        while not self.crowd.over:
            left = end - asyncio.get_running_loop().time()
            if left <= 0 and not self.crowd.written:
                return
            try:
                frame = await self.frame(max(left, 0.05))
            except asyncio.TimeoutError:
                continue
            if frame["type"] == "conversations":
                self.known.set()
            elif frame["type"] == "private":
                await self._take(frame["user"], frame["epoch"], [frame], last)
            elif frame["type"] == "history" and frame.get("away"):
                await self._take(frame["to"], frame["epoch"], frame["messages"], last)

    async def _take(self, writer, epoch, messages, last):
        for message in messages:
            seq, mine = message["seq"], self.got[writer]
            if writer in last:
                self.reordered += seq <= last[writer]
                self.skipped += seq > last[writer] + 1
            else:
                self.skipped += seq > max(mine, default=0) + 1
            last[writer] = seq
            if seq in mine:
                self.repeated += 1  # not said to be received before: allowed
                self.doubled += mine[seq] != message["content"]
            else:
                self.doubled += message["content"] in mine.values()
            mine[seq] = message["content"]
        if self.random.random() < 0.2 and not self.crowd.written:
            raise ConnectionAbortedError("leaves without a word")
        if messages:
            await self.send("received", to=writer, epoch=epoch, seq=messages[-1]["seq"])


def accounts_file(world, count, path):
    """For confab-soak: that many accounts, each with a device. Returns path."""
    replies = [register(world.servers[0], f"chat-{n}") for n in range(count)]
    assert all(reply.status == 201 for reply in replies), replies[-1].body
    with open(path, "w", encoding="ascii") as f:
        f.writelines(f"{reply.body['name']} {reply.body['access_token']}\n" for reply in replies)
    return path


class Crowd:
    """Starts at once; all is over when the block is."""

    def __init__(self, world, accounts, writers=3):
        self.world, self.written, self.over = world, False, False
        self.names = [f"away-{n}" for n in range(accounts)]
        self.writers = [Writer(self, f"writer-{n}") for n in range(writers)]
        self.devices = [d for name in self.names for d in self._devices(name)]
        self._tasks = []

    def _devices(self, name):
        server = self.world.servers[0]
        replies = [register(server, name)] + [login(server, name) for _ in range(PER_DEVICE - 1)]
        for reply in replies:
            assert reply.status < 300, reply.body
        return [
            Device(self, name, reply.body["access_token"], f"{name} {n}") for n, reply in enumerate(replies)
        ]

    def __enter__(self):
        self._start(self.devices)
        wait_for(lambda: all(d.known.is_set() for d in self.devices), "all devices are known", 20)
        self._start(self.writers)
        return self

    def _start(self, people):
        for one in people:
            self._tasks.append(asyncio.run_coroutine_threadsafe(one.run(), loop().loop))

    def settle(self, timeout=30):
        """No more is written; whoever is away comes back and gets the rest."""
        self.written = True
        for task in self._tasks[len(self.devices) :]:
            task.result(seconds(timeout))
        try:
            wait_for(lambda: self.lost() == 0, "every device has everything", timeout)
        except AssertionError:
            pass  # the report says what is lost

    def __exit__(self, *_):
        self.written = self.over = True
        for task in self._tasks:
            task.result(seconds(20))

    def acked(self):
        return sum(len(texts) for w in self.writers for texts in w.acked.values())

    def lost(self):
        return sum(
            d.got[w.name].get(seq) != text
            for w in self.writers
            for d in self.devices
            for seq, text in list(w.acked[d.name].items())
        )

    def total(self, what):
        return sum(getattr(d, what) for d in self.devices)

    def report(self):
        """As confab-soak writes one."""
        faults = {what: self.total(what) for what in ("doubled", "reordered", "skipped")}
        faults["lost"] = self.lost()
        reasons = [f"{count} {what} at devices" for what, count in faults.items() if count]
        return {
            "verdict": "broken" if reasons else "holds",
            "reasons": reasons,
            "acked": self.acked(),
            "lost": faults["lost"],
            "duplicated": faults["doubled"],
            "reordered": faults["reordered"],
            "skipped": faults["skipped"],
            "diverged": 0,
            "unacked": 0,
            "gaps_declared": 0,
            "messages_declared": 0,
            "reconnects": self.total("connections"),
            "refused": 0,
            "marks": [],
            "silence_ms": 0,
        }
