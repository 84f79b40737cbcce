"""A device that takes what came while it was away, and checks it as it comes."""

import time

from .deadline import seconds


class Traveller:
    """got: with whom → [(seq, content)], in the order in which it came, nothing left out of it but
    what this device has had before. It remembers from one connection to the next, as an app does,
    but it tells the server nothing of that: the cursor is the server's."""

    def __init__(self, device):
        self.device = device
        self.got, self.doubled, self.mentions, self.missed = {}, [], [], 0
        self.pages = 0
        self.client = self.conversations = None

    def connect(self, server, **fields):
        self.client = self.device.connect(server, caps=["away"], **fields)
        assert self.client.frames[0]["private"] == {}
        self.conversations = self.client.expect("conversations")
        return self.conversations

    def close(self):
        self.client.close()

    def of(self, name):
        return next(c for c in self.conversations["list"] if c["with"] == name)

    # ---- what comes

    def _keep(self, with_, message):
        mine = self.got.setdefault(with_, [])
        entry = (message["seq"], message["content"])
        if mine and entry[0] <= mine[-1][0]:
            assert entry in mine, f"out of order: {entry} behind {mine[-1]}"
            self.doubled.append(entry)
            return
        mine.append(entry)

    def take(self, frame, received=True):
        """One frame; says `received` of the last number in it, unless told not to."""
        if frame["type"] == "private":
            with_ = frame["to"] if frame["user"] == self.device.name else frame["user"]
            self._keep(with_, frame)
            if received:
                self.say_received(with_, frame["seq"], frame["epoch"])
        elif frame["type"] == "mention":
            self.mentions.append(frame["seq"])
            if received:
                self.client.send("received", mentions=True, epoch=frame["epoch"], seq=frame["seq"])
        elif frame.get("away"):
            self._take_page(frame, received)

    def _take_page(self, page, received):
        messages = page["messages"]
        assert len(messages) <= 100
        self.pages += 1
        self.missed += page.get("missed", 0)
        if page.get("mentions"):
            self.mentions += [m["seq"] for m in messages]
            if received and messages:
                last = messages[-1]["seq"]
                self.client.send("received", mentions=True, epoch=page["epoch"], seq=last)
            return
        assert page["epoch"] == self.epoch(page["to"], page["epoch"])
        for message in messages:
            self._keep(page["to"], message)
        if received and messages:
            self.say_received(page["to"], messages[-1]["seq"], page["epoch"])

    def epoch(self, name, otherwise=None):
        for c in self.conversations["list"]:
            if c["with"] == name:
                return c["epoch"]
        return otherwise

    def say_received(self, with_, seq, epoch=None):
        epoch = epoch or self.epoch(with_)
        if epoch is not None:
            self.client.send("received", to=with_, epoch=epoch, seq=seq)

    def take_until(self, enough, received=True, timeout=20):
        """Takes what comes until that is true."""
        end = time.monotonic() + seconds(timeout)
        while not enough():
            left = end - time.monotonic()
            assert left > 0, f"got only { {k: len(v) for k, v in self.got.items()} }"
            frame = self.client.expect(("private", "history", "mention"), timeout=left)
            self.take(frame, received)

    def count(self, with_):
        return len(self.got.get(with_, []))

    def texts(self, with_):
        return [content for _, content in self.got.get(with_, [])]

    def seqs(self, with_):
        return [seq for seq, _ in self.got.get(with_, [])]
