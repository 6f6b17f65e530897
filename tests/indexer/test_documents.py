"""Records as index documents, compared whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from corpus.model import Expert, Indicator, Kind, Operator, Passage, Policy, Status, Use, Visibility, category
from corpus.policies import ORIGINAL, Found
from indexer.analysis import Analyzer
from indexer.documents import DIGEST_WORTH, SCHEMAS, of_expert, of_indicator, of_passage
from indexer.engine import Document

INDICATOR = Indicator(
    id="0a", code="2190001", name="蓝盾演练次数", kind=Kind.SPECIFIC, category=category("数量"),
    use=Use("2140201", "交通运输", "公路", "农村公路养护"), theme="", definition="演练", formula="",
    operator=Operator.AT_LEAST, unit="次", reference="4", reference_kind="计划", reference_source="",
    scoring="达标得分", evidence="台账", keywords=("保通", "战备"), owner="州交通运输局",
    visibility=Visibility.RESTRICTED, restricted_reason="涉密", status=Status.ACTIVE, origin="", replaced_by="",
    revision=3, updated="2026-11-21T08:00:00Z",
)  # fmt: skip
POLICY = Policy("p1", "养护办法", "某交规〔2023〕7号", "某州", 2023, "", "", "", "", Visibility.PUBLIC, "州局", 1, "")
PASSAGE = Passage(12, ("第一章 总则",), "第三条", 4, "para", "合格率达标。")
EXPERT = Expert("e1", "张三", "行业领域", "某设计院", "企业", "工程师", ("桥梁检测",), True, Status.ACTIVE, 1, "")


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer(["蓝盾", "农村公路"])


def cut(analyzer: Analyzer, *texts: str) -> list[str]:
    """The terms of the texts one after another; test_analysis.py knows which these are."""
    return [term for text in texts for term in analyzer.tokens(text)]


def test_an_indicator(analyzer: Analyzer) -> None:
    found = of_indicator(INDICATOR, analyzer)
    assert found == Document(
        id="0a",
        terms={
            "name": ["蓝盾", "演练", "次数"],
            "keywords": ["保通", "战备"],
            "class": cut(analyzer, "农村公路养护", "公路", "交通运输"),
            "category": ["数量", "产出"],
            "body": ["演练", "台账"],
            "chars": ["蓝", "盾", "演", "练", "次", "数"],
            "code": ["2190001"],
        },
        facets={
            "domain": "交通运输", "industry": "公路", "use": "农村公路养护", "kind": "specific", "level1": "产出指标",
            "level2": "数量指标", "unit": "次", "owner": "州交通运输局", "theme": "",
        },
        restricted=True,
        owner="州交通运输局",
        literal="蓝盾演练次数\n保通、战备\n农村公路养护\n公路\n交通运输\n演练\n台账\n",
        digest=found.digest,
        sorts={"code": "2190001", "name": "蓝盾演练次数", "updated": "2026-11-21T08:00:00Z"},
    )  # fmt: skip


def test_a_common_indicator_is_classed_by_its_theme(analyzer: Analyzer) -> None:
    found = of_indicator(
        replace(INDICATOR, kind=Kind.COMMON, use=None, theme="工程建设", visibility=Visibility.PUBLIC), analyzer
    )
    assert (found.terms["class"], found.restricted) == (cut(analyzer, "工程建设"), False)
    assert {n: found.facets[n] for n in ("domain", "industry", "use", "kind", "theme")} == {
        "domain": "", "industry": "", "use": "", "kind": "common", "theme": "工程建设",
    }  # fmt: skip


def test_a_passage(analyzer: Analyzer) -> None:
    found = of_passage(Found(POLICY, PASSAGE), analyzer)
    assert found == Document(
        id="p1-12",
        terms={
            "text": analyzer.tokens("合格率达标。"),
            "path": cut(analyzer, "第一章 总则"),
            "title": ("养护", "办法"),
            "number": ["某交规〔2023〕7号", "〔2023〕7号"],
            "cited": [],
        },
        facets={"policy": "p1", "year": "2023", "issuer": "某州"},
        restricted=False,
        owner="州局",
        literal="合格率达标。\n第一章总则\n养护办法\n某交规〔2023〕7号\n",
        digest=found.digest,
        sorts={"code": "p1-00012"},
        worth=DIGEST_WORTH,
    )
    sealed = Found(replace(POLICY, visibility=Visibility.RESTRICTED, year=None), PASSAGE)
    assert (of_passage(sealed, analyzer).restricted, of_passage(sealed, analyzer).facets["year"]) == (True, "")


def test_an_original_is_worth_more_than_a_digest(analyzer: Analyzer) -> None:
    assert of_passage(Found(replace(POLICY, basis=ORIGINAL), PASSAGE), analyzer).worth == 1.0


def test_an_expert(analyzer: Analyzer) -> None:
    found = of_expert(EXPERT, analyzer)
    assert found == Document(
        id="e1",
        terms={
            "name": ["张三", "张三"],
            "fields": cut(analyzer, "桥梁检测"),
            "organisation": cut(analyzer, "某设计院", "企业"),
            "position": cut(analyzer, "工程师", "行业领域"),
            "chars": ["张", "三"],
        },
        facets={"kind": "行业领域", "organisation_kind": "企业"},
        restricted=False,
        owner="",
        literal="张三\n某设计院\n工程师\n桥梁检测\n",
        digest=found.digest,
        sorts={"code": "e1"},
    )


def test_every_field_of_a_document_is_in_its_schema_and_no_other(analyzer: Analyzer) -> None:
    made = {
        "indicators": of_indicator(INDICATOR, analyzer),
        "policies": of_passage(Found(POLICY, PASSAGE), analyzer),
        "experts": of_expert(EXPERT, analyzer),
    }
    assert {k: (set(d.terms), set(d.facets)) for k, d in made.items()} == {
        k: ({f.name for f in s.fields}, set(s.facets)) for k, s in SCHEMAS.items()
    }


CHANGES = {
    "code": "2190002", "name": "蓝盾演习次数", "definition": "演习", "formula": "x", "unit": "场",
    "evidence": "x", "keywords": ("保通",), "owner": "州公安局", "visibility": Visibility.PUBLIC, "updated": "2027",
    "category": category("质量"), "use": None, "theme": "通用", "id": "0b",
}  # fmt: skip


@pytest.mark.parametrize("field", CHANGES)
def test_the_digest_follows_all_that_is_indexed(analyzer: Analyzer, field: str) -> None:
    changed = replace(INDICATOR, **{field: CHANGES[field]}) if field != "theme" else replace(INDICATOR, use=None)
    digest = of_indicator(INDICATOR, analyzer).digest
    assert of_indicator(INDICATOR, Analyzer(["蓝盾", "农村公路"])).digest == digest
    assert of_indicator(changed, analyzer).digest != digest
    if field == "theme":
        assert of_indicator(replace(changed, theme="通用"), analyzer).digest != of_indicator(changed, analyzer).digest


def test_the_digest_is_silent_about_what_is_not(analyzer: Analyzer) -> None:
    changed = replace(INDICATOR, revision=9, restricted_reason="x", origin="x", reference_source="x", scoring="x")
    assert of_indicator(changed, analyzer) == of_indicator(INDICATOR, analyzer)
