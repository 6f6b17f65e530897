"""Puts the application together."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from corpus.store import Store
from indexer.live import Live
from webapp import api, auth, errors, security
from webapp.services import Services
from webapp.views import account, drafts, library, policies, relevance


def create(data: Path) -> Flask:
    """See :func:`webapp.create_app`."""
    app = Flask("webapp")
    store = Store.open(data)
    live = Live(store)
    live.view()
    app.extensions["zhibiao"] = Services(store, live)
    security.init(app, data)
    auth.init(app)
    errors.init(app)
    relevance.init(app)
    app.register_blueprint(api.bp)
    for view in (library, drafts, policies, account, relevance):
        app.register_blueprint(view.bp)
    return app
