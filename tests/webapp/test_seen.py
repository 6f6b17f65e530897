"""Every answer that shows a restricted record leaves its row before it leaves; the others leave none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from corpus import seen
from corpus.indicators import indicator_id
from tests.webapp.conftest import as_user

V1 = "/api/v1"
SEALED = "policies:p0000000009"
ROW = {
    "level1": "产出指标",
    "level2": "数量指标",
    "name": "凤凰行动出警次数",
    "operator": "≥",
    "value": "7",
    "unit": "次",
}
KIRIN_ROW = ROW | {"name": "麒麟考点安保人数"}
DRAFT = {"project": "麒麟考点安保", "goal": "麒麟考点安保40人次，凤凰行动出警7次", "limit": 60}


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    seen.memory._times.clear()


def ids(app: Flask) -> dict[str, str]:
    store = app.extensions["zhibiao"].store
    return {r["name"]: f"indicators:{r['id']}" for r in store.rows(
        "select id, name from indicators where visibility = 'restricted'"
    )}  # fmt: skip


def head(app: Flask) -> int:
    return int(app.extensions["zhibiao"].store.value("select coalesce(max(id), 0) from audit"))


def rows(app: Flask, since: int) -> list[tuple[str, str, set[str]]]:
    found = app.extensions["zhibiao"].store.rows(
        "select actor, action, records from audit where id > ? and action in ('see', 'form') order by id", [since]
    )
    return [(row["actor"], row["action"], set(row["records"].split())) for row in found]


def ask(client: FlaskClient, method: str, path: str, **sent: Any) -> TestResponse:
    headers = {"X-CSRF-Token": "test-token"} if method == "POST" else {}
    return client.open(path, method=method, headers=headers, **sent)


# Each way to be shown a restricted record, with the records that stand in the answer of who may see all.
SHOWN: list[tuple[str, str, dict[str, Any], set[str]]] = [
    ("GET", f"{V1}/indicators?q=麒麟", {}, {"麒麟"}),
    ("GET", f"{V1}/indicators?size=100", {}, {"麒麟", "凤凰", "玄武", "朱雀"}),
    ("GET", f"{V1}/indicators/2190001", {}, {"麒麟"}),
    ("GET", f"{V1}/policies?q=凤凰", {}, {"p"}),
    ("GET", f"{V1}/policies", {}, {"p"}),
    ("GET", f"{V1}/policies/p0000000009", {}, {"p"}),
    ("GET", f"{V1}/policies/p0000000001", {}, {"p"}),  # names who cites it
    ("POST", f"{V1}/suggest", {"json": DRAFT}, {"麒麟", "凤凰"}),
    ("POST", f"{V1}/review", {"json": {"rows": [KIRIN_ROW, ROW]}}, {"麒麟", "凤凰"}),
    ("GET", "/?q=凤凰行动", {}, {"凤凰"}),
    ("GET", "/indicators/2190001", {}, {"麒麟"}),
    ("GET", "/policies?q=凤凰", {}, {"p"}),
    ("GET", "/policies", {}, {"p"}),
    ("GET", "/policies/p0000000009", {}, {"p"}),
    ("POST", "/draft/suggestions", {"data": DRAFT}, {"麒麟", "凤凰"}),
]


def expected(app: Flask, names: set[str]) -> set[str]:
    return {SEALED} if names == {"p"} else {key for name, key in ids(app).items() if name[:2] in names}


@pytest.mark.parametrize(("method", "path", "sent", "names"), SHOWN, ids=[f"{m} {p}" for m, p, _, _ in SHOWN])
def test_each_way_to_a_restricted_record_leaves_its_row(
    app: Flask, method: str, path: str, sent: dict[str, Any], names: set[str]
) -> None:
    client = as_user(app, "admin")
    before = head(app)
    response = ask(client, method, path, **sent)
    assert response.status_code == 200
    written = rows(app, before)
    assert [(actor, action) for actor, action, _ in written] == [("admin", "see")]
    records = written[0][2]
    assert expected(app, names) <= records
    # Nothing is claimed that does not stand in the answer.
    text = response.text
    assert {key for key in records if key.partition(":")[2] not in text} <= ({SEALED} if "/p0" in path else {
        ids(app)["麒麟考点安保人数"]
    })  # fmt: skip
    between = head(app)
    assert ask(client, method, path, **sent).status_code == 200
    assert rows(app, between) == []  # the same within the hour


@pytest.mark.parametrize("who", [None, "reviewer"])
def test_who_sees_public_records_alone_leaves_none_and_costs_nothing(
    app: Flask, who: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row, no lock, not one statement more: nothing is gathered, and the writer is never called."""
    client, before = as_user(app, who), head(app)

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(seen, "write", forbidden)
    monkeypatch.setattr(seen, "Gathered", forbidden)
    for method, path, sent, _ in SHOWN:
        assert ask(client, method, path, **sent).status_code in (200, 403, 404)
    assert head(app) == before


def test_a_department_leaves_rows_of_its_own_records_alone(app: Flask) -> None:
    client, before = as_user(app, "dept"), head(app)
    for method, path, sent, _ in SHOWN:
        ask(client, method, path, **sent)
    assert {tuple(sorted(records)) for _, _, records in rows(app, before)} == {(ids(app)["麒麟考点安保人数"],)}


def test_public_answers_to_who_may_see_more_leave_none(app: Flask) -> None:
    client, before = as_user(app, "admin"), head(app)
    for path in (f"{V1}/indicators?q=水库除险加固", f"{V1}/indicators/2100001", f"{V1}/complete?q=kai", f"{V1}/taxonomy",
                 "/help", "/draft", "/relevance", f"{V1}/experts", "/experts"):  # fmt: skip
        assert client.get(path).status_code == 200, path
    assert client.get(f"{V1}/indicators/2999999").status_code == 404
    assert client.head(f"{V1}/indicators/2190001").status_code == 200
    assert rows(app, before) == []


def test_who_is_told_to_show_again_what_they_hold_sees_it(app: Flask) -> None:
    """A 304 has the browser show the records; after the hour, or for another person, that is seeing them."""
    path = f"{V1}/indicators?q=麒麟"
    client = as_user(app, "admin")
    for address in (path, f"{V1}/indicators/2190001"):
        held = client.get(address).headers["ETag"]
        seen.memory._times.clear()
        before = head(app)
        response = client.get(address, headers={"If-None-Match": held})
        assert (response.status_code, response.data) == (304, b"")
        assert rows(app, before) == [("admin", "see", {ids(app)["麒麟考点安保人数"]})]


def test_a_table_that_is_exported_names_its_restricted_records(app: Flask) -> None:
    form = {**{name: ["甲", "乙"] for name in ("level1", "level2", "name", "operator", "value", "unit")},
            "id": [ids(app)["麒麟考点安保人数"].partition(":")[2], indicator_id("2100001")]}  # fmt: skip
    written = []
    for who in ("admin", "admin", "dept", "reviewer", None):
        client, before = as_user(app, who), head(app)
        if who is None:
            client.get("/sign-in")
            with client.session_transaction() as session:
                session["csrf"] = "test-token"
        assert ask(client, "POST", "/draft/table.csv", data=form).status_code == 200
        written += rows(app, before)
    kirin = {ids(app)["麒麟考点安保人数"]}
    assert written == [("admin", "form", kirin), ("admin", "form", kirin), ("dept", "form", kirin)]


@pytest.fixture
def full(app: Flask) -> Iterator[None]:
    """The audit takes no row, as on a full disk."""
    with closing(sqlite3.connect(app.extensions["zhibiao"].store.path)) as db:
        db.execute("create trigger full before insert on audit begin select raise(abort, 'full'); end")
        yield
        db.execute("drop trigger full")


@pytest.mark.parametrize("way", SHOWN, ids=[f"{m} {p}" for m, p, _, _ in SHOWN])
def test_no_record_leaves_without_its_row(
    app: Flask, request: pytest.FixtureRequest, way: tuple[str, str, dict[str, Any], set[str]]
) -> None:
    method, path, sent, names = way
    client = as_user(app, "admin")
    request.getfixturevalue("full")
    response = ask(client, method, path, **sent)
    assert response.status_code == 503
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    for key in expected(app, names):
        assert key.partition(":")[2] not in response.text
    assert not [s for s in ("麒麟", "凤凰", "玄武", "朱雀") if s in response.text]
    if path.startswith("/api"):
        assert response.json == {"error": {"code": "not_ready", "message": seen.REFUSED}}
    else:
        assert seen.REFUSED in response.text
    assert as_user(app, None).get(f"{V1}/indicators?q=幼儿园").status_code == 200
