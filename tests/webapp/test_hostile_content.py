"""Markup in every field of every record, and in every parameter, comes out as the words that it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from corpus import experts, imports, indicators, people, policies
from corpus.access import Clearance, Role
from corpus.model import Citation, Expert, Owner, Passage, Policy, Status, Use, Visibility
from corpus.people import User
from corpus.policies import Parsed
from corpus.readers.tables import Row
from corpus.store import Store
from indexer import build
from tests.webapp.conftest import PASSWORD, _app, as_user
from webapp.security import Attempts

PLANTED = (
    "<script>zbplant()</script>",
    '"><img src=x onerror=zbplant()>',
    "' autofocus onfocus=zbplant() x='",
    "javascript:zbplant()",
    "zb{{7*7}}zb{% raw %}",
    "</title><svg onload=zbplant()>",
    "</textarea><iframe src=zbplant>",
    "&lt;zbplant&gt;&#60;zbplant&#62;",
    "]]><!--zbplant--><zbplant>",
    "`${zbplant()}`\\u003cscript",
)
OWNER = f'州{PLANTED[1]}局'  # fmt: skip
FIELDS = ("name", "domain", "industry", "use", "unit", "definition", "formula", "reference", "reference_kind",
          "reference_source", "scoring", "evidence", "keywords", "restricted_reason", "theme")  # fmt: skip


def rows() -> Iterator[Row]:
    for n, text in enumerate(PLANTED):
        cells = dict.fromkeys(FIELDS, f"甲{n}{text}") | {"unit": text[:30], "owner": OWNER}
        cells |= {"level2": "数量指标", "operator": "定性", "visibility": "不公开" if n % 2 else "公开"}
        yield Row("", n + 2, cells)
        common = cells | {
            "name": f"乙{n}{text}",
            "domain": "",
            "industry": "",
            "use": "",
            "kind": "共性",
            "visibility": "公开",
        }
        yield Row("", n + 100, common)


def policy(n: int, text: str) -> Parsed:
    made = Policy(f"p{n:010}", f"题{text}", f"号{text}", f"机关{text}", 2024, f"题材{text}", f"效力{text}", f"性质{text}",
                  f"{text}.docx", Visibility.PUBLIC, "", 0, "")  # fmt: skip
    passages = (
        Passage(1, (f"一、{text}", f"（一）{text}"), text, 3, "para", f"甲{n}段落{text}"),
        Passage(2, (f"二、{text}",), text, None, "table", f"{text}\t值\n甲\t{text}"),
    )
    return Parsed(made, f"{n:064}", passages, (Citation(1, f"号{text}", f"题{text}"),))


def plant(folder: Path) -> Path:
    """A data folder in which every field of every record holds markup."""
    store = Store.create(folder)
    uses = [Use(f"20{n:05}", f"甲{n}{t}", f"甲{n}{t}", f"甲{n}{t}") for n, t in enumerate(PLANTED)]
    indicators.add_taxonomy(store, uses, [Owner(OWNER, "州级", "")])
    plan = imports.plan(store, list(rows()), origin=f"导入：{PLANTED[0]}")
    assert plan.problems == []
    imports.apply(store, plan, actor=PLANTED[0], source=PLANTED[1])
    policies.put(store, [policy(n, text) for n, text in enumerate(PLANTED)], actor="test")
    pool = [
        Expert(f"e{n}", f"张{t}", t, t, t, t, (t, f"甲{n}"), True, Status.ACTIVE, 0, "") for n, t in enumerate(PLANTED)
    ]
    experts.put(store, pool, actor="test", detail=PLANTED[0])
    admin = User("admin", Role.ADMIN, f"州{PLANTED[1]}", Clearance.ALL, disabled=False)
    people.add(store, admin, password=PASSWORD, by="test", must_change=False)
    for n, text in enumerate(PLANTED):
        people.issue(store, "admin", "api", days=1, label=f"{n}{text}", by="admin")
        store.audit(actor=text, action=text, target=text, detail=text)
    build.build(store)
    store.close()
    return folder


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, _still: None) -> Iterator[Flask]:
    yield from _app(plant(tmp_path_factory.mktemp("planted")))


class Page(HTMLParser):
    """Everything of a page that could run or load, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.bad: list[str] = []
        self.words: list[str] = []
        self.data: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("img", "svg", "iframe", "object", "embed", "base", "zbplant") or "zbplant" in tag:
            self.bad.append(tag)
        if tag == "script" and not str(given.get("src", "")).startswith("/static/"):
            self.bad.append("script")
        for name, value in attrs:
            if name.startswith("on") or name in {"style", "x"} or "zbplant" in name:
                self.bad.append(f"{tag}[{name}]")
            if name in ("href", "src", "action", "formaction", "hx-get", "hx-post") and not str(value).startswith(
                ("/", "#", "?")
            ):
                self.bad.append(f"{tag}[{name}={value}]")
            if name == "data-row":
                self.data.append(str(value))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.bad.append(f"<!--{data}")

    def handle_decl(self, decl: str) -> None:
        if decl.lower() != "doctype html":
            self.bad.append(decl)


def ids(app: Flask) -> list[str]:
    return [i.id for i in indicators.active(app.extensions["zhibiao"].store, "full")]


def addresses(app: Flask) -> list[str]:
    """Every page there is, with each record and each planted text as a parameter."""
    found = ["/", "/?page=2", "/draft", "/policies", "/experts", "/help", "/account", "/account/password", "/audit",
             "/sign-in", "/relevance", "/relevance/questions", "/relevance/trial", "/api/docs", "/signed-out"]  # fmt: skip
    found += [f"/indicators/{id}" for id in ids(app)] + [f"/policies/p{n:010}" for n in range(len(PLANTED))]
    found += ["/draft?" + "&".join(f"chosen={id}" for id in ids(app))]
    for text in PLANTED:
        q = quote(text, safe="")
        found += [f"/?q={q}", f"/?q=甲&domain={q}&sort={q}", f"/?domain={q}", f"/policies?q={q}", f"/policies?issuer={q}",
                  f"/experts?q={q}&kind={q}", f"/sign-in?next={q}", f"/relevance/questions?q={q}&kind={q}",
                  f"/relevance/trial?fresh={q}", f"/{q}", f"/indicators/{q}", f"/policies/{q}", f"/enter/{q}",
                  f"/audit?actor={q}&action={q}&q={q}&since={q}", f"/?page={q}", f"/draft?chosen={q}"]  # fmt: skip
    return found


@pytest.mark.parametrize("who", [None, "admin"])
def test_no_page_has_an_element_or_attribute_of_the_records(app: Flask, who: str | None) -> None:
    client, bad, seen = as_user(app, who), {}, ""
    for address in addresses(app):
        answer = client.get(address, buffered=True)
        assert answer.status_code < 500, address
        assert answer.mimetype == "text/html", address
        page = Page(answer.text)
        if page.bad:
            bad[address] = page.bad
        seen += "".join(page.words)
    assert bad == {}
    # They were there, as words; a template would have made 49 of the fifth.
    assert all(text in seen for text in PLANTED)
    assert "zb49zb" not in seen


def test_suggestions_carry_their_rows_as_data(app: Flask) -> None:
    client = as_user(app, "admin")
    for n, text in enumerate(PLANTED):
        form = {"project": f"甲{n}", "goal": f"甲{n}{text}", "csrf_token": "test-token"}
        answer = client.post("/draft/suggestions", data=form)
        page = Page(answer.text)
        assert (answer.status_code, page.bad) == (200, [])
        assert page.data
        names = {json.loads(row)["name"] for row in page.data}
        assert names <= {f"{kind}{m}{t}" for m, t in enumerate(PLANTED) for kind in "甲乙"}


def test_forms_give_back_what_was_typed_as_words(app: Flask) -> None:
    client = as_user(app, "admin")
    token = {"csrf_token": "test-token"}
    for text in PLANTED:
        for path, form in (
            ("/sign-in", {"name": text, "password": text, "next": text}),
            ("/relevance/trial", {"fields.name": text, "kind": text}),
            ("/relevance/adopt", {"fields.name": text}),
            ("/account/tokens", {"label": text, "days": text, "scope": text}),
            ("/account/password", {"old": text, "password": text, "again": "x"}),
            (f"/enter/{quote(text, safe='')}", {}),
        ):
            app.extensions["zhibiao_attempts"] = Attempts()
            answer = client.post(path, data={**form, **token})
            assert answer.status_code in (400, 401, 404, 410), (path, text)
            assert Page(answer.text).bad == [], (path, text)


def test_the_api_is_never_taken_for_a_page(app: Flask) -> None:
    client = as_user(app, "admin")
    for text in PLANTED:
        for path in (f"/api/v1/indicators?q={quote(text, safe='')}", f"/api/v1/{quote(text, safe='')}",
                     f"/api/v1/complete?q={quote(text, safe='')}", f"/api/v1/indicators?x={quote(text, safe='')}"):  # fmt: skip
            answer = client.get(path)
            assert (answer.mimetype, answer.headers["X-Content-Type-Options"]) == ("application/json", "nosniff")


def test_templates_never_switch_escaping_off() -> None:
    folder = Path(__file__).parents[2] / "webapp"
    for path in folder.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", ""), path
        assert "autoescape" not in text, path
        assert "<script>" not in text, path
        assert " style=" not in text, path
    for path in (folder / "static" / "js").rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert sink not in text, (path, sink)
    for path in folder.rglob("*.py"):
        assert "Markup(" not in path.read_text(encoding="utf-8"), path


def downloads(client: FlaskClient, cells: list[str]) -> str:
    names = ("level1", "level2", "name", "operator", "value", "unit")
    form = dict.fromkeys(names, cells) | {"csrf_token": "test-token"}
    return client.post("/draft/table.csv", data=form).data.decode()


def test_a_downloaded_table_holds_no_formula(app: Flask) -> None:
    hostile = [
        "=1+1",
        "+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "=cmd|' /C calc'!A0",
        "＝1+1",
        " =1+1",
        "\n=1",
        "＋1",
        "－1",
        "＠a",
    ]
    lines = downloads(as_user(app, "admin"), hostile)
    assert [text for text in hostile if f"'{text}" not in lines] == []
