"""``zhibiao user``: accounts, one-time links and API tokens. Passwords come from the terminal or standard input."""

from __future__ import annotations

import getpass
import json
import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction

from corpus import indicators, people
from corpus.access import (
    CLEARANCE_NAMES,
    OPERATOR,
    RIGHT_NAMES,
    RIGHTS,
    TOKEN_RIGHTS,
    Actor,
    Clearance,
    Right,
    Role,
    require,
    require_grant,
    visible,
)
from corpus.calls import acting, data_folder
from corpus.errors import BadInput
from corpus.people import User
from corpus.store import Store
from corpus.tokens import Ticket
from corpus.why import why

ROLES = [role.value for role in Role if role is not Role.PUBLIC]
CLEARANCES = [clearance.value for clearance in Clearance]


def register(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands."""
    user = commands.add_parser("user", help="管理账户、一次性链接和接口令牌")
    actions = user.add_subparsers(dest="action", required=True, metavar="ACTION")

    def command(name: str, help: str, named: str = "name", metavar: str = "NAME") -> ArgumentParser:
        made = actions.add_parser(name, help=help, description=help)
        if named:
            made.add_argument(named, metavar=metavar)
        made.set_defaults(run=_RUNS[name])
        return made

    add = command("add", "新建账户；密码在终端输入两次，或从标准输入读一行，留空则只能用一次性链接进入")
    add.add_argument("--role", choices=ROLES, required=True, help="角色")
    add.add_argument("--unit", default="", help="预算单位")
    add.add_argument("--clearance", choices=CLEARANCES, default="none", help="授权范围，默认 none（只看公开记录）")
    command("list", "列出账户", named="").add_argument("--json", action="store_true", help="输出 JSON")
    command("show", "查看一个账户及其会话、令牌").add_argument("--json", action="store_true", help="输出 JSON")
    edit = command("edit", "修改角色、单位或授权范围；本人须重新登录")
    edit.add_argument("--role", choices=ROLES, help="角色")
    edit.add_argument("--unit", help="预算单位")
    edit.add_argument("--clearance", choices=CLEARANCES, help="授权范围")
    command("disable", "停用账户，其会话、链接和令牌立即失效")
    command("enable", "重新启用账户")
    command("unlock", "解除因连续输错密码造成的锁定")
    command("password", "重设密码；本人下次登录须改掉。密码的输入方式同 add")
    link = command("link", "签发一次性登录链接")
    link.add_argument("--days", type=float, default=1, help="有效天数，最多 7，默认 1")
    link.add_argument("--must-change", action="store_true", help="用此链接进入后须设置新密码（不问原密码）")
    token = command("token", "签发接口令牌，只显示这一次")
    scopes = "、".join(f"{right.value}（{RIGHT_NAMES[right]}）" for right in TOKEN_RIGHTS)
    token.add_argument(
        "--scope", metavar="S,..", help=f"可用于：{scopes}；默认为该角色可用的全部，留空（--scope ''）只能读公开内容"
    )
    token.add_argument("--days", type=float, default=people.API_DAYS, help="有效天数，1 到 365，默认 90")
    token.add_argument("--label", default="命令行签发", help="名称，便于日后辨认")
    command("tokens", "列出接口令牌").add_argument("--json", action="store_true", help="输出 JSON")
    command("revoke", "撤销令牌或结束会话，编号见 user show", named="id", metavar="ID")
    asked = command("why", "说明一个账户（- 表示公众）为什么能或不能看到一条记录")
    asked.add_argument("record", metavar="RECORD", help="指标代码或编号，或政策编号")


def _opened(args: Namespace) -> tuple[Store, Actor]:
    """The store, and in whose name this is done: the operator of the machine, or an administrator by ``--as``."""
    store = Store.open(data_folder(args))
    who = acting(args, store) if args.acting else OPERATOR
    require(who, Right.PEOPLE)
    return store, who


def _granting(args: Namespace) -> tuple[Store, str]:
    """The same for what lets somebody in as the account: not beyond the own clearance."""
    store, who = _opened(args)
    user = people.get(store, args.name)
    require_grant(who, user.clearance, user.unit)
    return store, who.name


def _password() -> str:
    """From the terminal, twice; else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("密码：")
    if password and getpass.getpass("再输入一次：") != password:
        raise BadInput("两次输入的密码不一致，请重新运行。", field="password")
    return password


def _hint_unit(store: Store, unit: str | None, who: Actor) -> None:
    if unit and unit not in indicators.visible_owners(store, who):
        print(f"注意：指标库里没有提供单位“{unit}”，如是笔误请用 zhibiao user edit 修改。", file=sys.stderr)


def run_add(args: Namespace) -> int:
    """Make an account; the first administrator chooses the password himself, others must change theirs."""
    store, who = _opened(args)
    require_grant(who, Clearance(args.clearance), args.unit)
    first = args.role == Role.ADMIN and not any(u.role is Role.ADMIN for u in people.users(store))
    user = User(args.name, Role(args.role), args.unit, Clearance(args.clearance), disabled=False)
    people.add(store, user, password=_password() or None, by=who.name, must_change=not first)
    _hint_unit(store, args.unit, who)
    print(f"已建立账户 {args.name}")
    return 0


def run_list(args: Namespace) -> int:
    """Print the accounts."""
    store, _ = _opened(args)
    found = people.users(store)
    if args.json:
        print(json.dumps({"items": [user.as_json() for user in found]}, ensure_ascii=False))
        return 0
    for user in found:
        print("\t".join((user.name, user.role.value, user.unit or "-", user.clearance.value, user.state)))
    return 0


def run_show(args: Namespace) -> int:
    """Print one account, where it is signed in, and its tokens."""
    store, _ = _opened(args)
    user = people.get(store, args.name)
    sessions, held = people.sessions(store, user.name), people.api_tokens(store, user.name)
    if args.json:
        lists = {"sessions": [t.as_json() for t in sessions], "tokens": [t.as_json() for t in held]}
        print(json.dumps(user.as_json() | lists, ensure_ascii=False))
        return 0
    for label, value in (
        ("用户名", user.name),
        ("角色", user.actor.role_name),
        ("单位", user.unit or "-"),
        ("授权范围", f"{CLEARANCE_NAMES[user.clearance]}。{visible(user.actor).words()}"),
        ("状态", f"{user.state}，{user.locked_until} 解除" if user.locked_until else user.state),
        ("密码", "已设置" if user.has_password else "未设置，只能用一次性链接进入"),
        ("上次登录", user.last_sign_in or "-"),
    ):
        print(f"{label}\t{value}")
    for name, tickets in (("会话", sessions), ("令牌", held)):
        for ticket in tickets:
            print(f"{name}\t{_line(ticket)}")
    return 0


def _line(ticket: Ticket) -> str:
    cells = [ticket.id, ticket.label or "-"]
    if ticket.kind == "api":
        cells.append(",".join(sorted(ticket.scopes)) or "-")
    return "\t".join((*cells, ticket.created, ticket.expires, ticket.last_seen or "-"))


def run_edit(args: Namespace) -> int:
    """Change role, unit or clearance."""
    store, who = _opened(args)
    old = people.get(store, args.name)
    require_grant(who, old.clearance, old.unit)
    if args.role is None and args.unit is None and args.clearance is None:
        raise BadInput("请用 --role、--unit 或 --clearance 指明要改什么。", field="edit")
    role = Role(args.role) if args.role else None
    clearance = Clearance(args.clearance) if args.clearance else None
    require_grant(who, clearance or old.clearance, old.unit if args.unit is None else args.unit)
    people.edit(store, args.name, role=role, unit=args.unit, clearance=clearance, by=who.name)
    _hint_unit(store, args.unit, who)
    print(f"已修改账户 {args.name}，其会话已结束")
    return 0


def run_disable(args: Namespace) -> int:
    """Close an account."""
    store, who = _opened(args)
    people.disable(store, args.name, by=who.name)
    print(f"已停用账户 {args.name}")
    return 0


def run_enable(args: Namespace) -> int:
    """Open an account again."""
    store, who = _opened(args)
    people.enable(store, args.name, by=who.name)
    print(f"已启用账户 {args.name}")
    return 0


def run_unlock(args: Namespace) -> int:
    """Lift a lock."""
    store, who = _opened(args)
    people.unlock(store, args.name, by=who.name)
    print(f"已解除账户 {args.name} 的锁定")
    return 0


def run_password(args: Namespace) -> int:
    """Give an account a new password."""
    store, by = _granting(args)
    people.reset_password(store, args.name, _password(), by=by, must_change=by != args.name)
    print(f"已重设账户 {args.name} 的密码，其会话和一次性链接已失效")
    return 0


def run_link(args: Namespace) -> int:
    """Print the path of a new one-time link, once."""
    store, by = _granting(args)
    secret = people.issue(
        store, args.name, "link", days=args.days, label="命令行签发", must_change=args.must_change, by=by
    )
    print(f"/enter/{secret}")
    print("请接在服务地址之后发给本人；只能用一次，也只显示这一次。", file=sys.stderr)
    return 0


def run_token(args: Namespace) -> int:
    """Print a new API token, once."""
    store, by = _granting(args)
    role = people.get(store, args.name).role
    names = sorted(RIGHTS[role] & set(TOKEN_RIGHTS)) if args.scope is None else _named(args.scope)
    if wrong := [name for name in names if name not in TOKEN_RIGHTS]:
        able = "、".join(TOKEN_RIGHTS)
        raise BadInput(f"--scope 不认识“{wrong[0][:20]}”，可用 {able}，以逗号分隔。", field="scope")
    scopes = [Right(name) for name in names]
    print(people.issue(store, args.name, "api", days=args.days, label=args.label, scopes=scopes, by=by))
    return 0


def _named(scope: str) -> list[str]:
    return [name.strip() for name in scope.split(",") if name.strip()]


def run_tokens(args: Namespace) -> int:
    """Print somebody's API tokens, without the secrets."""
    store, _ = _opened(args)
    found = people.api_tokens(store, people.get(store, args.name).name)
    if args.json:
        print(json.dumps({"items": [ticket.as_json() for ticket in found]}, ensure_ascii=False))
        return 0
    for ticket in found:
        print(_line(ticket))
    return 0


def run_revoke(args: Namespace) -> int:
    """Make a token or session worthless."""
    store, who = _opened(args)
    found = people.revoke(store, args.id, by=who.name)
    print(f"已{'结束会话' if found.kind == 'session' else '撤销'} {found.id}（{found.user}）")
    return 0


def run_why(args: Namespace) -> int:
    """Print the rules that decide, the verdict last."""
    store, who = _opened(args)
    _, reasons = why(store, who, "" if args.name == "-" else args.name, args.record)
    print("\n".join(reasons))
    return 0


_RUNS = {
    "add": run_add,
    "list": run_list,
    "show": run_show,
    "edit": run_edit,
    "disable": run_disable,
    "enable": run_enable,
    "unlock": run_unlock,
    "password": run_password,
    "link": run_link,
    "token": run_token,
    "tokens": run_tokens,
    "revoke": run_revoke,
    "why": run_why,
}
