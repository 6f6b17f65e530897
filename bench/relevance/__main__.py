"""``python -m bench.relevance run|pool|merge|worst``: see README.md beside this file."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from bench.relevance import contenders, pool, questions, race, report
from bench.relevance.library import CACHE, Words, opened

WORST = 20


def main() -> int:
    """Run a command; 0 when done, 2 on wrong usage."""
    arguments = _parser().parse_args()
    if arguments.command == "merge":
        if len(arguments.readings) not in (2, 3):
            raise SystemExit("merge takes two readings, or three")
        pool.merge(arguments.readings, arguments.questions / "judgements.tsv", arguments.differ)
        return 0
    known = questions.read(arguments.questions, part=arguments.part)
    if arguments.goals or arguments.queries:
        known = replace(known, questions=tuple(known.of(goals=arguments.goals)))
    with opened(arguments.data) as library:
        everybody = (
            contenders.ablations(library)
            if arguments.command == "ablate"
            else contenders.all_of(library, Words(arguments.cache), arguments.cache)
        )
        lanes, skipped = race.ready(_chosen(everybody, arguments), library)
        try:
            race.run(lanes, known.questions, arguments.depth if arguments.command == "pool" else race.LIMIT)
        finally:
            for lane in lanes:
                lane.contender.close()
        documents = {d.key: d for d in library.documents}
        if arguments.command in ("run", "ablate"):
            result = report.collect(known, lanes, library, skipped)
            report.show(result)
            if arguments.json:
                arguments.json.write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")
        elif arguments.command == "worst":
            report.worst(known, lanes[0], documents, WORST)
        else:
            rows = list(pool.pooled(known, lanes, arguments.depth, documents))
            questions.write(arguments.out, pool.COLUMNS, rows)
            print(
                f"{arguments.out}: {len(rows)} pairs of {len(known.questions)} questions, from {len(lanes)} contenders"
            )
        if arguments.command not in ("run", "ablate"):
            for note in (*known.notes, *(f"skipped: {name}, {why}" for name, why in skipped.items())):
                print(note, file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.relevance", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    base = argparse.ArgumentParser(add_help=False)
    base.add_argument("--questions", type=Path, default=questions.FOLDER, help="folder of the question files")
    racing = argparse.ArgumentParser(add_help=False, parents=[base])
    racing.add_argument("--data", type=Path, help="data folder with a built index (default: build the shipped library)")
    racing.add_argument("--cache", type=Path, default=CACHE, help="folder for vectors and jieba's dictionary")
    racing.add_argument("--part", choices=("tune", "check"), help="these questions alone")
    which = racing.add_mutually_exclusive_group()
    which.add_argument("--goals", action="store_true", help="goals alone")
    which.add_argument("--queries", action="store_true", help="queries alone")
    for name, text in (
        ("run", "print the table"),
        ("ablate", "the same for the product without one of its means each"),
        ("pool", "write what has to be judged"),
    ):
        command = commands.add_parser(name, parents=[racing], help=text)
        command.add_argument("--only", help="contenders whose names contain one of these, by comma")
        if name != "pool":
            command.add_argument("--json", type=Path, help="write all figures, also by question")
        else:
            command.add_argument("out", type=Path, metavar="OUT.tsv")
            command.add_argument("--depth", type=int, default=20)
    commands.add_parser("worst", parents=[racing], help=f"the {WORST} questions that the product answers worst")
    merge = commands.add_parser("merge", parents=[base], help="join blind readings into judgements.tsv")
    merge.add_argument("readings", type=Path, nargs="+", metavar="READING.tsv")
    merge.add_argument("--differ", type=Path, default=Path("DIFFER.tsv"), help="where pairs for a third reading go")
    return parser


def _chosen(everybody: list[contenders.Contender], arguments: argparse.Namespace) -> list[contenders.Contender]:
    if arguments.command == "worst":
        return [c for c in everybody if c.name == contenders.OURS]
    only = arguments.only
    if not only:
        return everybody
    wanted = [part.strip().lower() for part in only.split(",")]
    found = [c for c in everybody if any(part in c.name.lower() for part in wanted)]
    unknown = [part for part in wanted if not any(part in c.name.lower() for c in everybody)]
    if unknown:
        raise SystemExit(
            f"no contender is called {', '.join(unknown)}; there are {', '.join(c.name for c in everybody)}"
        )
    return found


if __name__ == "__main__":
    sys.exit(main())
