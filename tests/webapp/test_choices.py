"""Telling what was taken over: one answer to whatever may not count, and no trace of what is restricted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from corpus import choices, indicators, people
from corpus.access import Actor
from corpus.choices import Taken
from corpus.indicators import indicator_id
from corpus.store import Store
from tests.webapp.conftest import as_user
from webapp.openapi import document

PATH = "/api/v1/choices"
PAGE = {"X-CSRF-Token": "test-token"}
USE = "学前教育保障"
NURSERY, KIRIN = indicator_id("2100001"), indicator_id("2190001")
HIDDEN = [indicator_id(code) for code in ("2190001", "3290001", "3490001", "2290001")]
USES = (USE, "农村公路建设", "朱雀专项", "没有的用途")
TAKEN = {"use": USE, "id": NURSERY, "chosen": [NURSERY]}


def store_of(app: Flask) -> Store:
    store: Store = app.extensions["zhibiao"].store
    return store


def admin_of(app: Flask) -> Actor:
    return people.get(store_of(app), "admin").actor


@pytest.fixture(autouse=True)
def _nothing_stays(request: pytest.FixtureRequest) -> Iterator[None]:
    """The applications are shared by all tests."""
    yield
    for name in ("app", "public_twin", "department_twin"):
        if name in request.fixturenames:
            app = request.getfixturevalue(name)
            choices.reset(store_of(app), admin_of(app))


@pytest.fixture
def store(app: Flask) -> Store:
    return store_of(app)


def problem(response: TestResponse) -> tuple[int, str, str | None]:
    error: dict[str, Any] = response.json["error"]
    return response.status_code, error["message"], error.get("field")


def whole(response: TestResponse) -> tuple[int, bytes, list[tuple[str, str]]]:
    return response.status_code, response.data, list(response.headers)


def test_signed_in_people_count_once_each(
    store: Store, department: FlaskClient, admin: FlaskClient, token: str
) -> None:
    answers = [client.post(PATH, json=TAKEN, headers=PAGE) for client in (department, department, admin)]
    # The same person by a token: no CSRF token is asked for, and it is still the same person.
    answers.append(
        department.application.test_client().post(PATH, json=TAKEN, headers={"Authorization": f"Bearer {token}"})
    )
    assert [(a.status_code, a.data, a.headers["Cache-Control"], a.content_type) for a in answers] == [
        (204, b"", "no-store", None)
    ] * 4
    assert choices.counts(store, [USE]) == {NURSERY: 2}


def test_the_public_is_asked_to_sign_in(store: Store, public: FlaskClient) -> None:
    public.get("/draft")
    with public.session_transaction() as session:
        page = {"X-CSRF-Token": session["csrf"]}
    for body in (TAKEN, TAKEN | {"id": KIRIN}, {}):
        assert problem(public.post(PATH, json=body, headers=page)) == (401, "请先登录后再采用指标。", None)
    for use in ("", "?use=学前教育保障", "?nope=1"):
        assert problem(public.delete(PATH + use, headers=page)) == (401, "请先登录后再维护指标库和检索设置。", None)
    bad = {"Authorization": "Bearer x"}
    assert [public.post(PATH, json=TAKEN, headers=bad).status_code, public.delete(PATH, headers=bad).status_code] == [
        401
    ] * 2
    assert choices.counts(store, [USE]) == {}


def test_a_session_has_to_prove_that_it_comes_from_our_page(store: Store, admin: FlaskClient) -> None:
    assert admin.post(PATH, json=TAKEN, headers=PAGE).status_code == 204
    for headers in ({}, {"X-CSRF-Token": "wrong"}):
        refused = [
            admin.post(PATH, json=TAKEN | {"use": "农村公路建设"}, headers=headers),
            admin.delete(PATH, headers=headers),
        ]
        assert [problem(r) for r in refused] == [(403, "页面已过期，请刷新页面后重新提交。", "csrf_token")] * 2
    assert choices.counts(store, USES) == {NURSERY: 1}


@pytest.mark.parametrize("person", ["dept", "reviewer", "admin"])
def test_what_does_not_count_is_answered_like_what_does(app: Flask, store: Store, person: str) -> None:
    client = as_user(app, person)
    expected = whole(client.post(PATH, json=TAKEN | {"use": "农村公路建设"}, headers=PAGE))
    for body in (
        *(TAKEN | {"id": id} for id in (*HIDDEN, "0000000000", "", "😀")),
        *(TAKEN | {"chosen": [NURSERY, id]} for id in (*HIDDEN, "0000000000", "")),
        *(TAKEN | {"use": use} for use in ("朱雀专项", "没有的用途", "", "2050201")),
    ):
        assert whole(client.post(PATH, json=body, headers=PAGE)) == expected, body
    assert choices.taken(store, admin_of(app)) == [Taken("农村公路建设", "2100001", "新建幼儿园数量", 1)]


def test_an_administrator_resets(app: Flask, store: Store, department: FlaskClient, admin: FlaskClient) -> None:
    for use in (USE, "农村公路建设"):
        assert department.post(PATH, json=TAKEN | {"use": use}, headers=PAGE).status_code == 204
    refused = (403, "只有财政管理员可以维护指标库和检索设置，请联系本级财政部门。", None)
    assert [problem(as_user(app, who).delete(PATH, headers=PAGE)) for who in ("dept", "reviewer")] == [refused] * 2
    for use in ("没有的用途", "朱雀专项", USE):
        answer = admin.delete(PATH, query_string={"use": use}, headers=PAGE)
        assert (answer.status_code, answer.data) == (204, b"")
    assert [choices.counts(store, [use]) for use in (USE, "农村公路建设")] == [{}, {NURSERY: 1}]
    assert admin.delete(PATH, headers=PAGE).status_code == 204
    assert choices.counts(store, USES) == {}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "use"),
        (TAKEN | {"use": 1}, "use"),
        (TAKEN | {"use": None}, "use"),
        (TAKEN | {"use": "a" * 101}, "use"),
        (TAKEN | {"id": 1}, "id"),
        (TAKEN | {"id": "a" * 41}, "id"),
        (TAKEN | {"id": "a\0"}, "id"),
        ({"use": USE, "id": NURSERY}, "chosen"),
        (TAKEN | {"chosen": NURSERY}, "chosen"),
        (TAKEN | {"chosen": [1]}, "chosen.0"),
        (TAKEN | {"chosen": ["a"] * 201}, "chosen"),
        (TAKEN | {"chosen": ["a" * 41]}, "chosen.0"),
        (TAKEN | {"person": "dept"}, "person"),
        ([], None),
    ],
)
def test_bad_bodies_are_named(store: Store, department: FlaskClient, body: object, field: str | None) -> None:
    status, _, named = problem(department.post(PATH, json=body, headers=PAGE))
    assert (status, named, choices.counts(store, USES)) == (400, field, {})


def test_bad_parameters_are_named(store: Store, admin: FlaskClient) -> None:
    """An empty use is a mistake: taken for none, it would clear everything."""
    admin.post(PATH, json=TAKEN, headers=PAGE)
    assert problem(admin.delete(f"{PATH}?use=", headers=PAGE)) == (400, "“use”不能为空，请补充或去掉。", "use")
    for rest, field in (("?use=a&use=b", "use"), (f"?use={'a' * 101}", "use"), ("?x=1", "x")):
        assert problem(admin.delete(PATH + rest, headers=PAGE))[::2] == (400, field)
    assert problem(admin.post(f"{PATH}?x=1", json=TAKEN, headers=PAGE))[::2] == (400, "x")
    assert admin.post(PATH, data="a", headers=PAGE).status_code == 415
    assert admin.get(PATH).status_code == 405
    assert choices.counts(store, USES) == {NURSERY: 1}


@pytest.mark.parametrize(
    ("person", "twin"), [("reviewer", "public_twin"), ("dept", "department_twin"), ("admin", "public_twin")]
)
def test_restricted_records_leave_no_trace(app: Flask, person: str, twin: str, request: pytest.FixtureRequest) -> None:
    """Everything answered, and everything learned, is that of a library that never held them."""
    public = [i.id for i in indicators.active(store_of(app), "open")]
    bodies = [
        {"use": use, "id": id, "chosen": [*beside]}
        for use in USES
        for id in (public[0], public[-1], *HIDDEN)
        for beside in ([], public, *([public[0], id] for id in HIDDEN))
    ]
    got = []
    for asked in (app, request.getfixturevalue(twin)):
        client, store = as_user(asked, person), store_of(asked)
        answers = [whole(client.post(PATH, json=body, headers=PAGE)) for body in bodies]
        taken = choices.taken(store, admin_of(asked))
        answers += [whole(client.delete(f"{PATH}?use={use}", headers=PAGE)) for use in USES]
        got.append(repr((answers, taken, choices.counts(store, USES))).encode())
    assert got[0] == got[1]
    assert b"Taken(" in got[0]


def test_only_the_page_of_a_signed_in_person_knows_where_to_tell(public: FlaskClient, department: FlaskClient) -> None:
    assert [
        page.count(f' data-choices="{PATH}"') for page in (public.get("/draft").text, department.get("/draft").text)
    ] == [0, 1]
    assert "choices" not in public.get("/draft").text


def test_both_are_described_whole() -> None:
    post, delete = document()["paths"][PATH]["post"], document()["paths"][PATH]["delete"]
    assert sorted(document()["components"]["schemas"]["ChoiceRequest"]["required"]) == ["chosen", "id", "use"]
    assert [p["name"] for p in (*post["parameters"], *delete["parameters"])] == ["use"]
    assert "requestBody" not in delete
    assert [sorted(o["responses"]) for o in (post, delete)] == [
        ["204", "400", "401", "403", "413", "415"], ["204", "400", "401", "403"],
    ]  # fmt: skip
    assert [o["responses"]["204"] for o in (post, delete)] == [{"description": "成功"}] * 2
    assert [o["security"] for o in (post, delete)] == [[{"bearer": []}, {"session": []}]] * 2
