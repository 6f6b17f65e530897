"""What a run found, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.speed import contenders
from bench.speed.measures import MB, line, machine, percentiles, ratio
from bench.speed.questions import KINDS
from bench.speed.race import Lane

# Slower than this, suggestions no longer come while somebody types.
SLOW_MS = 100.0
BUILDS = ("build_seconds", "documents_seconds", "build_peak_mb", "disk_mb", "open_seconds", "first_answer_seconds",
          "resident_mb")  # fmt: skip


def of_size(lanes: Sequence[Lane], floor: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Everything about one size."""
    ours = next((lane for lane in lanes if lane.contender.name == contenders.OURS and not lane.skipped), None)
    found: dict[str, Any] = {"contenders": {}, "skipped": {x.contender.name: x.skipped for x in lanes if x.skipped}}
    for lane in lanes:
        if lane.skipped:
            continue
        asked = sum(len(lane.seconds[kind]) for kind in KINDS)
        row: dict[str, Any] = {**lane.figures, "same_counts": f"{lane.agrees} of {asked}"}
        for kind in KINDS:
            row[kind] = {**percentiles(lane.seconds[kind]), "questions": len(lane.seconds[kind])}
            if ours and lane is not ours:
                row[kind]["ours_by_this"] = ratio(ours.seconds[kind], lane.seconds[kind])
        found["contenders"][lane.contender.name] = row
    if floor:
        found["streaming_floor"] = {kind: percentiles(floor[kind]) for kind in KINDS}
    return found


def growth(sizes: Mapping[str, Any]) -> dict[str, Any]:
    """a + b x n of p95 and of memory for everybody with two sizes or more, and where either ends on this machine."""
    points: dict[str, dict[str, dict[int, float]]] = {}
    for size, found in sizes.items():
        for name, row in found["contenders"].items():
            mine = points.setdefault(name, {})
            for kind in KINDS:
                mine.setdefault(f"{kind}_p95_ms", {})[int(size)] = row[kind]["p95"]
            for key in ("build_seconds", "build_peak_mb", "disk_mb", "resident_mb"):
                if key in row:
                    mine.setdefault(key, {})[int(size)] = row[key]
    fits: dict[str, Any] = {}
    ends = {"long_p95_ms": SLOW_MS, "build_peak_mb": machine() / MB, "resident_mb": machine() / MB}
    for name, measures in points.items():
        for key, at in measures.items():
            if len(at) < 2:
                continue
            a, b = line(at)
            fit: dict[str, Any] = {"a": a, "b_per_million": b * 1e6}
            if key in ends and b > 0:
                fit["ends_at_records"] = round((ends[key] - a) / b, -3)
            fits.setdefault(name, {})[key] = fit
    return fits


def show(result: Mapping[str, Any]) -> None:
    """Print it all."""
    for size, found in result["sizes"].items():
        _races(int(size), found)
        _builds(found["contenders"])
        for name, why in found["skipped"].items():
            print(f"  skipped: {name}: {why}")
        if "completion" in found:
            _completion(found["completion"])
    _growth(result.get("growth", {}))


def _races(size: int, found: Mapping[str, Any]) -> None:
    print(f"\n{size:,} records: filter, counts of three facets and top 20 included, ms")
    heads = "".join(f"{kind + ' p50':>11}{'p95':>10}{'p99':>10}{'asked':>6}{'ours/it':>9}" for kind in KINDS)
    print(f"  {'':22}{heads}  same counts")
    for name, row in found["contenders"].items():
        cells = ""
        for kind in KINDS:
            one = row[kind]
            cells += f"{one['p50']:>11.3f}{one['p95']:>10.3f}{one['p99']:>10.3f}{one['questions']:>6}"
            cells += f"{one['ours_by_this']:>9.3f}" if "ours_by_this" in one else f"{'':9}"
        print(f"  {name:22}{cells}  {row['same_counts']}")
    if "streaming_floor" in found:
        cells = ""
        for kind in KINDS:
            one = found["streaming_floor"][kind]
            cells += f"{one['p50']:>11.4f}{one['p95']:>10.4f}{one['p99']:>10.4f}{'':15}"
        print(f"  {'streaming floor':22}{cells}")


def _builds(found: Mapping[str, Any]) -> None:
    heads = ("build s", "(docs s)", "peak MB", "disk MB", "open s", "answer s", "resident MB")
    print(f"  {'':22}" + "".join(f"{head:>12}" for head in heads))
    for name, row in found.items():
        cells = "".join(f"{row[key]:>12,.2f}" if key in row else f"{'':12}" for key in BUILDS)
        print(f"  {name:22}{cells}")


def _completion(found: Mapping[str, Any]) -> None:
    print(f"  completion over {found['texts']:,} texts, ms; ours/SQLite {found['ratio']:.3f}")
    for name, row in found["times"].items():
        print(f"  {name:22}" + "".join(f"  {p} {ms:9.3f}" for p, ms in row.items()))


def _growth(found: Mapping[str, Any]) -> None:
    if found:
        print("\ngrowth: a + b x million records, by least squares; ends: p95 of 100 ms, or the machine's memory")
    for name, fits in found.items():
        for key, fit in fits.items():
            end = f"  ends at {fit['ends_at_records']:,.0f}" if "ends_at_records" in fit else ""
            print(f"  {name:22}{key:16}{fit['a']:>12.3f} + {fit['b_per_million']:>12.2f}{end}")
