"""Requests that no browser of ours sends, over the real server too; and what stands in the logs afterwards."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import waitress
from flask import Flask
from flask.testing import FlaskClient

from corpus import passwords, people
from corpus.access import TOKEN_RIGHTS
from corpus.store import Store
from tests.webapp.conftest import PASSWORD, _app, as_user
from webapp.auth import local

V1 = "/api/v1"
WORDS = {"project": "幼儿园", "goal": "新建幼儿园5所"}


@pytest.fixture(scope="module")
def app(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    data = tmp_path_factory.mktemp("requests") / "data"
    shutil.copytree(library, data)
    yield from _app(data)


@pytest.fixture
def store(app: Flask) -> Store:
    return app.extensions["zhibiao"].store  # type: ignore[no-any-return]


def csrf(client: FlaskClient) -> str:
    client.get("/sign-in")
    with client.session_transaction() as session:
        return str(session["csrf"])


# Redirects and headers

ELSEWHERE = [
    "//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "///evil.example", "javascript:alert(1)",
    "http:evil.example", "/\t/evil.example", "/\n/evil.example", "\t//evil.example", "//evil.example/%2f..", "evil.example",
    "/%0d%0aSet-Cookie: a=b\r\nX: y", "/ok\r\nX-Injected: yes", "/\x00", "data:text/html,x", "", " //evil.example",
    "//127.0.0.1@evil.example", "/\u2028/evil.example",
]  # fmt: skip


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_in_leads_nowhere_else(app: Flask, target: str) -> None:
    client = app.test_client()
    form = {"name": "dept", "password": PASSWORD, "next": target, "csrf_token": csrf(client)}
    answer = client.post("/sign-in", data=form)
    assert answer.status_code == 303
    to = answer.headers["Location"]
    assert to == "/" or (to.startswith("/%0d%0aSet-Cookie") and "\r" not in to)
    assert "X-Injected" not in answer.headers
    assert local(target) in ("/", target)


@pytest.mark.parametrize("path", ["//evil.example/..", "//evil.example", "/%5cevil.example", "/static//evil.example"])
def test_no_address_redirects_elsewhere(app: Flask, path: str) -> None:
    answer = app.test_client().get(path, buffered=True)
    assert urlsplit(answer.headers.get("Location", "http://localhost/")).netloc == "localhost"


def test_the_host_that_is_asked_for_stands_in_no_answer(app: Flask) -> None:
    client = as_user(app, "admin")
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example",
              "X-Original-URL": "/audit", "X-Rewrite-URL": "/audit"}  # fmt: skip
    for path in ("/", "/sign-in", "/help", f"{V1}/openapi.json", "/nothing"):
        answer = client.get(path, headers=forged, buffered=True)
        assert "evil.example" not in answer.text + str(answer.headers)


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_method_cannot_be_put_over(app: Flask, header: str) -> None:
    client = as_user(app, "admin")
    before = client.get(f"{V1}/policies").data
    assert client.get(f"{V1}/choices", headers={header: "DELETE"}).status_code == 405
    assert client.get(f"{V1}/choices?_method=DELETE").status_code == 405
    assert client.get("/sign-out", headers={header: "POST"}).status_code == 405
    assert client.get(f"{V1}/policies").data == before


def test_no_other_origin_is_let_in(app: Flask, store: Store) -> None:
    client = as_user(app, "admin")
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        for path in ("/", f"{V1}/indicators", f"{V1}/choices"):
            asked = {"Origin": origin, "Access-Control-Request-Method": "DELETE"}
            for answer in (client.get(path, headers=asked), client.options(path, headers=asked)):
                assert [name for name in dict(answer.headers) if name.lower().startswith("access-control")] == []


# Bodies and parameters


def test_the_same_parameter_twice_is_refused_where_one_counts(app: Flask) -> None:
    client = as_user(app, None)
    for address in (
        "indicators?q=a&q=b",
        "indicators?page=1&page=2",
        "complete?limit=1&limit=2",
        "policies?size=1&size=9",
    ):
        answer = client.get(f"{V1}/{address}")
        assert (answer.status_code, "只能出现一次" in answer.text) == (400, True), address
    assert client.get(f"{V1}/indicators?unknown=1").status_code == 400
    assert client.get("/?page=1&page=x").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"project": ' + b"9" * 10_000 + b"}",
        b'{"budget": 1e999}',
        b'{"budget": NaN}',
        b'{"budget": -Infinity}',
        b'{"project": "a", "project": "b"}',
        b'{"project": "\\ud800"}',
        b'{"project": "a\\u0000"}',
        b'{"project": "\xff"}',
        b'\xef\xbb\xbf{"project": "a"}',
        b'{"__class__": "x", "__proto__": {"admin": true}}',
        b'{"project": {"$ne": null}}',
        b'{"limit": 1e9}',
        b"null",
        b"",
        b"{",
        json.dumps({"project": "a" * 201}).encode(),
        json.dumps({"goal": "a" * 5001}).encode(),
        json.dumps({"chosen": ["a"] * 201}).encode(),
    ],
)
def test_a_body_that_is_wrong_is_told_so(app: Flask, body: bytes) -> None:
    answer = app.test_client().post(f"{V1}/suggest", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert set(answer.json["error"]) <= {"code", "message", "field"}


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "", "a"],
)
def test_only_json_is_read_as_json(app: Flask, kind: str) -> None:
    """No page of another site can send this type without asking first."""
    body = json.dumps(WORDS).encode()
    answer = app.test_client().post(f"{V1}/suggest", data=body, headers={"Content-Type": kind})
    assert answer.status_code == 415


def test_forms_of_very_many_fields_are_refused(app: Flask) -> None:
    client = as_user(app, "admin")
    parts = "".join(f'--x\r\nContent-Disposition: form-data; name="a{n}"\r\n\r\n1\r\n' for n in range(3000))
    many = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/draft/suggestions", data=f"{parts}--x--\r\n".encode(), headers=many)
    assert answer.status_code in (403, 413)


# Sessions


def test_a_session_that_somebody_else_began_is_not_taken_over(app: Flask) -> None:
    attacker = app.test_client()
    token = csrf(attacker)
    cookie = attacker.get_cookie("zhibiao")
    assert cookie is not None
    victim = app.test_client()
    victim.set_cookie("zhibiao", cookie.value)
    form = {"name": "admin", "password": PASSWORD, "csrf_token": token}
    assert victim.post("/sign-in", data=form).status_code == 303
    assert victim.get(f"{V1}/experts").status_code == 200
    assert attacker.get(f"{V1}/experts").status_code == 401
    assert victim.get_cookie("zhibiao").value != cookie.value  # type: ignore[union-attr]


def test_no_secret_is_taken_from_an_address(app: Flask, store: Store) -> None:
    secret = people.issue(store, "admin", "api", days=1, scopes=set(TOKEN_RIGHTS), by="test")
    client = app.test_client()
    for name in ("token", "access_token", "session", "api_key"):
        assert client.get(f"{V1}/experts?{name}={secret}").status_code == 401
    client.set_cookie("session", secret)
    client.set_cookie("token", secret)
    assert client.get(f"{V1}/experts").status_code == 401


def test_a_name_that_nobody_has_costs_as_much_as_one_that_somebody_has(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: a hash of the same cost is verified whoever it is."""
    done: list[str] = []
    real = passwords.hasher.verify

    class Counting:
        def verify(self, hashed: str, password: str) -> bool:
            done.append(hashed.split("$p", maxsplit=1)[0].rpartition("$")[0])
            return real(hashed, password)

        def __getattr__(self, name: str) -> object:
            return getattr(_hasher, name)

    _hasher = passwords.hasher
    monkeypatch.setattr(passwords, "hasher", Counting())
    for name in ("admin", "nobody", "", "\0", "a" * 10_000):
        assert people.sign_in(store, name, "wrong") is None
    assert len(done) == 5


# The server


@pytest.fixture(scope="module")
def address(app: Flask) -> Iterator[tuple[str, int]]:
    """Where the application is served as ``zhibiao serve`` does it."""
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4, ident=None)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield ("127.0.0.1", int(server.effective_port))
    server.close()
    thread.join(10)


def sent(address: tuple[str, int], request: bytes) -> bytes:
    """The whole answer to raw bytes on the wire."""
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(request)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        parts = []
        with contextlib.suppress(ConnectionResetError):
            while data := connection.recv(65536):
                parts.append(data)
        return b"".join(parts)


def post(body: bytes, *headers: str) -> bytes:
    lines = [
        f"POST {V1}/suggest HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


GOOD = json.dumps(WORDS).encode()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (post(GOOD, f"Content-Length: {len(GOOD)}"), 200),
        (post(b"%x\r\n" % len(GOOD) + GOOD + b"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 200),
        (post(b""), 400),  # no length: no body
        (post(GOOD, "Content-Length: -1"), 400),
        (post(GOOD, "Content-Length: 5", f"Content-Length: {len(GOOD)}"), 400),
        (post(GOOD, f"Content-Length: {len(GOOD)}", "Transfer-Encoding: gzip, chunked"), 501),
        (post(b"zz\r\n", "Transfer-Encoding: chunked"), 400),
        (post(b"0\r\n\r\n", "Transfer-Encoding: \x0bchunked"), 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 300_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n folded: x\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 400),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 400),
        (b"GET /sign-in?next=/%0d%0aX-Injected:yes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 200),
        (b"GARBAGE\r\n\r\n", 400),
    ],
)
def test_the_wire(address: tuple[str, int], request_: bytes, status: int) -> None:
    answer = sent(address, request_)
    head = answer.partition(b"\r\n\r\n")[0]
    assert int(head.split()[1]) == status
    assert b"x-injected" not in head.lower()
    assert b"Traceback" not in answer
    assert b"python" not in head.lower()
    assert b"\r\nServer:" not in head or b"waitress" in head.lower()


def test_the_server_still_answers_after_all_that(address: tuple[str, int]) -> None:
    assert b'{"ok":true}' in sent(
        address, b"GET /api/v1/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )


# Logs


def test_nothing_secret_stands_in_the_logs(  # noqa: PLR0917
    app: Flask, store: Store, address: tuple[str, int], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Sign-in, links, tokens and searches over the real server, well and badly, with every logger at its loudest."""
    caplog.set_level(logging.DEBUG)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    link = people.issue(store, "dept", "link", days=1, by="test")
    other = people.issue(store, "dept", "link", days=1, by="test")
    token = people.issue(store, "dept", "api", days=1, scopes=set(), by="test")
    typed = {"password": "hunter2-typed-wrong", "word": "麒麟考点", "goal": "凤凰行动草稿"}
    client = app.test_client()

    def go() -> None:
        key = csrf(client)
        client.post("/sign-in", data={"name": "dept", "password": typed["password"], "csrf_token": key})
        client.post("/sign-in", data={"name": "dept", "password": PASSWORD, "csrf_token": csrf(client)})
        client.get("/", query_string={"q": typed["word"]})
        client.get(f"{V1}/indicators", query_string={"q": typed["word"]}, headers={"Authorization": f"Bearer {token}"})
        client.get(f"{V1}/indicators", headers={"Authorization": f"Bearer {token}x"})
        client.post(f"{V1}/suggest", json={"project": typed["word"], "goal": typed["goal"]})
        client.post(f"/enter/{link}", data={"csrf_token": csrf(client)})
        wire = f"GET /?q=%E9%BA%92%E9%BA%9F HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        sent(address, wire.encode())
        sent(address, f"POST /enter/{other} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())

    try:
        go()
        known = [link, other, token]
        with client.session_transaction() as session:
            known.append(session["session"])
        # The same with everything failing inside, and saying what it was about.
        for name in ("corpus.people.sign_in", "corpus.people.redeem", "webapp.views.library.search_indicators",
                     "webapp.api.search_indicators", "webapp.api.suggest"):  # fmt: skip
            monkeypatch.setattr(name, _fail)
        assert client.get("/", query_string={"q": typed["word"]}).status_code == 500
        go()
    finally:
        logging.getLogger().removeHandler(handler)
    said = stream.getvalue() + caplog.text + "".join(capfd.readouterr())
    assert "POST /enter/<secret>" in said  # the failures were logged
    assert "builtins.RuntimeError" in said
    for secret in (*known, *typed.values(), PASSWORD, "麒麟", "%E9%BA%92", "凤凰"):
        assert secret not in said
    assert not re.search(r"Bearer \S|csrf_token=|Cookie:", said)


def _fail(*given: object, **named: object) -> None:
    raise RuntimeError(f"{given} {named}")
