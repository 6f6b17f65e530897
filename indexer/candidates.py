"""Candidates for a draft: which records, what speaks for each of them, and which make a covering set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import log1p
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from corpus import choices, quantity
from corpus.access import Actor, visible
from corpus.model import CATEGORIES, Indicator, Use
from corpus.store import Store
from indexer import project_types, search
from indexer.engine import Plan
from indexer.live import View
from indexer.register import PLACES, Family, Named
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
_REQUIRED = {PLACES[level2] for level2 in REQUIRED}


@dataclass(frozen=True, slots=True)
class InferredUse:
    """A use that the draft seems to belong to, with a confidence between 0 and 1."""

    use: Use
    confidence: float


class Pool:
    """The records that were looked at, by their ``numbers``, and beside them their ``points``.

    Points are what the draft's words gave a record, at least 0.
    """

    def __init__(self, store: Store, view: View, actor: Actor, plan: Plan, text: str) -> None:
        """``text`` is what the draft is about, for likeness in meaning."""
        self.store, self.plan, self.settings = store, plan, view.settings.suggest
        self.scope = visible(actor)
        self.engine = view.engine("indicators", self.scope)
        self.register = view.register(store, self.scope)
        self.numbers: NDArray[np.int64] = np.zeros(0, np.int64)
        self.points: NDArray[np.float64] = np.zeros(0)
        self.likeness: dict[int, float] = {}
        self.add([({}, POOL)], need=1)
        if self.settings.meaning and view.meaning:
            self._mean(dict(search.likeness(view, text, self.scope, LIKE)))

    def add(self, wanted: Iterable[tuple[dict[str, list[str]], int]], *, need: int) -> None:
        """For each filter and limit the best records that meet at least ``need`` units."""
        plan = Plan(self.plan.units, (), need)
        self._take([self.engine.leading(plan, self.scope, filters, limit) for filters, limit in wanted])

    def _mean(self, near: Mapping[str, float]) -> None:
        """Take up the nearest in meaning too."""
        numbers = self.engine.numbers(near)
        self.likeness = {numbers[id]: share for id, share in near.items() if id in numbers}
        ids = [id for id in list(near)[:MEANT] if id in numbers]
        points = [sum([part.score for part in parts]) for parts in self.engine.explain(self.plan, ids)]
        self._take([(np.array([numbers[id] for id in ids], np.int64), np.array(points))])

    def _take(self, found: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]]) -> None:
        if len(self.numbers) or len(found) > 1:
            numbers, points = (np.concatenate(held) for held in zip((self.numbers, self.points), *found, strict=True))
            self.numbers, first = np.unique(numbers, return_index=True)
            self.points = points[first]
        else:
            [(self.numbers, self.points)] = found
        self.register.read(self.numbers)

    @property
    def top(self) -> float:
        """The most points that the words gave any record; 1 when there are none."""
        return float(self.points.max(initial=0.0)) or 1.0

    def near(self, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        """The likeness of records in meaning, 0 where it is not known."""
        return np.array([self.likeness.get(n, 0.0) for n in numbers.tolist()])

    def shares(self, groups: Sequence[Sequence[str]]) -> list[float]:
        """For each group of records, how much of what the draft says is held by any of them, between 0 and 1."""
        rarity = np.array(self.engine.rarities(self.plan))
        held = self.engine.held_units(self.plan, [id for group in groups for id in group])
        ends = [*accumulate(map(len, groups), initial=0)]
        whole = float(rarity.sum()) or 1.0
        return [float(rarity[held[start:end].any(axis=0)].sum()) / whole for start, end in pairwise(ends)]


def infer(pool: Pool) -> list[InferredUse]:
    """The three likeliest uses, by the squared points of the records nearest in words and meaning."""
    register, points = pool.register, pool.points
    if pool.likeness:
        points = points + pool.settings.meaning * pool.top * pool.near(pool.numbers)
    own = register.domain[pool.numbers] >= 0
    numbers, points = pool.numbers[own], points[own]
    of = register.family[numbers]
    # By family, the best first.
    order = np.lexsort((-points, of))
    numbers, of, points = numbers[order], of[order], points[order]
    starts = np.flatnonzero(np.append(True, of[1:] != of[:-1])[: len(of)])
    ends = np.append(starts[1:], len(of))
    # Only the first of a family speak for it.
    heard = np.arange(len(of)) - np.repeat(starts, ends - starts) < WITNESSES
    evidence = np.add.reduceat(points * heard, starts) ** 2 if len(of) else points
    whole = float(np.sort(evidence)[-5:].sum())
    if not whole:
        return []
    # A use among others of its domain is likelier than one on its own: 教育 beside 设备购置 is not 医疗设备购置.
    families = of[starts]
    domains = register.domain[numbers[starts]]
    kin = np.sqrt(np.bincount(domains, evidence) / evidence.sum())
    likely = evidence / whole * kin[domains]
    least = np.sort(likely)[-3:][0]
    best = [(place, register.families[families[place]].use) for place in np.flatnonzero(likely >= least).tolist()]
    uses = {place: use for place, use in best if use}
    ranked = sorted(uses, key=lambda place: (-likely[place], uses[place].code))[:3]
    nearest = []
    for place in ranked:
        rows = slice(starts[place], ends[place])
        ids = [register.named[n].id for n in numbers[rows].tolist()]
        nearest.append([id for _, id in sorted(zip(points[rows].tolist(), ids, strict=True), reverse=True)[:3]])
    inferred = [
        InferredUse(uses[place], round(min(1.0, float(likely[place])) * min(1.0, share / ENOUGH), 3))
        for place, share in zip(ranked, pool.shares(nearest), strict=True)
    ]
    return sorted(inferred, key=lambda use: -use.confidence)


class Standing(NamedTuple):
    """What a record is to a draft by its use or theme: ``factor`` times its lexical share and ``gain`` are its score.

    ``core`` says that any project may hold it; ``why`` names the parts of the score but the words.
    """

    factor: float = 1.0
    gain: float = 0.0
    core: bool = False
    why: tuple[str, ...] = ()


class Standings:
    """The standings of records under a draft, by what the register has them for."""

    def __init__(self, weights: Suggest, uses: Sequence[InferredUse], themes: Mapping[str, tuple[float, str]]) -> None:
        self._own: dict[str, Standing] = {}
        for inferred in uses:
            use, confidence = inferred.use, inferred.confidence
            why = (f"属于推断用途“{use.use}”",) if confidence >= SURE and weights.use else ()
            self._own[use.code] = Standing(gain=weights.use * min(1.0, 2 * confidence), why=why)
        # The surer the use, the less a record of another one is likely to be meant; with none, any is doubtful.
        sure = uses[0].confidence if uses and uses[0].confidence >= SURE else UNSURE
        self._other = Standing(max(0.0, 1 - weights.other * sure))
        # By theme, of those that are not core and of those that are.
        self._themes = {}
        for theme, (share, word) in themes.items():
            why = (f"共性指标：“{word}”说明这是{theme}类项目",) if weights.theme else ()
            gain = weights.theme * share
            self._themes[theme] = Standing(gain=gain, why=why), Standing(gain=gain + weights.general, why=why)
        why = ("共性指标：各类项目通用",) if weights.general else ()
        self._anywhere = Standing(gain=weights.general, core=True, why=why)
        self._foreign = Standing(FOREIGN)

    def of(self, family: Family) -> Standing:
        """The standing of records of that family."""
        if family.use:
            return self._own.get(family.use.code, self._other)
        if family.theme in self._themes:
            return self._themes[family.theme][family.themed]
        return self._anywhere if family.general else self._foreign


@dataclass(frozen=True, slots=True)
class Candidates:
    """Records that may be suggested, best first, equal ones by code, side by side.

    ``minus`` are the scores below zero; ``lexical`` the shares of the best lexical score; ``categories`` are places in
    :data:`corpus.model.CATEGORIES`; ``why`` says by number what is said of one record alone, ``values`` the goal's own
    figure for it.
    """

    numbers: Sequence[int]
    minus: Sequence[float]
    lexical: Sequence[float]
    families: Sequence[int]
    categories: Sequence[int]
    common: Sequence[bool]
    standings: Mapping[int, Standing]
    named: Mapping[int, Named]
    why: Mapping[int, tuple[str, ...]]
    values: Mapping[int, str]

    def reasons(self, place: int) -> tuple[str, ...]:
        """The parts of a score but the words."""
        return self.standings[self.families[place]].why + self.why.get(self.numbers[place], ())


def of_draft(
    pool: Pool, uses: Sequence[InferredUse], project: str, goal: str, without: Iterable[str] = ()
) -> Candidates:
    """Everything that may be suggested but the records ``without``."""
    themes = project_types.themes(project, goal)
    sure = [inferred.use.use for inferred in uses if inferred.confidence >= SURE]
    common = {"theme": [*themes, *project_types.OFTEN]}
    pool.add([*[({"use": [use]}, USE_POOL) for use in sure], (common, COMMON_POOL)], need=0)
    weights, register, numbers, points = pool.settings, pool.register, pool.numbers, pool.points
    top = pool.top
    if gone := pool.engine.numbers(without):
        left = ~np.isin(numbers, list(gone.values()))
        numbers, points = numbers[left], points[left]
    standings = Standings(weights, uses, themes)
    families = register.family[numbers]
    known = {family: standings.of(register.families[family]) for family in set(families.tolist())}
    factors, gains = np.zeros((2, len(register.families)))
    for family, standing in known.items():
        factors[family], gains[family] = standing[:2]
    lexical = points / top
    score = lexical * factors[families] + gains[families]
    why: dict[int, tuple[str, ...]] = {}
    if pool.likeness:
        near = pool.near(numbers)
        score += weights.meaning * near
        close = numbers[near >= NEAR] if weights.meaning else numbers[:0]
        why = dict.fromkeys(close.tolist(), ("与目标的意思相近",))
    # Counts are of public records and public goals alone.
    taken = choices.counts(pool.store, sure) if sure and weights.taken else {}
    for id, n in pool.engine.numbers(taken).items():
        score[numbers == n] += weights.taken * min(1.0, log1p(taken[id]) / log1p(WIDELY))
        why[n] = (*why.get(n, ()), f"{taken[id]}人在同类项目中采用过")
    rows = _Rows(numbers, -score, lexical)
    order = _ordered(rows, register.named)
    values = _measure(pool, goal, rows, order, why)
    if values and weights.quantity:
        order = _ordered(rows, register.named)
    numbers = numbers[order]
    return Candidates(
        numbers.tolist(),
        rows.minus[order].tolist(),
        lexical[order].tolist(),
        families[order].tolist(),
        register.category[numbers].tolist(),
        register.common[numbers].tolist(),
        known,
        register.named,
        why,
        values,
    )


class _Rows(NamedTuple):
    """Columns of :class:`Candidates`, in any order."""

    numbers: NDArray[np.int64]
    minus: NDArray[np.float64]
    lexical: NDArray[np.float64]


def _ordered(rows: _Rows, named: Mapping[int, Named]) -> NDArray[np.int64]:
    """The places of the scores, best first, equal ones by code."""
    order = np.argsort(rows.minus, kind="stable")
    rising = rows.minus[order]
    edges = [0, *(np.flatnonzero(rising[1:] != rising[:-1]) + 1).tolist(), len(order)]
    for start, end in pairwise(edges):
        if end - start > 1:
            tied = order[start:end].tolist()
            codes = [named[n].code for n in rows.numbers[tied].tolist()]
            order[start:end] = [place for _, place in sorted(zip(codes, tied, strict=True))]
    return order


def _measure(
    pool: Pool, goal: str, rows: _Rows, order: NDArray[np.int64], why: dict[int, tuple[str, ...]]
) -> dict[int, str]:
    """A figure of the goal belongs to the one or two indicators of its unit that are nearest, not to all of them.

    Only the goal is read: names of projects hold years and serial numbers. Scores and reasons change in place; the
    figures are given back by number.
    """
    figures = {q.unit: (format(q.value, "f"), goal[start:end]) for q, (start, end) in quantity.find(goal)}
    weight, values = pool.settings.quantity, {}
    counts = pool.register.counts[rows.numbers[order]]
    for unit, (value, words) in figures.items():
        for place in order[counts == pool.register.units.get(unit, -2)][:2].tolist():
            if rows.lexical[place] >= EVIDENCE:
                n = int(rows.numbers[place])
                rows.minus[place] -= weight
                values[n] = value
                if weight:
                    why[n] = (*why.get(n, ()), f"目标中的“{words}”可作为指标值")
    return values


def cover(found: Candidates, chosen: Sequence[Indicator], limit: int) -> list[int]:
    """The places of a set that covers the categories, no two alike, best first.

    A part of the room is kept for what any project may hold, one of a category; the rest goes to the best of each
    category up to its share of a balanced table, then to the best of all.
    """
    general, themed = round(limit * GENERAL_ROOM), round(limit * THEME_ROOM)
    room = {True: themed, False: limit - themed - general}
    shape = [SHAPE[category.level2] for category in CATEGORIES]
    left = [max(1, round(rows * BALANCED * limit / 20)) if rows else 0 for rows in shape]
    for i in chosen:
        left[PLACES[i.category.level2]] -= 1
    picked: set[int] = set()
    names = [i.name for i in chosen]

    def take(place: int) -> bool:
        if len(picked) >= limit or place in picked:
            return False
        name = found.named[found.numbers[place]].name
        if process.extractOne(name, names, scorer=fuzz.ratio, processor=None, score_cutoff=ALIKE):
            return False
        picked.add(place)
        names.append(name)
        return True

    core = {family for family, standing in found.standings.items() if standing.core}
    anywhere: list[int] = []
    known: list[int] = []
    rows = zip(found.families, found.minus, found.lexical, found.categories, found.common, strict=True)
    for place, (family, minus, lexical, level, common) in enumerate(rows):
        if family in core:
            anywhere.append(place)
        elif minus < 0 and (lexical >= EVIDENCE or level in _REQUIRED):
            known.append(place)
            if left[level] > 0 and room[common] > 0 and take(place):
                left[level] -= 1
                room[common] -= 1
    covered: set[int] = set()
    for place in anywhere:
        level = found.categories[place]
        if level not in covered and len(covered) < general and take(place):
            covered.add(level)
    for place in known:
        if len(picked) >= limit:
            break
        level = found.categories[place]
        if found.lexical[place] and left[level] > -3 and take(place):
            left[level] -= 1
    return sorted(picked)
