"""Documents on the shelf: passages, who cites whom, and that an unseen one changes nothing for who may not see it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpus import policies
from corpus.errors import NotFound
from corpus.model import Citation, Policy, Visibility
from corpus.policies import Backlink, Link, Parsed
from corpus.store import Store

FIXTURES = Path(__file__).parent / "fixtures"
NOTICE = (
    "青禾市财政局关于印发《青禾市预算绩效管理办法》的通知\n青财绩〔2023〕7号\n各单位：\n"
    "现将办法印发给你们，请遵照执行。\n青禾市财政局\n2023年3月1日\n"
)
SHUT = Visibility.RESTRICTED


def parsed(folder: Path, name: str, text: str, **changes: Any) -> Parsed:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    document = policies.parse(path)
    return replace(document, policy=replace(document.policy, **changes))


@pytest.fixture
def shelf(tmp_path: Path) -> dict[str, Parsed]:
    """A report that cites a notice by its number and rules by their title."""
    return {
        "report": policies.parse(FIXTURES / "report.txt"),
        "rules": policies.parse(FIXTURES / "notice.html"),
        "notice": parsed(tmp_path, "通知.txt", NOTICE),
    }


def test_a_report_is_parsed_from_its_text() -> None:
    document = policies.parse(FIXTURES / "report.txt")
    assert document.policy == Policy(
        id="p9c0c43157c", title="青禾市财政局2024年度预算绩效管理工作开展情况", number="", issuer="青禾市财政局",
        year=2024, theme="", status="有效性未核", basis="原文导入", source="report.txt", visibility=Visibility.PUBLIC,
        owner="", revision=0, updated="",
    )  # fmt: skip
    assert [(p.ordinal, p.section, p.kind) for p in document.passages] == [
        (1, "", "para"), (2, "1（一）", "para"), (3, "1（2）", "para"), (4, "2（1）", "para"), (5, "2（2）", "para"),
        (6, "三", "para"),
    ]  # fmt: skip
    assert [c for c in document.citations if c.number] == [
        Citation(1, "中发〔2018〕34号", "中共中央 国务院关于全面实施预算绩效管理的意见"),
        Citation(2, "青财绩〔2023〕7号", "青禾市财政局关于印发<青禾市预算绩效管理办法>的通知"),
        Citation(2, "青财绩〔2024〕6号", ""),
        Citation(2, "青财绩〔2024〕10号", ""),
    ]


def test_issuer_and_year_that_the_title_does_not_name_come_from_the_text(tmp_path: Path) -> None:
    rules = policies.parse(FIXTURES / "notice.html").policy
    text = "绩效管理办法\n第一条 青禾市财政局负责。\n第二条 由青禾市财政局解释。\n2022年5月1日\n"
    bare = parsed(tmp_path, "办法.txt", text).policy
    assert [(p.title, p.number, p.issuer, p.year) for p in (rules, bare)] == [
        ("青禾市预算绩效管理办法", "青财绩〔2024〕3号", "青禾市", 2024),
        ("绩效管理办法", "", "青禾市财政局", 2022),
    ]


def test_what_was_put_is_what_comes_back(store: Store, shelf: dict[str, Parsed], cast: Any) -> None:
    assert policies.put(store, list(shelf.values()), actor="甲") == (3, 0)
    at = store.value("select updated from policies limit 1")
    for document in shelf.values():
        id = document.policy.id
        assert policies.get(store, id, cast.public) == replace(document.policy, revision=1, updated=at)
        assert policies.passages(store, id) == list(document.passages)
        ids = [policies.passage_id(id, p.ordinal) for p in reversed(document.passages)]
        assert [f.passage for f in policies.fetch(store, ids, cast.public)] == list(reversed(document.passages))
    assert [p.title[:8] for p in policies.everything(store, cast.public)] == [
        "青禾市财政局20", "青禾市预算绩效管", "青禾市财政局关于",
    ]  # fmt: skip
    assert [(c.kind, c.record_id) for c in store.changes_since(0)] == [
        ("policies", d.policy.id) for d in shelf.values()
    ]


def test_the_same_file_twice_is_known(store: Store, shelf: dict[str, Parsed], tmp_path: Path) -> None:
    policies.put(store, [shelf["report"]], actor="甲")
    before = list(store.db.conn.iterdump())
    assert policies.put(store, [shelf["report"], shelf["report"]], actor="乙") == (0, 2)
    assert list(store.db.conn.iterdump()) == before
    copy = tmp_path / "改名.txt"
    copy.write_bytes((FIXTURES / "report.txt").read_bytes())
    assert policies.put(store, [policies.parse(copy), shelf["notice"], shelf["notice"]], actor="乙") == (1, 2)


def test_put_is_all_or_nothing(store: Store, shelf: dict[str, Parsed]) -> None:
    broken = replace(shelf["rules"], passages=shelf["rules"].passages * 2)
    before = list(store.db.conn.iterdump())
    with pytest.raises(Exception, match="UNIQUE"):
        policies.put(store, [shelf["report"], broken], actor="甲")
    assert list(store.db.conn.iterdump()) == before


def linked(store: Store, shelf: dict[str, Parsed], actor: Any) -> list[tuple[str, str]]:
    """What the report's citations lead to, as (number or title, key of the document)."""
    keys = {d.policy.id: key for key, d in shelf.items()}
    links = policies.citations(store, shelf["report"].policy.id, actor)
    return [(link.number or link.title, keys[link.cited_id]) for link in links if link.cited_id]


def test_links_by_number_and_by_title_in_whatever_order_they_arrive(
    store: Store, shelf: dict[str, Parsed], cast: Any
) -> None:
    number, title = ("青财绩〔2023〕7号", "notice"), ("青禾市预算绩效管理办法", "rules")
    policies.put(store, [shelf["report"]], actor="甲")
    assert linked(store, shelf, cast.public) == []
    policies.put(store, [shelf["rules"]], actor="甲")
    assert linked(store, shelf, cast.public) == [title]
    policies.put(store, [shelf["notice"]], actor="甲")
    assert linked(store, shelf, cast.public) == [title, number]
    report = shelf["report"].policy
    assert policies.citations(store, report.id, cast.public) == [
        Link(1, "中发〔2018〕34号", "中共中央 国务院关于全面实施预算绩效管理的意见", None, None),
        Link(2, "", "青禾市绩效目标管理规程", None, None),
        Link(2, "", "青禾市预算绩效管理办法", shelf["rules"].policy.id, "青禾市预算绩效管理办法"),
        Link(2, "青财绩〔2023〕7号", "青禾市财政局关于印发<青禾市预算绩效管理办法>的通知", shelf["notice"].policy.id,
             "青禾市财政局关于印发《青禾市预算绩效管理办法》的通知"),
        Link(2, "青财绩〔2024〕10号", "", None, None),
        Link(2, "青财绩〔2024〕6号", "", None, None),
    ]  # fmt: skip
    back = [Backlink(report.id, report.title, 2, "1（一）")]
    assert [policies.cited_by(store, shelf[key].policy.id, cast.public) for key in ("notice", "rules", "report")] == [
        back, back, [],
    ]  # fmt: skip


def test_two_documents_of_one_number_blur_the_link(store: Store, shelf: dict[str, Parsed], cast: Any) -> None:
    rival = replace(shelf["rules"], policy=replace(shelf["rules"].policy, number="青财绩〔2023〕7号"))
    policies.put(store, [shelf["report"], shelf["notice"], rival], actor="甲")
    assert linked(store, shelf, cast.public) == [("青禾市预算绩效管理办法", "rules")]
    assert policies.cited_by(store, shelf["notice"].policy.id, cast.public) == []


def everything_shown(store: Store, shelf: dict[str, Parsed], actor: Any) -> list[object]:
    """All that this room tells ``actor``, ids that he cannot open as what they answer."""
    told: list[object] = [policies.everything(store, actor), policies.cited_numbers(store, actor)]
    for document in shelf.values():
        id = document.policy.id
        try:
            told += [policies.get(store, id, actor), policies.citations(store, id, actor)]
        except NotFound as error:
            told += [error.as_json(), None]
        told.append(policies.cited_by(store, id, actor))
        told.append(policies.fetch(store, [policies.passage_id(id, p.ordinal) for p in document.passages], actor))
    return told


@pytest.mark.parametrize("hidden", ["report", "rules", "notice", "rival"])
def test_a_restricted_document_is_as_if_it_were_not_there(
    tmp_path: Path, shelf: dict[str, Parsed], cast: Any, hidden: str
) -> None:
    """Also where it would take a link, or blur one: ``rival`` has the notice's number and the rules' title."""
    shelf["rival"] = parsed(tmp_path, "密.txt", "青禾市预算绩效管理办法\n凤凰暗语。\n", number="青财绩〔2023〕7号")
    document = shelf[hidden]
    sealed = replace(document, policy=replace(document.policy, visibility=SHUT, owner="州教育体育局"))
    others = [d for key, d in shelf.items() if key != hidden]
    stores = [Store.create(tmp_path / "whole"), Store.create(tmp_path / "twin")]
    try:
        policies.put(stores[0], [*others, sealed], actor="甲")
        policies.put(stores[1], others, actor="甲")
        for s in stores:
            s.db.execute("update policies set updated = 't'")
        whole, twin = ([everything_shown(s, shelf, actor) for actor in cast] for s in stores)
        for n in (0, 2, 3):
            assert whole[n] == twin[n]
        for n in (1, 4):
            assert whole[n] != twin[n]
        open_edition = {f.policy.id for f in policies.active(stores[0], "open")}
        assert open_edition == {d.policy.id for d in others}
        assert {f.policy.id for f in policies.active(stores[0], "full")} == open_edition | {sealed.policy.id}
    finally:
        for s in stores:
            s.close()


def test_numbers_named_on_the_shelf_are_counted(store: Store, shelf: dict[str, Parsed], cast: Any) -> None:
    policies.put(store, list(shelf.values()), actor="甲")
    found = {row["number"]: row["times"] for row in policies.cited_numbers(store, cast.public)}
    assert found == {
        "中发〔2018〕34号": 1, "青财绩〔2023〕7号": 2, "青财绩〔2024〕10号": 1, "青财绩〔2024〕3号": 1,
        "青财绩〔2024〕6号": 1,
    }  # fmt: skip


def test_how_a_passage_is_cited(store: Store, shelf: dict[str, Parsed], cast: Any) -> None:
    paged = replace(shelf["notice"], passages=(replace(shelf["notice"].passages[0], page=3),))
    policies.put(store, [shelf["report"], shelf["rules"], paged], actor="甲")
    found = {(f.policy.id, f.passage.ordinal): f.citation for f in policies.active(store, "open")}
    ids = {key: d.policy.id for key, d in shelf.items()}
    assert [found[ids[k], n] for k, n in (("report", 1), ("report", 2), ("rules", 4), ("notice", 1))] == [
        "《青禾市财政局2024年度预算绩效管理工作开展情况》第1段",
        "《青禾市财政局2024年度预算绩效管理工作开展情况》第1（一）部分",
        "《青禾市预算绩效管理办法》（青财绩〔2024〕3号）第二条（一）",
        "《青禾市财政局关于印发《青禾市预算绩效管理办法》的通知》（青财绩〔2023〕7号）第1段，第 3 页",
    ]
    (hit,) = policies.fetch(store, [policies.passage_id(ids["rules"], 4)], cast.public)
    assert hit.as_json() == {
        "policy": ids["rules"], "title": "青禾市预算绩效管理办法", "ordinal": 4,
        "path": ["第一章 总则", "第二条", "（一）产出指标"], "section": "第二条（一）", "page": None,
        "text": "（一）产出指标；", "citation": "《青禾市预算绩效管理办法》（青财绩〔2024〕3号）第二条（一）",
    }  # fmt: skip


def test_for_the_index_all_passages_of_the_changed_documents(store: Store, shelf: dict[str, Parsed]) -> None:
    policies.put(store, list(shelf.values()), actor="甲")
    notice = shelf["notice"]
    assert [f.passage for f in policies.current(store, [notice.policy.id, "p0"])] == list(notice.passages)
    assert policies.current(store, []) == []


def test_passages_are_read_once_and_asked_for_by_everybody_each_time(
    store: Store, shelf: dict[str, Parsed], cast: Any
) -> None:
    sealed = replace(shelf["rules"], policy=replace(shelf["rules"].policy, visibility=SHUT, owner="州教育体育局"))
    policies.put(store, [shelf["report"], sealed], actor="甲")
    ids = [policies.passage_id(d.policy.id, p.ordinal) for d in (sealed, shelf["report"]) for p in d.passages]
    first = [policies.fetch(store, ids, actor) for actor in cast]
    seen: list[str] = []
    store.db.conn.set_trace_callback(lambda sql: seen.append(sql) if "x.text" in sql else None)
    assert [f.policy.id for f in policies.fetch(store, ids, cast.admin)] == [id.rsplit("-", 1)[0] for id in ids]
    assert seen == []
    assert [policies.fetch(store, ids, actor) for actor in cast] == first
    assert [f.policy.id for f in policies.fetch(store, ids, cast.public)] == [shelf["report"].policy.id] * 6
    policies.put(store, [shelf["notice"]], actor="甲")
    assert [policies.fetch(store, ids, actor) for actor in cast] == first
