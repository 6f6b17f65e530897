"""Run a query for a person: edition, filters, counts, highlights, and in one sentence why each hit is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from corpus import experts, indicators, policies
from corpus.access import Actor, Right, Scope, require, visible
from corpus.errors import BadInput
from corpus.model import Expert, Indicator
from corpus.policies import Found
from corpus.store import Store
from corpus.text import fold, han, is_latin, spans
from indexer import query
from indexer.analysis import STOP_WORDS, characters
from indexer.documents import SCHEMAS
from indexer.engine import NO_UNIT, Part, Plan, Ranked, Term, Unit
from indexer.live import View, Views

MAX_SIZE = 100
# With fewer hits than this by words, what is near in meaning is let in: so many of the nearest.
FEW, MEANT = 20, 40
SORTS = ("score", "code", "name", "-updated")
FIELD_WORDS = {
    "name": "名称",
    "keywords": "关键词",
    "class": "分类",
    "category": "指标类别",
    "body": "解释或数据来源",
    "chars": "名称",
    "code": "代码",
    "text": "正文",
    "path": "标题",
    "title": "文件名",
    "fields": "专业领域",
    "organisation": "单位",
    "position": "职称或类别",
    "number": "文号",
    "cited": "引用的文号",
}
POLICY_WORDS = FIELD_WORDS | {"chars": "正文"}
EXPERT_WORDS = FIELD_WORDS | {"name": "姓名", "chars": "姓名"}
Record = TypeVar("Record", Indicator, Found, Expert)


@dataclass(frozen=True, slots=True)
class Query:
    """What a person asks: text, filters by facet (several values of one facet are alternatives), page and order."""

    text: str = ""
    filters: Mapping[str, Sequence[str]] = ()  # type: ignore[assignment]
    page: int = 1
    size: int = 20
    sort: str = "score"


@dataclass(frozen=True, slots=True)
class Hit(Generic[Record]):
    """A record found: its score, where to mark which of its texts, and one sentence that says why it is here."""

    record: Record
    score: float
    highlight: Mapping[str, list[tuple[int, int]]]
    why: str

    def as_json(self) -> dict[str, object]:
        """The record's own JSON and what the search says of it; spans are (start, end) in the text as written."""
        highlight = {name: [list(span) for span in found] for name, found in self.highlight.items()}
        found = self.record.as_json()
        found.update(score=self.score, highlight=highlight, why=self.why)
        return found


@dataclass(frozen=True, slots=True)
class Results(Generic[Record]):
    """A page of hits with exact totals and facet counts.

    ``did_you_mean`` is a better wording; when nothing was found for the reader's own, ``used`` is the wording that
    these hits answer. ``relaxed`` says that not all words had to be met.
    """

    total: int
    page: int
    size: int
    generation: str
    hits: tuple[Hit[Record], ...]
    facets: Mapping[str, Mapping[str, int]]
    did_you_mean: str | None
    used: str | None
    relaxed: bool

    def as_json(self) -> dict[str, object]:
        """The contract's answer to a search."""
        return {
            "total": self.total,
            "page": self.page,
            "size": self.size,
            "generation": self.generation,
            "items": [hit.as_json() for hit in self.hits],
            "facets": {
                name: [{"value": value, "count": count} for value, count in found.items()]
                for name, found in self.facets.items()
            },
            "did_you_mean": self.did_you_mean,
            "used": self.used,
            "relaxed": self.relaxed,
        }


@dataclass(frozen=True, slots=True)
class _Kind(Generic[Record]):
    """How the records of a kind are read, named and marked."""

    name: str
    fetch: Callable[[Store, Sequence[str], Actor], list[Record]]
    key: Callable[[Record], str]
    texts: Callable[[Record], dict[str, str]]
    words: Mapping[str, str]


_INDICATORS: _Kind[Indicator] = _Kind(
    "indicators",
    indicators.fetch,
    lambda i: i.id,
    lambda i: {"name": i.name, "definition": i.definition, "keywords": "、".join(i.keywords)},
    FIELD_WORDS,
)
_POLICIES: _Kind[Found] = _Kind(
    "policies",
    policies.fetch,
    lambda f: policies.passage_id(f.policy.id, f.passage.ordinal),
    lambda f: {"text": f.passage.text},
    POLICY_WORDS,
)
_EXPERTS: _Kind[Expert] = _Kind(
    "experts",
    experts.fetch,
    lambda e: e.id,
    lambda e: {"name": e.name, "organisation": e.organisation},
    EXPERT_WORDS,
)


def search_indicators(store: Store, live: Views, asked: Query, actor: Actor) -> Results[Indicator]:
    """Indicators for a query. Raises BadInput, naming the field."""
    return _search(store, live, _INDICATORS, asked, actor)


def search_policies(store: Store, live: Views, asked: Query, actor: Actor) -> Results[Found]:
    """Policy passages for a query, each with its citation."""
    return _search(store, live, _POLICIES, asked, actor)


def search_experts(store: Store, live: Views, asked: Query, actor: Actor) -> Results[Expert]:
    """Experts for a query. Raises NotSignedIn for the public."""
    require(actor, Right.EXPERTS)
    return _search(store, live, _EXPERTS, asked, actor)


def _search(store: Store, live: Views, kind: _Kind[Record], asked: Query, actor: Actor) -> Results[Record]:
    filters = _check(kind.name, asked)
    view = live.view()
    scope = visible(actor)
    engine = view.engine(kind.name, scope)

    def run(plan: Plan) -> Ranked:
        offset = (asked.page - 1) * asked.size
        sort = asked.sort if asked.text.strip() or asked.sort != "score" else "code"
        offset = min(offset, 1_000_000)
        return engine.search(plan, scope, filters, offset=offset, limit=asked.size, sort=sort)

    plan, used, relaxed = read(view, asked.text), None, False
    numbered = query.number_plan(asked.text, view.words) if kind.name == "policies" else None
    ranked = run(numbered or plan)
    if numbered and ranked.total:
        plan = numbered
    elif numbered:
        ranked = run(plan)
    suggestion = None
    fixed = _corrected(view, asked.text, run)
    if fixed is not None and (better := run(corrected := read(view, fixed))).total:
        plan, ranked, used, suggestion = corrected, better, fixed, fixed
    elif ranked.total and _unread(plan, asked.text):
        suggestion = view.completer.correct(asked.text)
    if ranked.total < FEW and (wider := query.loosened(plan)):
        plan, ranked = wider, run(wider)
    if not ranked.total and plan.units:
        suggestion = view.completer.correct(asked.text)
        for attempt, wording, loose in _second_tries(view, asked.text, plan, suggestion):
            ranked = run(attempt)
            if ranked.total:
                plan, used, relaxed = attempt, wording, loose
                break
    if kind.name == "indicators" and asked.sort == "score":
        meant = _meant(view, scope, used or asked.text, plan, ranked)
        if meant:
            plan, ranked = meant, run(meant)
    records = {kind.key(record): record for record in kind.fetch(store, ranked.ids, actor)}
    parts = engine.explain(plan, ranked.ids)
    needles = _needles(plan)
    hits = tuple(
        Hit(records[id], score, _highlights(needles, kind.texts(records[id])), why(plan, found, kind.words))
        for id, score, found in zip(ranked.ids, ranked.scores, parts, strict=True)
        if id in records
    )
    return Results(
        total=ranked.total,
        page=asked.page,
        size=asked.size,
        generation=view.generation,
        hits=hits,
        facets=ranked.facets,
        did_you_mean=suggestion,
        used=used,
        relaxed=relaxed,
    )


def _unread(plan: Plan, text: str) -> bool:
    """Whether a Han character of the text stands in no unit: it was passed over, and may have been mistyped."""
    read = {c for unit in plan.units for c in unit.label}.union(STOP_WORDS, *plan.literals)
    return any(han(c) and c not in read for c in fold(text))


def _corrected(view: View, text: str, run: Callable[[Plan], Ranked]) -> str | None:
    """The text without typing errors, where it has one that no record has as it was typed."""
    fixed = text
    wanted = view.settings.query.spelling and not is_latin(text)
    for typed, meant in view.spelling.corrections(text) if wanted else ():
        if not run(Plan((), (tuple(typed),))).total:
            fixed = fold(fixed).replace(typed, meant, 1)
    return None if fixed == text else fixed


def _meant(view: View, scope: Scope, text: str, plan: Plan, ranked: Ranked) -> Plan | None:
    """The plan with points for what is near in meaning, and open to it where the words found little; or nothing.

    The nearest of all gets a share of the best lexical score, the middle one of the library none.
    """
    if view.meaning is None or not view.settings.query.meaning or not plan.units or plan.literals or is_latin(text):
        return None
    near = likeness(view, text, scope, MEANT)
    if not near:
        return None
    best = view.engine("indicators", scope).search(replace(plan, near=()), scope, {}, limit=1, counts=False).scores
    share = view.settings.query.meaning * (best[0] if best else 1.0)
    points = tuple((id, share * likeness) for id, likeness in near)
    # Who names a category does not want others, however near.
    named = any(map(query.names_category, plan.units))
    return replace(plan, near=points, widens=ranked.total < FEW and not named)


def likeness(view: View, text: str, scope: Scope, limit: int) -> list[tuple[str, float]]:
    """The records nearest in meaning to a text, best first: 1 for the nearest of all, 0 for the library's middle."""
    if view.meaning is None:
        return []
    ids, cosines = view.meaning.scores(text, scope)
    if not ids:
        return []
    middle, most = float(np.median(cosines)), float(cosines.max())
    order = np.lexsort((np.array(ids), -cosines))[:limit].tolist()
    near = [(ids[n], round((float(cosines[n]) - middle) / ((most - middle) or 1.0), 6)) for n in order]
    return [(id, how) for id, how in near if how > 0]


def read(view: View, text: str) -> Plan:
    """The plan for a reader's text: Latin input may be pinyin, everything else is words."""
    query.check(text)
    if is_latin(text):
        meant = view.completer.sounds(text)
        if meant:
            label = text.strip()
            terms = [Term(fold(label)), *(Term(t, 1.0 if n == 0 else 0.5, reason=f"拼音“{label}”")
                                          for n, t in enumerate(meant))]  # fmt: skip
            return Plan((Unit(label, tuple(terms)),), (), 1)
    return query.plan(text, view.words)


def _second_tries(view: View, text: str, plan: Plan, suggestion: str | None) -> list[tuple[Plan, str | None, bool]]:
    """What to try when nothing was found, in turn: the very characters, the likely wording, fewer of the words."""
    tries: list[tuple[Plan, str | None, bool]] = []
    typed = tuple(characters("".join(unit.label for unit in plan.units)))
    if not plan.literals and 1 <= len(typed) <= 20:
        tries.append((replace(plan, literals=(typed,), need=0), None, False))
    if is_latin(text):
        meant = view.completer.complete(text, 1)
        if meant:
            tries.append((query.plan(meant[0].text, view.words), meant[0].text, False))
    if suggestion:
        tries.append((query.plan(suggestion, view.words), suggestion, False))
    if plan.need > 1:
        tries.append((replace(plan, need=1), None, True))
    return tries


def _check(kind: str, asked: Query) -> dict[str, Sequence[str]]:
    if asked.page < 1:
        raise BadInput("页码从 1 开始，请修改。", field="page")
    if not 1 <= asked.size <= MAX_SIZE:
        raise BadInput(f"每页条数须在 1 到 {MAX_SIZE} 之间，请修改。", field="size")
    if asked.sort not in SORTS or (kind != "indicators" and asked.sort not in SORTS[:2]):
        raise BadInput(f"排序方式须为 {'、'.join(SORTS)} 之一，请修改。", field="sort")
    filters = dict(asked.filters or {})
    for name in filters:
        if name not in SCHEMAS[kind].facets:
            raise BadInput(f"没有“{name[:20]}”这个筛选项，请去掉。", field=name[:20])
    return {name: values for name, values in filters.items() if values}


def why(plan: Plan, parts: Sequence[Part], words: Mapping[str, str] = FIELD_WORDS) -> str:
    """One sentence from the parts that made the score: which words stand where, and by way of what."""
    held: dict[int, list[Part]] = {}
    for part in parts:
        held.setdefault(part.unit, []).append(part)
    near = held.pop(NO_UNIT, None)
    clauses = told([part for number in sorted(held) for part in _best(plan.units[number], held[number])], words)
    wordless = not clauses
    clauses += [f"原文含“{''.join(literal)}”" for literal in plan.literals]
    if near and (wordless or near[0] is parts[0]):
        clauses.append("与所写的意思相近")
    return "；".join(clauses) + "。" if clauses else "按代码顺序列出。"


def told(parts: Iterable[Part], words: Mapping[str, str] = FIELD_WORDS) -> list[str]:
    """By field, in words, which words stand in it."""
    said: dict[str, dict[str, None]] = {}
    for _, (text, _, _, reason, _), field, _ in parts:
        label = f"“{text}”（{reason}）" if reason else f"“{text}”"
        said.setdefault(words.get(field, field), {})[label] = None
    return [f"{field}含{'、'.join(labels)}" for field, labels in said.items()]


def _best(unit: Unit, parts: Sequence[Part]) -> Iterable[Part]:
    """Where a unit is met as a whole, its largest part; else the largest of each of its pieces."""
    if not unit.parts:
        return parts[:1]
    found: dict[Term, Part] = {}
    for part in parts:
        if part.term not in unit.parts:
            return [part]
        found.setdefault(part.term, part)
    return found.values()


def _needles(plan: Plan) -> set[str]:
    """The words of a plan that are marked in the texts."""
    needles = {
        term.text
        for unit in plan.units
        for term in (*unit.terms, *unit.parts)
        if len(term.text) > 1 or len(unit.label) == 1
    }
    return needles.union("".join(literal) for literal in plan.literals)


def _highlights(needles: set[str], texts: Mapping[str, str]) -> dict[str, list[tuple[int, int]]]:
    """Where they stand in the texts as they were written."""
    return {name: found for name, text in texts.items() if (found := spans(text, needles))}
