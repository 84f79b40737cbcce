"""Every acknowledged message is in the archive's file exactly once, whatever dies, fills up, is
locked or damaged meanwhile; chat goes on, health tells, and nobody has to come."""

import json
import os
import random
import signal
import sqlite3

import pytest

from support.archive import Archive, SmallDisk, state, wait_state
from support.deadline import wait_for
from support.server import Server
from test_redis_trouble import say_until_accepted


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "archive")


@pytest.fixture
def keep(start, own_redis, archive):
    """Starts a server that writes `archive`, on one Redis of the test's own."""
    redis = own_redis()

    def keep(folder=archive.folder, **settings):
        return start(redis, ARCHIVE="sqlite", ARCHIVE_DIR=folder, **settings)

    keep.redis = redis
    return keep


def backlog(redis):
    return redis.client.xlen("confab:archive")


# ---- what is there


def test_off_by_default_with_a_redis_of_somebody_else(start, redis, connect, new, room):
    server = start(redis)
    assert state(server) == "off"
    connect(server, new.anna, room).say("hi")
    assert not redis.client.exists("confab:archive")
    assert [name for name in server.threads() if name.startswith("archive")] == []


def test_on_by_default_with_a_redis_of_its_own(connect, new, room, tmp_path):
    with Server(DATA_DIR=str(tmp_path / "data")) as server:
        server.wait_health(200)
        wait_state(server, "ok")
        anna = connect(server, new.anna, room)
        Archive(tmp_path / "data").check([anna.say("hi")])
        anna.close()


def test_a_message_is_in_the_file_within_a_second(keep, connect, new, room, archive):
    server = keep()
    wait_state(server, "ok")
    anna = connect(server, new.anna, room)
    ack = anna.say("hällo ✨")
    wait_for(lambda: not archive.lacks([ack]), "it is there", 1)
    [(stream, epoch, number, message)] = archive.messages()
    assert (stream, epoch, number) == (f"r:{room}", anna.epoch[room], 1)
    assert message == anna.expect("message")


def test_rooms_conversations_and_repeats(keep, connect, new, room, archive):
    server = keep()
    anna, bert = connect(server, new.anna, room), connect(server, new.bert, new.other)
    acks = anna.say_all([f"m{n}" for n in range(300)])
    acks += bert.say_all([f"b{n}" for n in range(50)])
    acks += [anna.tell(bert.user, "psst"), bert.tell(anna.user, "yes?")]
    again = [anna.say("once", cid="c"), anna.say("once", cid="c")]
    assert again[0]["id"] == again[1]["id"]
    archive.check(acks + again)
    assert len(archive.messages()) == len(acks) + 1
    names = {stream for stream, _, _, _ in archive.messages()}
    assert names == {f"r:{room}", f"r:{bert.room}", "d:" + "|".join(sorted([anna.user, bert.user]))}
    wait_for(lambda: backlog(keep.redis) == 0, "the stream is cut")
    stats = server.stats()["archive"]
    assert (stats["state"], stats["added"], stats["repeats"]) == ("ok", len(acks) + 1, 0)
    assert stats["behind"] == stats["rejected"] == stats["oldest_ms"] == 0


def test_two_instances_write_one_file(keep, connect, new, room, archive):
    servers = [keep(), keep()]
    wait_for(lambda: sorted(map(state, servers)) == ["ok", "standby"], "one writes")
    clients = [connect(server, new.anna, room) for server in servers for _ in range(2)]
    acks = [ack for _ in range(20) for client in clients for ack in [client.say("hi")]]
    archive.check(acks)
    writer, other = sorted(servers, key=state)
    writer.stop()
    wait_state(other, "ok")
    survivors = [client for client in clients if client.is_open]
    assert len(survivors) == 2
    archive.check(acks + [client.say("still here") for client in survivors])


def test_two_files_are_both_complete(keep, connect, new, room, archive, tmp_path):
    second = Archive(tmp_path / "second")
    a, b = keep(), keep(folder=second.folder)
    wait_state(a, "ok")
    wait_state(b, "ok")
    anna = connect(a, new.anna, room)
    acks = anna.say_all([f"m{n}" for n in range(100)])
    archive.check(acks)
    second.check(acks)
    wait_for(lambda: backlog(keep.redis) == 0, "the stream is cut")
    b.stop()
    acks += anna.say_all([f"n{n}" for n in range(100)])
    archive.check(acks)
    wait_state(a, "behind")  # somebody may look why
    assert backlog(keep.redis) > 0
    stats = a.stats()["archive"]
    seen = [int(s.split()[0]) for s in keep.redis.client.hvals("confab:archive:seen")]
    assert (stats["groups"], stats["silent_since_ms"]) == (2, min(seen))
    b = keep(folder=second.folder)
    second.check(acks)
    wait_state(a, "ok")
    assert backlog(keep.redis) == 0


def test_a_new_archive_starts_with_what_redis_has(keep, start, connect, new, room, archive):
    without = start(keep.redis)
    anna = connect(without, new.anna, room)
    acks = anna.say_all([f"m{n}" for n in range(60)]) + [anna.tell(new.bert, "psst")]
    server = keep()
    wait_state(server, "ok")
    archive.check(acks)


def test_what_cannot_be_read_is_put_aside(keep, connect, new, room, archive):
    server = keep()
    wait_state(server, "ok")
    client = keep.redis.client
    client.xadd("confab:archive", {"nonsense": "x"})
    client.xadd("confab:archive", {f"confab:{{room:{room}}}": 'm E 1\n{"no": "message"}'})
    client.xadd("confab:archive", {"!other": "x"})
    ack = connect(server, new.anna, room).say("hi")
    archive.check([ack])
    wait_for(lambda: server.stats()["archive"]["rejected"] == 3, "rejected")
    assert len(archive.query("SELECT * FROM rejected")) == 3
    wait_for(lambda: backlog(keep.redis) == 0, "the stream is cut")


# ---- the archiver dies


def test_killed_at_any_moment(keep, start, connect, new, room, archive):
    """Between reading, commit and acknowledgement, many times; the messages come by another one."""
    chat = start(keep.redis)
    anna = connect(chat, new.anna, room)
    dice = random.Random(5)
    acks = []
    for _ in range(12):
        server = keep()
        wait_state(server, "ok")
        acks += anna.say_all([f"m{n}" for n in range(dice.randrange(1, 200))])
        server.process.kill()
        server.wait_exit()
        acks += anna.say_all([f"n{n}" for n in range(dice.randrange(1, 20))])
    server = keep()
    archive.check(acks)
    wait_for(lambda: backlog(keep.redis) == 0, "the stream is cut")
    group = keep.redis.client.xinfo_groups("confab:archive")[0]
    assert (group["pending"], group["consumers"]) == (0, 1)


def pending(redis):
    return redis.client.xinfo_groups("confab:archive")[0]["pending"]


def test_killed_between_reading_and_commit(keep, start, connect, new, room, archive):
    anna = connect(start(keep.redis), new.anna, room)
    server = keep()
    wait_state(server, "ok")
    with archive.locked("archive.write"):
        acks = anna.say_all([f"m{n}" for n in range(30)])
        wait_for(lambda: pending(keep.redis) > 0, "it has read them")
        server.process.kill()
        server.wait_exit()
    assert len(archive.lacks(acks)) == 30
    keep()
    archive.check(acks)


def test_killed_between_commit_and_acknowledgement(keep, start, connect, new, room, archive):
    """Redis is away when the commit is done, so the acknowledgement does not get through."""
    anna = connect(start(keep.redis), new.anna, room)
    server = keep()
    wait_state(server, "ok")
    with archive.locked("archive.write"):
        acks = anna.say_all([f"m{n}" for n in range(30)])
        wait_for(lambda: pending(keep.redis) > 0, "it has read them")
        read = pending(keep.redis)
        keep.redis.kill()
    wait_for(lambda: len(archive.messages()) >= read, "they are committed")
    server.process.kill()
    server.wait_exit()
    keep.redis.start()
    assert pending(keep.redis) >= read
    server = keep()
    wait_state(server, "ok")
    archive.check(acks)
    assert server.stats()["archive"]["repeats"] >= read
    wait_for(lambda: backlog(keep.redis) == 0, "the stream is cut")


def test_frozen_it_is_told_by_the_others_and_goes_on(keep, connect, new, room, archive):
    writer = keep()
    wait_state(writer, "ok")
    other = keep()
    wait_state(other, "standby")
    writer.process.send_signal(signal.SIGSTOP)
    try:
        acks = connect(other, new.anna, room).say_all([f"m{n}" for n in range(20)])
        wait_state(other, "behind")
        health = other.json("/api/v1/health")
        assert health["status"] == "ok" and health["archive"]["behind"] > 0
        assert health["archive"]["oldest_ms"] > 0 and health["archive"]["reason"]
    finally:
        writer.process.send_signal(signal.SIGCONT)
    archive.check(acks)
    wait_state(other, "standby")


def test_the_last_messages_before_a_stop_are_in_the_file(keep, connect, new, room, archive):
    server = keep()
    wait_state(server, "ok")
    anna = connect(server, new.anna, room)
    acks = anna.say_all([f"m{n}" for n in range(200)])
    server.stop()
    assert not archive.lacks(acks)


# ---- Redis dies


def test_redis_killed_and_back(keep, connect, new, room, archive):
    server = keep()
    wait_state(server, "ok")
    anna = connect(server, new.anna, room)
    acks = anna.say_all([f"m{n}" for n in range(100)])
    keep.redis.kill()
    wait_state(server, "no_redis")
    keep.redis.start()
    acks.append(say_until_accepted(anna, "back"))
    wait_state(server, "ok")
    archive.check(acks)


@pytest.mark.parametrize("how", ["flushall", "another"])
def test_redis_wiped(keep, connect, new, room, archive, how):
    """The archive has what Redis lost, and goes on with what Redis has now."""
    server = keep()
    wait_state(server, "ok")
    anna = connect(server, new.anna, room)
    acks = anna.say_all([f"m{n}" for n in range(50)])
    archive.check(acks)
    if how == "flushall":
        keep.redis.client.flushall()
    else:
        keep.redis.kill()
        keep.redis.wipe()
        keep.redis.start()
    acks += [say_until_accepted(anna, f"after {n}") for n in range(50)]
    wait_state(server, "ok")
    archive.check(acks)
    assert len({epoch for _, epoch, _, _ in archive.messages()}) == 2


def test_the_archive_has_what_redis_lost_and_gave_to_another(keep, connect, new, room, archive):
    """Number 2 was archived, lost by Redis before anybody saw it, and given out again."""
    server = keep()
    wait_state(server, "ok")
    anna = connect(server, new.anna, room)
    acks = [anna.say("1")]
    lost = anna.expect("message") | {"seq": 2, "id": "lost", "content": "never seen"}
    entry = f"m {anna.epoch[room]} 2\n{json.dumps(lost)}"
    keep.redis.client.xadd("confab:archive", {f"confab:{{room:{room}}}": entry})
    archive.check(acks + [{"id": "lost", "seq": 2}])
    acks.append(anna.say("2"))
    archive.check(acks + [{"id": "lost", "seq": 2}])


def test_a_key_in_the_way(keep, connect, new, room, archive):
    keep.redis.client.set("confab:archive", "x")
    server = keep()
    wait_state(server, "failing")
    anna = connect(server, new.anna, room)
    acks = [anna.say("unarchived for now")]
    keep.redis.client.delete("confab:archive")
    wait_state(server, "ok")
    archive.check(acks + [anna.say("archived")])


# ---- the file is in trouble


def test_disk_full(keep, connect, new, room, tmp_path):
    disk = SmallDisk(tmp_path / "disk")
    if not disk.is_possible():
        pytest.skip("no mount namespace for this user")
    server = keep(folder=disk.folder, launcher=disk.launcher)
    disk.look_into(server)
    wait_state(server, "ok")
    anna = connect(server, new.anna, room)
    acks = anna.say_all([f"m{n}" for n in range(20)])
    disk.check(acks)
    with disk.full():
        acks += anna.say_all(["x" * 2000 for _ in range(90)])
        wait_state(server, "full")
        acks += anna.say_all([f"while full {n}" for n in range(20)])
        assert server.health() == 200
    wait_state(server, "ok", timeout=40)
    disk.check(acks)


@pytest.mark.parametrize("how", ["write", "transaction"])
def test_locked_by_another_program(keep, connect, new, room, archive, how):
    server = keep()
    wait_state(server, "ok")
    anna = connect(server, new.anna, room)
    with archive.locked("archive.write") if how == "write" else archive.in_transaction():
        acks = anna.say_all([f"m{n}" for n in range(20)])
        wait_state(server, "locked")
        acks.append(anna.say("chat goes on"))
        assert server.health() == 200
    wait_state(server, "ok")
    archive.check(acks)


def test_archive_lock_held(keep, connect, new, room, archive):
    os.mkdir(archive.folder)
    with archive.locked("archive.lock"):
        server = keep(PRESENCE_TTL_S=6)  # names wait a third of it for what holds the lock
        wait_state(server, "standby")
        acks = connect(server, new.anna, room).say_all([f"m{n}" for n in range(20)])
    wait_state(server, "ok")
    archive.check(acks)


def test_damaged_while_it_runs(keep, connect, new, room, archive):
    """A page that cannot be read starts the repair; the writer's own cache would hide it."""
    server = keep()
    wait_state(server, "ok")
    anna = connect(server, new.anna, room)
    acks = anna.say_all([f"m{n}" for n in range(150)])
    archive.check(acks)
    archive.damage(0, 1 << 20)
    path = f"/api/v1/messages/{room}?limit=100&before=50"
    wait_for(lambda: server.request("GET", path).status == 503, "a page finds it")
    acks += anna.say_all([f"n{n}" for n in range(10)])
    archive.check(acks[-100:], timeout=40)  # what Redis has
    wait_state(server, "ok", timeout=40)
    assert server.health() == 200 and server.request("GET", path).status == 200


def test_damaged_under_a_writer_that_dies(keep, connect, new, room, archive):
    """Who takes over finds it; what Redis still has is there again."""
    writer, other = keep(), keep()
    wait_for(lambda: {state(writer), state(other)} == {"ok", "standby"}, "one writes")
    if state(other) == "ok":
        writer, other = other, writer
    anna = connect(other, new.anna, room)
    acks = anna.say_all([f"m{n}" for n in range(80)])
    archive.check(acks)
    archive.damage(0, 1 << 20)
    writer.process.kill()
    writer.wait_exit()
    acks += anna.say_all([f"n{n}" for n in range(10)])
    archive.check(acks, timeout=40)
    wait_state(other, "ok", timeout=40)
    assert other.health() == 200


def test_damaged_while_nobody_runs(keep, connect, new, room, archive):
    server = keep()
    wait_state(server, "ok")
    acks = connect(server, new.anna, room).say_all([f"m{n}" for n in range(80)])
    server.stop()
    archive.damage(100, 4000)
    server = keep()
    acks.append(connect(server, new.bert, room).say("hi"))
    archive.check(acks, timeout=40)
    wait_state(server, "ok", timeout=40)


def test_an_older_file_is_put_back(keep, connect, new, room, archive):
    server = keep()
    wait_state(server, "ok")
    anna = connect(server, new.anna, room)
    acks = anna.say_all([f"m{n}" for n in range(30)])
    archive.check(acks)
    backup = archive.path + ".backup"
    archive.query(f"VACUUM INTO '{backup}'")
    acks += anna.say_all([f"n{n}" for n in range(30)])
    archive.check(acks)
    server.stop()
    os.rename(backup, archive.path)
    for suffix in ("-wal", "-shm"):
        if os.path.exists(archive.path + suffix):
            os.unlink(archive.path + suffix)
    assert len(archive.lacks(acks)) == 30
    server = keep()
    wait_state(server, "ok")
    archive.check(acks)


def test_a_file_of_a_later_version_is_left_alone(keep, connect, new, room, archive):
    server = keep()
    wait_state(server, "ok")
    server.stop()
    db = sqlite3.connect(archive.path)
    version = db.execute("PRAGMA user_version").fetchone()[0]
    db.execute("PRAGMA user_version = 1000")
    db.close()
    server = keep()
    wait_state(server, "newer")
    acks = connect(server, new.anna, room).say_all([f"m{n}" for n in range(20)])
    assert backlog(keep.redis) > 0
    db = sqlite3.connect(archive.path)
    db.execute(f"PRAGMA user_version = {version}")
    db.close()
    wait_state(server, "ok", timeout=40)
    archive.check(acks)


def test_no_folder(keep, connect, new, room, archive):
    with open(archive.folder, "w", encoding="ascii"):
        pass
    server = keep()
    wait_state(server, "failing")
    acks = connect(server, new.anna, room).say_all([f"m{n}" for n in range(20)])
    assert server.health() == 200
    complaints = [line for line in server.log if "event=archive " in line and archive.folder in line]
    assert len(complaints) == 1, server.log_text()
    os.unlink(archive.folder)
    wait_state(server, "ok", timeout=40)
    archive.check(acks)
