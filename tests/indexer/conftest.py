"""A small library with something in it that could leak, made by the product's own code, and a cast of persons."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from corpus import experts, imports, policies, words
from corpus.access import PUBLIC, Actor, Clearance, Role
from corpus.model import Expert, Status
from corpus.readers.tables import Row
from corpus.store import Store
from corpus.words import Synonym, SynonymType
from indexer import build
from indexer.live import Live

ROADS, POLICE, FARMS = "州交通运输局", "州公安局", "州农业农村局"
UPKEEP = {"domain": "交通运输", "industry": "公路水路运输", "use": "农村公路养护", "owner": ROADS}
TRUNK = {"domain": "交通运输", "industry": "公路水路运输", "use": "国省干线建设", "owner": ROADS}
FIELDS = {"domain": "农林水", "industry": "农业农村", "use": "高标准农田建设", "owner": FARMS}
SAFETY = {"domain": "公共安全", "industry": "公安", "use": "治安防控", "owner": POLICE}
SEALED = {"domain": "公共安全", "industry": "反恐", "use": "要地警卫", "owner": POLICE}
COMMON = {"kind": "共性", "owner": "州财政局"}
HIDDEN = {"visibility": "不公开", "restricted_reason": "涉密"}


def _row(code: str, name: str, level2: str, target: str, **cells: str) -> dict[str, str]:
    operator, reference, unit = target.split(" ") if target else ("定性", "", "")
    return {
        "code": code, "name": name, "level2": level2, "operator": operator, "reference": reference, "unit": unit,
        "visibility": "公开", **cells,
    }  # fmt: skip


ROWS = (
    _row("2100001", "农村公路养护里程", "数量", "≥ 120 公里", **UPKEEP, definition="当年完成日常养护的农村公路里程",
         evidence="养护台账", keywords="农路、管养"),
    _row("2100002", "农村公路新建里程", "数量", "≥ 30 公里", **UPKEEP, definition="当年新建的农村公路里程"),
    _row("2100003", "桥梁检测座数", "数量", "≥ 18 座", **UPKEEP, definition="完成定期检测的桥梁", evidence="检测报告"),
    _row("2200001", "养护工程验收合格率", "质量", "≥ 95 %", **UPKEEP,
         definition="一次验收合格的养护工程占全部工程的比例", formula="合格工程数÷工程总数×100%", keywords="达标"),
    _row("2300001", "养护任务按时完成率", "时效", "≥ 90 %", **UPKEEP, definition="按计划时间完成的任务占比"),
    _row("1100001", "每公里养护成本", "经济成本", "≤ 0.8 万元/公里", **UPKEEP, definition="日常养护的单位成本"),
    _row("3200001", "群众出行时间缩短率", "社会效益", "≥ 10 %", **UPKEEP, definition="沿线群众到县城的平均用时"),
    _row("3400001", "农村公路管护机制健全性", "可持续影响", "", **UPKEEP, definition="管护责任落实到村"),
    _row("4100001", "沿线群众满意度", "满意度", "≥ 90 %", **UPKEEP, definition="受访群众对公路养护的满意程度"),
    _row("2100004", "国省干线新改建里程", "数量", "≥ 68 公里", **TRUNK, definition="完成主体工程的国道和省道里程"),
    _row("2200002", "路面弯沉值合格率", "质量", "≥ 97 %", **TRUNK, definition="弯沉检测合格点占比"),
    _row("3300001", "边坡绿化率", "生态效益", "≥ 80 %", **TRUNK, definition="可绿化边坡中已绿化的比例"),
    _row("2100005", "高标准农田建设面积", "数量", "≥ 2 万亩", **FIELDS, definition="当年建成的高标准农田"),
    _row("2200003", "高标准农田验收合格率", "质量", "≥ 98 %", **FIELDS, definition="验收合格面积占比"),
    _row("3100001", "亩均增产", "经济效益", "≥ 100 公斤", **FIELDS, definition="项目区粮食亩均增产"),
    _row("4100002", "受益农户满意度", "满意度", "≥ 92 %", **FIELDS, definition="受益农户对农田建设的满意程度"),
    _row("2100006", "治安巡逻次数", "数量", "≥ 1000 次", **SAFETY, definition="城区街面巡逻"),
    _row("3200002", "刑事案件下降率", "社会效益", "≥ 5 %", **SAFETY, definition="与上年相比的下降幅度"),
    _row("2100007", "培训人数", "数量", "≥ 200 人", **COMMON, theme="培训", definition="参加培训的人数"),
    _row("2200004", "培训考试通过率", "质量", "≥ 95 %", **COMMON, theme="培训", definition="结业考试通过的比例"),
    _row("4100003", "学员满意度", "满意度", "≥ 90 %", **COMMON, theme="培训", definition="学员对培训的满意程度"),
    _row("2200005", "工程验收合格率", "质量", "= 100 %", **COMMON, theme="工程建设", definition="竣工验收一次合格"),
    _row("2300002", "项目按期完工率", "时效", "= 100 %", **COMMON, theme="通用", definition="按合同工期完工"),
    _row("1100002", "预算成本控制率", "经济成本", "≤ 100 %", **COMMON, theme="通用", definition="实际支出与预算之比"),
    # What must not leak: a word that stands nowhere else, a public record's name, the only one of a unit and of a
    # use, and another department's.
    _row("2190001", "战备公路蓝盾演练次数", "数量", "≥ 4 架次", **{**UPKEEP, **HIDDEN}, definition="蓝盾战备演练保通"),
    _row("2190002", "农村公路养护里程", "数量", "≥ 12 公里", **{**UPKEEP, **HIDDEN}, definition="国防公路养护里程"),
    _row("2190003", "警卫路线巡查次数", "数量", "≥ 9 趟", **SEALED, **{"visibility": "不公开"},
         definition="玄武警卫路线农村公路巡查", keywords="玄武"),
    _row("4190001", "沿线群众满意度", "满意度", "≥ 70 %", **{**SEALED, **HIDDEN}, definition="玄武沿线群众测评"),
)  # fmt: skip
SYNONYMS = (
    Synonym("验收合格率", "验收达标率", SynonymType.SAME),
    Synonym("农村公路", "农路", SynonymType.ABBREVIATION),
    Synonym("养护", "修修补补", SynonymType.COLLOQUIAL),
    Synonym("培训", "轮训", SynonymType.NARROWER),
)
LEXICON = ("农村公路", "高标准农田", "弯沉值", "国省干线", "按时完成率")
POLICY = """<html><body>
<h1>某州农村公路养护管理办法</h1>
<p>某交规〔2023〕7号</p>
<p>第一条 为加强农村公路养护管理，制定本办法。</p>
<p>第二条 养护工程验收合格率不得低于百分之九十五。</p>
<p>第三条 沿线群众满意度列入年度考核。</p>
</body></html>"""
PEOPLE = (
    Expert("e001", "张三（示例）", "行业领域", "某公路设计院", "设计单位", "高级工程师", ("公路工程", "桥梁检测"), True,
           Status.ACTIVE, 0, ""),
    Expert("e002", "李四（示例）", "绩效领域", "某大学", "高等院校", "教授", ("预算绩效管理",), True,
           Status.ACTIVE, 0, ""),
    Expert("e003", "王五（示例）", "行业领域", "某农科院", "科研院所", "研究员", ("高标准农田",), True,
           Status.RETIRED, 0, ""),
)  # fmt: skip


@dataclass(frozen=True)
class Cast:
    """Who asks: without clearance, with the own department's, with another's, with all."""

    public: Actor
    roads: Actor
    police: Actor
    reviewer: Actor
    auditor: Actor


Rows = Mapping[str, str]
PutRows = Callable[..., None]


@pytest.fixture(scope="session")
def cast() -> Cast:
    return Cast(
        public=PUBLIC,
        roads=Actor("路", Role.DEPARTMENT, ROADS, Clearance.OWN),
        police=Actor("警", Role.DEPARTMENT, POLICE, Clearance.OWN),
        reviewer=Actor("审", Role.REVIEWER, "州财政局", Clearance.ALL),
        auditor=Actor("计", Role.AUDITOR, "州审计局", Clearance.NONE),
    )


@pytest.fixture(scope="session")
def put_rows() -> PutRows:
    """Import rows as a user's table is imported; a row with a known code changes that record."""

    def put(store: Store, *rows: Rows) -> None:
        plan = imports.plan(store, [Row("", n, dict(r)) for n, r in enumerate(rows, 2)], origin="测试")
        assert plan.problems == []
        imports.apply(store, plan, actor="测试", source="测试")

    return put


@pytest.fixture(scope="session")
def rows() -> dict[str, dict[str, str]]:
    """The rows of the library by code."""
    return {row["code"]: row for row in ROWS}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, put_rows: PutRows) -> Path:
    """The data folder of the library with its index. Nobody writes to it."""
    folder = tmp_path_factory.mktemp("library") / "data"
    store = Store.create(folder)
    put_rows(store, *ROWS)
    words.put(store, SYNONYMS, LEXICON)
    source = folder.parent / "办法.html"
    source.write_text(POLICY, encoding="utf-8")
    policies.put(store, [policies.parse(source)], actor="测试")
    experts.put(store, PEOPLE, actor="测试", detail="测试")
    build.build(store)
    store.close()
    return folder


@pytest.fixture(scope="session")
def library(folder: Path) -> Iterator[tuple[Store, Live]]:
    """The library open for reading."""
    store = Store.open(folder)
    live = Live(store)
    yield store, live
    live.close()
    store.close()


@pytest.fixture
def store(folder: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of the library that the test may write to."""
    shutil.copytree(folder, tmp_path / "data")
    store = Store.open(tmp_path / "data")
    yield store
    store.close()


@pytest.fixture
def live(store: Store) -> Iterator[Live]:
    """The index of the writable copy."""
    live = Live(store)
    yield live
    live.close()
