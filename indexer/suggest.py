"""A goal being drafted -> the uses it belongs to, a covering set of indicators with reasons, what is still missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p, sqrt

from rapidfuzz import fuzz

from corpus import choices, indicators, policies, quantity
from corpus.access import Actor, Scope, visible
from corpus.errors import BadInput
from corpus.model import CATEGORIES, Category, Indicator, Kind, Use
from corpus.policies import Found
from corpus.store import Store
from indexer import project_types, query, search
from indexer.engine import Part, Plan
from indexer.engines.embedded import Embedded
from indexer.live import View, Views
from indexer.settings import Suggest as Shares

MAX_PROJECT, MAX_GOAL, MAX_CHOSEN, MAX_LIMIT = 200, 5000, 200, 60
# How many of the best records are read to see which uses the draft belongs to, and how many of each such use.
POOL, USE_POOL = 150, 60
# A use counts as the draft's own from this confidence on.
SURE = 0.2
# A use whose nearest records hold this share of what the draft says is its own beyond doubt; with less of it, its
# confidence falls in proportion: the nearest of all uses may still be far.
ENOUGH = 0.45
# Categories that a table may do without are suggested only on evidence: so much of the best lexical score.
EVIDENCE = 0.1
# How many of the records nearest in meaning are looked at, where meaning search is on.
MEANT, LIKE = 60, 400
# From this likeness on (1 is the nearest of all) meaning is a reason to name.
NEAR = 0.6
# A record that so many people took over under the draft's uses gets the whole share of it.
WIDELY = 5
# Names more alike than this say the same thing (rapidfuzz ratio, 0 to 100).
ALIKE = 75
# A balanced table of twenty rows, after the shares of rows in public goal tables.
SHAPE = {
    "数量指标": 5, "质量指标": 4, "时效指标": 2, "经济成本指标": 2, "社会成本指标": 0, "生态环境成本指标": 0,
    "经济效益指标": 1, "社会效益指标": 2, "生态效益指标": 1, "可持续影响指标": 1, "服务对象满意度指标": 2,
}  # fmt: skip
# 财预〔2021〕101号 as recalled: quantity, quality, cost and benefit are always set, satisfaction where people are
# served; 衡阳市 2023 sends back tables without detailed cost. Timeliness is kept because every local form has it.
REQUIRED = ("数量指标", "质量指标", "时效指标", "经济成本指标", "社会效益指标", "服务对象满意度指标")
ITEM_FIELDS = (
    "id", "code", "name", "kind", "level1", "level2", "domain", "industry", "use", "theme", "definition", "operator",
    "unit", "reference", "reference_kind", "visibility",
)  # fmt: skip
BENEFITS = ("经济效益指标", "社会效益指标", "生态效益指标", "可持续影响指标")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a department has written so far. ``budget`` is in 万元; ``use`` is the name of a use when one was picked."""

    project: str = ""
    goal: str = ""
    budget: float | None = None
    use: str | None = None
    chosen: tuple[str, ...] = ()
    limit: int = 20


@dataclass(frozen=True, slots=True)
class InferredUse:
    """A use that the draft seems to belong to, with a confidence between 0 and 1."""

    use: Use
    confidence: float


@dataclass(frozen=True, slots=True)
class Suggested:
    """An indicator to take over, and true reasons for it; ``value`` is the goal's own figure for it, or empty."""

    indicator: Indicator
    score: float
    why: tuple[str, ...]
    value: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How a category stands: rows chosen, suggestions at hand, and whether a complete table must have it."""

    category: Category
    chosen: int
    suggested: int
    required: bool


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The answer to a draft. ``missing`` says in sentences what the table still lacks."""

    uses: tuple[InferredUse, ...]
    items: tuple[Suggested, ...]
    coverage: tuple[Coverage, ...]
    missing: tuple[str, ...]
    policies: tuple[Found, ...]
    generation: str

    def as_json(self) -> dict[str, object]:
        """The contract's answer to a draft."""
        return {
            "uses": [
                {"domain": u.use.domain, "industry": u.use.industry, "use": u.use.use, "confidence": u.confidence}
                for u in self.uses
            ],
            "items": [
                {
                    **{k: v for k, v in s.indicator.as_json().items() if k in ITEM_FIELDS},
                    "score": s.score,
                    "why": list(s.why),
                    "value": s.value,
                }
                for s in self.items
            ],
            "coverage": {
                c.category.level2: {"chosen": c.chosen, "suggested": c.suggested, "required": c.required}
                for c in self.coverage
            },
            "missing": list(self.missing),
            "policies": [found.as_json() for found in self.policies],
            "generation": self.generation,
        }


@dataclass(slots=True)
class _Candidate:
    indicator: Indicator
    lexical: float
    score: float
    why: list[str]
    value: str = ""


def suggest(store: Store, live: Views, draft: Draft, actor: Actor) -> Suggestions:
    """Suggestions for a draft; an empty draft gets an empty set. Raises BadInput, naming the field."""
    _check(draft)
    view = live.view()
    scope = visible(actor)
    engine = view.engine("indicators", scope)
    chosen = indicators.fetch(store, draft.chosen, actor)
    plan = query.draft([*query.project_parts(draft.project), (draft.goal, 1.0)], view.words)
    if not plan.units and draft.use is None:
        return Suggestions((), (), _coverage(chosen, ()), _missing(chosen), (), view.generation)
    pool = _Pool(store, engine, scope, actor, plan)
    pool.add({}, POOL, need=1)
    likeness = _likeness(view, scope, draft)
    pool.add_ids(list(likeness)[:MEANT])
    uses = _infer(store, pool, draft, actor)
    for inferred in uses:
        if inferred.confidence >= SURE:
            pool.add({"use": [inferred.use.use]}, USE_POOL, need=0)
    themes = project_types.themes(draft.project, draft.goal)
    pool.add({"theme": [*themes, project_types.GENERAL]}, 200, need=0)
    candidates = _score(pool, uses, themes, draft, view.settings.suggest)
    _add_likeness(candidates, likeness, view.settings.suggest.meaning)
    _add_taken(store, candidates, uses, view.settings.suggest.taken)
    candidates.sort(key=lambda c: (-c.score, c.indicator.code))
    items = _cover(candidates, chosen, draft.limit)
    explained = engine.explain(plan, [c.indicator.id for c in items])
    found = tuple(
        Suggested(c.indicator, round(c.score, 4), (*_words(plan, parts), *c.why), c.value)
        for c, parts in zip(items, explained, strict=True)
    )
    passages = _passages(store, view, scope, plan, actor)
    return Suggestions(tuple(uses[:3]), found, _coverage(chosen, found), _missing(chosen), passages, view.generation)


class _Pool:
    """Candidates with their lexical scores, each read from the store once."""

    def __init__(self, store: Store, engine: Embedded, scope: Scope, actor: Actor, plan: Plan) -> None:
        self._store, self._engine, self._scope, self._actor, self._plan = store, engine, scope, actor, plan
        self.found: dict[str, tuple[Indicator, float]] = {}

    def add(self, filters: dict[str, list[str]], limit: int, *, need: int) -> None:
        """The best ``limit`` records under ``filters`` that meet at least ``need`` units."""
        plan = Plan(self._plan.units, (), need)
        ranked = self._engine.search(plan, self._scope, filters, limit=limit, counts=False)
        fresh = {id: s for id, s in zip(ranked.ids, ranked.scores, strict=True) if id not in self.found}
        for i in indicators.fetch(self._store, list(fresh), self._actor):
            self.found[i.id] = (i, fresh[i.id])

    def add_ids(self, ids: Sequence[str]) -> None:
        """These records as well, with what the draft's words say of them."""
        fresh = [id for id in ids if id not in self.found]
        scores = {
            id: sum(part.score for part in parts)
            for id, parts in zip(fresh, self._engine.explain(self._plan, fresh), strict=True)
        }
        for i in indicators.fetch(self._store, fresh, self._actor):
            self.found[i.id] = (i, scores[i.id])

    def share(self, ids: Sequence[str]) -> float:
        """How much of what the draft says is held by any of these records, between 0 and 1."""
        rarity = [self._engine.rarity(unit) for unit in self._plan.units]
        held = {part.unit for parts in self._engine.explain(self._plan, ids) for part in parts}
        return sum(rarity[n] for n in held) / (sum(rarity) or 1.0)


def _check(draft: Draft) -> None:
    for field, text, most in (("project", draft.project, MAX_PROJECT), ("goal", draft.goal, MAX_GOAL)):
        if len(text) > most:
            raise BadInput(f"文字过长（{len(text)} 字），请控制在 {most} 字以内。", field=field)
    if len(draft.chosen) > MAX_CHOSEN:
        raise BadInput(f"已选指标超过 {MAX_CHOSEN} 条，请删减。", field="chosen")
    if not 1 <= draft.limit <= MAX_LIMIT:
        raise BadInput(f"建议条数须在 1 到 {MAX_LIMIT} 之间，请修改。", field="limit")


def _infer(store: Store, pool: _Pool, draft: Draft, actor: Actor) -> list[InferredUse]:
    """The uses of the nearest records, weighed by the square of their scores; a picked use comes first and is sure."""
    if draft.use is not None:
        picked = [u for u in indicators.visible_uses(store, actor) if u.use == draft.use]
        if not picked:
            raise BadInput(f"没有“{draft.use[:30]}”这个用途，请从分类中选择。", field="use")
        return [InferredUse(picked[0], 1.0)]
    best: dict[Use, list[tuple[float, str]]] = {}
    for i, score in pool.found.values():
        if i.use:
            best.setdefault(i.use, []).append((score, i.id))
    evidence = {use: sum(score for score, _ in sorted(hits, reverse=True)[:8]) ** 2 for use, hits in best.items()}
    whole = sum(sorted(evidence.values(), reverse=True)[:5])
    if not whole:
        return []
    # A use among others of its domain is likelier than one on its own: 教育 beside 设备购置 is not 医疗设备购置.
    domains: dict[str, float] = {}
    for use, weight in evidence.items():
        domains[use.domain] = domains.get(use.domain, 0.0) + weight
    likely = {
        use: weight / whole * sqrt(domains[use.domain] / sum(domains.values())) for use, weight in evidence.items()
    }
    ranked = sorted(likely, key=lambda use: (-likely[use], use.code))[:5]
    shares = {use: pool.share([id for _, id in sorted(best[use], reverse=True)[:3]]) for use in ranked[:3]}
    found = [
        InferredUse(use, round(min(1.0, likely[use]) * min(1.0, shares.get(use, 0.0) / ENOUGH), 3))
        for use in ranked[:3]
    ]
    return sorted(found, key=lambda inferred: -inferred.confidence)


def _likeness(view: View, scope: Scope, draft: Draft) -> dict[str, float]:
    """How near records are in meaning to the draft: 1 for the nearest, 0 for the middle one and beyond; or nothing."""
    if view.meaning is None or not view.settings.suggest.meaning:
        return {}
    return dict(search.likeness(view, query.matter(draft.project, draft.goal), scope, LIKE))


def _add_likeness(candidates: Sequence[_Candidate], likeness: dict[str, float], share: float) -> None:
    for c in candidates:
        near = likeness.get(c.indicator.id, 0.0)
        c.score += share * near
        if near >= NEAR:
            c.why.append("与目标的意思相近")


def _add_taken(store: Store, candidates: Sequence[_Candidate], uses: Sequence[InferredUse], share: float) -> None:
    """What people took over under these uses counts for more; counts are of public records and public goals alone."""
    names = [inferred.use.use for inferred in uses if inferred.confidence >= SURE]
    taken = choices.counts(store, names) if names and share else {}
    for c in candidates:
        persons = taken.get(c.indicator.id, 0)
        if persons:
            c.score += share * min(1.0, log1p(persons) / log1p(WIDELY))
            c.why.append(f"{persons}人在同类项目中采用过")


def _score(
    pool: _Pool, uses: Sequence[InferredUse], themes: dict[str, tuple[float, str]], draft: Draft, shares: Shares
) -> list[_Candidate]:
    top = max((score for _, score in pool.found.values()), default=0.0) or 1.0
    confidence = {inferred.use.use: inferred.confidence for inferred in uses}
    # Measured quantities are looked for in the goal only: names of projects hold years and serial numbers.
    units = {q.unit: (format(q.value, "f"), draft.goal[start:end]) for q, (start, end) in quantity.find(draft.goal)}
    candidates = []
    for i, score in pool.found.values():
        c = _Candidate(i, score / top, score / top, [])
        if i.use and i.use.use in confidence:
            c.score += shares.use * min(1.0, 2 * confidence[i.use.use])
            if confidence[i.use.use] >= SURE:
                c.why.append(f"属于推断用途“{i.use.use}”")
        elif i.kind is Kind.COMMON and i.theme in themes:
            sure, word = themes[i.theme]
            c.score += shares.theme * sure
            c.why.append(f"共性指标：“{word}”说明这是{i.theme}类项目")
        elif i.kind is Kind.COMMON and i.theme == project_types.GENERAL:
            c.score += shares.theme / 3
            c.why.append("共性指标：各类项目通用")
        candidates.append(c)
    for unit, (value, words) in units.items():
        # A figure of the goal belongs to the one or two indicators nearest to it, not to all of its unit.
        counted = [c for c in candidates if c.indicator.unit == unit and c.indicator.category.short == "数量"]
        for c in sorted(counted, key=lambda c: -c.score)[:2]:
            if c.lexical >= EVIDENCE:
                c.score += shares.quantity
                c.value = value
                c.why.append(f"目标中的“{words}”可作为指标值")
    return candidates


def _cover(candidates: Sequence[_Candidate], chosen: Sequence[Indicator], limit: int) -> list[_Candidate]:
    """The best candidates of each category up to its share of a balanced table, no two alike, then the best of all."""
    # A fifth of the room is for the common indicators of the project's type: specific ones alone would fill it.
    room = {Kind.COMMON: limit // 5, Kind.SPECIFIC: limit - limit // 5}
    names = [i.name for i in chosen]
    have = {c.level2: sum(i.category is c for i in chosen) for c in CATEGORIES}
    ids = {i.id for i in chosen}
    picked: list[_Candidate] = []
    for fill in (True, False):
        for c in candidates:
            if len(picked) >= limit:
                break
            level2, name = c.indicator.category.level2, c.indicator.name
            share = max(1, round(SHAPE[level2] * limit / 20)) if SHAPE[level2] else 0
            if c.indicator.id in ids or (fill and (have[level2] >= share or room[c.indicator.kind] <= 0)):
                continue
            if not fill and (c.lexical == 0 or have[level2] >= share + 3):
                continue
            if c.lexical < EVIDENCE and level2 not in REQUIRED:
                continue
            if any(fuzz.ratio(name, other) >= ALIKE for other in names):
                continue
            ids.add(c.indicator.id)
            names.append(name)
            have[level2] += 1
            room[c.indicator.kind] -= 1
            picked.append(c)
    return sorted(picked, key=lambda c: (-c.score, c.indicator.code))


def _words(plan: Plan, parts: Sequence[Part]) -> list[str]:
    """Up to three of the draft's words that this record's score rests on, and where they stand."""
    strongest: dict[int, Part] = {}
    for part in parts:
        if part.field != "chars":
            strongest.setdefault(part.unit, part)
    best = sorted(strongest.values(), key=lambda part: -part.score)[:3]
    return [search.why(plan, best).removesuffix("。")] if best else []


def _coverage(chosen: Sequence[Indicator], items: Sequence[Suggested]) -> tuple[Coverage, ...]:
    return tuple(
        Coverage(
            category=c,
            chosen=sum(i.category is c for i in chosen),
            suggested=sum(s.indicator.category is c for s in items),
            required=c.level2 in REQUIRED,
        )
        for c in CATEGORIES
    )


def _missing(chosen: Sequence[Indicator]) -> tuple[str, ...]:
    """What a complete table still lacks, a sentence each; any benefit will do for benefit."""
    have = {i.category.level2 for i in chosen}
    lacking = []
    for level2 in REQUIRED:
        if level2 == "社会效益指标":
            if not have & set(BENEFITS):
                lacking.append("还没有效益指标：至少写一条经济、社会、生态效益或可持续影响。")
        elif level2 not in have:
            lacking.append(f"还没有{level2}。")
    return tuple(lacking)


def _passages(store: Store, view: View, scope: Scope, plan: Plan, actor: Actor) -> tuple[Found, ...]:
    ranked = view.engine("policies", scope).search(
        Plan(plan.units, (), min(3, len(plan.units))), scope, {}, limit=3, counts=False
    )
    return tuple(policies.fetch(store, ranked.ids, actor))
