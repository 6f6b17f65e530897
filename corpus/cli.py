"""Commands of the record of truth: init, import, choices, backup, restore; export and user have rooms of their own."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from corpus import choices, cli_audit, cli_export, cli_people, experts, imports, maintenance, policies, reference
from corpus.access import Right, require
from corpus.calls import acting, data_folder, operating, progress
from corpus.errors import BadInput, ZhibiaoError
from corpus.policies import Parsed
from corpus.readers.tables import SUFFIXES as TABLES
from corpus.readers.tables import read_table
from corpus.store import Store


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

    cli_export.register(commands)
    cli_people.register(commands)
    cli_audit.register(commands)

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
    by = operating(args, store, "导入")
    if args.acting:
        require(by, Right.CURATE)
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
    store = Store.open(data_folder(args))
    maintenance.backup(store, args.out, actor=operating(args, store, "备份").name)
    print(f"已备份到 {args.out}")
    return 0


def run_restore(args: Namespace) -> int:
    """Put a backup in place."""
    # An account may stand in the backup alone, or the store be past reading: the name is taken as it was given.
    maintenance.restore(data_folder(args), args.file, actor=args.acting or "")
    print("已恢复，正在重建索引")
    return 0
