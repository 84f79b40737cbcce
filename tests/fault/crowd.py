"""Clients that misbehave, or are many."""

import asyncio
import base64
import itertools
import os
import socket
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from selectors import EVENT_READ, DefaultSelector

from support.client import Client
from support.deadline import seconds
from support.raw import Raw

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
)


def handshake(port, path):
    key = base64.b64encode(os.urandom(16)).decode()
    return HANDSHAKE.format(path=path, port=port, key=key).encode()


# ---- who does not read

@contextmanager
def silent(server, count, room, receive_buffer=4096):
    """Clients in a room that from then on neither read nor write, and never say goodbye."""
    with ExitStack() as stack:
        clients = []
        for number in range(count):
            client = stack.enter_context(Raw(server, receive_buffer=receive_buffer))
            status = client.upgrade(f"/ws?username={room}-{number}&room={room}")
            assert status == 101, f"handshake: {status}"
            client.expect("history", room=room)
            clients.append(client)
        yield clients


def flood(server, room, until):
    """Large messages into a room until the question is true."""
    writer = Client(server, f"{room}-writer", room)
    try:
        writer.expect("history", room=room)
        end = time.monotonic() + seconds(20)
        while not until():
            assert time.monotonic() < end, "the flood changed nothing"
            writer.say_all(["x" * 4000] * 10, room=room, window=4)
    finally:
        writer.close()


# ---- who writes byte by byte

def write_slowly(server, room, messages):
    """A proper conversation with one byte in each packet; returns how many were acknowledged."""
    with Raw(server) as raw:
        frames = []
        send, raw.send = raw.send, frames.append
        raw.request(
            f"/ws?username={room}&room={room}",
            Upgrade="websocket",
            Connection="Upgrade",
            Sec_WebSocket_Version="13",
            Sec_WebSocket_Key=base64.b64encode(os.urandom(16)).decode(),
        )
        for number in range(messages):
            raw.say("message", room=room, content=f"byte by byte {number}", cid=f"b{number}")
        raw.send = send
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in frames.pop(0):
            raw.send(bytes([byte]))
        assert raw.response()[0] == 101
        raw.expect("history", room=room)
        for byte in b"".join(frames):
            raw.send(bytes([byte]))
        for number in range(messages):
            raw.expect("ack", cid=f"b{number}")
    return messages


async def _trickle(port, every):
    """A handshake that never ends; returns when the server has had enough of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ended = asyncio.ensure_future(reader.read())
    try:
        for byte in handshake(port, "/ws?username=loris").rstrip() + b"\r\nX: " + b"y" * 10000:
            writer.write(bytes([byte]))
            if (await asyncio.wait([ended], timeout=every))[0]:
                return True
        return False
    finally:
        ended.cancel()
        writer.transport.abort()


def slowloris(server, count, every=0.1):
    """Handshakes that go on for ever, a byte at a time; how many were ended by the server."""

    async def all_of_them():
        ends = [_trickle(server.port, every) for _ in range(count)]
        return await asyncio.wait_for(asyncio.gather(*ends, return_exceptions=True), seconds(30))

    ends = asyncio.run(all_of_them())
    return sum(end is True or isinstance(end, ConnectionError) for end in ends)


# ---- who are many

_numbers = itertools.count(1)  # a name is free again only when its end is in Redis

def burst(servers, count):
    """So many connections at once, each in a room; how they were answered. The last answer given,
    all are cut."""
    answers = Counter()
    with ExitStack() as stack, DefaultSelector() as waiting:
        for n in range(count):
            port = servers[n % len(servers)].port
            s = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            s.sendall(handshake(port, f"/ws?username=b-{next(_numbers)}&room=burst-{n % 100}"))
            s.settimeout(0)
            waiting.register(s, EVENT_READ, bytearray())
        end = time.monotonic() + seconds(30)
        while waiting.get_map() and time.monotonic() < end:
            for key, _ in waiting.select(1):
                answer = _answer(key.fileobj, key.data)
                if answer:
                    waiting.unregister(key.fileobj)
                    answers[answer] += 1
        answers["nothing"] += len(waiting.get_map())
    return +answers


def _answer(s, received):
    """None: not complete yet."""
    try:
        data = s.recv(65536)
    except ConnectionResetError:
        return "reset"
    received += data
    if not received.startswith(b"HTTP/1.1 101"[: len(received)]):
        return received.partition(b"\r\n")[0].decode()
    if b'"type":"welcome"' in received:
        return "welcome"
    return None if data else f"closed after {len(received)} bytes"
