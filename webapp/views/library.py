"""The library: search with facets, and the page of one indicator."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from corpus import indicators
from corpus.errors import NotFound
from corpus.model import Indicator, Kind
from indexer.search import Hit, Query, Results, search_indicators, search_policies
from webapp.services import actor, services
from webapp.views import shared

bp = Blueprint("library", __name__)
bp.add_app_template_filter(shared.excerpt)

FACETS = {
    "domain": "领域",
    "industry": "行业",
    "use": "用途",
    "kind": "性质",
    "level1": "一级指标",
    "level2": "二级指标",
    "unit": "计量单位",
    "owner": "来源部门",
    "theme": "共性主题",
}
KIND_NAMES = {Kind.SPECIFIC.value: "个性指标", Kind.COMMON.value: "共性指标"}
SORT_NAMES = {"score": "相关度", "code": "代码", "name": "名称", "-updated": "最近更新"}
RELATED = 8


def _search(query: Query) -> Results[Indicator]:
    return search_indicators(services().store, services().live, query, actor())


@bp.get("/")
def index() -> str:
    """The search page; it works without JavaScript, and htmx swaps ``#results`` when there is some."""
    text = request.args.get("q", "").strip()
    sort = request.args.get("sort", "") or "score"
    filters = shared.chosen(list(FACETS))
    asked = Query(text=text, filters=filters, page=shared.page_number(), sort=sort)
    results = _search(asked)
    current: dict[str, Any] = {"q": text, **filters, "sort": sort if sort != "score" else ""}
    # Without a query there is nothing to be relevant to: such a list is in the order of the codes.
    names = SORT_NAMES if text else {"score": SORT_NAMES["code"], **{k: SORT_NAMES[k] for k in ("name", "-updated")}}
    return render_template(
        "library.html",
        q=text,
        sort=sort,
        sorts=[(key, name, shared.address("/", {**current, "sort": key if key != "score" else ""}))
               for key, name in names.items()],
        filters=filters,
        facets=shared.facets(_search, asked, results, FACETS, current, path="/", labels={"kind": KIND_NAMES}),
        results=results,
        pager=shared.pager(results, current, path="/"),
        unfiltered=shared.address("/", {"q": text, "sort": current["sort"]}),
    )  # fmt: skip


@bp.get("/indicators/<id>")
def indicator(id: str) -> str:
    """Everything about one indicator, its neighbours, and the policy passages that speak of it."""
    store, live = services().store, services().live
    found = indicators.get(store, id, actor())
    near = {"use": [found.use.use]} if found.use else {"kind": [Kind.COMMON.value], "theme": [found.theme]}
    near = {name: [v for v in values if v] for name, values in near.items()}
    same = _search(Query(filters={**near, "level2": [found.category.level2]}, size=RELATED + 1, sort="code"))
    whole = _search(Query(filters=near, size=RELATED + 1, sort="code"))
    passages = search_policies(store, live, Query(text=found.name[:100], size=3), actor())
    return render_template(
        "indicator.html",
        i=found,
        kind_name=KIND_NAMES[found.kind.value],
        successor=_successor(found),
        related=_others(found, [*same.hits, *whole.hits]),
        near_total=whole.total,
        near_url=shared.address("/", near),
        # Passages that meet a few of its words only, or other words, back nothing.
        passages=() if passages.relaxed or passages.used else passages.hits,
    )


def _others(found: Indicator, hits: list[Hit[Indicator]]) -> list[Indicator]:
    """The neighbours of an indicator, each once; those of its own category come first."""
    by_id = {hit.record.id: hit.record for hit in hits if hit.record.id != found.id}
    return list(by_id.values())[:RELATED]


def _successor(found: Indicator) -> Indicator | None:
    """What replaced a retired indicator, when the reader may see it."""
    if not found.replaced_by:
        return None
    try:
        return indicators.get(services().store, found.replaced_by, actor())
    except NotFound:
        return None
