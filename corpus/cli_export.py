"""``zhibiao export``: records as a file, or the open edition as a data folder."""

from __future__ import annotations

import csv
import json
from argparse import Action, ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

import xlsxwriter
from xlsxwriter.exceptions import XlsxFileError

from corpus import experts, indicators, open_folder, policies, seen
from corpus.access import PUBLIC, Actor, Right, require, require_all
from corpus.calls import acting, data_folder
from corpus.cells import cell
from corpus.errors import BadInput
from corpus.store import Store

KINDS = ("indicators", "experts", "policies")


class _Out(Action):
    """The last word. The word before it, where there is one, says what is exported."""

    def __call__(self, parser: ArgumentParser, namespace: Namespace, values: object, option: object = None) -> None:
        if namespace.kind not in KINDS:
            parser.error(f"argument KIND: invalid choice: '{namespace.kind}' (choose from {', '.join(KINDS)})")
        namespace.out = values


def register(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command."""
    export = commands.add_parser(
        "export", help="导出指标、专家或政策，或整个公开版数据目录", usage="%(prog)s KIND OUT | --edition open DIR"
    )
    export.add_argument("kind", metavar="KIND", help=" ".join(KINDS) + "；不写则导出整个公开版数据目录")
    # Not to be left out by argparse's own means: an optional word would go empty before an option in between.
    export.add_argument("out", metavar="OUT", type=Path, action=_Out, help="文件，或数据目录").required = False
    export.add_argument("--format", choices=("jsonl", "csv", "xlsx"), help="默认按文件后缀判断")
    export.add_argument("--edition", choices=("open", "full"), help="open（默认）只含公开记录")
    export.set_defaults(run=run_export, derive=lambda store, made: None)


def run_export(args: Namespace) -> int:
    """Write records under the contract's field names, or the open edition as a data folder."""
    store = Store.open(data_folder(args))
    actor = acting(args, store)
    if args.out is None:
        return _run_folder(args, store, actor)
    if args.edition == "full":
        require_all(actor, "导出完整版")
    if args.kind == "indicators":
        records = [i.as_json() for i in indicators.export(store, actor, edition=args.edition or "open")]
    elif args.kind == "policies":
        records = [p.as_json() for p in policies.everything(store, actor if args.edition == "full" else PUBLIC)]
    else:
        require(actor, Right.EXPERTS)
        records = [e.as_json() for e in experts.active(store)]
    written = args.format or args.out.suffix.lower().removeprefix(".")
    writers = {"jsonl": _write_jsonl, "csv": _write_csv, "xlsx": _write_xlsx}
    if written not in writers:
        raise BadInput("请用 --format 指明 jsonl、csv 或 xlsx。", field="format")
    partial = args.out.with_name(args.out.name + ".part")
    try:
        writers[written](partial, records)
        with store.writing():  # before the file has its name
            action, count = f"export.{args.edition or 'open'}", f"{len(records)} 条"
            store.audit(actor=actor.name, action=action, kind="export", target=args.kind, detail=count)
            restricted = [f"{args.kind}:{r['id']}" for r in records if r.get("visibility") == "restricted"]
            seen.write(store, actor, restricted, memory=None)
        partial.replace(args.out)
    except (OSError, XlsxFileError) as error:
        raise BadInput(f"文件 {args.out} 写不进去，请检查目录是否存在、能否写入。", field="out") from error
    finally:
        partial.unlink(missing_ok=True)
    print(f"已导出 {len(records)} 条到 {args.out}")
    return 0


def _run_folder(args: Namespace, store: Store, actor: Actor) -> int:
    if args.edition == "full":
        raise BadInput("完整版的数据目录请用 zhibiao backup 备份，用 zhibiao restore 恢复。", field="edition")
    if args.edition is None or args.kind in KINDS:
        raise BadInput(
            "请写明导出什么和写到哪里：export indicators|experts|policies 文件，或 export --edition open 目录。",
            field="out",
        )
    if args.format:
        raise BadInput("导出公开版数据目录时不能指定 --format，请去掉。", field="format")
    if args.acting:  # who runs the command line without a name could read the folder anyway
        require(actor, Right.CURATE)
    folder = Path(args.kind)
    records, documents = open_folder.export(store, folder, actor=actor.name, derive=args.derive)
    print(f"已导出公开版到 {folder}：指标 {records} 条，政策文件 {documents} 份")
    return 0


def _write_jsonl(path: Path, records: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")


def _write_csv(path: Path, records: list[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(records[0] if records else [])
        writer.writerows([cell(v) for v in r.values()] for r in records)


def _write_xlsx(path: Path, records: list[dict[str, object]]) -> None:
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet("导出")
        lines: list[list[object]] = [list(records[0]) if records else [], *(list(r.values()) for r in records)]
        for line, cells in enumerate(lines):
            for column, value in enumerate(cells):
                sheet.write_string(line, column, cell(value))
