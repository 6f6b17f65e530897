"""The relevance desk: who gets there, measuring, questions, trials, and weights that serve at once."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from corpus import indicators
from corpus.model import Visibility
from indexer import relevance, settings
from indexer.live import Live
from tests.webapp.conftest import _app, as_user
from webapp.desk import Desk
from webapp.views.relevance import LABELS

TOKEN = {"csrf_token": "test-token"}
PAGES = ["/relevance", "/relevance/questions", "/relevance/questions/Q2", "/relevance/trial"]
POSTS = ["/relevance/measure", "/relevance/stop", "/relevance/trial", "/relevance/adopt", "/relevance/reset"]
SECRETS = ("麒麟", "凤凰", "玄武", "朱雀")
GOAL = {"id": "G1", "project": "农村公路建设项目", "goal": "新建农村公路30公里，按期完工。"}
ALL = {"kind": ["exact", "short", "goal"]}


@pytest.fixture
def app(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The application over a copy of the whole library, with a few questions; restricted records are judged too."""
    data = tmp_path / "data"
    shutil.copytree(library, data)
    for app in _app(data):
        by_name = {i.name: i.code for i in indicators.active(app.extensions["zhibiao"].store, "full")}
        folder = tmp_path / "questions" / "relevance"
        folder.mkdir(parents=True)
        (folder / "queries.tsv").write_text(
            "id\tkind\tquery\tintent\tpart\n"
            "Q1\texact\t新建幼儿园数量\t就要<b>这一条</b>\ttune\n"
            "Q2\tshort\t公路\t与公路有关的\ttune\n"
            "Q3\tshort\t考点\t公众找不到的\ttune\n",
            encoding="utf-8",
        )
        (folder / "goals.jsonl").write_text(json.dumps(GOAL, ensure_ascii=False) + "\n", encoding="utf-8")
        judged = [
            ("Q1", "新建幼儿园数量", 3),
            ("Q2", "农村公路新建里程", 3),
            ("Q2", "凤凰行动出警次数", 3),
            ("Q2", "水库除险加固数量", 2),
            ("Q3", "麒麟考点安保人数", 3),
            ("G1", "农村公路新建里程", 3),
            ("G1", "农村公路按期完工率", 3),
        ]
        lines = [f"{q}\t{by_name[name]}\t{g}\t{g}\t\t{g}\n" for q, name, g in judged]
        header = "question\tdocument\tfirst\tsecond\tthird\tgrade\n"
        (folder / "judgements.tsv").write_text(header + "".join(lines), encoding="utf-8")
        monkeypatch.setattr(relevance, "FOLDER", folder)
        yield app
        desk(app).stop()


def desk(app: Flask) -> Desk:
    found: Desk = app.extensions["zhibiao_relevance"]
    return found


def weights(app: Flask) -> dict[str, float]:
    return dict(app.extensions["zhibiao"].live.view().settings)


def text(page: str) -> str:
    """What a reader sees of a page, each piece apart by one blank."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.partition("<main")[2])).split())


def measured(app: Flask, admin: FlaskClient) -> str:
    assert admin.post("/relevance/measure", data=TOKEN).location == "/relevance"
    desk(app).wait()
    return admin.get("/relevance").text


def tried(app: Flask, admin: FlaskClient, changes: dict[str, str]) -> str:
    answer = admin.post("/relevance/trial", data={**TOKEN, **ALL, **changes})
    assert (answer.status_code, answer.location) == (303, "/relevance/trial")
    desk(app).wait()
    return admin.get("/relevance/trial").text


def audits(app: Flask) -> list[dict[str, str]]:
    return app.extensions["zhibiao"].store.rows(
        "select actor, action, target, detail from audit where action like 'settings%' order by rowid"
    )


# Who gets there


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_for_administrators(app: Flask, path: str) -> None:
    clients = [as_user(app, name) for name in ("admin", "reviewer", "dept", None)]
    assert [c.get(path).status_code for c in clients] == [200, 403, 403, 401]
    assert "只有财政管理员可以维护指标库和检索设置" in clients[1].get(path).text


@pytest.mark.parametrize("path", POSTS)
def test_so_is_what_they_do(app: Flask, admin: FlaskClient, department: FlaskClient, path: str) -> None:
    assert department.post(path, data={**TOKEN, **ALL, "fields.name": "9"}).status_code == 403
    assert admin.post(path, data={**ALL, "fields.name": "9"}).status_code == 403
    assert (desk(app).run, weights(app), audits(app)) == (None, dict(settings.shipped()), [])


def test_menu_shows_it_to_administrators_alone(admin: FlaskClient, reviewer: FlaskClient, public: FlaskClient) -> None:
    assert ['href="/relevance"' in c.get("/help").text for c in (admin, reviewer, public)] == [True, False, False]


def test_no_inline_script_or_style(app: Flask, admin: FlaskClient) -> None:
    measured(app, admin)
    tried(app, admin, {"fields.name": "0"})
    for path in PAGES:
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", admin.get(path).text), path


# Measuring


def test_before_the_first_measurement(admin: FlaskClient) -> None:
    page = admin.get("/relevance").text
    assert "还没有测量过" in page
    assert "4 题，7 条判定" in page
    assert "语义检索未启用" in page
    assert "通读者是语言模型，不是人" in page


def test_measurement_is_shown_and_kept(app: Flask, admin: FlaskClient) -> None:
    shown = text(measured(app, admin))
    assert "全部 4 0.6" in shown
    assert "指标全名 1 1.000 1.000 1.000" in shown
    assert "一两个字 2" in shown
    assert "还没有测量过" not in shown
    assert "请重新测量" not in shown
    at = app.extensions["zhibiao"]
    kept = json.loads((at.store.folder / "relevance.json").read_text(encoding="utf-8"))
    assert (kept["generation"], kept["weights"]) == (at.live.view().generation, weights(app))
    assert text(as_user(app, "admin").get("/relevance").text) == shown
    again = Desk(at.store.folder, at.live).report()
    assert again == desk(app).report()


def test_few_of_the_judged_documents_are_said(app: Flask, admin: FlaskClient) -> None:
    """Judged 3 are five documents, two of them restricted."""
    assert "本库的公开内容里只有 60%" in text(measured(app, admin))


def test_what_changed_since_is_said(app: Flask, admin: FlaskClient) -> None:
    measured(app, admin)
    at = app.extensions["zhibiao"]
    settings.save(at.store.folder, settings.shipped().changed({"fields.name": 4}))
    assert "测量之后权重有变动" in admin.get("/relevance").text
    record = next(indicators.active(at.store, "open"))
    indicators.put(at.store, [replace(record, definition="改过")], actor="test", action="edit", detail="")
    assert "测量之后指标库或词表、权重有变动" in admin.get("/relevance").text


def test_one_run_at_a_time_with_progress_that_can_be_stopped(
    app: Flask, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Event(), threading.Event()
    real = relevance.found

    def slow(*arguments: object) -> object:
        begun.set()
        assert go.wait(10)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(relevance, "found", slow)
    admin.post("/relevance/measure", data=TOKEN)
    assert begun.wait(10)
    page = admin.get("/relevance").text
    assert "正在测量 0 / 4 题" in text(page)
    assert 'hx-get="/relevance" hx-trigger="every 1s"' in page
    assert admin.post("/relevance/measure", data=TOKEN).status_code == 303
    refused = admin.post("/relevance/trial", data={**TOKEN, **ALL, "fields.name": "7"})
    assert refused.status_code == 409
    assert "正在测量，请等它完成，或先停止。" in refused.text
    assert 'name="fields.name" type="number" min="0" max="20" step="0.05" inputmode="decimal" value="7"' in refused.text
    desk(app).call_off()
    go.set()
    assert admin.post("/relevance/stop", data=TOKEN).location == "/relevance"
    page = admin.get("/relevance").text
    assert "还没有测量过" in page
    assert "hx-trigger" not in page


def test_a_run_that_fails_says_so(app: Flask, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("inside")

    monkeypatch.setattr(relevance, "found", broken)
    page = measured(app, admin)
    assert "没有完成：出错了，请看服务日志" in page
    assert "inside" not in page


# Questions


def test_questions_by_kind_and_text(app: Flask, admin: FlaskClient) -> None:
    def ids(query: str) -> list[str]:
        return re.findall(r'href="/relevance/questions/(\w+)"', admin.get(f"/relevance/questions{query}").text)

    assert ids("") == ["Q1", "Q2", "Q3", "G1"]
    assert ids("?kind=short") == ["Q2", "Q3"]
    assert ids("?q=公路") == ["Q2", "G1"]
    assert ids("?q=公路&kind=goal") == ["G1"]
    assert ids("?kind=nonsense") == []
    measured(app, admin)
    found = ids("")
    assert (found[0], sorted(found)) == ("Q3", ["G1", "Q1", "Q2", "Q3"])
    assert "没有这样的题目" in admin.get("/relevance/questions?q=麒林").text


def test_a_question_shows_what_was_found_and_what_should_have_been(app: Flask, admin: FlaskClient) -> None:
    shown = text(admin.get("/relevance/questions/Q2").text)
    top, _, rest = shown.partition("应当找到而不在前十")
    assert "3 农村公路新建里程 数量指标 农村公路建设 名称含“公路”" in top
    assert "– 农村公路按期完工率" in top
    assert "— 2 水库除险加固数量 数量指标 水利工程建设" in rest
    assert "另有 1 条判为相符的，公开库里没有" in rest
    page = admin.get("/relevance/questions/Q1").text
    assert "&lt;b&gt;这一条" in page
    goal = text(admin.get("/relevance/questions/G1").text)
    assert GOAL["goal"] in goal
    assert "3 农村公路新建里程" in goal
    assert admin.get("/relevance/questions/Q9").status_code == 404


def test_nothing_restricted_shows_to_administrators_here_either(app: Flask, admin: FlaskClient) -> None:
    """They may see it elsewhere; figures and names here are the public's."""
    measured(app, admin)
    tried(app, admin, {"fields.name": "0", "fields.body": "20", "suggest.use": "0"})
    for path in [*PAGES, "/relevance/questions/Q1", "/relevance/questions/Q3", "/relevance/questions/G1"]:
        page = admin.get(path).text
        assert [word for word in SECRETS if word in page] == [], path
    kept = (app.extensions["zhibiao"].store.folder / "relevance.json").read_text(encoding="utf-8")
    sealed = [
        i.code
        for i in indicators.active(app.extensions["zhibiao"].store, "full")
        if i.visibility is Visibility.RESTRICTED
    ]
    assert len(sealed) == 4
    assert [code for code in sealed if code in kept] == []


# Other weights


def test_every_weight_has_a_label() -> None:
    assert set(LABELS) == set(dict(settings.shipped()))


def test_a_trial_shows_both_sides_and_what_came_and_went(app: Flask, admin: FlaskClient) -> None:
    page = tried(app, admin, {"fields.name": "0", "fields.chars": "0"})
    shown = text(page)
    assert "词的位置·名称 3 → 0" in shown
    assert shown.count("合计 4") == 1
    assert "前十条有变化的题目" in shown
    assert 'name="fields.name" type="number" min="0" max="20" step="0.05" inputmode="decimal" value="0"' in page
    assert weights(app) == dict(settings.shipped())
    before, after = desk(app).trial.before, desk(app).trial.after
    changes = relevance.compare(before, after)
    names = relevance.documents(
        app.extensions["zhibiao"].store, {k for c in changes for k in (*c.gained, *c.lost)}, relevance.FOLDER
    )
    assert all(d.name in shown for d in names.values())


def test_only_the_chosen_kinds_are_tried(app: Flask, admin: FlaskClient) -> None:
    admin.post("/relevance/trial", data={**TOKEN, "kind": "goal", "suggest.use": "0"})
    desk(app).wait()
    assert [o.question.id for o in desk(app).trial.before] == ["G1"]
    page = admin.get("/relevance/trial").text
    assert re.findall(r'value="(\w+)" checked', page) == ["goal"]
    assert len(re.findall(r'value="(\w+)" checked', admin.get("/relevance/trial?fresh=1").text)) == 14


@pytest.mark.parametrize("bad", ["", "abc", "-1", "21", "nan", "inf", "1e999", "<b>"])
@pytest.mark.parametrize("path", ["/relevance/trial", "/relevance/adopt"])
def test_bad_numbers_are_told_beside_their_field(app: Flask, admin: FlaskClient, path: str, bad: str) -> None:
    answer = admin.post(path, data={**TOKEN, **ALL, "suggest.use": bad, "fields.name": "5"})
    assert answer.status_code == 400
    assert 'id="bad-suggest.use" role="alert">“起草推荐·用途”须为 0 到 20 之间的数，请修改。' in answer.text
    assert answer.text.count('aria-invalid="true"') == 1
    assert 'value="5"' in answer.text
    assert (desk(app).run, weights(app), audits(app)) == (None, dict(settings.shipped()), [])


@pytest.mark.parametrize(
    ("form", "words"), [(ALL, "请先改动至少一项"), ({"fields.name": "5", "kind": "nonsense"}, "请至少选一类题目")]
)
def test_a_trial_of_nothing_is_refused(app: Flask, admin: FlaskClient, form: dict[str, str], words: str) -> None:
    answer = admin.post("/relevance/trial", data={**TOKEN, **form})
    assert (answer.status_code, words in answer.text) == (400, True)


def test_adopted_weights_serve_at_once_and_can_be_undone(app: Flask, admin: FlaskClient) -> None:
    at = app.extensions["zhibiao"]
    elsewhere = Live(at.store)
    elsewhere.view()
    page = tried(app, admin, {"fields.name": "5", "suggest.use": "0.25"})
    form = re.search(r'<form method="post" action="/relevance/adopt".*?</form>', page, re.DOTALL)
    assert form is not None
    posted = dict(re.findall(r'name="([\w.]+)" value="([\d.]+)"', form[0]))
    assert set(posted) == set(weights(app))
    assert admin.post("/relevance/adopt", data={**TOKEN, **posted}).location == "/relevance"
    changed = dict(settings.shipped()) | {"fields.name": 5.0, "suggest.use": 0.25}
    assert (weights(app), dict(elsewhere.view().settings)) == (changed, changed)
    assert (at.store.folder / "settings.toml").read_text(encoding="utf-8") == (
        "[fields]\nname = 5.0\n[suggest]\nuse = 0.25\n"
    )
    shown = text(admin.get("/relevance").text)
    assert "词的位置·名称 3 → 5 ； 起草推荐·用途 0.5 → 0.25 （箭头前为默认值）" in shown
    assert "请重新试算" in admin.get("/relevance/trial").text
    assert admin.post("/relevance/reset", data=TOKEN).location == "/relevance"
    assert (weights(app), dict(elsewhere.view().settings)) == (dict(settings.shipped()), dict(settings.shipped()))
    elsewhere.close()
    line = {"actor": "admin", "target": "settings.toml"}
    assert audits(app) == [
        line | {"action": "settings.adopt", "detail": "词的位置·名称 3→5；起草推荐·用途 0.5→0.25"},
        line | {"action": "settings.reset", "detail": "词的位置·名称 5→3；起草推荐·用途 0.25→0.5"},
    ]


def test_a_damaged_file_of_weights_is_said(app: Flask, admin: FlaskClient) -> None:
    (app.extensions["zhibiao"].store.folder / "settings.toml").write_text("[query\n", encoding="utf-8")
    page = admin.get("/relevance").text
    assert "设置文件 settings.toml 读不懂" in page
    assert "目前仍用此前的权重" in page
