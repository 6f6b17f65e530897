"""The review rules that need words or the library: whether the goal stands in the rows, and what the library knows.

The library is asked as the actor may see it, in the index and in the store alike; nothing else of it comes in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from rapidfuzz import fuzz

from corpus import indicators
from corpus.access import Actor, visible
from corpus.errors import NotFound
from corpus.model import Indicator
from corpus.quantity import UNITS, Quantity, find, parse, same_dimension
from corpus.store import Store
from corpus.text import fold
from indexer import query
from indexer.live import View
from indexer.review_read import COMPARED, Line, Remark, Severity, Table, clip, measures, plain_number

# A row is said to be like a library entry from here on (below, names often share no more than their last words), and to
# be the same indicator, so that reference values can be compared, from SAME on.
ALIKE = 0.7
SAME = 0.85
# C24: three tenths apart, as the rule has it; a satisfaction target below 60 % is odd whatever the library says (own).
APART = Decimal("0.3")
LEAST_SATISFACTION = 60
# Clauses and quantities of a goal that are looked at; a longer text is a report and no goal.
READ = 60

# Words that any goal and any row may have; they tie nothing together.
_ANY_WORDS = """
完成 实现 提高 提升 促进 推动 推进 保障 确保 加强 增强 改善 开展 实施 做好 工作 项目 年度 建设 管理 资金 经费
专项 发展 能力 水平 质量 有效 正常 运行 稳定 持续 全面 不断 效果 影响 目标 任务 情况 及时 达到 提供 需要 满足
维护 优化 支持 单位 部门 用于 当年 上年 减少 增加 降低 消除 避免 规范 进一步 合理 切实 积极 落实 要求 工程 设施
数量 指标 安全 按时 标准 制度 体系 作用 方面 重点 重大 组织 投入 使用 环境 打造 逐步 引导 基本 生活 社会 经济
功能 明显 显著 有力 顺利 程度 可持续 机制 满意度 满意 以上 以下 左右 完善 健全 强化 深入 统筹 协调 力度 更好
更加 得到 形成 主要 各类 各项 同时 力争 预计 计划 全年 本年 每年 范围 相应 必要
"""
_ANY = frozenset(_ANY_WORDS.split())
_CLAUSE = re.compile(r"[，,。；;：:！!？?\n]")
_OBJECT_WORDS = """
道路|公路|街道|路面 天桥|桥梁|大桥 隧道|涵洞 水库|大坝 河道|堤防|河堤 灌渠|渠道 管网|管道 教学楼|校舍|宿舍楼 幼儿园
食堂 公厕|厕所 路灯 码头 机场|跑道 航道 医院|卫生院|卫生室 公园 停车场 污水处理厂 自来水厂 档案馆 图书馆 博物馆
体育馆|体育场 养老院|敬老院 变电站 光伏电站 大棚|温棚|温室 高标准农田 危房
"""
_OBJECTS = tuple(tuple(kin.split("|")) for kin in _OBJECT_WORDS.split())
# A clause that begins so hopes for an effect; it asks for less in the rows than one that names a thing to be made.
_HOPE = re.compile(
    "增强|提高|提升|促进|稳定|改善|优化|维护|保障|保证|确保|避免|减轻|消除|遏制|化解|推动|持续|稳步|减少|降低|有效|进一步|不断"
)
_BEFORE = re.compile("上年|去年|上一年|往年|上年度")
_CHANGE = re.compile("增|降|减|提高|较|比|升")


@dataclass(frozen=True, slots=True)
class Match:
    """A row and the library entry that is most like it; ``similarity`` is between 0 and 1."""

    row: int
    indicator: Indicator
    similarity: float

    def as_json(self) -> dict[str, object]:
        return {
            "row": self.row,
            "id": self.indicator.id,
            "name": self.indicator.name,
            "similarity": self.similarity,
        }


def matches(table: Table, store: Store, view: View, actor: Actor) -> list[Match]:
    """For each row that has one the entry most like it by name, among those that ``actor`` may see."""
    scope = visible(actor)
    engine = view.engine("indicators", scope)
    found = []
    for line in table.lines[:COMPARED]:
        plan = query.plan(line.name[:60], view.words)
        if not plan.units:
            continue
        ranked = engine.search(replace(plan, literals=(), need=1), scope, {}, limit=10, counts=False)
        best: Match | None = None
        for entry in indicators.fetch(store, ranked.ids, actor):
            similarity = round(fuzz.ratio(fold(line.name), fold(entry.name)) / 100, 3)
            if similarity >= ALIKE and (best is None or similarity > best.similarity):
                best = Match(line.number, entry, similarity)
        if best:
            found.append(best)
    return found


def remarks(table: Table, store: Store, view: View, actor: Actor, known: Sequence[Match]) -> Iterator[Remark]:
    """Everything that the rules of this room say of a table; ``known`` is what :func:`matches` found."""
    by_row = {match.row: match for match in known}
    yield from _goal_in_rows(table, view)
    yield from _strangers(table, store, view, actor, by_row)
    for line in table.lines:
        yield from _against_standard(line, by_row.get(line.number))
        yield from _against_last_year(table, line)
    yield from _retired(table, store, actor, by_row)


def _matter(text: str, view: View) -> set[str]:
    """The words of a text that say what it is about."""
    tokens = view.words.analyzer.tokens(text)
    return {word for word in tokens if len(word) > 1 and word not in _ANY and not word[0].isdigit()}


# ---- C21 ----


def _goal_in_rows(table: Table, view: View) -> Iterator[Remark]:
    """C21: the numbers and the matters of the goal have a counterpart in the rows."""
    if not table.lines or not table.goal:
        return
    rows = fold("\n".join(f"{line.name} {line.value} {line.definition}" for line in table.lines[:COMPARED]))
    lost: list[str] = []
    unnumbered: list[str] = []
    hopes: list[str] = []
    things: list[str] = []
    covered = 0
    for clause in [clause.strip() for clause in _CLAUSE.split(table.goal) if clause.strip()][:READ]:
        amounts = list(_amounts(clause))
        numbers = [shown for q, text, shown in amounts if not _has(q, text, table, rows)]
        meant = _covered(clause, rows, view)
        if numbers and not meant:
            lost.append(clause)
            continue
        unnumbered += numbers
        if meant is None:
            continue
        listed = [item for item in clause.split("、") if _matter(item, view)]
        missing = [item for item in listed if not _covered(item, rows, view)] if len(listed) > 1 else []
        if meant and not missing:
            covered += 1
        elif meant:
            covered += len(listed) - len(missing)
            things += missing
        elif not amounts and "每" not in clause:  # an amount that is found ties the clause to its row
            (hopes if _HOPE.match(clause) else things).extend(missing or [clause])
    told = covered > 0 or _covered(table.project, rows, view) is True
    yield from _missing(lost, unnumbered, hopes, things, covered=covered, told=told)


def _missing(
    lost: list[str], unnumbered: list[str], hopes: list[str], things: list[str], *, covered: int, told: bool
) -> Iterator[Remark]:
    """C21 in words: clauses with a number that are lost, numbers alone, and matters alone."""
    if lost:
        said = "；".join(clip(clause, 30) for clause in lost[:3])
        yield Remark("C21", None, "goal", f"目标中的“{said}”在指标中没有对应，请补充相应的产出指标。", said)
    if unnumbered:
        said = "、".join(dict.fromkeys(unnumbered[:5]))
        message = f"目标中的数值“{said}”在指标值中找不到，请补充指标或使两处一致。"
        yield Remark("C21", None, "goal", message, said, severity=Severity.DEDUCT)
    if hopes or things:
        said = "；".join(dict.fromkeys(clip(text, 30) for text in [*things, *hopes][:4]))
        severity = Severity.HINT
        if not told and not lost and not unnumbered:
            severity = Severity.RETURN
        elif len(things) > 1 and len(things) >= covered:
            severity = Severity.DEDUCT
        message = f"目标中的“{said}”没有落到指标，请补充指标或修改目标。"
        yield Remark("C21", None, "goal", message, said, severity=severity)


def _covered(text: str, rows: str, view: View) -> bool | None:
    """Whether a matter of the text stands in the rows, by a synonym if need be; None when it names no matter."""
    matter = _matter(text, view)
    if not matter:
        return None
    if any(word in rows for word in matter):
        return True
    synonyms = [s for _, known in view.words.thesaurus.split(fold(text)) for s in known]
    return any(fold(s.term) in rows for s in synonyms)


def _amounts(clause: str) -> Iterator[tuple[Quantity, str, str]]:
    """The quantities that a clause promises, as written and with the words after them.

    Amounts per head, ages, spans of years and figures of last year are no promises.
    """
    for q, (start, end) in find(clause):
        before = clause[max(start - 12, 0) : start]
        per = "每" in clause[max(start - 6, 0) : start] or clause[start - 1 : start] == "第"
        age = clause[end : end + 1] == "岁" or (clause[end : end + 2] == "周岁")
        if per or age or q.unit in ("年", "个月", "学期", "学年", "周岁") or _BEFORE.search(before):
            continue
        yield q, clause[start:end], clause[start : end + 4]


def _base(q: Quantity) -> tuple[str, Decimal]:
    """The amount in the base unit of what it measures; counted things are all alike."""
    unit = UNITS.get(q.unit)
    if unit is None:
        return q.unit, q.value
    counted = unit.dimension in ("数量", "人数", "人次", "户数")
    return ("数量" if counted else unit.dimension), q.value * (unit.factor or 1 if not counted else 1)


def _has(wanted: Quantity, text: str, table: Table, rows: str) -> bool:
    """Whether an amount of the goal is a target, the sum of the targets in its unit, the budget, or in the rows."""
    kind, amount = _base(wanted)
    if (kind == "金额" and amount == table.budget) or fold(text) in rows:
        return True
    sums: dict[str, Decimal] = {}
    for line in table.lines:
        q = line.quantity
        if q is None:
            continue
        if _base(q) == (kind, amount) or (q.high is not None and q.value <= wanted.value <= q.high):
            return True
        sums[q.unit] = sums.get(q.unit, Decimal(0)) + q.value
    return sums.get(wanted.unit) == wanted.value


# ---- C22, C24, C28 ----


def _strangers(table: Table, store: Store, view: View, actor: Actor, known: dict[int, Match]) -> Iterator[Remark]:
    """C22: a row about something that neither the heading nor any other row speaks of. Cautious: people decide."""
    about = f"{table.project} {table.goal}"
    lines = table.lines[:COMPARED]
    domains: set[str] | None = None
    for line in lines:
        others = about + " " + " ".join(other.name for other in lines if other is not line)
        for kin in _OBJECTS if line.level2 != "数量" else ():
            named = next((word for word in kin if word in line.name), "")
            if not named or any(word in others for word in kin):
                continue
            own = next((word for other in _OBJECTS if other is not kin for word in other if word in about), "")
            if own:
                message = f"{line.label}说的是“{named}”，项目和其他指标只说到“{own}”，请核对是否抄自其他项目。"
                yield line.remark("C22", "name", message, severity=Severity.DEDUCT, evidence=clip(line.row.name, 60))
        match = known.get(line.number)
        if match is None or match.similarity < SAME or match.indicator.use is None:
            continue
        if any(word in fold(others) for word in _matter(line.name, view)):
            continue
        if domains is None:
            domains = _domains(about, store, view, actor)
        use = match.indicator.use
        if domains and use.domain not in domains:
            message = f"{line.label}是“{use.domain}”领域的指标，与本项目看不出联系，请核对是否抄自其他项目。"
            yield line.remark("C22", "name", message, severity=Severity.HINT, evidence=clip(line.row.name, 60))


def _domains(text: str, store: Store, view: View, actor: Actor) -> set[str]:
    """The domains of the entries that are found first for a text; empty when the library knows nothing of it."""
    scope = visible(actor)
    plan = query.plan(text[: query.MAX_QUERY], view.words)
    if not plan.units:
        return set()
    engine = view.engine("indicators", scope)
    ranked = engine.search(replace(plan, literals=(), need=1), scope, {}, limit=40, counts=False)
    return {i.use.domain for i in indicators.fetch(store, ranked.ids, actor) if i.use}


def _against_standard(line: Line, match: Match | None) -> Iterator[Remark]:
    """C24: a share far laxer than the reference of the same indicator. Counts differ by project: only shares."""
    q = line.quantity
    if q is None or not line.percent or q.high is not None or _CHANGE.search(line.name):
        return
    if match and match.similarity >= SAME and match.indicator.category == line.category:
        entry = match.indicator
        reference = parse(entry.reference, entry.unit, entry.operator.value)
        if isinstance(reference, Quantity) and reference.unit == "%" and reference.value > 0:
            more = entry.operator.value in ("≥", ">", "=") and line.symbol in ("≥", ">", "=")
            less = entry.operator.value in ("≤", "<") and line.symbol in ("≤", "<", "=")
            if (more and q.value < reference.value * (1 - APART)) or (
                less and q.value > reference.value * (1 + APART) and q.value > reference.value + 1
            ):
                message = (
                    f"{line.label}的目标“{line.shown}”比库内同名指标的参考值“{entry.target}”宽松三成以上，"
                    "请说明依据或调整。"
                )
                yield line.remark("C24", "value", message, fix=entry.target)
                return
    satisfied = line.level1 == "满意度" and "满意" in line.name and line.symbol in ("≥", ">", "=")
    if satisfied and q.value < LEAST_SATISFACTION:
        message = f"{line.label}的目标“{line.shown}”过低，请说明依据或调整（一般不低于85%）。"
        yield line.remark("C24", "value", message, fix="≥ 85%")


def _against_last_year(table: Table, line: Line) -> Iterator[Remark]:
    """C24: a target that is far from last year's figure in the row's own explanation or in the goal."""
    q = line.quantity
    if q is None or q.high is not None:
        return
    clauses = [line.definition] if line.definition else []
    if _BEFORE.search(table.goal):
        clauses += [c for c in _CLAUSE.split(table.goal)[:READ] if any(p in c for p in _pairs(line.name))]
    for text in clauses:
        for past, (start, end) in find(text):
            lead = _BEFORE.search(text[max(start - 15, 0) : start])
            if not lead or _CHANGE.search(text[max(start - 15, 0) : start]) or not same_dimension(past.unit, q.unit):
                continue
            if (
                past.value > 0
                and measures(past.unit) == measures(q.unit)
                and abs(q.value - past.value) > past.value * APART
            ):
                message = f"{line.label}的目标“{line.shown}”与上年的“{text[start:end]}”相差三成以上，请说明原因或调整。"
                yield line.remark("C24", "value", message, evidence=clip(f"{line.evidence}；{text}", 80),
                                  fix=f"{plain_number(past.value)}{past.unit}左右")  # fmt: skip
                return


def _pairs(name: str) -> set[str]:
    """The pairs of characters of a name, without the words that say nothing."""
    return {name[at : at + 2] for at in range(min(len(name), 40) - 1)} - _ANY


def _retired(table: Table, store: Store, actor: Actor, known: dict[int, Match]) -> Iterator[Remark]:
    """C28: a row that is called like a retired entry and like no active one, of those that the actor may see."""
    condition, parameters = visible(actor).sql("i")
    lines = {line.name: line for line in reversed(table.lines) if line.name}
    names = list(lines)[:500]
    marks = ", ".join("?" * len(names))
    rows = store.rows(
        "select i.name, i.status, i.code, i.replaced_by from indicators i "
        f"where i.name in ({marks}) and i.status in ('active', 'retired') and {condition} order by i.code",
        [*names, *parameters],
    )
    active = {row["name"] for row in rows if row["status"] == "active"}
    for row in {row["name"]: row for row in rows if row["name"] not in active}.values():
        line = lines[row["name"]]
        indicators.get(store, row["code"], actor)  # what the remark tells of is written down as seen
        instead = None
        if row["replaced_by"]:
            try:
                instead = indicators.get(store, row["replaced_by"], actor).name
            except NotFound:
                instead = None
        advice = f"请改用“{instead}”" if instead else "请改用在用的指标"
        yield line.remark("C28", "name", f"{line.label}在指标库中已停用，{advice}。", fix=instead,
                          evidence=clip(f"{row['code']} {line.row.name}", 60))  # fmt: skip
