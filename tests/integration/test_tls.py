"""TLS on the server's port: what it speaks, with clients that nobody here wrote, and what it
does not take (docs/ARCHITECTURE.md, "TLS on the same port")."""

import os
import plistlib
import re
import resource
import signal
import socket
import ssl
import subprocess
import time
import uuid

import pytest

from support.client import Client
from support.deadline import seconds, wait_for
from support.raw import Closed, Raw
from support.server import BINARY, run
from support.tls import Authority, confab, openssl


UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(str(tmp_path_factory.mktemp("tls")))


@pytest.fixture
def own(tmp_path):
    """An authority that the test may break."""
    return Authority(str(tmp_path))


@pytest.fixture
def tls(start, redis, authority):
    return start(redis, DATA_DIR=authority.folder, ARCHIVE="off")


@pytest.fixture(params=["threads", "shared"])
def pumped(request, start, redis, authority):
    return start(
        redis, DATA_DIR=authority.folder, ARCHIVE="off", PUMPS=request.param, NET_THREADS=2
    )


@pytest.fixture
def chat(request, authority):
    def chat(server, user=None, room=None, **options):
        client = Client(server, user, room, ssl=authority.context(), **options)
        request.addfinalizer(lambda: client.close() if client.is_open else None)
        if user:
            client.expect("welcome")
            client.joined, client.history = client.expect_joined(room)
        return client

    return chat


def s_client(server, authority, *options, says=""):
    done = openssl(
        *("s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", "localhost"),
        *("-verify_return_error", "-CAfile", authority.ca, *options),
        input=says,
    )
    return done.returncode, done.stdout + done.stderr


# ---- what it speaks: Mozilla "intermediate"


@pytest.mark.parametrize(
    "version, cipher",
    [
        ("-tls1_2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("-tls1_2", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ("-tls1_3", "TLS_AES_128_GCM_SHA256"),
        ("-tls1_3", "TLS_CHACHA20_POLY1305_SHA256"),
    ],
)
def test_openssl_agrees_on_a_cipher_of_its_choice(tls, authority, version, cipher):
    choice = "-ciphersuites" if version == "-tls1_3" else "-cipher"
    code, said = s_client(tls, authority, version, choice, cipher)
    assert code == 0 and f"Cipher is {cipher}" in said, said
    assert "Verify return code: 0 (ok)" in said and "Compression: NONE" in said


@pytest.mark.parametrize(
    "options",
    [
        ("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA"),
        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"),
        ("-tls1_2", "-cipher", "AES128-GCM-SHA256"),
    ],
)
def test_what_is_old_finds_nobody(tls, authority, options):
    code, said = s_client(tls, authority, *options)
    assert code != 0 and "Cipher is (NONE)" in said, said


def test_nobody_negotiates_anew(tls, authority):
    _, said = s_client(tls, authority, "-tls1_2", "-legacy_renegotiation", says="R\n")
    assert "no renegotiation" in said, said


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_ticket_saves_a_handshake_on_any_net_thread(start, redis, authority, tmp_path, version):
    server = start(redis, DATA_DIR=authority.folder, ARCHIVE="off", NET_THREADS=2)
    session = str(tmp_path / "session")
    request = "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    _, said = s_client(server, authority, version, "-ign_eof", "-sess_out", session, says=request)
    assert "New, TLS" in said
    for _ in range(3):
        _, said = s_client(server, authority, version, "-sess_in", session)
        assert "Reused, TLS" in said, said


# ---- HTTP


def test_curl_takes_the_page_and_follows_from_plain_text(tls, authority):
    def curl(*arguments):
        return subprocess.run(
            ["curl", "-sS", *arguments], capture_output=True, text=True, timeout=seconds(20)
        )

    url = f"https://localhost:{tls.port}/"
    page = curl("--cacert", authority.ca, url)
    assert page.returncode == 0 and "<title>confab</title>" in page.stdout
    followed = curl("--cacert", authority.ca, "-L", f"http://localhost:{tls.port}/")
    assert followed.stdout == page.stdout
    assert curl(url).returncode == 60  # nobody's authority


def test_plain_text_is_led_to_the_same_place(tls):
    answer = tls.request("GET", "/foo%20bar?room=a%26b&x=%3ca%20b")
    assert answer.status == 308
    place = f"https://127.0.0.1:{tls.port}/foo%20bar?room=a%26b&x=%3Ca%20b"
    assert answer.headers["Location"] == place
    assert answer.headers["Cache-Control"] == "no-store"
    posted = tls.request("POST", "/api/v1/login", body=b"{}", headers={"Content-Type": "text/a"})
    assert posted.status == 308
    assert tls.request("GET", "/", headers={"Host": "evil.example"}).status == 403


def test_a_browser_is_led_to_the_page_about_the_certificate(tls, authority):
    answer = tls.request("GET", "/?room=a", headers={"Accept": "text/html,*/*"})
    assert (answer.status, answer.headers["Location"]) == (307, "/ca?room=a")
    page = tls.request("GET", "/ca")
    assert page.status == 200 and b"/ca.crt" in page.body
    for path in ("/css/ca.css", "/js/ca.js", "/favicon.svg", "/api/v1/health", "/api/v1/addresses"):
        assert tls.request("GET", path).status == 200
    given = tls.request("GET", "/ca.crt")
    assert given.headers["Content-Type"] == "application/x-x509-ca-cert"
    with open(authority.ca, "rb") as f:
        pem = f.read()
    assert given.body == pem
    profile = tls.request("GET", "/ca.mobileconfig")
    assert profile.headers["Content-Type"] == "application/x-apple-aspen-config"
    check_profile(plistlib.loads(profile.body), ssl.PEM_cert_to_DER_cert(pem.decode()))
    assert tls.request("GET", "/ca.mobileconfig").body == profile.body


def check_profile(profile, der):
    """As Apple describes it: Device Management, TopLevel and CertificateRoot."""
    (payload,) = profile["PayloadContent"]
    assert (profile["PayloadType"], payload["PayloadType"]) == ("Configuration", "com.apple.security.root")
    assert payload["PayloadContent"] == der and payload["PayloadCertificateFileName"] == "ca.crt"
    for part in (profile, payload):
        assert part["PayloadVersion"] == 1 and part["PayloadDisplayName"].startswith("confab ")
        assert str(uuid.UUID(part["PayloadUUID"])).upper() == part["PayloadUUID"]
    assert payload["PayloadIdentifier"] == profile["PayloadIdentifier"] + ".root"
    assert payload["PayloadUUID"] != profile["PayloadUUID"]


def test_no_name_of_a_private_network_is_pinned_to_https(tls, authority):
    with authority.raw(tls) as c:
        c.request("/")
        _, headers, _ = c.response()
    assert "strict-transport-security" not in headers


def test_a_plain_websocket_is_led_to_wss(tls):
    with Raw(tls) as c:
        assert c.upgrade("/ws?username=x&room=y") == 308
    answer = tls.request("GET", "/ws?username=x", headers=UPGRADE)
    assert answer.headers["Location"] == f"wss://127.0.0.1:{tls.port}/ws?username=x"


def test_pages_of_https_may_connect(tls, authority):
    for origin, status in ((f"https://127.0.0.1:{tls.port}", 101), ("https://evil.example", 403)):
        with authority.raw(tls) as c:
            assert c.upgrade(Origin=origin) == status


# ---- WebSocket


def test_two_people_chat(pumped, chat, new, room):
    ann, bob = chat(pumped, new.ann, room), chat(pumped, new.bob, room)
    ann.send("message", room=room, content="hi", cid="1")
    assert bob.expect("message")["content"] == "hi"
    ann.expect("ack", cid="1")
    bob.close()


def test_plain_servers_and_tls_servers_are_one_chat(pumped, start, redis, chat, connect, new, room):
    other = start(redis, ARCHIVE="off")
    ann, bob = chat(pumped, new.ann, room), connect(other, new.bob, room)
    bob.send("message", room=room, content="from afar")
    assert ann.expect("message")["content"] == "from afar"


def test_who_comes_back_misses_nothing(pumped, chat, new, room):
    ann, bob = chat(pumped, new.ann, room), chat(pumped, new.bob, room)
    epoch, seq = bob.joined["epoch"], bob.joined["seq"]
    bob.close()
    for n in range(5):
        ann.send("message", room=room, content=f"{n}", cid=f"r{n}")
        ann.expect("ack", cid=f"r{n}")
    back = chat(pumped)
    back.send(
        "hello", username=bob.user, session=bob.session, resume={room: {"epoch": epoch, "seq": seq}}
    )
    joined = back.expect("joined", room=room)
    assert joined["recovered"] is True
    history = back.expect("history", room=room)
    assert [m["content"] for m in history["messages"]] == ["0", "1", "2", "3", "4"]


def test_large_messages_to_slow_readers(pumped, authority, chat, new, room):
    """Far more than sockets take: TLS has to wait for room in the middle of a record, and what it
    is given again then must be the same bytes."""
    slow = [authority.raw(pumped, receive_buffer=4096) for _ in range(3)]
    for i, c in enumerate(slow):
        assert c.upgrade(f"/ws?username={new.slow}&room={room}") == 101
        c.expect("history", room=room)
    ann = chat(pumped, new.ann, room)
    size, count = 4000, 200
    for n in range(count):
        ann.send("message", room=room, content=f"{n:04}" + "x" * size, cid=f"c{n}")
    for n in range(count):
        ann.expect("ack", cid=f"c{n}")
    for c in slow:
        for n in range(count):
            content = c.expect("message", room=room)["content"]
            assert content == f"{n:04}" + "x" * size
        c.close()


def test_records_in_pieces(pumped, authority, new, room):
    """A record that comes byte by byte, then several frames in one record, then a frame in two."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = authority.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", pumped.port), seconds(10)) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def step(call, *arguments, by=1 << 20):
            while True:
                try:
                    result = call(*arguments)
                except ssl.SSLWantReadError:
                    result = None
                data = outgoing.read()
                for at in range(0, len(data), by):
                    s.sendall(data[at : at + by])
                if result is not None:
                    return result
                more = s.recv(65536)
                if not more:
                    raise Closed
                incoming.write(more)

        step(lambda: tls.do_handshake() or True, by=7)

        class Wire:
            """As a socket for Raw."""

            by = 1 << 20

            def settimeout(self, _):
                pass

            def connect(self, _):
                pass

            def sendall(self, data):
                step(tls.write, data, by=self.by)

            def recv(self, size):
                return step(tls.read, size)

        wire = Wire()
        c = Raw(pumped, make=lambda: wire)
        assert c.upgrade(f"/ws?username={new.ann}&room={room}") == 101
        c.expect("history", room=room)
        wire.by = 1
        c.say("message", room=room, content="byte by byte", cid="1")
        c.expect("ack", cid="1")
        wire.by = 1 << 20
        sent = []
        c.send = sent.append
        for n in range(3):
            c.say("message", room=room, content="x" * 1000, cid=f"m{n}")
        del c.send
        c.send(b"".join(sent))
        for n in range(3):
            c.expect("ack", cid=f"m{n}")
        c.send = sent.append
        c.say("message", room=room, content="in two", cid="two")
        del c.send
        c.send(sent[-1][:9])
        c.send(sent[-1][9:])
        c.expect("ack", cid="two")


def test_new_keys_in_the_middle(pumped, authority, new, room):
    """s_client's K asks the server for new keys, too (RFC 8446 section 4.6.3)."""
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    with subprocess.Popen(
        ["openssl", "s_client", "-quiet", "-no_ign_eof", "-tls1_3", "-CAfile", authority.ca]
        + ["-connect", f"127.0.0.1:{pumped.port}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as p:
        p.stdin.write(
            f"GET /ws?username={new.ann}&room={room} HTTP/1.1\r\nHost: localhost\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        p.stdin.flush()
        said = b""
        while b'"type":"history"' not in said:
            said += os.read(p.stdout.fileno(), 65536)
        for n in range(3):
            p.stdin.write(b"K\n")
            p.stdin.flush()
            while said.count(b"KEYUPDATE") <= n:  # it takes a whole read for the command
                said += os.read(p.stdout.fileno(), 65536)
            text = f'{{"type":"message","content":"after {n}","room":"{room}"}}'.encode()
            p.stdin.write(bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text)
            p.stdin.flush()
            while f"after {n}".encode() not in said:
                more = os.read(p.stdout.fileno(), 65536)
                assert more, said
                said += more
        p.kill()


def test_a_stop_sends_everybody_away_with_a_close_frame(pumped, chat, new, room):
    people = [chat(pumped, new.guest, room) for _ in range(5)]
    pumped.process.send_signal(signal.SIGTERM)
    for c in people:
        c.expect("bye")
        assert c.expect_close() == 4201
    assert pumped.wait_exit() == 0


# ---- what is no TLS


@pytest.mark.parametrize("first", [b"\x16", b"\x16\x03\x01\x02\x00", b"\x16\x03\x01\x00\x05hello"])
def test_who_stalls_in_the_handshake_is_cut(start, redis, authority, first):
    server = start(redis, DATA_DIR=authority.folder, ARCHIVE="off", HANDSHAKE_TIMEOUT_S=1)
    with socket.create_connection(("127.0.0.1", server.port), seconds(10)) as s:
        s.settimeout(seconds(5))
        s.sendall(first)
        begin = time.monotonic()
        while s.recv(4096):  # an alert may come first
            pass
        assert time.monotonic() - begin < 4
    assert server.health() == 200


def test_who_says_nothing_is_cut(start, redis, authority):
    server = start(redis, DATA_DIR=authority.folder, ARCHIVE="off", HANDSHAKE_TIMEOUT_S=1)
    with socket.create_connection(("127.0.0.1", server.port), seconds(10)) as s:
        s.settimeout(seconds(5))
        while s.recv(4096):
            pass


def test_garbage_harms_nobody(tls, authority, chat, new, room):
    ann = chat(tls, new.ann, room)
    for n in range(100):
        with socket.create_connection(("127.0.0.1", tls.port), seconds(10)) as s:
            s.sendall(b"\x16" + os.urandom(300) if n % 2 else os.urandom(300))
    with authority.raw(tls) as c:
        assert c.upgrade(f"/ws?username={new.bob}&room={room}") == 101
        c.expect("history", room=room)
        os.write(c.socket.fileno(), b"\x17\x03\x03\x00\x20" + os.urandom(32))  # a record of nobody
        with pytest.raises((Closed, ssl.SSLError)):
            while True:
                c.read_frame()
    ann.send("message", room=room, content="still here", cid="1")
    ann.expect("ack", cid="1")


def test_a_flood_of_handshakes(tls, authority, chat, new, room):
    """Hellos whose rest never comes, by the hundred, beside somebody who chats."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = authority.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    first = outgoing.read()
    ann = chat(tls, new.ann, room)
    flood = []
    for n in range(400):
        s = socket.create_connection(("127.0.0.1", tls.port), seconds(10))
        s.sendall(first)
        flood.append(s)
        if n % 100 == 0:
            ann.send("message", room=room, content=f"{n}", cid=f"f{n}")
            ann.expect("ack", cid=f"f{n}")
    assert all(s.recv(5)[:1] == b"\x16" for s in flood)  # each got its ServerHello
    for s in flood:
        s.close()
    wait_for(lambda: chat(tls, new.late, room).is_open, "newcomers are let in")


# ---- another certificate


def test_a_reload_loses_nobody(start, redis, own, new, room):
    server = start(redis, DATA_DIR=own.folder, ARCHIVE="off", NET_THREADS=2)
    people = [Client(server, new.guest, room, ssl=own.context()) for _ in range(6)]
    for c in people:
        c.expect_joined(room)
    before = own.serial(server)
    for n in range(3):
        assert confab(own.folder, "renew").returncode == 0
        server.process.send_signal(signal.SIGHUP)
        for i, c in enumerate(people):
            c.send("message", room=room, content=f"{n} {i}", cid=f"{n}-{i}")
            c.expect("ack", cid=f"{n}-{i}")
    wait_for(lambda: own.serial(server) != before, "the new certificate")
    for c in people:
        got = [c.expect("message")["content"] for _ in range(18)]
        assert len(set(got)) == 18 and c.is_open
        c.close()


def test_a_changed_file_is_noticed_and_a_bad_one_is_not_taken(start, redis, own):
    server = start(redis, DATA_DIR=own.folder, ARCHIVE="off")
    first = own.serial(server)
    with open(own.cert, encoding="ascii") as f:
        good = f.read()
    with open(own.cert, "w", encoding="ascii") as f:
        f.write("no certificate\n")
    told = server.wait_log(event="tls_reload")
    assert "holds no certificate" in told["error"] and own.serial(server) == first
    with open(own.cert, "w", encoding="ascii") as f:
        f.write(good)
    server.wait_log(event="tls_reloaded", reason="changed")
    assert confab(own.folder, "renew").returncode == 0
    wait_for(lambda: own.serial(server) != first, "the renewed certificate")


@pytest.mark.parametrize("broken", ["ended", "ends soon", "lacks a name", "is not there"])
def test_a_server_renews_its_own_certificate(start, redis, own, broken):
    settings = {"MDNS_NAME": "other"} if broken == "lacks a name" else {}
    if broken == "is not there":
        with open(own.cert, "w", encoding="ascii"):
            pass
    elif not settings:
        own.leaf(-1 if broken == "ended" else 20)
    server = start(redis, DATA_DIR=own.folder, ARCHIVE="off", **settings)
    assert server.logged(event="tls_renewed")
    assert int(server.logged(event="tls_certificate")[0]["days"]) >= 363


# ---- the start


def test_a_start_that_cannot_be_says_why(redis, own, tmp_path):
    def said(**settings):
        code, _, log = run(redis=redis, **{"DATA_DIR": own.folder} | settings)
        assert code == 1 and len(log) >= 1
        return log[-1]

    other = str(tmp_path / "other.key")
    assert openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", other)
    files = {"TLS_CERT": own.cert, "TLS_KEY": own.key}
    assert "is not the one of the certificate" in said(**files | {"TLS_KEY": other})
    assert "cannot read /nowhere: No such file" in said(**files | {"TLS_CERT": "/nowhere"})
    assert "holds no certificate" in said(**files | {"TLS_CERT": other})
    expired = str(tmp_path / "expired.crt")
    own.leaf(-1)
    os.rename(own.cert, expired)
    assert "expired on" in said(**files | {"TLS_CERT": expired})
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "run `confab tls init`" in said(DATA_DIR=str(empty), TLS="on")
    code, _, log = run(redis=redis, TLS_CERT=own.cert)
    assert code == 2 and "TLS_CERT and TLS_KEY belong together" in log[-1]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_a_server_that_may_not_look_for_a_certificate_says_so(start, redis, own):
    os.chmod(redis.folder, 0o711)
    os.chmod(redis.socket, 0o777)
    os.chmod(own.folder, 0o700)
    nobody = ["setpriv", "--pdeathsig=KILL", "--reuid=65534", "--regid=65534", "--clear-groups"]
    server = start(redis, launcher=nobody, DATA_DIR=own.folder, ARCHIVE="off", ENV_FILE="")
    said = server.wait_log(event="tls_certificate")
    assert said["error"] == "Permission denied" and said["effect"] == "no TLS"
    assert server.request("GET", "/").status == 200


def test_tls_off_speaks_plain_text(start, redis, own):
    server = start(redis, DATA_DIR=own.folder, ARCHIVE="off", TLS="off")
    assert server.request("GET", "/").status == 200


def test_another_authoritys_certificate_has_nothing_to_install(start, redis, own):
    server = start(redis, TLS_CERT=own.cert, TLS_KEY=own.key, ARCHIVE="off")
    for path in ("/ca.crt", "/ca.mobileconfig"):
        assert server.request("GET", path).status == 404
    assert server.request("GET", "/", headers={"Accept": "text/html"}).status == 308


# ---- the command


def test_what_the_command_makes(own):
    for name in ("ca.crt", "ca.key", "server.crt", "server.key"):
        assert os.stat(os.path.join(own.folder, "tls", name)).st_mode & 0o777 == 0o600
    assert openssl("verify", "-purpose", "sslserver", "-CAfile", own.ca, own.cert).returncode == 0
    text = openssl("x509", "-in", own.cert, "-noout", "-text").stdout
    for name in ("DNS:localhost", "DNS:confab.local", "IP Address:127.0.0.1", "IP Address:0:0"):
        assert name in text
    shown = confab(own.folder, "show")
    assert shown.returncode == 0 and re.search("ends in +36[34] days", shown.stdout)


def test_the_authority_signs_for_nobody_else(own):
    """Who installs it trusts it for no site of the internet: RFC 5280 section 4.2.1.10."""
    own.leaf(10, "DNS:www.example.org")
    said = openssl("verify", "-CAfile", own.ca, own.cert)
    assert said.returncode != 0 and "permitted subtree violation" in said.stderr
    own.leaf(10, "DNS:localhost,IP:8.8.8.8")
    assert openssl("verify", "-CAfile", own.ca, own.cert).returncode != 0


def test_names_that_are_asked_for_stay(tmp_path):
    assert confab(tmp_path, "init", "--name", "chat.lan", "--name=two.example").returncode == 0
    assert confab(tmp_path, "renew").returncode == 0
    text = openssl("x509", "-in", str(tmp_path / "tls" / "server.crt"), "-noout", "-text").stdout
    assert "DNS:chat.lan" in text and "DNS:two.example" in text


@pytest.mark.parametrize(
    "arguments, code, says",
    [
        (["init"], 1, "there is an authority already"),
        (["init", "--name", "a b"], 2, "--name must be a host name"),
        (["init", "--name", "x,permitted;DNS:com"], 2, "--name must be a host name"),
        (["frobnicate"], 2, "init, renew or show"),
        ([], 2, "init, renew or show"),
        (["init", "--frobnicate", "1"], 2, "unknown option"),
    ],
)
def test_a_command_that_is_wrong_changes_nothing(own, arguments, code, says):
    def files():
        folder = os.path.join(own.folder, "tls")
        return {n: os.stat(os.path.join(folder, n)).st_ino for n in sorted(os.listdir(folder))}

    before = files()
    done = confab(own.folder, *arguments)
    assert done.returncode == code and says in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1 and files() == before


def contents(folder):
    names = sorted(os.listdir(folder))
    return names, [open(os.path.join(folder, name), "rb").read() for name in names]


def test_a_disk_that_is_full_changes_nothing(own):
    """There is room for the first file of the new authority alone."""
    before = contents(os.path.join(own.folder, "tls"))
    done = subprocess.run(
        [BINARY, "tls", "init", "--force"],
        env={"DATA_DIR": own.folder},
        cwd=own.folder,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600)),
        restore_signals=False,  # SIGXFSZ stays ignored: write(2) fails
    )
    assert done.returncode == 1 and "ca.crt: File too large" in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1
    assert contents(os.path.join(own.folder, "tls")) == before
    assert confab(own.folder, "init", "--force").returncode == 0
    names, files = contents(os.path.join(own.folder, "tls"))
    assert names == before[0] and all(a != b for a, b in zip(files, before[1]))
    assert openssl("verify", "-CAfile", own.ca, own.cert).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")
@pytest.mark.parametrize("command", ["show", "renew", "init"])
def test_files_of_somebody_else(own, command):
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    env = {"PATH": os.environ["PATH"], "DATA_DIR": own.folder, "ENV_FILE": ""}
    done = subprocess.run([*nobody, BINARY, "tls", command], env=env, cwd="/", capture_output=True, text=True)
    assert done.returncode == 1 and "Permission denied" in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1


def test_without_an_authority(tmp_path):
    for what in ("renew", "show"):
        done = confab(tmp_path, what)
        assert done.returncode == 1 and "confab tls init" in done.stderr
    (tmp_path / "file").write_text("")
    done = confab(tmp_path, "init", DATA_DIR=str(tmp_path / "file"))
    assert done.returncode == 1 and "cannot make" in done.stderr
