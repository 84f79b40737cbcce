"""Files: sent over HTTP, kept in a folder, linked from messages. docs/PROTOCOL.md, "Files"."""

import base64
import http.client
import json
import os
import shutil
import struct
import subprocess
import time
import zlib
from urllib.parse import quote

import pytest

from support.deadline import seconds, wait_for
from support.rest import Device, Reply, ask, register
from support.server import BINARY, Server

KB, MB = 1024, 1024 * 1024


# ---- contents


def segment(marker, data):
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def exif(orientation):
    """A TIFF file with a camera's name, a place, and which way is up."""
    place = b"N 48 12 30 here we live"
    tiff = b"II*\0" + struct.pack("<IH", 8, 3)
    tiff += struct.pack("<HHII", 0x010F, 2, len(place), 50)
    tiff += struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff += struct.pack("<HHII", 0x8825, 4, 1, 50) + struct.pack("<I", 0)
    return b"Exif\0\0" + tiff + place


def jpeg(width=64, height=48, orientation=1, extra=b"", scan=b"\x12\x34\xff\x00\x56" * 50):
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0"
    return (
        b"\xff\xd8"
        + segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0")
        + segment(0xE1, exif(orientation))
        + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>secret</x:xmpmeta>")
        + segment(0xE2, b"ICC_PROFILE\0\1\1profile")
        + segment(0xED, b"Photoshop 3.0\0secret")
        + segment(0xFE, b"secret comment")
        + segment(0xDB, b"\0" + bytes(range(1, 65)))
        + segment(0xC0, frame)
        + segment(0xC4, b"\0" + bytes(16))
        + segment(0xDA, b"\1\1\0\0\x3f\0")
        + scan
        + b"\xff\xd9"
        + extra
    )


def chunk(type_, data):
    return struct.pack(">I", len(data)) + type_ + data + struct.pack(">I", zlib.crc32(type_ + data))


def png(width=64, height=48, extra=b"", pixels=None):
    data = pixels if pixels is not None else zlib.compress(bytes((width + 1) * height), 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"tEXt", b"Author\0secret")
        + chunk(b"eXIf", b"II*\0secret")
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
        + extra
    )


def webp():
    def riff(type_, data):
        return type_ + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    lossless = b"\x2f" + struct.pack("<I", 63 | 47 << 14) + b"\0" * 8
    body = riff(b"VP8X", b"\x0c\0\0\0" + b"\x3f\0\0" + b"\x2f\0\0")
    body += riff(b"VP8L", lossless) + riff(b"EXIF", b"secret!") + riff(b"XMP ", b"<x>secret</x>")
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


# ---- talking


def ticket(client):
    client.send("ticket", cid="t")
    frame = client.expect("ticket")
    assert frame["cid"] == "t" and frame["expires_in_s"] == 120
    return frame["ticket"]


def send(server, token, content, name="a.txt", type_="text/plain"):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if type_:
        headers["Content-Type"] = type_
    path = "/api/v1/files" + (f"?name={quote(name)}" if name is not None else "")
    return Reply(server.request("POST", path, headers, content))


def stored(reply):
    assert (reply.status, reply.body["type"]) == (201, "file"), (reply.status, reply.body)
    return reply.body


def folder(server):
    return os.path.join(server.folder, "data", "files")


def files_in(path):
    """What is there; nothing half-written may be."""
    if not os.path.isdir(path):
        return []
    names = [name for name in os.listdir(path) if name != ".lock"]
    assert all(len(name) == 32 for name in names), names
    return names


def leaves_nothing(server, guest, content, type_, status, code):
    """Refused, and nothing of it stays."""
    before = files_in(folder(server))
    send(server, guest.token, content, "a", type_).error(status, code)
    assert files_in(folder(server)) == before


@pytest.fixture(scope="module")
def shelf(redis):
    """One instance for what leaves it as it was."""
    with Server(redis, RATE_LIMIT_MESSAGES=0, REGISTER_LIMIT_ADDRESS=0) as s:
        s.wait_health(200)
        yield s


@pytest.fixture
def account():
    return lambda server, name: Device(register(server, name), 201)


@pytest.fixture
def guest(shelf, connect, new):
    client = connect(shelf, new.ann, new.room)
    client.token = ticket(client)
    return client


# ---- what works


def test_a_file_goes_in_and_comes_out(shelf, connect, new):
    client = connect(shelf, new.ann, new.room)
    limits = client.frames[0]["limits"]["files"]
    assert limits == {"max_bytes": 10240 * KB, "days": 30}
    before = time.time() * 1000
    name = "Hütte am See.txt"
    about = stored(send(shelf, ticket(client), b"hello\n" * 1000, name))
    assert about["name"] == name and about["size"] == 6000
    assert about["media_type"] == "text/plain" and "width" not in about
    assert 29.9 < (about["expires"] - before) / 86400e3 < 30.1
    assert about["url"] == f"/files/{about['id']}/{quote(name)}?type=text%2Fplain&size=6000"
    reply = shelf.request("GET", about["url"])
    assert reply.status == 200 and reply.body == b"hello\n" * 1000
    wanted = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Accept-Ranges": "bytes",
    }
    assert {key: reply.getheader(key) for key in wanted} == wanted
    assert reply.getheader("Cache-Control").startswith("private, max-age=25")
    assert reply.getheader("Cache-Control").endswith(", immutable")
    head = shelf.request("HEAD", about["url"])
    assert (head.status, head.body) == (200, b"")
    assert head.getheader("Content-Length") == "6000"


def fetch(server, about, **headers):
    reply = server.request("GET", about["url"], headers)
    assert reply.status in (200, 206), (reply.status, reply.body)
    return reply.body


@pytest.mark.parametrize("size", [1, 65536, 10240 * KB], ids=["a byte", "a piece", "the most"])
def test_every_byte_comes_back(shelf, guest, size):
    content = os.urandom(size)
    about = stored(send(shelf, guest.token, content, "x.bin", None))
    assert about["media_type"] == "application/octet-stream"
    assert fetch(shelf, about) == content


@pytest.mark.parametrize(
    "range_,status,first,last",
    [
        ("bytes=0-9", 206, 0, 9), ("bytes=90-", 206, 90, 99), ("bytes=-5", 206, 95, 99),
        ("bytes=50-1000", 206, 50, 99), ("bytes=-1000", 206, 0, 99), ("bytes=5-2", 200, 0, 99),
        ("bytes=0-1,3-4", 200, 0, 99), ("lines=1-2", 200, 0, 99), ("bytes=x", 200, 0, 99),
        ("bytes=100-", 416, 0, 0), ("bytes=-0", 416, 0, 0),
    ],
)  # fmt: skip
def test_ranges(shelf, guest, range_, status, first, last):
    content = bytes(range(100, 200))
    about = stored(send(shelf, guest.token, content, "x.bin", None))
    reply = shelf.request("GET", about["url"], {"Range": range_})
    assert reply.status == status
    if status == 416:
        assert json.loads(reply.body)["code"] == "bad_range"
        return
    assert reply.body == content[first : last + 1]
    wanted = f"bytes {first}-{last}/100" if status == 206 else None
    assert reply.getheader("Content-Range") == wanted


def test_an_account_needs_no_ticket(shelf, account, new):
    about = stored(send(shelf, account(shelf, new.ann).access, b"text"))
    assert fetch(shelf, about) == b"text"


def test_a_kept_connection_serves_uploads_and_downloads_in_turn(shelf, guest):
    connection = http.client.HTTPConnection("127.0.0.1", shelf.port, timeout=seconds(10))
    headers = {"Authorization": f"Bearer {guest.token}"}
    for i in range(5):
        content = os.urandom(100 * KB + i)
        connection.request("POST", "/api/v1/files?name=a", content, headers)
        about = json.loads(connection.getresponse().read())
        connection.request("GET", about["url"])
        assert connection.getresponse().read() == content
        connection.request("POST", "/api/v1/files?name=a", content, headers | {"Content-Type": "image/png"})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["code"]) == (415, "wrong_type")
    connection.close()


# ---- pictures


@pytest.mark.parametrize("orientation,turned", [(1, False), (3, False), (6, True), (8, True)])
def test_a_jpeg_loses_what_it_tells(shelf, guest, orientation, turned):
    about = stored(send(shelf, guest.token, jpeg(64, 48, orientation), "me.jpg", "image/jpeg"))
    assert (about["media_type"], about["width"], about["height"]) == (
        "image/jpeg", *((48, 64) if turned else (64, 48)),
    )  # fmt: skip
    assert f"&w={about['width']}&h={about['height']}" in about["url"]
    kept = fetch(shelf, about)
    assert len(kept) == about["size"]
    assert b"secret" not in kept and b"live" not in kept and b"ICC_PROFILE" in kept
    tag = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" + bytes((orientation,))
    assert (tag in kept) == (orientation != 1)
    assert kept.count(b"Exif") == (orientation != 1)
    assert kept.endswith(b"\x12\x34\xff\x00\x56" * 50 + b"\xff\xd9")


def test_png_and_webp_lose_what_they_tell(shelf, guest):
    about = stored(send(shelf, guest.token, png(), "a.png", "image/png"))
    assert (about["media_type"], about["width"], about["height"]) == ("image/png", 64, 48)
    kept = fetch(shelf, about)
    assert b"secret" not in kept and kept.endswith(b"IEND\xaeB`\x82")
    about = stored(send(shelf, guest.token, webp(), "a.webp", "image/webp"))
    assert (about["media_type"], about["width"], about["height"]) == ("image/webp", 64, 48)
    kept = fetch(shelf, about)
    assert b"secret" not in kept and kept[4:8] == struct.pack("<I", len(kept) - 8)


@pytest.mark.parametrize("make,name", [(jpeg, "jpeg"), (png, "png")])
def test_a_picture_is_nothing_else_too(shelf, guest, make, name):
    """What stands behind its end is gone: an archive, a page."""
    hidden = b"PK\x03\x04" + b"<html><script>alert(1)</script>" + os.urandom(5000)
    about = stored(send(shelf, guest.token, make(extra=hidden), "a", f"image/{name}"))
    assert fetch(shelf, about) == fetch(
        shelf, stored(send(shelf, guest.token, make(), "a", f"image/{name}"))
    )


@pytest.mark.parametrize(
    "content,type_",
    [
        (png(7072, 7072, pixels=b"\0"), "image/png"),
        (png(2**31 - 1, 2**31 - 1, pixels=b"\0"), "image/png"),
        (jpeg(65535, 65535), "image/jpeg"),
        (b"GIF89a\xff\xff\xff\xff\0\0\0;", "image/gif"),
    ],
)
def test_an_image_bomb(shelf, guest, content, type_):
    leaves_nothing(shelf, guest, content, type_, 413, "too_many_pixels")


@pytest.mark.parametrize(
    "content,type_",
    [
        (jpeg()[:-2], "image/jpeg"), (jpeg()[:100], "image/jpeg"), (png()[:-12], "image/png"),
        (png()[:40], "image/png"), (png(0, 5), "image/png"), (webp()[:-4], "image/webp"),
        (b"GIF89a\1\0\1\0\0\0\0,", "image/gif"),
    ],
)  # fmt: skip
def test_a_broken_picture(shelf, guest, content, type_):
    leaves_nothing(shelf, guest, content, type_, 415, "bad_picture")


# ---- what is refused

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><body><script>alert(document.cookie)</script></body></html>"
BOMB = zlib.compress(b"\0" * (20 * MB), 9)


@pytest.mark.parametrize(
    "content,type_",
    [
        (HTML, "image/png"), (SVG, "image/png"), (png(), "image/jpeg"), (jpeg(), "text/plain"),
        (b"plain text", "image/gif"), (HTML, "application/pdf"), (b"plain text", "image/heic"),
        (png(), "application/msword"), (b"%PDF-1.4\n%%EOF", "image/png"), (HTML, "video/mp4"),
    ],
)  # fmt: skip
def test_a_lying_type(shelf, guest, content, type_):
    leaves_nothing(shelf, guest, content, type_, 415, "wrong_type")


@pytest.mark.parametrize(
    "content,type_",
    [
        (SVG, "image/svg+xml"), (HTML, "text/html"), (HTML, "text/plain"), (SVG, None),
        (HTML, "application/octet-stream"), (b"\x1f\x8b\x08\0" + BOMB[2:], "application/gzip"),
    ],
)  # fmt: skip
def test_what_could_run_is_kept_as_bytes(shelf, guest, content, type_):
    about = stored(send(shelf, guest.token, content, "a.html", type_))
    assert about["media_type"] == "application/octet-stream"
    reply = shelf.request("GET", about["url"])
    assert reply.getheader("Content-Type") == "application/octet-stream"
    assert reply.getheader("Content-Disposition").startswith("attachment;")
    assert reply.getheader("X-Content-Type-Options") == "nosniff"
    assert "sandbox" in reply.getheader("Content-Security-Policy")
    assert reply.body == content


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd", "/etc/passwd", "a/b", "..", ".", "a\\b", "", " a", "a\x07b", "a\x7f",
        "x" * 256, "ü" * 128, "gpj.\u202eexe", "\u2066a", None,
    ],
)  # fmt: skip
def test_tricks_in_names(shelf, guest, name):
    before = files_in(folder(shelf))
    send(shelf, guest.token, b"text", name).error(400, "bad_file_name")
    assert files_in(folder(shelf)) == before


def test_broken_names(shelf, guest, raw):
    for name in ("a%00b", "a%0ab", "%ff%fe", "a&name=b"):
        connection = raw(shelf)
        connection.request(
            f"/api/v1/files?name={name}", "POST", Authorization=f"Bearer {guest.token}", Content_Length="4"
        )
        connection.send(b"text")
        try:
            assert connection.response()[0] == 400
        except Exception as e:  # libwebsockets hangs up on a NUL
            assert name == "a%00b", e


@pytest.mark.parametrize(
    "path", ["/files/..%2f..%2fetc/passwd", "/files/" + "0" * 32 + "/x", "/files/.lock/x",
             "/files/" + "G" * 32 + "/x", "/files/" + "0" * 32],
)  # fmt: skip
def test_paths_that_lead_nowhere(shelf, guest, path):
    stored(send(shelf, guest.token, b"text"))
    assert shelf.request("GET", path).status == 404


def announce(connection, token, length, **headers):
    wanted = {"Authorization": f"Bearer {token}", "Content_Length": str(length)} | headers
    connection.request("/api/v1/files?name=a", "POST", **wanted)


def refused(connection, status, code):
    got, _, body = connection.response()
    assert (got, json.loads(body)["code"]) == (status, code)


def test_what_is_announced(shelf, guest, raw):
    for length, status, code in (
        (2 << 30, 413, "too_big"), (10240 * KB + 1, 413, "too_big"), (0, 400, "bad_length"),
        ("-1", 400, "bad_length"), ("1e3", 400, "bad_length"), (None, 411, "length_required"),
    ):  # fmt: skip
        connection = raw(shelf)
        if length is None:
            connection.request("/api/v1/files?name=a", "POST", Authorization=f"Bearer {guest.token}")
        else:
            announce(connection, guest.token, length)
        refused(connection, status, code)
    assert files_in(folder(shelf)) == files_in(folder(shelf))


def uploads(server):
    return server.stats()["gauges"]["files_uploads"]


@pytest.mark.parametrize("sent", [0, 1, 100 * KB])
def test_a_connection_that_drops_leaves_nothing(shelf, guest, raw, sent):
    before = files_in(folder(shelf))
    connection = raw(shelf)
    announce(connection, guest.token, 1 * MB)
    connection.send(b"x" * sent)
    wait_for(lambda: uploads(shelf) == 1, "it has begun")
    connection.close()
    wait_for(lambda: uploads(shelf) == 0, "it has ended")
    assert files_in(folder(shelf)) == before


def test_more_than_announced_is_not_taken(shelf, guest, raw):
    connection = raw(shelf)
    announce(connection, guest.token, 4)
    connection.send(b"text and more")
    status, _, body = connection.response()
    assert status == 201 and json.loads(body)["size"] == 4


def test_expect_continue(shelf, guest, raw):
    connection = raw(shelf)
    announce(connection, guest.token, 4, Expect="100-continue")
    assert connection._until(b"\r\n\r\n").startswith(b"HTTP/1.1 100")
    connection.send(b"text")
    assert connection.response()[0] == 201


@pytest.mark.parametrize("token", [None, "", "x", "a.b.c", "e30.e30.e30"])
def test_without_a_good_ticket(shelf, token):
    reply = send(shelf, token, b"x" * MB)
    assert reply.status == 401 and reply.body["code"] in ("login_required", "bad_token")


def test_a_ticket_is_no_access_token(shelf, account, connect, new):
    """And not the other way round, except that an account may send files with either."""
    device = account(shelf, new.ann)
    client = connect(shelf, None)
    client.send("hello", token=device.access, room=new.room)
    client.expect("welcome")
    token = ticket(client)
    stored(send(shelf, token, b"text"))
    ask(shelf, "GET", "/devices", token=token).error(401, "bad_token")
    other = connect(shelf, None)
    other.send("hello", token=token)
    assert other.expect("error")["code"] == "bad_token"


def test_a_stranger_cannot_remove_it(shelf, guest, connect, new, account):
    about = stored(send(shelf, guest.token, b"text"))
    path = f"/files/{about['id']}"
    other = connect(shelf, new.bob, new.room)
    ask(shelf, "DELETE", path, token=ticket(other)).error(403, "not_allowed")
    ask(shelf, "DELETE", path, token=account(shelf, new.eve).access).error(403, "not_allowed")
    assert ask(shelf, "DELETE", path).status == 401
    assert fetch(shelf, about) == b"text"
    ask(shelf, "DELETE", path, token=guest.token).done()
    assert shelf.request("GET", about["url"]).status == 404
    ask(shelf, "DELETE", path, token=guest.token).error(404, "not_found")
    ask(shelf, "DELETE", "/files/x", token=guest.token).error(404, "not_found")


# ---- space and time


def test_quotas(start, redis, connect, new):
    server = start(redis, FILES_USER_MB=1, FILES_MB=2, FILE_MAX_KB=700)
    ann, bob, eve = (connect(server, name, "general") for name in (new.ann, new.bob, new.eve))
    content = os.urandom(600 * KB)
    first = stored(send(server, ticket(ann), content, "a", None))
    send(server, ticket(ann), content, "a", None).error(507, "quota_reached")
    stored(send(server, ticket(bob), content, "a", None))
    stored(send(server, ticket(eve), content, "a", None))
    last = connect(server, new.dan, "general")
    send(server, ticket(last), content, "a", None).error(507, "files_full")
    assert len(files_in(folder(server))) == 3
    ask(server, "DELETE", f"/files/{first['id']}", token=ticket(ann)).done()
    stored(send(server, ticket(ann), content, "a", None))
    gauges = server.stats()["gauges"]
    assert gauges["files_count"] == 3 and gauges["files_bytes"] == 3 * 604 * KB


def test_a_full_quota_is_told_before_the_body(start, redis, connect, new, raw):
    server = start(redis, FILES_USER_MB=1)
    connection = raw(server)
    announce(connection, ticket(connect(server, new.ann, "general")), 2 * MB, Expect="100-continue")
    refused(connection, 507, "quota_reached")


def test_two_instances_share_the_folder(start, redis, connect, new, tmp_path):
    settings = {"FILES_DIR": tmp_path, "FILES_USER_MB": 1}
    a, b = start(redis, **settings), start(redis, **settings)
    client = connect(a, new.ann, "general")
    content = os.urandom(600 * KB)
    about = stored(send(a, ticket(client), content, "a", None))
    assert fetch(b, about) == content
    send(b, ticket(client), content, "a", None).error(507, "quota_reached")
    ask(b, "DELETE", f"/files/{about['id']}", token=ticket(client)).done()
    assert a.request("GET", about["url"]).status == 404
    stored(send(a, ticket(client), content, "a", None))
    assert len(files_in(tmp_path)) == 1


def age(path, days):
    """Makes a file as old as that."""
    with open(path, "r+b") as f:
        block = f.read(1024)
        at = block.index(b"\ntime ") + 6
        then = int((time.time() - days * 86400) * 1000)
        f.seek(at)
        f.write(b"%013d" % then)


def test_a_file_expires(start, redis, connect, new):
    server = start(redis, FILES_DAYS=2)
    client = connect(server, new.ann, "general")
    old, young = (stored(send(server, ticket(client), b"text")) for _ in range(2))
    age(os.path.join(folder(server), old["id"]), 2.01)
    age(os.path.join(folder(server), young["id"]), 1.9)
    server.stop()
    server = start(redis, FILES_DAYS=2, FILES_DIR=folder(server))
    assert server.request("GET", old["url"]).status == 404
    assert fetch(server, young) == b"text"
    stored(send(server, ticket(connect(server, new.bob, "general")), b"text"))
    assert server.stats()["counters"]["files_expired"] == 1


def test_a_server_without_files(start, redis, connect, new):
    server = start(redis, FILE_MAX_KB=0)
    client = connect(server, new.ann, "general")
    assert "files" not in client.frames[0]["limits"]
    client.send("ticket")
    assert client.expect("error")["code"] == "files_off"
    send(server, "x", b"text").error(404, "files_off")
    assert not os.path.exists(folder(server))


# ---- trouble


def limit_file_size(server, most):
    """A disk that takes no more."""
    subprocess.run(["prlimit", f"--pid={server.process.pid}", f"--fsize={most}:"], check=True)


def test_a_full_disk(start, redis, connect, new):
    server = start(redis)
    client = connect(server, new.ann, "general")
    limit_file_size(server, 200 * KB)
    for type_, content in ((None, os.urandom(MB)), ("image/png", png(extra=b"x" * MB))):
        send(server, ticket(client), content, "a", type_).error(507, "files_full")
    assert files_in(folder(server)) == []
    assert server.json("/api/v1/health")["files"]["state"] == "failing"
    assert len(server.logged(event="files", cannot="write")) == 1, "told once"
    client.say("chat goes on")
    limit_file_size(server, "unlimited")
    stored(send(server, ticket(client), os.urandom(MB), "a", None))
    assert server.json("/api/v1/health")["files"]["state"] == "ok"


def test_a_folder_that_cannot_be(start, redis, connect, new):
    server = start(redis, FILES_DIR="/sys/confab-files")
    client = connect(server, new.ann, "general")
    reply = send(server, ticket(client), b"text")
    assert (reply.status, reply.body["code"], reply.body["temporary"]) == (503, "files_unavailable", True)
    assert server.health() == 200
    client.say("chat goes on")


def test_a_folder_that_goes(start, redis, connect, new):
    server = start(redis)
    client = connect(server, new.ann, "general")
    about = stored(send(server, ticket(client), b"text"))
    shutil.rmtree(folder(server))
    assert server.request("GET", about["url"]).status == 404
    stored(send(server, ticket(client), b"text"))
    assert server.stats()["gauges"]["files_count"] == 1


def test_a_slow_upload_is_taken_and_a_stalled_one_ends(start, redis, connect, new, raw):
    server = start(redis, HANDSHAKE_TIMEOUT_S=1)
    token = ticket(connect(server, new.ann, "general"))
    slow, stalled = raw(server), raw(server)
    announce(slow, token, 6 * KB)
    announce(stalled, token, 6 * KB)
    stalled.send(b"x" * KB)
    for _ in range(6):
        time.sleep(0.4)  # the pace is what is tested
        slow.send(b"x" * KB)
    assert slow.response()[0] == 201
    assert stalled.response()[0] == 408
    wait_for(lambda: uploads(server) == 0, "it has ended")
    assert len(files_in(folder(server))) == 1


def test_many_uploads_at_once(start, redis, connect, new, raw):
    server = start(redis)
    people = [connect(server, getattr(new, f"p{i}"), "general") for i in range(10)]
    tokens = [ticket(client) for client in people]
    connections = [raw(server) for _ in range(40)]
    content = os.urandom(100 * KB)
    for i, connection in enumerate(connections):
        announce(connection, tokens[i // 4], len(content))
        if i < 32:
            connection.send(content[:1000])
    wait_for(lambda: server.stats()["counters"]["files_busy"] == 8, "eight are refused")
    for connection in connections[32:]:
        connection.send(content)
    for connection in connections[:32]:
        connection.send(content[1000:])
    statuses = sorted(connection.response()[0] for connection in connections)
    assert statuses == [201] * 32 + [503] * 8
    assert len(files_in(folder(server))) == 32
    wait_for(lambda: uploads(server) == 0, "all uploads have ended")


def test_one_person_leaves_room_for_others(shelf, connect, new, raw):
    ann, ben = (ticket(connect(shelf, name, "general")) for name in (new.ann, new.ben))
    slow = [raw(shelf) for _ in range(4)]
    for connection in slow:
        announce(connection, ann, KB)
    wait_for(lambda: uploads(shelf) == 4, "four have begun")
    assert "Four files" in send(shelf, ann, b"text").error(503, "busy")["message"]
    stored(send(shelf, ben, b"text"))
    for connection in slow:
        connection.send(b"x" * KB)
        assert connection.response()[0] == 201
    stored(send(shelf, ann, b"text"))


def memory(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as f:
        return int(next(line for line in f if line.startswith("VmHWM")).split()[1])


@pytest.mark.skipif("CONFAB_SLOW" in os.environ, reason="a sanitizer's memory says nothing")
def test_memory_is_bounded(start, redis, connect, new):
    server = start(redis)
    client = connect(server, new.ann, "general")
    stored(send(server, ticket(client), png(), "a.png", "image/png"))  # libmagic's database is read
    before = memory(server)
    content = os.urandom(10240 * KB)
    about = stored(send(server, ticket(client), content, "a", None))
    assert fetch(server, about) == content
    assert memory(server) - before < 2048


# ---- with messages and people


@pytest.mark.parametrize("where", ["room", "private"])
def test_a_file_goes_with_its_message(shelf, connect, new, room, where):
    ann, bob = connect(shelf, new.ann, room), connect(shelf, new.bob, room)
    mine, kept = (stored(send(shelf, ticket(ann), b"text")) for _ in range(2))
    others = stored(send(shelf, ticket(bob), b"text"))
    text = f"look:\n{mine['url']}\n{others['url']}"
    if where == "room":
        seq = ann.say(text)["seq"]
        ann.send("delete", room=room, seq=seq)
    else:
        seq = ann.tell(bob.user, text)["seq"]
        ann.send("delete", to=bob.user, seq=seq)
    wait_for(lambda: shelf.request("GET", mine["url"]).status == 404, "it has gone")
    assert fetch(shelf, kept) == fetch(shelf, others) == b"text"


def test_a_file_goes_with_a_message_that_only_the_archive_has(start, redis, connect, new, room, tmp_path):
    server = start(redis, ARCHIVE="sqlite", ARCHIVE_DIR=tmp_path)
    ann = connect(server, new.ann, room)
    about = stored(send(server, ticket(ann), b"text"))
    seq = ann.say(about["url"])["seq"]
    for i in range(101):
        ann.say(f"{i}")
    ann.send("delete", room=room, seq=seq, cid="gone")
    ann.expect("ack", cid="gone")
    wait_for(lambda: server.request("GET", about["url"]).status == 404, "it has gone")


def tool(server, *arguments, **settings):
    env = {"PATH": os.environ["PATH"], **settings}
    return subprocess.run(
        [BINARY, *arguments], cwd=server.folder, env=env, capture_output=True, text=True, timeout=60
    )


def test_a_person_s_files(start, redis, connect, new, account, tmp_path):
    settings = {"ARCHIVE": "sqlite", "ARCHIVE_DIR": str(tmp_path), "REDIS_ADDR": redis.addr}
    server = start(redis, ARCHIVE="sqlite", ARCHIVE_DIR=tmp_path)
    ann, bob = account(server, new.ann), account(server, new.bob)
    content = os.urandom(5000)
    mine = stored(send(server, ann.access, content, "a \"b\".bin", None))
    other = stored(send(server, bob.access, b"text"))
    done = tool(server, "person", "export", ann.name, **settings)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    files = [line["file"] for line in lines if line.get("person") == ann.name and "file" in line]
    assert [(f["id"], f["name"], base64.b64decode(f["base64"])) for f in files] == [
        (mine["id"], 'a "b".bin', content)
    ]
    done = tool(server, "person", "forget", ann.name, "--yes", **settings)
    assert done.returncode == 0 and "1 files were removed" in done.stdout, done
    assert files_in(folder(server)) == [other["id"]]
    assert server.request("GET", mine["url"]).status == 404
