"""A goal being drafted -> the uses it belongs to, a covering set of indicators with reasons, what is still missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpus import indicators, policies
from corpus.access import Actor, visible
from corpus.errors import BadInput
from corpus.model import CATEGORIES, Category, Indicator
from corpus.policies import Found
from corpus.store import Store
from indexer import candidates, query, search
from indexer.candidates import REQUIRED, InferredUse
from indexer.engine import Part, Plan
from indexer.live import View, Views

MAX_PROJECT, MAX_GOAL, MAX_CHOSEN, MAX_LIMIT = 200, 5000, 200, 60
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
    listed = candidates.of_draft(pool, uses, project, draft.goal)
    left = [c for c in listed if c.indicator.id not in draft.chosen]
    items = candidates.cover(left, chosen, draft.limit) if pool.settings.cover else left[: draft.limit]
    explained = pool.engine.explain(plan, [c.indicator.id for c in items])
    found = tuple(
        Suggested(c.indicator, round(c.score, 4), (*_words(plan, parts), *c.why), c.value)
        for c, parts in zip(items, explained, strict=True)
    )
    passages = _passages(store, view, plan, actor)
    return Suggestions(tuple(uses), found, _coverage(chosen, found), _missing(chosen), passages, view.generation)


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


def _passages(store: Store, view: View, plan: Plan, actor: Actor) -> tuple[Found, ...]:
    scope = visible(actor)
    ranked = view.engine("policies", scope).search(
        Plan(plan.units, (), min(3, len(plan.units))), scope, {}, limit=3, counts=False
    )
    return tuple(policies.fetch(store, ranked.ids, actor))
