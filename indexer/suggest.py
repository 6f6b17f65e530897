"""A goal being drafted -> the uses it belongs to, a covering set of indicators with reasons, what is still missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from corpus import indicators, policies
from corpus.access import Actor, visible
from corpus.errors import BadInput
from corpus.model import CATEGORIES, Category, Indicator, teller
from corpus.policies import Found
from corpus.store import Store
from indexer import candidates, query, search
from indexer.candidates import REQUIRED, Candidates, InferredUse
from indexer.engine import Plan
from indexer.live import View, Views

# So many of the draft's words are named as reasons.
WORDS = 3
MAX_PROJECT, MAX_GOAL, MAX_CHOSEN, MAX_LIMIT = 200, 5000, 200, 60
_unit = attrgetter("unit")
# What of an indicator is for taking it over.
told = teller((
    "id", "code", "name", "kind", "level1", "level2", "domain", "industry", "use", "theme", "definition", "operator",
    "unit", "reference", "reference_kind", "visibility",
))  # fmt: skip
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


class Suggested(NamedTuple):
    """An indicator to take over, and true reasons for it; ``value`` is the goal's own figure for it, or empty."""

    indicator: Indicator
    score: float
    why: tuple[str, ...]
    value: str = ""

    def as_json(self) -> dict[str, object]:
        """What of the indicator is for taking it over, and what is said of it."""
        return told(self.indicator) | self.said()

    def said(self) -> dict[str, object]:
        """What is said of the indicator under this draft alone."""
        return {"score": self.score, "why": list(self.why), "value": self.value}


class Coverage(NamedTuple):
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

    def as_json(self, item: Callable[[Suggested], object] = Suggested.as_json) -> dict[str, object]:
        """The contract's answer to a draft; ``item`` gives the JSON of each suggestion."""
        return {
            "uses": [
                {"domain": u.use.domain, "industry": u.use.industry, "use": u.use.use, "confidence": u.confidence}
                for u in self.uses
            ],
            "items": [*map(item, self.items)],
            "coverage": {
                c.category.level2: {"chosen": c.chosen, "suggested": c.suggested, "required": c.required}
                for c in self.coverage
            },
            "missing": list(self.missing),
            "policies": [found.as_json() for found in self.policies],
            "generation": self.generation,
        }


def suggest(store: Store, live: Views, draft: Draft, actor: Actor) -> Suggestions:
    """Suggestions for a draft; an empty draft gets an empty set. Raises BadInput, naming the field."""
    _check(draft)
    view = live.view()
    chosen = indicators.fetch(store, draft.chosen, actor)
    picked = _picked(store, draft, actor)
    plan = query.draft([*query.project_parts(draft.project), (draft.goal, 1.0)], view.words)
    if not plan.units and not picked:
        return Suggestions((), (), _coverage(chosen, ()), _missing(chosen), (), view.generation)
    project = query.matter(draft.project)
    pool = candidates.Pool(store, view, actor, plan, f"{project}：{draft.goal}")
    uses = picked or candidates.infer(pool)
    found = candidates.of_draft(pool, uses, project, draft.goal, draft.chosen)
    if pool.settings.cover:
        places = candidates.cover(found, chosen, draft.limit)
    else:
        places = [*range(min(draft.limit, len(found.numbers)))]
    items = _shown(store, actor, pool, found, places)
    passages = _passages(store, view, plan, actor)
    return Suggestions(tuple(uses), items, _coverage(chosen, items), _missing(chosen), passages, view.generation)


def _shown(
    store: Store, actor: Actor, pool: candidates.Pool, found: Candidates, places: Sequence[int]
) -> tuple[Suggested, ...]:
    """The candidates at those places, each read in the reader's name, whoever looked at it before.

    Why starts with up to three of the draft's words that the score rests on, and where they stand.
    """
    rows = found.at(places)
    ids = [found.named[n].id for n, _, _ in rows]
    seen = {i.id: i for i in indicators.fetch(store, ids, actor)}
    explained = pool.engine.explain(pool.plan, ids, most=WORDS)
    items = []
    for id, (n, score, reasons), parts in zip(ids, rows, explained, strict=True):
        if id in seen:
            parts.sort(key=_unit)
            why = ("；".join(search.told(parts)), *reasons) if parts else reasons
            items.append(Suggested(seen[id], round(score, 4), why, found.values.get(n, "")))
    return tuple(items)


def _picked(store: Store, draft: Draft, actor: Actor) -> list[InferredUse]:
    """The use that the department picked, which is sure; or none."""
    if draft.use is None:
        return []
    found = [u for u in indicators.visible_uses(store, actor) if u.use == draft.use]
    if not found:
        raise BadInput(f"没有“{draft.use[:30]}”这个用途，请从分类中选择。", field="use")
    return [InferredUse(found[0], 1.0)]


def _check(draft: Draft) -> None:
    for field, text, most in (("project", draft.project, MAX_PROJECT), ("goal", draft.goal, MAX_GOAL)):
        if len(text) > most:
            raise BadInput(f"文字过长（{len(text)} 字），请控制在 {most} 字以内。", field=field)
    if len(draft.chosen) > MAX_CHOSEN:
        raise BadInput(f"已选指标超过 {MAX_CHOSEN} 条，请删减。", field="chosen")
    if not 1 <= draft.limit <= MAX_LIMIT:
        raise BadInput(f"建议条数须在 1 到 {MAX_LIMIT} 之间，请修改。", field="limit")


def _coverage(chosen: Sequence[Indicator], items: Sequence[Suggested]) -> tuple[Coverage, ...]:
    have = [i.category.code for i in chosen]
    more = [item.indicator.category.code for item in items]
    return tuple([Coverage(c, have.count(c.code), more.count(c.code), c.level2 in REQUIRED) for c in CATEGORIES])


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


def _passages(store: Store, view: View, plan: Plan, actor: Actor) -> tuple[Found, ...]:
    scope = visible(actor)
    ranked = view.engine("policies", scope).search(
        Plan(plan.units, (), min(3, len(plan.units))), scope, {}, limit=3, counts=False
    )
    return tuple(policies.fetch(store, ranked.ids, actor))
