"""Who did what to whom, when, by which instance: written with the act, read by those who may."""

import time

import pytest

from support.rest import Device, ask, register
from support.server import Server
from test_admin import TOKEN, fine

import conftest


@pytest.fixture(scope="module")
def site(redis):
    with Server(redis, **conftest.QUIET, ADMIN_TOKEN=TOKEN) as s:
        s.wait_health(200)
        yield s


@pytest.fixture
def owner(site, new):
    return Device.register(site, new.owner)


def log(server, token, query="", status=200):
    return fine(ask(server, "GET", f"/audit{query}", None, token), status)


def acts_of(entries):
    return [(e["actor"], e["act"], e["who"], e["detail"]) for e in reversed(entries)]


def test_each_act_is_written(site, start, redis, owner, room, new):
    helper = Device.register(site, new.helper)
    second = start(redis, ADMIN_TOKEN=TOKEN)
    villain = new.villain
    before = time.time() * 1000
    fine(owner.ask(site, "POST", "/rooms", {"room": room, "access": "private"}), 201)
    fine(owner.ask(site, "POST", f"/rooms/{room}/members/{helper.name}", {"role": "moderator"}))
    body = {"seconds": 60, "reason": 'he said "no"'}
    fine(helper.ask(second, "POST", f"/rooms/{room}/bans/{villain}", body))
    fine(ask(second, "DELETE", f"/rooms/{room}/bans/{villain}", None, TOKEN))
    code = fine(owner.ask(site, "POST", f"/rooms/{room}/invitations", {}), 201)["code"]
    fine(owner.ask(site, "DELETE", f"/rooms/{room}/invitations/{code}"))
    entries = log(site, owner.access, f"?room={room}")["audit"]
    assert acts_of(entries) == [
        (owner.name, "create", owner.name, "private"),
        (owner.name, "role", helper.name, "moderator"),
        (helper.name, "ban", villain, '60 he said "no"'),
        ("*", "unban", villain, ""),
        (owner.name, "invite", "", "1"),
        (owner.name, "uninvite", "", ""),
    ]
    here, there = site.json("/api/v1/health")["instance"], second.json("/api/v1/health")["instance"]
    assert [e["instance"] for e in reversed(entries)] == [here, here, there, there, here, here]
    assert {e["room"] for e in entries} == {room}
    times = [e["at"] for e in reversed(entries)]
    assert times == sorted(times) and before - 5000 < times[0] <= times[-1] < before + 60000
    assert code not in str(entries)


def test_what_was_refused_is_not_written(site, owner, room, new):
    other = Device.register(site, new.other)
    fine(owner.ask(site, "POST", "/rooms", {"room": room}), 201)
    other.ask(site, "POST", f"/rooms/{room}", {"topic": "mine"}).error(403, "not_allowed")
    owner.ask(site, "POST", f"/rooms/{room}/bans/{owner.name}", {"seconds": 1}).error(
        403, "not_allowed"
    )
    assert [e["act"] for e in log(site, owner.access, f"?room={room}")["audit"]] == ["create"]


def test_who_may_read_it(site, owner, room, new):
    helper, member, other = (Device.register(site, new.person) for _ in range(3))
    fine(owner.ask(site, "POST", "/rooms", {"room": room}), 201)
    for who, role in ((helper, "moderator"), (member, "member")):
        fine(owner.ask(site, "POST", f"/rooms/{room}/members/{who.name}", {"role": role}))
    query = f"/audit?room={room}"
    seen = [log(site, token, f"?room={room}") for token in (TOKEN, owner.access, helper.access)]
    assert seen[0] == seen[1] == seen[2] and len(seen[0]["audit"]) == 3
    for who in (member, other):
        who.ask(site, "GET", query).error(403, "not_allowed")
    ask(site, "GET", query).error(401, "login_required")
    # all of it is the administrator's alone
    owner.ask(site, "GET", "/audit").error(404, "not_found")
    assert {e["room"] for e in log(site, TOKEN)["audit"]} >= {room}
    # a room that nobody owns, and a private one of others, look the same
    owner.ask(site, "GET", f"/audit?room={new.room}").error(404, "not_found")
    fine(owner.ask(site, "POST", f"/rooms/{room}", {"access": "private"}))
    other.ask(site, "GET", query).error(404, "not_found")


def test_pages(site, owner, room):
    fine(owner.ask(site, "POST", "/rooms", {"room": room}), 201)
    for n in range(9):
        fine(owner.ask(site, "POST", f"/rooms/{room}", {"topic": f"topic {n}"}))
    fine(ask(site, "POST", f"/rooms/{room}", {"topic": "be nice"}, TOKEN))
    everything = log(site, owner.access, f"?room={room}")["audit"]
    assert len(everything) == 11 and [e["detail"] for e in everything[:2]] == ["be nice", "topic 8"]
    pages, before = [], ""
    while before is not None:
        page = log(site, owner.access, f"?room={room}&limit=4{before}")
        assert len(page["audit"]) <= 4
        pages += page["audit"]
        before = f"&before={page['next']}" if "next" in page else None
    assert pages == everything
    by_admin = log(site, owner.access, f"?room={room}&actor=*")["audit"]
    assert [e["detail"] for e in by_admin] == ["be nice"]
    by_owner = log(site, TOKEN, f"?room={room}&actor={owner.name}")["audit"]
    assert by_owner == everything[1:]


@pytest.mark.parametrize(
    "query,code,field",
    [
        ("limit=0", "bad_field", "limit"),
        ("limit=101", "bad_field", "limit"),
        ("before=yesterday", "bad_cursor", "before"),
        ("before=99999999999999999999-0", "bad_cursor", "before"),
        ("room=a%20b", "bad_room", "room"),
        ("actor=a%20b", "bad_name", "actor"),
        ("actor=%FF", "bad_name", "actor"),
    ],
)
def test_wrong_questions(site, query, code, field):
    assert ask(site, "GET", f"/audit?{query}", None, TOKEN).error(400, code)["field"] == field


def test_no_secret_is_ever_in_it(site, redis, owner, room):
    """What was shown with the acts, and what they made."""
    secrets = [TOKEN, owner.access, owner.refresh, redis.client.hget(f"confab:account:{owner.name}", "hash")]
    fine(owner.ask(site, "POST", "/rooms", {"room": room, "access": "private"}), 201)
    for _ in range(2):
        made = fine(owner.ask(site, "POST", f"/rooms/{room}/invitations", {"uses": -1}), 201)
        secrets.append(made["code"])
    other = Device(register(site, f"{owner.name}-x"), 201)
    fine(other.ask(site, "POST", "/invitations", {"code": secrets[-1]}))
    fine(owner.ask(site, "DELETE", f"/rooms/{room}/invitations/{secrets[-1]}"))
    stored = str(redis.client.xrange("confab:audit"))
    assert "invite" in stored and not [s for s in secrets if s in stored or s in site.log_text()]


def test_it_has_an_end(own_redis, start, new):
    """AUDIT_KEEP entries, and the rest is an archive's."""
    redis = own_redis()
    server = start(redis, AUDIT_KEEP=100, ADMIN_TOKEN=TOKEN)
    owner = Device.register(server, new.owner)
    fine(owner.ask(server, "POST", "/rooms", {"room": "tea"}), 201)
    for n in range(300):
        fine(owner.ask(server, "POST", "/rooms/tea", {"topic": str(n)}))
    assert 100 <= redis.client.xlen("confab:audit") < 250  # cut in pieces of a node
    assert log(server, TOKEN, "?limit=1")["audit"][0]["detail"] == "299"
