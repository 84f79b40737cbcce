"""Redis Sentinel says where Redis is: confab finds the master, follows it when it moves, and says
what is wrong when nobody knows it. With real replicas and real Sentinels."""

import signal
import socket
import threading

import pytest

from support.deadline import wait_for
from support.sentinel import NAME, Group, Sentinel
from support.server import run
from test_redis_trouble import one_to, say_until_accepted

UP = 20  # most seconds that a failover may take


@pytest.fixture
def group(request):
    g = Group()
    request.addfinalizer(g.close)
    return g


@pytest.fixture
def follow(start, group):
    """A server that is told Sentinels, by default the group's one."""

    def follow(*addresses, ready=True, **settings):
        addresses = addresses or [group.sentinel.addr]
        return start(None, ready=ready, REDIS_SENTINELS=",".join(addresses), **settings)

    return follow


@pytest.fixture
def sentinel(request):
    """Another Sentinel, which runs and watches nothing yet."""

    def sentinel(**options):
        s = Sentinel(**options)
        request.addfinalizer(s.close)
        s.start()
        return s

    return sentinel


def links(*servers):
    return sorted(f"{s.instance}-{name}" for s in servers for name in ("commands", "bus"))


def wait_moved(node, *servers):
    wait_for(lambda: node.used_by() == links(*servers), "all links are at the new master", UP)


def wait_status(client, state):
    return client.expect("status", state=state, timeout=UP)


def seen(client):
    """((epoch, number), message id) of everything that came, in order."""
    epoch = None
    for frame in list(client.frames):
        if frame.get("room") != client.room:
            continue
        if frame["type"] == "joined":
            epoch = frame["epoch"]
        elif frame["type"] == "history":
            yield from (((frame["epoch"], m["seq"]), m["id"]) for m in frame["messages"])
        elif frame["type"] == "message":
            yield (epoch, frame["seq"]), frame["id"]


def assert_one_message_per_number(*clients):
    """(epoch, number) names one message for ever, whoever saw it."""
    known = {}
    for client in clients:
        for key, message in seen(client):
            assert known.setdefault(key, message) == message, key


def test_finds_the_master(group, follow, connect, new, room):
    server = follow()
    assert group.nodes[0].used_by() == links(server)
    assert group.nodes[1].used_by() == []
    assert server.wait_log(event="redis_master")["addr"] == group.nodes[0].addr
    connect(server, new.anna, room).say("here")


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_master_dies_and_the_replica_has_it_all(group, follow, connect, new, room, how):
    """A frozen master cuts nobody off: there it is the Sentinel that says so."""
    old, other = group.nodes
    servers = follow(), follow()
    anna, ben = (connect(s, u, room) for s, u in zip(servers, (new.anna, new.ben)))
    anna.say_all([f"m{n}" for n in one_to(20)])
    again = anna.say("m21", cid="again")
    group.wait_in_sync()
    getattr(old, how)()
    for client in (anna, ben):
        wait_status(client, "degraded")
    assert say_until_accepted(ben, "m22")["seq"] == 22
    for client in (anna, ben):
        wait_status(client, "ok")
        client.expect("message", seq=22)
        assert client.seqs() == one_to(22)
    wait_moved(other, *servers)
    assert group.master() is other
    assert anna.say("m21", cid="again") == again | {"duplicate": True}
    late = connect(servers[0], new.late, room)
    assert late.epoch[room] == anna.epoch[room]
    assert [m["content"] for m in late.history["messages"]] == [f"m{n}" for n in one_to(22)]
    joined, history = late.join(room, epoch=anna.epoch[room], seq=20)
    assert (joined["recovered"], [m["seq"] for m in history["messages"]]) == (True, [21, 22])
    for server in servers:
        assert len(server.logged(event="redis_lost")) == 1, server.log_text()
    if how == "freeze":
        old.thaw()


def test_planned_failover(group, follow, connect, new, room):
    """The old master lives on and still takes writes until the Sentinel makes it a replica."""
    old, other = group.nodes
    servers = follow(), follow()
    anna, ben = (connect(s, u, room) for s, u in zip(servers, (new.anna, new.ben)))
    anna.say_all(["m1", "m2", "m3"])
    group.wait_in_sync()
    epoch = anna.epoch[room]
    group.sentinel.do("failover", NAME)
    wait_moved(other, *servers)
    assert old.used_by() == []
    assert say_until_accepted(ben, "m4")["seq"] == 4
    for client in (anna, ben):
        client.expect("message", seq=4)
        assert client.seqs() == one_to(4)
        assert client.epoch[room] == epoch


def test_planned_failover_during_a_conversation(group, follow, connect, new, room):
    """What the old master takes in after the replica was promoted is lost, as replication is
    asynchronous; then the room is in a new epoch, and nothing is shown as what it is not."""
    servers = follow(), follow()
    writers = [connect(s, new.writer, room) for s in servers]
    reader = connect(servers[0], new.reader, room)
    epoch = reader.epoch[room]
    acked, failures = [], []
    stop = threading.Event()

    def write(client):
        try:
            n = 0
            while not stop.is_set():
                acked.append(say_until_accepted(client, f"{client.user}:{n}")["id"])
                n += 1
        except AssertionError as e:
            failures.append(e)

    threads = [threading.Thread(target=write, args=(w,)) for w in writers]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: len(acked) > 50, "they write", 30)
        group.sentinel.do("failover", NAME)
        wait_moved(group.nodes[1], *servers)
        top = len(acked)
        wait_for(lambda: len(acked) > top + 50, "they write on", 30)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures
    acked.append(say_until_accepted(reader, "end")["id"])
    clients = [reader, *writers]
    for client in clients:
        wait_for(lambda c=client: acked[-1] in dict(seen(c)).values(), "the last one is there", UP)
    assert_one_message_per_number(*clients)
    for client in clients:
        if client.epoch[room] == epoch:
            assert client.seqs() == one_to(len(acked))
            assert {i for _, i in seen(client)} == set(acked)
        else:
            assert client.expect("joined", epoch=client.epoch[room])["recovered"] is False


def test_replica_that_lagged_is_promoted(group, follow, connect, new, room):
    """Acknowledged messages are gone. That must be seen, and their numbers must not come back
    under the same epoch."""
    old, other = group.nodes
    servers = follow(), follow()
    anna, ben = (connect(s, u, room) for s, u in zip(servers, (new.anna, new.ben)))
    anna.say_all(["kept1", "kept2"])
    group.wait_in_sync()
    epoch = anna.epoch[room]
    # A stopped replica still has in its socket what was sent to it: cut that, too.
    other.freeze()
    old.client.execute_command("CLIENT", "KILL", "TYPE", "replica")
    anna.say_all(["lost3", "lost4", "lost5"])
    for client in (anna, ben):
        client.expect("message", seq=5)
    old.kill()
    other.thaw()
    assert say_until_accepted(ben, "new")["seq"] == 3
    for client in (anna, ben):
        joined = client.expect("joined", epoch=lambda e: e != epoch, timeout=UP)
        assert joined["recovered"] is False
    back = connect(servers[0])
    back.hello(new.back, resume={room: {"epoch": epoch, "seq": 5}})
    joined, history = back.expect_joined(room)
    assert (joined["recovered"], joined["epoch"]) == (False, anna.epoch[room])
    assert [m["content"] for m in history["messages"]] == ["kept1", "kept2", "new"]
    anna.say_all(["n4", "n5", "n6"])
    for client in (anna, ben):
        client.expect("message", seq=6)
        assert client.epoch[room] == joined["epoch"]
    back.room = room
    back.expect("message", seq=6)
    assert_one_message_per_number(anna, ben, back)


def test_moved_there_and_back_unseen(group, follow, connect, new, room):
    """The same process is the master again, with the data of a replica that lagged."""
    old, other = group.nodes
    server = follow()
    anna, ben = connect(server, new.anna, room), connect(server, new.ben, room)
    anna.say_all(["kept1", "kept2"])
    group.wait_in_sync()
    epoch = anna.epoch[room]
    group.sentinel.do("remove", NAME)
    other.client.replicaof("NO", "ONE")
    anna.say_all(["lost3", "lost4", "lost5"])
    for client in (anna, ben):
        client.expect("message", seq=5)
    server.process.send_signal(signal.SIGSTOP)
    try:
        old.client.replicaof("127.0.0.1", other.port)
        wait_for(old.linked, "it has thrown its own data away")
        old.client.replicaof("NO", "ONE")
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert say_until_accepted(ben, "new")["seq"] == 3
    for client in (anna, ben):
        joined = client.expect("joined", epoch=lambda e: e != epoch, timeout=UP)
        assert joined["recovered"] is False
    assert_one_message_per_number(anna, ben)


def test_old_master_comes_back_as_a_replica(group, follow, connect, new, room):
    old, other = group.nodes
    server = follow()
    anna = connect(server, new.anna, room)
    anna.say("m1")
    group.wait_in_sync()
    old.kill()
    wait_moved(other, server)
    old.start()  # as the master that it was
    keys = old.client.dbsize()
    anna.say("m2")
    wait_for(lambda: old.role() == "slave", "the Sentinel has made it a replica", 30)
    wait_for(old.linked, "it has the new master's data")
    anna.say("m3")
    assert old.used_by() == [] and old.client.info("commandstats").get("cmdstat_evalsha") is None
    assert keys > 0 and group.nodes[1].used_by() == links(server)
    anna.expect("message", seq=3)
    assert anna.seqs() == one_to(3)
    # And back again, to the process that was the master before.
    group.wait_in_sync()
    wait_for(group.sentinel.good_replicas, "the Sentinel would promote it")
    group.sentinel.do("failover", NAME)
    wait_moved(old, server)
    assert say_until_accepted(anna, "m4")["seq"] == 4


def test_master_is_demoted_by_hand(group, follow, connect, new, room):
    """No connection breaks and no Sentinel says a word: the first write finds out."""
    old, other = group.nodes
    server = follow()
    anna = connect(server, new.anna, room)
    anna.say("m1")
    group.wait_in_sync()
    group.sentinel.do("remove", NAME)
    other.client.replicaof("NO", "ONE")
    old.client.replicaof("127.0.0.1", other.port)
    group.sentinel.watch(other)
    assert say_until_accepted(anna, "m2")["seq"] == 2
    assert "replica" in server.logged(event="redis_lost")[0]["error"], server.log_text()
    wait_moved(other, server)


def test_sentinel_that_names_a_replica_is_not_believed(group, follow, connect, new, room):
    """One with old news: ROLE tells, and it is asked again."""
    replica = group.nodes[1]
    group.sentinel.watch(replica, name="stale", down_after=60000)
    server = follow(ready=False, REDIS_MASTER_NAME="stale")
    assert "not a master" in server.wait_log(event="redis_lost")["error"]
    assert server.health() == 503
    replica.client.replicaof("NO", "ONE")
    server.wait_health(200, UP)
    connect(server, new.anna, room).say("here")


def test_no_sentinel_at_start(follow, sentinel, group, connect, new, room):
    late = sentinel()
    late.kill()
    server = follow(late.addr, ready=False)
    complaint = server.wait_log(event="redis_lost")
    assert complaint["error"].startswith("no sentinel answers") and late.addr in complaint["error"]
    body = server.wait_health(503)
    wait_for(lambda: "No Sentinel" in server.json("/api/v1/health")["reason"], "it says why")
    assert body["status"] == "degraded"
    assert len(server.logged(event="redis_lost")) == 1, server.log_text()
    late.start()
    late.watch(group.nodes[0])
    server.wait_health(200)
    connect(server, new.anna, room).say("here")


def test_no_sentinel_knows_the_name(group, follow, connect, new, room):
    server = follow(ready=False, REDIS_MASTER_NAME="chat")
    error = server.wait_log(event="redis_lost")["error"]
    assert error == "no sentinel knows a master named chat"
    wait_for(lambda: "name" in server.json("/api/v1/health")["reason"], "it says why")
    group.sentinel.watch(group.nodes[0], name="chat")
    server.wait_health(200)
    connect(server, new.anna, room).say("here")


@pytest.mark.parametrize("how", ["dead", "frozen", "ignorant", "mute"])
def test_second_sentinel_is_asked(group, follow, sentinel, connect, new, room, how, request):
    if how == "mute":  # takes connections and never says anything
        door = socket.create_server(("127.0.0.1", 0))
        request.addfinalizer(door.close)
        first = f"127.0.0.1:{door.getsockname()[1]}"
    else:
        other = sentinel()
        first = other.addr
        {"dead": other.kill, "frozen": other.freeze, "ignorant": int}[how]()
    server = follow(first, group.sentinel.addr)
    assert group.nodes[0].used_by() == links(server)
    group.wait_in_sync()
    group.nodes[0].kill()  # it follows the one that answers
    wait_moved(group.nodes[1], server)
    connect(server, new.anna, room).say("here")


def test_sentinel_dies_while_redis_works(group, follow, sentinel, connect, new, room):
    """Nothing happens but a line in the log; the other one is followed from then on."""
    watcher = sentinel()
    watcher.watch(group.nodes[0], down_after=60000)
    server = follow(watcher.addr)
    anna = connect(server, new.anna, room)
    watcher.kill()
    assert "no sentinel answers" in server.wait_log(event="redis_unwatched")["error"]
    anna.say("still here")
    assert server.health() == 200
    watcher.start()  # its configuration is on its disk
    wait_for(lambda: watcher.watchers() == 1, "it is watched again")
    assert len(server.logged(event="redis_unwatched")) == 1
    assert server.logged(event="redis_lost") == []


def test_password_of_the_sentinel(group, follow, sentinel, connect, new, room):
    guarded = sentinel(password="se cret")
    guarded.watch(group.nodes[0])
    server = follow(guarded.addr, REDIS_SENTINEL_PASSWORD="se cret")
    connect(server, new.anna, room).say("here")
    for settings, words in (
        ({}, ["refuses to answer without a password", "NOAUTH", "set REDIS_SENTINEL_PASSWORD"]),
        ({"REDIS_SENTINEL_PASSWORD": "x"}, ["refuses REDIS_SENTINEL_PASSWORD", "WRONGPASS"]),
    ):
        code, _, log = run(REDIS_SENTINELS=guarded.addr, **settings)
        assert code == 1
        assert all(word in log[-1] for word in words), log


def test_password_of_the_master(group, follow, connect, new, room):
    for node in group.nodes:
        node.client.config_set("masterauth", "secret")
        node.client.config_set("requirepass", "secret")
    group.sentinel.do("set", NAME, "auth-pass", "secret")
    code, _, log = run(REDIS_SENTINELS=group.sentinel.addr, REDIS_PASSWORD="wrong")
    assert code == 1
    assert group.nodes[0].addr in log[-1] and "REDIS_PASSWORD" in log[-1], log
    server = follow(REDIS_PASSWORD="secret")
    connect(server, new.anna, room).say("here")


def test_announced_names(group, follow, sentinel, connect, new, room):
    """A Sentinel may announce names, which are looked up like those of a setting."""
    named = sentinel(resolve_hostnames="yes", announce_hostnames="yes")
    named.watch(group.nodes[0], host="localhost")
    assert named.do("get-master-addr-by-name", NAME)[0] == "localhost"
    server = follow(f"localhost:{named.port}")
    assert server.logged(event="redis_master")[0]["addr"] == f"localhost:{group.nodes[0].port}"
    connect(server, new.anna, room).say("here")


def test_address_and_sentinels_exclude_each_other():
    code, _, log = run(REDIS_ADDR="127.0.0.1:6379", REDIS_SENTINELS="127.0.0.1:26379")
    assert code == 2
    assert "REDIS_ADDR and REDIS_SENTINELS" in log[-1]
