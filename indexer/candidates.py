"""Candidates for a draft: which records, what speaks for each of them, and which make a covering set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log1p, sqrt
from typing import NamedTuple

from rapidfuzz import fuzz, process

from corpus import choices, indicators, quantity
from corpus.access import Actor, visible
from corpus.model import Indicator, Kind, Use
from corpus.store import Store
from indexer import project_types, search
from indexer.engine import Plan
from indexer.live import View
from indexer.settings import Suggest

# How many of the best records are read to see which uses the draft belongs to, how many of each such use, and how many
# of the common indicators.
POOL, USE_POOL, COMMON_POOL = 150, 60, 200
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


class Candidate(NamedTuple):
    """An indicator and what speaks for it. Candidates sort as tuples do: the best first, equal ones by code.

    ``minus`` is the score below zero; ``lexical`` is the share of the best lexical score; ``core`` says that any
    project may hold it; ``why`` names the parts of the score but the words; ``value`` is the goal's own figure for it.
    """

    minus: float
    code: str
    indicator: Indicator
    lexical: float
    core: bool = False
    why: tuple[str, ...] = ()
    value: str = ""

    @property
    def score(self) -> float:
        """The more, the better."""
        return -self.minus


Row = tuple[float, str, Indicator, float, bool, tuple[str, ...], str]
"""A :class:`Candidate` as a plain tuple, as hundreds are made, sorted and passed over sooner."""


class Pool:
    """The records that were looked at, each read from the store once: ``records``, and beside them their ``points``.

    Points are what the draft's words gave a record, at least 0.
    """

    def __init__(self, store: Store, view: View, actor: Actor, plan: Plan, text: str) -> None:
        """``text`` is what the draft is about, for likeness in meaning."""
        self.store, self.actor, self.plan, self.settings = store, actor, plan, view.settings.suggest
        self.scope = visible(actor)
        self.engine = view.engine("indicators", self.scope)
        self.records: list[Indicator] = []
        self.points: list[float] = []
        self._ids: set[str] = set()
        self.likeness: Mapping[str, float] = {}
        self.add([({}, POOL)], need=1)
        if self.settings.meaning:
            self.likeness = dict(search.likeness(view, text, self.scope, LIKE))
            self._add_ids(list(self.likeness)[:MEANT])

    def add(self, wanted: Iterable[tuple[dict[str, list[str]], int]], *, need: int) -> None:
        """For each filter and limit the best records that meet at least ``need`` units."""
        plan = Plan(self.plan.units, (), need)
        points: dict[str, float] = {}
        for filters, limit in wanted:
            ranked = self.engine.search(plan, self.scope, filters, limit=limit, counts=False)
            points.update(zip(ranked.ids, ranked.scores, strict=True))
        self._read(points)

    def _add_ids(self, ids: Sequence[str]) -> None:
        parts = self.engine.explain(self.plan, ids)
        self._read({id: sum(part.score for part in found) for id, found in zip(ids, parts, strict=True)})

    def _read(self, points: Mapping[str, float]) -> None:
        fresh = [id for id in points if id not in self._ids]
        found = indicators.fetch(self.store, fresh, self.actor)
        ids = [i.id for i in found]
        self.records += found
        self.points += map(points.__getitem__, ids)
        self._ids.update(ids)

    @property
    def top(self) -> float:
        """The most points that the words gave any record; 1 when there are none."""
        return max(self.points, default=0.0) or 1.0

    def shares(self, groups: Sequence[Sequence[str]]) -> list[float]:
        """For each group of records, how much of what the draft says is held by any of them, between 0 and 1."""
        rarity = [*map(self.engine.rarity, self.plan.units)]
        whole = sum(rarity) or 1.0
        units = self.engine.held_units(self.plan, [id for group in groups for id in group])
        held = [sorted(set[int]().union(*[units[id] for id in group])) for group in groups]
        return [sum([rarity[n] for n in found]) / whole for found in held]


def infer(pool: Pool) -> list[InferredUse]:
    """The three likeliest uses, by the squared points of the records nearest in words and meaning."""
    uses: dict[str, Use] = {}
    # By use, the points of its records, and beside them their ids.
    spoken: defaultdict[str, tuple[list[float], list[str]]] = defaultdict(lambda: ([], []))
    share, near = pool.settings.meaning * pool.top, pool.likeness
    for i, points in zip(pool.records, pool.points, strict=True):
        if use := i.use:
            uses[use.code] = use
            found, ids = spoken[use.code]
            found.append(points + share * near.get(i.id, 0.0) if near else points)
            ids.append(i.id)
    evidence = {code: sum(sorted(found, reverse=True)[:WITNESSES]) ** 2 for code, (found, _) in spoken.items()}
    whole = sum(sorted(evidence.values(), reverse=True)[:5])
    if not whole:
        return []
    # A use among others of its domain is likelier than one on its own: 教育 beside 设备购置 is not 医疗设备购置.
    domains: defaultdict[str, float] = defaultdict(float)
    for code, weight in evidence.items():
        domains[uses[code].domain] += weight
    everywhere = sum(domains.values())
    kin = {domain: sqrt(weight / everywhere) for domain, weight in domains.items()}
    likely = {code: weight / whole * kin[uses[code].domain] for code, weight in evidence.items()}
    ranked = [code for _, code in sorted([(-share, code) for code, share in likely.items()])[:3]]
    nearest = [sorted(zip(*spoken[code], strict=True), reverse=True)[:3] for code in ranked]
    shares = pool.shares([[id for _, id in hits] for hits in nearest])
    inferred = [
        InferredUse(uses[code], round(min(1.0, likely[code]) * min(1.0, share / ENOUGH), 3))
        for code, share in zip(ranked, shares, strict=True)
    ]
    return sorted(inferred, key=lambda use: -use.confidence)


class Standing(NamedTuple):
    """What a record is to a draft by its use or theme: ``factor`` times its lexical share and ``gain`` are its score.

    ``core`` and ``why`` are those of :class:`Candidate`.
    """

    factor: float = 1.0
    gain: float = 0.0
    core: bool = False
    why: tuple[str, ...] = ()


class Standings:
    """The standings of records under a draft: those of its uses in ``own`` by code, of any other use in ``other``."""

    def __init__(self, weights: Suggest, uses: Sequence[InferredUse], themes: Mapping[str, tuple[float, str]]) -> None:
        self.own: dict[str, Standing] = {}
        for inferred in uses:
            use, confidence = inferred.use, inferred.confidence
            why = (f"属于推断用途“{use.use}”",) if confidence >= SURE and weights.use else ()
            self.own[use.code] = Standing(gain=weights.use * min(1.0, 2 * confidence), why=why)
        # The surer the use, the less a record of another one is likely to be meant; with none, any is doubtful.
        sure = uses[0].confidence if uses and uses[0].confidence >= SURE else UNSURE
        self.other = Standing(max(0.0, 1 - weights.other * sure))
        # By theme, of those that are not core and of those that are.
        self._themes = {}
        for theme, (share, word) in themes.items():
            why = (f"共性指标：“{word}”说明这是{theme}类项目",) if weights.theme else ()
            gain = weights.theme * share
            self._themes[theme] = Standing(gain=gain, why=why), Standing(gain=gain + weights.general, why=why)
        why = ("共性指标：各类项目通用",) if weights.general else ()
        self._anywhere = Standing(gain=weights.general, core=True, why=why)
        self._foreign = Standing(FOREIGN)

    def common(self, i: Indicator) -> Standing:
        """The standing of a record of no use."""
        if i.theme in self._themes:
            return self._themes[i.theme][project_types.core(i.name, i.theme)]
        return self._anywhere if project_types.core(i.name, project_types.GENERAL) else self._foreign


def of_draft(pool: Pool, uses: Sequence[InferredUse], project: str, goal: str) -> list[Row]:
    """Everything that may be suggested, best first, each with its reasons."""
    themes = project_types.themes(project, goal)
    sure = [inferred.use.use for inferred in uses if inferred.confidence >= SURE]
    common = {"theme": [*themes, *project_types.OFTEN]}
    pool.add([*[({"use": [use]}, USE_POOL) for use in sure], (common, COMMON_POOL)], need=0)
    weights, top, near = pool.settings, pool.top, pool.likeness
    standings = Standings(weights, uses, themes)
    own, other = standings.own, standings.other
    # Counts are of public records and public goals alone.
    taken = choices.counts(pool.store, sure) if sure and weights.taken else {}
    rows: list[Row] = []
    for i, points in zip(pool.records, pool.points, strict=True):
        lexical = points / top
        factor, gain, core, why = own.get(i.use.code, other) if i.use else standings.common(i)
        score = lexical * factor + gain
        if near:
            likeness = near.get(i.id, 0.0)
            score += weights.meaning * likeness
            if likeness >= NEAR and weights.meaning:
                why = (*why, "与目标的意思相近")
        if i.id in taken:
            score += weights.taken * min(1.0, log1p(taken[i.id]) / log1p(WIDELY))
            why = (*why, f"{taken[i.id]}人在同类项目中采用过")
        rows.append((-score, i.code, i, lexical, core, why, ""))
    _measure(rows, goal, weights.quantity)
    rows.sort()
    return rows


def _measure(rows: list[Row], goal: str, weight: float) -> None:
    """A figure of the goal belongs to the one or two indicators of its unit that are nearest, not to all of them.

    Only the goal is read: names of projects hold years and serial numbers.
    """
    figures = {q.unit: (format(q.value, "f"), goal[start:end]) for q, (start, end) in quantity.find(goal)}
    counted: dict[str, list[int]] = {unit: [] for unit in figures}
    for n, i in enumerate([row[2] for row in rows] if counted else ()):
        if i.unit in counted and i.category.short == "数量":
            counted[i.unit].append(n)
    for unit, places in counted.items():
        value, words = figures[unit]
        for n in sorted(places, key=rows.__getitem__)[:2]:
            minus, code, i, lexical, core, why, _ = rows[n]
            if lexical >= EVIDENCE:
                why = (*why, f"目标中的“{words}”可作为指标值") if weight else why
                rows[n] = minus - weight, code, i, lexical, core, why, value


def cover(ranked: Iterable[Row], chosen: Sequence[Indicator], limit: int) -> list[Candidate]:
    """Of candidates, best first, a set that covers the categories, no two alike, best first.

    A part of the room is kept for what any project may hold, one of a category; the rest goes to the best of each
    category up to its share of a balanced table, then to the best of all.
    """
    general, themed = round(limit * GENERAL_ROOM), round(limit * THEME_ROOM)
    room = {Kind.COMMON: themed, Kind.SPECIFIC: limit - themed - general}
    left = {level2: max(1, round(rows * BALANCED * limit / 20)) if rows else 0 for level2, rows in SHAPE.items()}
    for i in chosen:
        left[i.category.level2] -= 1
    picked: list[Row] = []
    ids, names = {i.id for i in chosen}, [i.name for i in chosen]

    def take(row: Row) -> bool:
        _, _, i, *_ = row
        if len(picked) >= limit or i.id in ids:
            return False
        if process.extractOne(i.name, names, scorer=fuzz.ratio, processor=None, score_cutoff=ALIKE):
            return False
        ids.add(i.id)
        names.append(i.name)
        picked.append(row)
        return True

    anywhere: list[Row] = []
    known: list[Row] = []
    for row in ranked:
        minus, _, i, lexical, core, _, _ = row
        level2 = i.category.level2
        if core:
            anywhere.append(row)
        elif minus < 0 and (lexical >= EVIDENCE or level2 in REQUIRED):
            known.append(row)
            if left[level2] > 0 and room[i.kind] > 0 and take(row):
                left[level2] -= 1
                room[i.kind] -= 1
    covered: set[str] = set()
    for row in anywhere:
        _, _, i, *_ = row
        level2 = i.category.level2
        if level2 not in covered and len(covered) < general and take(row):
            covered.add(level2)
    for row in known:
        if len(picked) >= limit:
            break
        _, _, i, lexical, *_ = row
        level2 = i.category.level2
        if lexical and left[level2] > -3 and take(row):
            left[level2] -= 1
    return [Candidate(*row) for row in sorted(picked)]
