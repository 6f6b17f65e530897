"""The review rules for a goal table as a whole, with its heading, weights and budget. Each yields remarks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal

from rapidfuzz import fuzz

from corpus.quantity import UNITS, Deadline, Qualitative, Quantity, parse
from corpus.text import fold
from indexer.review_read import COMPARED, RATE, Line, Remark, Severity, Table, clip, measures, plain_number
from indexer.review_rules import is_vague, needs_scale

_SERVED = re.compile(
    "群众|居民|村民|农户|农民|学生|家长|患者|病人|老年人|老人|残疾人|儿童|妇女|困难|低保|脱贫|贫困|市民|游客|旅客|受益|服务对象|救助|公众|孤儿|用户|惠民|便民"
)
_TOTAL = re.compile(
    "总成本|总投资|总费用|总经费|总额|总支出|预算成本|成本控制|控制数|控制率|预算控制|项目成本|预算[内数]|预算金额|预算执行|资金总|执行率"
)
_LIMIT = re.compile(
    "[0-9一二三四五六七八九十两半]+个?(?:工作日|小时|分钟|天|日|月|年|周|季度)|按[月季年周日]|每[月季年周日天]|当[年月日天]|年[底内末前]|季度|月度|月底"
)


def heading(table: Table) -> Iterator[Remark]:
    """C01, for the heading and for blank rows."""
    for field, text, label in (("project", table.project, "项目名称"), ("goal", table.goal, "总体目标")):
        if not text:
            yield Remark("C01", None, field, f"没有填{label}，请补填。", "（空）")
    if table.budget is None:
        yield Remark(
            "C01",
            None,
            "budget",
            "没有填有效的预算金额，无法核对成本与预算，请补填。",
            "（空）",
            severity=Severity.HINT,
        )
    for number in table.blank[:COMPARED]:
        yield Remark(
            "C01", number, "name", f"第{number + 1}行整行空白，请删除或补填。", "（空行）", severity=Severity.HINT
        )


def levels(table: Table) -> Iterator[Remark]:
    """C02, C03, C05 and C26: which categories a table must have, and how many rows."""
    have = "、".join(dict.fromkeys(line.level1 for line in table.lines if line.level1)) or "（无）"
    missing = [name for name in ("产出", "效益") if not table.of(name)]
    if missing:
        yield Remark("C02", None, "level1", f"全表没有{'和'.join(missing)}指标，请补充。", f"已有：{have}",
                     "、".join(f"{name}指标" for name in missing))  # fmt: skip
    lacking = [name for name in ("数量", "质量") if not table.of(name)]
    if lacking and "产出" not in missing:
        outputs = "；".join(clip(line.name, 15) for line in table.of("产出")[:4])
        yield Remark("C03", None, "level2", f"产出指标中没有{'和'.join(lacking)}指标，请补充。", clip(outputs, 80),
                     "、".join(f"{name}指标" for name in lacking))  # fmt: skip
    text = f"{table.project} {table.goal}"
    served = _SERVED.search(text)
    if served and not table.of("满意度"):
        around = text[max(served.start() - 10, 0) : served.end() + 10]
        yield Remark(
            "C05",
            None,
            "level1",
            "项目有明确的服务对象，但没有满意度指标，请补充。",
            clip(around, 40),
            "服务对象满意度 ≥ 90%",
        )
    if not 5 <= len(table.lines) <= 20:
        advice = "请补充能反映主要产出和效果的指标" if len(table.lines) < 5 else "请保留最能反映绩效的核心指标"
        yield Remark(
            "C26", None, "rows", f"全表共{len(table.lines)}条指标，{advice}（一般5至20条）。", f"{len(table.lines)}条"
        )


def effects(table: Table) -> Iterator[Remark]:
    """C04: effects that say something."""
    rows = table.of("效益")
    if rows and not any(line.value or line.definition for line in rows):
        yield Remark(
            "C04",
            None,
            "value",
            "效益指标都没有指标值和说明，请逐条补填。",
            clip("；".join(line.name for line in rows[:4]), 80),
        )
    elif len(rows) == 1 and (is_vague(rows[0]) or needs_scale(rows[0])):
        message = f"效益指标只有{rows[0].label}一条，而且没有可以衡量的目标，请补充量化的效益指标。"
        yield Remark("C04", rows[0].number, "value", message, rows[0].evidence)


def mostly_vague(table: Table) -> Iterator[Remark]:
    """C09 for the table: half of its rows say nothing that can be measured."""
    rows = [line for line in table.lines if is_vague(line)]
    if len(rows) >= 2 and len(rows) * 2 >= len(table.lines):
        words = "、".join(dict.fromkeys(clip(line.value, 10) for line in rows))
        message = f"全表{len(table.lines)}条指标中有{len(rows)}条无法衡量，请整体细化、量化后重新申报。"
        yield Remark("C09", None, "value", message, clip(words, 60), severity=Severity.RETURN)


def _bare(name: str) -> str:
    """The name without what adds no meaning."""
    return re.sub('年度|当年|本年|项目|情况|程度|数量|[的数度了()、,“”" ]', "", fold(name))


def repeats(table: Table) -> Iterator[Remark]:
    """C17: the same thing asked twice. A name that differs by a replaced word (开工率, 完工率) asks another thing."""
    seen: list[Line] = []
    for line in [line for line in table.lines if line.name][:COMPARED]:
        for other in seen:
            said = f"{line.label}与第{other.number + 1}行“{clip(other.name, 30)}”"
            evidence = clip(f"{other.row.name}；{line.row.name}", 80)
            if _bare(line.name) == _bare(other.name):
                yield line.remark("C17", "name", f"{said}重复，请只保留一条。", evidence=evidence, fix="删除本行")
            elif line.level2 == "质量" and other.level2 == "数量" and _restates(other.name, line.name):
                yield line.remark(
                    "C17",
                    "name",
                    f"{said}只是换了说法，完成率不反映质量，请改成合格、达标一类的质量指标。",
                    evidence=evidence,
                )
            elif line.category == other.category and _inserted(line.name, other.name):
                yield line.remark(
                    "C17", "name", f"{said}几乎相同，请核对是否重复。", evidence=evidence, severity=Severity.HINT
                )
            else:
                continue
            break
        seen.append(line)


def _restates(counted: str, rated: str) -> bool:
    """Whether a rate only says that the counted thing gets done: 培训人数, 培训人数完成率."""
    stem = re.sub("(?:任务)?完成(?:率|比例)$", "", rated)
    return (
        stem != rated
        and len(stem) > 1
        and stem in (counted, re.sub("(?:数量|人数|户数|次数|个数|场次|面积|里程|数)$", "", counted))
    )


def _inserted(a: str, b: str) -> bool:
    """Whether one of two long names is the other with a few characters put in."""
    short, long = sorted((a, b), key=len)
    if len(short) < 6 or fuzz.ratio(short, long) < 85:
        return False
    rest = iter(long)
    return all(character in rest for character in short)


def one_value(table: Table) -> Iterator[Remark]:
    """C25: a table filled in for form's sake."""
    values = Counter((line.value, line.unit) for line in table.lines if line.value)
    total = sum(values.values())
    if total >= 6:
        (value, unit), count = values.most_common(1)[0]
        if count * 10 >= total * 7:
            said = clip(value + unit, 20)
            yield Remark(
                "C25",
                None,
                "value",
                f"{total}条有值的指标中有{count}条都填“{said}”，请按实际情况分别设定目标值。",
                f"{said} × {count}条",
            )


def detailed_cost(table: Table) -> Iterator[Remark]:
    """C18: cost by part or by unit."""
    costs = table.of("成本")
    if table.department or not table.lines:
        return
    if not costs:
        yield Remark(
            "C18",
            None,
            "level1",
            "没有成本指标，请按主要支出内容设置单位成本或分项成本。",
            "成本指标：无",
            "单位成本 ≤ …元",
        )
    elif not any(line.quantity and not line.percent and not _TOTAL.search(line.name) for line in costs):
        listed = "；".join(line.evidence for line in costs[:3])
        named = "、".join(line.label for line in costs[:3])
        message = f"{named}只有总数或没有数值，成本没有细化，请按支出内容拆成单位成本或分项成本。"
        row = costs[0].number if len(costs) == 1 else None
        fix = "拆分为单位成本（元/人、元/平方米等）或分项成本"
        yield Remark("C18", row, "name", message, clip(listed, 100), fix)


def _money(line: Line) -> Decimal | None:
    """A row's amount in 元, when it is one."""
    q = line.quantity
    if q and measures(q.unit, "金额") and q.high is None and line.symbol in ("≤", "<", "="):
        return q.value * (UNITS[q.unit].factor or 1)
    return None


def _wan(amount: Decimal) -> str:
    return plain_number(round(amount / 10000, 4)) + "万元" if abs(amount.adjusted()) < 20 else f"{amount / 10000}万元"


def affordable(table: Table) -> Iterator[Remark]:
    """C19: the costs against the budget, with a tenth of room where quantities are estimates."""
    budget = table.budget
    if budget is None:
        return
    shares = re.compile("标准|单价|均|每|单位")
    totals = [(line, amount) for line in table.of("成本") if _TOTAL.search(line.name) and (amount := _money(line))]
    parts = [(line, amount) for line in table.of("成本")
             if not _TOTAL.search(line.name) and not shares.search(line.name) and (amount := _money(line))]  # fmt: skip
    for line, amount in totals:
        if amount > budget:
            message = f"{line.label}为{_wan(amount)}，超过申请的{_wan(budget)}，请核实后改为不超过申请数。"
            yield line.remark("C19", "value", message, fix=f"≤ {plain_number(budget / 10000)}万元")
        elif amount < budget * Decimal("0.9") and len(totals) == 1:
            message = f"{line.label}为{_wan(amount)}，比申请的{_wan(budget)}低一成以上，请核减申请数或说明差额。"
            yield line.remark("C19", "value", message, severity=Severity.DEDUCT)
    together = sum((amount for _, amount in parts), Decimal(0))
    if together > budget * Decimal("1.005"):
        listed = "；".join(line.evidence for line, _ in parts[:4])
        named = "、".join(line.label for line, _ in parts[:3])
        message = f"{named}合计{_wan(together)}，超过申请的{_wan(budget)}，请核实。"
        yield Remark("C19", parts[0][0].number if len(parts) == 1 else None, "value", message, clip(listed, 100))
    elif not totals and not parts:
        yield from _by_unit(table, budget)


def _by_unit(table: Table, budget: Decimal) -> Iterator[Remark]:
    """Quantity times unit cost, where there is one cost per unit and just one quantity that it can be meant for."""
    priced = [
        (line, q) for line in table.of("成本") if (q := line.quantity) and measures(q.unit.partition("/")[0], "金额")
    ]
    if len(priced) != 1:
        return
    line, q = priced[0]
    money, _, per = q.unit.partition("/")
    counts = [(other, c) for other in table.of("数量") if (c := other.quantity) and not other.percent]
    fitting = [(other, c) for other, c in counts if c.unit == per] or (
        counts if len(counts) == 1 and (not per or measures(per, "人数", "人次", "户数")) else []
    )
    if len(fitting) != 1 or q.high is not None or fitting[0][1].high is not None:
        return
    other, count = fitting[0]
    cost = q.value * (UNITS[money].factor or 1) * count.value
    if abs(cost - budget) <= budget / 10:
        return
    sure = cost > budget or len(counts) == 1
    message = (
        f"{line.label}乘以{other.label}是{_wan(cost)}，与申请的{_wan(budget)}相差一成以上，请核对数量、单价或申请数。"
    )
    evidence = clip(f"{other.shown}×{line.shown}", 80)
    yield line.remark("C19", "value", message, evidence=evidence, severity=None if sure else Severity.HINT)


def weights(table: Table) -> Iterator[Remark]:
    """C20, for tables that have weights."""
    given = [(line, line.row.weight.strip()[:20]) for line in table.lines]
    if not any(text for _, text in given):
        return
    read: list[tuple[Line, Decimal]] = []
    for line, text in given:
        q = parse(text)
        if not isinstance(q, Quantity) or q.high is not None or q.value < 0:
            what = "没有填权重" if not text else "的权重不是数字"
            yield line.remark("C20", "weight", f"{line.label}{what}，请填0到100之间的数。", evidence=text or "（空）")
        else:
            read.append((line, q.value))
    total = sum((value for _, value in read), Decimal(0))
    scale = 100 if total <= Decimal("1.01") else 1
    total *= scale
    if len(read) == len(given) and min(abs(total - 100), abs(total - 90)) > Decimal("0.1"):
        yield Remark(
            "C20",
            None,
            "weight",
            f"权重合计{plain_number(total)}，请调整到100（预算执行率另计10分的为90）。",
            f"合计{plain_number(total)}",
        )

    def share(level1: str) -> Decimal:
        return sum((value * scale for line, value in read if line.level1 == level1), Decimal(0))

    for level1, limit in (("满意度", 10), ("成本", 20)):
        if share(level1) > limit:
            has = f"{level1} {plain_number(share(level1))}"
            message = f"{level1}指标权重合计{plain_number(share(level1))}，一般不超过{limit}，请调整。"
            yield Remark("C20", None, "weight", message, has, severity=Severity.DEDUCT)
    if len(read) == len(given) and total >= 89 and share("产出") + share("效益") < 60:
        has = f"产出 {plain_number(share('产出'))}、效益 {plain_number(share('效益'))}"
        message = "产出和效益指标权重合计不到60，请提高主要产出和效果的权重。"
        yield Remark("C20", None, "weight", message, has, severity=Severity.DEDUCT)


def _timed(line: Line) -> bool:
    """Whether a row names a time or a term anywhere."""
    if isinstance(line.target, Deadline) or (line.quantity and measures(line.quantity.unit, "时间")):
        return True
    return bool(_LIMIT.search(f"{line.name} {line.value} {line.definition}"))


def timing(table: Table) -> Iterator[Remark]:
    """C23: when, in 时效 rows; a rate alone is spoken of when no other row of the table names a time."""
    rows = table.of("时效")
    timed = [line for line in rows if _timed(line)]
    for line in rows:
        if line in timed or not line.value:
            continue
        if isinstance(line.target, Qualitative):
            yield line.remark("C23", "value", f"{line.label}没有写明时点，请填具体日期或天数。", fix="如：11月30日前")
        elif not timed and re.search("及时|按时|按期|准时", line.name):
            yield line.remark(
                "C23",
                "definition",
                f"{line.label}没有写明以什么期限为准，请在指标解释中写明时点或天数。",
                fix="如：资金下达后30日内",
            )


def explained(table: Table) -> Iterator[Remark]:
    """C27, for rates: how they are worked out. When no row at all is explained, the form had no such column."""
    rates = [line for line in table.lines if line.percent and RATE.search(line.name) and line.level1 != "满意度"]
    bare = [line for line in rates if not line.definition]
    if bare and not any(line.definition for line in table.lines):
        names = "、".join(clip(line.name, 20) for line in bare[:3])
        message = f"“{names}”等{len(bare)}个比率指标没有写计算口径，请在指标解释中写明分子和分母。"
        yield Remark("C27", None, "definition", message, names, severity=Severity.HINT)
        return
    for line in bare:
        yield line.remark("C27", "definition", f"{line.label}没有写计算口径，请在指标解释中写明分子和分母。")


def _below(line: Line) -> bool:
    """Whether a row of spending progress asks for less than the common indicator does for its date."""
    least = next((least for month, least in ((9, 80), (11, 95)) if f"{month}月30" in line.name), 0)
    return line.quantity is not None and line.quantity.value < least


def progress(table: Table) -> Iterator[Remark]:
    """C30: the spending progress of a department's table."""
    if not table.department:
        return
    rows = [line for line in table.lines if "支出进度" in line.name or "执行进度" in line.name]
    fix = "9月30日前预算执行支出进度 ≥80%；11月30日前预算执行支出进度 ≥95%"
    text = " ".join(f"{line.name} {line.value} {line.definition}" for line in rows)
    dates = {month: re.search(rf"(?<![0-9]){month}月", text) for month in (9, 11)}
    low = [line for line in rows if line.percent and _below(line)]
    if not rows:
        yield Remark(
            "C30", None, "rows", "部门整体表没有预算执行支出进度指标，请按共性指标补充。", clip(table.project, 60), fix
        )
    elif low or not all(dates.values()):
        yield (low or rows)[0].remark(
            "C30",
            "value",
            f"{(low or rows)[0].label}与共性指标的时点或比例不一致，请按9月30日80%、11月30日95%设置。",
            fix=fix,
        )


RULES: tuple[Callable[[Table], Iterator[Remark]], ...] = (
    heading, levels, effects, mostly_vague, repeats, detailed_cost, affordable, weights, timing, one_value, explained,
    progress,
)  # fmt: skip
