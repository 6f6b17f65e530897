"""Candidates for a draft: which records, what speaks for each of them, and which make a covering set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from indexer.register import PLACES, Family, Named, Register
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
# By place of a category.
_REQUIRED = np.array([category.level2 in REQUIRED for category in CATEGORIES])
_SHAPE = [SHAPE[category.level2] for category in CATEGORIES]


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
    heads = [slice(starts[place], ends[place]) for place in ranked]
    nearest = [_nearest(register, numbers[rows], points[rows]) for rows in heads]
    inferred = [
        InferredUse(uses[place], round(min(1.0, float(likely[place])) * min(1.0, share / ENOUGH), 3))
        for place, share in zip(ranked, pool.engine.shares(pool.plan, nearest), strict=True)
    ]
    return sorted(inferred, key=lambda use: -use.confidence)


def _nearest(register: Register, numbers: NDArray[np.int64], points: NDArray[np.float64]) -> list[int]:
    """The three best of records, which are given best first; of equal ones the last by id."""
    rows = zip(numbers.tolist(), points.tolist(), strict=True)
    few = [(share, register.named[n].id, n) for n, share in rows if share >= points[:3][-1]]
    return [n for *_, n in sorted(few, reverse=True)[:3]]


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
        self.other = Standing(max(0.0, 1 - weights.other * sure))
        """That of records of any use that the draft does not belong to: most of them."""
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
            return self._own.get(family.use.code, self.other)
        if family.theme in self._themes:
            return self._themes[family.theme][family.themed]
        return self._anywhere if family.general else self._foreign


@dataclass(frozen=True, slots=True)
class Candidates:
    """Records that may be suggested, best first, equal ones by code, side by side.

    ``minus`` are the scores below zero; ``lexical`` the shares of the best lexical score; ``core`` says which any
    project may hold; ``categories`` are places in :data:`corpus.model.CATEGORIES`. ``why`` are reasons by family and,
    for one record alone, by number; ``values`` by number the goal's own figure for it.
    """

    numbers: NDArray[np.int64]
    minus: NDArray[np.float64]
    lexical: NDArray[np.float64]
    core: NDArray[np.bool_]
    families: NDArray[np.int32]
    categories: NDArray[np.int8]
    common: NDArray[np.bool_]
    named: Mapping[int, Named]
    why: tuple[Mapping[int, tuple[str, ...]], Mapping[int, tuple[str, ...]]]
    values: Mapping[int, str]

    def at(self, places: Sequence[int]) -> list[tuple[int, float, tuple[str, ...]]]:
        """Of those at some places the number, the score and the parts of it but the words."""
        numbers, families = self.numbers[places].tolist(), self.families[places].tolist()
        of_family, alone = self.why
        return [
            (n, -minus, of_family.get(family, ()) + alone.get(n, ()))
            for n, minus, family in zip(numbers, self.minus[places].tolist(), families, strict=True)
        ]


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
    families, of_use = register.family[numbers], register.domain[numbers] >= 0
    known = register.numbers_of(inferred.use for inferred in uses)
    known.update(families[~of_use].tolist())
    met = {family: standings.of(register.families[family]) for family in known}
    table = np.tile(standings.other[:3], (len(register.families), 1))
    table[[*met]] = np.array([standing[:3] for standing in met.values()]).reshape(-1, 3)
    factors, gains, core = table[families].T
    lexical = points / top
    score = lexical * factors + gains
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
    order = _ordered(rows, register)
    values = _measure(pool, goal, rows, order, why)
    if values and weights.quantity:
        order = _ordered(rows, register)
    numbers, families = numbers[order], families[order]
    return Candidates(
        numbers,
        rows.minus[order],
        lexical[order],
        core[order] > 0,
        families,
        register.category[numbers],
        register.common[numbers],
        register.named,
        ({family: standing.why for family, standing in met.items()}, why),
        values,
    )


class _Rows(NamedTuple):
    """Columns of :class:`Candidates`, in any order."""

    numbers: NDArray[np.int64]
    minus: NDArray[np.float64]
    lexical: NDArray[np.float64]


def _ordered(rows: _Rows, register: Register) -> NDArray[np.int64]:
    """The places of the scores, best first, equal ones by code."""
    ranks = register.rank[rows.numbers]
    order = np.lexsort((ranks, rows.minus))
    scores, codes = rows.minus[order], ranks[order]
    if ((scores[1:] == scores[:-1]) & (codes[1:] == codes[:-1])).any():  # codes that differ late
        whole = [register.named[n].code for n in rows.numbers.tolist()]
        minus = rows.minus.tolist()
        order = np.array(sorted(order.tolist(), key=lambda place: (minus[place], whole[place])), np.int64)
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
    room = [limit - themed - general, themed]
    left = [max(1, round(rows * BALANCED * limit / 20)) if rows else 0 for rows in _SHAPE]
    for i in chosen:
        left[PLACES[i.category.level2]] -= 1
    picked: set[int] = set()
    names = [i.name for i in chosen]

    def take(place: int) -> bool:
        if len(picked) >= limit or place in picked:
            return False
        name = found.named[int(found.numbers[place])].name
        if process.extractOne(name, names, scorer=fuzz.ratio, processor=None, score_cutoff=ALIKE):
            return False
        picked.add(place)
        names.append(name)
        return True

    evident = (found.lexical >= EVIDENCE) | _REQUIRED[found.categories]
    known = np.flatnonzero(~found.core & (found.minus < 0) & evident)
    places, shares = known.tolist(), found.lexical[known].tolist()
    # By place its category and whether it is a common one, and which of these are wanted still: the next of them is
    # found without a look at the others.
    kinds = (2 * found.categories[known] + found.common[known]).tobytes()
    wanted = bytearray([rows > 0 and room[kind] > 0 for rows in left for kind in (0, 1)]).ljust(256, b"\0")
    at, marks = -1, kinds.translate(wanted)
    while len(picked) < limit and (at := marks.find(1, at + 1)) >= 0:
        level, kind = divmod(kinds[at], 2)
        if not take(places[at]):
            continue
        left[level] -= 1
        room[kind] -= 1
        if not left[level]:
            wanted[2 * level : 2 * level + 2] = bytes(2)
        if not room[kind]:
            wanted[kind::2] = bytes(128)
        if not (left[level] and room[kind]):
            marks = kinds.translate(wanted)
    covered: set[int] = set()
    for place in np.flatnonzero(found.core).tolist():
        level = int(found.categories[place])
        if level not in covered and len(covered) < general and take(place):
            covered.add(level)
    for place, share, kind in zip(places, shares, kinds, strict=True):
        if len(picked) >= limit:
            break
        if share and left[kind // 2] > -3 and take(place):
            left[kind // 2] -= 1
    return sorted(picked)
