"""The OpenAPI document, made from the input models and one table of endpoints; a test holds the table to the routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from webapp.answers import (
    AuditPage,
    Completions,
    ExpertPage,
    Failure,
    Health,
    Indicator,
    IndicatorPage,
    PolicyDocument,
    PolicyPage,
    ReviewAnswer,
    SuggestAnswer,
    Taxonomy,
)
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
)

VERSION = "1.0"
PREFIX = "/api/v1"
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address: its input model (of the query, or of the body for POST), its answer, and the errors it may give."""

    method: str
    path: str
    summary: str
    takes: type[BaseModel]
    gives: type[BaseModel] | None
    errors: tuple[int, ...] = (400, 401, 403)
    signed_in: bool = False
    status: int = 200


ENDPOINTS = (
    Endpoint("GET", "/indicators", "搜索和筛选指标", IndicatorQuery, IndicatorPage),
    Endpoint("GET", "/indicators/{id}", "一条指标，可用编号或指标代码", NoQuery, Indicator, (400, 401, 403, 404)),
    Endpoint("GET", "/complete", "输入时的补全，支持汉字、拼音和首字母", CompleteQuery, Completions),
    Endpoint("POST", "/suggest", "按起草中的绩效目标推荐指标", SuggestRequest, SuggestAnswer,
             (400, 401, 403, 413, 415)),
    Endpoint("POST", "/review", "审核一份绩效目标表", ReviewRequest, ReviewAnswer, (400, 401, 403, 413, 415)),
    Endpoint("POST", "/choices", "告知采用了一条建议；是否计入都同样回答", ChoiceRequest, None,
             (400, 401, 403, 413, 415), signed_in=True, status=204),
    Endpoint("DELETE", "/choices", "清除采用记录，限财政管理员", ChoicesQuery, None, (400, 401, 403), signed_in=True,
             status=204),
    Endpoint("GET", "/policies", "政策文件目录；带搜索词时搜索段落", TextQuery, PolicyPage),
    Endpoint("GET", "/policies/{id}", "一份政策文件及其段落和引用关系", NoQuery, PolicyDocument, (400, 401, 403, 404)),
    Endpoint("GET", "/experts", "搜索专家库，须登录", TextQuery, ExpertPage, signed_in=True),
    Endpoint("GET", "/audit", "查找审计记录，新的在前；限财政管理员和审计员", AuditQuery, AuditPage, (400, 401, 403),
             signed_in=True),
    Endpoint("GET", "/taxonomy", "领域、行业、用途的分类，以可查看的指标所用者为限", NoQuery, Taxonomy),
    Endpoint("GET", "/openapi.json", "本接口的 OpenAPI 描述", NoQuery, None),
    Endpoint("GET", "/healthz", "服务是否可用；不可用时状态码为 503", NoQuery, Health),
)  # fmt: skip
ERROR_WORDS = {
    400: "参数或正文有误，field 指明哪一项",
    401: "需要登录，或令牌无效、已过期",
    403: "无权这样做，令牌不含所需用途，网页登录时没有带 X-CSRF-Token，或须先修改密码（must_change_password）",
    404: "没有这条记录，或无权查看",
    413: "正文超过 2 MB",
    415: "正文不是 JSON",
}


@cache
def document() -> Schema:
    """The whole OpenAPI 3.1 document; do not change what is returned."""
    models = {m for e in ENDPOINTS for m in (e.takes, e.gives) if m is not None} | {Failure}
    _, made = models_json_schema(
        [(m, "validation") for m in sorted(models, key=lambda m: m.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Schema] = made["$defs"]
    paths: dict[str, Schema] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(PREFIX + endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    for model in (IndicatorQuery, TextQuery, CompleteQuery, ChoicesQuery, AuditQuery, NoQuery):
        del schemas[model.__name__]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "预算绩效指标库接口",
            "version": VERSION,
            "description": "除采用记录外只读。未登录时只见可公开的内容；错误为 {\"error\": {code, message, field?}}。",
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "在“本人账户”页或由管理员签发的访问令牌；不含任何用途的令牌只读公开内容",
                },
                "session": {"type": "apiKey", "in": "cookie", "name": "zhibiao", "description": "网页登录"},
            },
        },
    }  # fmt: skip


def _operation(endpoint: Endpoint, schemas: Mapping[str, Schema]) -> Schema:
    parameters: list[Schema] = []
    if "{id}" in endpoint.path:
        parameters.append(
            {"name": "id", "in": "path", "required": True, "description": "编号", "schema": {"type": "string"}}
        )
    body: Schema = {}
    if endpoint.method != "POST":
        for name, schema in schemas[endpoint.takes.__name__].get("properties", {}).items():
            plain = {k: v for k, v in schema.items() if k not in ("title", "description")}
            if len(given := [part for part in plain.pop("anyOf", []) if part != {"type": "null"}]) == 1:
                plain = given[0]  # an address knows no null: who means none leaves the parameter out
            words = schema.get("description", "")
            parameters.append({"name": name, "in": "query", "description": words, "schema": plain})
    else:
        body = {"requestBody": {"required": True, "content": _json(endpoint.takes.__name__)}}
    good: Schema = {"description": "成功"}
    if endpoint.status != 204:
        good["content"] = _json(endpoint.gives.__name__) if endpoint.gives else {
            "application/json": {"schema": {"type": "object"}}
        }  # fmt: skip
    answers: Schema = {str(endpoint.status): good}
    for status in endpoint.errors:
        answers[str(status)] = {"description": ERROR_WORDS[status], "content": _json(Failure.__name__)}
    if endpoint.gives is Health:
        answers["503"] = {"description": "暂时不可用", "content": _json(Health.__name__)}
    return {
        "operationId": f"{endpoint.method.lower()}{endpoint.path}".translate(str.maketrans("/.{}", "____")).strip("_"),
        "summary": endpoint.summary,
        "parameters": parameters,
        **body,
        "responses": answers,
        "security": [{"bearer": []}, {"session": []}] + ([] if endpoint.signed_in else [{}]),
    }


def _json(name: str) -> Schema:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


# For people


@dataclass(frozen=True, slots=True)
class Line:
    """One parameter or field in the tables of the page."""

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint as the page shows it; ``body`` and ``answer`` name tables of fields."""

    anchor: str
    method: str
    path: str
    summary: str
    signed_in: bool
    parameters: Sequence[Line]
    body: str
    answer: str
    errors: Sequence[tuple[str, str]]


@cache
def operations() -> tuple[Operation, ...]:
    """Every endpoint, in the order of the table."""
    found = []
    for path, methods in document()["paths"].items():
        for method, made in methods.items():
            lines = [
                Line(p["name"], _kind(p["schema"]), p.get("required", False), p["description"])
                for p in made["parameters"]
            ]
            errors = [(s, a["description"]) for s, a in made["responses"].items() if s >= "400"]
            found.append(
                Operation(
                    anchor=made["operationId"],
                    method=method.upper(),
                    path=path,
                    summary=made["summary"],
                    signed_in={} not in made["security"],
                    parameters=lines,
                    body=_named(made.get("requestBody", {})),
                    answer=_named(made["responses"].get("200", {})),
                    errors=errors,
                )
            )
    return tuple(found)


@cache
def tables() -> dict[str, tuple[Line, ...]]:
    """The fields of every schema by its name."""
    return {
        name: tuple(
            Line(field, _kind(made), field in schema.get("required", ()), made.get("description", ""))
            for field, made in schema.get("properties", {}).items()
        )
        for name, schema in document()["components"]["schemas"].items()
    }


def _named(content: Schema) -> str:
    schema: Schema = content.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).rsplit("/", 1)[-1]


_KINDS = {"string": "文字", "integer": "整数", "number": "数字", "boolean": "是或否", "null": "null", "object": "对象"}


def _kind(schema: Schema) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " 或 ".join(_kind(part) for part in schema["anyOf"])
    if "enum" in schema:
        return "、".join(map(str, schema["enum"]))
    if isinstance(schema.get("type"), list):
        return " 或 ".join(_KINDS[kind] for kind in schema["type"])
    if schema.get("type") == "array":
        inner = _kind(schema["items"]) if "items" in schema else "整数"
        return f"列表（{inner}）"
    bounds = [f"{schema['minimum']:g} 到 {schema['maximum']:g}"] if "maximum" in schema else []
    bounds += [f"最多 {schema['maxLength']} 字"] if "maxLength" in schema else []
    kind = _KINDS.get(str(schema.get("type", "")), "")
    return f"{kind}（{'，'.join(bounds)}）" if bounds else kind
