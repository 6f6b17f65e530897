"""What people took over from the suggestions: how many persons, by use and indicator, and never who.

A person counts once per use and indicator, so clicking pushes nothing. Nothing is learned from goals that hold
anything restricted, so the counts are those of a library that never had such records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from corpus import indicators
from corpus.access import PUBLIC, Actor, Right, require, visible
from corpus.store import Store, now

KEY = "choices.key"


@dataclass(frozen=True, slots=True)
class Taken:
    """An indicator that ``persons`` different people took over under a use."""

    use: str
    code: str
    name: str
    persons: int


def take(store: Store, use: str, indicator_id: str, actor: Actor, *, chosen: Sequence[str]) -> None:
    """Count that ``actor`` took the indicator over into a draft of the use of that name.

    ``chosen`` are the ids in the draft's table. Unless all of them are indicators in force that anybody may see, and
    the use is one, nothing is written and nothing said: an unknown id is treated as a restricted one, or trying ids
    would tell the two apart. Raises NotSignedIn.
    """
    require(actor, Right.CHOOSE)
    codes = [u.code for u in indicators.visible_uses(store, PUBLIC) if u.use == use]
    ids = list(dict.fromkeys([indicator_id, *chosen]))
    if not codes or len(indicators.fetch(store, ids, PUBLIC)) < len(ids):
        return
    with store.writing() as db:
        # The day is enough to know; the second would name the person to who reads the sign-ins beside it.
        db.conn.execute(
            "insert into choices values (?, ?, ?, ?) on conflict do nothing",
            [codes[0], indicator_id, _person(store, actor, indicator_id), now()[:10]],
        )


def counts(store: Store, uses: Sequence[str]) -> dict[str, int]:
    """By indicator id, how many persons took it over under any of the uses of these names.

    Indicators that are not public, or not in force, any more are left out.
    """
    marks = ", ".join("?" * len(uses))
    rows = store.db.conn.execute(
        "select c.indicator_id, c.persons from (select indicator_id, count(distinct person) as persons from choices "
        f"where use_code in (select code from uses where use in ({marks})) group by indicator_id) c {_STILL}",
        list(uses),
    )
    return dict(rows.fetchall())


def taken(store: Store, actor: Actor) -> list[Taken]:
    """Everything that is counted, for administrators: by use, the most taken first. Raises Forbidden."""
    require(actor, Right.CURATE)
    rows = store.rows(
        f"select c.use_code, i.code, i.name, count(*) as persons from choices c {_STILL} "
        "group by c.use_code, c.indicator_id order by persons desc, i.code"
    )
    by_use: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_use.setdefault(row["use_code"], []).append(row)
    return [
        Taken(use.use, row["code"], row["name"], row["persons"])
        for use in indicators.visible_uses(store, PUBLIC)
        for row in by_use.get(use.code, [])
    ]


def reset(store: Store, actor: Actor, use: str | None = None) -> int:
    """Forget all choices, or those of the use of that name; returns how many there were. Raises Forbidden."""
    require(actor, Right.CURATE)
    where, parameters = ("1", []) if use is None else ("use_code in (select code from uses where use = ?)", [use])
    with store.writing() as db:
        gone = int(db.conn.execute(f"delete from choices where {where}", parameters).rowcount)
        store.audit(actor=actor.name, action="choices.reset", target=use or "choices", detail=f"{gone} 条")
    return gone


# Asked again at every reading: a record may have been made restricted, or retired, since it was taken.
_STILL = f"join indicators i on i.id = c.indicator_id and i.status = 'active' and {visible(PUBLIC).sql('i')[0]}"


def _person(store: Store, actor: Actor, indicator_id: str) -> str:
    """A person as the table knows them: different for each indicator, so that no row leads to another."""
    key = store.value("select value from settings where name = ?", [KEY])
    return blake2b(f"{indicator_id}\0{actor.name}".encode(), key=key, digest_size=16).hexdigest()
