"""Target values as numbers, dates and words: examples, whole tables, and arbitrary text."""

from __future__ import annotations

import json
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpus import quantity as quantities
from corpus.quantity import UNITS, Deadline, Qualitative, Quantity, Unit, find, parse, same_dimension, show


def q(operator: str, value: str, unit: str = "", high: str | None = None) -> Quantity:
    return Quantity(operator, Decimal(value), unit, None if high is None else Decimal(high))


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("≥1.2万亩", q("≥", "12000", "亩")),
        ("三成", q("=", "30", "%")),
        ("三成五以上", q("≥", "35", "%")),
        ("百分之九十五", q("=", "95", "%")),
        ("千分之三", q("=", "3", "‰")),
        ("百分之百", q("=", "100", "%")),
        ("二十三人", q("=", "23", "人")),
        ("一千二百亩", q("=", "1200", "亩")),
        ("两万五千元", q("=", "25000", "元")),
        ("两万五元", q("=", "25000", "元")),
        ("一百零五户", q("=", "105", "户")),
        ("一亿二千万元", q("=", "120000000", "元")),
        ("一点五公里", q("=", "1.5", "公里")),
        ("半年", q("=", "0.5", "年")),
        ("一年半", q("=", "1.5", "年")),
        ("两个半小时", q("=", "2.5", "小时")),
        ("1,126,357.29万元", q("=", "11263572900", "元")),
        ("1亿2000万元", q("=", "120000000", "元")),
        ("9.5元/平方米·月", q("=", "9.5", "元/平方米·月")),
        ("500元/100km", q("=", "500", "元/100km")),
        ("3千公里", q("=", "3000", "公里")),
        ("3千米", q("=", "3", "千米")),
        ("不低于95%", q("≥", "95", "%")),
        ("不少于3次", q("≥", "3", "次")),
        ("至少 5 场", q("≥", "5", "场")),
        ("达到95%以上", q("≥", "95", "%")),
        ("98%（含）以上", q("≥", "98", "%")),
        ("不超过100万元", q("≤", "1000000", "元")),
        ("不高于3%", q("≤", "3", "%")),
        ("控制在100万元以内", q("≤", "1000000", "元")),
        ("5%以下", q("≤", "5", "%")),
        ("至多2次", q("≤", "2", "次")),
        ("30分钟内", q("≤", "30", "分钟")),
        ("大于3人", q(">", "3", "人")),
        ("超过3万人次", q(">", "30000", "人次")),
        ("3万余人", q(">", "30000", "人")),
        ("少于4天", q("<", "4", "天")),
        ("约20人", q("~", "20", "人")),
        ("20人左右", q("~", "20", "人")),
        ("≥９５％", q("≥", "95", "%")),
        (">=95%", q("≥", "95", "%")),
        ("90-100%", q("=", "90", "%", "100")),
        ("50%-60%", q("=", "50", "%", "60")),
        ("5～8人", q("=", "5", "人", "8")),
        ("5-8万元", q("=", "50000", "元", "80000")),
        ("5000-1万元", q("=", "5000", "元", "10000")),
        ("-5%", q("=", "-5", "%")),
        ("0.9‰", q("=", "0.9", "‰")),
        ("12.5/10万", q("=", "12.5", "/10万")),
        ("12.5 1/10万", q("=", "12.5", "1/10万")),
        ("≤100%预算", q("≤", "100", "%预算")),
        ("12", q("=", "12")),
        ("2025年年底前", Deadline(2025, 12, 31, "2025年年底前")),
        ("12月31日", Deadline(None, 12, 31, "12月31日")),
        ("11月30日前", Deadline(None, 11, 30, "11月30日前")),
        ("2021年12月31日", Deadline(2021, 12, 31, "2021年12月31日")),
        ("全年", Deadline(None, None, None, "全年")),
        ("2020年12月前", Deadline(2020, 12, None, "2020年12月前")),
        ("11月底前", Deadline(None, 11, 30, "11月底前")),
        ("11月底前完成", Deadline(None, 11, 30, "11月底前完成")),
        ("２０２４年２月底前", Deadline(2024, 2, 29, "2024年2月底前")),
        ("2月底前", Deadline(None, 2, None, "2月底前")),
        ("二〇二三年十二月", Deadline(2023, 12, None, "二〇二三年十二月")),
        ("2021-12-31", Deadline(2021, 12, 31, "2021-12-31")),
        ("2024年1月至12月", Deadline(2024, 12, None, "2024年1月至12月")),
        ("第三季度末前", Deadline(None, 9, 30, "第三季度末前")),
        ("上半年", Deadline(None, 6, 30, "上半年")),
        ("2021年13月", Qualitative("2021年13月")),
        ("", Qualitative("")),
        ("有所提升", Qualitative("有所提升")),
        ("一般", Qualitative("一般")),
        ("一次性", Qualitative("一次性")),
        ("十分", Qualitative("十分")),
        ("万元以下", Qualitative("万元以下")),
        ("提高10%", Qualitative("提高10%")),
        ("200亩示范", Qualitative("200亩示范")),
        ("≥95%,其中优秀60%", Qualitative("≥95%,其中优秀60%")),
    ],
)
def test_parse_a_cell(cell: str, expected: Quantity | Deadline | Qualitative) -> None:
    assert parse(cell) == expected


@pytest.mark.parametrize(
    ("value", "unit", "operator", "expected"),
    [
        ("95", "%", "≥", q("≥", "95", "%")),
        ("９５", "百分比", "大于等于", q("≥", "95", "%")),
        ("375", "万平方米", "=", q("=", "3750000", "平方米")),
        ("17.5", "亿元", "＝", q("=", "1750000000", "元")),
        ("20", "万人次", "≥", q("≥", "200000", "人次")),
        ("200", "万粒", "=", q("=", "2000000", "粒")),
        ("1,126,357.29", "万元", "≤", q("≤", "11263572900", "元")),
        ("28.40", "元/株", "≤", q("≤", "28.4", "元/株")),
        ("2", "万元/公里", "≤", q("≤", "20000", "元/公里")),
        ("3", "千米", "", q("=", "3", "千米")),
        ("12.5", "1/10万", "≤", q("≤", "12.5", "1/10万")),
        ("100", "%预算", "≤", q("≤", "100", "%预算")),
        ("26万", "万亩", "=", q("=", "260000", "亩")),
        ("26万亩", "万亩", "=", q("=", "260000", "亩")),
        ("95%", "%", "≥", q("≥", "95", "%")),
        ("三成", "%", "", q("=", "30", "%")),
        ("5-8", "万元", "=", q("=", "50000", "元", "80000")),
        ("≥95", "%", "=", q("≥", "95", "%")),
        ("达到95", "%", "≥", q("≥", "95", "%")),
        ("95", "%", "定性", q("=", "95", "%")),
        ("2021.12", "万元", "", q("=", "20211200", "元")),
        ("12", "月", "≤", q("≤", "12", "月")),
        ("2025", "年", "", Deadline(2025, None, None, "2025年")),
        ("12月31日", "日期", "≤", Deadline(None, 12, 31, "12月31日")),
        ("", "%", "≥", Qualitative("")),
        ("是", "", "定性", Qualitative("是")),
    ],
)
def test_parse_beside_columns(
    value: str, unit: str, operator: str, expected: Quantity | Deadline | Qualitative
) -> None:
    assert parse(value, unit, operator) == expected


@pytest.mark.parametrize(
    ("prose", "expected"),
    [
        ("新建12公里、受益群众3.5万人", [(q("=", "12", "公里"), "12公里"), (q("=", "35000", "人"), "3.5万人")]),
        ("按财预〔2022〕11号，2023年12月5日起第3条", []),
        (
            "1.建设5公里；2. 完成30个；①改造６户",
            [(q("=", "5", "公里"), "5公里"), (q("=", "30", "个"), "30个"), (q("=", "6", "户"), "６户")],
        ),
        (
            "2023年投入1.2亿元，满意度不低于95%，增长5个百分点以上",
            [
                (q("=", "120000000", "元"), "1.2亿元"),
                (q("≥", "95", "%"), "不低于95%"),
                (q("≥", "5", "个百分点"), "5个百分点以上"),
            ],
        ),
        ("三年内建设两个站，树立一个目标，二期工程", [(q("≤", "3", "年"), "三年内"), (q("=", "2", "个"), "两个")]),
        ("G320线12公里，K12+300米", [(q("=", "12", "公里"), "12公里")]),
        (
            "补助300元/人·月，占比５～８%",
            [(q("=", "300", "元/人·月"), "300元/人·月"), (q("=", "5", "%", "8"), "５～８%")],
        ),
        ("增长-5%，成本下降三成", [(q("=", "-5", "%"), "-5%"), (q("=", "30", "%"), "三成")]),
        ("二〇二三年，2022年度，2023-2025年，3年级，十四五，11时30分", []),
        ("建設高標準農田3.2萬畝", [(q("=", "32000", "亩"), "3.2萬畝")]),
        ("近三年和近半年的二次搬运，前三季度不足5人", [(q("<", "5", "人"), "不足5人")]),
        ("近3万人", [(q("~", "30000", "人"), "近3万人")]),
        ("", []),
    ],
)
def test_find_in_prose(prose: str, expected: list[tuple[Quantity, str]]) -> None:
    assert [(quantity, prose[start:end]) for quantity, (start, end) in find(prose)] == expected


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (q("≥", "12000", "亩"), "≥12000亩"),
        (q("=", "100", "%"), "100%"),
        (q("~", "20", "人"), "约20人"),
        (q("=", "90", "%", "100"), "90-100%"),
        (q("=", "1E+20", "元"), "100000000000000000000元"),
        (q("≤", "100", "%预算"), "≤100%预算"),
        (q("=", "12.5", "1/10万"), "=12.5 1/10万"),
        (q("=", "2025", "年"), "=2025 年"),
        (q("=", "-5", "%", "-3"), "-5至-3%"),
        (q("=", "12"), "12"),
    ],
)
def test_show(quantity: Quantity, text: str) -> None:
    assert (show(quantity), parse(text)) == (text, quantity)


NUMBERS = st.decimals(min_value=-(10**14), max_value=10**20, allow_nan=False, places=4) | st.integers(0, 10**30).map(
    Decimal
)
PLAIN_UNITS = sorted(set(UNITS) - {"万元", "亿元", "万人", "万户", "成", "㎡"})
SHOWN_UNITS = st.sampled_from(
    [*PLAIN_UNITS, "", "元/平方米·月", "元/100km", "%预算", "1/10万", "/10万", "亩次", "元/学期"]
)


@given(st.sampled_from("≥≤=><~"), NUMBERS, SHOWN_UNITS, st.none() | NUMBERS)
def test_show_and_parse_are_inverse(operator: str, value: Decimal, unit: str, high: Decimal | None) -> None:
    if high is not None and high < value:
        value, high = high, value
    quantity = Quantity(operator, value, unit, high)
    text = show(quantity)
    assert parse(text) == quantity
    assert "E" not in text


PIECES = [
    "百分之",
    "三",
    "十",
    "万",
    "亿",
    "半",
    "成",
    "12",
    "3.5",
    ",",
    "-",
    "至",
    "≥",
    "约",
    "年",
    "月",
    "日",
    "底",
    "前",
]
CELLS = st.text(max_size=500) | st.lists(st.sampled_from([*PIECES, "元", "/", "·", "%", " ", "个", "内"])).map("".join)


@given(CELLS, st.text(max_size=8), st.sampled_from(["", "≥", "定性", "?"]))
def test_nothing_raises_and_what_is_read_can_be_shown(text: str, unit: str, operator: str) -> None:
    read = parse(text, unit, operator)
    assert isinstance(read, Quantity | Deadline | Qualitative)
    spans = [span for _, span in find(text)]
    assert spans == sorted(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(parse(show(quantity)) == quantity for quantity, _ in find(text))


PROSE = [*PIECES, *"，,。；;：、！?0１２人％第〔.+/-~时多余路萬\n", "1,200", "公里", "两个半小时", "不低于", "以上"]


@given(st.lists(st.sampled_from(PROSE), max_size=16).map("".join) | st.text(max_size=300))
@example("每半年")
@settings(max_examples=500)
def test_read_clause_by_clause_a_text_gives_what_it_gives_as_one(text: str) -> None:
    """Twice, as clauses are remembered; the figure at the end, which has no unit, has all of the text looked through."""
    whole = list(quantities._in_clause(text + "。7"))
    assert [find(text), find(text), find(text + "。" + text)[: len(whole)]] == [whole] * 3


@pytest.mark.parametrize(
    "piece", ["7", "一", "万", "1,", "1,234", "5元/", "百分之", "1-", "≥", "12月", "3.", " ", "5/", "〇", "半年"]
)
def test_long_text_is_finished(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    found = find(text)
    assert found == sorted(found, key=lambda item: item[1])
    assert isinstance(parse(text, "元", "≥"), Quantity | Qualitative)


def test_no_digit_is_lost() -> None:
    assert parse("7" * 100_000 + "万亩", operator="≥") == Quantity("≥", Decimal("7" * 100_000 + "0000"), "亩")


def test_units_and_dimensions() -> None:
    assert [UNITS[name] for name in ("公里", "亩", "万元", "小时", "株")] == [
        Unit("长度", "米", Decimal(1000)),
        Unit("面积", "平方米", Decimal("666.6667")),
        Unit("金额", "元", Decimal(10000)),
        Unit("时间", "小时", Decimal(1)),
        Unit("数量", "株", None),
    ]
    pairs = [("公里", "米"), ("万亩", "公顷"), ("亿元", "元"), ("元/亩", "万元/公顷"), ("天", "分钟"), ("怪", "怪")]
    assert [same_dimension(a, b) for a, b in pairs] == [True] * len(pairs)
    pairs = [("公里", "亩"), ("人", "人次"), ("元", "元/亩"), ("怪", "异"), ("", "元")]
    assert [same_dimension(a, b) for a, b in pairs] == [False] * len(pairs)


TABLE = [
    ("≥", "12", "人", q("≥", "12", "人")),
    ("=", "26", "万亩", q("=", "260000", "亩")),
    ("<", "0.9", "‰", q("<", "0.9", "‰")),
    ("=", "1130", "元/月·人", q("=", "1130", "元/月·人")),
    ("≥", "116559", "册次", q("≥", "116559", "册次")),
    ("≤", "2.50", "万元", q("≤", "25000", "元")),
    ("≥", "101", "人/次", q("≥", "101", "人/次")),
    ("定性", "2025年6月底前", "", Deadline(2025, 6, 30, "2025年6月底前")),
    ("定性", "应助尽助", "", Qualitative("应助尽助")),
    ("定性", "在项目计划完成时间内完成", "", Qualitative("在项目计划完成时间内完成")),
    ("定性", "控制在预算内", "", Qualitative("控制在预算内")),
    ("定性", "高", "", Qualitative("高")),
    ("", "", "户", Qualitative("")),
]


def test_rows_shaped_like_a_goal_table() -> None:
    assert [parse(value, unit, operator) for operator, value, unit, _ in TABLE] == [row[3] for row in TABLE]


def test_every_row_of_the_sample_goals() -> None:
    folder = os.environ.get("ZHIBIAO_SAMPLES")
    if not folder:
        pytest.skip("ZHIBIAO_SAMPLES is not set: the folder that holds goals/dev_goals.jsonl")
    lines = (Path(folder) / "goals" / "dev_goals.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for line in lines for row in json.loads(line)["indicators"]]
    read = [(row, parse(row["value"], row["unit"], row["op"])) for row in rows]

    def written(row: dict[str, str]) -> str:
        return "定性" if row["op"] == "定性" else "数值" if row["value"] else "空"

    lost = [(row, found) for row, found in read if written(row) == "数值" and not isinstance(found, Quantity)]
    print(f"{len(rows)} rows, lost: {lost or 'none'}")
    assert lost == []
    assert Counter((written(row), type(found).__name__) for row, found in read) == {
        ("数值", "Quantity"): 270,
        ("定性", "Qualitative"): 42,
        ("定性", "Deadline"): 6,
        ("空", "Qualitative"): 12,
    }
    numbers = [found for _, found in read if isinstance(found, Quantity)]
    assert [parse(show(number)) for number in numbers] == numbers
