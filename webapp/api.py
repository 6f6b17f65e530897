"""The versioned JSON API. Views read the input, ask one function below, and shape its answer; docs are in openapi."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from hashlib import blake2b, sha256
from typing import Any

import orjson
from flask import Blueprint, Response, current_app, g, jsonify, render_template, request
from flask.blueprints import BlueprintSetupState
from flask.json.provider import DefaultJSONProvider

from corpus import audit, choices, indicators, policies
from corpus.access import Actor, Right, require, visible
from corpus.model import Indicator, Use
from corpus.policies import Found
from indexer.live import Moment, View
from indexer.review import review
from indexer.search import search_experts, search_indicators, search_policies
from indexer.suggest import Suggested, suggest, told
from webapp import seen
from webapp.schemas import (
    AuditQuery,
    ChoiceRequest,
    ChoicesQuery,
    CompleteQuery,
    IndicatorQuery,
    NoQuery,
    ReviewRequest,
    SuggestRequest,
    TextQuery,
    from_body,
    from_query,
)
from webapp.security import csrf_exempt
from webapp.services import actor, services

bp = Blueprint("api", __name__, url_prefix="/api")
V1 = "/v1"


class _Json(DefaultJSONProvider):
    """Chinese as itself, fields in the order of the contract."""

    ensure_ascii = False
    sort_keys = False

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Written by orjson; by Flask itself what orjson refuses, such as whole numbers of more than 64 bits."""
        try:
            text = orjson.dumps(self._prepare_response_obj(args, kwargs), option=_LINE)
        except TypeError:
            return super().response(*args, **kwargs)
        return self._app.response_class(text, mimetype=self.mimetype)


# Dates are refused: Flask writes them in another form.
_LINE = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME


class _Written:
    """Suggestions as they are sent; what they say of a record is written once, as drafts get the same ones all day."""

    MOST = 4096

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Indicator, bytes]] = {}

    def __call__(self, item: Suggested) -> orjson.Fragment:
        held = self._kept.get(id(item.indicator))
        if held is None or held[0] is not item.indicator:
            if len(self._kept) >= self.MOST:
                self._kept.clear()
            text = orjson.dumps(told(item.indicator))
            held = self._kept[id(item.indicator)] = item.indicator, text[:-1] + b","
        return orjson.Fragment(held[1] + orjson.dumps(item.said())[1:])


_written = _Written()


@bp.record_once
def _plain_json(state: BlueprintSetupState) -> None:
    state.app.json = _Json(state.app)


_OWN = (("Cache-Control", "private, no-cache"), ("Vary", "Authorization, Cookie"))
# What of a request asks for an answer only if its tag is, or is not, this one.
_CONDITIONS = frozenset({"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"})


@bp.after_request
def _tag(response: Response) -> Response:
    """Tag answers by their content, and answer 304 when the reader has them already.

    The tag says nothing but that: one made of the store's sequence number would tell the public that some record
    changed which they may not see. The scope is in it, so that no two readers ever share one.
    """
    if request.method not in ("GET", "HEAD") or response.status_code not in (200, 304):
        response.headers["Cache-Control"] = "no-store"
        return response
    response.headers.extend(_OWN)
    if response.status_code == 304:
        return response
    digest = sha256(visible(actor()).key.encode() + b"\0")
    digest.update(response.get_data())
    tag = digest.hexdigest()[:24]
    response.headers.add("ETag", f'"{tag}"')
    shows = seen.shown(response)
    seen.held(shows)
    asked = g.get("asked")
    if asked:
        services().tags.note(*asked, tag, shows)
    if not request.environ.keys().isdisjoint(_CONDITIONS):
        response.make_conditional(request)
    return response


def _unless_held(answer: Callable[[View], Response]) -> Response:
    """The answer of a search, made only when the reader does not hold it already."""
    at = services()
    view = at.live.view()
    whole = "\0".join((visible(actor()).key, request.path)).encode() + b"\0" + request.query_string
    asked = blake2b(whole, digest_size=16).digest()
    tag = at.tags.of(view, asked)
    if tag is not None and "HTTP_IF_NONE_MATCH" in request.environ and request.if_none_match.contains_weak(tag):
        response = Response(status=304)
        response.set_etag(tag)
        seen.held(at.tags.shown(tag))
        return response
    g.asked = (view, asked)
    return answer(view)


@bp.get(f"{V1}/indicators")
def list_indicators() -> Response:
    asked = from_query(IndicatorQuery, request.args).asked()
    store = services().store
    return _unless_held(lambda view: jsonify(search_indicators(store, Moment(view), asked, actor()).as_json()))


@bp.get(f"{V1}/indicators/<id>")
def get_indicator(id: str) -> Response:
    from_query(NoQuery, request.args)
    return jsonify(indicators.get(services().store, id, actor()).as_json())


@bp.get(f"{V1}/complete")
def complete() -> Response:
    asked = from_query(CompleteQuery, request.args)

    def found(view: View) -> Response:
        return jsonify({"items": [c.as_json() for c in view.completer.complete(asked.q, asked.limit)]})

    return _unless_held(found)


@bp.post(f"{V1}/suggest")
@csrf_exempt
def post_suggest() -> Response:
    from_query(NoQuery, request.args)
    draft = from_body(SuggestRequest, request).draft()
    at = services()
    return jsonify(suggest(at.store, at.live, draft, actor()).as_json(_written))


@bp.post(f"{V1}/review")
@csrf_exempt
def post_review() -> Response:
    from_query(NoQuery, request.args)
    goal = from_body(ReviewRequest, request).filled()
    at = services()
    return jsonify(review(goal, at.store, at.live, actor()).as_json())


@bp.post(f"{V1}/choices")
def post_choice() -> Response:
    """The same answer whether it counts or not."""
    require(actor(), Right.CHOOSE)
    from_query(NoQuery, request.args)
    made = from_body(ChoiceRequest, request)
    choices.take(services().store, made.use, made.id, actor(), chosen=made.chosen)
    return _nothing()


@bp.delete(f"{V1}/choices")
def delete_choices() -> Response:
    require(actor(), Right.CURATE)
    choices.reset(services().store, actor(), from_query(ChoicesQuery, request.args).use)
    return _nothing()


def _nothing() -> Response:
    """Done, and no more to say."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


@bp.get(f"{V1}/policies")
def list_policies() -> Response:
    asked = from_query(TextQuery, request.args).asked()
    at = services()
    if asked.text.strip():
        return jsonify(search_policies(at.store, at.live, asked, actor()).as_json())
    shelf = policies.everything(at.store, actor())
    start = (asked.page - 1) * asked.size
    return jsonify({
        "total": len(shelf),
        "page": asked.page,
        "size": asked.size,
        "generation": at.live.view().generation,
        "items": [policy.as_json() for policy in shelf[start : start + asked.size]],
        "facets": {},
        "did_you_mean": None,
        "used": None,
        "relaxed": False,
    })  # fmt: skip


@bp.get(f"{V1}/policies/<id>")
def get_policy(id: str) -> Response:
    from_query(NoQuery, request.args)
    store = services().store
    with store.reading():
        return jsonify(policy_json(id, actor()))


@bp.get(f"{V1}/experts")
def list_experts() -> Response:
    require(actor(), Right.EXPERTS)
    asked = from_query(TextQuery, request.args).asked()
    at = services()
    return jsonify(search_experts(at.store, at.live, asked, actor()).as_json())


@bp.get(f"{V1}/audit")
def list_audit() -> Response:
    require(actor(), Right.AUDIT)
    query = from_query(AuditQuery, request.args)
    return jsonify(audit.search(services().store, actor(), query.asked(), query.page, query.size).as_json())


@bp.get(f"{V1}/taxonomy")
def taxonomy() -> Response:
    from_query(NoQuery, request.args)
    return jsonify({"domains": tree(indicators.visible_uses(services().store, actor()))})


@bp.get(f"{V1}/openapi.json")
def describe() -> Response:
    from_query(NoQuery, request.args)
    from webapp import openapi  # noqa: PLC0415 - all shapes of answers, which serving does without

    return jsonify(openapi.document())


@bp.get(f"{V1}/healthz")
def healthz() -> Response:
    """Whether searches can be answered; says nothing else, and needs no sign-in."""
    try:
        services().live.view()
    except Exception:
        current_app.logger.exception("healthz")
        response = jsonify({"ok": False})
        response.status_code = 503
        return response
    return jsonify({"ok": True})


@bp.get("/docs")
def docs() -> str:
    """The same as openapi.json, for people."""
    from webapp import openapi  # noqa: PLC0415 - as above

    return render_template("api_docs.html", operations=openapi.operations(), schemas=openapi.tables())


# Shapes of the contract


def policy_json(id: str, actor: Actor) -> dict[str, object]:
    """A document with its passages and its links both ways. Raises NotFound."""
    store = services().store
    policy = policies.get(store, id, actor)
    return policy.as_json() | {
        "passages": [_passage(Found(policy, passage)) for passage in policies.passages(store, policy.id)],
        "citations": [asdict(link) for link in policies.citations(store, policy.id, actor)],
        "cited_by": [asdict(link) for link in policies.cited_by(store, policy.id, actor)],
    }


def _passage(found: Found) -> dict[str, object]:
    passage = found.passage
    return {
        "ordinal": passage.ordinal,
        "path": list(passage.path),
        "section": passage.section,
        "page": passage.page,
        "kind": passage.kind,
        "text": passage.text,
        "citation": found.citation,
    }


def tree(uses: list[Use]) -> list[dict[str, object]]:
    """Domains with their industries with their uses, in the order of the taxonomy."""
    domains: dict[str, dict[str, list[dict[str, str]]]] = {}
    for use in uses:
        domains.setdefault(use.domain, {}).setdefault(use.industry, []).append({"code": use.code, "name": use.use})
    return [
        {"name": domain, "industries": [{"name": industry, "uses": found} for industry, found in industries.items()]}
        for domain, industries in domains.items()
    ]
