"""The categories by all their names, and the shapes that programs receive."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

import corpus.errors
from corpus.errors import BadInput, Conflict, NotFound, ZhibiaoError
from corpus.model import CATEGORIES, Category, Expert, Indicator, Kind, Operator, Policy, Status, Visibility, category

ALIASES = {
    "21": ("数量指标", "数量"),
    "22": ("质量指标", "质量"),
    "23": ("时效指标", "时效"),
    "11": ("经济成本指标", "经济成本", "成本", "成本指标"),
    "12": ("社会成本指标", "社会成本"),
    "13": ("生态环境成本指标", "生态环境成本", "生态成本", "生态成本指标", "环境成本", "环境成本指标"),
    "31": ("经济效益指标", "经济效益"),
    "32": ("社会效益指标", "社会效益"),
    "33": ("生态效益指标", "生态效益", "环境效益", "环境效益指标", "生态环境效益", "生态环境效益指标"),
    "34": ("可持续影响指标", "可持续影响", "可持续", "可持续发展", "可持续发展指标", "可持续影响力",
           "可持续影响力指标"),
    "41": ("服务对象满意度指标", "满意度", "满意度指标", "服务对象满意度", "服务满意度", "社会公众满意度",
           "社会公众满意度指标", "受益对象满意度", "受益对象满意度指标", "服务对象满意度情况"),
}  # fmt: skip


@pytest.mark.parametrize(("code", "name"), [(c, n) for c, names in ALIASES.items() for n in (c, *names)])
def test_every_name_in_use_finds_its_category(code: str, name: str) -> None:
    assert (category(name).code, category(f"  {name[0]} {name[1:]} ").code) == (code, code)


def test_cost_that_stood_under_output_is_economic_cost() -> None:
    assert category("成本指标") == Category("11", "成本指标", "经济成本指标", "经济成本")


@pytest.mark.parametrize("name", ["", "产出指标", "数量标", "数" * 5000])
def test_any_other_name_is_refused_with_the_choices(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        category(name, field="rows")
    assert caught.value.as_json() == {
        "error": {
            "code": "bad_input",
            "message": f"二级指标“{name[:20]}”不在分类内，请改为：数量指标、质量指标、时效指标、经济成本指标、"
            "社会成本指标、生态环境成本指标、经济效益指标、社会效益指标、生态效益指标、可持续影响指标、服务对象满意度指标。",
            "field": "rows",
        }
    }


def test_headings_of_the_drafting_page() -> None:
    assert [c.group for c in CATEGORIES] == ["数量", "质量", "时效", *["成本"] * 3, *["效益"] * 4, "满意度"]


def test_indicator_has_the_contracts_keys(make: Callable[..., Indicator]) -> None:
    """The contract's list, and six more that the product grew since."""
    contract = [
        "id", "code", "name", "kind", "level1", "level2", "domain", "industry", "use", "definition", "formula",
        "operator", "unit", "reference", "scoring", "evidence", "keywords", "owner", "visibility", "status", "revision",
        "updated",
    ]  # fmt: skip
    grown = ["theme", "reference_kind", "reference_source", "restricted_reason", "origin", "replaced_by"]
    assert sorted(make("2100001", "新建幼儿园数量").as_json()) == sorted(contract + grown)


def test_indicator_as_json(make: Callable[..., Indicator]) -> None:
    specific = make("2100001", "新建幼儿园数量", revision=3, updated="2026-11-21T08:00:00Z")
    assert specific.as_json() == {
        "id": specific.id, "code": "2100001", "name": "新建幼儿园数量", "kind": "specific", "level1": "产出指标",
        "level2": "数量指标", "domain": "教育", "industry": "普通教育", "use": "学前教育保障", "theme": "",
        "definition": "新建幼儿园数量的解释", "formula": "", "operator": "≥", "unit": "所", "reference": "5",
        "reference_kind": "计划", "reference_source": "年度计划", "scoring": "达到得满分", "evidence": "台账",
        "keywords": ["校园", "建设"], "owner": "州教育体育局", "visibility": "public", "restricted_reason": "",
        "status": "active", "origin": "测试", "replaced_by": "", "revision": 3, "updated": "2026-11-21T08:00:00Z",
    }  # fmt: skip
    common = replace(specific, kind=Kind.COMMON, use=None).as_json()
    assert (common["kind"], common["domain"], common["industry"], common["use"]) == ("common", None, None, None)


def test_target_as_a_form_writes_it(make: Callable[..., Indicator]) -> None:
    rate = make("2200001", "合格率", reference="95", unit="%")
    said = replace(rate, operator=Operator.QUALITATIVE, reference="明显提升", unit="")
    assert [rate.target, said.target] == ["≥95%", "明显提升"]


def test_a_record_cannot_be_changed_in_place(make: Callable[..., Indicator]) -> None:
    with pytest.raises(FrozenInstanceError):
        make("2100001", "新建幼儿园数量").visibility = Visibility.RESTRICTED  # type: ignore[misc]


def test_policy_and_expert_as_json() -> None:
    policy = Policy("p1", "办法", "青财绩〔2024〕3号", "青禾市财政局", 2024, "", "有效性未核", "原文导入", "a.txt",
                    Visibility.RESTRICTED, "州公安局", 1, "t")  # fmt: skip
    assert policy.as_json() == {
        "id": "p1", "title": "办法", "number": "青财绩〔2024〕3号", "issuer": "青禾市财政局", "year": 2024, "theme": "",
        "status": "有效性未核", "basis": "原文导入", "source": "a.txt", "visibility": "restricted", "owner": "州公安局",
        "revision": 1, "updated": "t",
    }  # fmt: skip
    expert = Expert("e1", "示例专家1", "行业领域", "某校", "高校", "教授", ("教育",), True, Status.ACTIVE, 2, "t")
    assert expert.as_json() == {
        "id": "e1", "name": "示例专家1", "kind": "行业领域", "organisation": "某校", "organisation_kind": "高校",
        "title": "教授", "fields": ["教育"], "sample": True, "status": "active", "revision": 2, "updated": "t",
    }  # fmt: skip


def test_the_model_imports_nothing_of_ours_but_the_errors() -> None:
    import corpus.model

    source = Path(corpus.model.__file__).read_text(encoding="utf-8")
    assert re.findall(r"(?m)^\s*(?:from|import) ((?:corpus|indexer|webapp)\S*)", source) == ["corpus.errors"]


def test_errors_name_their_field_only_where_there_is_one() -> None:
    assert NotFound("没有。").as_json() == {"error": {"code": "not_found", "message": "没有。"}}
    assert Conflict("重复。", field="code").as_json() == {
        "error": {"code": "conflict", "message": "重复。", "field": "code"}
    }


def test_no_two_errors_share_a_code_or_a_status() -> None:
    classes = [e for e in vars(corpus.errors).values() if isinstance(e, type) and issubclass(e, ZhibiaoError)]
    found = [(e.status, e.code) for e in classes]
    assert sorted(found) == [
        (400, "bad_input"), (401, "not_signed_in"), (403, "forbidden"), (404, "not_found"), (409, "conflict"),
        (413, "too_large"), (422, "unreadable"), (500, "internal"), (503, "not_ready"),
    ]  # fmt: skip
