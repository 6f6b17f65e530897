"""Candidates for a draft: which records, what speaks for each of them, and which make a covering set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log1p, sqrt

from rapidfuzz import fuzz, process

from corpus import choices, indicators, quantity
from corpus.access import Actor, visible
from corpus.model import CATEGORIES, Indicator, Kind, Use
from corpus.store import Store
from indexer import project_types, search
from indexer.engine import Plan
from indexer.live import View
from indexer.settings import Suggest

# How many of the best records are read to see which uses the draft belongs to, and how many of each such use.
POOL, USE_POOL = 150, 60
# How many of the records nearest in meaning are read as well, and how many are known to be near.
MEANT, LIKE = 60, 400
# So many of a use's records speak for it.
WITNESSES = 8
# A use counts as the draft's own from this confidence on.
SURE = 0.2
# A use whose nearest records hold this share of what the draft says is its own beyond doubt; with less of it, its
# confidence falls in proportion: the nearest of all uses may still be far.
ENOUGH = 0.45
# Categories that a table may do without are suggested only on evidence: so much of the best lexical score.
EVIDENCE = 0.1
# From this likeness on (1 is the nearest of all) meaning is a reason to name.
NEAR = 0.6
# A record that so many people took over under the draft's uses gets the whole share of it.
WIDELY = 5
# Names more alike than this say the same thing (rapidfuzz ratio, 0 to 100).
ALIKE = 75
# How far a record of any use is doubted when the draft belongs to none.
UNSURE = 0.5
# What is left of the score of a common indicator of another type of project.
FOREIGN = 0.5
# The parts of a set's room that are kept for common indicators: those of the project's type, those of any project.
THEME_ROOM, GENERAL_ROOM = 0.25, 0.1
# How much of a balanced table is filled category by category before the best of all are taken.
BALANCED = 0.7
# A balanced table of twenty rows, after the shares of rows in public goal tables.
SHAPE = {
    "数量指标": 5, "质量指标": 4, "时效指标": 2, "经济成本指标": 2, "社会成本指标": 0, "生态环境成本指标": 0,
    "经济效益指标": 1, "社会效益指标": 2, "生态效益指标": 1, "可持续影响指标": 1, "服务对象满意度指标": 2,
}  # fmt: skip
# 财预〔2021〕101号 as recalled: quantity, quality, cost and benefit are always set, satisfaction where people are
# served; 衡阳市 2023 sends back tables without detailed cost. Timeliness is kept because every local form has it.
REQUIRED = ("数量指标", "质量指标", "时效指标", "经济成本指标", "社会效益指标", "服务对象满意度指标")


@dataclass(frozen=True, slots=True)
class InferredUse:
    """A use that the draft seems to belong to, with a confidence between 0 and 1."""

    use: Use
    confidence: float


@dataclass(slots=True)
class Candidate:
    """An indicator and what speaks for it.

    ``lexical`` is its share of the best lexical score; ``why`` names the other parts of ``score``; ``value`` is the
    goal's own figure for it; ``core`` says that any project may hold it.
    """

    indicator: Indicator
    lexical: float
    score: float
    why: list[str] = field(default_factory=list)
    value: str = ""
    core: bool = False


class Pool:
    """The records that were looked at, each read from the store once, with the points of their words."""

    def __init__(self, store: Store, view: View, actor: Actor, plan: Plan, text: str) -> None:
        """``text`` is what the draft is about, for likeness in meaning."""
        self.store, self.actor, self.plan, self.settings = store, actor, plan, view.settings.suggest
        self.scope = visible(actor)
        self.engine = view.engine("indicators", self.scope)
        self.found: dict[str, tuple[Indicator, float]] = {}
        self.likeness: Mapping[str, float] = {}
        self.add({}, POOL, need=1)
        if self.settings.meaning:
            self.likeness = dict(search.likeness(view, text, self.scope, LIKE))
            self._add_ids(list(self.likeness)[:MEANT])

    def add(self, filters: dict[str, list[str]], limit: int, *, need: int) -> None:
        """The best ``limit`` records under ``filters`` that meet at least ``need`` units."""
        plan = Plan(self.plan.units, (), need)
        ranked = self.engine.search(plan, self.scope, filters, limit=limit, counts=False)
        self._read(dict(zip(ranked.ids, ranked.scores, strict=True)))

    def _add_ids(self, ids: Sequence[str]) -> None:
        parts = self.engine.explain(self.plan, ids)
        self._read({id: sum(part.score for part in found) for id, found in zip(ids, parts, strict=True)})

    def _read(self, points: Mapping[str, float]) -> None:
        fresh = [id for id in points if id not in self.found]
        for i in indicators.fetch(self.store, fresh, self.actor):
            self.found[i.id] = (i, points[i.id])

    @property
    def top(self) -> float:
        """The most points that the words gave any record; 1 when there are none."""
        return max((points for _, points in self.found.values()), default=0.0) or 1.0

    def shares(self, groups: Sequence[Sequence[str]]) -> list[float]:
        """For each group of records, how much of what the draft says is held by any of them, between 0 and 1."""
        rarity = [self.engine.rarity(unit) for unit in self.plan.units]
        whole = sum(rarity) or 1.0
        units = self.engine.held_units(self.plan, [id for group in groups for id in group])
        held = [sorted(set[int]().union(*(units[id] for id in group))) for group in groups]
        return [sum(rarity[n] for n in found) / whole for found in held]


def infer(pool: Pool) -> list[InferredUse]:
    """The three likeliest uses, by the squared points of the records nearest in words and meaning."""
    best: dict[str, list[tuple[float, str]]] = {}
    uses: dict[str, Use] = {}
    share = pool.settings.meaning * pool.top
    for i, points in pool.found.values():
        if i.use:
            uses[i.use.code] = i.use
            best.setdefault(i.use.code, []).append((points + share * pool.likeness.get(i.id, 0.0), i.id))
    evidence: dict[str, float] = {}
    for code, hits in best.items():
        hits.sort(reverse=True)
        evidence[code] = sum(points for points, _ in hits[:WITNESSES]) ** 2
    whole = sum(sorted(evidence.values(), reverse=True)[:5])
    if not whole:
        return []
    # A use among others of its domain is likelier than one on its own: 教育 beside 设备购置 is not 医疗设备购置.
    domains: dict[str, float] = {}
    for code, weight in evidence.items():
        domains[uses[code].domain] = domains.get(uses[code].domain, 0.0) + weight
    everywhere = sum(domains.values())
    near = {domain: sqrt(weight / everywhere) for domain, weight in domains.items()}
    likely = {code: weight / whole * near[uses[code].domain] for code, weight in evidence.items()}
    ranked = sorted(likely, key=lambda code: (-likely[code], code))[:3]
    shares = pool.shares([[id for _, id in best[code][:3]] for code in ranked])
    found = [
        InferredUse(uses[code], round(min(1.0, likely[code]) * min(1.0, share / ENOUGH), 3))
        for code, share in zip(ranked, shares, strict=True)
    ]
    return sorted(found, key=lambda inferred: -inferred.confidence)


def of_draft(pool: Pool, uses: Sequence[InferredUse], project: str, goal: str) -> list[Candidate]:
    """Everything that may be suggested, best first, each with its reasons."""
    for inferred in uses:
        if inferred.confidence >= SURE:
            pool.add({"use": [inferred.use.use]}, USE_POOL, need=0)
    themes = project_types.themes(project, goal)
    pool.add({"theme": [*themes, *project_types.OFTEN]}, 200, need=0)
    top = pool.top
    candidates = []
    weights = pool.settings
    own = {u.use.code: (weights.use * min(1.0, 2 * u.confidence), _of_use(u, weights)) for u in uses}
    # The surer the use, the less a record of another one is likely to be meant; with none, any is doubtful.
    sure = uses[0].confidence if uses and uses[0].confidence >= SURE else UNSURE
    other = max(0.0, 1 - weights.other * sure)
    for i, points in pool.found.values():
        c = Candidate(i, points / top, points / top)
        candidates.append(c)
        if i.use is None:
            _as_common(c, pool, themes)
        elif i.use.code in own:
            share, said = own[i.use.code]
            c.score += share
            c.why += said
        else:
            c.score *= other
        if pool.likeness:
            near = pool.likeness.get(i.id, 0.0)
            c.score += weights.meaning * near
            if near >= NEAR and weights.meaning:
                c.why.append("与目标的意思相近")
    _as_taken(candidates, pool, uses)
    _as_measured(candidates, pool, goal)
    return sorted(candidates, key=lambda c: (-c.score, c.indicator.code))


def _of_use(inferred: InferredUse, weights: Suggest) -> list[str]:
    """The reason that records of an inferred use have, if it is sure enough to be one."""
    return [f"属于推断用途“{inferred.use.use}”"] if inferred.confidence >= SURE and weights.use else []


def _as_common(c: Candidate, pool: Pool, themes: Mapping[str, tuple[float, str]]) -> None:
    name, theme = c.indicator.name, c.indicator.theme
    if theme in themes:
        sure, word = themes[theme]
        c.score += pool.settings.theme * sure + pool.settings.general * project_types.core(name, theme)
        if pool.settings.theme:
            c.why.append(f"共性指标：“{word}”说明这是{theme}类项目")
    elif project_types.core(name, project_types.GENERAL):
        c.score += pool.settings.general
        c.core = True
        if pool.settings.general:
            c.why.append("共性指标：各类项目通用")
    else:
        c.score *= FOREIGN


def _as_taken(candidates: Sequence[Candidate], pool: Pool, uses: Sequence[InferredUse]) -> None:
    """What people took over under these uses counts for more; counts are of public records and public goals alone."""
    names = [inferred.use.use for inferred in uses if inferred.confidence >= SURE]
    taken = choices.counts(pool.store, names) if names and pool.settings.taken else {}
    for c in candidates:
        if persons := taken.get(c.indicator.id, 0):
            c.score += pool.settings.taken * min(1.0, log1p(persons) / log1p(WIDELY))
            c.why.append(f"{persons}人在同类项目中采用过")


def _as_measured(candidates: Sequence[Candidate], pool: Pool, goal: str) -> None:
    """A figure of the goal belongs to the one or two indicators of its unit that are nearest, not to all of them.

    Only the goal is read: names of projects hold years and serial numbers.
    """
    units = {q.unit: (format(q.value, "f"), goal[start:end]) for q, (start, end) in quantity.find(goal)}
    for unit, (value, words) in units.items():
        counted = [c for c in candidates if c.indicator.unit == unit and c.indicator.category.short == "数量"]
        for c in sorted(counted, key=lambda c: (-c.score, c.indicator.code))[:2]:
            if c.lexical >= EVIDENCE:
                c.score += pool.settings.quantity
                c.value = value
                if pool.settings.quantity:
                    c.why.append(f"目标中的“{words}”可作为指标值")


def cover(candidates: Sequence[Candidate], chosen: Sequence[Indicator], limit: int) -> list[Candidate]:
    """A set that covers the categories, no two alike, best first.

    A part of the room is kept for what any project may hold, one of a category; the rest goes to the best of each
    category up to its share of a balanced table, then to the best of all.
    """
    general, themed = round(limit * GENERAL_ROOM), round(limit * THEME_ROOM)
    room = {Kind.COMMON: themed, Kind.SPECIFIC: limit - themed - general}
    have = {c.level2: sum(i.category is c for i in chosen) for c in CATEGORIES}
    picked: list[Candidate] = []
    ids, names = {i.id for i in chosen}, [i.name for i in chosen]

    def take(c: Candidate) -> bool:
        i = c.indicator
        if len(picked) >= limit or i.id in ids:
            return False
        if process.extractOne(i.name, names, scorer=fuzz.ratio, processor=None, score_cutoff=ALIKE):
            return False
        ids.add(i.id)
        names.append(i.name)
        picked.append(c)
        return True

    share = {level2: max(1, round(rows * BALANCED * limit / 20)) if rows else 0 for level2, rows in SHAPE.items()}

    known = [
        c
        for c in candidates
        if not c.core and c.score > 0 and (c.lexical >= EVIDENCE or c.indicator.category.level2 in REQUIRED)
    ]
    for c in known:
        level2, kind = c.indicator.category.level2, c.indicator.kind
        if have[level2] < share[level2] and room[kind] > 0 and take(c):
            have[level2] += 1
            room[kind] -= 1
    covered: set[str] = set()
    for c in candidates:
        level2 = c.indicator.category.level2
        if c.core and level2 not in covered and len(covered) < general and take(c):
            covered.add(level2)
    for c in known:
        level2 = c.indicator.category.level2
        if c.lexical and have[level2] < share[level2] + 3 and take(c):
            have[level2] += 1
    return sorted(picked, key=lambda c: (-c.score, c.indicator.code))
