"""Puts the application together."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from corpus import indicators
from corpus.access import PUBLIC
from corpus.store import Store
from indexer import search, suggest
from indexer.live import Live
from webapp import api, auth, errors, security, seen
from webapp.services import Services
from webapp.views import account, audit, drafts, library, people, policies, relevance

# So many more objects are made than let go of before garbage is looked for; a suggestion makes some thousands.
BETWEEN = 10_000


class _App(Flask):
    """Flask without asking each view and hook at every request whether it is a coroutine: none is."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def create(data: Path) -> Flask:
    """See :func:`webapp.create_app`."""
    app = _App("webapp")
    store = Store.open(data)
    live = Live(store)
    # The first answers wait for this and no more; the rest is for :func:`warm`.
    search.search_indicators(store, live, search.Query("农村公路"), PUBLIC)
    app.extensions["zhibiao"] = Services(store, live)
    security.init(app, data)
    auth.init(app)
    errors.init(app)
    seen.init(app)
    relevance.init(app)
    app.register_blueprint(api.bp)
    for view in (library, drafts, policies, account, people, audit, relevance):
        app.register_blueprint(view.bp)
    return app


def warm(app: Flask) -> None:
    """Load what the first answers would wait for: records, pinyin, corrections; others may be answered meanwhile."""
    found: Services = app.extensions["zhibiao"]
    store, live = found.store, found.live
    draft = suggest.Draft("农村公路养护工程", "养护农村公路120公里，验收合格率95%以上，沿线群众满意度达到90%")
    suggest.suggest(store, live, draft, PUBLIC)
    for text in ("农村公路养护里程", "公璐养户", "gonglu"):
        search.search_indicators(store, live, search.Query(text), PUBLIC)
        live.view().completer.complete(text)
    indicators.remember(store)
    # All this stays: whoever collects garbage need not look through it again and again, nor within every answer.
    gc.collect()
    gc.freeze()
    gc.set_threshold(BETWEEN)
