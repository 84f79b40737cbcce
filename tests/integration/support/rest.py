"""The REST side, as a program would use it."""

import json

from .client import Client

PASSWORD = "correct horse battery"


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.text = response.body
        self.body = json.loads(response.body) if response.body else None

    def error(self, status, code):
        """It is this error, complete; returns the frame."""
        assert (self.status, self.body["type"], self.body["code"]) == (status, "error", code), (
            self.status,
            self.body,
        )
        assert self.body["message"]
        assert self.body["temporary"] == (code in ("busy", "unavailable", "login_limited"))
        return self.body

    def done(self):
        assert (self.status, self.text) == (204, b""), (self.status, self.text)


def ask(server, method, path, body=None, token=None, headers=None):
    """body: what becomes JSON. token: the bearer's."""
    headers = dict(headers or {})
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(body)
    return Reply(server.request(method, "/api/v1" + path, headers, body))


def login(server, name, password=PASSWORD, headers=None, **fields):
    return ask(server, "POST", "/login", {"name": name, "password": password, **fields}, None, headers)


def register(server, name, password=PASSWORD, headers=None, **fields):
    return ask(server, "POST", "/users", {"name": name, "password": password, **fields}, None, headers)


class Device:
    """Somebody who is logged in: a name, a device, its tokens."""

    opened = []  # clients; conftest.py closes them after each test

    def __init__(self, reply, status=200):
        assert reply.status == status, (reply.status, reply.body)
        assert reply.headers["cache-control"] == "no-store"
        tokens = reply.body
        assert tokens["type"] == "tokens" and tokens["token_type"] == "Bearer"
        self.name, self.id = tokens["name"], tokens["device"]
        self.access, self.refresh = tokens["access_token"], tokens["refresh_token"]
        self.expires_in_s = tokens["expires_in_s"]

    @classmethod
    def register(cls, server, name, **fields):
        return cls(register(server, name, **fields), 201)

    @classmethod
    def login(cls, server, name, **fields):
        return cls(login(server, name, **fields))

    def refreshed(self, server):
        """What its refresh token gets it."""
        return Device(ask(server, "POST", "/token", {"refresh_token": self.refresh}))

    def ask(self, server, method, path, body=None):
        return ask(server, method, path, body, self.access)

    def connect(self, server, room=None, **fields):
        """Welcome, and in its room if it has one."""
        client = Client(server)
        Device.opened.append(client)
        client.send("hello", token=self.access, **({"room": room} if room else {}), **fields)
        welcome = client.expect("welcome")
        assert (welcome["user"], welcome["account"]["device"]) == (self.name, self.id)
        if room:
            client.room = room
            client.expect_joined(room)
        return client
