"""Indicator tables -> plan -> preview -> apply: one code path for a user's file and for the shipped library."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from corpus import indicators
from corpus.errors import Conflict
from corpus.indicators import Codes, indicator_id
from corpus.model import Indicator, Owner, Use, Visibility
from corpus.readers.tables import Row
from corpus.rows import Problem, named, read_row
from corpus.store import Store

# The kind of the budget units that came with imported records.
IMPORTED = "导入"


@dataclass(slots=True)
class Plan:
    """What an import would do. ``problems`` names every bad row; the others are in ``new``, ``changed``, ``same``.

    ``uses`` and ``owners`` are those that the library does not have yet and that the import would add.
    """

    new: list[Indicator] = field(default_factory=list)
    changed: list[Indicator] = field(default_factory=list)
    same: list[Indicator] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    owners: list[Owner] = field(default_factory=list)

    def summary(self) -> str:
        """The preview in one sentence."""
        added = f"，新增用途 {len(self.uses)} 个" if self.uses else ""
        added += f"，新增预算单位 {len(self.owners)} 个" if self.owners else ""
        return (
            f"新增 {len(self.new)} 条，修改 {len(self.changed)} 条，无变化 {len(self.same)} 条，"
            f"有问题 {len(self.problems)} 处{added}"
        )


def plan(store: Store, rows: Iterable[Row], *, origin: str) -> Plan:
    """Check every row and say what applying it would do; writes nothing.

    A row with a code that is in the library changes that record; one with the same name, category, use and
    visibility does too; any other is new and gets the next free code.
    """
    result = Plan()
    uses = {_path(u): u for u in indicators.uses(store)}
    owners = {o.name for o in indicators.owners(store)}
    by_code: dict[str, Indicator] = {}
    by_meaning: dict[tuple[str, ...], Indicator] = {}
    for i in indicators.everything(store):
        by_code[i.code] = by_meaning[_meaning(i)] = i
    read = [(row.place, *read_row(named(row.cells), row.place)) for row in rows]
    codes = Codes(store, reserved=(asked.code for _, asked, _ in read if asked))
    public = {_path(asked.use) for _, asked, _ in read if asked and asked.use and asked.visibility is Visibility.PUBLIC}
    seen: dict[str, str] = {}
    for place, asked, problems in read:
        if asked is None:
            result.problems.extend(problems)
            continue
        draft = asked
        if draft.use:
            path = _path(draft.use)
            new = Use(_use_code(uses.values(), draft.use, sealed=path not in public), *path)
            draft = replace(draft, use=uses.get(path) or new)
        old = by_code.get(draft.code) if draft.code else by_meaning.get(_meaning(draft))
        code = old.code if old else draft.code or codes.take(draft.category, draft.visibility)
        if code in seen:
            result.problems.append(Problem(place, "name", f"与{seen[code]}重复，请只保留一行。"))
            continue
        seen[code] = place
        if draft.use and _path(draft.use) not in uses:
            uses[_path(draft.use)] = draft.use
            result.uses.append(draft.use)
        if draft.owner not in owners:
            owners.add(draft.owner)
            result.owners.append(Owner(draft.owner, IMPORTED, draft.use.domain if draft.use else ""))
        if old is None:
            record = replace(draft, id=indicator_id(code), code=code, origin=origin)
            by_meaning[_meaning(record)] = record
            result.new.append(record)
            continue
        record = replace(
            draft, id=old.id, code=old.code, origin=old.origin, status=old.status, replaced_by=old.replaced_by,
            revision=old.revision, updated=old.updated,
        )  # fmt: skip
        (result.same if record == old else result.changed).append(record)
    return result


def apply(store: Store, plan: Plan, *, actor: str, source: str) -> int:
    """Write what the plan holds, all or nothing; returns how many records were written.

    Raises Conflict when the library has moved on since the plan was made, so that it overwrites nobody's work.
    """
    records = plan.new + plan.changed
    if records:
        with store.writing():
            now = {i.id: i.revision for i in indicators.everything(store)}
            uses = {u.code: u for u in indicators.uses(store)}
            if any(now.get(i.id, 0) != i.revision for i in records) or any(uses.get(u.code, u) != u for u in plan.uses):
                raise Conflict("检查之后指标库又有变化，请重新检查这份表格后再导入。", field="file")
            indicators.add_taxonomy(store, plan.uses, plan.owners)
            indicators.put(store, records, actor=actor, action="import", detail=f"{source}：{plan.summary()}")
    return len(records)


def _meaning(i: Indicator) -> tuple[str, ...]:
    return (i.name, i.category.code, i.use.code if i.use else i.theme, i.visibility.value)


def _path(use: Use) -> tuple[str, str, str]:
    return (use.domain, use.industry, use.use)


def _use_code(uses: Iterable[Use], wanted: Use, *, sealed: bool = False) -> str:
    """The next free code beside its relatives: three digits of domain, two of industry, two of use.

    ``sealed`` uses, which restricted records alone bring along, count from the middle of each range: the codes of the
    others show no gap where they stand.
    """
    taken = {u.code for u in uses}
    related = [u for u in uses if u.domain == wanted.domain]
    domain = next((u.code[:3] for u in related), "") or _next("", 3, taken, first=951 if sealed else 901)
    first = 51 if sealed else 1
    industry = next((u.code[:5] for u in related if u.industry == wanted.industry), "")
    industry = industry or _next(domain, 5, taken, first=first)
    return _next(industry, 7, taken, first=first)


def _next(prefix: str, width: int, taken: set[str], *, first: int) -> str:
    used = {code[:width] for code in taken}
    serial = first
    while (code := f"{prefix}{serial:0{width - len(prefix)}d}") in used:
        serial += 1
    return code
