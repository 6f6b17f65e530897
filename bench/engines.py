"""Time search against plain Whoosh in one run: ``python -m bench.engines [--json FILE]``."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from corpus import indicators, reference
from corpus.access import PUBLIC, visible
from corpus.store import Store
from indexer import build, query
from indexer.documents import INDICATORS
from indexer.engine import Plan
from indexer.engines.whoosh_index import WhooshIndex
from indexer.live import Live

COUNT = 40
SEED = 20261121


def questions(store: Store) -> dict[str, list[str]]:
    """Short queries and long drafts from the library itself."""
    chance = random.Random(SEED)  # noqa: S311 - not a secret
    records = [i for i in indicators.active(store, "open") if i.use]
    short = [chance.choice(records).use.use if n % 2 else chance.choice(records).keywords[0] for n in range(COUNT)]
    drafts = []
    for _ in range(COUNT):
        text = ""
        while len(text) < chance.randint(150, 500):
            text += chance.choice(records).definition
        drafts.append(text[:500])
    return {"short": short, "long": drafts}


def main() -> int:
    """Print the table; write it as JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.create(Path(folder))
        reference.load(store)
        # One part, so that the peer ranks by the statistics of the whole.
        build.PART = sys.maxsize
        begun = time.perf_counter()
        build.build(store)
        built = time.perf_counter() - begun
        live = Live(store)
        view = live.view()
        engine = view.engine("indicators", visible(PUBLIC))
        peer = WhooshIndex(view.folder / "open" / "indicators" / "whoosh")
        fields = [f.name for f in INDICATORS.fields if f.group == "words"]
        domains = [i.use.domain if i.use else "" for i in indicators.active(store, "open")]

        def ours(plan: Plan) -> object:
            return engine.search(plan, visible(PUBLIC), {"kind": ["specific"]}, limit=20)

        def plain(plan: Plan) -> object:
            terms = [t.text for unit in plan.units for t in (*unit.terms, *unit.parts)]
            found, best = peer.plain(fields, terms, 20)
            return best, Counter(domains[n] for n in found)

        result: dict[str, object] = {"records": len(domains), "build_seconds": round(built, 2)}
        for kind, texts in questions(store).items():
            plans = [
                query.plan(t, view.words)
                if kind == "short"
                else query.draft([(t, 1.0)], view.words)
                for t in texts
            ]
            result[kind] = _race({"ours": ours, "plain Whoosh": plain}, plans)
        peer.close()
        live.close()
        store.close()
    _print(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")
    return 0


def _race(contenders: dict[str, Callable[[Plan], object]], plans: Sequence[Plan]) -> dict[str, dict[str, float]]:
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for plan in [*plans[:10], *plans]:
        for name, run in contenders.items():
            begun = time.perf_counter()
            run(plan)
            times[name].append((time.perf_counter() - begun) * 1000)
    return {
        name: {f"p{p}": round(float(np.percentile(found[10:], p)), 3) for p in (50, 95, 99)}
        for name, found in times.items()
    }


def _print(result: dict[str, object]) -> None:
    print(f"{result['records']} public records, built in {result['build_seconds']} s")
    for kind in ("short", "long"):
        found = result[kind]
        assert isinstance(found, dict)
        for name, row in found.items():
            print(f"{kind:6}{name:14}" + "".join(f"{p} {ms:9.3f} ms  " for p, ms in row.items()))
        print(f"{kind:6}ratio of p95  {found['ours']['p95'] / found['plain Whoosh']['p95']:.4f}")


if __name__ == "__main__":
    sys.exit(main())
