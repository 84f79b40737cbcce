"""What an archive has of edits, deletions and reactions: what Redis' list says, byte for byte, and
every event once, whatever dies or fills up meanwhile."""

import json
import random
from urllib.parse import quote

import pytest

from support.archive import Archive, SmallDisk, wait_state
from support.deadline import wait_for
from test_tools import bytes_of, export, tool


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "archive")


@pytest.fixture
def keep(start, own_redis, archive):
    """Starts a server that writes `archive`, on one Redis of the test's own."""
    redis = own_redis()

    def keep(folder=archive.folder, **settings):
        settings = {"RATE_LIMIT_MESSAGES": 0, "ARCHIVE": "sqlite", **settings}
        return start(redis, ARCHIVE_DIR=folder, **settings)

    keep.redis = redis
    return keep


def act(client, kind, seq, **fields):
    """An edit, deletion or reaction about a message of the client's room; its acknowledgement."""
    cid = client.new_cid()
    client.send(kind, room=client.room, seq=seq, cid=cid, **fields)
    answer = client.expect(("ack", "error"), cid=cid)
    assert answer["type"] == "ack", answer
    return answer


def rows(archive, room):
    """number → JSON of a room, as the file has it."""
    return dict(
        archive.query(
            "SELECT message.id & 4294967295, json FROM message"
            " JOIN epoch ON epoch.id = message.id >> 32 JOIN stream ON stream.id = epoch.stream"
            f" WHERE stream.name = 'r:{room}' AND kind != 7"
        )
    )


def listed(redis, room):
    """number → JSON, as the list in Redis has it."""
    texts = redis.client.lrange(f"confab:{{room:{room}}}:history", 0, -1)
    return {json.loads(text)["seq"]: text for text in texts}


def reactions(server, room, seq):
    """Of a message that is older than the list."""
    page = server.json(f"/api/v1/messages/{room}?before={seq + 1}&limit=1")
    (message,) = page["messages"]
    assert message["seq"] == seq
    return message.get("reactions", {})


def check_same(archive, redis, room):
    """The file has what the list has, and events about a message are where they should be."""
    stored, there = rows(archive, room), listed(redis, room)
    assert there and {n: stored.get(n) for n in there} == there
    messages = {n: json.loads(text) for n, text in stored.items()}
    messages = {n: json.loads(text) for n, text in stored.items()}
    assert sorted(messages) == list(range(1, max(messages) + 1)), "a hole"
    events = [m for _, m in sorted(messages.items()) if "kind" in m]
    for seq, message in messages.items():
        about = [m for m in events if m["target"] == seq]
        edits = [m["seq"] for m in about if m["kind"] == "edit"]
        deletions = [m["seq"] for m in about if m["kind"] == "delete"]
        assert message.get("deleted") == (deletions or [message.get("deleted")])[0], message
        if not deletions and edits and "kind" not in message:
            assert message["edited"] == edits[-1], (message, edits)
    assert not archive.query("SELECT * FROM waiting")


def test_the_file_says_what_the_list_says(keep, connect, new, room, archive):
    server = keep()
    anna, bert = connect(server, new.anna, room), connect(server, new.bert, room)
    acks = anna.say_all(["one", 'two "," \\', "three", "four"])
    acks += [act(anna, "edit", 1, content="uno"), act(anna, "edit", 2, content='dos","timestamp":1')]
    acks += [act(anna, "edit", 1, content="ein"), act(anna, "delete", 3)]
    acks += [act(bert, "react", 4, emoji="👍"), act(bert, "react", 2, emoji='"')]
    acks += [act(anna, "react", 4, emoji="👍"), act(bert, "react", 4, emoji="👍", remove=True)]
    archive.check(acks)
    check_same(archive, keep.redis, room)
    stored = rows(archive, room)
    assert "uno" not in "".join(stored.values()) and "three" not in "".join(stored.values())
    anna.say_all([f"m{n}" for n in range(150)])
    assert reactions(server, room, 4) == {"👍": [anna.user]}
    assert reactions(server, room, 2) == {'"': [bert.user]}
    assert reactions(server, room, 1) == {}


def test_an_old_message_is_changed_through_the_archive(keep, start, connect, new, room, archive):
    """From the instance that has it, and from one that asks it."""
    server = keep()
    other = start(keep.redis, ARCHIVE="off", RATE_LIMIT_MESSAGES=0)
    anna = connect(server, new.anna, room)
    bert = connect(other, new.bert, room)
    acks = anna.say_all(["walrus", "narwhal"]) + [bert.say("dugong")]
    acks += anna.say_all([f"m{n}" for n in range(150)])
    archive.check(acks)
    wait_for(lambda: connect(other, new.cora).frames[0]["archive"], "an archive elsewhere", 15)
    acks = [act(anna, "edit", 1, content="seal"), act(anna, "delete", 2)]
    acks += [act(bert, "edit", 3, content="manatee"), act(bert, "react", 1, emoji="🌊")]
    archive.check(acks)
    check_same(archive, keep.redis, room)
    messages = server.json(f"/api/v1/messages/{room}?before=4")["messages"]
    assert [m["content"] for m in messages] == ["seal", "", "manatee"]
    assert [m.get("edited") for m in messages] == [154, None, 156]
    assert messages[1]["deleted"] == 155 and messages[0]["reactions"] == {"🌊": [bert.user]}
    cid = bert.new_cid()
    bert.send("edit", room=room, seq=1, content="mine", cid=cid)
    bert.expect_error("not_allowed", cid=cid)
    cid = bert.new_cid()
    bert.send("edit", room=room, seq=2, content="gone", cid=cid)
    bert.expect_error("not_found", cid=cid)


def test_a_search_finds_what_is_said_now(keep, connect, new, room, archive):
    server = keep()
    anna = connect(server, new.anna, room)

    def found(word):
        answer = server.json(f"/api/v1/search?room={room}&q={quote(word)}")
        return [r["message"]["content"] for r in answer["results"]] if not answer["behind"] else None

    anna.say_all(["walrus one", "walrus two"])
    wait_for(lambda: found("walrus") and len(found("walrus")) == 2, "both are found")
    act(anna, "edit", 1, content="narwhal")
    act(anna, "delete", 2)
    wait_for(lambda: found("narwhal") == ["narwhal"], "the new word is found")
    wait_for(lambda: found("walrus") == [], "the old ones are not")


def test_an_import_brings_it_all(keep, connect, new, room, archive, tmp_path):
    server = keep()
    anna = connect(server, new.anna, room)
    old = tmp_path / "old.jsonl"
    archive.check(anna.say_all(["one", "two", "three"]))
    old.write_text(tool("export", ARCHIVE_DIR=archive.folder)[0], encoding="utf-8")
    acks = [act(anna, "edit", 1, content="uno"), act(anna, "delete", 2)]
    acks += [act(anna, "react", 1, emoji="👍"), act(anna, "react", 3, emoji="👍")]
    acks += [act(anna, "react", 3, emoji="👍", remove=True)]
    archive.check(acks)
    new_file = tmp_path / "new.jsonl"
    new_file.write_text(tool("export", ARCHIVE_DIR=archive.folder)[0], encoding="utf-8")
    state = "SELECT id, kind, event, json, state FROM message ORDER BY id"
    for files in ([new_file], [old, new_file], [new_file, old, new_file]):
        other = Archive(tmp_path / "-".join(file.stem for file in files))
        for file in files:
            tool("import", file, ARCHIVE_DIR=other.folder)
        assert export(other.folder) == export(archive.folder)
        assert other.query(state) == archive.query(state)
        tool("check", ARCHIVE_DIR=other.folder)


def test_a_forgotten_person_s_events(keep, connect, new, room, archive):
    server = keep()
    anna, bert = connect(server, new.anna, room), connect(server, new.bert, room)
    acks = [anna.say("xylophone"), bert.say(f"oboe for @{anna.user}")]
    acks += [act(anna, "edit", 1, content="zither"), act(anna, "react", 2, emoji="🎻")]
    archive.check(acks)
    anna.close()
    tool("person", "forget", anna.user, "--yes", REDIS_ADDR=keep.redis.addr)
    words = ["xylophone", "zither", "🎻"]
    wait_for(lambda: not any(w.encode() in bytes_of(archive.folder) for w in words), "gone", 20)
    texts = "".join(listed(keep.redis, room).values())
    assert not any(word in texts for word in words)
    wait_for(lambda: rows(archive, room) == listed(keep.redis, room), "the same bytes")
    assert "oboe" in rows(archive, room)[2]


# ---- faults


def storm(client, dice, count):
    """So many messages and events at random; their acknowledgements."""
    acks = client.say_all([f"text {n}" for n in range(5)])
    mine = [ack["seq"] for ack in acks]
    gone = set()
    for n in range(count):
        seq = dice.choice([s for s in mine if s not in gone] or mine)
        what = dice.choice(["say", "edit", "edit", "react", "react", "delete"])
        if what == "say" or len(gone) == len(mine):
            acks.append(client.say(f"more {n}"))
            mine.append(acks[-1]["seq"])
        elif what == "edit":
            acks.append(act(client, "edit", seq, content=f"edit {n}"))
        elif what == "react":
            fields = {"remove": True} if dice.random() < 0.3 else {}
            acks.append(act(client, "react", seq, emoji=dice.choice("👍🎉"), **fields))
        else:
            acks.append(act(client, "delete", seq))
            gone.add(seq)
    return acks


def expected_reactions(archive, room):
    """number → set of (emoji, name), by the event log."""
    messages = [json.loads(text) for _, text in sorted(rows(archive, room).items())]
    out = {}
    for m in messages:
        if m.get("kind") == "react":
            pairs = out.setdefault(m["target"], set())
            (pairs.discard if m.get("remove") else pairs.add)((m["emoji"], m["user"]))
        elif m.get("kind") == "delete":
            out[m["target"]] = set()
    return {seq: pairs for seq, pairs in out.items() if pairs}


def stored_reactions(archive, room):
    """The same, as the rows have it."""
    out = {}
    for seq, state in archive.query(
        "SELECT message.id & 4294967295, state FROM message JOIN epoch ON epoch.id = message.id >> 32"
        f" JOIN stream ON stream.id = epoch.stream WHERE stream.name = 'r:{room}' AND state <> ''"
    ):
        lines = [line.split(" ", 2) for line in state.splitlines()]
        pairs = {(json.loads(e), json.loads(n)) for mark, n, e in lines if mark[0] == "+"}
        if pairs:
            out[seq] = pairs
    return out


def test_the_writer_is_killed_again_and_again(keep, start, connect, new, room, archive):
    chat = start(keep.redis, ARCHIVE="off", RATE_LIMIT_MESSAGES=0)
    anna = connect(chat, new.anna, room)
    dice = random.Random(7)
    server = keep()
    wait_state(server, "ok")
    acks = []
    for _ in range(8):
        acks += storm(anna, dice, dice.randrange(5, 25))
        server.process.kill()
        server.wait_exit()
        acks += storm(anna, dice, 5)
        server = keep()
    archive.check(acks)
    check_same(archive, keep.redis, room)
    assert stored_reactions(archive, room) == expected_reactions(archive, room)
    server.stop()
    tool("check", ARCHIVE_DIR=archive.folder)


def test_the_disk_is_full_meanwhile(keep, connect, new, room, tmp_path):
    disk = SmallDisk(tmp_path / "small")
    if not disk.is_possible():
        pytest.skip("no user namespaces here")
    server = keep(disk.folder, launcher=disk.launcher)
    disk.look_into(server)
    wait_state(server, "ok")
    anna = connect(server, new.anna, room)
    dice = random.Random(9)
    acks = storm(anna, dice, 20)
    with disk.full():
        acks += storm(anna, dice, 20)
        acks += anna.say_all(["x" * 4000] * 60)
        wait_state(server, "full")
        acks += storm(anna, dice, 20)
    wait_state(server, "ok", timeout=40)
    disk.check(acks)
    check_same(disk, keep.redis, room)
    assert stored_reactions(disk, room) == expected_reactions(disk, room)
