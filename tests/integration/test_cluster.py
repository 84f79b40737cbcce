"""Two instances behind the machine's nginx: scripts/cluster.sh, and the nginx of docker compose."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
from types import SimpleNamespace

import pytest

from support.client import Client
from support.deadline import seconds, wait_for
from support.private import DataDir, is_running
from support.raw import Raw
from support.script import Script
from support.server import BINARY, ROOT

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"

pytestmark = pytest.mark.skipif(not shutil.which("nginx", path=PATH), reason="no nginx")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def health(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds(5))
    try:
        connection.request("GET", "/api/v1/health")
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


@pytest.fixture(scope="module")
def data():
    d = DataDir()
    yield d
    d.close()


def start(data, port, **settings):
    script = Script(
        "scripts/cluster.sh", "--instances=2", f"--server-port={port}", DATA_DIR=data.path, **settings
    )
    script.wait_listening(2)
    wait_for(lambda: health(port) == 200, "health through nginx", 20)
    return script


@pytest.fixture(scope="module")
def cluster(data):
    """What a Client needs to know of a server: the port, here that of nginx."""
    port = free_port()
    with start(data, port, HEARTBEAT_MS=1000) as script:
        yield SimpleNamespace(port=port, script=script)


def two_clients(cluster, room):
    """One on each instance; nginx deals connections out in turn."""
    a = Client(cluster, "ann", room)
    home = a.expect("welcome")["instance"]
    for _ in range(10):
        b = Client(cluster, "ben", room)
        if b.expect("welcome")["instance"] != home:
            return a, b
        b.close()
    raise AssertionError("nginx gives every connection to one instance")


def test_users_on_two_instances_chat(cluster):
    a, b = two_clients(cluster, "hall")
    a.expect_joined("hall")
    b.expect_joined("hall")
    a.say("hello ben")
    assert b.expect("message", room="hall")["content"] == "hello ben"
    b.tell("ann", "hello ann")
    assert a.expect("private")["content"] == "hello ann"
    for client in (a, b):  # heartbeats pass in both directions
        client.expect("heartbeat")
        client.expect("heartbeat")
        client.close()


def test_page_and_stats_pass(cluster):
    for path in ("/", "/api/v1/stats"):
        with Raw(cluster) as raw:
            raw.request(path)
            assert raw.response()[0] == 200


@pytest.mark.parametrize("origin, status", [("http://localhost:{}", 101), ("http://evil.example", 403)])
def test_origin_is_checked_behind_nginx(cluster, origin, status):
    with Raw(cluster) as raw:
        origin = origin.format(cluster.port)
        assert raw.upgrade("/ws", Host=f"localhost:{cluster.port}", Origin=origin) == status


def test_logins_count_by_the_address_in_front_of_nginx(cluster):
    """Whatever the client itself says of where it is."""

    def attempt(source, n):
        body = b'{"name":"nobody-there","password":"a wrong one"}'
        with Raw(cluster, source=source) as raw:
            raw.request(
                "/api/v1/login", "POST", Content_Type="application/json",
                Content_Length=str(len(body)), X_Forwarded_For=f"192.0.2.{n}",
            )  # fmt: skip
            raw.send(body)
            return raw.response()[0]

    assert [attempt("127.0.0.1", n) for n in range(6)] == [401] * 5 + [429]
    assert attempt("127.0.0.2", 0) == 401


def test_message_of_the_longest_size_passes(cluster):
    client = Client(cluster, "cat", "hall")
    client.expect_joined("hall")
    client.say("x" * 4096)
    assert len(client.expect("message", user="cat")["content"]) == 4096
    client.close()


def test_files_pass(cluster):
    """More than nginx takes by itself, through each instance, and the refusal is confab's own."""
    client = Client(cluster, "eve", "hall")
    client.expect_joined("hall")
    client.send("ticket", cid="t")
    bearer = f"Bearer {client.expect('ticket')['ticket']}"

    def request(method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", cluster.port, timeout=seconds(10))
        connection.request(method, path, body, {name.replace("_", "-"): v for name, v in headers.items()})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, content

    for content in (b"a" * 2_000_000, b"b" * 20_000):
        status, kept = request("POST", "/api/v1/files?name=a.txt", content, Authorization=bearer)
        assert status == 201, kept
        for _ in range(2):
            assert request("GET", json.loads(kept)["url"]) == (200, content)
    with Raw(cluster) as raw:
        raw.request(
            "/api/v1/files?name=a.txt", "POST", Authorization=bearer, Content_Length=str(10240 * 1024 + 1)
        )
        status, _, body = raw.response()
        assert (status, json.loads(body)["code"]) == (413, "too_big")
    status, body = request("POST", "/api/v1/login", b"x" * 20_000, Content_Type="application/json")
    assert status == 413, body
    client.close()


def test_ctrl_c_says_goodbye_and_ends_all():
    data = DataDir()
    port = free_port()
    try:
        with start(data, port) as script:
            pid = data.wait_pid()
            client = Client(SimpleNamespace(port=port), "dan", "hall")
            client.expect_joined("hall")
            script.ctrl_c()
            assert client.expect("bye")["code"] == 4201
            client.expect_close(4201)
            assert script.wait_exit() == 0
            assert health(port) is None
        assert not is_running(pid)
    finally:
        data.close()


def test_port_is_taken(cluster, data):
    with Script(
        "scripts/cluster.sh", "--instances=1", f"--server-port={cluster.port}", DATA_DIR=data.path
    ) as script:
        assert script.wait_exit() == 1
        assert script.lines == [
            f"cluster.sh: port {cluster.port} is taken: choose another one with --server-port"
        ]


def test_nginx_of_docker_compose_is_right(tmp_path):
    """nginx reads the file that is mounted into its container."""
    deploy = os.path.join(ROOT, "deploy", "nginx")
    with open(os.path.join(deploy, "docker.conf"), encoding="utf-8") as f:
        text = f.read()
    text = text.replace("/etc/nginx/confab", deploy).replace("/run/nginx.pid", f"{tmp_path}/pid")
    config = tmp_path / "nginx.conf"
    config.write_text(text)
    done = subprocess.run(
        ["nginx", "-t", "-e", "stderr", "-c", str(config), "-p", str(tmp_path)],
        env={"PATH": PATH},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


# ---- containers, as far as they can be checked without any


def text_of(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as f:
        return f.read()


def test_image_is_given_what_it_is_built_from(tmp_path):
    """.dockerignore lists what is copied."""
    rules = text_of(".dockerignore").split()
    assert rules[0] == "*" and all(rule.startswith("!") for rule in rules[1:])
    for path in (rule[1:] for rule in rules[1:]):
        source = os.path.join(ROOT, path)
        os.makedirs(os.path.dirname(tmp_path / path), exist_ok=True)
        (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, tmp_path / path)
    done = subprocess.run(
        ["cmake", "--preset", "release", "-DCONFAB_TESTS=OFF"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:]


def test_settings_of_docker_compose_are_those_of_confab():
    """NAME: ${NAME:-default} has the default of confab itself; * and proxies are for nginx."""
    said = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
    defaults = dict(re.findall(r"^  --\S+ +([A-Z0-9_]+)\n(?:      .*\n)*?      default ([^,\n]*)", said, re.M))
    service = text_of("docker-compose.yml").split("\n  confab:\n")[1].split("\n  nginx:\n")[0]
    given = re.findall(r"^      ([A-Z_]+): \$\{([A-Z_]+):-(.*)\}$", service, re.M)
    assert {name for name, _, _ in given} >= {"ALLOWED_HOSTS", "FILE_MAX_KB", "PUMPS"}
    for name, variable, default in given:
        assert name == variable and name in defaults
        if name not in ("ALLOWED_HOSTS", "TRUSTED_PROXIES"):
            assert (default or "empty") == defaults[name], name
