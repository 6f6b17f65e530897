"""A filled goal table -> findings by dimension with evidence, a score and a grade.

The findings are what counts: the score only sums them up, the same way for everybody. A table that has to go back
(退回) is graded by its score all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from corpus.access import Actor
from corpus.model import Goal
from corpus.reference import FOLDER, table
from corpus.store import Store
from indexer import review_library, review_rules, review_tables
from indexer.live import Views
from indexer.review_library import Match
from indexer.review_read import Remark, Severity, Table, read

# The dimensions are the five that Hengyang's finance bureau examines (its report on 2023). Their points come from the
# examination table of 财预〔2015〕88号 as it is remembered and not yet checked against the original: 完整性 20;
# 相关性 30 (目标相关性 15, 指标科学性 15); 适当性 30 (绩效合理性 15, 资金匹配性 15);
# 可行性 20 (实现可能性 10, 条件充分性 10). Equal names keep their points. 可行性 has no dimension of its own; our
# choice: 实现可能性 goes to 指标科学性, for only what is measurable can be shown to be reached, and 条件充分性 to
# 预算匹配性, for money is the condition that a table shows.
POINTS = {"内容相关性": 15, "指标科学性": 25, "规范完整性": 20, "绩效合理性": 15, "预算匹配性": 25}
# The share of its dimension's points that a finding costs; a dimension never falls below nothing. 退回: two fifths, so
# that a table with one such reason in every dimension is barely 中 and with two is 差. 扣分: a quarter of that. 提示:
# little, for it may be mistaken. In a row, a dimension loses only for its worst finding: several rules may see one
# flaw. Of 22 whole tables, most of them real, 5 come out 优, 6 良, 9 中, 2 差.
LOSS = {Severity.RETURN: 0.4, Severity.DEDUCT: 0.1, Severity.HINT: 0.02}
# The same four grades as 财预〔2015〕88号 (remembered) and the evaluation reports have.
GRADES = ((90, "优"), (80, "良"), (60, "中"), (0, "差"))


@dataclass(frozen=True, slots=True)
class Rule:
    """A review rule as it is shown to people: what it checks, how severe it is, and where it comes from."""

    id: str
    name: str
    dimension: str
    severity: Severity
    scope: str
    check: str
    sources: str


@cache
def rules() -> dict[str, Rule]:
    """All rules by id, as shipped."""
    return {
        row["id"]: Rule(
            id=row["id"],
            name=row["name"],
            dimension=row["dimension"],
            severity=Severity(row["severity"]),
            scope=row["scope"],
            check=row["check"],
            sources=row["sources"],
        )
        for row in table(FOLDER / "rules.tsv")
    }


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, where, and what to do. ``row`` is None for the table; ``evidence`` is the text that tells."""

    rule: str
    dimension: str
    severity: Severity
    row: int | None
    field: str
    message: str
    evidence: str
    source: str
    fix: str | None

    def as_json(self) -> dict[str, object]:
        finding: dict[str, object] = {
            "rule": self.rule,
            "dimension": self.dimension,
            "severity": self.severity.value,
            "row": self.row,
            "field": self.field,
            "message": self.message,
            "evidence": self.evidence,
            "source": self.source,
        }
        return finding | ({"fix": self.fix} if self.fix else {})


@dataclass(frozen=True, slots=True)
class Review:
    """The outcome: findings for the table first, then row by row; ``dimensions`` are (points, most possible)."""

    score: float
    grade: str
    dimensions: dict[str, tuple[float, int]]
    findings: tuple[Finding, ...]
    matches: tuple[Match, ...]

    def as_json(self) -> dict[str, object]:
        """The contract's answer to ``POST /review``."""
        return {
            "score": self.score,
            "grade": self.grade,
            "dimensions": {name: {"score": score, "max": most} for name, (score, most) in self.dimensions.items()},
            "findings": [finding.as_json() for finding in self.findings],
            "matches": [match.as_json() for match in self.matches],
        }


def review(goal: Goal, store: Store, live: Views, actor: Actor) -> Review:
    """Examine a goal by the rules, beside the library as ``actor`` may see it. No text is refused."""
    examined = read(goal)
    view = live.view()
    known = review_library.matches(examined, store, view, actor)
    remarks: list[Remark] = []
    for table_rule in review_tables.RULES:
        remarks += table_rule(examined)
    for line in examined.lines:
        for row_rule in review_rules.RULES if examined.department else (*review_rules.RULES, review_rules.results):
            remarks += row_rule(line)
    remarks += review_library.remarks(examined, store, view, actor, known)
    order = list(Severity)
    findings = sorted(
        map(_finding, remarks), key=lambda f: (-1 if f.row is None else f.row, order.index(f.severity), f.rule)
    )
    dimensions = _score(examined, findings)
    score = round(sum(points for points, _ in dimensions.values()), 1)
    return Review(
        score=score,
        grade=next(grade for least, grade in GRADES if score >= least),
        dimensions=dimensions,
        findings=tuple(findings),
        matches=tuple(known),
    )


def _finding(remark: Remark) -> Finding:
    rule = rules()[remark.rule]
    return Finding(
        rule=rule.id,
        dimension=rule.dimension,
        severity=remark.severity or rule.severity,
        row=remark.row,
        field=remark.field,
        message=remark.message,
        evidence=remark.evidence,
        source=rule.sources,
        fix=remark.fix,
    )


def _score(examined: Table, findings: list[Finding]) -> dict[str, tuple[float, int]]:
    """The points of each dimension after what its findings cost; where there is nothing to judge there are none."""
    lost = dict.fromkeys(POINTS, 0.0)
    worst: dict[tuple[str, int], float] = {}
    for finding in findings:
        loss = LOSS[finding.severity]
        if finding.row is None:
            lost[finding.dimension] += loss
        else:
            place = (finding.dimension, finding.row)
            worst[place] = max(worst.get(place, 0.0), loss)
    for (dimension, _), loss in worst.items():
        lost[dimension] += loss
    if not any(line.value for line in examined.lines):
        lost["绩效合理性"] = 1.0
    if not examined.lines:
        lost = dict.fromkeys(POINTS, 1.0)
    return {name: (round(most * max(0.0, 1 - lost[name]), 1), most) for name, most in POINTS.items()}
