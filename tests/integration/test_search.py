"""Search, as a client and a REST caller see it: ranked, highlighted, only what the asker may read,
and no syntax that could be abused."""

import json
from urllib.parse import urlencode

import pytest

from support.archive import wait_state
from support.deadline import wait_for
from support.redis import Redis
from support.rest import Device
from support.server import Server


@pytest.fixture(scope="module")
def keeper():
    with Redis() as redis, Server(redis, ARCHIVE="sqlite", RATE_LIMIT_MESSAGES=0) as server:
        server.wait_health(200)
        yield server


def rest(server, status=200, **query):
    query = urlencode({k: v for k, v in query.items() if v is not None})
    response = server.request("GET", f"/api/v1/search?{query}")
    assert response.status == status, response.body
    return json.loads(response.body)


def search(client, q, **fields):
    cid = client.new_cid()
    client.send("search", q=q, cid=cid, **fields)
    return client.expect(("search", "error"), cid=cid)


def indexed(server, count):
    """So many messages were archived, and all of them can be found."""
    wait_for(lambda: server.stats()["counters"]["archive_added"] >= count, f"{count} archived", 20)
    wait_for(lambda: rest(server, q="x", room="any")["behind"] == 0, "all can be found", 20)


@pytest.fixture
def talk(keeper, connect, new):
    """Says things in rooms of their own and waits until they can be found."""

    def talk(client, *texts, room=None):
        before = keeper.stats()["counters"]["archive_added"]
        acks = client.say_all(texts, room=room)
        indexed(keeper, before + len(texts))
        return acks

    return talk


def found(answer):
    assert answer["type"] == "search", answer
    return [result["message"]["content"] for result in answer["results"]]


def test_rest_with_a_token_covers_all_that_the_account_may_read(own_redis, start, connect, new):
    """Rooms that it joined, a private room that it is a member of, conversations; nothing else."""
    redis = own_redis()
    keeper = start(redis, ARCHIVE="sqlite")
    wait_state(keeper, "ok")
    anna, bert = Device.register(keeper, new.anna), Device.register(keeper, new.bert)
    joined, private, foreign = new.room, new.room, new.room
    for device, name in ((anna, private), (bert, foreign)):
        reply = device.ask(keeper, "POST", "/rooms", {"room": name, "access": "private"})
        assert reply.status == 201, reply.body
    a, b = anna.connect(keeper, joined), bert.connect(keeper, foreign)
    guest = connect(keeper, new.cora, joined)
    a.join(private)
    acks = [guest.say("okapi in joined"), a.say("okapi in private", room=private)]
    acks += [b.say("okapi in foreign"), b.tell(anna.name, "okapi for anna"), guest.tell(bert.name, "okapi")]
    assert all(ack["type"] == "ack" for ack in acks)
    mine = f"confab:{{user:{anna.name}}}:joined"
    redis.client.hset(mine, mapping={joined: 1, foreign: 1})  # which is not for her any more
    indexed(keeper, len(acks))

    def all_of(device, status=200):
        reply = device.ask(keeper, "GET", "/search?q=okapi")
        assert reply.status == status, reply.body
        return reply.body

    assert sorted(found(all_of(anna))) == ["okapi for anna", "okapi in joined", "okapi in private"]
    assert sorted(found(all_of(bert))) == ["okapi", "okapi for anna", "okapi in foreign"]
    with_bert = [r for r in all_of(anna)["results"] if "to" in r]
    assert [r["to"] for r in with_bert] == [bert.name]
    assert rest(keeper, 400, q="okapi")["field"] == "room"  # nobody in particular
    redis.client.hdel(mine, joined)
    assert sorted(found(all_of(anna))) == ["okapi for anna", "okapi in private"]
    assert anna.ask(keeper, "POST", "/logout", {"refresh_token": anna.refresh}).status < 300
    assert all_of(anna, 401)["code"] == "bad_token"  # the device has ended


def test_all_words_in_any_order_case_and_accent(keeper, connect, new, talk):
    anna = connect(keeper, new.anna, new.room)
    talk(anna, "green tea for breakfast", "black tea", "Grüner TÉA, green as grass", "coffee")
    assert sorted(found(search(anna, "TEA green", room=anna.room))) == [
        "Grüner TÉA, green as grass",
        "green tea for breakfast",
    ]
    assert found(search(anna, '"green tea"', room=anna.room)) == ["green tea for breakfast"]
    assert found(search(anna, "milk", room=anna.room)) == []


def test_results_are_ranked_and_say_where_the_words_are(keeper, connect, new, talk):
    anna = connect(keeper, new.anna, new.room)
    talk(anna, "tea once, and much else", "tea, tea and tea", "nothing")
    answer = search(anna, "tea", room=anna.room)
    assert found(answer) == ["tea, tea and tea", "tea once, and much else"]
    scores = [result["score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True) and scores[0] > scores[1]
    parts = answer["results"][0]["parts"]
    assert "".join(parts) == "tea, tea and tea"
    assert parts[1::2] == ["tea", "tea", "tea"]
    result = answer["results"][0]
    assert result["room"] == anna.room and result["epoch"] == anna.epoch[anna.room]
    assert answer["partial"] is False and answer["behind"] == 0 and answer["took_ms"] >= 0


def test_markup_stays_text(keeper, connect, new, talk):
    anna = connect(keeper, new.anna, new.room)
    text = '<script>alert("pwn")</script> & \x02hidden\x03'
    talk(anna, text)
    result = search(anna, "alert", room=anna.room)["results"][0]
    assert result["message"]["content"] == text
    assert "".join(result["parts"][0::2]).startswith("<script>")


def test_only_rooms_that_one_is_in_are_searched(keeper, connect, new, talk):
    room, den = new.room, new.den
    anna, ben = connect(keeper, new.anna, room), connect(keeper, new.ben, den)
    word = new.word.replace("-", "")
    talk(anna, f"{word} in public")
    talk(ben, f"{word} in the den")
    anna.tell(ben.user, f"{word} in private")
    talk(anna, "and something else")
    wait_for(lambda: len(found(search(ben, word))) == 2, "the private message is found")

    assert sorted(found(search(anna, word))) == [f"{word} in private", f"{word} in public"]
    assert sorted(found(search(ben, word))) == [f"{word} in private", f"{word} in the den"]
    result = next(r for r in search(ben, word)["results"] if "to" in r)
    assert result["to"] == anna.user and "room" not in result
    assert found(search(anna, word, to=ben.user)) == [f"{word} in private"]
    assert search(anna, word, room=den)["code"] == "not_joined"

    carl = connect(keeper, new.carl, room)
    assert found(search(carl, word)) == [f"{word} in public"]
    assert found(search(carl, word, to=anna.user)) == []
    anna.send("leave", room=room)
    anna.expect("left", room=room)
    assert found(search(anna, word)) == [f"{word} in private"]


def test_by_author_and_time(keeper, connect, new, talk):
    room = new.room
    anna, ben = connect(keeper, new.anna, room), connect(keeper, new.ben, room)
    first = talk(anna, "tea of anna")[0]["timestamp"]
    last = talk(ben, "tea of ben")[0]["timestamp"]
    assert found(search(anna, "tea", room=room, user=ben.user)) == ["tea of ben"]
    assert found(search(anna, "tea", room=room, user="nobody")) == []
    assert found(search(anna, "tea", room=room, since=first + 1)) == ["tea of ben"]
    assert found(search(anna, "tea", room=room, until=last)) == ["tea of anna"]
    assert found(search(anna, "tea", room=room, until=1)) == []


def test_pages_of_results_have_no_result_twice(keeper, connect, new, talk):
    anna = connect(keeper, new.anna, new.room)
    texts = [f"tea {i}" for i in range(45)]
    talk(anna, *texts)
    seen, cursor = [], None
    for _ in range(10):
        answer = search(anna, "tea", room=anna.room, limit=20, **({"cursor": cursor} if cursor else {}))
        seen += found(answer)
        cursor = answer.get("cursor")
        if cursor is None:
            break
    assert sorted(seen) == sorted(texts)
    first = search(anna, "tea", room=anna.room, limit=20)["cursor"]
    for other in [{"q": "coffee"}, {"q": "tea", "user": anna.user}, {"q": "tea", "since": 5}]:
        assert search(anna, other.pop("q"), room=anna.room, cursor=first, **other)["code"] == "bad_cursor"
    assert search(anna, "tea", cursor="0000")["code"] == "bad_cursor"


def test_a_cursor_of_somebody_else_shows_nothing_new(keeper, connect, new, talk):
    anna, ben = connect(keeper, new.anna, new.room), connect(keeper, new.ben, new.den)
    talk(anna, *[f"secret {i}" for i in range(30)])
    cursor = search(anna, "secret", limit=10)["cursor"]
    answer = search(ben, "secret", limit=10, cursor=cursor)
    assert answer["type"] == "error" or found(answer) == []


@pytest.mark.parametrize(
    "q",
    ['"', '""', "*", "a*", "NEAR(", "NEAR(a b, 2)", "content:tea", "author:p1", "a OR b", "NOT a",
     "-a", "^a", "'; DROP TABLE message; --", "a AND", "{a b}: c", "a + b", "(", "tea)", "%", "_",
     "\\", "☕", "a" * 256, "ß ẞ İ", "茶", "\u202e", "a\u0001b"],
)  # fmt: skip
def test_nothing_is_syntax(keeper, connect, new, room, q):
    anna = connect(keeper, new.anna, room)
    answer = search(anna, q, room=room)
    assert answer["type"] == "search" or answer["code"] == "bad_query", answer
    if answer["type"] == "search":
        assert answer["q"] == q and answer["results"] == []


def test_words_that_look_like_syntax_are_words(keeper, connect, new, talk):
    anna = connect(keeper, new.anna, new.room)
    talk(anna, "cats or dogs", "cats", "near the door", "tea*")
    assert found(search(anna, "cats OR dogs", room=anna.room)) == ["cats or dogs"]
    assert found(search(anna, "NEAR door", room=anna.room)) == ["near the door"]
    assert found(search(anna, "te*", room=anna.room)) == []


@pytest.mark.parametrize(
    "query, code, field",
    [
        ({}, "bad_field", "q"),
        ({"q": ""}, "bad_query", "q"),
        ({"q": "  "}, "bad_query", "q"),
        ({"q": "a" * 257}, "bad_query", "q"),
        ({"q": " ".join("abcdefghijklmnopq")}, "bad_query", None),
        ({"q": "a", "limit": 51}, "bad_field", "limit"),
        ({"q": "a", "limit": 0}, "bad_field", "limit"),
        ({"q": "a", "from": "yesterday"}, "bad_field", "from"),
        ({"q": "a", "to": "2026-02-30"}, "bad_field", "to"),
        ({"q": "a", "user": "a b"}, "bad_name", "user"),
        ({"q": "a", "cursor": "x y"}, "bad_cursor", "cursor"),
        ({"q": "a", "room": None}, "bad_field", "room"),
        ({"q": "a", "room": "a/b"}, "bad_room", "room"),
    ],
)
def test_rest_names_what_is_wrong(keeper, query, code, field):
    error = rest(keeper, 400, **{"room": "den", **query})
    assert error["code"] == code
    assert error.get("field") == field


def test_rest_answers_as_the_frame_does(keeper, connect, new, talk):
    anna = connect(keeper, new.anna, new.room)
    talk(anna, "tea at four")
    later = talk(anna, "coffee at five")[0]["timestamp"]
    answer = rest(keeper, q="tea", room=anna.room)
    frame = search(anna, "tea", room=anna.room)
    for one in (answer, frame):
        one.pop("took_ms"), one.pop("cid", None)
    assert answer["results"] and answer == frame
    day = "2020-01-01"
    assert found(rest(keeper, q="at", room=anna.room, **{"from": day, "user": anna.user}))
    assert found(rest(keeper, q="at", room=anna.room, to=later)) == ["tea at four"]


def test_without_an_archive_there_is_no_search(plain, connect, new, room):
    def told():
        """An instance of an earlier test may still be known to have one."""
        return connect(plain, new.anna, room).frames[0]["archive"]

    wait_for(lambda: told() is False, "nobody here has an archive", 60)
    anna = connect(plain, new.anna, room)
    assert search(anna, "tea")["code"] == "archive_off"
    assert rest(plain, 404, q="tea", room=room)["code"] == "archive_off"


def test_who_takes_a_name_gets_nothing_of_who_had_it(own_redis, start, connect, new):
    """Neither pages nor searches, neither as a guest nor with an account made of the name; what
    came since, they get."""
    redis = own_redis()
    server = start(redis, ARCHIVE="sqlite", NAME_HOLD_S=4, PRESENCE_TTL_S=3, RATE_LIMIT_MESSAGES=0)
    wait_state(server, "ok")
    anna = Device.register(server, new.anna).connect(server, new.room)
    bob = connect(server, new.bob, new.room, session="first")
    for i in range(110):  # more than Redis has: pages go on in the archive
        anna.tell(bob.user, f"heron {i}")
    indexed(server, 110)

    def history(client, **fields):
        cid = client.new_cid()
        client.send("history", to=anna.user, cid=cid, **fields)
        return client.expect("history", cid=cid)

    def pages(client):
        messages, cursor = [], {}
        while cursor is not None:
            page = history(client, **cursor)
            messages = [m["content"] for m in page["messages"]] + messages
            cursor = page.get("older")
        return messages

    def searched(client):
        return found(search(client, "heron"))

    assert len(pages(bob)) == 110 and len(searched(bob)) > 0
    bob.close()
    wait_for(lambda: not redis.client.exists(f"confab:name:{bob.user}"), "the name is free", 10)
    second = connect(server, bob.user, new.room, session="second")
    assert pages(second) == [] and searched(second) == []
    assert history(second, at=1)["messages"] == []
    anna.tell(bob.user, "heron of the second one")
    indexed(server, 111)
    assert pages(second) == searched(second) == ["heron of the second one"]

    account = Device.register(server, bob.user, session="second").connect(server, new.room)
    assert pages(account) == searched(account) == ["heron of the second one"]
