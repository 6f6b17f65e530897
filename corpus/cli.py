"""Commands of the record of truth: init, import, export, user, choices, backup, restore."""

from __future__ import annotations

import csv
import getpass
import json
import re
import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable
from pathlib import Path

import xlsxwriter
from xlsxwriter.exceptions import XlsxFileError

from corpus import choices, experts, imports, indicators, maintenance, people, policies, reference
from corpus.access import PUBLIC, Actor, Clearance, Role, require_signed_in
from corpus.errors import BadInput, Forbidden, ZhibiaoError
from corpus.people import User
from corpus.policies import Parsed
from corpus.readers.tables import SUFFIXES as TABLES
from corpus.readers.tables import read_table
from corpus.store import Store

Command = Callable[[Namespace], int]
MAX_DAYS = 3650


def data_folder(args: Namespace) -> Path:
    """The data folder of this call."""
    return Path(args.data)


def progress(message: str) -> None:
    """Say where long work stands, on a terminal only."""
    if sys.stderr.isatty():
        print(message, file=sys.stderr)


def acting(args: Namespace, store: Store) -> Actor:
    """Whom this call acts as: the public unless ``--as`` names a user. Raises NotFound, or Forbidden when disabled."""
    if not args.acting:
        return PUBLIC
    user = people.get(store, args.acting)
    if user.disabled:
        raise Forbidden(f"用户“{user.name}”已停用，请换一个账户。")
    return user.actor


def register(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands of this storey."""
    init = commands.add_parser("init", help="建立数据目录并载入参考库")
    init.add_argument("--empty", action="store_true", help="不载入参考库")
    init.set_defaults(run=run_init)

    load = commands.add_parser("import", help="导入指标表格或政策文件")
    load.add_argument("files", nargs="+", type=Path, metavar="FILE")
    load.add_argument("--kind", choices=("indicators", "experts", "policies"), help="默认按文件类型判断")
    load.add_argument("--dry-run", action="store_true", help="只检查，不写入")
    load.set_defaults(run=run_import)

    export = commands.add_parser("export", help="导出指标、专家或政策")
    export.add_argument("kind", choices=("indicators", "experts", "policies"))
    export.add_argument("out", type=Path, metavar="OUT")
    export.add_argument("--format", choices=("jsonl", "csv", "xlsx"), help="默认按文件后缀判断")
    export.add_argument("--edition", choices=("open", "full"), default="open", help="open 只含公开记录")
    export.set_defaults(run=run_export)

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

    learned = commands.add_parser("choices", help="查看或清除采用记录").add_subparsers(dest="action", required=True)
    learned.add_parser("list", help="各用途下每条指标有多少人采用过").set_defaults(run=run_choices_list)
    reset = learned.add_parser("reset", help="清除采用记录")
    reset.add_argument("--use", metavar="NAME", help="只清除该用途的；默认全部")
    reset.set_defaults(run=run_choices_reset)

    backup = commands.add_parser("backup", help="备份数据库")
    backup.add_argument("out", type=Path, metavar="OUT")
    backup.set_defaults(run=run_backup)
    restore = commands.add_parser("restore", help="从备份恢复（先停止服务）")
    restore.add_argument("file", type=Path, metavar="FILE")
    restore.set_defaults(run=run_restore)


def run_init(args: Namespace) -> int:
    """Make the data folder; a library that is there already is left as it is."""
    store = Store.create(data_folder(args))
    if args.empty or store.head():
        return 0
    reference.load(store, progress)
    return 0


def run_import(args: Namespace) -> int:
    """All files or none, in one transaction: each is checked against the library with the files before it."""
    store = Store.open(data_folder(args))
    by = acting(args, store)
    if missing := next((f for f in args.files if not f.is_file()), None):
        raise BadInput(f"没有文件 {missing}，请检查路径。", field="file")
    written, people_read, parsed, failed = 0, 0, [], False
    try:
        with store.writing():
            for path in args.files:
                try:
                    if (args.kind or _kind_of(path)) == "indicators":
                        plan = imports.plan(store, read_table(path), origin=f"导入：{path.name}")
                        for problem in plan.problems:
                            print(f"{path.name} {problem}", file=sys.stderr)
                        failed = failed or bool(plan.problems)
                        print(f"{path.name}：{plan.summary()}")
                        written += imports.apply(store, plan, actor=by.name, source=path.name)
                    elif args.kind == "experts":
                        pool, problems = experts.read(read_table(path))
                        for problem in problems:
                            print(f"{path.name} {problem}", file=sys.stderr)
                        failed = failed or bool(problems)
                        print(f"{path.name}：专家 {len(pool)} 名，有问题 {len(problems)} 处")
                        experts.put(store, pool, actor=by.name, detail=path.name)
                        people_read += len(pool)
                    else:
                        parsed.append(policies.parse(path))
                        print(f"{path.name}：{_summary(parsed[-1])}")
                except ZhibiaoError as error:
                    print(error.message, file=sys.stderr)
                    failed = True
            documents, known = policies.put(store, parsed, actor=by.name)
            if failed or args.dry_run:
                raise _Undo
    except _Undo:
        if failed:
            print("有问题未解决，没有写入任何内容；请修改后重新导入。", file=sys.stderr)
        return int(failed)
    counted = {"指标 {} 条": written, "专家 {} 名": people_read, "政策文件 {} 份": documents}
    said = "、".join(words.format(count) for words, count in counted.items() if count)
    print((f"已写入{said}" if said else "没有新的内容") + (f"；{known} 份已在库中" if known else ""))
    return 0


class _Undo(Exception):
    """Leaves the transaction of an import that shall write nothing."""


def _summary(document: Parsed) -> str:
    numbers = {c.number for c in document.citations if c.number}
    return f"《{document.policy.title}》，{len(document.passages)} 段，引用文号 {len(numbers)} 个"


def _kind_of(path: Path) -> str:
    return "indicators" if path.suffix.lower() in TABLES else "policies"


def run_export(args: Namespace) -> int:
    """Write records under the contract's field names."""
    store = Store.open(data_folder(args))
    actor = acting(args, store)
    if args.edition == "full" and actor.clearance is not Clearance.ALL:
        raise BadInput("导出完整版需要可查看全部指标的账户，请用 --as 指定。", field="edition")
    if args.kind == "indicators":
        records = [i.as_json() for i in indicators.export(store, actor, edition=args.edition)]
    elif args.kind == "policies":
        records = [p.as_json() for p in policies.everything(store, actor if args.edition == "full" else PUBLIC)]
    else:
        require_signed_in(actor)
        records = [e.as_json() for e in experts.active(store)]
    written = args.format or args.out.suffix.lower().removeprefix(".")
    writers = {"jsonl": _write_jsonl, "csv": _write_csv, "xlsx": _write_xlsx}
    if written not in writers:
        raise BadInput("请用 --format 指明 jsonl、csv 或 xlsx。", field="format")
    partial = args.out.with_name(args.out.name + ".part")
    try:
        writers[written](partial, records)
        partial.replace(args.out)
    except (OSError, XlsxFileError) as error:
        raise BadInput(f"文件 {args.out} 写不进去，请检查目录是否存在、能否写入。", field="out") from error
    finally:
        partial.unlink(missing_ok=True)
    print(f"已导出 {len(records)} 条到 {args.out}")
    return 0


def _write_jsonl(path: Path, records: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")


def _write_csv(path: Path, records: list[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(records[0] if records else [])
        writer.writerows([_cell(v) for v in r.values()] for r in records)


def _write_xlsx(path: Path, records: list[dict[str, object]]) -> None:
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet("导出")
        lines: list[list[object]] = [list(records[0]) if records else [], *(list(r.values()) for r in records)]
        for line, cells in enumerate(lines):
            for column, value in enumerate(cells):
                sheet.write_string(line, column, _cell(value))


def _cell(value: object) -> str:
    """A cell as text; one that a spreadsheet would take for a formula is set behind an apostrophe.

    A lone sign (the operator ``=``) and a plain number are no formula, and can be imported again as they are.
    """
    text = "、".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    harmless = len(text) == 1 or re.fullmatch(r"-\d+(\.\d+)?", text, re.ASCII)
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) and not harmless else text


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


def run_choices_list(args: Namespace) -> int:
    """Print how many persons took each indicator over, by use."""
    store = Store.open(data_folder(args))
    for t in choices.taken(store, acting(args, store)):
        print("\t".join((t.use, t.code, t.name, str(t.persons))))
    return 0


def run_choices_reset(args: Namespace) -> int:
    """Forget what was learned, of one use or of all."""
    store = Store.open(data_folder(args))
    print(f"已清除 {choices.reset(store, acting(args, store), args.use)} 条采用记录")
    return 0


def run_backup(args: Namespace) -> int:
    """Copy the store."""
    maintenance.backup(Store.open(data_folder(args)), args.out)
    print(f"已备份到 {args.out}")
    return 0


def run_restore(args: Namespace) -> int:
    """Put a backup in place."""
    maintenance.restore(data_folder(args), args.file)
    print("已恢复，正在重建索引")
    return 0
