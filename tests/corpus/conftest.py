"""A cast of persons, and a small library in which something could leak to each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from corpus import indicators
from corpus.access import PUBLIC, Actor, Clearance, Role
from corpus.indicators import indicator_id
from corpus.model import Indicator, Kind, Operator, Owner, Status, Use, Visibility, category
from corpus.store import Store

OURS, THEIRS = "州教育体育局", "州公安局"
USES = [Use("2050201", "教育", "普通教育", "学前教育保障"), Use("2140101", "交通运输", "公路建设", "农村公路建设")]
OWNERS = [Owner(OURS, "州级", "教育"), Owner(THEIRS, "州级", "公共安全")]


class Cast(NamedTuple):
    """Everybody who asks; ``department`` supplies the records of OURS, ``stranger`` is of another department."""

    public: Actor
    department: Actor
    stranger: Actor
    reviewer: Actor
    admin: Actor


@pytest.fixture
def cast() -> Cast:
    return Cast(
        public=PUBLIC,
        department=Actor("教体局经办", Role.DEPARTMENT, OURS, Clearance.OWN),
        stranger=Actor("交通局经办", Role.DEPARTMENT, "州交通运输局", Clearance.OWN),
        reviewer=Actor("外聘审核", Role.REVIEWER, "", Clearance.NONE),
        admin=Actor("财政管理员", Role.ADMIN, "州财政局", Clearance.ALL),
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.create(tmp_path / "data")
    yield made
    made.close()


Make = Callable[..., Indicator]


@pytest.fixture
def make() -> Make:
    """A complete record of the first use; what a test is about is given by name."""

    def indicator(code: str, name: str, **fields: object) -> Indicator:
        plain: dict[str, object] = {
            "id": indicator_id(code), "code": code, "name": name, "kind": Kind.SPECIFIC, "category": category(code[:2]),
            "use": USES[0], "theme": "", "definition": f"{name}的解释", "formula": "", "operator": Operator.AT_LEAST,
            "unit": "所", "reference": "5", "reference_kind": "计划", "reference_source": "年度计划",
            "scoring": "达到得满分", "evidence": "台账", "keywords": ("校园", "建设"), "owner": OURS,
            "visibility": Visibility.PUBLIC, "restricted_reason": "",
            "status": Status.ACTIVE, "origin": "测试", "replaced_by": "", "revision": 0, "updated": "",
        }  # fmt: skip
        return Indicator(**{**plain, **fields})  # type: ignore[arg-type]

    return indicator


@pytest.fixture
def library(store: Store, make: Make) -> Store:
    """Two public records, one restricted one of each department, one retired and one draft."""
    restricted = {"visibility": Visibility.RESTRICTED, "restricted_reason": "涉密"}
    indicators.add_taxonomy(store, USES, OWNERS)
    indicators.put(
        store,
        [
            make("2100001", "新建幼儿园数量"),
            make("2100002", "预算执行率", kind=Kind.COMMON, use=None, theme="资金管理", owner=THEIRS),
            make("2190001", "麒麟考点安保人数", **restricted),
            make("2190002", "凤凰行动出警次数", owner=THEIRS, use=USES[1], **restricted),
            make("2200001", "已停用的合格率", status=Status.RETIRED, replaced_by=indicator_id("2100001")),
            make("2200002", "起草中的合格率", status=Status.DRAFT),
        ],
        actor="建库",
        action="import",
        detail="测试库",
    )
    return store
