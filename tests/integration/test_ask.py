"""Instances without an archive get pages and searches from one that has it, through Redis."""

import json
import signal
import time
from urllib.parse import urlencode

import pytest

from support.deadline import seconds, wait_for

WITH = {"ARCHIVE": "sqlite"}
WITHOUT = {"ARCHIVE": "off", "ARCHIVE_DEADLINE_MS": 1000}


def rest(server, path, status=200, **query):
    response = server.request("GET", f"/api/v1/{path}?{urlencode(query)}")
    body = json.loads(response.body)
    assert response.status == status, body
    return body


def knows_of_one(server, connect, name):
    """It looks for archives when it has Redis and every few seconds."""
    wait_for(lambda: connect(server, name).frames[0]["archive"], "an archive elsewhere", 15)


@pytest.fixture
def world(own_redis, start, connect, new):
    """One instance with an archive of 300 messages in the den, one without."""
    redis = own_redis()
    keeper = start(redis, **WITH)
    client = connect(keeper, new.anna, "den")
    client.say_all([f"message {i}" for i in range(1, 301)])
    wait_for(lambda: keeper.stats()["counters"]["archive_added"] >= 300, "archived")
    wait_for(lambda: rest(keeper, "search", q="message", room="den")["behind"] == 0, "indexed")
    asker = start(redis, **WITHOUT)
    knows_of_one(asker, connect, new.watcher)
    return redis, keeper, asker


def test_pages_and_searches_come_from_the_one_that_has_them(world, connect, new):
    redis, keeper, asker = world
    for query in [{"before": 201}, {"after": 0}, {"at": 1}, {"before": 50, "limit": 7}]:
        assert rest(asker, "messages/den", **query) == rest(keeper, "messages/den", **query)
    one, other = (rest(s, "search", q="message 77", room="den") for s in (asker, keeper))
    assert one["results"] and one["results"] == other["results"]
    error = rest(asker, "search", 400, q='"', room="den")
    assert error["code"] == "bad_query"
    error = rest(asker, "messages/den", 400, before=5, epoch="nowhere")
    assert error["code"] == "bad_cursor"
    assert asker.stats()["counters"]["archive_asks"] > 0
    assert asker.stats()["counters"]["archive_asks_lost"] == 0


def test_a_client_walks_to_the_beginning_without_an_archive_near(world, connect, new):
    redis, keeper, asker = world
    client = connect(asker, new.ben, "den")
    pages = [client.history]
    while "older" in pages[-1]:
        cid = client.new_cid()
        client.send("history", room="den", cid=cid, **pages[-1]["older"])
        pages.append(client.expect("history", cid=cid))
    said = [m["content"] for page in reversed(pages) for m in page["messages"]]
    assert said == [f"message {i}" for i in range(1, 301)]


def test_what_may_be_read_is_decided_where_the_asker_is(world, connect, new):
    redis, keeper, asker = world
    client = connect(asker, new.ben, new.room)
    client.send("search", q="message", cid="c")
    assert client.expect("search", cid="c")["results"] == []
    client.send("search", q="message", room="den", cid="d")
    client.expect_error("not_joined", cid="d")


def test_one_that_does_not_answer_is_an_error_in_time(world, connect, new):
    redis, keeper, asker = world
    client = connect(asker, new.ben, "den")
    keeper.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        client.send("history", room="den", before=50, cid="c")
        error = client.expect_error("archive_unavailable", cid="c")
        assert error["temporary"] and error["retry_after_ms"] > 0
        assert 0.9 < time.monotonic() - began < seconds(3)
        rest(asker, "messages/den", 503, before=50)
    finally:
        keeper.process.send_signal(signal.SIGCONT)
    assert client.say("chat goes on")["seq"] == 301
    assert len(rest(asker, "messages/den", before=50)["messages"]) == 49
    assert asker.stats()["counters"]["archive_asks_lost"] == 2


def test_one_that_dies_is_followed_by_another(world, start, connect, new):
    redis, keeper, asker = world
    keeper.process.kill()
    keeper.process.wait()
    error = rest(asker, "messages/den", 503, before=50)
    assert error["code"] == "archive_unavailable"
    start(redis, **WITH, ARCHIVE_DIR=f"{keeper.folder}/data")
    page = wait_for(
        lambda: rest_or_none(asker, "messages/den", before=50), "the next one answers", 15
    )
    assert len(page["messages"]) == 49


def rest_or_none(server, path, **query):
    response = server.request("GET", f"/api/v1/{path}?{urlencode(query)}")
    assert response.status in (200, 503), response.body
    return json.loads(response.body) if response.status == 200 else None


def test_nobody_has_one(own_redis, start, connect, new):
    server = start(own_redis(), **WITHOUT)
    client = connect(server, new.anna, "den")
    client.say("hello")
    client.send("search", q="hello", cid="c")
    client.expect_error("archive_off", cid="c")
    assert rest(server, "search", 404, q="hello", room="den")["code"] == "archive_off"
    assert rest(server, "messages/den", before=1)["messages"] == []


def test_letters_that_nobody_wrote_are_no_trouble(world):
    """The mailbox is a channel: whoever has the password of Redis can write to it."""
    redis, keeper, asker = world
    for instance in (keeper.instance, asker.instance):
        for letter in ["", "a", "a 1", "a 1 x 1000\n", "a 1 x 1000\n{}", "a 1 x 1000\nnope",
                       "a -1 x 1000\n{}", "a 1 x 99999999999999999999\n{}", "r 1 1\n{}", "r 1",
                       "a 1 " + "y" * 40 + " 1000\n{}", "z 1 2\n3"]:  # fmt: skip
            redis.client.publish(f"confab:mail:{instance}", letter)
    assert len(rest(asker, "messages/den", before=50)["messages"]) == 49
    assert keeper.health() == asker.health() == 200
