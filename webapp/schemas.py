"""What programs may send, as pydantic models; each mistake becomes one Chinese sentence that names the field.

The OpenAPI document is made from these models, so what it says and what is checked cannot differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from flask import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError
from werkzeug.datastructures import MultiDict

from corpus import audit
from corpus.audit import Asked
from corpus.errors import BadInput
from corpus.model import Goal, GoalRow
from indexer.query import MAX_QUERY
from indexer.search import MAX_SIZE, Query
from indexer.suggest import Draft
from webapp.errors import WrongMediaType

MAX_PAGE = 1_000_000_000
MAX_VALUES = 100
_WHOLE = re.compile(r"-?[0-9]{1,15}")
Model = TypeVar("Model", bound=BaseModel)


def _whole(value: object) -> object:
    """A whole number as it stands in an address: plain ASCII digits."""
    if not isinstance(value, str):
        return value
    if not _WHOLE.fullmatch(value):
        raise PydanticCustomError("int_type", "not a whole number")
    return int(value)


def _text(value: object) -> object:
    """Numbers are welcome where a table cell is meant; they are read as they would be written."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


_CELL = (BeforeValidator(_text), WithJsonSchema({"type": ["string", "number"]}))
Values = Annotated[list[str], Field(max_length=MAX_VALUES)]
Page = Annotated[int, Field(ge=1, le=MAX_PAGE, description="页码，从 1 开始"), BeforeValidator(_whole)]
Size = Annotated[int, Field(ge=1, le=MAX_SIZE, description="每页条数"), BeforeValidator(_whole)]
Limit = Annotated[int, Field(ge=1, le=50, description="最多给出多少条"), BeforeValidator(_whole)]
Words = Annotated[str, Field(max_length=MAX_QUERY, description="搜索词：汉字、拼音、首字母或代码；引号内按原文查找")]
Money = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False, description="预算金额（万元）")]


class _Input(BaseModel):
    """Unknown fields are mistakes; text is text and numbers are numbers."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class IndicatorQuery(_Input):
    """``GET /indicators``: a facet given several times takes any of its values."""

    # Empty defaults are tuples: pydantic would copy lists for every request.
    q: Words = ""
    domain: Values = Field((), description="领域")
    industry: Values = Field((), description="行业")
    use: Values = Field((), description="用途")
    kind: Values = Field((), description="共性 common 或个性 specific")
    level1: Values = Field((), description="一级指标")
    level2: Values = Field((), description="二级指标")
    unit: Values = Field((), description="计量单位")
    owner: Values = Field((), description="来源部门")
    theme: Values = Field((), description="共性类别")
    page: Page = 1
    size: Size = 20
    sort: Literal["score", "code", "name", "-updated"] = Field("score", description="排序方式；不搜索时按代码")

    def asked(self) -> Query:
        """The same for the search."""
        names = sorted(_lists(type(self)) & self.model_fields_set)
        filters = {name: values for name in names if (values := [v for v in getattr(self, name) if v])}
        return Query(self.q, filters, self.page, self.size, self.sort)


class TextQuery(_Input):
    """``GET /policies`` and ``GET /experts``."""

    q: Words = ""
    page: Page = 1
    size: Size = 20

    def asked(self) -> Query:
        """The same for the search."""
        return Query(self.q, {}, self.page, self.size)


class CompleteQuery(_Input):
    """``GET /complete``."""

    q: Words = ""
    limit: Limit = 10


Day = Annotated[str, Field(pattern=r"^(\d{4}-\d\d-\d\d)?$")]


class AuditQuery(_Input):
    """``GET /audit``."""

    text: str = Field("", max_length=MAX_QUERY, description="记录编号、名称、对象或说明中的文字，空格隔开的词都要有")
    who: str = Field("", max_length=100, description="人员")
    action: str = Field("", max_length=40, description="操作代码，例如 see、export；也可以是一类，例如 user")
    since: Day = Field("", description="从这一天起，写成 2026-01-31")
    until: Day = Field("", description="到这一天止")
    page: Page = 1
    size: Annotated[int, Field(ge=1, le=audit.MAX_SIZE, description="每页条数"), BeforeValidator(_whole)] = 50

    def asked(self) -> Asked:
        """The same for the audit."""
        return Asked(self.text, self.who, self.action, self.since, self.until)


class NoQuery(_Input):
    """Addresses that take no parameters."""


class SuggestRequest(_Input):
    """``POST /suggest``: what has been drafted so far."""

    project: str = Field("", max_length=200, description="项目名称")
    goal: str = Field("", max_length=5000, description="绩效目标描述")
    budget: Money | None = None
    use: Annotated[str, Field(max_length=100)] | None = Field(None, description="已选定的用途名称")
    chosen: list[Annotated[str, Field(max_length=40)]] = Field([], max_length=200, description="已选用的指标编号")
    limit: int = Field(20, ge=1, le=60, description="最多推荐多少条")

    def draft(self) -> Draft:
        """The same for the suggester."""
        return Draft(self.project, self.goal, self.budget, self.use or None, tuple(self.chosen), self.limit)


class ChoiceRequest(_Input):
    """``POST /choices``: a suggestion was taken over into a draft."""

    use: str = Field(max_length=100, description="草稿所属的用途名称")
    id: str = Field(max_length=40, description="采用的指标编号")
    chosen: list[Annotated[str, Field(max_length=40)]] = Field(max_length=200, description="草稿中已有的指标编号")


class ChoicesQuery(_Input):
    """``DELETE /choices``."""

    use: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        None, description="只清除该用途的记录；不给出时清除全部"
    )


class ReviewRow(_Input):
    """One row of a goal table as it was filled in."""

    level1: str = Field(max_length=50, description="一级指标")
    level2: str = Field(max_length=50, description="二级指标")
    name: str = Field(max_length=200, description="三级指标名称")
    operator: str = Field(max_length=20, description="计算符号：≥、≤、=、>、< 或 定性")
    value: Annotated[str, Field(max_length=200, description="指标值"), *_CELL]
    unit: str = Field(max_length=50, description="计量单位")
    weight: Annotated[str, Field(max_length=20, description="权重"), *_CELL] = ""
    definition: str = Field("", max_length=2000, description="指标解释")


class ReviewRequest(_Input):
    """``POST /review``: a filled goal table."""

    project: str = Field("", max_length=200, description="项目名称")
    goal: str = Field("", max_length=5000, description="绩效目标描述")
    budget: Money | None = None
    rows: list[ReviewRow] = Field(max_length=200, description="绩效目标表的各行")

    def filled(self) -> Goal:
        """The same for the reviewer."""
        rows = tuple(GoalRow(**row.model_dump()) for row in self.rows)
        return Goal(self.project, self.goal, self.budget, rows)


# Reading


def from_query(model: type[Model], arguments: MultiDict[str, str]) -> Model:
    """The parameters of an address. Raises BadInput, naming the parameter."""
    given: dict[str, object] = {}
    several = _lists(model)
    for name, values in arguments.lists():
        if name in several:
            given[name] = values
        elif len(values) > 1 and name in model.model_fields:
            raise BadInput(f"参数“{name}”只能出现一次，请只保留一个。", field=name)
        else:
            given[name] = values[0]
    return _checked(model, given)


@cache
def _lists(model: type[BaseModel]) -> frozenset[str]:
    """The fields that take several values."""
    return frozenset(name for name, field in model.model_fields.items() if "list" in str(field.annotation))


def from_body(model: type[Model], request: Request) -> Model:
    """The JSON body of a request. Raises BadInput, naming the field, or WrongMediaType."""
    if request.mimetype != "application/json":
        raise WrongMediaType("请求正文须为 JSON，请把 Content-Type 设为 application/json。")
    try:
        text = request.get_data().decode("utf-8")
        body = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise BadInput("请求正文不是 UTF-8 编码，请转换后重试。") from None
    except RecursionError:
        raise BadInput("请求正文嵌套过深，请检查 JSON。") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"请求正文不是有效的 JSON（第 {error.lineno} 行第 {error.colno} 个字符处），请检查。") from None
    except ValueError:  # a number of thousands of digits
        raise BadInput("请求正文中有过长的数字，请检查。") from None
    if not isinstance(body, dict):
        raise BadInput("请求正文须为一个 JSON 对象，请检查。")
    return _checked(model, body)


def _no_constant(name: str) -> NoReturn:
    raise BadInput(f"JSON 中不能使用 {name}，请改为数字或 null。")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object; the same name twice would leave open which of the two was meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        double = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise BadInput(f"字段“{_shown(double)}”重复出现，请只保留一个。", field=_shown(double))
    return found


# What no text holds: NUL, or half of a surrogate pair.
_BROKEN = re.compile("[\0\ud800-\udfff]")


def _checked(model: type[Model], given: dict[str, Any]) -> Model:
    if not _sound(given):
        path = next(path for path, text in _texts(given) if _BROKEN.search(text))
        raise BadInput(f"“{path or '字段名'}”中有无法识别的字符，请删除后重试。", field=path or None)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _translated(error) from None


def _sound(root: object) -> bool:
    """Whether no text below ``root`` is broken; without recursion."""
    stack = [root]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            if _BROKEN.search(value):
                return False
        elif isinstance(value, dict):
            stack += value
            stack += value.values()
        elif isinstance(value, list):
            stack += value
    return True


def _texts(root: object) -> Iterator[tuple[str, str]]:
    """Every text below ``root``, names of fields too, with its dotted path; without recursion."""
    stack: list[tuple[str, object]] = [("", root)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            for name in value:
                yield path, name
            stack += [(_join(path, name), v) for name, v in reversed(value.items())]
        elif isinstance(value, list):
            stack += [(_join(path, n), v) for n, v in reversed(list(enumerate(value)))]


def _join(path: str, name: str | int) -> str:
    part = _shown(str(name))
    return f"{path}.{part}"[-120:] if path else part


def _shown(name: str) -> str:
    """A name that somebody sent, fit to be sent back."""
    return re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "", name)[:40]


def _translated(error: ValidationError) -> BadInput:
    """The first mistake in Chinese."""
    first = error.errors(include_url=False, include_input=False)[0]
    path = ""
    for part in first["loc"]:
        path = _join(path, part)
    limits = first.get("ctx", {})
    message = {
        "missing": "缺少“{path}”，请补充。",
        "extra_forbidden": "没有“{path}”这一项，请去掉或检查拼写。",
        "string_type": "“{path}”须为文字，请修改。",
        "string_too_short": "“{path}”不能为空，请补充或去掉。",
        "string_too_long": "“{path}”超过 {max_length} 字，请删减。",
        "int_type": "“{path}”须为整数，请修改。",
        "float_type": "“{path}”须为数字，请修改。",
        "finite_number": "“{path}”须为有限的数字，请修改。",
        "greater_than_equal": "“{path}”不能小于 {ge}，请修改。",
        "less_than_equal": "“{path}”不能大于 {le}，请修改。",
        "list_type": "“{path}”须为列表，请修改。",
        "too_long": "“{path}”超过 {max_length} 项，请删减。",
        "model_type": "“{path}”须为 JSON 对象，请修改。",
        "string_pattern_mismatch": "“{path}”的写法不对，请按接口说明修改。",
        "literal_error": "“{path}”须为 {expected} 之一，请修改。",
    }.get(first["type"], "“{path}”的内容无法识别，请检查。")
    shown = {name: _limit(value) for name, value in limits.items()}
    return BadInput(message.format(**{**shown, "path": path}), field=path)


def _limit(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}"
    return str(value).replace(" or ", "、").replace(", ", "、").replace("'", "")
