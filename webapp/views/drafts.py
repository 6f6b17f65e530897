"""Drafting a goal: the page, and the suggestions that follow the typing."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass
from urllib.parse import quote

from flask import Blueprint, Response, render_template, request

from corpus import indicators, seen
from corpus.cells import cell
from corpus.errors import BadInput
from corpus.model import CATEGORIES, Indicator, Visibility
from indexer import meaning
from indexer.suggest import Draft, Suggested, Suggestions, suggest
from webapp.services import actor, services

bp = Blueprint("drafts", __name__)

LIMIT = 20
MAX_CHOSEN = 200
MAX_ROWS = 500
COLUMNS = ("一级指标", "二级指标", "三级指标", "计算符号", "指标值", "计量单位")
CELLS = ("level1", "level2", "name", "operator", "value", "unit")
GROUPS = tuple(dict.fromkeys(c.group for c in CATEGORIES))
# The place of a category in the official form.
RANKS = {c.level2: n for n, c in enumerate(CATEGORIES)}


@dataclass(frozen=True, slots=True)
class Group:
    """A column of the coverage strip with its suggestions; each suggestion has its number on the page."""

    name: str
    chosen: int
    suggested: int
    required: bool
    items: tuple[tuple[int, Suggested], ...]

    @property
    def state(self) -> str:
        """``covered``, ``missing`` (a complete table must have it) or ``open``."""
        return "covered" if self.chosen else "missing" if self.required else "open"


@bp.app_template_global("row_json")
def row_json(i: Indicator, value: str = "") -> str:
    """An indicator as the table of the drafting page takes it over, with the goal's own figure where it has one."""
    row = {
        "id": i.id,
        "level1": i.category.level1,
        "level2": i.category.level2,
        "rank": RANKS[i.category.level2],
        "name": i.name,
        "operator": i.operator.value,
        "value": value or i.reference,
        "unit": i.unit,
        "restricted": i.visibility.value == "restricted",
    }
    return json.dumps(row, ensure_ascii=False)


@bp.app_template_global("meaning_status")
def meaning_status() -> str:
    """Whether likeness of meaning counts at present, in words; for every page that ranks."""
    return meaning.status(services().live.view())


@bp.get("/draft")
def index() -> str:
    """The drafting page; ``?chosen=`` names indicators to put into the table."""
    wanted = request.args.getlist("chosen")[:MAX_CHOSEN]
    return render_template(
        "draft.html",
        added=indicators.fetch(services().store, wanted, actor()),
        columns=COLUMNS,
        ranks=list(RANKS),
    )


@bp.post("/draft/suggestions")
def suggestions() -> str:
    """The fragment at the right of the drafting page."""
    form = request.form
    draft = Draft(
        project=form.get("project", ""),
        goal=form.get("goal", ""),
        budget=budget(form.get("budget", "")),
        use=form.get("use") or None,
        chosen=tuple(dict.fromkeys(form.getlist("chosen")[:MAX_CHOSEN])),
        limit=LIMIT,
    )
    found = suggest(services().store, services().live, draft, actor())
    blank = not (draft.project.strip() or draft.goal.strip())
    return render_template("_suggestions.html", found=found, groups=grouped(found), pinned=draft.use, blank=blank)


@bp.post("/draft/table.csv")
def table() -> Response:
    """The goal table as a CSV file that office programs open as it is."""
    cells = [request.form.getlist(name)[:MAX_ROWS] for name in CELLS]
    if len({len(column) for column in cells}) != 1:
        raise BadInput("绩效目标表各列的行数不一致，请刷新页面后重试。", field="rows")
    taken = indicators.fetch(services().store, request.form.getlist("id")[:MAX_ROWS], actor())
    restricted = [f"indicators:{i.id}" for i in taken if i.visibility is Visibility.RESTRICTED]
    seen.write(services().store, actor(), restricted, memory=None, action="form")
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(map(cell, row) for row in zip(*cells, strict=True))
    return Response(
        "\ufeff" + out.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename=goal.csv; filename*=UTF-8''{quote('绩效目标表.csv')}"},
    )


def budget(text: str) -> float | None:
    """The budget in 万元, None when nothing is written. Raises BadInput."""
    plain = text.strip().replace(",", "").replace("，", "")
    if not plain:
        return None
    try:
        amount = float(plain)
    except ValueError:
        amount = math.nan
    if not 0 <= amount < 1e12:
        raise BadInput("预算须为不小于 0 的数字，单位为万元，例如 1200 或 86.5。", field="budget")
    return amount


def grouped(found: Suggestions) -> list[Group]:
    """Coverage and suggestions by the headings of the page, numbered from the top down."""
    groups, number = [], 0
    for name in GROUPS:
        items = []
        for item in found.items:
            if item.indicator.category.group == name:
                number += 1
                items.append((number, item))
        parts = [c for c in found.coverage if c.category.group == name]
        groups.append(
            Group(
                name,
                sum(c.chosen for c in parts),
                sum(c.suggested for c in parts),
                any(c.required for c in parts),
                tuple(items),
            )
        )
    return groups
