"""One row of a table: every header in use, and every mistake named at its place."""

from __future__ import annotations

import pytest

from corpus.model import Indicator, Kind, Operator, Status, Use, Visibility, category
from corpus.rows import HEADERS, LABELS, Problem, named, read_row

GOOD = {
    "name": "新建幼儿园数量", "level2": "数量指标", "domain": "教育", "industry": "普通教育", "use": "学前教育保障",
    "operator": "≥", "unit": "所", "reference": "5", "owner": "州教育体育局", "visibility": "公开",
}  # fmt: skip
PLACE = "工作表“表一”第 7 行"


def problems(**changes: str) -> list[tuple[str, str]]:
    record, found = read_row(GOOD | changes, PLACE)
    assert (record is None, {p.place for p in found}) == (True, {PLACE})
    return [(p.field, p.message) for p in found]


def accepted(**changes: str) -> Indicator:
    record, found = read_row(GOOD | changes, PLACE)
    assert (found, record is None) == ([], False)
    assert record
    return record


def test_a_full_row_becomes_a_record_without_id() -> None:
    extra = {
        "code": "2100009", "theme": "", "definition": "当年\n新建  的", "formula": "a÷b", "reference_kind": "计划",
        "reference_source": "规划", "scoring": "比例", "evidence": "台账", "keywords": "校园，建设、校园; 学位",
        "restricted_reason": "",
    }  # fmt: skip
    assert accepted(**extra) == Indicator(
        id="", code="2100009", name="新建幼儿园数量", kind=Kind.SPECIFIC, category=category("数量"),
        use=Use("", "教育", "普通教育", "学前教育保障"), theme="", definition="当年 新建 的", formula="a÷b",
        operator=Operator.AT_LEAST, unit="所", reference="5", reference_kind="计划", reference_source="规划",
        scoring="比例", evidence="台账", keywords=("校园", "建设", "学位"), owner="州教育体育局",
        visibility=Visibility.PUBLIC, restricted_reason="", status=Status.ACTIVE, origin="", replaced_by="", revision=0,
        updated="",
    )  # fmt: skip


@pytest.mark.parametrize(("field", "header"), [(f, h) for f, hs in HEADERS.items() for h in (f, *hs)])
def test_every_header_in_use_names_its_field(field: str, header: str) -> None:
    dressed = [header, f" *{header}＊ ", f"{header}（必填）", f"{header}(注：见说明)", header.upper()]
    assert [named({h: "值"}) for h in dressed] == [{field: "值"}] * 5


def test_no_header_stands_for_two_fields() -> None:
    every = [h for f, hs in HEADERS.items() for h in (f, *hs)]
    assert sorted(every) == sorted(set(every))


def test_unknown_columns_are_left_out() -> None:
    assert named({"序号": "1", "备注": "无", "id": "x", "revision": "9", "": "空", "指标名称": "甲"}) == {"name": "甲"}


def test_of_two_columns_for_one_field_the_first_that_is_filled_in_counts() -> None:
    assert [
        named({"预算单位": "甲局", "主管部门": ""}),
        named({"预算单位": "", "主管部门": "乙局"}),
        named({"预算单位": "甲局", "主管部门": "乙局"}),
    ] == [{"owner": "甲局"}, {"owner": "乙局"}, {"owner": "甲局"}]


@pytest.mark.parametrize(
    ("cells", "visibility"),
    [
        ({"是否公开": "是"}, Visibility.PUBLIC),
        ({"是否公开": "否"}, Visibility.RESTRICTED),
        ({"涉密标记": "是"}, Visibility.RESTRICTED),
        ({"涉密标记（是/否）": " 是 "}, Visibility.RESTRICTED),
        ({"涉密标记": "否"}, Visibility.PUBLIC),
        ({"涉密标记": "非涉密"}, Visibility.PUBLIC),
        ({"涉密标记": "涉密"}, Visibility.RESTRICTED),
        ({"是否公开": "是", "涉密标记": "是"}, Visibility.RESTRICTED),
        ({"涉密标记": "涉敏", "是否公开": "公开"}, Visibility.RESTRICTED),
        ({"公开标记": "不可公开"}, Visibility.RESTRICTED),
        ({"visibility": "restricted"}, Visibility.RESTRICTED),
        ({"visibility": "public"}, Visibility.PUBLIC),
    ],
)
def test_what_a_file_calls_secret_is_never_read_as_public(cells: dict[str, str], visibility: Visibility) -> None:
    rest = {k: v for k, v in GOOD.items() if k != "visibility"}
    record, found = read_row(named(rest | cells), PLACE)
    assert (found, record and record.visibility) == ([], visibility)


@pytest.mark.parametrize(
    ("written", "operator"),
    [("≥", "≥"), (">=", "≥"), ("＞＝", "≥"), ("大于等于", "≥"), ("大於等於", "≥"), ("不低于", "≥"), ("≤", "≤"),
     ("<=", "≤"), ("不高于", "≤"), ("小于等于", "≤"), ("=", "="), ("＝", "="), ("等于", "="), (">", ">"),
     ("大于", ">"), ("< ", "<"), ("小于", "<"), ("定性", "定性"), ("", "定性")],
)  # fmt: skip
def test_every_spelling_of_an_operator(written: str, operator: str) -> None:
    assert accepted(operator=written).operator is Operator(operator)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [({"是否共性": "是"}, Kind.COMMON), ({"是否共性": "否"}, Kind.SPECIFIC), ({"指标性质": "共性指标"}, Kind.COMMON),
     ({"指标性质": "个性"}, Kind.SPECIFIC), ({"kind": "common"}, Kind.COMMON), ({}, Kind.SPECIFIC),
     ({"用途": ""}, Kind.COMMON)],
)  # fmt: skip
def test_kind_is_what_the_row_says_else_what_its_use_says(cells: dict[str, str], kind: Kind) -> None:
    rest = {k: v for k, v in GOOD.items() if k != "use" or "用途" not in cells}
    record, found = read_row(named(rest | cells), PLACE)
    assert (found, record and record.kind, record and record.use is None) == ([], kind, kind is Kind.COMMON)


LEVEL2 = (
    "不在分类内，请改为：数量指标、质量指标、时效指标、经济成本指标、社会成本指标、生态环境成本指标、经济效益指标、"
    "社会效益指标、生态效益指标、可持续影响指标、服务对象满意度指标。"
)
NUMBER = "不是数字，请只填数字，符号和单位填在各自的列里。"
PATH = "个性指标必须写明领域、行业和用途，请补充。"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": ""}, [("name", "没有填写，请填写指标名称。")]),
        ({"name": " \n"}, [("name", "没有填写，请填写指标名称。")]),
        ({"name": "长" * 61}, [("name", "超过 60 字，请删减。")]),
        ({"level2": ""}, [("level2", "没有填写，请填写二级指标。")]),
        ({"level2": "产量指标"}, [("level2", f"二级指标“产量指标”{LEVEL2}")]),
        (
            {"operator": "约等于吧大概是这样的"},
            [("operator", "“约等于吧大概是这样的”不是计算符号，请改为 ≥、≤、=、>、< 或 定性。")],
        ),
        ({"unit": ""}, [("unit", "定量指标必须有计量单位，请填写；如无法量化，请把计算符号改为“定性”。")]),
        ({"unit": "所" * 31}, [("unit", "超过 30 字，请删减。")]),
        ({"reference": "≥5"}, [("reference", f"“≥5”{NUMBER}")]),
        ({"reference": "95%"}, [("reference", f"“95%”{NUMBER}")]),
        ({"reference": "1,200"}, [("reference", f"“1,200”{NUMBER}")]),
        ({"reference": "1" * 101}, [("reference", "超过 100 字，请删减。"), ("reference", f"“{'1' * 20}”{NUMBER}")]),
        ({"visibility": ""}, [("visibility", "请填写“公开”或“不公开”。")]),
        ({"visibility": "半公开"}, [("visibility", "请填写“公开”或“不公开”。")]),
        ({"domain": ""}, [("domain", PATH)]),
        ({"domain": "", "industry": ""}, [("domain", PATH), ("industry", PATH)]),
        ({"use": "", "kind": "个性"}, [("use", PATH)]),
        ({"owner": ""}, [("owner", "没有填写，请填写提供该指标的预算单位。")]),
        ({"code": "1" * 31}, [("code", "超过 30 字，请删减。")]),
        ({"definition": "长" * 2001}, [("definition", "超过 2000 字，请删减。")]),
        ({"keywords": "词" * 2001}, [("keywords", "超过 2000 字，请删减。")]),
    ],
)
def test_every_mistake_is_named(changes: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert problems(**changes) == expected


def test_all_mistakes_of_a_row_are_named_at_once() -> None:
    assert read_row({}, PLACE) == (
        None,
        [
            Problem(PLACE, "name", "没有填写，请填写指标名称。"),
            Problem(PLACE, "level2", "没有填写，请填写二级指标。"),
            Problem(PLACE, "visibility", "请填写“公开”或“不公开”。"),
            Problem(PLACE, "owner", "没有填写，请填写提供该指标的预算单位。"),
        ],
    )


def test_a_problem_in_words_has_place_column_and_remedy() -> None:
    assert str(Problem(PLACE, "unit", "请填写。")) == "工作表“表一”第 7 行，计量单位：请填写。"
    assert str(Problem(PLACE, "别的", "请填写。")) == "工作表“表一”第 7 行，别的：请填写。"
    assert list(LABELS) == list(HEADERS)


@pytest.mark.parametrize("reference", ["", "0", "-5", "99.5", "123456789012345", "0.000001"])
def test_numbers_are_taken_as_written(reference: str) -> None:
    assert accepted(reference=reference).reference == reference


def test_a_qualitative_row_needs_neither_unit_nor_number() -> None:
    found = accepted(operator="定性", unit="", reference="明显提升")
    assert (found.operator, found.unit, found.reference) == (Operator.QUALITATIVE, "", "明显提升")
