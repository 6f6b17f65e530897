"""The policy shelf, search over passages, and the reader."""

from __future__ import annotations

from flask.testing import FlaskClient

from corpus.model import Passage
from webapp.views.policies import Section, sections


def test_shelf_lists_what_the_reader_may_see(public: FlaskClient, admin: FlaskClient) -> None:
    page = public.get("/policies").text
    assert "馆藏 2 份" in page
    assert "楚政发〔2024〕1号" in page
    assert "凤凰" not in page
    assert "馆藏 3 份" in admin.get("/policies").text


def test_search_answers_with_citations_that_lead_to_the_passage(public: FlaskClient) -> None:
    page = public.get("/policies", query_string={"q": "农村公路"}).text
    assert 'href="/policies/p0000000001#p2"' in page
    assert "《学前教育发展行动计划》（楚政发〔2024〕1号）第一部分" in page
    assert "<mark>农村公路</mark>" in page


def test_reader_numbers_passages_and_links_what_is_cited(public: FlaskClient) -> None:
    page = public.get("/policies/p0000000002").text
    assert 'id="p1"' in page
    assert 'href="#p1">一、总体要求</a>' in page
    assert '<a href="/policies/p0000000001">学前教育发展行动计划</a>' in page
    backlinks = public.get("/policies/p0000000001").text
    assert "被下列文件引用" in backlinks
    assert "幼儿园管理办法" in backlinks
    assert "凤凰" not in backlinks


def test_sealed_policy_is_not_there_for_the_public(public: FlaskClient, admin: FlaskClient) -> None:
    assert public.get("/policies/p0000000009").status_code == 404
    assert "不公开" in admin.get("/policies/p0000000009").text


def test_headings_stand_before_the_first_passage_under_them() -> None:
    def passage(n: int, *path: str) -> Passage:
        return Passage(n, path, "", None, "para", "")

    found = sections([passage(1), passage(2, "一", "甲"), passage(3, "一", "乙"), passage(4, "二")])
    assert [[h.text for h in s.headings] for s in found] == [[], ["一", "甲"], ["乙"], ["二"]]
    assert [h.depth for s in found for h in s.headings] == [0, 1, 1, 0]


def test_tables_keep_their_cells() -> None:
    section = Section((), Passage(1, (), "", None, "table", "指标\t值\n里程\t30"))
    assert section.table == [["指标", "值"], ["里程", "30"]]
