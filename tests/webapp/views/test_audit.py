"""The page of the audit, its file, and the same by API: for who has the right, as far as they may know."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from corpus import audit, people, seen
from corpus.access import Actor, Clearance, Role
from corpus.audit import Asked
from corpus.indicators import indicator_id
from corpus.people import User
from tests.webapp.conftest import NOW, OURS, as_user, make

API = "/api/v1/audit"
AUDITORS = {
    "shen.ji": User("shen.ji", Role.AUDITOR, "州审计局", Clearance.NONE, disabled=False),
    "shen.own": User("shen.own", Role.AUDITOR, OURS, Clearance.OWN, disabled=False),
    "shen.all": User("shen.all", Role.AUDITOR, "州审计局", Clearance.ALL, disabled=False),
}
SECRETS = ("麒麟", "凤凰", "玄武", "朱雀", "p0000000009")


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    seen.memory._times.clear()


def history(app: Flask) -> None:
    """One and the same in each library."""
    store = app.extensions["zhibiao"].store
    for user in AUDITORS.values():
        if not store.value("select 1 from users where name = ?", [user.name]):
            people.add(store, user, password=None, by="test")
    known = {r["name"]: f"indicators:{r['id']}" for r in store.rows("select id, name from indicators")}
    for names in (["麒麟考点安保人数", "凤凰行动出警次数"], ["玄武装备幼儿园覆盖率"], ["新建幼儿园数量"]):
        keys = {known[name] for name in names if name in known}
        seen.write(store, Actor("王审核", Role.REVIEWER, "", Clearance.ALL), keys, memory=None)
    store.audit(actor="王审核", action="user.edit", target="<b>乙</b>", detail="=1+1")


@pytest.fixture(scope="module")
def apps(
    tmp_path_factory: pytest.TempPathFactory, app: Flask, public_twin: Flask, department_twin: Flask
) -> dict[str, Flask]:
    found = {"whole": app, "shen.ji": public_twin, "shen.own": department_twin}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("corpus.chain.moment", lambda: NOW)
        for one in found.values():
            history(one)
    return found


QUERIES = ["", "?text=麒麟", "?text=凤凰", "?text=幼儿园", "?who=王审核", "?action=see", "?action=user",
           "?text=4&who=王审核", "?who=王审核&page=2", "?since=2026-11-21&until=2026-11-22&who=王审核",
           f"?text={indicator_id('2190002')}&who=王审核"]  # fmt: skip


@pytest.mark.parametrize("who", ["shen.ji", "shen.own"])
@pytest.mark.parametrize("query", ["?who=王审核", *(q for q in QUERIES if "who=" in q)])
def test_without_clearance_it_is_the_audit_of_a_library_without_the_records(
    apps: dict[str, Flask], who: str, query: str
) -> None:
    answers = []
    for one in (apps["whole"], apps[who]):
        client = as_user(one, who)
        found = client.get(API + query)
        page = re.sub(r'(csrf-token" content=|name="csrf_token" value=)"[^"]*"', "", client.get("/audit" + query).text)
        answers.append((found.status_code, found.json, page))
    assert answers[0] == answers[1]
    shown = [s for s in SECRETS if s in answers[0][2].replace(query, "")]
    assert shown in ([], ["麒麟"] if who == "shen.own" else [])


def test_api_and_page_show_the_same_rows(apps: dict[str, Flask]) -> None:
    store = apps["whole"].extensions["zhibiao"].store
    client = as_user(apps["whole"], "shen.all")
    expected = audit.search(store, AUDITORS["shen.all"].actor, Asked(who="王审核")).as_json()
    assert client.get(f"{API}?who=王审核").json == expected
    page = client.get("/audit?who=王审核").text
    assert f"共 {expected['total']} 条，新的在前" in page
    for item in client.get(f"{API}?who=王审核").json["items"]:
        assert f'<td class="num grey" title="{item["chain"]}">{item["serial"]}</td>' in page
        for record in item["records"]:
            assert f'<a href="/{record["kind"]}/{record["id"]}">{record["name"]}</a>' in page
    assert "&lt;b&gt;乙&lt;/b&gt;" in page
    assert "<b>乙</b>" not in page
    assert 'name="who" type="search" value="王审核"' in page


def test_reading_titles_is_seeing_the_records(apps: dict[str, Flask]) -> None:
    store = apps["whole"].extensions["zhibiao"].store
    client, before = as_user(apps["whole"], "shen.all"), store.value("select max(id) from audit")
    for _ in range(2):
        assert client.get("/audit?who=王审核&action=see").status_code == 200
    assert [tuple(r.values()) for r in store.rows(
        "select actor, action, length(records) from audit where id > ? and action = 'see'", [before]
    )] == [("shen.all", "see", 3 * len("indicators:") + 30 + 2)]  # fmt: skip


def test_who_has_no_right_gets_neither_page_nor_link(apps: dict[str, Flask]) -> None:
    found: dict[Any, tuple[list[int], bool]] = {}
    for who in (None, "dept", "reviewer", "admin", "shen.ji"):
        client = as_user(apps["whole"], who)
        statuses = [client.get(path).status_code for path in ("/audit", "/audit/audit.csv", API)]
        found[who] = statuses, 'href="/audit"' in client.get("/help").text
    assert found == {
        None: ([401] * 3, False), "dept": ([403] * 3, False), "reviewer": ([403] * 3, False),
        "admin": ([200] * 3, True), "shen.ji": ([200] * 3, True),
    }  # fmt: skip


def test_the_file_is_what_the_filters_leave_and_leaves_a_row(apps: dict[str, Flask]) -> None:
    store = apps["whole"].extensions["zhibiao"].store
    for who, names in (("shen.all", 4), ("shen.ji", 1)):
        client = as_user(apps["whole"], who)
        rows = client.get(f"{API}?who=王审核").json["items"]
        before = store.value("select max(id) from audit")
        response = client.get("/audit/audit.csv?who=王审核")
        assert (response.mimetype, response.data[:3]) == ("text/csv", b"\xef\xbb\xbf")
        listed = list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"), newline="")))
        assert [(row["序号"], row["操作代码"], row["链值"]) for row in listed] == [
            (str(r["serial"] or ""), r["action"], r["chain"] or "") for r in rows
        ]
        assert (listed[0]["说明"], sum(bool(n) for r in listed for n in r["名称"].split("、"))) == ("'=1+1", names)
        written = store.rows("select action, actor, detail from audit where id > ? order by id", [before])
        assert written[0] == {"action": "audit.export", "actor": who, "detail": f"{len(listed)} 条"}
        assert [row["action"] for row in written[1:]] == (["see"] if who == "shen.all" else [])


def test_a_file_has_its_bounds(apps: dict[str, Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.views.audit.MOST", 3)
    response = as_user(apps["whole"], "admin").get("/audit/audit.csv")
    assert response.status_code == 400
    assert "要导出的记录超过 3 条，请缩小日期范围" in response.text


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("?since=2026-02-30", "since", "日期须写成 2026-01-31 的形式，请修改。"),
        ("?until=0000-00-00", "until", "日期须写成 2026-01-31 的形式，请修改。"),
        ("?since=昨天", "since", "“since”的写法不对，请按接口说明修改。"),
        ("?size=201", "size", "“size”不能大于 200，请修改。"),
        ("?page=0", "page", "“page”不能小于 1，请修改。"),
        ("?nope=1", "nope", "没有“nope”这一项，请去掉或检查拼写。"),
    ],
)
def test_bad_filters_are_said(apps: dict[str, Flask], query: str, field: str, message: str) -> None:
    client = as_user(apps["whole"], "admin")
    response = client.get(API + query)
    assert (response.status_code, response.json["error"]) == (
        400, {"code": "bad_input", "message": message, "field": field},
    )  # fmt: skip
    if field in ("since", "until"):
        page = client.get("/audit" + query)
        assert page.status_code == 400
        assert 'id="wrong" role="alert">日期须写成' in page.text
        assert f'name="{field}" type="date"' in page.text
        assert "aria-invalid" in page.text


def test_pages_turn_and_keep_the_filters(apps: dict[str, Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.views.audit.SIZE", 2)
    client = as_user(apps["whole"], "admin")
    second = client.get("/audit?who=王审核&page=2").text
    assert re.findall(r'id="page-(\w+)" href="([^"]*)"', second) == [
        ("previous", "/audit?who=%E7%8E%8B%E5%AE%A1%E6%A0%B8"),
    ]
    assert "第 2 / 2 页" in second
    assert "没有第 99 页" in client.get("/audit?who=王审核&page=99").text
    assert "没有相符的记录" in client.get("/audit?who=没有这个人").text


def test_the_page_works_without_script_and_has_labels(apps: dict[str, Flask]) -> None:
    page = as_user(apps["whole"], "admin").get("/audit").text
    assert not re.findall(r"<[^>]+\s(?:style|on\w+)=", page)
    assert not re.findall(r"<script(?![^>]*\ssrc=)", page)
    form = page[page.index('<form id="search"') : page.index("</form>", page.index('<form id="search"'))]
    assert len(re.findall(r"<(?:input|select)\b", form)) == len(re.findall(r"<label", form)) == 5


@pytest.fixture
def fresh(tmp_path: Path, _still: None) -> Iterator[FlaskClient]:
    from webapp import create_app

    one = create_app(make(tmp_path / "data", [], []))
    one.testing = True
    yield as_user(one, "admin")
    at = one.extensions["zhibiao"]
    at.live.close()
    at.store.close()


def test_a_change_of_weights_is_there_at_once(fresh: FlaskClient) -> None:
    fresh.post("/relevance/reset", headers={"X-CSRF-Token": "test-token"})
    items = fresh.get(API).json["items"]
    assert {k: items[0][k] for k in ("actor", "action", "words", "kind", "target", "detail")} == {
        "actor": "admin", "action": "settings.reset", "words": "恢复默认检索权重", "kind": "settings",
        "target": "settings.toml", "detail": "没有改动",
    }  # fmt: skip
