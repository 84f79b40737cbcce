"""Edits, deletions and reactions, as docs/PROTOCOL.md, "Events", has them. None of it depends on
pumps, so it runs once."""

import json
from urllib.parse import quote

import pytest

from support.deadline import wait_for
from support.server import Server

QUIET = {"RATE_LIMIT_MESSAGES": 0, "REGISTER_LIMIT_ADDRESS": 0}


@pytest.fixture(scope="module")
def instances(redis):
    with Server(redis, **QUIET) as a, Server(redis, **QUIET) as b:
        a.wait_health(200)
        b.wait_health(200)
        yield a, b


@pytest.fixture(scope="module")
def here(instances):
    return instances[0]


@pytest.fixture(scope="module")
def there(instances):
    return instances[1]


def act(client, type_, **fields):
    """The answer: ack or error."""
    cid = fields.setdefault("cid", client.new_cid())
    if "to" not in fields:
        fields.setdefault("room", client.room)
    client.send(type_, **fields)
    return client.expect(("ack", "error"), cid=cid)


def edit(client, message, content, **fields):
    return act(client, "edit", seq=message["seq"], id=message["id"], content=content, **fields)


def delete(client, message, **fields):
    return act(client, "delete", seq=message["seq"], id=message["id"], **fields)


def react(client, message, emoji, **fields):
    return act(client, "react", seq=message["seq"], id=message["id"], emoji=emoji, **fields)


def error(answer):
    return answer.get("code")


def stored(redis, room):
    """The list in Redis, oldest first."""
    found = redis.client.lrange(f"confab:{{room:{room}}}:history", 0, -1)
    return [json.loads(entry) for entry in reversed(found)]


def of(messages, seq):
    return next(m for m in messages if m["seq"] == seq)


def rest(server, room):
    return json.loads(server.request("GET", f"/api/v1/messages/{quote(room)}").body)["messages"]


def everywhere(redis, instances, connect, name, room):
    """The room's messages by every way to read them."""
    ways = [stored(redis, room)]
    for server in instances:
        client = connect(server, name, room)
        ways.append(client.history["messages"])
        client.send("history", room=room, cid="h")
        ways.append(client.expect("history", cid="h")["messages"])
        ways.append(rest(server, room))
        client.close()
    return ways


# ---- live


def test_an_edit_is_a_message_and_rewrites_what_is_kept(redis, instances, connect, new, room):
    here, there = instances
    anna, ben = connect(here, new.anna, room), connect(there, new.ben, room)
    first = anna.say('so "old"\\')
    answer = edit(anna, first, 'so "new",\\"content":"', cid="e1")
    assert answer["type"] == "ack" and answer["seq"] == first["seq"] + 1, answer
    for client in (anna, ben):
        event = client.expect("message", kind="edit")
        assert list(event) == [
            "type", "room", "seq", "id", "user", "kind", "target", "target_id", "content",
            "timestamp", "cid",
        ]  # fmt: skip
        assert event["target"] == first["seq"] and event["target_id"] == first["id"]
        assert event["content"] == 'so "new",\\"content":"' and event["user"] == anna.user
        assert event["seq"] == answer["seq"] and event["id"] == answer["id"]
    for messages in everywhere(redis, instances, connect, new.carl, room):
        message = of(messages, first["seq"])
        assert message["content"] == 'so "new",\\"content":"'
        assert message["edited"] == answer["seq"]
        assert message["id"] == first["id"] and message["timestamp"] == first["timestamp"]
        assert message["user"] == anna.user
        assert [m["seq"] for m in messages] == [first["seq"], answer["seq"]]


def test_a_deleted_text_stands_nowhere(redis, instances, connect, new, room):
    here, there = instances
    anna, ben = connect(here, new.anna, room), connect(there, new.ben, room)
    first = anna.say("secret-one")
    edit(anna, first, "secret-two")
    edit(anna, first, "secret-three")
    answer = delete(anna, first)
    event = ben.expect("message", kind="delete")
    assert event["content"] == "(deleted a message)" and event["target"] == first["seq"]
    for messages in everywhere(redis, instances, connect, new.carl, room):
        assert "secret" not in json.dumps(messages)
        message = of(messages, first["seq"])
        assert message["content"] == "" and message["deleted"] == answer["seq"]
        assert "edited" not in message
        assert len(messages) == 4


def test_an_edit_that_was_replaced_has_no_text(redis, instances, connect, new, room):
    anna = connect(instances[0], new.anna, room)
    first = anna.say("one")
    second = edit(anna, first, "two")
    third = edit(anna, first, "three")
    for messages in everywhere(redis, instances, connect, new.carl, room):
        assert [m["content"] for m in messages] == ["three", "", "three"]
        assert of(messages, first["seq"])["edited"] == third["seq"]
        assert of(messages, second["seq"])["deleted"] == third["seq"]


def test_reactions_come_as_events(redis, instances, connect, new, room):
    here, there = instances
    anna, ben = connect(here, new.anna, room), connect(there, new.ben, room)
    first = anna.say("tea?")
    before = stored(redis, room)
    react(ben, first, "👍🏽")
    event = anna.expect("message", kind="react")
    assert event["emoji"] == "👍🏽" and event["content"] == "👍🏽" and event["user"] == ben.user
    assert event["target_id"] == first["id"] and "remove" not in event
    react(ben, first, "👍🏽", remove=True)
    assert anna.expect("message", kind="react")["remove"] is True
    assert stored(redis, room)[0] == before[0]


def test_a_resume_brings_the_event(here, connect, new, room):
    anna, ben = connect(here, new.anna, room), connect(here, new.ben, room)
    first = anna.say("old")
    ben.expect("message")
    ben.close()
    answer = edit(anna, first, "new")
    again = connect(here)
    again.hello(ben.user, session=ben.session)
    joined, history = again.join(room, epoch=ben.epoch[room], seq=first["seq"])
    assert joined["recovered"] is True and joined["missed"] == 1
    assert [(m["seq"], m["kind"]) for m in history["messages"]] == [(answer["seq"], "edit")]


def test_a_load_brings_what_the_bus_did_not(redis, instances, connect, new, room):
    """The event is missed, and with it what it does to messages in the caches."""
    here, there = instances
    anna, ben = connect(here, new.anna, room), connect(there, new.ben, room)
    first = anna.say("secret")
    ben.expect("message")
    event = {**stored(redis, room)[0], "seq": first["seq"] + 1, "id": "by-hand", "kind": "delete"}
    event |= {"target": first["seq"], "target_id": first["id"], "content": "(deleted a message)"}
    message = {**stored(redis, room)[0], "content": "", "deleted": event["seq"]}
    key = f"confab:{{room:{room}}}"
    with redis.client.pipeline() as pipeline:  # what act.lua writes, but for PUBLISH
        pipeline.lset(f"{key}:history", 0, json.dumps(message))
        pipeline.lpush(f"{key}:history", json.dumps(event))
        pipeline.hset(f"{key}:meta", "seq", event["seq"])
        pipeline.execute()
    for client in (anna, ben):
        assert client.expect("message", kind="delete")["seq"] == event["seq"]
    for messages in everywhere(redis, instances, connect, new.carl, room):
        assert "secret" not in json.dumps(messages)


# ---- private


def test_both_sides_and_all_devices_get_private_events(redis, instances, connect, new, room):
    here, there = instances
    anna, ben = connect(here, new.anna, room), connect(there, new.ben, room)
    phone = connect(there, anna.user, new.room, session=anna.session)
    first = anna.tell(ben.user, "secret")
    edit(anna, first, "secret two", to=ben.user)
    answer = delete(anna, first, to=ben.user)
    for client in (anna, phone, ben):
        assert client.expect("private", kind="edit")["content"] == "secret two"
        event = client.expect("private", kind="delete")
        assert event["to"] == ben.user and event["user"] == anna.user
        assert event["target_id"] == first["id"] and event["seq"] == answer["seq"]
    ben.send("history", to=anna.user, cid="h")
    messages = ben.expect("history", cid="h")["messages"]
    assert "secret" not in json.dumps(messages)
    assert messages[0]["deleted"] == answer["seq"]
    assert error(react(ben, first, "+", to=anna.user)) == "not_found"
    second = anna.tell(ben.user, "tea?")
    assert react(ben, second, "+", to=anna.user)["type"] == "ack"
    event = anna.expect("private", kind="react")
    assert event["user"] == ben.user and event["to"] == anna.user


def test_only_the_author_touches_a_private_message(here, connect, new, room):
    anna, ben, carl = (connect(here, n, room) for n in (new.anna, new.ben, new.carl))
    first = anna.tell(ben.user, "mine")
    assert error(edit(ben, first, "yours", to=anna.user)) == "not_allowed"
    assert error(delete(ben, first, to=anna.user)) == "not_allowed"
    assert error(delete(carl, first, to=anna.user)) in ("not_found", "too_old")


def test_notes_to_oneself(here, connect, new, room):
    anna = connect(here, new.anna, room)
    first = anna.tell(anna.user, "old")
    edit(anna, first, "new", to=anna.user)
    anna.expect("private", kind="edit", content="new")
    anna.send("history", to=anna.user, cid="h")
    assert anna.expect("history", cid="h")["messages"][0]["content"] == "new"


# ---- rules


def test_a_cid_counts_once(redis, here, connect, new, room):
    anna = connect(here, new.anna, room)
    first = anna.say("old")
    answer = edit(anna, first, "new", cid="same")
    again = edit(anna, first, "newer", cid="same")
    assert again == {**answer, "duplicate": True}
    assert [m["content"] for m in stored(redis, room)] == ["new", "new"]


def test_others_may_react_but_not_edit_or_delete(redis, here, connect, new, room):
    anna, ben = connect(here, new.anna, room), connect(here, new.ben, room)
    first = anna.say("mine")
    assert error(edit(ben, first, "yours")) == "not_allowed"
    assert error(delete(ben, first)) == "not_allowed"
    assert react(ben, first, "+")["type"] == "ack"
    assert of(stored(redis, room), first["seq"])["content"] == "mine"


def test_a_window_that_is_over(redis, start, connect, new, room):
    server = start(redis, EDIT_S=0)
    anna = connect(server, new.anna, room)
    first = anna.say("old")
    assert error(edit(anna, first, "new")) == "too_old"
    assert delete(anna, first)["type"] == "ack"


def test_what_is_no_message_to_be_changed(here, connect, new, room):
    anna = connect(here, new.anna, room)
    first, second = anna.say("one"), anna.say("two")
    event = react(anna, first, "+")
    delete(anna, second)
    for target in (event, second, {"seq": 99, "id": first["id"]}, {**first, "id": second["id"]}):
        assert error(edit(anna, target, "x")) == "not_found", target
        assert error(delete(anna, target)) == "not_found", target
        assert error(react(anna, target, "+")) == "not_found", target


def test_one_has_to_be_in_the_room(here, connect, new, room):
    anna = connect(here, new.anna, room)
    first = anna.say("mine")
    anna.send("leave", room=room)
    anna.expect("left")
    assert error(delete(anna, first)) == "not_joined"


def test_a_guest_has_no_say_in_what_a_namesake_wrote(redis, start, connect, new, room):
    server = start(redis, NAME_HOLD_S=1)
    anna = connect(server, new.anna, room, session="one")
    first = anna.say("of the first one")
    anna.close()
    wait_for(lambda: not redis.client.exists(f"confab:name:{anna.user}"), "the name is free")
    second = connect(server, anna.user, room, session="two")
    assert error(edit(second, first, "of the second one")) == "not_allowed"
    assert error(delete(second, first)) == "not_allowed"
    assert react(second, first, "+")["type"] == "ack"
    own = second.say("own")
    assert edit(second, own, "owner")["type"] == "ack"


def test_events_count_in_the_rate_limit(redis, start, connect, new, room):
    server = start(redis, RATE_LIMIT_MESSAGES=3, RATE_LIMIT_WINDOW_S=60)
    anna = connect(server, new.anna, room)
    first = anna.say("one")
    assert react(anna, first, "+", cid="same")["type"] == "ack"
    assert edit(anna, first, "two")["type"] == "ack"
    answer = delete(anna, first)
    assert error(answer) == "rate_limited" and answer["retry_after_ms"] > 0
    assert react(anna, first, "+", cid="same")["duplicate"] is True


@pytest.mark.parametrize("type_", ["edit", "delete", "react"])
def test_wrong_fields(here, connect, new, room, type_):
    anna = connect(here, new.anna, room)
    first = anna.say("one")
    good = {"seq": first["seq"], "content": "x", "emoji": "+"}
    wrong = [("seq", 0), ("seq", -1), ("seq", "1"), ("seq", None), ("id", ""), ("id", "a b")]
    wrong += [("room", ""), ("to", anna.user)]
    if type_ == "react":
        wrong += [("emoji", e) for e in ("", " ", "a b", "\n", "\u2028", "x" * 65, "\u200b", 7)]
        wrong += [("remove", 1)]
    for field, value in wrong:
        answer = act(anna, type_, **{**good, field: value, "room": room if field != "room" else ""})
        assert error(answer) in ("bad_field", "bad_room"), (field, value, answer)
        assert answer["field"] == field
    if type_ == "edit":
        assert error(edit(anna, first, " ")) == "bad_content"
        assert error(edit(anna, first, "x" * 4097)) == "bad_content"


# ---- what the list has no longer


def test_an_old_message_is_too_old_without_an_archive(here, connect, new, room):
    anna = connect(here, new.anna, room)
    first = anna.say("old")
    anna.say_all([f"m{i}" for i in range(130)])
    assert error(edit(anna, first, "new")) == "too_old"
    assert error(react(anna, first, "+")) == "too_old"


def test_an_old_message_is_found_in_an_archive(own_redis, start, connect, new, room):
    redis = own_redis()
    keeper = start(redis, ARCHIVE="sqlite")
    beside = start(redis)
    anna, ben = connect(keeper, new.anna, room), connect(beside, new.ben, room)
    first = anna.say("old")
    acks = anna.say_all([f"m{i}" for i in range(130)])
    wait_for(lambda: keeper.stats()["counters"]["archive_added"] >= len(acks) + 1, "archived", 20)
    assert error(edit(ben, first, "mine")) == "not_allowed"
    assert error(edit(anna, {**first, "id": "another"}, "new")) == "not_found"
    assert react(ben, first, "+")["type"] == "ack"
    answer = edit(anna, first, "new")
    event = ben.expect("message", kind="edit")
    assert event["target"] == first["seq"] and event["target_id"] == first["id"]
    assert event["seq"] == answer["seq"]
