"""Requests that public/openapi.json allows, and requests that it does not: answers as it says."""

import itertools
import json
import os
import tempfile

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method

from support.client import Client
from support.deadline import wait_for
from support.redis import Redis
from support.rest import PASSWORD, Device
from support.server import ROOT, Server

ADMIN = "the-administrator-s-own-token"
EXAMPLES = int(os.environ.get("API_EXAMPLES", "25"))
with open(os.path.join(ROOT, "public", "openapi.json"), encoding="utf-8") as f:
    schema = schemathesis.openapi.from_dict(json.load(f))

# What is allowed by its form may be refused for what it says: a name that is taken, a wrong
# password. And libwebsockets answers some methods by itself (docs/PROTOCOL.md).
NOT_CHECKED = [positive_data_acceptance, unsupported_method]
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server():
    free = {f"LOGIN_LIMIT{which}": 0 for which in ("", "_NAME", "_ADDRESS")}
    with tempfile.TemporaryDirectory() as archive, Redis() as redis:
        with Server(
            redis,
            **free,
            REGISTER_LIMIT_ADDRESS=0,
            ADMIN_TOKEN=ADMIN,
            ARCHIVE="sqlite",
            ARCHIVE_DIR=archive,
        ) as s:
            s.wait_health(200)
            Device.register(s, "anna")  # of the examples
            yield s


@schema.hook
def filter_case(context, case):
    """libwebsockets hangs up on a NUL in a URL, without a word."""
    return r"\x00" not in repr((case.path_parameters, case.query))


def call(server, case, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return case.call_and_validate(
        base_url=f"http://127.0.0.1:{server.port}",
        headers=headers,
        excluded_checks=NOT_CHECKED,
        timeout=10,
    )


_shared = {}


def bearer(server, case):
    """A token that nothing before has ended, where the operation may have one."""
    if not case.operation.definition.raw.get("security"):
        return None
    if "accounts" not in case.operation.tags and "devices" not in case.operation.tags:
        if server not in _shared:
            _shared[server] = Device.register(server, "shared").access
        return _shared[server]
    return Device.register(server, f"u-{next(_numbers)}").access


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_requests(server, case):
    call(server, case, bearer(server, case))
    assert server.process.poll() is None


def test_life_of_a_room(server):
    """The same for rooms, by their owner and by the administrator."""
    anna, ben = (Device.register(server, f"r-{next(_numbers)}") for _ in range(2))

    def ask(method, path, status, token=anna.access, body=None, **parts):
        parts = {"path_parameters": {"room": "den"} | parts} if "{" in path else {}
        if body is not None:
            parts["body"] = body
        case = schema["/api/v1/" + path][method].Case(**parts)
        answer = call(server, case, token)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    ask("POST", "rooms", 201, body={"room": "den", "access": "private", "topic": "Den"})
    ask("POST", "rooms", 409, body={"room": "den"})
    assert [r["topic"] for r in ask("GET", "rooms", 200)["rooms"] if r["room"] == "den"] == ["Den"]
    ask("GET", "rooms/{room}", 403, ben.access)
    ask("POST", "rooms/{room}", 200, body={"slow_s": 1, "read_only": True})
    code = ask("POST", "rooms/{room}/invitations", 201, body={"uses": -1})["code"]
    assert ask("POST", "invitations", 200, ben.access, {"code": code})["room"] == "den"
    ask("DELETE", "rooms/{room}/invitations/{code}", 200, code=code)
    ask("POST", "rooms/{room}/members/{user}", 200, body={"role": "moderator"}, user=ben.name)
    assert ask("GET", "rooms/{room}/members", 200, ben.access)["members"][ben.name] == "moderator"
    for what in ("ban", "mute"):
        path = "rooms/{room}/%ss/{user}" % what
        ask("POST", path, 200, ben.access, {"seconds": 60, "reason": "spam"}, user="cid")
        assert ask("GET", "rooms/{room}", 200)["sanctions"][0]["kind"] == what
        ask("DELETE", path, 200, ben.access, user="cid")
    ask("POST", "rooms/{room}/kicks/{user}", 200, ben.access, {}, user="cid")
    ask("DELETE", "rooms/{room}/members/{user}", 200, ADMIN, user=ben.name)
    query = {"room": "den", "limit": 100}
    answer = call(server, schema["/api/v1/audit"]["GET"].Case(query=query), ADMIN)
    acts = [entry["act"] for entry in answer.json()["audit"]]
    assert acts[-1] == "create" and "role" in acts and "kick" in acts and "join" in acts
    ask("DELETE", "rooms/{room}", 204)
    ask("GET", "rooms/{room}", 404)


def test_life_of_an_account(server):
    """Every answer of success, which requests at random seldom get."""

    def ask(method, path, status, token=None, **parts):
        answer = call(server, schema[path][method].Case(**parts), token)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def tokens(path, status, body):
        return ask("POST", f"/api/v1/{path}", status, body=body)

    eva = {"name": "eva", "password": PASSWORD}
    made = tokens("users", 201, {**eva, "label": "phone"})
    other = tokens("login", 200, {**eva, "label": "desk"})
    other = tokens("token", 200, {"refresh_token": other["refresh_token"]})
    token = made["access_token"]
    client = Client(server)
    client.send("hello", token=token, room="tea")
    client.expect_joined("tea")
    client.say("tea is ready", cid="1", room="tea")
    devices = ask("GET", "/api/v1/devices", 200, token)["devices"]
    assert {(d["label"], d["current"]) for d in devices} == {("phone", True), ("desk", False)}
    told = ask("GET", "/api/v1/conversations", 200, token)
    assert told["rooms"] == {"tea": 0} and told["list"] == []
    room = {"path_parameters": {"room": "tea"}}
    page = ask("GET", "/api/v1/messages/{room}", 200, token, **room)
    assert [m["content"] for m in page["messages"]] == ["tea is ready"]
    query = {"q": "ready", "room": "tea", "from": "2020-01-01"}
    wait_for(lambda: ask("GET", "/api/v1/search", 200, token, query=query)["results"], "a result")
    gone = {"path_parameters": {"id": other["device"]}}
    ask("DELETE", "/api/v1/devices/{id}", 204, token, **gone)
    ask("DELETE", "/api/v1/devices/{id}", 404, token, **gone)
    ask("POST", "/api/v1/token", 401, body={"refresh_token": other["refresh_token"]})
    name = {"path_parameters": {"name": "eva"}}
    body = {"old": PASSWORD, "new": PASSWORD + "!"}
    ask("POST", "/api/v1/users/{name}/password", 204, token, body=body, **name)
    ask("POST", "/api/v1/logout", 204, body={"refresh_token": made["refresh_token"]})
    eva["password"] += "!"
    token = tokens("login", 200, eva)["access_token"]
    ask("POST", "/api/v1/users/{name}/delete", 204, token, body={"password": PASSWORD + "!"}, **name)
    tokens("login", 401, eva)
    client.close()
