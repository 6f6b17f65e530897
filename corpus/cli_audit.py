"""``zhibiao audit``: search and export the audit, print the head of its chain, check the chain."""

from __future__ import annotations

import csv
import json
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TextIO

from corpus import audit, chain, seen
from corpus.access import Actor, Right, require, require_all
from corpus.audit import Asked, Entry
from corpus.calls import acting, data_folder
from corpus.cells import cell
from corpus.errors import BadInput
from corpus.store import Store

HEADER = ("序号", "时间", "人员", "操作", "操作代码", "对象类别", "对象", "涉及记录", "名称", "说明", "链值")


def register(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands."""
    group = commands.add_parser("audit", help="审计记录").add_subparsers(dest="action", required=True)
    find = group.add_parser("search", help="查找")
    _filters(find)
    find.add_argument("--page", type=int, default=1)
    find.add_argument("--size", type=int, default=50)
    find.add_argument("--json", action="store_true")
    find.set_defaults(run=run_search)
    export = group.add_parser("export", help="导出为 csv 或 jsonl")
    _filters(export)
    export.add_argument("out", type=Path, metavar="OUT")
    export.set_defaults(run=run_export)
    group.add_parser("head", help="打印链头，请另行保存").set_defaults(run=run_head)
    verify = group.add_parser("verify", help="核对整条链")
    verify.add_argument("--head", default="", metavar="HASH", help="此前另存的链头：核对它仍在链中")
    verify.set_defaults(run=run_verify)


def _filters(command: ArgumentParser) -> None:
    for name, words in (
        ("text", "记录编号、名称或说明中的文字"),
        ("who", "人员"),
        ("what", "操作代码，例如 see、export、user"),
        ("since", "从这一天起，例如 2026-01-31"),
        ("until", "到这一天止"),
    ):
        command.add_argument(f"--{name}", default="", help=words)


def _asked(args: Namespace) -> Asked:
    return Asked(args.text, args.who, args.what, args.since, args.until)


def run_search(args: Namespace) -> int:
    """Print a page of the audit, newest first."""
    store = Store.open(data_folder(args))
    actor = acting(args, store)
    with seen.gathering(actor) as gathered:
        found = audit.search(store, actor, _asked(args), args.page, args.size)
        as_json = json.dumps(found.as_json(), ensure_ascii=False)
    seen.write(store, actor, gathered.named_in(as_json))
    if args.json:
        print(as_json)
        return 0
    print(f"共 {found.total} 条")
    for e in found.entries:
        about = "、".join(f"{r.name or r.kind}（{r.id}）" for r in e.records[: audit.LISTED])
        about += f" 等 {len(e.records)} 条" if len(e.records) > audit.LISTED else ""
        parts = (local(e.at), e.actor or "（命令行）", e.words, about or e.target, e.detail)
        print("\t".join(" ".join(part.split()) for part in parts if part))
    return 0


def run_export(args: Namespace) -> int:
    """Write every row that the filters leave."""
    store = Store.open(data_folder(args))
    actor = acting(args, store)
    writers = {".csv": write_csv, ".jsonl": write_jsonl}
    writer = writers.get(args.out.suffix.lower())
    if writer is None:
        raise BadInput("输出文件的后缀须为 .csv 或 .jsonl，请修改。", field="out")
    partial = args.out.with_name(args.out.name + ".part")
    with seen.gathering(actor) as gathered:
        entries = audit.entries(store, actor, _asked(args))
        try:
            with partial.open("w", encoding="utf-8-sig" if writer is write_csv else "utf-8", newline="") as file:
                count = writer(file, entries)
            exported(store, actor, gathered, count)
            partial.replace(args.out)
        except OSError as error:
            raise BadInput(f"文件 {args.out} 写不进去，请检查目录是否存在、能否写入。", field="out") from error
        finally:
            partial.unlink(missing_ok=True)
    print(f"已导出 {count} 条到 {args.out}")
    return 0


def exported(store: Store, actor: Actor, gathered: seen.Gathered, count: int) -> None:
    """Write that rows of the audit were exported, and which restricted records they name."""
    with store.writing():
        store.audit(actor=actor.name, action="audit.export", target="", detail=f"{count} 条")
        seen.write(store, actor, gathered.all(), memory=None)


def write_csv(file: TextIO, entries: Iterable[Entry]) -> int:
    """Rows for office programs; returns how many."""
    writer = csv.writer(file)
    writer.writerow(HEADER)
    count = 0
    for e in entries:
        records = " ".join(f"{r.kind}:{r.id}" for r in e.records)
        names = "、".join(r.name for r in e.records)
        cells = (e.serial, local(e.at), e.actor, e.words, e.action, e.kind, e.target, records, names, e.detail, e.chain)
        writer.writerow([cell(value) for value in cells])
        count += 1
    return count


def write_jsonl(file: TextIO, entries: Iterable[Entry]) -> int:
    """One JSON document a row, with all its records; returns how many."""
    count = 0
    for e in entries:
        records = [{"kind": r.kind, "id": r.id, "name": r.name} for r in e.records]
        file.write(json.dumps(e.as_json() | {"records": records}, ensure_ascii=False) + "\n")
        count += 1
    return count


def local(at: str) -> str:
    """A stored time on the clock of this machine, to the second."""
    return f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M:%S}"


def run_head(args: Namespace) -> int:
    """Print the serial and the hash of the newest row, to be kept elsewhere."""
    store = Store.open(data_folder(args))
    _allowed(args, store)
    found = chain.head(store.db.conn)
    print(f"{found.serial} {found.hash}")
    return 0


def run_verify(args: Namespace) -> int:
    """Check the whole chain, and that a noted head is in it; exit 1 when something is wrong."""
    store = Store.open(data_folder(args))
    _allowed(args, store)
    noted = args.head.split()[-1].lower() if args.head.split() else ""
    with store.reading() as db:
        found = chain.verify(db.conn, noted)
    if found.broken is not None:
        print(f"审计记录从第 {found.broken} 条起与写入时不符")
    else:
        print(f"审计记录完整，共 {found.head.serial} 条，链头 {found.head.hash}")
    if noted and not found.noted:
        print("另存的链头不在链中：此后有记录被改写或截去，或数据是从更早的备份恢复的")
    return int(found.broken is not None or (bool(noted) and not found.noted))


def _allowed(args: Namespace, store: Store) -> None:
    """The chain is that of all rows: only who may see all of them is told of it."""
    actor = acting(args, store)
    require(actor, Right.AUDIT)
    require_all(actor, "核对审计链")
