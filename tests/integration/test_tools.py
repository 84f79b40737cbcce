"""The commands of the operator: export, import, backup, check, person, archive."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess

import pytest

from support.archive import Archive, wait_state
from support.deadline import seconds, wait_for
from support.process import spawn
from support.rest import Device
from support.server import BINARY

COMMANDS = ["export", "import", "backup", "check", "person", "archive"]


def environment(settings):
    env = {"PATH": os.environ["PATH"]}
    env |= {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
    return env | {name: str(value) for name, value in settings.items()}


def tool(*arguments, expect=0, **settings):
    """(standard output, standard error) of a command that ends with that status; None: any."""
    done = subprocess.run(
        [BINARY, *map(str, arguments)],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=seconds(60),
        check=False,
    )
    assert expect is None or done.returncode == expect, done.stderr
    return done.stdout, done.stderr


def export(folder, *arguments):
    """The lines of an export but its first, which has the time."""
    head, *lines = tool("export", *arguments, ARCHIVE_DIR=folder)[0].splitlines()
    assert json.loads(head)["confab"] == "export"
    return lines


def contents(lines):
    return [line["message"]["content"] for line in map(json.loads, lines) if "message" in line]


def line_of(n, room="general", **message):
    message = {
        "type": "message",
        "room": room,
        "seq": n,
        "id": f"id-{n}",
        "user": "anna",
        "content": f"text {n}",
        "timestamp": 1700000000000 + n,
        **message,
    }
    line = {"room": room, "epoch": "E", "kind": 0, "message": message}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "archive")


@pytest.fixture
def other(tmp_path):
    return Archive(tmp_path / "other")


@pytest.fixture
def keep(start, own_redis, archive):
    """Starts a server that writes `archive`, on one Redis of the test's own."""
    redis = own_redis()

    def keep():
        server = start(redis, ARCHIVE="sqlite", ARCHIVE_DIR=archive.folder)
        wait_state(server, "ok")
        return server

    keep.redis = redis
    return keep


@pytest.fixture
def filled(tmp_path):
    """An import file of as many messages as wanted, in two rooms."""

    def filled(count):
        path = tmp_path / "filled.jsonl"
        with open(path, "w", encoding="utf-8") as f:
            for room in ("general", "other"):
                f.writelines(line_of(n, room) + "\n" for n in range(1, count // 2 + 1))
        return path

    return filled


# ---- use


@pytest.mark.parametrize("command", COMMANDS)
def test_each_has_help(command):
    out, _ = tool(command, "--help")
    assert out.startswith(f"Usage: confab {command}")
    assert f"confab {command} " in tool("--help")[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "words"],
        ["export", "--since", "yesterday"],
        ["export", "--room", "a b"],
        ["export", "--room"],
        ["export", "--strict"],
        ["export", "--server-port", "x"],
        ["import"],
        ["import", "a", "b"],
        ["import", "-", "--resume"],
        ["backup"],
        ["check", "x"],
        ["person"],
        ["person", "praise", "anna"],
        ["person", "forget", "anna"],
        ["person", "export", "a|b"],
        ["archive"],
        ["archive", "drop", "0123456789abcdef"],
        ["archive", "list", "all"],
        ["check", "--version"],
        ["one", "two"],
    ],
)
def test_wrong_use(arguments):
    _, err = tool(*arguments, expect=2)
    assert err.startswith("confab: ") and err.count("\n") == 1


@pytest.mark.parametrize(
    "command", [["export"], ["backup", "x"], ["check"], ["person", "export", "a"]]
)
def test_no_archive(command, tmp_path):
    _, err = tool(*command, expect=1, ARCHIVE_DIR=tmp_path / "none")
    assert "none" in err and err.count("\n") == 1


# ---- export and import


def test_export_is_import_is_export(keep, connect, new, archive, other):
    server = keep()
    anna, bert = connect(server, new.anna, new.room), connect(server, new.bert, new.room)
    acks = anna.say_all([f"a{n} ✨ \\ \" \u0001" for n in range(120)]) + bert.say_all(["b"] * 30)
    acks += [anna.tell(bert.user, "psst"), bert.tell(anna.user, "ja?")]
    archive.check(acks)
    lines = export(archive.folder)
    assert json.loads(lines[-1]) == {"end": True, "count": len(acks)}
    file = other.folder + ".jsonl"
    with open(file, "w", encoding="utf-8") as f:
        f.write(tool("export", ARCHIVE_DIR=archive.folder)[0])
    _, err = tool("import", file, ARCHIVE_DIR=other.folder)
    assert err == f"{len(acks)} new, 0 there already, 0 broken\n"
    assert export(other.folder) == lines
    assert sorted(other.messages()) == sorted(archive.messages())
    _, err = tool("import", file, ARCHIVE_DIR=other.folder)
    assert err == f"0 new, {len(acks)} there already, 0 broken\n"
    assert export(other.folder) == lines
    # beside the server that writes it
    _, err = tool("import", file, ARCHIVE_DIR=archive.folder)
    assert err == f"0 new, {len(acks)} there already, 0 broken\n"
    assert export(archive.folder) == lines


def test_rooms_and_dates(other, tmp_path):
    file = tmp_path / "in.jsonl"
    times = {"one": 1700000000000, "two": 1700086400000, "three": 1700172800000}
    lines = [
        line_of(n, room, content=f"{room} {day}", timestamp=ms)
        for room in ("general", "other")
        for n, (day, ms) in enumerate(times.items(), 1)
    ]
    file.write_text("\n".join(lines) + "\n")
    tool("import", file, ARCHIVE_DIR=other.folder)
    assert contents(export(other.folder, "--room", "other")) == [f"other {day}" for day in times]
    assert len(contents(export(other.folder, "--room=other", "--room", "general"))) == 6
    assert contents(export(other.folder, "--room", "nowhere")) == []
    since = export(other.folder, "--since", "1700086400000", "--room", "general")
    assert contents(since) == ["general two", "general three"]
    day = export(other.folder, "--since=2023-11-15", "--until", "2023-11-16")
    assert contents(day) == ["general two", "other two"]


def test_broken_lines_are_named_and_left_out(other, tmp_path):
    file = tmp_path / "in.jsonl"
    lines = [
        line_of(1),
        "no JSON",
        line_of(2, seq=0),
        line_of(3, user="a b"),
        line_of(4, content="x" * 4097),
        line_of(5, timestamp=-1),
        '{"room":"general","epoch":"E","kind":0}',
        "[" * 70000,
        line_of(9, content='quotes " and \\" {}'),
        line_of(10)[:-5],
    ]
    file.write_text("\n".join(lines))
    _, err = tool("import", file, expect=1, ARCHIVE_DIR=other.folder)
    assert err.splitlines() == [
        "line 2: not JSON",
        "line 3: seq is not a number from 1 to 4294967295",
        "line 4: user is not a name",
        "line 5: content is not 1 to 4096 bytes of text",
        "line 6: timestamp is not a time in milliseconds",
        "line 7: message is not an object",
        "line 8: longer than 64 KiB",
        "line 10: the file ends within it",
        "2 new, 0 there already, 8 broken",
    ]
    assert contents(export(other.folder)) == ["text 1", 'quotes " and \\" {}']


def test_strict_ends_at_the_first_one(other, tmp_path):
    file = tmp_path / "in.jsonl"
    file.write_text("\n".join([line_of(1), "x", line_of(2)]))
    _, err = tool("import", file, "--strict", expect=1, ARCHIVE_DIR=other.folder)
    assert err.splitlines() == ["line 2: not JSON", "1 new, 0 there already, 1 broken"]
    assert contents(export(other.folder)) == ["text 1"]


def test_an_export_without_its_end_is_told(other, tmp_path):
    file = tmp_path / "in.jsonl"
    head = '{"confab":"export","v":1,"archive":"0123456789abcdef","at":1}'
    file.write_text("\n".join([head, line_of(1)]) + "\n")
    _, err = tool("import", file, expect=1, ARCHIVE_DIR=other.folder)
    assert "its last line is missing" in err
    file.write_text(head.replace('"v":1', '"v":9') + "\n")
    _, err = tool("import", file, expect=1, ARCHIVE_DIR=other.folder)
    assert err.startswith("line 1: an export of another version\n")


def kill_when(question, *arguments, **settings):
    """SIGKILL as soon as the answer is true."""
    process = spawn([BINARY, *map(str, arguments)], env=environment(settings),
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not question():
        pass
    process.kill()
    process.wait()
    return process.returncode


def size_of(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def test_an_import_that_was_killed_goes_on(other, filled):
    file = filled(30000)
    progress = f"{file}.progress"
    code = kill_when(lambda: os.path.exists(progress), "import", file, ARCHIVE_DIR=other.folder)
    assert code == -signal.SIGKILL
    with open(progress, encoding="ascii") as f:
        offset = int(f.read().split()[0])
    assert 0 < offset < os.path.getsize(file)
    _, err = tool("import", file, "--resume", ARCHIVE_DIR=other.folder)
    new, repeated = map(int, re.match(r"(\d+) new, (\d+) there already, 0 broken", err).groups())
    assert new + repeated == 30000
    assert not os.path.exists(progress)
    assert len(contents(export(other.folder))) == 30000


def test_an_export_that_was_killed_goes_on(other, filled, tmp_path):
    tool("import", filled(60000), ARCHIVE_DIR=other.folder)
    file = tmp_path / "out.jsonl"
    code = kill_when(lambda: size_of(file) > 100000, "export", "--resume", file,
                     ARCHIVE_DIR=other.folder)
    assert code == -signal.SIGKILL
    with open(file, "rb+") as f:
        f.truncate(os.path.getsize(file) - 7)  # within a line
    tool("export", "--resume", file, ARCHIVE_DIR=other.folder)
    with open(file, encoding="utf-8") as f:
        assert f.read().splitlines()[1:] == export(other.folder)
    _, err = tool("export", "--resume", file, ARCHIVE_DIR=other.folder)
    assert err.endswith("is complete\n")


def test_an_export_to_a_full_disk(other, filled):
    tool("import", filled(2000), ARCHIVE_DIR=other.folder)
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([BINARY, "export"], env=environment({"ARCHIVE_DIR": other.folder}),
                              stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and "No space left" in done.stderr


# ---- backup and check


def test_a_backup_while_a_server_writes(keep, connect, new, room, archive, tmp_path):
    server = keep()
    anna = connect(server, new.anna, room)
    acks = anna.say_all([f"m{n}" for n in range(100)])
    archive.check(acks)
    copy = tmp_path / "copy.db"
    speaking = [anna.say(f"s{n}") for n in range(20)]
    tool("backup", copy, ARCHIVE_DIR=archive.folder)
    speaking += [anna.say(f"t{n}") for n in range(20)]
    assert oct(os.stat(copy).st_mode & 0o777) == "0o600"
    assert not os.path.exists(f"{copy}.part")
    with sqlite3.connect(f"file:{copy}?mode=ro", uri=True) as db:
        [(count,)] = db.execute("SELECT count(*) FROM message")
    db.close()
    assert 100 <= count <= 120
    archive.check(acks + speaking)
    server.stop()
    for name in ("archive.db-wal", "archive.db-shm"):
        if os.path.exists(os.path.join(archive.folder, name)):
            os.unlink(os.path.join(archive.folder, name))
    shutil.copy(copy, os.path.join(archive.folder, "archive.db"))
    keep()
    archive.check(acks + speaking)  # the list in Redis has the last 100


def test_a_backup_takes_no_ones_place(other, filled, tmp_path):
    tool("import", filled(10), ARCHIVE_DIR=other.folder)
    file = tmp_path / "precious"
    file.write_text("precious")
    _, err = tool("backup", file, expect=1, ARCHIVE_DIR=other.folder)
    assert "File exists" in err and file.read_text() == "precious"
    itself = os.path.join(other.folder, "archive.db")
    tool("backup", itself, expect=1, ARCHIVE_DIR=other.folder)
    assert len(contents(export(other.folder))) == 10


def test_a_backup_to_a_full_disk_leaves_nothing(other, filled, tmp_path):
    tool("import", filled(2000), ARCHIVE_DIR=other.folder)
    small = tmp_path / "small"
    small.mkdir()
    mount = 'mount -t tmpfs -o size=64k none "$0" && "$@"; code=$?; ls -A "$0"; exit $code'
    launcher = ["unshare", "-rm", "sh", "-c", mount, str(small)]
    if subprocess.run([*launcher, "true"], check=False).returncode != 0:
        pytest.skip("user namespaces are forbidden here")
    done = subprocess.run([*launcher, BINARY, "backup", f"{small}/copy.db"], text=True, check=False,
                          env=environment({"ARCHIVE_DIR": other.folder}), capture_output=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "full" in done.stderr


def test_check_finds_damage_that_the_next_writer_repairs(keep, other, filled, start):
    tool("import", filled(4000), ARCHIVE_DIR=other.folder)
    other.damage(40960, 8192)
    tool("check", expect=1, ARCHIVE_DIR=other.folder)
    server = start(keep.redis, ARCHIVE="sqlite", ARCHIVE_DIR=other.folder)
    wait_state(server, "ok")
    out, _ = tool("check", expect=None, ARCHIVE_DIR=other.folder)
    assert out.endswith(" findings\n")


def test_check_finds_holes(other, filled):
    tool("import", filled(100), ARCHIVE_DIR=other.folder)
    out, _ = tool("check", ARCHIVE_DIR=other.folder)
    assert out == "100 messages, 0 findings\n"
    with sqlite3.connect(os.path.join(other.folder, "archive.db")) as db:
        db.execute("DELETE FROM message WHERE id & 4294967295 IN (7, 8)")
    db.close()
    out, _ = tool("check", expect=1, ARCHIVE_DIR=other.folder)
    assert out.splitlines()[:2] == [
        "r:general, epoch E: 2 of the numbers 1 to 50 are missing",
        "r:other, epoch E: 2 of the numbers 1 to 50 are missing",
    ]


def test_check_finds_a_wrong_index_and_rebuilds_it(other, filled):
    tool("import", filled(100), ARCHIVE_DIR=other.folder)
    with sqlite3.connect(os.path.join(other.folder, "archive.db")) as db:
        db.execute("UPDATE message SET json = json_set(json, '$.content', 'changed') WHERE id = "
                   "(SELECT min(id) FROM message)")
    db.close()
    _, err = tool("check", expect=1, ARCHIVE_DIR=other.folder)
    assert "archive.db" in err
    tool("check", "--rebuild-search", ARCHIVE_DIR=other.folder)
    out, _ = tool("check", ARCHIVE_DIR=other.folder)
    assert out == "100 messages, 0 findings\n"

# ---- persons


def bytes_of(folder):
    """Of all files of an archive."""
    return b"".join(open(os.path.join(folder, name), "rb").read() for name in os.listdir(folder))


def test_a_person_s_messages(keep, connect, new, room, archive):
    server = keep()
    anna, bert, cora = (connect(server, new.person, room) for _ in range(3))
    acks = [anna.say("anna says"), bert.say("bert says"), anna.tell(bert.user, "to bert")]
    acks += [bert.tell(anna.user, "to anna"), bert.tell(cora.user, "to cora")]
    archive.check(acks)
    settings = {"ARCHIVE_DIR": archive.folder, "REDIS_ADDR": keep.redis.addr}
    lines = tool("person", "export", anna.user, **settings)[0].splitlines()
    assert sorted(contents(lines[1:])) == ["anna says", "to anna", "to bert"]
    lines = tool("person", "export", cora.user, **settings)[0].splitlines()
    assert contents(lines[1:]) == ["to cora"]


def test_what_redis_has_of_a_person(keep, new, room, archive, tmp_path):
    """Account, devices, markers, rooms; and never a secret."""
    server = keep()
    anna, bert = Device.register(server, new.anna, label="phone"), Device.register(server, new.bert)
    phone, other = anna.connect(server, room), bert.connect(server, room)
    desk = Device.login(server, anna.name, label="desk")
    archive.check([other.tell(anna.name, "psst")])
    seq = phone.expect("private")["seq"]
    phone.send("read", to=bert.name, seq=seq)
    other.expect("read")
    settings = {"ARCHIVE_DIR": archive.folder, "REDIS_ADDR": keep.redis.addr}
    out, _ = tool("person", "export", anna.name, **settings)
    lines = [json.loads(line) for line in out.splitlines()]
    mine = [line for line in lines if "person" in line]
    assert mine == lines[1 : 1 + len(mine)] and {line["person"] for line in mine} == {anna.name}
    things = {}
    for line in mine:
        (kind,) = set(line) - {"person"}
        things.setdefault(kind, []).append(line[kind])
    assert things["account"][0]["created"] > 1.7e12
    assert {(d["id"], d["label"]) for d in things["device"]} == {(anna.id, "phone"), (desk.id, "desk")}
    (conversation,) = things["conversation"]
    assert (conversation["with"], conversation["read"]) == (bert.name, seq)
    redis = keep.redis.client
    secrets = [redis.hget(f"confab:device:{d.id}", "seed") for d in (anna, desk)]
    secrets.append(redis.hget(f"confab:account:{anna.name}", "hash"))
    assert all(secrets) and not any(secret in out for secret in secrets)
    file = tmp_path / "anna.jsonl"
    file.write_text(out)
    _, told = tool("import", str(file), ARCHIVE_DIR=archive.folder)
    assert told.startswith("0 new, 1 there already, 0 broken")


def test_nothing_of_nobody(keep, archive):
    keep()
    settings = {"ARCHIVE_DIR": archive.folder, "REDIS_ADDR": keep.redis.addr}
    lines = tool("person", "export", "nobody-at-all", **settings)[0].splitlines()
    assert json.loads(lines[1]) == {"person": "nobody-at-all", "account": None}
    assert len(lines) == 3


def test_no_word_of_a_forgotten_person_is_left(keep, connect, new, room, archive):
    server = keep()
    anna, bert = connect(server, new.anna, room), connect(server, new.bert, room)
    acks = [anna.say(f"xylophone{n} zither") for n in range(30)]
    acks += [anna.say_all(["zither"] * 100)[-1], bert.say("marimba")]
    # what looks like fields is text
    acks += [anna.say('zither","timestamp":1,"user":"x'), bert.say(f'"user":"{anna.user}" oboe')]
    acks += [anna.tell(bert.user, "bassoon"), bert.tell(anna.user, "contrabass")]
    archive.check(acks)
    query = f"/api/v1/search?room={room}&q="
    wait_for(lambda: server.json(query + "xylophone7").get("results"), "it is searchable")
    assert b"xylophone" in bytes_of(archive.folder)
    settings = {"REDIS_ADDR": keep.redis.addr}
    anna.close()
    out, _ = tool("person", "forget", anna.user, "--yes", **settings)
    # of the room, its list has the last 100 to 119
    count = int(re.fullmatch(r"(\d+) messages in Redis were emptied; every archive has the order\n"
                             r"0 files were removed\n", out)[1])
    assert 100 <= count <= 120
    words = [b"xylophone", b"zither", b"bassoon"]
    wait_for(lambda: not any(w in bytes_of(archive.folder) for w in words), "they are gone", 20)
    everything = keep.redis.client.lrange(f"confab:{{room:{room}}}:history", 0, -1)
    assert not any("zither" in text for text in everything)
    assert b"marimba" in bytes_of(archive.folder) and b"contrabass" in bytes_of(archive.folder)
    assert any("oboe" in text for text in everything)
    archive.check([acks[-5], acks[-3], acks[-1]])
    # the page from the list and the one from the file are the same bytes, without a hole
    late = connect(server, new.cora, room)
    assert [m["seq"] for m in late.history["messages"]] == list(range(34, 134))
    stored = {n: m for s, _, n, m in archive.messages() if s == f"r:{room}"}
    assert [stored[m["seq"]] for m in late.history["messages"]] == late.history["messages"]
    gone = late.history["messages"][0]
    assert (gone["user"], gone["content"], gone["deleted"]) == ("(deleted)", "", True)
    assert "results" in server.json(query + "marimba")
    assert server.json(query + "zither")["results"] == []


def test_an_account_of_a_forgotten_person_ends(keep, new):
    keep()
    redis, user = keep.redis.client, new.anna
    redis.hset(f"confab:account:{user}", mapping={"version": "5", "fold1": "f1", "fold2": "f2"})
    redis.set("confab:registered:f1", user)
    redis.set("confab:registered:f2", "somebody else")
    redis.hset("confab:device:d", mapping={"user": user})
    redis.zadd(f"confab:{{user:{user}}}:devices", {"d": 1})
    out, _ = tool("person", "forget", user, "--yes", REDIS_ADDR=keep.redis.addr)
    assert out.startswith("the account ended; 0 messages")
    assert not redis.exists(f"confab:account:{user}", "confab:registered:f1", "confab:device:d")
    assert redis.get("confab:registered:f2") == "somebody else"
    again, _ = tool("person", "forget", user, "--yes", REDIS_ADDR=keep.redis.addr)
    assert again.startswith("0 messages")


def test_redis_that_does_not_answer(tmp_path):
    for command in (["person", "forget", "anna", "--yes"], ["archive", "list"]):
        _, err = tool(*command, expect=1, REDIS_ADDR=f"unix:{tmp_path}/none.sock")
        assert err.startswith("confab: ")


# ---- archives


def test_archives_of_a_redis(keep, connect, new, room, archive):
    server = keep()
    settings = {"REDIS_ADDR": keep.redis.addr}
    archive.check([connect(server, new.anna, room).say("hi")])
    line = re.compile(r"([0-9a-f]{16}) pending=0 last=\d+-\d+ seen=\d+ state=ok\n")
    listed = wait_for(lambda: line.match(tool("archive", "list", **settings)[0]), "it was there")
    identity = listed[1]
    with open(os.path.join(archive.folder, "archive.lock"), encoding="ascii") as f:
        assert f.read() == identity
    keep.redis.client.xgroup_create("confab:archive", "a:00000000000000aa", "0")
    assert len(tool("archive", "list", **settings)[0].splitlines()) == 2
    tool("archive", "drop", "00000000000000aa", "--yes", **settings)
    assert tool("archive", "list", **settings)[0].startswith(identity)
    _, err = tool("archive", "drop", "00000000000000aa", "--yes", expect=1, **settings)
    assert "there is no archive 00000000000000aa" in err
    server.stop()
    tool("archive", "drop", identity, "--yes", **settings)
    assert not keep.redis.client.exists("confab:archive")
    assert tool("archive", "list", **settings)[0] == ""


def test_archives_of_a_redis_of_ones_own(tmp_path):
    """It is started for the command, and stopped."""
    data = tmp_path / "data"
    assert tool("archive", "list", DATA_DIR=data)[0] == ""
    assert not os.path.exists(data / "redis.sock")
