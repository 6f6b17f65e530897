"""Figures of times, memory, disks and growth."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

MB = 1_000_000


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Median, p95 and p99 in milliseconds."""
    return {f"p{p}": round(float(np.percentile(seconds, p)) * 1000, 4) for p in (50, 95, 99)}


def ratio(ours: Sequence[float], theirs: Sequence[float], percent: int = 95) -> float:
    """Ours by theirs over the questions that both answered."""
    both = min(len(ours), len(theirs))
    return round(float(np.percentile(ours[:both], percent) / np.percentile(theirs[:both], percent)), 4)


def resident(process: int | str = "self", key: str = "VmRSS") -> int:
    """The memory that a process holds, mapped files included, in bytes; with the key ``VmHWM`` the most it ever held.

    0 where the system does not say.
    """
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:")), 0)


def shared_out(process: int) -> list[int]:
    """By process the memory that one and all that it started hold, in bytes; of shared pages each has its share."""
    proc = Path(f"/proc/{process}")
    try:
        lines = (proc / "smaps_rollup").read_text(encoding="ascii").splitlines()
        started = [int(pid) for task in (proc / "task").iterdir() for pid in (task / "children").read_text().split()]
    except OSError:  # ended meanwhile
        return []
    held = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
    return [held, *(share for pid in started for share in shared_out(pid))]


def share(process: int) -> float:
    """What a process and all that it started hold together in MB; what they share counts once."""
    return round(sum(shared_out(process)) / MB, 1)


def machine() -> int:
    """The machine's memory in bytes."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return int(lines[0].split()[1]) * 1024


def on_disk(folder: Path) -> int:
    """The bytes of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def bandwidth() -> float:
    """Bytes that one thread reads from memory in a second, the best of five."""
    block = np.ones(64 * MB, np.float32)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        np.dot(block, block)
        times.append(time.perf_counter() - begun)
    # np.dot asks for the same block twice but gets the second from the cache.
    return block.nbytes / min(times)


def line(points: dict[int, float]) -> tuple[float, float]:
    """(a, b) of a + b x n through (n, value), by least squares of relative errors."""
    sizes = np.array(list(points), float)
    values = np.array(list(points.values()), float)
    weights = 1 / np.maximum(values, 1e-9)
    (a, b), *_ = np.linalg.lstsq(np.stack([weights, sizes * weights], 1), values * weights, rcond=None)
    return float(a), float(b)
