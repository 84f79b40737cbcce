"""A chat client on the `websockets` package: nobody here wrote its WebSocket, so both sides
cannot share a misunderstanding. Its calls block until something arrives or a deadline passes."""

import asyncio
import itertools
import json
import threading
import time
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed
from websockets.legacy.client import connect as ws_connect

from .deadline import seconds

_cids = itertools.count(1)
_ASIDE = ("heartbeat", "presence")


class _Loop:
    """One event loop in one thread for the clients of all tests."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="clients", daemon=True).start()

    def run(self, coroutine, timeout=10):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(seconds(timeout))


_loop = None


def loop():
    global _loop
    if _loop is None:
        _loop = _Loop()
    return _loop


def matches(frame, type_, fields):
    """type_ is one type or a tuple of them; a field's wanted value is the value itself or a
    question about it."""
    if frame["type"] not in (type_ if isinstance(type_, tuple) else (type_,)):
        return False
    for name, wanted in fields.items():
        if name not in frame:
            return False
        if not (wanted(frame[name]) if callable(wanted) else frame[name] == wanted):
            return False
    return True


class Client:
    """frames: all that ever came, in order. pending: those that no expect() has taken yet.

    Without `user` nothing is said after the handshake."""

    def __init__(
        self,
        server,
        user=None,
        room=None,
        session=None,
        token=None,
        answer_heartbeats=True,
        host="127.0.0.1",
        **ws,
    ):
        self.user = user
        self.room = room
        self.frames = []
        self.pending = []
        self.close_code = None
        self.session = session
        self.instance = None
        self.epoch = {}
        self._answer = answer_heartbeats
        self._arrived = threading.Condition()
        self._open = True
        query = {"username": user, "room": room, "session": session, "token": token}
        query = urlencode({k: v for k, v in query.items() if v is not None})
        scheme = "wss" if "ssl" in ws else "ws"
        self.url = f"{scheme}://{host}:{server.port}/ws" + ("?" + query if query else "")
        self._ws = loop().run(self._connect(ws))
        self.subprotocol = self._ws.subprotocol

    async def _connect(self, options):
        options = {"ping_interval": None, "max_size": None, "max_queue": None} | options
        ws = await ws_connect(self.url, open_timeout=seconds(10), close_timeout=2, **options)
        asyncio.get_running_loop().create_task(self._read(ws))
        return ws

    async def _read(self, ws):
        try:
            while True:
                frame = json.loads(await ws.recv())
                if frame["type"] == "heartbeat" and self._answer:
                    await ws.send('{"type":"heartbeat"}')
                with self._arrived:
                    self._take_note(frame)
        except ConnectionClosed:
            pass
        finally:
            with self._arrived:
                self.close_code = ws.close_code
                self._open = False
                self._arrived.notify_all()

    def _take_note(self, frame):
        self.frames.append(frame)
        self.pending.append(frame)
        if frame["type"] == "welcome":
            self.user, self.session = frame["user"], frame["session"]
            self.instance = frame["instance"]
        elif frame["type"] == "joined":
            self.epoch[frame["room"]] = frame["epoch"]
        self._arrived.notify_all()

    # ---- saying

    def send(self, type_, **fields):
        self.send_text(json.dumps({"type": type_, **fields}))

    def send_text(self, text):
        """text: str, bytes (a binary frame), or a list (one frame in pieces)."""
        loop().run(self._ws.send(text))

    def send_many(self, frames):
        """All at once, without waiting in between."""

        async def send_all():
            for frame in frames:
                await self._ws.send(json.dumps(frame))

        loop().run(send_all(), 30)

    @staticmethod
    def new_cid():
        return f"c{next(_cids)}"

    def say(self, content, room=None, cid=None):
        """A message and its ack."""
        cid = cid or self.new_cid()
        self.send("message", room=room or self.room, content=content, cid=cid)
        return self.expect("ack", cid=cid)

    def tell(self, to, content, cid=None):
        """A private message and its ack."""
        cid = cid or self.new_cid()
        self.send("private", to=to, content=content, cid=cid)
        return self.expect("ack", cid=cid)

    def say_all(self, contents, room=None, window=64):
        """Messages with at most `window` unanswered; returns the acks in order."""
        room = room or self.room
        cids = [self.new_cid() for _ in contents]
        acks = []
        for at, (cid, content) in enumerate(zip(cids, contents)):
            if at >= window:
                acks.append(self.expect("ack", cid=cids[at - window]))
            self.send("message", room=room, content=content, cid=cid)
        return acks + [self.expect("ack", cid=cid) for cid in cids[len(acks) :]]

    def hello(self, username, **fields):
        self.send("hello", username=username, **fields)
        return self.expect("welcome")

    def join(self, room, **resume):
        """Returns joined and the history that follows it."""
        self.send("join", room=room, **resume)
        return self.expect_joined(room)

    def expect_joined(self, room, **fields):
        joined = self.expect("joined", room=room, **fields)
        return joined, self.expect("history", room=room)

    # ---- hearing

    def expect(self, type_, timeout=10, **fields):
        """Takes the first pending frame that fits, waiting for it if need be."""
        end = time.monotonic() + seconds(timeout)
        seen = 0
        with self._arrived:
            while True:
                for at in range(seen, len(self.pending)):
                    if matches(self.pending[at], type_, fields):
                        return self.pending.pop(at)
                seen = len(self.pending)
                self._wait(end, f"{type_} {fields}")

    def until(self, type_, timeout=10, ignoring=_ASIDE, **fields):
        """Takes everything up to the frame that fits; returns what came before it, in order."""
        end = time.monotonic() + seconds(timeout)
        seen = 0
        with self._arrived:
            while True:
                for at in range(seen, len(self.pending)):
                    if matches(self.pending[at], type_, fields):
                        before = self.pending[:at]
                        del self.pending[: at + 1]
                        return [f for f in before if f["type"] not in ignoring]
                seen = len(self.pending)
                self._wait(end, f"{type_} {fields}")

    def _wait(self, end, what):
        left = end - time.monotonic()
        if left <= 0 or not self._open:
            why = "not in time" if self._open else f"closed with {self.close_code}"
            tail = "\n  ".join(json.dumps(f, ensure_ascii=False)[:300] for f in self.pending[-20:])
            raise AssertionError(f"{self.user} expected {what}: {why}; pending:\n  {tail}")
        self._arrived.wait(left)

    def expect_error(self, code, **fields):
        return self.expect("error", code=code, **fields)

    def expect_close(self, code=None, timeout=10):
        end = time.monotonic() + seconds(timeout)
        with self._arrived:
            while self._open:
                left = end - time.monotonic()
                assert left > 0, f"{self.user}: not closed in time; {self.pending[-5:]}"
                self._arrived.wait(left)
        assert code is None or self.close_code == code, f"closed with {self.close_code}"
        return self.close_code

    @property
    def is_open(self):
        return self._open

    def messages(self, room=None):
        """All messages of a room in the order in which they came, those of history included."""
        room = room or self.room
        with self._arrived:
            frames = list(self.frames)
        found = []
        for frame in frames:
            if frame.get("room") != room:
                continue
            if frame["type"] == "message":
                found.append(frame)
            elif frame["type"] == "history":
                found.extend(frame["messages"])
        return found

    def seqs(self, room=None):
        return [m["seq"] for m in self.messages(room)]

    # ---- leaving

    def close(self, code=1000):
        loop().run(self._ws.close(code))
        self.expect_close()

    def vanish(self):
        """Cuts the TCP connection without a word."""

        async def abort():
            self._ws.transport.abort()

        loop().run(abort())
        self.expect_close()
