"""Which edition a data folder holds: one that was exported as the open edition takes nothing restricted."""

from __future__ import annotations

from collections.abc import Iterable

from corpus.errors import Conflict
from corpus.model import Indicator, Policy, Visibility
from corpus.store import Store

_NAME, _OPEN = "edition", "open"


def mark_open(store: Store) -> None:
    """Make it the open edition, for good."""
    with store.writing() as db:
        db.conn.execute("insert or replace into settings (name, value) values (?, ?)", [_NAME, _OPEN])


def is_open(store: Store) -> bool:
    """Whether the folder was exported as the open edition."""
    return bool(store.value("select value from settings where name = ?", [_NAME]) == _OPEN)


def admit(store: Store, records: Iterable[Indicator | Policy]) -> None:
    """Raises Conflict when a restricted record would come into the open edition: to be asked before every write."""
    if any(r.visibility is not Visibility.PUBLIC for r in records) and is_open(store):
        raise Conflict(
            "公开版数据目录不能存放不可公开的记录，请去掉这些记录，或导入完整版的数据目录。", field="visibility"
        )
