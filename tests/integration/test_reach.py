"""Where other devices reach the server: what it prints, tells and draws."""

import json
import urllib.parse

import pytest


def qr(server, url, **options):
    return server.request("GET", "/api/v1/qr.svg?" + urllib.parse.urlencode({"url": url}), **options)


def test_a_local_server_has_no_address(plain):
    assert plain.json("/api/v1/addresses") == {"urls": [], "mdns": None}




@pytest.mark.parametrize("rest", ["", "#general", "#caf%C3%A9", "ca?x=1"])
def test_qr_of_the_address_that_is_asked(plain, rest):
    response = qr(plain, f"http://127.0.0.1:{plain.port}/{rest}")
    assert response.status == 200
    assert response.getheader("Content-Type") == "image/svg+xml"
    assert response.body.startswith(b"<svg ")


def test_qr_behind_a_proxy_has_its_scheme(start, redis):
    server = start(redis, ALLOWED_HOSTS="chat.example.org")
    headers = {"Host": "chat.example.org"}
    assert qr(server, "https://chat.example.org/#general", headers=headers).status == 200
    assert qr(server, "https://chat.example.org.evil/", headers=headers).status == 400
    assert qr(server, "ftp://chat.example.org/", headers=headers).status == 400


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://evil.example/",
        "http://127.0.0.1/",
        "javascript:alert(1)",
        "http://127.0.0.1:PORT",
        "http://127.0.0.1:PORT@evil.example/",
        "http://127.0.0.1:PORT/ x",
        "http://127.0.0.1:PORT/é",
        "http://127.0.0.1:PORT/" + "x" * 512,
    ],
)
def test_qr_of_others_is_refused(plain, url):
    response = qr(plain, url.replace("PORT", str(plain.port)))
    assert response.status == 400
    assert json.loads(response.body)["code"] == "bad_arguments"


def test_qr_needs_one_url(plain):
    own = urllib.parse.quote(f"http://127.0.0.1:{plain.port}/")
    for query in ("", "?url", f"?url={own}&url={own}"):
        assert plain.request("GET", f"/api/v1/qr.svg{query}").status == 400
