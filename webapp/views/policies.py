"""Policies: the shelf, search over passages, and the reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request

from corpus import policies
from corpus.model import Passage
from indexer.search import Query, Results, search_policies
from webapp.services import actor, services
from webapp.views import shared

bp = Blueprint("policies", __name__)

FACETS = {"policy": "文件", "issuer": "发文机关", "year": "年份"}


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the outline; it leads to the first passage under it."""

    text: str
    depth: int
    ordinal: int


@dataclass(frozen=True, slots=True)
class Section:
    """A passage with the headings that have to be printed before it."""

    headings: tuple[Heading, ...]
    passage: Passage

    @property
    def table(self) -> list[list[str]]:
        """The cells of a table passage."""
        return [row.split("\t") for row in self.passage.text.split("\n")]


@bp.get("/policies")
def index() -> str:
    """The shelf; with a query, the passages found, each with its citation."""
    store, live = services().store, services().live
    text = request.args.get("q", "").strip()
    filters = shared.chosen(list(FACETS))
    shelf = policies.everything(store, actor())
    if not text and not filters:
        return render_template("policies.html", q="", shelf=shelf, results=None, facets=[], filters={})

    def run(query: Query) -> Results[policies.Found]:
        return search_policies(store, live, query, actor())

    asked = Query(text=text, filters=filters, page=shared.page_number())
    results = run(asked)
    current: dict[str, Any] = {"q": text, **filters}
    titles = {policy.id: policy.title for policy in shelf}
    return render_template(
        "policies.html",
        q=text,
        shelf=shelf,
        results=results,
        facets=shared.facets(run, asked, results, FACETS, current, path="/policies", labels={"policy": titles}),
        filters=filters,
        pager=shared.pager(results, current, path="/policies"),
        unfiltered=shared.address("/policies", {"q": text}),
    )


@bp.get("/policies/<id>")
def reader(id: str) -> str:
    """One document: outline, numbered passages, and the documents it names or is named by."""
    store = services().store
    policy = policies.get(store, id, actor())
    found = sections(policies.passages(store, id))
    return render_template(
        "policy.html",
        policy=policy,
        sections=found,
        outline=[heading for section in found for heading in section.headings],
        citations=policies.citations(store, id, actor()),
        cited_by=policies.cited_by(store, id, actor()),
    )


def sections(passages: list[Passage]) -> list[Section]:
    """Passages with the headings that are new at each of them."""
    found, above = [], ()
    for passage in passages:
        same = 0
        while same < min(len(above), len(passage.path)) and above[same] == passage.path[same]:
            same += 1
        new = tuple(Heading(text, depth, passage.ordinal) for depth, text in enumerate(passage.path) if depth >= same)
        found.append(Section(new, passage))
        above = passage.path
    return found
