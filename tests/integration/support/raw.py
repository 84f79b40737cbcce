"""WebSocket and HTTP by hand, for what no proper client would send."""

import base64
import json
import os
import socket
import struct
import time

from .deadline import seconds

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Closed(Exception):
    """The server ended the TCP connection."""


class Raw:
    """host: where the server is; make: a function that makes the socket."""

    def __init__(
        self, server, receive_buffer=None, source=None, host="127.0.0.1", make=socket.socket
    ):
        self.socket = make()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.settimeout(seconds(10))
        self.socket.connect((host, server.port))
        self.port = server.port
        self.buffer = b""
        self.frames = []

    # ---- HTTP

    def send(self, data):
        self.socket.sendall(data)

    def request(self, path="/ws", method="GET", **headers):
        """Sends a request; a header's name has _ for -, a value of None leaves it out."""
        wanted = {"Host": f"127.0.0.1:{self.port}"}
        wanted |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in wanted.items() if value is not None]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def upgrade(self, path="/ws", **headers):
        """A handshake (RFC 6455 section 4.1); returns the status of the answer."""
        wanted = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec_WebSocket_Version": "13",
            "Sec_WebSocket_Key": base64.b64encode(os.urandom(16)).decode(),
        }
        self.request(path, **(wanted | headers))
        return self.response()[0]

    def response(self):
        """(status, headers in lower case, body)."""
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(head[0].split()[1])
        headers = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
        headers = {name.lower(): value for name, value in headers.items()}
        body = b""
        if "content-length" in headers:
            body = self._exactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            while size := int(self._until(b"\r\n"), 16):
                body += self._exactly(size)
                self._exactly(2)
            self._exactly(2)
        return status, headers, body

    # ---- WebSocket

    def frame(self, payload, opcode=TEXT, fin=True, masked=True, announced=None, rsv=0):
        """One frame; announced: the length in the header when it is to be a lie."""
        if isinstance(payload, str):
            payload = payload.encode()
        length = len(payload) if announced is None else announced
        bit = 0x80 if masked else 0
        head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
        if length < 126:
            head += bytes([bit | length])
        elif length < 65536:
            head += bytes([bit | 126]) + struct.pack(">H", length)
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", length)
        if masked:
            key = os.urandom(4)
            head += key
            whole = key * (len(payload) // 4 + 1)
            payload = bytes(a ^ b for a, b in zip(payload, whole))
        self.send(head + payload)

    def say(self, type_, **fields):
        self.frame(json.dumps({"type": type_, **fields}))

    def read_frame(self):
        """(opcode, payload). Pings are answered; a close frame is one of the answers."""
        while True:
            first, second = self._exactly(2)
            assert not second & 0x80, "a server masks nothing (RFC 6455 section 5.1)"
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack(">H", self._exactly(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self._exactly(8))
            payload = self._exactly(length)
            assert first & 0x70 == 0, f"reserved bits without an extension: {first:#x}"
            if first & 0x0F == PING:
                self.frame(payload, PONG)
                continue
            return first & 0x0F, payload

    def expect(self, type_, **fields):
        while True:
            opcode, payload = self.read_frame()
            assert opcode == TEXT, f"opcode {opcode} {payload!r} instead of {type_}"
            frame = json.loads(payload)
            self.frames.append(frame)
            if frame["type"] == type_ and fields.items() <= frame.items():
                return frame

    def expect_close(self):
        """The code of the close frame (1005: it has none); collects what comes before."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == CLOSE:
                return struct.unpack(">H", payload[:2])[0] if payload else 1005
            self.frames.append(json.loads(payload))

    def expect_end(self):
        """Reads until the server ends the TCP connection; returns the seconds it took."""
        start = time.monotonic()
        try:
            while True:
                self._more()
        except Closed:
            return time.monotonic() - start

    # ---- bytes

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            raise Closed from None
        except socket.timeout:
            raise AssertionError(f"nothing more came; have {self.buffer[:200]!r}") from None
        if not data:
            raise Closed
        self.buffer += data

    def _until(self, mark):
        while mark not in self.buffer:
            self._more()
        found, _, self.buffer = self.buffer.partition(mark)
        return found

    def _exactly(self, size):
        while len(self.buffer) < size:
            self._more()
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
