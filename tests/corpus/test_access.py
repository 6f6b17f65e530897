"""Who sees what: the truth table, and the same rule as SQL and as a condition."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.access import (
    PUBLIC,
    ROLE_NAMES,
    Actor,
    Clearance,
    Role,
    Scope,
    require_admin,
    require_signed_in,
    visible,
)
from corpus.errors import Forbidden, NotSignedIn
from corpus.model import Visibility

OURS, THEIRS = "州教育体育局", "州公安局"
OPEN, SHUT = Visibility.PUBLIC, Visibility.RESTRICTED


@pytest.mark.parametrize(
    ("visibility", "owner", "clearance", "allowed"),
    [
        (OPEN, OURS, Clearance.NONE, True), (OPEN, OURS, Clearance.OWN, True), (OPEN, OURS, Clearance.ALL, True),
        (OPEN, THEIRS, Clearance.NONE, True), (OPEN, THEIRS, Clearance.OWN, True), (OPEN, THEIRS, Clearance.ALL, True),
        (SHUT, OURS, Clearance.NONE, False), (SHUT, OURS, Clearance.OWN, True), (SHUT, OURS, Clearance.ALL, True),
        (SHUT, THEIRS, Clearance.NONE, False), (SHUT, THEIRS, Clearance.OWN, False),
        (SHUT, THEIRS, Clearance.ALL, True),
    ],
)  # fmt: skip
def test_truth_table(visibility: Visibility, owner: str, clearance: Clearance, allowed: bool) -> None:
    """Of all signed-in roles alike: what a person sees hangs on the clearance alone."""
    signed_in = [role for role in Role if role is not Role.PUBLIC]
    found = {visible(Actor("某人", role, OURS, clearance)).allows(visibility, owner) for role in signed_in}
    assert found == {allowed}


UNITS = st.sampled_from(["", OURS, THEIRS, "州教育体育", "' or 1 --", "%", "州公安局 "])
ACTORS = st.builds(Actor, st.text(max_size=3), st.sampled_from(Role), UNITS, st.sampled_from(Clearance))
RECORDS = st.lists(st.tuples(st.sampled_from(Visibility), UNITS), max_size=12)


@settings(deadline=None)
@given(ACTORS, RECORDS)
def test_sql_and_condition_agree(actor: Actor, records: list[tuple[Visibility, str]]) -> None:
    scope = visible(actor)
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("create table kept (visibility text, owner text)")
        db.executemany("insert into kept values (?, ?)", [(v.value, o) for v, o in records])
        condition, parameters = scope.sql("k")
        found = db.execute(f"select rowid - 1 from kept k where {condition} order by rowid", parameters).fetchall()
    assert [n for (n,) in found] == [n for n, (v, o) in enumerate(records) if scope.allows(v, o)]


@settings(deadline=None)
@given(ACTORS, RECORDS)
def test_equal_keys_see_equal_libraries_and_the_open_edition_is_public(
    actor: Actor, records: list[tuple[Visibility, str]]
) -> None:
    """What is cached for one must be right for the other; who opens the open edition misses nothing there."""
    scope = visible(actor)
    seen = [r for r in records if scope.allows(*r)]
    for unit in ("", OURS, THEIRS):
        for clearance in Clearance:
            other = visible(Actor("另一人", Role.REVIEWER, unit, clearance))
            if other.key == scope.key:
                assert [r for r in records if other.allows(*r)] == seen
    if scope.edition == "open":
        assert seen == [r for r in records if r[0] is OPEN]


def test_who_is_not_signed_in_or_has_no_unit_sees_public_records_only() -> None:
    nobody = Scope(Clearance.NONE, "")
    assert [
        visible(PUBLIC),
        visible(Actor("冒充", Role.PUBLIC, OURS, Clearance.ALL)),
        visible(Actor("冒充", Role.PUBLIC, OURS, Clearance.OWN)),
        visible(Actor("无单位", Role.DEPARTMENT, "", Clearance.OWN)),
    ] == [nobody] * 4
    assert nobody.allows(SHUT, "") is False


def test_edition_key_and_words() -> None:
    scopes = [visible(Actor("某人", Role.REVIEWER, OURS, clearance)) for clearance in Clearance]
    assert [(s.edition, s.key, s.words()) for s in scopes] == [
        ("open", "none:", "只可查看公开指标。"),
        ("full", f"own:{OURS}", f"可查看全部公开指标，以及“{OURS}”提供的不可公开指标。"),
        ("full", "all:", "可查看全部指标，包括不可公开的指标。"),
    ]


def test_only_an_administrator_curates_and_only_signed_in_people_see_experts() -> None:
    actors = [Actor("某人", role, OURS, Clearance.ALL) for role in Role]
    refused = []
    for actor in actors:
        try:
            require_admin(actor, "停用账户")
        except Forbidden as error:
            refused.append((actor.role_name, error.message))
    message = "只有财政管理员可以停用账户，请联系本级财政部门。"
    assert refused == [(n, message) for n in ("公众", "预算单位", "审核人员", "审计员")]
    with pytest.raises(NotSignedIn, match=r"^请先登录后再查看专家库。$"):
        require_signed_in(PUBLIC)
    for actor in actors[1:]:
        require_signed_in(actor)


def test_every_role_has_a_name() -> None:
    assert list(ROLE_NAMES) == list(Role)
