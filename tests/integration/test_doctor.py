"""`confab doctor` on a machine where all is well, and on ten where one thing is not."""

import json
import os
import shutil
import sys

import pytest

from support.lan import ADDRESSES, Lan, needs, needs_namespaces
from support.redis import Redis
from support.server import BINARY, Server

pytestmark = [
    needs_namespaces,
    needs("avahi-daemon", "dbus-daemon", "faketime", "iptables", "openssl", "setpriv", "prlimit"),
    pytest.mark.timeout(120),
    pytest.mark.xdist_group("doctor"),
]
HOST, PHONE = ADDRESSES
PORT = "8080"


class Machine:
    """A host with Avahi, a Redis that keeps its data, and a server that a phone has opened."""

    def __init__(self):
        self.lan = Lan()
        self.host = self.lan.host
        self.host.start_bus()
        self.host.start_avahi()
        resolver = os.path.join(self.lan.folder, "resolv.conf")
        with open(resolver, "w", encoding="ascii") as f:
            f.write(f"nameserver {PHONE}\noptions timeout:1 attempts:1\n")
        self.host.ok("mount", "--bind", resolver, "/etc/resolv.conf")
        self.redis = Redis(durable=True)
        self.data = os.path.join(self.lan.folder, "data")
        os.mkdir(self.data)
        self.server = self.host.serve(self.redis)
        assert "200 " in self.lan.phone.fetch(f"http://{HOST}:{PORT}/")

    def doctor(self, *arguments, launcher=(), **settings):
        env = {"REDIS_ADDR": self.redis.addr, "SERVER_PORT": PORT, "DATA_DIR": self.data}
        env |= {"ENV_FILE": "", **settings}
        return self.host.run(*launcher, BINARY, "doctor", *arguments, env=env)

    def findings(self, **options):
        done = self.doctor("--json", **options)
        found = json.loads(done.stdout)
        troubles = [c for c in found["checks"] if c["state"] != "ok"]
        states = [c["state"] for c in found["checks"]]
        assert (found["ok"], found["warnings"], found["failures"]) == tuple(
            states.count(state) for state in ("ok", "warning", "failure")
        )
        assert done.returncode == (1 if found["failures"] else 0), done.stderr
        assert all(c["command"] for c in troubles)
        assert all(c["command"] is None for c in found["checks"] if c["state"] == "ok")
        return {c["check"]: (c["state"], c["text"], c["command"]) for c in troubles}

    def close(self):
        self.server.__exit__(None)
        self.redis.close()
        self.lan.close()


@pytest.fixture(scope="module")
def machine():
    machine = Machine()
    try:
        yield machine
    finally:
        machine.close()


def only(found, check, state, text, command):
    assert list(found) == [check], found
    assert found[check][0] == state
    assert text in found[check][1] and command in found[check][2], found


def mending(finding):
    return finding[2].removeprefix("sudo ").split()


def test_all_is_well(machine):
    assert machine.findings() == {}
    done = machine.doctor()
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) > 12
    assert all(line.startswith("ok ") for line in lines)
    assert f"http://{HOST}:{PORT}/ answers" in done.stdout


def test_firewall_closed(machine):
    host = machine.host
    host.ok("iptables", "-A", "INPUT", "-i", "lo", "-j", "ACCEPT")
    host.ok("iptables", "-P", "INPUT", "DROP")
    try:
        found = machine.findings()
        assert list(found) == ["firewall", "mdns"]
        name = {"mdns": found.pop("mdns")}
        only(found, "firewall", "failure", f"{PORT}/tcp is closed", f" open --port {PORT}")
        host.ok(*mending(found["firewall"]))
        assert machine.findings() == name
        only(name, "mdns", "warning", "questions of other devices for confab.local", " --mdns")
        host.ok(*mending(name["mdns"]))
        assert machine.findings() == {}
        host.ok(*(word.replace("open", "close") for word in mending(name["mdns"])))
    finally:
        host.ok("iptables", "-P", "INPUT", "ACCEPT")
        host.ok("iptables", "-F", "INPUT")


def test_redis_down(machine):
    found = machine.findings(REDIS_ADDR="127.0.0.1:6399")
    only(found, "redis", "failure", "127.0.0.1:6399", "systemctl start redis-server")


def test_no_append_only_file(machine):
    with Redis() as forgetful:
        found = machine.findings(REDIS_ADDR=forgetful.addr)
        only(found, "kept", "failure", "keeps nothing on disk", "config set appendonly yes")
        machine.host.ok(*found["kept"][2].split())
        assert machine.findings(REDIS_ADDR=forgetful.addr) == {}
        forgetful.client.config_set("maxmemory", "100mb")
        forgetful.client.config_set("maxmemory-policy", "allkeys-lru")
        found = machine.findings(REDIS_ADDR=forgetful.addr)
        only(found, "memory", "failure", "allkeys-lru", "config set maxmemory-policy noeviction")


def certificate(machine, days, at="now"):
    folder = os.path.join(machine.data, "tls")
    os.makedirs(folder, exist_ok=True)
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-subj", "/CN=confab", "-days", str(days)]
    command += ["-keyout", f"{folder}/server.key", "-out", f"{folder}/server.crt"]
    machine.host.ok("faketime", at, *command)
    return folder


@pytest.mark.parametrize(
    "days, at, state, text",
    [
        (5, "-20 days", "failure", "expired 15 days ago"),
        (5, "-1 hour", "warning", "valid for"),
        (5, "+2 days", "failure", "not valid yet"),
    ],
)
def test_certificate(machine, days, at, state, text):
    folder = certificate(machine, days, at)
    for name in os.listdir(folder):  # openssl has made them at that time
        os.utime(os.path.join(folder, name))
    os.utime(machine.data)
    try:
        command = "timedatectl" if "yet" in text else "confab tls renew"
        only(machine.findings(), "tls", state, text, command)
    finally:
        shutil.rmtree(folder)


def test_bound_to_this_machine(machine):
    found = machine.findings(BIND="127.0.0.1")
    only(found, "bind", "warning", "only this machine", "confab --bind 0.0.0.0")


def test_address_of_another_machine(machine):
    found = machine.findings(BIND="10.9.9.9")
    assert found["bind"][0] == "failure" and "no address BIND=10.9.9.9" in found["bind"][1]


def test_port_taken(machine):
    code = "import socket; s = socket.create_server(('', 8090)); print('x', flush=True)\nt = s.accept()\nwhile 1: t[0].close(); t = s.accept()"
    other = machine.host.start(sys.executable, "-c", code, stdout=-1, text=True)
    assert other.stdout.readline() == "x\n"
    try:
        found = machine.findings(SERVER_PORT="8090")
        who = f"taken by {os.path.basename(sys.executable)} (process {other.pid})"
        only(found, "port", "failure", who, "confab --server-port 8091")
        found = machine.findings(SERVER_PORT="8090", launcher=NOBODY)
        assert "another user" in found["port"][1]
    finally:
        other.kill()
        other.wait()


NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
LIMITED = ("prlimit", "--nofile=256:256", "setpriv", "--bounding-set=-sys_resource", "--inh-caps=-all")


def test_few_descriptors(machine):
    """Of the server that runs, or of one that would be started."""
    assert machine.findings(launcher=LIMITED) == {}
    found = machine.findings(launcher=LIMITED, SERVER_PORT="8090")
    assert found.pop("port")[0] == "warning"
    only(found, "descriptors", "failure", "confab may open only 256 files", "prlimit --pid $$")
    launcher = [*machine.host.enter, *LIMITED]
    with Server(machine.redis, launcher=launcher, SERVER_PORT="8090", BIND="0.0.0.0") as server:
        found = machine.findings(SERVER_PORT="8090")
        text = f"confab (process {server.process.pid}) may open only 256 files"
        only(found, "descriptors", "failure", text, "prlimit --pid $$ --nofile=")


def test_wireless_network_where_nobody_was_met(machine):
    host, phone = machine.lan.hosts
    host.ok("mount", "-t", "tmpfs", "tmpfs", "/sys/class/net")
    try:
        host.ok("mkdir", "-p", "/sys/class/net/lan0/wireless")
        text = f"the router {PHONE} answers, no other device has spoken to this machine"
        only(machine.findings(), "isolation", "warning", text, "ip neighbour show dev lan0")
        phone.ok("ip", "addr", "add", "10.112.0.9/24", "dev", "lan1")
        machine.host.fetch("http://10.112.0.9/")
        assert machine.findings() == {}
        assert "lan0 is wireless" in machine.doctor().stdout
    finally:
        phone.run("ip", "addr", "del", "10.112.0.9/24", "dev", "lan1")
        host.ok("umount", "/sys/class/net")


@pytest.mark.parametrize("shift, word", [("+1h", "ahead of"), ("-1h", "behind")])
def test_wrong_clock(machine, shift, word):
    found = machine.findings(launcher=("faketime", "-f", shift))
    assert found["clock"][0] == "failure" and f" s {word} that of Redis" in found["clock"][1]
    assert found["clock"][2] == "sudo timedatectl set-ntp true"
    assert set(found) <= {"clock", "time"}, "and files of DATA_DIR may be from later"


def test_clock_was_set_back(machine):
    kept = os.path.join(machine.data, "appendonly.aof")
    with open(kept, "w", encoding="ascii"):
        pass
    try:
        assert machine.findings() == {}
        found = machine.findings(launcher=("faketime", "-f", "-40d"))
        assert found["time"][0] == "failure"
    finally:
        os.remove(kept)


def test_names_that_lead_nowhere(machine):
    found = machine.findings(ALLOWED_HOSTS="localhost, chat.invalid:443")
    only(found, "name", "failure", "chat.invalid of ALLOWED_HOSTS", f"{HOST} chat.invalid")
    found = machine.findings(REDIS_ADDR="redis.invalid:6379")
    only(found, "redis", "failure", "redis.invalid of REDIS_ADDR", "/etc/hosts")


def test_full_disk(machine):
    folder = os.path.join(machine.lan.folder, "full")
    os.mkdir(folder)
    machine.host.ok("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder)
    machine.host.run("dd", "if=/dev/zero", f"of={folder}/all", "bs=64k")
    found = machine.findings(DATA_DIR=folder)
    only(found, "disk", "failure", "is full", f"du -xh {folder}")


def test_without_avahi(machine):
    machine.host.stop_avahi()
    try:
        only(machine.findings(), "mdns", "warning", "confab.local", "install avahi-daemon")
    finally:
        machine.host.start_avahi()


@pytest.mark.parametrize(
    "arguments", [["--wrong"], ["--wrong", "1"], ["now"], ["--json=1"], ["--server-port", "99999"], ["--server-port", "0"]]
)
def test_bad_input_is_one_line(machine, arguments):
    done = machine.doctor(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("confab: ")
