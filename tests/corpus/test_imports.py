"""Tables into the library: what the plan says is what happens, or nothing does."""

from __future__ import annotations

from typing import Any

import pytest

from corpus import imports, indicators
from corpus.errors import Conflict
from corpus.model import Owner, Use, Visibility
from corpus.readers.tables import Row
from corpus.rows import Problem
from corpus.store import Store

ROW = {
    "指标名称": "新建幼儿园数量", "二级指标": "数量指标", "领域": "教育", "行业": "普通教育", "用途": "学前教育保障",
    "计算符号": "≥", "计量单位": "所", "指标值": "5", "来源部门": "州教育体育局", "是否公开": "公开",
}  # fmt: skip


def row(line: int, sheet: str = "", **cells: str) -> Row:
    return Row(sheet, line, ROW | cells)


def planned(store: Store, *rows: Row) -> imports.Plan:
    return imports.plan(store, rows, origin="测试表")


def applied(store: Store, *rows: Row) -> imports.Plan:
    plan = planned(store, *rows)
    assert plan.problems == []
    imports.apply(store, plan, actor="甲", source="表.csv")
    return plan


def dump(store: Store) -> list[str]:
    return list(store.db.conn.iterdump())


def test_a_plan_writes_nothing(store: Store) -> None:
    before = dump(store)
    plan = planned(store, row(2), row(3, 指标名称="", 计量单位=""), row(4, 用途="新用途", 来源部门="新单位"))
    assert dump(store) == before
    assert plan.summary() == "新增 2 条，修改 0 条，无变化 0 条，有问题 2 处，新增用途 2 个，新增预算单位 2 个"


def test_new_then_same_then_changed(store: Store, cast: Any) -> None:
    first = applied(store, row(2), row(3, 指标名称="秘密", 是否公开="否"))
    assert [(i.code, i.name, i.origin, i.revision) for i in first.new] == [
        ("2100001", "新建幼儿园数量", "测试表", 0),
        ("2190001", "秘密", "测试表", 0),
    ]
    again = planned(store, row(2), row(3, 指标名称="秘密", 是否公开="否", 指标值="6"))
    assert ([i.name for i in again.same], [i.name for i in again.changed], again.new) == (
        ["新建幼儿园数量"],
        ["秘密"],
        [],
    )
    assert again.summary() == "新增 0 条，修改 1 条，无变化 1 条，有问题 0 处"
    assert imports.apply(store, again, actor="乙", source="表二.csv") == 1
    found = list(indicators.everything(store))
    assert [(i.code, i.reference, i.revision, i.origin) for i in found] == [
        ("2100001", "5", 1, "测试表"),
        ("2190001", "6", 2, "测试表"),
    ]
    assert store.rows("select actor, action, target, detail from audit order by id") == [
        {"actor": "甲", "action": "import", "target": "indicators",
         "detail": "表.csv：新增 2 条，修改 0 条，无变化 0 条，有问题 0 处，新增用途 1 个，新增预算单位 1 个"},
        {"actor": "乙", "action": "import", "target": found[1].id,
         "detail": "表二.csv：新增 0 条，修改 1 条，无变化 1 条，有问题 0 处"},
    ]  # fmt: skip


def test_applying_a_plan_without_changes_writes_nothing(store: Store) -> None:
    applied(store, row(2))
    before = dump(store)
    assert imports.apply(store, planned(store, row(2)), actor="甲", source="表.csv") == 0
    assert dump(store) == before


def test_english_headers_mean_the_same(store: Store) -> None:
    english = {
        "Name": "新建幼儿园数量", "level2": "数量指标", "domain": "教育", "industry": "普通教育", "use": "学前教育保障",
        "operator": ">=", "unit": "所", "reference": "5", "owner": "州教育体育局", "visibility": "public",
        "id": "ignored",
    }  # fmt: skip
    applied(store, row(2))
    plan = planned(store, Row("", 2, english))
    assert (plan.new, plan.changed, [i.code for i in plan.same]) == ([], [], ["2100001"])


def test_a_code_finds_its_record_under_any_name_and_keeps_its_id(store: Store) -> None:
    (old,) = applied(store, row(2)).new
    plan = applied(store, row(2, 指标代码="2100001", 指标名称="新名称", 二级指标="质量"))
    assert ([(i.id, i.code, i.name) for i in plan.changed], plan.new) == ([(old.id, "2100001", "新名称")], [])


def test_the_same_words_mean_another_record_in_another_use_category_or_visibility(store: Store) -> None:
    applied(store, row(2))
    others = [
        row(2, 用途="小学教育保障"),
        row(3, 二级指标="质量"),
        row(4, 是否公开="否"),
        row(5, 用途="", 领域="", 行业=""),
    ]
    assert [i.code for i in planned(store, *others).new] == ["2100002", "2200001", "2190001", "2100003"]


def test_every_bad_row_is_named_and_no_good_one_is_lost(store: Store) -> None:
    sheet = "表一"
    plan = planned(
        store,
        row(3, sheet),
        row(4, sheet, 指标名称="", 计量单位=""),
        row(5, sheet, 指标名称="好的"),
        row(6, sheet, 指标值="五"),
        Row(sheet, 9, {}),
    )
    assert [str(p) for p in plan.problems] == [
        "工作表“表一”第 4 行，指标名称：没有填写，请填写指标名称。",
        "工作表“表一”第 4 行，计量单位：定量指标必须有计量单位，请填写；如无法量化，请把计算符号改为“定性”。",
        "工作表“表一”第 6 行，指标值：“五”不是数字，请只填数字，符号和单位填在各自的列里。",
        "工作表“表一”第 9 行，指标名称：没有填写，请填写指标名称。",
        "工作表“表一”第 9 行，二级指标：没有填写，请填写二级指标。",
        "工作表“表一”第 9 行，是否公开：请填写“公开”或“不公开”。",
        "工作表“表一”第 9 行，来源部门：没有填写，请填写提供该指标的预算单位。",
    ]
    assert [i.name for i in plan.new] == ["新建幼儿园数量", "好的"]


def test_duplicate_rows_are_named_by_their_first(store: Store) -> None:
    plan = planned(store, row(2), row(3), row(4, 指标代码="A1"), row(5, 指标代码="A1", 指标名称="乙"))
    assert plan.problems == [
        Problem("第 3 行", "name", "与第 2 行重复，请只保留一行。"),
        Problem("第 5 行", "name", "与第 4 行重复，请只保留一行。"),
    ]
    assert [i.code for i in plan.new] == ["2100001", "A1"]
    applied(store, row(2))
    plan = planned(store, row(2, 指标值="8"), row(3, 指标代码="2100001", 指标名称="丙"))
    assert plan.problems == [Problem("第 3 行", "name", "与第 2 行重复，请只保留一行。")]


def test_a_row_that_is_refused_adds_no_use_and_no_owner(store: Store) -> None:
    plan = planned(store, row(2, 指标代码="A1"), row(3, 指标代码="A1", 用途="别的用途", 来源部门="别的单位"))
    assert ([u.use for u in plan.uses], [o.name for o in plan.owners]) == (["学前教育保障"], ["州教育体育局"])


def test_a_code_asked_for_below_is_not_given_away_above(store: Store) -> None:
    plan = planned(store, row(2, 指标名称="甲"), row(3, 指标名称="乙", 指标代码="2100001"), row(4, 指标名称="丙"))
    assert (plan.problems, [(i.name, i.code) for i in plan.new]) == (
        [], [("甲", "2100002"), ("乙", "2100001"), ("丙", "2100003")],
    )  # fmt: skip


def test_new_uses_and_owners_stand_beside_their_relatives(store: Store) -> None:
    indicators.add_taxonomy(store, [Use("2050201", "教育", "普通教育", "学前教育保障")], [])
    plan = applied(
        store,
        row(2, 用途="小学教育保障"),
        row(3, 行业="职业教育", 用途="中职"),
        row(4, 领域="航天", 行业="火箭", 用途="发射", 来源部门="州航天局"),
        row(5, 领域="航天", 行业="火箭", 用途="回收", 来源部门="州航天局"),
        row(6, 领域="深海", 行业="潜水", 用途="潜器", 来源部门="州海洋局"),
    )
    assert plan.uses == [
        Use("2050202", "教育", "普通教育", "小学教育保障"),
        Use("2050101", "教育", "职业教育", "中职"),
        Use("9010101", "航天", "火箭", "发射"),
        Use("9010102", "航天", "火箭", "回收"),
        Use("9020101", "深海", "潜水", "潜器"),
    ]
    assert plan.owners == [
        Owner("州教育体育局", "导入", "教育"),
        Owner("州航天局", "导入", "航天"),
        Owner("州海洋局", "导入", "深海"),
    ]
    assert indicators.uses(store) == [Use("2050201", "教育", "普通教育", "学前教育保障"), *plan.uses]
    assert indicators.owners(store) == plan.owners
    assert [i.use for i in indicators.everything(store)] == plan.uses


def test_apply_is_all_or_nothing(store: Store, make: Any) -> None:
    """The last record of the plan cannot be written: its owner is unknown to the store."""
    plan = planned(store, row(2), row(3, 指标名称="乙"))
    plan.new.append(make("2200001", "丙", use=plan.uses[0], owner="没有此单位"))
    before = dump(store)
    with pytest.raises(Exception, match="FOREIGN KEY"):
        imports.apply(store, plan, actor="甲", source="表.csv")
    assert dump(store) == before


@pytest.mark.parametrize(
    "meanwhile",
    [
        {"指标名称": "别人的新指标"},
        {"指标值": "99"},
        {"指标名称": "别人的", "二级指标": "质量", "用途": "别人的用途"},
    ],
    ids=["the next code is taken", "the record has changed", "the next use code is taken"],
)
def test_a_plan_that_was_overtaken_overwrites_nobody(store: Store, meanwhile: dict[str, str]) -> None:
    applied(store, row(2))
    plan = planned(store, row(2, 指标值="7"), row(3, 指标名称="我的新指标", 用途="我的用途"))
    applied(store, row(2, **meanwhile))
    before = dump(store)
    with pytest.raises(Conflict) as caught:
        imports.apply(store, plan, actor="甲", source="表.csv")
    assert caught.value.message == "检查之后指标库又有变化，请重新检查这份表格后再导入。"
    assert dump(store) == before


def test_the_plan_of_a_curator_does_not_depend_on_what_the_public_may_see(store: Store, cast: Any) -> None:
    """A public row of the same words as a restricted record is a record of its own, with a code of its own."""
    applied(store, row(2, 是否公开="不公开", 指标值="7"))
    applied(store, row(2))
    found = indicators.export(store, cast.public, edition="full")
    assert [(i.code, i.reference, i.visibility) for i in found] == [("2100001", "5", Visibility.PUBLIC)]
