"""``zhibiao export``: records as a file."""

from __future__ import annotations

import csv
import json
import re
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

import xlsxwriter
from xlsxwriter.exceptions import XlsxFileError

from corpus import experts, indicators, policies
from corpus.access import PUBLIC, Right, require, require_all
from corpus.calls import acting, data_folder
from corpus.errors import BadInput
from corpus.store import Store


def register(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command."""
    export = commands.add_parser("export", help="导出指标、专家或政策")
    export.add_argument("kind", choices=("indicators", "experts", "policies"))
    export.add_argument("out", type=Path, metavar="OUT")
    export.add_argument("--format", choices=("jsonl", "csv", "xlsx"), help="默认按文件后缀判断")
    export.add_argument("--edition", choices=("open", "full"), default="open", help="open 只含公开记录")
    export.set_defaults(run=run_export)


def run_export(args: Namespace) -> int:
    """Write records under the contract's field names."""
    store = Store.open(data_folder(args))
    actor = acting(args, store)
    if args.edition == "full":
        require_all(actor, "导出完整版")
    if args.kind == "indicators":
        records = [i.as_json() for i in indicators.export(store, actor, edition=args.edition)]
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
