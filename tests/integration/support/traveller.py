"""A client that does what docs/PROTOCOL.md asks for: it repeats what was not acknowledged, goes on
where it was, and comes back when it was told to. It keeps account of what it saw."""

import asyncio
import json
import random
import time

from websockets.exceptions import WebSocketException
from websockets.legacy.client import connect

from .client import loop
from .deadline import seconds, wait_for


class Traveller:
    """live() runs in the loop of the clients, until stopped; the test looks on."""

    def __init__(self, port, name, room, every_s=0.5):
        self.url = f"ws://127.0.0.1:{port}/ws"
        self.name, self.room, self.every_s = name, room, every_s
        self.session = f"session-of-{name}"
        self.epoch, self.top = None, 0
        self.seen = []  # contents, in the order of their numbers
        self.acked = {}  # content → number
        self.sent = 0
        self.left = []  # who was announced to have left
        self.instances = []
        self.away_s = 0.0  # the longest time without a connection
        self.problems = []
        self.stopped = False
        self._outbox = None  # (cid, content) under way
        self._joined = False
        self._lost_at = None
        self._tries = 0

    def is_done(self, top):
        """There, nothing under way, and everything up to that number seen."""
        return self._joined and self._outbox is None and self.top >= top

    async def live(self):
        try:
            while not self.stopped:
                delay = await self._visit()
                await asyncio.sleep(delay)
        except asyncio.CancelledError:
            pass
        except Exception as e:
            self.problems.append(repr(e))

    async def _visit(self):
        """One connection; returns how long to stay away after it."""
        retry_ms = None
        try:
            async with connect(self.url, ping_interval=None, open_timeout=seconds(5)) as ws:
                await ws.send(json.dumps(self._hello()))
                talk = asyncio.create_task(self._talk(ws))
                try:
                    async for text in ws:
                        frame = json.loads(text)
                        if frame["type"] == "bye":
                            retry_ms = frame["retry_ms"]
                        await self._take(ws, frame)
                finally:
                    self._lost_at = self._lost_at or time.monotonic()
                    self._joined = False
                    talk.cancel()
        except (WebSocketException, OSError, asyncio.TimeoutError):
            pass
        if retry_ms is not None:
            return retry_ms / 1000
        self._tries += 1
        return random.uniform(0, min(0.1 * 2**self._tries, 5))

    def _hello(self):
        hello = {"type": "hello", "username": self.name, "session": self.session}
        if self.epoch is None:
            return hello | {"room": self.room}
        return hello | {"resume": {self.room: {"epoch": self.epoch, "seq": self.top}}}

    async def _talk(self, ws):
        """A message now and then; the one under way first."""
        while not self.stopped:
            await asyncio.sleep(random.uniform(0, 2 * self.every_s))
            if self._joined and self._outbox is None:
                self.sent += 1
                self._outbox = (f"{self.name}-{self.sent}", f"{self.name} says {self.sent}")
                await self._say(ws)

    async def _say(self, ws):
        cid, content = self._outbox
        frame = {"type": "message", "room": self.room, "cid": cid, "content": content}
        await ws.send(json.dumps(frame))

    async def _take(self, ws, frame):
        kind = frame["type"]
        if kind == "welcome":
            if self._lost_at:
                self.away_s = max(self.away_s, time.monotonic() - self._lost_at)
            self._lost_at, self._tries = None, 0
            self.instances.append(frame["instance"])
        elif kind == "joined":
            if self.epoch is not None and not frame["recovered"]:
                self.problems.append(f"not recovered: {frame}")
            self.epoch = frame["epoch"]
        elif kind == "history":
            for message in frame["messages"]:
                self._see(message)
            self._joined = True
            if self._outbox is not None:
                await self._say(ws)
        elif kind == "message":
            self._see(frame)
        elif kind == "ack":
            self._acknowledged(frame)
        elif kind == "heartbeat":
            await ws.send('{"type":"heartbeat"}')
        elif kind == "presence":
            self.left += frame["leave"]
        elif kind == "error":
            if not frame["temporary"] or frame.get("cid") is None:
                self.problems.append(f"error: {frame}")
            else:
                await asyncio.sleep(frame["retry_after_ms"] / 1000)
                await self._say(ws)

    def _see(self, message):
        if message["seq"] != self.top + 1:
            self.problems.append(f"{message['seq']} after {self.top}")
        self.top = message["seq"]
        self.seen.append(message["content"])

    def _acknowledged(self, frame):
        cid, content = self._outbox or (None, None)
        if frame["cid"] != cid:
            self.problems.append(f"ack of something else: {frame}")
            return
        self.acked[content] = frame["seq"]
        self._outbox = None


def travel(travellers, change):
    """Lets them live while change() happens, and until all is said and seen."""
    lives = [asyncio.run_coroutine_threadsafe(t.live(), loop().loop) for t in travellers]

    def wait_all(question, what):
        def over():
            return any(t.problems for t in travellers) or all(map(question, travellers))

        wait_for(over, what, 20)
        assert not [t.problems for t in travellers if t.problems]

    try:
        wait_all(lambda t: t.seen, "all are there")
        change()
        for t in travellers:
            t.every_s = 3600  # only what is under way is brought to its end
        wait_all(lambda t: t.is_done(0), "all is acknowledged")
        top = {}
        for t in travellers:
            top[t.room] = max([top.get(t.room, 0), *t.acked.values()])
        wait_all(lambda t: t.is_done(top[t.room]), "all is seen")
    finally:
        for t in travellers:
            t.stopped = True
        for life in lives:
            life.cancel()
