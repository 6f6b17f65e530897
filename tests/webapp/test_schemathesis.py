"""The API against its own description: requests made from the OpenAPI document, valid ones and broken ones.

Every answer has a documented status, the documented shape, and none is a failure of the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from corpus import people
from corpus.access import TOKEN_RIGHTS
from tests.webapp.conftest import _app
from webapp.openapi import ENDPOINTS, Endpoint

DOCUMENT = "/api/v1/openapi.json"
EXAMPLES = 60
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BOUNDED = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def app(library: Path) -> Iterator[Flask]:
    yield from _app(library)


@pytest.fixture(scope="module", params=["public", "admin"])
def headers(request: pytest.FixtureRequest, app: Flask) -> dict[str, str]:
    """What the requests of this person carry."""
    if request.param == "public":
        return {}
    store = app.extensions["zhibiao"].store
    secret = people.issue(store, "admin", "api", days=1, scopes=set(TOKEN_RIGHTS), by="test")
    return {"Authorization": f"Bearer {secret}"}


# What takes nothing has nothing that could be broken.
CASES = [(endpoint, GenerationMode.POSITIVE) for endpoint in ENDPOINTS]
CASES += [(endpoint, GenerationMode.NEGATIVE) for endpoint in ENDPOINTS if endpoint.takes.model_fields]


@pytest.mark.parametrize(("endpoint", "mode"), CASES, ids=[f"{m.value} {e.method} {e.path}" for e, m in CASES])
def test_answers_are_as_described(
    app: Flask, headers: dict[str, str], endpoint: Endpoint, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_wsgi(DOCUMENT, app)
    operation = schema["/api/v1" + endpoint.path][endpoint.method]
    asked = []

    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Case) -> None:
        answer = case.call(headers={**case.headers, **headers})
        asked.append(answer.status_code)
        checks = [*CHECKS, negative_data_rejection] if mode is GenerationMode.NEGATIVE else CHECKS
        case.validate_response(answer, checks=checks)

    each()
    assert asked
    assert [status for status in asked if status >= 500] == []
