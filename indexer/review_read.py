"""A goal table as the review rules read it: once, for all of them; and what a rule may say of it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from corpus.errors import BadInput
from corpus.model import Category, Goal, GoalRow, category
from corpus.quantity import UNITS, Deadline, Qualitative, Quantity, parse
from corpus.text import normalise

RATE = re.compile("(?:率|满意度|覆盖度|程度|比例|占比|比重)$")


class Severity(StrEnum):
    """What becomes of a table for a finding: it goes back, it loses points, or somebody should look again."""

    RETURN = "退回"
    DEDUCT = "扣分"
    HINT = "提示"


@dataclass(frozen=True, slots=True)
class Remark:
    """What a rule has to say. ``row`` is None for the table; without ``severity`` the rule's own one holds."""

    rule: str
    row: int | None
    field: str
    message: str
    evidence: str
    fix: str | None = None
    severity: Severity | None = None


SYMBOLS = ("≥", "≤", "=", ">", "<")
# The codes are those of the integrated budget system: 6 定性, 9 定量其他, 10 不适用.
_IN_WORDS = {"定性": "定性", "定性指标": "定性", "6": "定性",
             "其他": "其他", "定量其他": "其他", "不适用": "其他", "9": "其他", "10": "其他"}  # fmt: skip
# Longer cells are read up to here; C14 speaks of such names anyway.
_READ = {"name": 200, "value": 200, "unit": 40, "definition": 2000, "level1": 40, "level2": 40, "operator": 20}
# Rows that are compared with each other; a table with more has another problem (C26).
COMPARED = 200


@dataclass(frozen=True, slots=True)
class Line:
    """A row as the rules read it: ``operator`` is a symbol, 定性, 其他, ? when unknown or empty."""

    number: int
    row: GoalRow
    category: Category | None
    level1: str
    name: str
    operator: str
    value: str
    unit: str
    definition: str
    target: Quantity | Deadline | Qualitative

    @property
    def quantity(self) -> Quantity | None:
        return self.target if isinstance(self.target, Quantity) and self.operator != "定性" else None

    @property
    def symbol(self) -> str:
        """The operator that holds, wherever it is written."""
        return self.quantity.operator if self.quantity and self.operator != "?" else self.operator

    @property
    def percent(self) -> bool:
        return self.quantity is not None and self.quantity.unit == "%"

    @property
    def level2(self) -> str:
        return self.category.short if self.category else ""

    @property
    def label(self) -> str:
        """The row's indicator as a message names it."""
        return f"“{clip(self.name, 30)}”" if self.name else f"第{self.number + 1}行"

    @property
    def shown(self) -> str:
        """The target as it is written, for evidence."""
        operator = "" if self.operator in ("定性", "其他") else self.row.operator
        return clip(f"{operator}{self.row.value}{self.row.unit}", 60)

    @property
    def evidence(self) -> str:
        return clip(f"{self.row.name} {self.shown}".strip(), 80)

    def remark(
        self, rule: str, field: str, message: str, *, evidence: str = "", fix: str | None = None,
        severity: Severity | None = None,
    ) -> Remark:  # fmt: skip
        return Remark(rule, self.number, field, message, evidence or self.evidence, fix, severity)


@dataclass(frozen=True, slots=True)
class Table:
    """The whole goal as the rules read it; ``lines`` leaves out blank rows. ``budget`` is in 元."""

    project: str
    goal: str
    budget: Decimal | None
    lines: tuple[Line, ...]
    blank: tuple[int, ...]

    @property
    def department(self) -> bool:
        """Whether this is a department's table (部门整体) and not a project's."""
        return "部门整体" in self.project or "整体支出" in self.project

    def of(self, level: str) -> list[Line]:
        """The rows of a level-1 category (产出) or of a level-2 one (数量)."""
        return [line for line in self.lines if level in (line.level1, line.level2)]


def clip(text: str, size: int) -> str:
    """The text as evidence: on one line, cut when it is long."""
    text = " ".join(text[: size * 4].split())
    return text if len(text) <= size else text[:size] + "…"


def read(goal: Goal) -> Table:
    """Read a goal once for all rules."""
    lines, blank = [], []
    for number, row in enumerate(goal.rows):
        cells = {name: normalise(getattr(row, name)[:size]) for name, size in _READ.items()}
        if not any(cells.values()) and not row.weight.strip():
            blank.append(number)
            continue
        lines.append(_line(number, row, cells))
    budget = goal.budget
    known = budget is not None and math.isfinite(budget) and budget > 0
    return Table(
        project=normalise(goal.project[:2000]),
        goal=normalise(goal.goal[:20000]),
        budget=Decimal(str(budget)) * 10000 if known else None,
        lines=tuple(lines),
        blank=tuple(blank),
    )


def _line(number: int, row: GoalRow, cells: dict[str, str]) -> Line:
    try:
        found = category(cells["level2"])
    except BadInput:
        found = None
    given = cells["operator"].replace(" ", "")
    operator = _IN_WORDS.get(given, "")
    if given and not operator:
        probe = parse("1", operator=given)
        symbol = probe.operator if isinstance(probe, Quantity) else ""
        operator = symbol if symbol in SYMBOLS and (symbol != "=" or given in ("=", "==", "等于")) else "?"
    return Line(
        number=number,
        row=row,
        category=found,
        level1=found.level1.removesuffix("指标") if found else level1_of(cells["level1"]),
        name=cells["name"],
        operator=operator,
        value=cells["value"],
        unit=cells["unit"],
        definition=cells["definition"],
        target=parse(cells["value"], cells["unit"], operator if operator in SYMBOLS else ""),
    )


def level1_of(text: str) -> str:
    """产出, 效益, 满意度 or 成本 for the ways in which forms write them; else empty."""
    starts = {
        "产出": "产出",
        "效益": "效益",
        "效果": "效益",
        "满意": "满意度",
        "服务对象满意": "满意度",
        "成本": "成本",
    }
    return next((name for start, name in starts.items() if text.startswith(start)), "")


def plain_number(value: Decimal) -> str:
    return format(value.normalize(), "f") if abs(value.adjusted()) < 30 else str(value)


def measures(unit: str, *dimensions: str) -> bool:
    return unit in UNITS and UNITS[unit].dimension in dimensions
