"""``zhibiao user`` as it is typed: what it prints and where, and that no password or secret stands where it should not."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from argon2 import PasswordHasher

from corpus import imports, indicators, people
from corpus.access import Clearance, Right, Role
from corpus.model import Owner
from corpus.people import User
from corpus.readers.tables import Row
from corpus.store import Store
from webapp import cli

PASSWORD = "correct horse battery"  # noqa: S105 - of a made-up person
OTHER = "another lamp of whales"
CHOSEN = "a lamp of my own choice"


class Said(NamedTuple):
    code: int
    out: str
    err: str


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


Run = Callable[..., Said]


@pytest.fixture
def make_sealed(store: Store) -> str:
    """The code of a restricted record of the police."""
    rows = [dict(zip(("code", "name", "level2", "operator", "unit", "owner", "visibility"),
                     ("2190001", "凤凰巡查次数", "数量指标", "≥", "次", "州公安局", "不公开"), strict=True))]  # fmt: skip
    plan = imports.plan(store, [Row("", 2, row) for row in rows], origin="")
    assert plan.problems == []
    imports.apply(store, plan, actor="", source="")
    return "2190001"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Two units, an administrator and a clerk."""
    monkeypatch.setattr("corpus.passwords.hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    made = Store.create(tmp_path / "data")
    indicators.add_taxonomy(made, [], [Owner(name, "州级", "") for name in ("州公安局", "州财政局")])
    for user in (
        User("管理员", Role.ADMIN, "州财政局", Clearance.ALL, disabled=False),
        User("公安经办", Role.DEPARTMENT, "州公安局", Clearance.OWN, disabled=False),
    ):
        people.add(made, user, password=PASSWORD, by="", must_change=False)
    yield made
    made.close()


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Types one command line; ``stdin`` is piped into it, or ``typed`` at the prompts of a terminal."""

    def call(*words: object, stdin: str = "", typed: list[str] | None = None) -> Said:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin) if typed is None else Terminal())
        monkeypatch.setattr("getpass.getpass", lambda prompt: (typed or []).pop(0))
        capsys.readouterr()
        try:
            code = cli.main(["--data", str(tmp_path / "data"), "user", *map(str, words)])
        except SystemExit as stop:
            code = int(str(stop.code))
        return Said(code, *capsys.readouterr())

    return call


def audited(store: Store, action: str) -> list[tuple[str, str]]:
    rows = store.rows("select actor, target from audit where action = ? order by id", [action])
    return [(row["actor"], row["target"]) for row in rows]


def test_accounts_are_made_listed_and_closed(store: Store, run: Run) -> None:
    add = ["add", "王经办", "--role", "department", "--unit", "州公安局", "--clearance", "own"]
    assert run(*add, stdin=f"{OTHER}\n") == Said(0, "已建立账户 王经办\n", "")
    assert run(*add, stdin=f"{OTHER}\n") == Said(1, "", "用户“王经办”已存在，请换一个用户名。\n")
    assert run("add", "li.si", "--role", "auditor", stdin="短\n") == Said(
        2, "", "密码须为 12 到 128 个字符，请重新设置；可以用几个不相干的词连成一句。\n"
    )
    assert run("add", "li.si", "--role", "auditor", "--unit", "州审计局").err == (
        "注意：指标库里没有提供单位“州审计局”，如是笔误请用 zhibiao user edit 修改。\n"
    )
    found = people.sign_in(store, "王经办", OTHER)
    assert found is not None
    assert (found.must_change, people.sign_in(store, "li.si", "")) == (True, None)
    assert run("disable", "li.si") == Said(0, "已停用账户 li.si\n", "")
    assert run("list") == Said(
        0,
        "li.si\tauditor\t州审计局\tnone\t停用\n公安经办\tdepartment\t州公安局\town\t启用\n"
        "王经办\tdepartment\t州公安局\town\t须改密码\n管理员\tadmin\t州财政局\tall\t启用\n",
        "",
    )
    assert run("enable", "li.si") == Said(0, "已启用账户 li.si\n", "")
    listed = json.loads(run("list", "--json").out)
    assert listed == {"items": [user.as_json() for user in people.users(store)]}
    assert run("disable", "赵六") == Said(1, "", "没有用户“赵六”，请用 zhibiao user list 查看。\n")
    assert run("disable", "管理员") == Said(
        1, "", "“管理员”是最后一个启用的财政管理员，不能停用，请先启用或新建另一个管理员。\n"
    )


def test_the_first_administrator_keeps_the_password(tmp_path: Path, store: Store, run: Run) -> None:
    for name in ("data/zhibiao.db", "data/zhibiao.db-wal", "data/zhibiao.db-shm"):
        store.close()
        (tmp_path / name).unlink(missing_ok=True)
    fresh = Store.create(tmp_path / "data")
    for name in ("张主任", "李主任"):
        assert run("add", name, "--role", "admin", "--clearance", "all", stdin=f"{OTHER}\n").code == 0
    assert [(user.name, user.must_change) for user in people.users(fresh)] == [("张主任", False), ("李主任", True)]
    fresh.close()


def test_on_a_terminal_the_password_is_asked_for_twice(store: Store, run: Run) -> None:
    wrong = Said(2, "", "两次输入的密码不一致，请重新运行。\n")
    assert run("password", "公安经办", typed=[OTHER, CHOSEN]) == wrong
    assert run("password", "公安经办", typed=[OTHER, OTHER]).code == 0
    assert people.sign_in(store, "公安经办", OTHER) is not None
    assert run("add", "王经办", "--role", "auditor", typed=[""]).code == 0
    assert people.get(store, "王经办").has_password is False


def test_a_password_never_stands_on_the_command_line(store: Store, run: Run) -> None:
    for words in (("add", "x1", "--role", "auditor", "--password", OTHER), ("password", "公安经办", OTHER)):
        assert run(*words).code == 2
    assert [user.name for user in people.users(store)] == ["公安经办", "管理员"]


def test_a_reset_password_must_be_changed(store: Store, run: Run) -> None:
    said = run("--as", "管理员", "password", "公安经办", stdin=f"{OTHER}\n")
    assert said == Said(0, "已重设账户 公安经办 的密码，其会话和一次性链接已失效\n", "")
    found = people.sign_in(store, "公安经办", OTHER)
    assert found is not None
    assert (found.must_change, audited(store, "user.reset")) == (True, [("管理员", "公安经办")])
    assert run("--as", "管理员", "password", "管理员", stdin=f"{CHOSEN}\n").code == 0
    assert people.get(store, "管理员").must_change is False
    assert run("password", "公安经办") == Said(
        2, "", "密码须为 12 到 128 个字符，请重新设置；可以用几个不相干的词连成一句。\n"
    )
    assert run("password", "赵六", stdin=f"{OTHER}\n").code == 1


def test_a_lock_is_lifted(store: Store, run: Run) -> None:
    for _ in range(10):
        people.sign_in(store, "公安经办", "wrong")
    assert run("list").out.splitlines()[0].endswith("\t锁定")
    assert run("--as", "管理员", "unlock", "公安经办") == Said(0, "已解除账户 公安经办 的锁定\n", "")
    assert people.sign_in(store, "公安经办", PASSWORD) is not None


def test_an_account_is_edited(store: Store, run: Run) -> None:
    people.issue(store, "公安经办", "session", days=1, by="")
    said = run("edit", "公安经办", "--role", "reviewer", "--unit", "", "--clearance", "all")
    assert said == Said(0, "已修改账户 公安经办，其会话已结束\n", "")
    user = people.get(store, "公安经办")
    assert (user.role, user.unit, user.clearance) == (Role.REVIEWER, "", Clearance.ALL)
    assert people.sessions(store, "公安经办") == []
    assert run("edit", "公安经办") == Said(2, "", "请用 --role、--unit 或 --clearance 指明要改什么。\n")
    assert run("edit", "管理员", "--role", "auditor").code == 1


def test_a_link_is_printed_once_and_works(store: Store, run: Run) -> None:
    said = run("--as", "管理员", "link", "公安经办", "--must-change")
    assert (said.code, said.err) == (0, "请接在服务地址之后发给本人；只能用一次，也只显示这一次。\n")
    found = people.redeem(store, said.out.strip().removeprefix("/enter/"))
    assert found is not None
    assert (found.user.must_change, audited(store, "token.link")) == (True, [("管理员", "公安经办")])
    wrong = Said(2, "", "有效期须大于 0 天、不超过 7 天，请修改。\n")
    assert [run("link", "公安经办", "--days", d) for d in ("0", "8", "nan")] == [wrong] * 3


def test_tokens_are_issued_listed_and_revoked(store: Store, run: Run) -> None:
    said = run(
        "--as", "管理员", "token", "公安经办", "--days", "1", "--scope", "experts, restricted", "--label", "对接"
    )
    secret = said.out.strip()
    found = people.holder(store, secret, "api")
    assert found is not None
    assert (said.code, said.err, found.user) == (0, "", people.get(store, "公安经办"))
    assert found.ticket.scopes == {Right.EXPERTS, Right.RESTRICTED}
    assert audited(store, "token.api") == [("管理员", "公安经办")]
    (ticket,) = people.api_tokens(store, "公安经办")
    line = "\t".join((ticket.id, "对接", "experts,restricted", ticket.created, ticket.expires, ticket.last_seen))
    assert run("tokens", "公安经办") == Said(0, line + "\n", "")
    assert json.loads(run("tokens", "公安经办", "--json").out) == {"items": [ticket.as_json()]}
    shown = run("show", "公安经办").out
    assert f"令牌\t{line}\n" in shown
    assert "授权范围\t本单位。可查看全部公开指标，以及“州公安局”提供的不可公开指标。\n" in shown
    everything = json.loads(run("show", "公安经办", "--json").out)
    assert everything == people.get(store, "公安经办").as_json() | {"sessions": [], "tokens": [ticket.as_json()]}
    assert secret not in shown + line + json.dumps(everything)
    assert run("revoke", ticket.id) == Said(0, f"已撤销 {ticket.id}（公安经办）\n", "")
    assert people.holder(store, secret, "api") is None
    assert run("revoke", ticket.id) == Said(1, "", "没有这个编号的会话或令牌，可能已经结束或撤销，请刷新列表查看。\n")


def test_a_token_is_for_all_that_the_role_may_do_unless_narrowed(store: Store, run: Run) -> None:
    for scope in ([], ["--scope", "experts"], ["--scope", ""]):
        assert run("token", "公安经办", "--label", str(scope), *scope).code == 0
    held = {ticket.label: sorted(ticket.scopes) for ticket in people.api_tokens(store, "公安经办")}
    assert held == {
        "[]": ["choose", "experts", "restricted"], "['--scope', 'experts']": ["experts"], "['--scope', '']": [],
    }  # fmt: skip


def test_wrong_tokens_are_refused(store: Store, run: Run) -> None:
    wrong = Said(2, "", "有效期须为 1 到 365 天，请修改。\n")
    assert [run("token", "公安经办", "--days", d) for d in ("0", "-1", "1e12", "nan", "inf")] == [wrong] * 5
    able = "restricted、experts、choose、curate、people、audit"
    assert run("token", "公安经办", "--scope", "experts,account") == Said(
        2, "", f"--scope 不认识“account”，可用 {able}，以逗号分隔。\n"
    )
    assert run("token", "公安经办", "--scope", "people") == Said(
        2, "", "预算单位的令牌不能用来管理账户和授权，请去掉。\n"
    )
    people.disable(store, "公安经办", by="")
    assert run("token", "公安经办") == Said(2, "", "用户“公安经办”已停用，不能签发令牌。\n")
    assert store.value("select count(*) from tokens") == 0


def test_acting_as_somebody_needs_their_rights(store: Store, run: Run) -> None:
    before = people.users(store)
    for words in (("disable", "管理员"), ("unlock", "管理员"), ("link", "管理员"), ("token", "公安经办"),
                  ("edit", "公安经办", "--clearance", "all"), ("revoke", "x"), ("add", "x1", "--role", "admin"),
                  ("password", "管理员")):  # fmt: skip
        assert run("--as", "公安经办", *words, stdin=f"{OTHER}\n") == Said(
            1, "", "只有财政管理员可以管理账户和授权，请联系本级财政部门。\n"
        )
    assert (people.users(store), store.value("select count(*) from tokens")) == (before, 0)


def test_help_is_in_chinese(run: Run) -> None:
    said = run("--help")
    assert said.code == 0
    for action in (
        "add",
        "list",
        "show",
        "edit",
        "disable",
        "enable",
        "unlock",
        "password",
        "link",
        "token",
        "tokens",
        "revoke",
    ):
        assert f"    {action} " in said.out or f"    {action}\n" in said.out
        assert run(action, "--help").code == 0


def test_what_is_done_in_somebodys_name_needs_the_right_and_stays_within_his_clearance(store: Store, run: Run) -> None:
    people.add(store, User("小管", Role.ADMIN, "", Clearance.NONE, disabled=False), password=None, by="")
    right = Said(1, "", "只有财政管理员可以管理账户和授权，请联系本级财政部门。\n")
    for command in (["list"], ["show", "管理员"], ["tokens", "管理员"], ["link", "管理员"], ["why", "-", "2100001"]):
        assert run("--as", "公安经办", *command) == right
    beyond = Said(1, "", "授权范围不能超过您自己的范围，请由可查看全部指标的财政管理员办理。\n")
    for command in (
        ["add", "新人", "--role", "reviewer", "--clearance", "all"],
        ["edit", "小管", "--clearance", "all"],
        ["edit", "管理员", "--clearance", "none"],
        ["password", "管理员"],
        ["link", "公安经办"],
        ["token", "管理员"],
    ):
        assert run("--as", "小管", *command, stdin=f"{OTHER}\n") == beyond
    assert [user.name for user in people.users(store)] == ["公安经办", "小管", "管理员"]
    assert run("--as", "小管", "edit", "小管", "--role", "admin", "--unit", "州财政局").code == 0


def test_why_somebody_sees_a_record(store: Store, run: Run, make_sealed: str) -> None:
    shut = "这条记录不可公开，由“州公安局”提供：只有授权范围包含它的人能看到。"
    assert [run("why", name, make_sealed) for name in ("-", "公安经办")] == [
        Said(0, "\n".join([shut, "公众没有登录，不在任何授权范围内。",
                           "公众看不到这条记录，也不会从检索、计数、联想、导出中得知它存在。", ""]), ""),
        Said(0, "\n".join([shut, "“公安经办”的授权范围为“本单位”，单位为“州公安局”，正是这条记录的提供单位。",
                           "“公安经办”可以看到这条记录。", ""]), ""),
    ]  # fmt: skip
    people.add(store, User("小管", Role.ADMIN, "", Clearance.NONE, disabled=False), password=None, by="")
    unknown = Said(1, "", "没有这个代码或编号的指标或政策，请检查后重试。\n")
    assert [run("--as", "小管", "why", "-", id) for id in (make_sealed, "2190002")] == [unknown] * 2
