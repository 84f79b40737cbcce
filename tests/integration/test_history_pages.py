"""History goes on where Redis' list of the latest 100 ends: every message once, in both directions,
by date, across epochs, and the same by frame and by REST."""

import itertools
import json
import time
from urllib.parse import quote, urlencode

import pytest

from support.deadline import wait_for
from support.redis import Redis
from support.server import Server

MANY = 3000
ARCHIVE = {"ARCHIVE": "sqlite", "RATE_LIMIT_MESSAGES": 0}


@pytest.fixture(scope="module")
def keeper():
    """An instance with an archive."""
    with Redis() as redis, Server(redis, **ARCHIVE) as server:
        server.wait_health(200)
        yield server


def archived(server, count):
    wait_for(lambda: server.stats()["counters"]["archive_added"] >= count, f"{count} archived", 20)


def rest(server, room, status=200, **query):
    query = urlencode({k: v for k, v in query.items() if v is not None})
    response = server.request("GET", f"/api/v1/messages/{quote(room)}?{query}")
    assert response.status == status, response.body
    return json.loads(response.body)


def ask(client, room, **fields):
    cid = client.new_cid()
    client.send("history", room=room, cid=cid, **fields)
    return client.expect(("history", "error"), cid=cid)


def walk(first, follow, way):
    """Pages from `first` on, as cursors lead; at most so many that a circle ends."""
    pages = [first]
    for _ in range(2 * MANY):
        cursor = pages[-1].get(way)
        if cursor is None:
            return pages
        pages.append(follow(**cursor))
    raise AssertionError("the cursors lead in a circle")


def contents(pages):
    return [m["content"] for page in pages for m in page["messages"]]


def backward(pages):
    return contents(reversed(pages))


def said(count, start=1):
    return [f"message {i}" for i in range(start, start + count)]


@pytest.fixture(scope="module")
def long_room(keeper):
    """A room with many messages, the last of them just said."""
    from support.client import Client

    client = Client(keeper, "writer", "long")
    client.expect("welcome")
    client.expect_joined("long")
    acks = client.say_all(said(MANY), room="long")
    yield client, acks
    client.close()


@pytest.mark.parametrize("limit", [7, 50, 100])
def test_back_to_the_beginning_and_forth_again(keeper, long_room, limit):
    client, acks = long_room
    newest = rest(keeper, "long", limit=limit)
    back = walk(newest, lambda **c: rest(keeper, "long", limit=limit, **c), "older")
    assert backward(back) == said(MANY)
    assert [m["seq"] for p in reversed(back) for m in p["messages"]] == [a["seq"] for a in acks]
    assert not any("missing" in page for page in back)
    assert all(len(page["messages"]) <= limit for page in back)
    assert all(page["more"] is ("older" in page) for page in back)

    first = rest(keeper, "long", limit=limit, after=0)
    forth = walk(first, lambda **c: rest(keeper, "long", limit=limit, **c), "newer")
    assert contents(forth) == said(MANY)


def test_frame_and_rest_answer_the_same(keeper, long_room):
    client, acks = long_room
    for cursor in [{}, {"before": 2000}, {"after": 2000}, {"before": 2950}, {"after": 2950},
                   {"before": 1}, {"after": MANY}, {"before": 0}, {"at": acks[1500]["timestamp"]},
                   {"at": 1}, {"before": 700, "epoch": client.epoch["long"]}]:  # fmt: skip
        frame = ask(client, "long", limit=20, **cursor)
        frame.pop("cid")
        assert frame == rest(keeper, "long", limit=20, **cursor), cursor


def test_by_date(keeper, long_room):
    client, acks = long_room
    times = [ack["timestamp"] for ack in acks]
    for at in [1, times[0], times[1500], times[1500] + 1, times[-5], times[-1]]:
        page = rest(keeper, "long", at=at, limit=10)
        expected = [i + 1 for i, ms in enumerate(times) if ms >= at][:10]
        assert [m["seq"] for m in page["messages"]] == expected, at
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(times[0] / 1000))
    page = rest(keeper, "long", at=at, limit=1)
    assert [m["seq"] for m in page["messages"]] == [1]
    assert rest(keeper, "long", at=times[-1] + 1)["messages"] == []
    assert rest(keeper, "long", at="2020-01-01", limit=3)["messages"][0]["seq"] == 1


def test_what_was_just_said_is_there_although_the_archive_is_behind(keeper, connect, new):
    """The list holds 100; the cursor right behind it asks for what was archived a moment ago."""
    client = connect(keeper, new.anna, new.room)
    client.say_all(said(400))
    oldest = rest(keeper, client.room)["messages"][0]["seq"]
    page = ask(client, client.room, before=oldest, limit=100)
    assert [m["seq"] for m in page["messages"]] == list(range(oldest - 100, oldest))
    assert "missing" not in page


def test_private_conversations_go_on_in_the_archive(keeper, connect, new):
    anna, ben = connect(keeper, new.anna), connect(keeper, new.ben)
    for text in said(150):
        anna.tell(ben.user, text)

    def page(**cursor):
        cid = ben.new_cid()
        ben.send("history", to=anna.user, cid=cid, limit=40, **cursor)
        return ben.expect("history", cid=cid)

    pages = walk(page(), page, "older")
    assert backward(pages) == said(150)
    assert all(p["to"] == anna.user for p in pages)
    carl = connect(keeper, new.carl)
    carl.send("history", to=anna.user, limit=40)
    assert carl.expect("history", to=anna.user)["messages"] == []


def test_joining_says_where_to_go_on(keeper, long_room, connect, new):
    client = connect(keeper, new.anna, "long")
    assert len(client.history["messages"]) == 100
    older = client.history["older"]
    assert older == {"epoch": client.epoch["long"], "before": MANY - 99}
    page = ask(client, "long", **older, limit=5)
    assert contents([page]) == said(5, MANY - 104)


@pytest.mark.parametrize(
    "query, field",
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "all"}, "limit"),
        ({"before": 1, "after": 1}, "after"),
        ({"after": 1, "at": 1}, "at"),
        ({"before": "x"}, "before"),
        ({"before": -1}, "before"),
        ({"at": "yesterday"}, "at"),
        ({"at": 1, "epoch": "e"}, "epoch"),
        ({"before": 5, "epoch": "a b"}, "epoch"),
    ],
)
def test_wrong_fields_are_named(keeper, query, field):
    error = rest(keeper, "long", 400, **query)
    assert (error["code"], error["field"]) == ("bad_field", field)


def test_a_cursor_of_another_room_is_refused(keeper, long_room, connect, new):
    client = connect(keeper, new.anna, new.room)
    client.say("hello")
    other = client.epoch[client.room]
    assert rest(keeper, "long", 400, before=50, epoch=other)["code"] == "bad_cursor"
    assert rest(keeper, "long", 400, before=50, epoch="nowhere")["code"] == "bad_cursor"
    client.join("long")
    assert ask(client, "long", before=50, epoch=other)["code"] == "bad_cursor"


def test_a_room_that_is_not_joined_is_not_read(keeper, long_room, connect, new):
    client = connect(keeper, new.anna, new.room)
    assert ask(client, "long", before=50)["code"] == "not_joined"


def test_numbers_beyond_the_archive_are_no_trouble(keeper, long_room):
    for before in [MANY + 1, 2**32, 2**32 + 1, 2**63 - 1]:
        page = rest(keeper, "long", before=before, limit=1)
        assert page["messages"][0]["seq"] == MANY and "missing" not in page
    for after in [2**32, 2**63 - 1]:
        assert rest(keeper, "long", after=after)["messages"] == []
    assert rest(keeper, "never-said", before=2**63 - 1)["messages"] == []


def test_two_epochs_are_one_walk(own_redis, start, connect, new):
    """Redis loses everything; the archive does not."""
    redis = own_redis()
    server = start(redis, **ARCHIVE)
    client = connect(server, new.anna, "den")
    client.say_all(said(250))
    archived(server, 250)
    redis.client.flushall()
    joined = client.expect("joined", room="den", recovered=False)
    client.say_all(said(250, 251))

    pages = walk(rest(server, "den", limit=30), lambda **c: rest(server, "den", limit=30, **c), "older")
    assert backward(pages) == said(500)
    epochs = [epoch for epoch, _ in itertools.groupby(page["epoch"] for page in pages)]
    assert epochs[0] == joined["epoch"] and len(epochs) == 2

    first = rest(server, "den", limit=30, at=1)
    forth = walk(first, lambda **c: rest(server, "den", limit=30, **c), "newer")
    assert contents(forth) == said(500)
    later = connect(server, new.ben, "den")
    walked = walk(later.history, lambda **c: ask(later, "den", **c), "older")
    assert backward(walked) == said(500)


def test_an_archive_that_is_ahead_of_redis_loses_nothing(own_redis, start, connect, new):
    """Redis comes back with what it had earlier: the numbers given out since belong to the old
    epoch alone, and what follows begins behind what Redis still knows."""
    redis = own_redis()
    server = start(redis, **ARCHIVE)
    client = connect(server, new.anna, "den")
    client.say_all(said(150))
    archived(server, 150)
    saved = redis.save_keys("confab:{room:den}:*")
    client.say_all(said(50, 151))
    archived(server, 200)
    redis.kill()
    redis.start_with(saved)
    server.wait_health(200, 20)
    client.expect("joined", room="den", recovered=False, timeout=20)
    client.say_all(said(50, 201))

    pages = walk(rest(server, "den", limit=40), lambda **c: rest(server, "den", limit=40, **c), "older")
    assert backward(pages) == said(250)


def test_pages_go_on_when_redis_is_away(own_redis, start, connect, new):
    redis = own_redis()
    server = start(redis, **ARCHIVE)
    client = connect(server, new.anna, "den")
    client.say_all(said(300))
    archived(server, 300)
    redis.stop()
    try:
        page = ask(client, "den", before=201, limit=50)
        assert contents([page]) == said(50, 151)
    finally:
        redis.cont()


def test_without_an_archive_the_list_is_all(own_redis, start, connect, new):
    server = start(own_redis())
    client = connect(server, new.anna, new.room)
    assert client.history["more"] is False
    client.say("one")
    page = rest(server, client.room, before=1)
    assert page["messages"] == [] and "older" not in page
    assert rest(server, client.room, 400, before=1, epoch="other")["code"] == "bad_cursor"
