"""Without REDIS_ADDR: one redis-server per DATA_DIR, whoever started it, however they end."""

import os
import shutil
import signal
import stat
from datetime import datetime

import pytest

from support.deadline import wait_for
from support.private import DataDir, is_running
from support.server import Server, run


@pytest.fixture
def data():
    d = DataDir()
    yield d
    d.close()


def start(data, wait=True, **settings):
    return Server(DATA_DIR=data.path, wait=wait, **settings)


def kill(server):
    server.process.kill()
    server.process.wait()
    server.destroy()


def test_starts_and_stops_with_the_only_instance(data):
    with start(data):
        pid = data.wait_pid()
        assert stat.S_IMODE(os.stat(data.path).st_mode) == 0o700
        assert stat.S_ISSOCK(os.stat(os.path.join(data.path, "redis.sock")).st_mode)
        config = data.client.config_get("*")
        assert config["dir"] == os.path.realpath(data.path)
        assert (config["port"], config["save"], config["appendonly"]) == ("0", "", "yes")
        assert (config["appendfsync"], config["maxmemory-policy"]) == ("everysec", "noeviction")
    data.wait_gone(pid)


def test_fsync_always(data):
    with start(data, REDIS_FSYNC="always"):
        assert data.client.config_get("appendfsync") == {"appendfsync": "always"}


def test_data_survives_a_restart(data):
    with start(data):
        data.client.set("kept", "yes")
    with start(data):
        assert data.client.get("kept") == "yes"


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_conversation_goes_on_after_a_restart_of_all(data, connect, new, room, how):
    """Nobody is left who could vouch for Redis, but the death of processes loses nothing."""
    with start(data) as server:
        anna = connect(server, new.anna, room)
        anna.say_all(["one", "two", "three"])
        anna.tell(new.ben, "psst")
        anna.close()
        if how == "kill":
            pid = data.wait_pid()
            kill(server)
            os.kill(pid, signal.SIGKILL)
            data.wait_gone(pid)
    with start(data) as server:
        server.wait_health(200)
        back = connect(server)
        back.hello(new.back, resume={room: {"epoch": anna.epoch[room], "seq": 1}})
        joined, history = back.expect_joined(room)
        assert (joined["recovered"], joined["missed"]) == (True, 2)
        assert [m["content"] for m in history["messages"]] == ["two", "three"]
        back.close()


def test_second_instance_uses_the_same_server(data):
    with start(data) as a:
        pid = data.wait_pid()
        with start(data) as b:
            assert data.wait_pid() == pid
            assert not b.logged(event="redis_start")
            a.stop()
            assert data.wait_pid() == pid
        data.wait_gone(pid)
        assert b.logged(event="redis_stop") and not a.logged(event="redis_stop")


def test_instances_that_start_at_once_start_one_server(data):
    servers = [start(data, wait=False) for _ in range(4)]
    try:
        for server in servers:
            server.wait_log(event="listening")
        assert sum(len(server.logged(event="redis_start")) for server in servers) == 1
        pid = data.wait_pid()
        for server in servers:  # all at once: the last one must still notice that it is
            server.process.send_signal(signal.SIGTERM)
        assert [server.wait_exit() for server in servers] == [0] * 4
        data.wait_gone(pid)
        assert sum(len(server.logged(event="redis_stop")) for server in servers) == 1
    finally:
        for server in servers:
            server.destroy()


def test_who_comes_while_the_last_one_leaves_gets_a_server(data):
    server = start(data)
    for _ in range(5):
        server.process.send_signal(signal.SIGTERM)
        follower = start(data)
        assert server.wait_exit() == 0
        server.destroy()
        data.client.set("alive", "yes")
        server = follower
    with server:
        pid = data.wait_pid()
    data.wait_gone(pid)


def test_a_server_that_dies_is_started_again(data):
    with start(data, REDIS_FSYNC="always") as server:
        first = data.wait_pid()
        data.client.set("kept", "yes")
        os.kill(first, signal.SIGKILL)
        second = data.wait_pid(other_than=first)
        assert data.client.get("kept") == "yes"
        ended = server.wait_log(event="redis_ended")
        assert (ended["pid"], ended["signal"]) == (str(first), "9")
        assert [line["pid"] for line in server.logged(event="redis_start")] == [str(first), str(second)]


def test_another_instance_takes_over_from_a_killed_one(data):
    a = start(data)
    first = data.wait_pid()
    with start(data) as b:
        kill(a)
        assert data.wait_pid() == first, "the server must outlive the instance that started it"
        os.kill(first, signal.SIGKILL)
        second = data.wait_pid(other_than=first)
        assert b.wait_log(event="redis_start")["pid"] == str(second)
    data.wait_gone(second)


def test_an_orphan_is_adopted_and_stopped(data):
    kill(start(data))
    pid = data.wait_pid()
    with start(data) as server:
        assert data.wait_pid() == pid
        assert not server.logged(event="redis_start")
    data.wait_gone(pid)


def test_a_stale_socket_and_pid_file_do_not_matter(data):
    server = start(data)
    pid = data.wait_pid()
    kill(server)
    os.kill(pid, signal.SIGKILL)
    data.wait_gone(pid)
    assert {"redis.sock", "redis.pid"} <= set(os.listdir(data.path))
    with start(data):
        data.wait_pid(other_than=pid)


def test_the_server_inherits_nothing_but_its_lock(data):
    inherited = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    try:
        with start(data) as server:
            pid = data.wait_pid()
            folder = f"/proc/{pid}/fd"
            files = {int(fd): os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder)}
            assert files[0] == "/dev/null"
            assert files[1] == files[2] == os.path.join(os.path.realpath(data.path), "redis.log")
            assert files[3] == os.path.join(os.path.realpath(data.path), "redis.lock")
            assert "/dev/null" not in [name for fd, name in files.items() if fd > 0]
            assert os.getsid(pid) == pid != os.getsid(server.process.pid)
    finally:
        os.close(inherited)


def test_a_server_that_does_not_stop_is_killed(data):
    with start(data) as server:
        pid = data.wait_pid()
        os.kill(pid, signal.SIGSTOP)
        server.stop(timeout=30)
        assert server.logged(event="redis_kill")
    assert not is_running(pid)


def test_a_folder_with_a_long_name():
    data = DataDir("/".join(["d" * 60] * 3))
    try:
        with start(data):
            pid = data.wait_pid()
        data.wait_gone(pid)
    finally:
        data.close()


def time_of(line):
    return datetime.fromisoformat(line["time"].rstrip("Z")).timestamp()


def test_starts_that_fail_come_at_growing_distances(data, tmp_path):
    program = tmp_path / "redis-server"
    program.symlink_to(shutil.which("redis-server"))
    with start(data, PATH=f"{tmp_path}:{os.environ['PATH']}") as server:
        pid = data.wait_pid()
        program.unlink()
        program.write_text("#!/bin/sh\nexit 3\n")
        program.chmod(0o755)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: len(server.logged(event="redis_ended", status="3")) >= 3, "three failures")
        times = [time_of(line) for line in server.logged(event="redis_start")[1:]]
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        assert gaps[0] >= 0.5 and gaps[1] >= 1, gaps

        program.unlink()
        program.symlink_to(shutil.which("redis-server"))
        data.wait_pid(other_than=pid)


def test_a_signal_ends_the_wait_for_a_server(data, tmp_path):
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    with start(data, wait=False, PATH=f"{tmp_path}:{os.environ['PATH']}") as server:
        pid = int(server.wait_log(event="redis_start")["pid"])
        server.stop()
        assert not server.logged(event="listening")
    assert not is_running(pid)


def only_line(log):
    """A start that fails says one line for people; it may stand behind events of the log."""
    lines = [line for line in log if line.startswith("confab: ")]
    assert len(lines) == 1, log
    return lines[0]


def test_redis_server_is_missing(data, tmp_path):
    code, _, log = run(DATA_DIR=data.path, PATH=str(tmp_path))
    assert code == 1
    assert only_line(log) == (
        "confab: redis-server is not installed: apt-get install redis-server, or name a Redis with "
        "REDIS_ADDR or --redis-addr."
    )


def test_redis_server_ends_at_once(data):
    with start(data):
        data.client.set("a", "b")
    manifest = os.path.join(data.path, "appendonlydir", "appendonly.aof.manifest")
    with open(manifest, "w", encoding="ascii") as f:
        f.write("nonsense\n")
    code, _, log = run(DATA_DIR=data.path)
    assert code == 1
    assert only_line(log) == (
        f"confab: confab's own Redis ended at once: {os.path.realpath(data.path)}/redis.log says why."
    )


@pytest.mark.parametrize("path", ["/proc/confab", "/dev/null", "/dev/null/data"])
def test_data_dir_is_not_writable(path):
    code, _, log = run(DATA_DIR=path)
    assert code == 1
    line = only_line(log)
    assert line.startswith(f"confab: DATA_DIR {path} ") and "--data-dir" in line
