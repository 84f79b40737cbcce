"""public/openapi.json against the tables of the sources. tests/api holds it against a server."""

import json
import os
import re

import pytest

from support.server import ROOT


def source(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


@pytest.fixture(scope="module")
def document():
    return json.loads(source("public/openapi.json"))


def test_the_server_serves_it(plain, document):
    response = plain.request("GET", "/openapi.json")
    assert response.status == 200
    assert response.getheader("Content-Type") == "application/json"
    assert json.loads(response.body) == document


def test_codes_are_those_of_the_tables(document):
    protocol = re.findall(r'X\(\w+, "(\w+)", [01], \d{3},', source("include/confab/wire/rules.h"))
    http = re.findall(r'X\(\w+, "(\w+)", \d{3}\)', source("src/net/http.h"))
    timeout = re.findall(r'refusal_send\([^;]*"(\w+)"\)', source("src/net/session.c"))
    assert len(protocol) > 30 and len(http) > 10 and len(timeout) == 1
    codes = document["components"]["schemas"]["Error"]["properties"]["code"]["enum"]
    assert codes == sorted(set(protocol + http + timeout))


def test_the_protocol_page_has_the_codes_of_http():
    """Those of frames: tests/unit/test_rules.c."""
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \|", source("docs/PROTOCOL.md"), re.MULTILINE)
    codes = re.findall(r'X\(\w+, "(\w+)", (\d{3})\)', source("src/net/http.h"))
    assert sorted(rows) == sorted([*codes, ("too_slow", "408")])


def test_paths_are_those_of_the_routes(document):
    routes = re.findall(r'(?:\{ METHOD_|ACT\(|ROOM\()(\w+), "(/api/[^"]+)"', source("src/net/route.c"))
    assert len(routes) > 10
    described = [
        (method.upper(), re.sub(r"\{\w+\}", "*", path))
        for path, methods in document["paths"].items()
        for method in methods
    ]
    assert sorted(described) == sorted(routes)


def test_statuses_of_the_codes_are_described(document):
    """A code that a table gives a status has a response of that status somewhere."""
    described = {
        status
        for methods in document["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
    }
    statuses = set(re.findall(r'X\(\w+, "\w+", [01], (\d{3}),', source("include/confab/wire/rules.h")))
    assert statuses - described == {"500"}, "500: Redis refused a command"


@pytest.mark.parametrize(
    "rule,where",
    [
        ("PASSWORD_BYTES", ("Login", "password", "maxLength")),
        ("LABEL_CHARS", ("Device", "label", "maxLength")),
        ("DEVICES", ("Devices", "devices", "maxItems")),
        ("HISTORY_MESSAGES", ("History", "messages", "maxItems")),
        ("SEARCH_RESULTS", ("Search", "results", "maxItems")),
        ("REFRESH_BYTES", ("Tokens", "refresh_token", "maxLength")),
        ("TOKEN_BYTES", ("Tokens", "access_token", "maxLength")),
    ],
)
def test_limits_are_those_of_the_rules(document, rule, where):
    (value,) = re.findall(rf"X\({rule}, (\d+),", source("include/confab/wire/rules.h"))
    schemas = document["components"]["schemas"]
    body = document["paths"]["/api/v1/login"]["post"]["requestBody"]
    schemas = schemas | {"Login": body["content"]["application/json"]["schema"]}
    name, field, limit = where
    assert schemas[name]["properties"][field][limit] == int(value)


def test_references_lead_somewhere(document):
    def references(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key == "$ref":
                    yield inner
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    used = set(references(document))
    for reference in used:
        target = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
    components = {
        f"#/components/{kind}/{name}"
        for kind, entries in document["components"].items()
        for name in entries
        if kind != "securitySchemes"
    }
    assert used == components
