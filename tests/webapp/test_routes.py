"""Every route by every person: each cell of the table in route_rules is really asked for."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from corpus import people
from corpus.people import User
from corpus.store import Store
from tests.webapp.conftest import _app
from tests.webapp.route_rules import DOCUMENT, LINES, PASSWORD, PERSONS, Line, Person, barred, document, expected
from webapp.security import Attempts

ALL_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
TOKEN = "test-token"  # noqa: S105
NUMBER = itertools.count(1)
RULES = sorted({line.rule for line in LINES})


@pytest.fixture(scope="module")
def app(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application over a copy of the whole library, with everybody of the table."""
    data = tmp_path_factory.mktemp("routes") / "data"
    shutil.copytree(library, data)
    for app in _app(data):
        store = app.extensions["zhibiao"].store
        known = {user.name for user in people.users(store)}
        for actor in {p.account: p.actor for p in PERSONS}.values():
            if actor.name and actor.name not in known:
                made = User(actor.name, actor.role, actor.unit, actor.clearance, disabled=False)
                people.add(store, made, password=PASSWORD, by="test", must_change=False)
        visitor = User("visitor", PERSONS[3].actor.role, "", PERSONS[3].actor.clearance, disabled=False)
        people.add(store, visitor, password=PASSWORD, by="test", must_change=False)
        people.add(store, replace(visitor, name="target"), password=PASSWORD, by="test", must_change=False)
        yield app
        app.extensions["zhibiao_relevance"].stop()


def client_of(app: Flask, person: Person) -> tuple[FlaskClient, dict[str, str]]:
    """A fresh client with the credentials of this person, and the headers that go with its requests."""
    store: Store = app.extensions["zhibiao"].store
    client, headers = app.test_client(), {}
    if person.way in ("token", "late"):
        days = 1
        secret = people.issue(store, person.account, "api", days=days, scopes=person.actor.limits or (), by="test")
        if person.way == "late":
            _age(store)
        headers["Authorization"] = f"Bearer {secret}"
        return client, headers
    with client.session_transaction() as session:
        session["csrf"] = TOKEN
        if person.account:
            people.enable(store, person.account, by="test")
            with store.writing() as db:
                db.conn.execute("update users set must_change = ? where name = ?",
                                [person.way == "given", person.account])  # fmt: skip
            session["session"] = people.issue(store, person.account, "session", days=1, by="test")
    if person.way == "closed":
        # Closing an account drops its sessions as well; the session that stays behind must be worth nothing either.
        with store.writing() as db:
            db.conn.execute("update users set disabled = 1 where name = ?", [person.account])
    return client, headers


def _age(store: Store) -> None:
    """Make the newest token one that ran out yesterday."""
    with store.writing() as db:
        db.conn.execute(
            "update tokens set expires = '2026-01-01T00:00:00Z' where rowid = (select max(rowid) from tokens)"
        )


def ask(app: Flask, line: Line, person: Person) -> TestResponse:
    client, headers = client_of(app, person)
    if line.json is not None or line.rule.startswith("/api/"):
        headers["X-CSRF-Token"] = TOKEN
    if line.json is not None:
        return client.open(line.path, method=line.method, json=line.json, headers=headers, buffered=True)
    form = {"csrf_token": TOKEN} | {name: value.replace("{n}", str(next(NUMBER))) for name, value in line.form.items()}
    if line.method == "GET" or line.rule.startswith("/api/"):
        return client.open(line.path, method=line.method, headers=headers, buffered=True)
    return client.open(line.path, method=line.method, data=form, headers=headers, buffered=True)


def test_every_route_has_a_line_and_every_line_a_route(app: Flask) -> None:
    routes = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == {(line.method, line.rule) for line in LINES}


@pytest.mark.parametrize("person", PERSONS, ids=lambda p: p.title)
def test_every_cell(app: Flask, person: Person) -> None:
    found = {}
    for line in LINES:
        app.extensions["zhibiao_attempts"] = Attempts()
        found[line.method, line.path] = ask(app, line, person).status_code
        app.extensions["zhibiao_relevance"].stop()
    assert found == {(line.method, line.path): expected(line, person) for line in LINES}
    assert len(found) == len(LINES)


@pytest.mark.parametrize("person", PERSONS, ids=lambda p: p.title)
def test_methods_without_a_line_are_refused(app: Flask, person: Person) -> None:
    known = {(line.method, line.rule) for line in LINES}
    samples = {line.rule: line for line in LINES}
    found, wanted = {}, {}
    for method, rule in itertools.product(ALL_METHODS, RULES):
        if (method, rule) not in known:
            client, headers = client_of(app, person)
            found[method, rule] = client.open(samples[rule].path, method=method, headers=headers).status_code
            # Without a route no endpoint is known: neither the doors nor the static files are excepted.
            always = barred("/api/x" if rule.startswith("/api/") else "/x", person)
            wanted[method, rule] = always or 405
    assert found == wanted


@pytest.mark.parametrize("person", [PERSONS[0], PERSONS[4]], ids=lambda p: p.title)
def test_head_is_like_get_and_options_say_nothing(app: Flask, person: Person) -> None:
    for line in LINES:
        if line.method == "GET":
            client, headers = client_of(app, person)
            head = client.head(line.path, headers=headers, buffered=True)
            assert (head.status_code, head.data) == (expected(line, person), b""), line.path
            options = client.options(line.path, headers=headers)
            assert options.status_code in (200, expected(line, person))
            assert options.data == b"" or options.status_code != 200


def test_no_answer_tells_of_a_failure_inside(app: Flask) -> None:
    for line in LINES:
        for bad in ("%00", "..%2f..%2fetc%2fpasswd", "%ff", "a" * 3000, "<script>", "%0d%0aX-Injected:%20yes"):
            client, headers = client_of(app, PERSONS[4])
            path = line.rule.replace("<path:", "<")
            for name in line.at:
                path = path.replace(f"<{name}>", bad)
            answer = client.open(
                path + f"?q={bad}&page={bad}&next={bad}", method=line.method, headers=headers, buffered=True
            )
            assert answer.status_code < 500, (line.method, path)
            assert "X-Injected" not in answer.headers
            assert "Traceback" not in answer.text
    app.extensions["zhibiao_relevance"].stop()


def test_the_document_is_the_table() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "python -m tests.webapp.route_rules"
