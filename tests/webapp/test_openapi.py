"""The description is complete, says what is answered, and can be read without anything from outside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import BaseModel

from webapp import openapi
from webapp.answers import Failure
from webapp.openapi import ENDPOINTS

V1 = "/api/v1"
ROW = {
    "level1": "产出指标",
    "level2": "数量指标",
    "name": "新建",
    "operator": "",
    "value": "-",
    "unit": "所",
    "weight": 200,
}
REAL = {
    "/indicators": ["?q=幼儿园", "?q=没有这样的词", "?kind=common", ""],
    "/indicators/{id}": ["2100001", "2190001"],
    "/complete": ["?q=you", "?q="],
    "/policies": ["", "?q=幼儿园"],
    "/policies/{id}": ["p0000000001", "p0000000002"],
    "/experts": ["", "?q=教育"],
    "/audit": ["", "?action=see&size=1"],
    "/taxonomy": [""],
    "/healthz": [""],
}
BODIES: dict[str, list[dict[str, Any]]] = {
    "/suggest": [{}, {"project": "幼儿园建设", "goal": "新建幼儿园 5 所", "budget": 10}],
    "/review": [{"rows": []}, {"project": "幼儿园建设", "goal": "新建幼儿园 5 所", "rows": [ROW, ROW]}],
}


@pytest.fixture
def document(public: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = public.get(f"{V1}/openapi.json").json
    return found


def test_every_route_is_described_and_every_description_has_a_route(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(V1)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == {(m.upper(), path) for path, methods in document["paths"].items() for m in methods}


def test_the_document_is_the_same_for_everyone(public: FlaskClient, admin: FlaskClient) -> None:
    assert public.get(f"{V1}/openapi.json").data == admin.get(f"{V1}/openapi.json").data


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            yield from (v for k, v in value.items() if k == "$ref")
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    named = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    used = set(references(document))
    assert used <= named
    assert len({o["operationId"] for p in document["paths"].values() for o in p.values()}) == len(ENDPOINTS)


def test_parameters_are_those_of_the_contract(document: dict[str, Any]) -> None:
    def of(path: str) -> list[str]:
        return [p["name"] for p in document["paths"][V1 + path]["get"]["parameters"]]

    assert of("/indicators") == ["q", "domain", "industry", "use", "kind", "level1", "level2", "unit", "owner", "theme",
                                 "page", "size", "sort"]  # fmt: skip
    assert of("/complete") == ["q", "limit"]
    assert of("/policies") == of("/experts") == ["q", "page", "size"]
    assert of("/policies/{id}") == ["id"]
    assert document["paths"][V1 + "/experts"]["get"]["security"] == [{"bearer": []}, {"session": []}]
    size = next(p for p in document["paths"][V1 + "/indicators"]["get"]["parameters"] if p["name"] == "size")
    assert size == {"name": "size", "in": "query", "description": "每页条数",
                    "schema": {"default": 20, "maximum": 100, "minimum": 1, "type": "integer"}}  # fmt: skip


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.gives], ids=lambda e: e.path)
def test_real_answers_are_what_is_described(admin: FlaskClient, endpoint: openapi.Endpoint) -> None:
    model = endpoint.gives
    assert model is not None
    assert issubclass(model, BaseModel)
    if endpoint.method == "POST":
        answers = [admin.post(V1 + endpoint.path, json=body) for body in BODIES[endpoint.path]]
    else:
        answers = [admin.get(V1 + endpoint.path.removesuffix("{id}") + rest) for rest in REAL[endpoint.path]]
    for answer in answers:
        assert answer.status_code == 200
        model.model_validate_json(answer.data)


def test_errors_are_what_is_described(public: FlaskClient) -> None:
    for path in ("/indicators?page=0", "/indicators/0", "/nothing", "/experts"):
        Failure.model_validate_json(public.get(V1 + path).data)


def test_the_page_for_people(public: FlaskClient, document: dict[str, Any]) -> None:
    page = public.get("/api/docs")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"<code>{method.upper()} {path}</code>" in page.text
            assert operation["summary"] in page.text
    for name in document["components"]["schemas"]:
        assert f'id="schema-{name}"' in page.text
    linked = set(re.findall(r'href="#([^"]+)"', page.text))
    assert linked <= set(re.findall(r'id="([^"]+)"', page.text))


def test_the_page_needs_nothing_from_outside(public: FlaskClient) -> None:
    page = public.get("/api/docs").text
    assert not re.findall(r'(?:src|href|action)="(?!/(?!/)|#)[^"]*"', page)
    assert " style=" not in page
    assert "<style" not in page
    assert not re.findall(r"<script(?![^>]*\ssrc=)", page)


def test_the_document_speaks_chinese(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert re.search("[一-鿿]", operation["summary"]), path
            for parameter in operation["parameters"]:
                assert re.search("[一-鿿]", parameter["description"]), (path, parameter["name"])
    assert json.loads(json.dumps(document)) == document
