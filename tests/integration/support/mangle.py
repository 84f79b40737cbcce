"""A proxy in front of a server that does to its frames what a broken server would."""

import asyncio
import json
import struct

from .client import loop


async def _frame(reader):
    """(opcode, payload, the frame's own bytes); what servers send has no mask."""
    head = await reader.readexactly(2)
    size = head[1] & 0x7F
    if size >= 126:
        more = await reader.readexactly(2 if size == 126 else 8)
        (size,) = struct.unpack(">H" if size == 126 else ">Q", more)
        head += more
    payload = await reader.readexactly(size)
    assert head[0] & 0x80, "confab sends whole frames"
    return head[0] & 0x0F, payload, head + payload


def _text(frame):
    payload = json.dumps(frame).encode()
    size = len(payload)
    if size < 126:
        return struct.pack(">BB", 0x81, size) + payload
    if size < 65536:
        return struct.pack(">BBH", 0x81, 126, size) + payload
    return struct.pack(">BBQ", 0x81, 127, size) + payload


class Proxy:
    """mangle is made anew for each connection; it is called with a frame and returns the frames
    that the client gets instead. ssl: a server's SSLContext."""

    def __init__(self, server, mangle, ssl=None):
        self.target = server.port
        self.mangle = mangle
        self._links = set()
        self._server = loop().run(self._listen(ssl))
        self.port = self._server.sockets[0].getsockname()[1]

    async def _listen(self, ssl):
        return await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=ssl)

    async def _accept(self, reader, writer):
        task = asyncio.current_task()
        self._links.add(task)
        up = None
        try:
            up_reader, up = await asyncio.open_connection("127.0.0.1", self.target)
            ways = self._copy(reader, up), self._mangled(up_reader, writer)
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for way in tasks:
                way.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        except OSError:
            pass
        finally:
            for end in (writer, up):
                if end:
                    end.close()
            self._links.discard(task)

    async def _copy(self, reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    async def _mangled(self, reader, writer):
        writer.write(await reader.readuntil(b"\r\n\r\n"))
        mangle = self.mangle()
        while True:
            opcode, payload, whole = await _frame(reader)
            if opcode == 1:
                whole = b"".join(map(_text, mangle(json.loads(payload))))
            writer.write(whole)
            await writer.drain()

    def close(self):
        async def close():
            self._server.close()
            for link in list(self._links):
                link.cancel()
            await asyncio.gather(*self._links, return_exceptions=True)

        loop().run(close())
