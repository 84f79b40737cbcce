"""Rooms over HTTP, by their owners and by the administrator; and who may be the administrator."""

import pytest

from support.client import Client
from support.rest import Device, ask

TOKEN = "0123456789abcdefghijklmn"
WRONG = "0123456789abcdefghijklmN"


@pytest.fixture(scope="module")
def site(redis):
    """An instance with an administrator; pumps have nothing to do with it."""
    from conftest import QUIET
    from support.server import Server

    with Server(redis, **QUIET, ADMIN_TOKEN=TOKEN) as s:
        s.wait_health(200)
        yield s


class Who:
    """Somebody who asks: an account, a guest (no token) or the administrator."""

    def __init__(self, server, token=None):
        self.server, self.token = server, token

    def __call__(self, method, path, body=None):
        return ask(self.server, method, path, body, self.token)


@pytest.fixture
def admin(site):
    return Who(site, TOKEN)


@pytest.fixture
def someone(site, new):
    """Makes accounts; .name and a call that asks as them."""

    def someone(base="user"):
        device = Device.register(site, getattr(new, base))
        who = Who(site, device.access)
        who.name, who.device = device.name, device
        return who

    return someone


@pytest.fixture
def owner(someone):
    return someone("owner")


def made(who, room, **fields):
    reply = who("POST", "/rooms", {"room": room, **fields})
    assert reply.status == 201, reply.body
    assert (reply.body["type"], reply.body["room"]) == ("room", room)
    return reply.body


def fine(reply, status=200):
    assert reply.status == status, (reply.status, reply.body)
    return reply.body


# ---- an owner


def test_a_room_begins_and_ends(site, owner, room):
    nobody = Who(site)
    nobody("GET", f"/rooms/{room}").error(404, "not_found")
    mine = made(owner, room, topic="tea", read_only=True)
    assert (mine["owner"], mine["role"], mine["topic"]) == (owner.name, "owner", "tea")
    assert (mine["access"], mine["read_only"], mine["slow_ms"]) == ("public", True, 0)
    assert mine["members"] == {owner.name: "owner"}
    theirs = fine(nobody("GET", f"/rooms/{room}"))
    assert "role" not in theirs and "sanctions" not in theirs and "invitations" not in theirs
    owner("POST", "/rooms", {"room": room}).error(409, "room_exists")
    owner("DELETE", f"/rooms/{room}").done()
    nobody("GET", f"/rooms/{room}").error(404, "not_found")


def test_changes_are_acts_of_their_own(site, owner, room, connect):
    made(owner, room)
    client = connect(site, "watcher", room)
    now = fine(owner("POST", f"/rooms/{room}", {"slow_s": 5, "read_only": True, "topic": "tea"}))
    assert (now["topic"], now["read_only"], now["slow_ms"]) == ("tea", True, 5000)
    acts = [client.expect("message") for _ in range(3)]
    assert [(a["kind"], a["act"], a["user"]) for a in acts] == [
        ("room", act, owner.name) for act in ("topic", "read_only", "slow")
    ]
    assert acts[2]["seq"] == acts[0]["seq"] + 2


def test_the_first_change_that_is_refused_ends_the_request(owner, someone, room):
    made(owner, room)
    helper = someone()
    fine(owner("POST", f"/rooms/{room}/members/{helper.name}", {"role": "moderator"}))
    # a moderator sets the topic, and may not close the room
    body = {"topic": "tea", "read_only": True, "slow_s": 5}
    helper("POST", f"/rooms/{room}", body).error(403, "not_allowed")
    now = fine(owner("GET", f"/rooms/{room}"))
    assert (now["topic"], now["read_only"], now["slow_ms"]) == ("tea", False, 0)


def test_members_by_name_and_by_page(owner, someone, room):
    made(owner, room, access="private")
    others = sorted([someone() for _ in range(3)], key=lambda o: o.name)
    for other in others:
        fine(owner("POST", f"/rooms/{room}/members/{other.name}", {"role": "member"}))
    roles = {owner.name: "owner"} | {other.name: "member" for other in others}
    assert fine(others[0]("GET", f"/rooms/{room}/members"))["members"] == roles
    page, seen = fine(owner("GET", f"/rooms/{room}/members?limit=3")), {}
    assert page["next"] == sorted(roles)[2]
    seen |= page["members"]
    page = fine(owner("GET", f"/rooms/{room}/members?limit=3&after={page['next']}"))
    assert "next" not in page
    assert seen | page["members"] == roles and len(seen) == 3
    owner("DELETE", f"/rooms/{room}/members/{owner.name}").error(409, "last_owner")
    fine(owner("DELETE", f"/rooms/{room}/members/{others[0].name}"))
    others[0]("GET", f"/rooms/{room}/members").error(404, "not_found")
    assert others[1]("DELETE", f"/rooms/{room}/members/{others[1].name}").status == 204  # leaves


def test_bans_mutes_and_kicks(owner, room, new):
    made(owner, room)
    names = [new.villain for _ in range(3)]
    for what, name in zip(("bans", "mutes"), names):
        body = {"seconds": 600, "reason": "spam"}
        fine(owner("POST", f"/rooms/{room}/{what}/{name}", body))
    now = fine(owner("POST", f"/rooms/{room}/kicks/{names[2]}", {}))
    said = {s["user"]: (s["kind"], s["by"], s["reason"]) for s in now["sanctions"]}
    assert said == {
        names[0]: ("ban", owner.name, "spam"),
        names[1]: ("mute", owner.name, "spam"),
        names[2]: ("kick", owner.name, ""),
    }
    fine(owner("DELETE", f"/rooms/{room}/bans/{names[0]}"))
    now = fine(owner("DELETE", f"/rooms/{room}/mutes/{names[1]}"))
    assert [s["user"] for s in now["sanctions"]] == [names[2]]
    owner("DELETE", f"/rooms/{room}/bans/{names[0]}").error(404, "not_found")


def test_an_invitation(site, owner, someone, room):
    made(owner, room, access="private")
    guest = someone()
    guest("GET", f"/rooms/{room}").error(403, "private_room")
    made_one = fine(owner("POST", f"/rooms/{room}/invitations", {"uses": 2}), 201)
    code = made_one["code"]
    assert made_one["url"].endswith(f"#invite={code}")
    Who(site)("POST", "/invitations", {"code": code}).error(401, "login_required")
    assert fine(guest("POST", "/invitations", {"code": code}))["room"] == room
    assert fine(guest("POST", "/invitations", {"code": code}))["room"] == room  # already: uses nothing up
    assert fine(guest("GET", f"/rooms/{room}"))["role"] == "member"
    assert fine(someone()("POST", "/invitations", {"code": code}))["room"] == room
    someone()("POST", "/invitations", {"code": code}).error(404, "bad_invitation")  # used up
    more = fine(owner("POST", f"/rooms/{room}/invitations", {"uses": -1}), 201)["code"]
    assert [i["code"] for i in fine(owner("GET", f"/rooms/{room}"))["invitations"]] == [more]
    guest("DELETE", f"/rooms/{room}/invitations/{more}").error(403, "not_allowed")
    fine(owner("DELETE", f"/rooms/{room}/invitations/{more}"))
    someone()("POST", "/invitations", {"code": more}).error(404, "bad_invitation")


def test_the_list_of_rooms(site, owner, admin, new):
    public, private = sorted([new.a_room, new.a_room])
    made(owner, public, topic="open")
    made(owner, private, access="private")

    def listed(who):
        found, after = {}, ""
        while after is not None:
            page = fine(who("GET", f"/rooms?limit=2{after}"))
            assert len(page["rooms"]) <= 2
            found |= {r["room"]: r for r in page["rooms"]}
            after = f"&after={page['next']}" if "next" in page else None
        assert list(found) == sorted(found)
        return found

    assert listed(owner)[private]["members"] == 1 and listed(owner)[public]["topic"] == "open"
    assert public in listed(Who(site)) and private not in listed(Who(site))
    assert {public, private} <= set(listed(admin))


@pytest.mark.parametrize(
    "method,path,body",
    [
        ("POST", "/rooms", {"room": "ROOM"}),
        ("POST", "/rooms/ROOM", {"topic": ""}),
        ("DELETE", "/rooms/ROOM", None),
        ("POST", "/rooms/ROOM/members/al", {"role": "member"}),
        ("DELETE", "/rooms/ROOM/members/al", None),
        ("POST", "/rooms/ROOM/bans/al", {"seconds": 0}),
        ("DELETE", "/rooms/ROOM/mutes/al", None),
        ("POST", "/rooms/ROOM/kicks/al", {}),
        ("POST", "/rooms/ROOM/invitations", {}),
        ("DELETE", "/rooms/ROOM/invitations/c0de", None),
    ],
)
def test_who_may_not(site, owner, someone, room, method, path, body):
    path = path.replace("ROOM", room)
    if body and "room" in body:
        body = {"room": room}
    Who(site)(method, path, body).error(401, "login_required")
    made(owner, room)
    refused = (409, "room_exists") if method == "POST" and path == "/rooms" else (403, "not_allowed")
    someone()(method, path, body).error(*refused)


def test_a_device_that_was_signed_out(site, owner, room):
    made(owner, room)
    owner.device.ask(site, "DELETE", f"/devices/{owner.device.id}").done()
    owner("POST", f"/rooms/{room}", {"topic": "still me"}).error(401, "bad_token")
    owner("GET", f"/rooms/{room}").error(401, "bad_token")


# ---- the administrator


def test_the_administrator_may_do_everything(admin, owner, someone, room):
    made(owner, room, access="private", topic="ours")
    heir = someone()
    assert fine(admin("GET", f"/rooms/{room}"))["topic"] == "ours"
    fine(admin("POST", f"/rooms/{room}", {"topic": "be nice", "slow_s": 1}))
    fine(admin("POST", f"/rooms/{room}/members/{heir.name}", {"role": "owner"}))
    now = fine(heir("GET", f"/rooms/{room}"))
    assert now["members"] == {heir.name: "owner", owner.name: "moderator"}
    fine(admin("POST", f"/rooms/{room}/bans/{owner.name}", {"seconds": 60}))
    owner("GET", f"/rooms/{room}").error(403, "banned")
    assert admin("DELETE", f"/rooms/{room}").status in (200, 204)
    admin("GET", f"/rooms/{room}").error(404, "not_found")


def test_the_administrator_makes_rooms_for_others(admin, owner, someone, room):
    someone()("POST", "/rooms", {"room": room, "owner": owner.name}).error(403, "not_allowed")
    mine = made(admin, room, owner=owner.name, access="private")
    assert mine["owner"] == owner.name
    assert fine(owner("GET", f"/rooms/{room}"))["role"] == "owner"


def test_the_administrator_reads_every_room(site, admin, owner, someone, room):
    made(owner, room, access="private")
    client = owner.device.connect(site, room)
    client.say("among us", cid="1", room=room)
    path = f"/messages/{room}"
    Who(site)("GET", path).error(403, "private_room")
    someone()("GET", path).error(403, "private_room")
    for who in (owner, admin):
        page = fine(who("GET", path))["messages"]
        assert [m["content"] for m in page if "kind" not in m] == ["among us"]
    Who(site, WRONG)("GET", path).error(401, "bad_admin_token")
    admin("GET", f"/search?q=us&room={room}").error(404, "archive_off")
    Who(site, WRONG)("GET", f"/search?q=us&room={room}").error(401, "bad_admin_token")


def test_messages_are_deleted(site, admin, owner, someone, room):
    made(owner, room)
    writer, stranger = someone(), someone()
    client = writer.device.connect(site, room)
    seqs = [client.say(f"m{n}", cid=str(n), room=room)["seq"] for n in range(3)]
    path = f"/messages/{room}/"
    Who(site)("DELETE", path + str(seqs[0])).error(401, "login_required")
    stranger("DELETE", path + str(seqs[0])).error(403, "not_allowed")
    for who, seq in zip((writer, owner, admin), seqs):
        ack = fine(who("DELETE", path + str(seq)))
        event = client.expect("message", kind="delete", target=seq)
        assert (ack["type"], ack["seq"], ack["id"]) == ("ack", event["seq"], event["id"])
        who("DELETE", path + str(seq)).error(404, "not_found")
    admin("DELETE", path + "999").error(404, "not_found")
    for bad in ("0", "x", "-1"):
        admin("DELETE", path + bad).error(400, "bad_field")
    page = fine(admin("GET", f"/messages/{room}"))["messages"]
    assert [m["content"] for m in page if m["seq"] in seqs] == [""] * 3
    # whose own it was is nobody's business; the others are in the log
    entries = fine(admin("GET", f"/audit?room={room}"))["audit"]
    deleted = [(e["actor"], e["who"], e["detail"]) for e in entries if e["act"] == "delete"]
    assert deleted == [("*", writer.name, str(seqs[2])), (owner.name, writer.name, str(seqs[1]))]


def test_acts_of_the_administrator_are_seen(site, admin, owner, room):
    made(owner, room)
    client = owner.device.connect(site, room)
    fine(admin("POST", f"/rooms/{room}", {"topic": "be nice"}))
    event = client.expect("message")
    assert (event["user"], event["act"], event["topic"]) == ("*", "topic", "be nice")


def test_the_administrator_is_no_person(site, admin, new):
    admin("POST", "/invitations", {"code": "x"}).error(403, "account_needed")
    admin("GET", "/devices").error(401, "bad_token")
    client = Client(site)
    client.send("hello", token=TOKEN)
    assert client.expect("error")["code"] == "bad_token"
    client.close()


@pytest.mark.parametrize("token", [WRONG, TOKEN[:-1], TOKEN + "x", "x", "x" * 4000])
def test_another_token(site, token):
    reply = ask(site, "GET", "/audit", None, token)
    reply.error(401, "bad_admin_token")
    assert reply.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_a_server_without_an_administrator(plain):
    ask(plain, "GET", "/audit", None, TOKEN).error(403, "admin_off")
    ask(plain, "GET", "/rooms", None, "x").error(403, "admin_off")
    ask(plain, "GET", "/audit").error(401, "login_required")


def test_guesses_are_limited_per_address(own_redis, start):
    redis = own_redis()
    server = start(redis, ADMIN_TOKEN=TOKEN, LOGIN_LIMIT_ADDRESS=3)
    for _ in range(5):
        fine(ask(server, "GET", "/rooms", None, TOKEN))  # a right one counts for nothing
    for _ in range(3):
        ask(server, "GET", "/rooms", None, WRONG).error(401, "bad_admin_token")
    for token in (WRONG, TOKEN):  # or the limit would be none
        reply = ask(server, "GET", "/rooms", None, token)
        assert reply.error(429, "login_limited")["retry_after_ms"] > 0
        assert int(reply.headers["retry-after"]) > 0
    fine(ask(server, "GET", "/rooms"))  # others may
    assert redis.client.get("confab:login:addr:127.0.0.1") == "3"
    stats = server.stats()["counters"]
    assert (stats["logins_failed"], stats["logins_limited"]) == (3, 2)
    assert TOKEN not in server.log_text() and WRONG not in server.log_text()


def test_a_token_that_is_too_short(redis):
    from support.server import run

    code, _, log = run(REDIS_ADDR=redis.addr, ADMIN_TOKEN="s3cret-and-short")
    assert code != 0
    assert any("24 to 256" in line for line in log) and not any("s3cret" in line for line in log)


def test_redis_is_away(own_redis, start, room):
    redis = own_redis()
    server = start(redis, ADMIN_TOKEN=TOKEN)
    redis.kill()
    server.wait_health(503)
    for token in (TOKEN, WRONG):
        ask(server, "GET", "/audit", None, token).error(503, "unavailable")
    ask(server, "GET", f"/rooms/{room}").error(503, "unavailable")
    redis.start()
    server.wait_health(200)
    fine(ask(server, "GET", "/audit", None, TOKEN))
