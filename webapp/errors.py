"""Every failure as one JSON shape for programs and one page for people; nothing of the inside is shown."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from flask import Flask, Response, current_app, jsonify, render_template, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from corpus.errors import Forbidden, ZhibiaoError

_HTTP = {
    400: ("bad_input", "请求无法识别，请检查后重试。"),
    404: ("not_found", "没有这个地址，请检查网址或返回首页。"),
    405: ("method_not_allowed", "这个地址不支持该请求方法，请查看接口文档。"),
    408: ("timeout", "请求超时，请重试。"),
    413: ("too_large", "提交的内容超过 2 MB，请删减后重试。"),
    414: ("too_large", "网址过长，请缩短搜索词或减少筛选项。"),
    415: ("unsupported_media_type", "请以 application/json 格式提交，编码为 UTF-8。"),
    500: ("internal", "服务器出错了，请稍后重试；如反复出现，请联系管理员。"),
}
# Headers of a werkzeug error that the answer has to keep.
_KEPT = ("Allow", "Retry-After", "WWW-Authenticate")


class TooMany(ZhibiaoError):
    """Asked too often; ``seconds`` says when to try again."""

    status = 429
    code = "too_many"

    def __init__(self, message: str, *, seconds: int, field: str | None = None) -> None:
        super().__init__(message, field=field)
        self.seconds = seconds


class MustChange(Forbidden):
    """The account has a password that somebody else gave; nothing goes before it is changed."""

    code = "must_change_password"


class WrongMediaType(ZhibiaoError):
    """The body is not declared as what the service reads."""

    status = 415
    code = "unsupported_media_type"


def init(app: Flask) -> None:
    """Answer for our own errors, for werkzeug's, and for everything nobody thought of."""
    app.register_error_handler(ZhibiaoError, answer)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def is_api() -> bool:
    """Whether a program asks, which gets JSON."""
    return request.path.startswith("/api/")


def answer(error: ZhibiaoError) -> Response:
    """The answer that one of our own errors gets."""
    if error.status >= 500:
        _log(error)
    response = _answer(error.status, error.code, error.message, error.field)
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.seconds)
    if error.status == 401 and is_api():
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _http(error: HTTPException) -> BaseResponse:
    status = error.code or 500
    if error.response is not None or status < 400:
        return error.get_response()  # type: ignore[return-value]
    if status >= 500:
        _log(error)
    code, message = _HTTP.get(status, _HTTP[400 if status < 500 else 500])
    response = _answer(status, code, message, None)
    for name, value in error.get_headers():
        if name in _KEPT:
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    _log(error)
    return _answer(500, *_HTTP[500], None)


def _log(error: Exception) -> None:
    """Where it failed goes to the log of the service, never to the reader.

    Neither the address (a one-time link stands in one) nor the words of the error: they may hold what somebody typed.
    """
    rule = request.url_rule.rule if request.url_rule else "-"
    current_app.logger.error("%s %s\n%s", request.method, rule, "".join(_trace(error)))


def _trace(error: BaseException) -> Iterator[str]:
    """The lines of code that led to an error and to those behind it, each with the kind of error."""
    if (cause := error.__cause__ or error.__context__) is not None:
        yield from _trace(cause)
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}\n"


def _answer(status: int, code: str, message: str, field: str | None) -> Response:
    if is_api():
        error = {"code": code, "message": message} | ({"field": field} if field else {})
        response = jsonify({"error": error})
    else:
        response = Response(_page(status, message), mimetype="text/html")
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


def _page(status: int, message: str) -> str:
    """The error page, or bare words where even that cannot be drawn."""
    try:
        return render_template("error.html", status=status, message=message)
    except Exception as failure:
        _log(failure)
        title = f"<title>{status}</title>"
        return f'<!doctype html><html lang="zh-CN"><meta charset="utf-8">{title}<p>{escape(message)}</p></html>'
