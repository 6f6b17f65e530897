"""Why somebody sees a record or does not, for administrators."""

from __future__ import annotations

from corpus import indicators, people, policies
from corpus.access import PUBLIC, Actor, Right, explain, require
from corpus.errors import NotFound
from corpus.model import Indicator, Policy, Status
from corpus.store import Store


def why(store: Store, asker: Actor, name: str, record: str) -> tuple[Indicator | Policy, list[str]]:
    """The record of that code or id, and the rules that decide for the account ``name``, empty for the public.

    Raises NotFound for a record that ``asker`` may not see himself, as for one that there is none of.
    """
    require(asker, Right.PEOPLE)
    who = people.get(store, people.normal(name)).actor if name else PUBLIC
    found: Indicator | Policy
    try:
        found = indicators.get(store, record, asker)
    except NotFound:
        try:
            found = policies.get(store, record, asker)
        except NotFound:
            raise NotFound("没有这个代码或编号的指标或政策，请检查后重试。", field="record") from None
    draft = isinstance(found, Indicator) and found.status is Status.DRAFT
    return found, explain(who, found.visibility, found.owner, draft=draft)
