"""``python -m bench.speed [service|grow|whole]``: see bench/README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.speed import completion, contenders, folder, library, questions, race, report, service, whole
from bench.speed.contenders.contender import Contender
from bench.speed.contenders.ours import ARRAYS_ONLY
from bench.speed.measures import MB, bandwidth, machine

SIZES = (8455, 84550, 845500)


def main() -> int:
    """Run what was asked for, print it, and write it as JSON when asked."""
    arguments = _parser().parse_args()
    if arguments.work == "grow":
        if arguments.data is None:
            raise SystemExit("grow needs --data DIR")
        print(folder.fill(arguments.data, arguments.records), "indicators")
        return 0
    if arguments.work == "service":
        result = service.run(arguments.data, arguments.seconds, arguments.processes)
        service.show(result)
    elif arguments.work == "whole":
        result = whole.run(arguments.data, arguments.records)
        whole.show(result)
    else:
        if arguments.quick:
            os.environ[ARRAYS_ONLY] = "1"
        result = _engines(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0


def _engines(arguments: argparse.Namespace) -> dict[str, Any]:
    _chosen(arguments.only)
    shelf = library.read()
    asked = questions.made(shelf, arguments.count)
    read = bandwidth()
    result: dict[str, Any] = {
        "machine": {
            "python": platform.python_version(),
            "processors": os.cpu_count(),
            "memory_mb": round(machine() / MB),
            "read_gb_per_second": round(read / 1e9, 2),
        },
        "words_asked": {kind: sum(len(q.words) for q in found) / len(found) for kind, found in asked.items()},
        "durable_index_written": not arguments.quick,
        "sizes": {},
    }
    with tempfile.TemporaryDirectory(prefix="bench-speed-", dir=arguments.folder) as name:
        folder = Path(name)
        shelf.base.save(folder)
        for size in arguments.sizes:
            here = folder / str(size)
            here.mkdir()
            lanes = race.run(_chosen(arguments.only), folder, size, here, asked)
            floor = race.floor(lanes, asked, read)
            result["sizes"][str(size)] = report.of_size(lanes, floor)
            if not arguments.only or "complet" in arguments.only:
                found = completion.run(shelf, size, here, questions.prefixes(shelf, arguments.count))
                result["sizes"][str(size)]["completion"] = found
    result["growth"] = report.growth(result["sizes"])
    report.show(result)
    return result


def _chosen(only: str) -> list[Contender]:
    everybody = contenders.everybody()
    if not only:
        return everybody
    wanted = [part.strip().lower() for part in only.split(",")]
    names = {c.name.lower() for c in everybody} | {"completion"}
    if unknown := [part for part in wanted if part not in names]:
        raise SystemExit(f"no contender is called {', '.join(unknown)}; there are: {', '.join(sorted(names))}")
    found = [c for c in everybody if c.name.lower() in wanted]
    needed = {c.built_by for c in found if c.built_by} - {c.name for c in found}
    return [c for c in everybody if c.name.lower() in wanted or c.name in needed]


def _sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.speed", description=__doc__)
    parser.add_argument("work", nargs="?", choices=("engines", "service", "grow", "whole"), default="engines")
    parser.add_argument("--sizes", type=_sizes, default=list(SIZES), metavar="N,N", help="numbers of records")
    parser.add_argument("--count", type=int, default=200, help="questions of each kind")
    parser.add_argument("--only", default="", metavar="NAMES", help="these contenders, by comma; completion is one")
    parser.add_argument("--quick", action="store_true", help="do not write the product's durable index")
    parser.add_argument("--folder", type=Path, help="where the indexes are put while it runs (default: temporary)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument("--data", type=Path, help="service: serve a copy (default: new); grow, whole: make")
    parser.add_argument("--records", type=int, default=SIZES[1], help="grow, whole: how many indicators")
    parser.add_argument("--processes", type=int, help="service: how many processes serve, by default as usual")
    parser.add_argument("--seconds", type=float, default=6.0, help="service: how long each load lasts")
    return parser


if __name__ == "__main__":
    sys.exit(main())
