"""Every failure in one shape; nothing of the inside is shown."""

from __future__ import annotations

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient

from corpus import errors as corpus_errors
from corpus.errors import BadInput, Forbidden, NotReady, NotSignedIn, ZhibiaoError
from webapp import errors
from webapp.errors import TooMany


@pytest.fixture
def client() -> FlaskClient:
    """An application that does nothing but fail; it has no error page to draw."""
    app = Flask("fails")
    errors.init(app)

    def fail(kind: str) -> str:
        if kind.isdigit():
            abort(int(kind))
        raise {
            "bad": BadInput("不对，请修改。", field="甲"),
            "who": NotSignedIn("请先登录。"),
            "no": Forbidden("<b>不可以</b>。"),
            "many": TooMany("请 9 秒后再试。", seconds=9),
            "later": NotReady("请先建立索引。"),
        }.get(kind, RuntimeError("password=hunter2"))

    app.add_url_rule("/api/<kind>", "api", fail)
    app.add_url_rule("/<kind>", "page", fail)
    app.add_url_rule("/folder/", "folder", lambda: "")
    return app.test_client()


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("bad", 400, {"code": "bad_input", "message": "不对，请修改。", "field": "甲"}),
        ("who", 401, {"code": "not_signed_in", "message": "请先登录。"}),
        ("no", 403, {"code": "forbidden", "message": "<b>不可以</b>。"}),
        ("many", 429, {"code": "too_many", "message": "请 9 秒后再试。"}),
        ("later", 503, {"code": "not_ready", "message": "请先建立索引。"}),
        ("boom", 500, {"code": "internal", "message": "服务器出错了，请稍后重试；如反复出现，请联系管理员。"}),
        ("400", 400, {"code": "bad_input", "message": "请求无法识别，请检查后重试。"}),
        ("404", 404, {"code": "not_found", "message": "没有这个地址，请检查网址或返回首页。"}),
        ("413", 413, {"code": "too_large", "message": "提交的内容超过 2 MB，请删减后重试。"}),
        ("418", 418, {"code": "bad_input", "message": "请求无法识别，请检查后重试。"}),
        ("502", 502, {"code": "internal", "message": "服务器出错了，请稍后重试；如反复出现，请联系管理员。"}),
    ],
)
def test_the_same_for_programs_and_people(client: FlaskClient, kind: str, status: int, error: dict[str, str]) -> None:
    told = client.get(f"/api/{kind}")
    assert (told.status_code, told.json, told.headers["Cache-Control"]) == (status, {"error": error}, "no-store")
    page = client.get(f"/{kind}")
    assert (page.status_code, page.mimetype) == (status, "text/html")
    assert error["message"].replace("<b>", "&lt;b&gt;").replace("</b>", "&lt;/b&gt;") in page.text
    assert "hunter2" not in told.text + page.text


def test_headers_that_belong_to_an_error(client: FlaskClient) -> None:
    assert client.get("/api/many").headers["Retry-After"] == "9"
    assert client.get("/many").headers["Retry-After"] == "9"
    assert client.get("/api/who").headers["WWW-Authenticate"] == "Bearer"
    assert "WWW-Authenticate" not in client.get("/who").headers
    assert "GET" in client.post("/api/bad").headers["Allow"]


def test_a_redirect_stays_one(client: FlaskClient) -> None:
    response = client.get("/folder")
    assert (response.status_code, response.headers["Location"]) == (308, "http://localhost/folder/")


def test_the_trace_goes_to_the_log(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    client.get("/api/boom")
    (record,) = caplog.records
    first, *trace, kind = record.getMessage().strip().splitlines()
    assert (record.levelname, first, kind) == ("ERROR", "GET /api/<kind>", "builtins.RuntimeError")
    assert any("in fail" in line for line in trace)
    assert "hunter2" not in record.getMessage()
    assert record.exc_info is None


def test_the_real_error_page(public: FlaskClient) -> None:
    page = public.get("/nothing-here")
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "没有这个地址" in page.text
    assert "<nav" in page.text


def test_every_error_of_ours_has_a_code_of_its_own() -> None:
    kinds = [k for k in vars(corpus_errors).values() if isinstance(k, type) and issubclass(k, ZhibiaoError)]
    kinds += [errors.TooMany, errors.WrongMediaType]
    assert len({k.code for k in kinds}) == len(kinds)
