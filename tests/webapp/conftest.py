"""A tiny library with something in it that could leak, and a cast of persons who ask for it.

``library`` is whole; ``public_twin`` and ``department_twin`` are the same library from which everything was removed
that the public, or the department, may not see. The clock stands still, so that answers can be compared whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from corpus import experts, imports, indicators, people, policies
from corpus.access import RIGHTS, TOKEN_RIGHTS, Clearance, Role
from corpus.model import Citation, Expert, Owner, Passage, Policy, Status, Use, Visibility
from corpus.people import User
from corpus.policies import Parsed
from corpus.readers.tables import Row
from corpus.store import Store
from indexer import build
from webapp import create_app
from webapp.security import Attempts

NOW = "2026-11-21T08:00:00Z"
PASSWORD = "correct horse battery"  # noqa: S105
OURS, THEIRS = "州教育体育局", "州公安局"
USES = [
    Use("2050201", "教育", "普通教育", "学前教育保障"),
    Use("2130301", "农林水", "水利", "水利工程建设"),
    Use("2140101", "交通运输", "公路水路运输", "农村公路建设"),
]
HEADER = ("name", "level2", "domain", "industry", "use", "operator", "unit", "reference", "owner", "visibility",
          "definition", "keywords")  # fmt: skip
# Words that stand in restricted records alone: 麒麟 in our department's own, the others in another's; 朱雀 is the name
# of a use as well, which no public record has.
PUBLIC_ROWS = [
    ("新建幼儿园数量", "数量指标", "教育", "普通教育", "学前教育保障", "≥", "所", "5", OURS, "公开",
     "当年新建并投入使用的幼儿园数量。", "幼儿园、学位"),
    ("幼儿园验收合格率", "质量指标", "教育", "普通教育", "学前教育保障", "=", "%", "100", OURS, "公开",
     "验收合格的幼儿园占应验收幼儿园的比例。", "验收"),
    ("家长满意度", "满意度指标", "教育", "普通教育", "学前教育保障", "≥", "%", "90", OURS, "公开",
     "接受调查的家长中表示满意的比例。", ""),
    ("农村公路新建里程", "数量指标", "交通运输", "公路水路运输", "农村公路建设", "≥", "公里", "30", "州交通运输局",
     "公开", "当年建成并通车的农村公路里程。", "公路、里程"),
    ("农村公路按期完工率", "时效指标", "交通运输", "公路水路运输", "农村公路建设", "≥", "%", "95", "州交通运输局",
     "公开", "按合同工期完工的项目占比。", "工期"),
    ("水库除险加固数量", "数量指标", "农林水", "水利", "水利工程建设", "≥", "座", "3", "州水利局", "公开",
     "完成除险加固的水库数量。", "水库"),
    ("预算执行率", "时效指标", "", "", "", "≥", "%", "95", "州财政局", "公开", "实际支出占预算的比例。", "支出进度"),
]  # fmt: skip
OUR_ROWS = [
    ("麒麟考点安保人数", "数量指标", "教育", "普通教育", "学前教育保障", "≥", "麒麟人次", "40", OURS, "不公开",
     "麒麟考点的安保力量。", "麒麟暗语"),
]  # fmt: skip
THEIR_ROWS = [
    ("凤凰行动出警次数", "社会效益指标", "交通运输", "公路水路运输", "农村公路建设", "≥", "凤凰次", "7", THEIRS,
     "不公开", "凤凰行动中在农村公路上出警的次数。", "凤凰暗语、公路"),
    ("玄武装备幼儿园覆盖率", "可持续影响指标", "教育", "普通教育", "学前教育保障", "≥", "玄武%", "80", THEIRS, "不公开",
     "玄武装备在幼儿园的覆盖比例。", "玄武暗语、幼儿园"),
    ("朱雀任务完成率", "质量指标", "朱雀领域", "朱雀行业", "朱雀专项", "=", "%", "100", THEIRS, "不公开", "", ""),
]  # fmt: skip
SECRETS = {"麒麟": "qilin", "凤凰": "fenghuang", "玄武": "xuanwu", "朱雀": "zhuque"}


def _row(number: int, cells: tuple[str, ...]) -> Row:
    return Row("", number, dict(zip(HEADER, cells, strict=True)))


def _policy(id: str, title: str, number: str, visibility: Visibility, owner: str, *texts: str) -> Parsed:
    passages = tuple(Passage(n, ("一、总体要求",), "一", None, "text", text) for n, text in enumerate(texts, 1))
    policy = Policy(id, title, number, "楚雄州", 2024, "教育", "有效性未核", "原文导入", f"{id}.docx", visibility,
                    owner, 0, "")  # fmt: skip
    return Parsed(policy, id * 8, passages, ())


def _policies() -> list[Parsed]:
    open_ = _policy("p0000000001", "学前教育发展行动计划", "楚政发〔2024〕1号", Visibility.PUBLIC, "",
                    "新建幼儿园应当依法依规验收。", "农村公路建设要保证质量。")  # fmt: skip
    citing = _policy("p0000000002", "幼儿园管理办法", "楚教发〔2024〕2号", Visibility.PUBLIC, "",
                     "依据《学前教育发展行动计划》（楚政发〔2024〕1号）制定本办法。")  # fmt: skip
    cites = (Citation(1, "楚政发〔2024〕1号", "学前教育发展行动计划"),)
    return [open_, Parsed(citing.policy, citing.sha256, citing.passages, cites)]


def _sealed_policy() -> Parsed:
    sealed = _policy("p0000000009", "凤凰行动方案", "楚公发〔2024〕9号", Visibility.RESTRICTED, THEIRS,
                     "凤凰行动在幼儿园周边展开，见《学前教育发展行动计划》。")  # fmt: skip
    cites = (Citation(1, "楚政发〔2024〕1号", "学前教育发展行动计划"),)
    return Parsed(sealed.policy, sealed.sha256, sealed.passages, cites)


PERSONS = [
    User("dept", Role.DEPARTMENT, OURS, Clearance.OWN, disabled=False),
    User("reviewer", Role.REVIEWER, "州财政局", Clearance.NONE, disabled=False),
    User("admin", Role.ADMIN, "州财政局", Clearance.ALL, disabled=False),
]


def make(folder: Path, restricted: list[tuple[str, ...]], sealed: list[Parsed]) -> Path:
    """A data folder with the public records and those ``restricted`` and ``sealed``."""
    store = Store.create(folder)
    cells = PUBLIC_ROWS + restricted
    owners = [Owner(name, "州级", "") for name in (OURS, THEIRS, "州交通运输局", "州水利局", "州财政局")]
    indicators.add_taxonomy(store, USES, owners)
    plan = imports.plan(store, [_row(n, c) for n, c in enumerate(cells, 2)], origin="测试")
    assert not plan.problems
    imports.apply(store, plan, actor="test", source="测试")
    policies.put(store, _policies() + sealed, actor="test")
    pool = [
        Expert("e1", "张示例", "绩效领域", "示例大学", "高校", "教授", ("教育绩效", "财政"), True,
               Status.ACTIVE, 0, ""),
        Expert("e2", "李示例", "行业领域", "示例设计院", "企业", "高级工程师", ("公路工程",), True,
               Status.ACTIVE, 0, ""),
    ]  # fmt: skip
    experts.put(store, pool, actor="test", detail="测试")
    for user in PERSONS:
        people.add(store, user, password=PASSWORD, by="test", must_change=False)
    build.build(store)
    store.close()
    return folder


@pytest.fixture(scope="session")
def _still() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in ("corpus.store", "corpus.indicators", "corpus.policies", "corpus.experts", "indexer.build"):
            patch.setattr(f"{module}.now", lambda: NOW)
        patch.setattr("corpus.passwords.hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        patch.delenv("ZHIBIAO_HOSTS", raising=False)
        yield


def _app(data: Path) -> Iterator[Flask]:
    app = create_app(data)
    app.testing = True
    yield app
    at = app.extensions["zhibiao"]
    at.live.close()
    at.store.close()


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory, _still: None) -> Path:
    """The data folder of the whole library."""
    return make(tmp_path_factory.mktemp("whole"), OUR_ROWS + THEIR_ROWS, [_sealed_policy()])


@pytest.fixture(scope="session")
def app(library: Path) -> Iterator[Flask]:
    """The application over the whole library."""
    yield from _app(library)


@pytest.fixture(scope="session")
def public_twin(tmp_path_factory: pytest.TempPathFactory, _still: None) -> Iterator[Flask]:
    """The application over the library as the public sees it."""
    yield from _app(make(tmp_path_factory.mktemp("open"), [], []))


@pytest.fixture(scope="session")
def department_twin(tmp_path_factory: pytest.TempPathFactory, _still: None) -> Iterator[Flask]:
    """The application over the library as our department sees it."""
    yield from _app(make(tmp_path_factory.mktemp("ours"), OUR_ROWS, []))


class Clock:
    """The clock of sign-in; it can be moved, and is the real one else."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def move(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("corpus.tokens.present", made)
    return made


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that a server does by itself, half a minute at most."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def as_user(app: Flask, name: str | None) -> FlaskClient:
    """A client that is signed in as ``name`` by a session, as a browser is; None is the public."""
    client = app.test_client()
    if name:
        secret = people.issue(app.extensions["zhibiao"].store, name, "session", days=1, by="test")
        with client.session_transaction() as session:
            session["session"] = secret
            session["csrf"] = "test-token"
    return client


@pytest.fixture
def public(app: Flask) -> FlaskClient:
    return as_user(app, None)


@pytest.fixture
def department(app: Flask) -> FlaskClient:
    """Sees its own unit's restricted records."""
    return as_user(app, "dept")


@pytest.fixture
def reviewer(app: Flask) -> FlaskClient:
    """Signed in, without clearance."""
    return as_user(app, "reviewer")


@pytest.fixture
def admin(app: Flask) -> FlaskClient:
    """Sees everything."""
    return as_user(app, "admin")


@pytest.fixture
def token(app: Flask) -> str:
    """An API token of our department, for all that a token can be used for."""
    scopes = set(TOKEN_RIGHTS) & RIGHTS[Role.DEPARTMENT]
    return people.issue(app.extensions["zhibiao"].store, "dept", "api", days=1, scopes=scopes, by="test")


@pytest.fixture(autouse=True)
def _fresh_attempts(request: pytest.FixtureRequest) -> None:
    """Sign-in attempts of one test do not count for the next."""
    if "app" in request.fixturenames:
        request.getfixturevalue("app").extensions["zhibiao_attempts"] = Attempts()
