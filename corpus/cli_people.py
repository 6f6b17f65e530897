"""``zhibiao user``: accounts and their tokens."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction

from corpus import people
from corpus.access import Clearance, Role
from corpus.calls import data_folder
from corpus.errors import BadInput
from corpus.people import User
from corpus.store import Store

MAX_DAYS = 3650


def register(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands."""
    user = commands.add_parser("user", help="管理账户").add_subparsers(dest="action", required=True)
    add = user.add_parser("add", help="新建账户")
    add.add_argument("name")
    add.add_argument("--role", choices=[r.value for r in Role if r is not Role.PUBLIC], required=True)
    add.add_argument("--unit", default="", help="预算单位")
    add.add_argument("--clearance", choices=[c.value for c in Clearance], default="none")
    add.set_defaults(run=run_user_add)
    user.add_parser("list", help="列出账户").set_defaults(run=run_user_list)
    disable = user.add_parser("disable", help="停用账户")
    disable.add_argument("name")
    disable.set_defaults(run=run_user_disable)
    token = user.add_parser("token", help="签发接口令牌")
    token.add_argument("name")
    token.add_argument("--days", type=float, default=90)
    token.set_defaults(run=run_user_token)


def run_user_add(args: Namespace) -> int:
    """Make an account; the password is asked for on a terminal, else read from standard input."""
    store = Store.open(data_folder(args))
    password = getpass.getpass("密码：") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    user = User(args.name, Role(args.role), args.unit, Clearance(args.clearance), disabled=False)
    people.add(store, user, password=password or None, by=args.acting or "")
    print(f"已建立账户 {args.name}")
    return 0


def run_user_list(args: Namespace) -> int:
    """Print the accounts."""
    for u in people.users(Store.open(data_folder(args))):
        print("\t".join((u.name, u.role.value, u.unit or "-", u.clearance.value, "停用" if u.disabled else "启用")))
    return 0


def run_user_disable(args: Namespace) -> int:
    """Close an account."""
    people.disable(Store.open(data_folder(args)), args.name, by=args.acting or "")
    print(f"已停用账户 {args.name}")
    return 0


def run_user_token(args: Namespace) -> int:
    """Print a new API token, once."""
    store = Store.open(data_folder(args))
    if not 0 < args.days <= MAX_DAYS:
        raise BadInput(f"令牌有效期须大于 0 天、不超过 {MAX_DAYS} 天，请修改 --days。", field="days")
    print(people.issue(store, args.name, "api", days=args.days, label="命令行签发", by=args.acting or ""))
    return 0
