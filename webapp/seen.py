"""Who saw which restricted record: before an answer leaves, what it shows is written into the audit.

One hook for every page and every call, so that no view has to think of it; an answer whose row cannot be written does
not leave. Who sees public records alone has nothing gathered, and pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from flask import Flask, Response, g, request

from corpus import seen
from corpus.errors import NotReady, ZhibiaoError
from webapp import errors
from webapp.services import actor, services


def init(app: Flask) -> None:
    """Gather from when the actor is known until the answer leaves."""
    app.before_request(_begin)
    app.after_request(_write)
    app.teardown_request(_end)


def shown(response: Response) -> frozenset[str]:
    """The restricted records that an answer shows; one that is no text shows all that were handed out for it.

    A refusal or a way elsewhere shows none but those it names.
    """
    gathered: seen.Gathered | None = g.get("gathered")
    if not gathered:
        return frozenset()
    if not (200 <= response.status_code < 300 or response.status_code == 304):
        gathered.sure, gathered.likely = set(), gathered.all()
    if response.mimetype.startswith("text/") or response.mimetype == "application/json":
        return frozenset(gathered.named_in(response.get_data(as_text=True)))
    return frozenset(gathered.all())


def held(keys: Iterable[str]) -> None:
    """The reader holds the answer already, and is told to show it again: with these records."""
    if keys := frozenset(keys):
        g.held = keys


def _begin() -> None:
    who = actor()
    gathered = seen.begin(who)
    if gathered is not None:
        g.gathered, g.seer = gathered, who


def _end(_: BaseException | None) -> None:
    seen.end()


def _write(response: Response) -> Response:
    if "gathered" not in g or request.method == "HEAD":
        return response
    keys = g.get("held") or shown(response)
    if not keys:
        return response
    try:
        seen.write(services().store, g.seer, keys)
    except Exception as error:
        return errors.answer(error if isinstance(error, ZhibiaoError) else NotReady(seen.REFUSED))
    return response
