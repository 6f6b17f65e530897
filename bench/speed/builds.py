"""Every index is built, and opened once, in a process of its own, so that its time and memory are its own.

``python -m bench.speed.builds build|open BASE NAME SIZE FOLDER`` prints one JSON document.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.speed import contenders
from bench.speed.growth import Grown
from bench.speed.library import Base
from bench.speed.measures import MB, on_disk, resident
from bench.speed.questions import Question

QUESTIONS = "questions.pickle"


def run(base: Path, name: str, size: int, folder: Path, questions: Sequence[Question]) -> dict[str, float]:
    """Build when there is no index yet, and open; the figures of both. Raises RuntimeError with what went wrong."""
    (base / QUESTIONS).write_bytes(pickle.dumps(list(questions)))
    contender = contenders.named(name)
    figures: dict[str, float] = {}
    if not contender.built_by:
        folder.mkdir(parents=True)
        figures |= _child("build", base, name, size, folder)
    if contender.environment:
        name = contender.built_by
    return figures | _child("open", base, name, size, folder, environment=contender.environment)


def _child(
    work: str, base: Path, name: str, size: int, folder: Path, *, environment: Mapping[str, str] | None = None
) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.speed.builds", work, str(base), name, str(size), str(folder)]
    done = subprocess.run(  # noqa: S603 - ourselves
        command, capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})}
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"
        raise RuntimeError(f"{work} failed: {reason}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _build(base: Path, name: str, size: int, folder: Path) -> dict[str, float]:
    """``memory`` is what was held beyond the library that the documents are made from."""
    library = Grown(Base.load(base), size)
    before = resident()
    begun = time.perf_counter()
    contenders.named(name).build(library, folder)
    seconds = time.perf_counter() - begun
    return {
        "build_seconds": round(seconds - library.spent, 2),
        "documents_seconds": round(library.spent, 2),
        "build_peak_mb": round((resident(key="VmHWM") - before) / MB, 1),
        "disk_mb": round(on_disk(folder) / MB, 1),
    }


def _open(base: Path, name: str, size: int, folder: Path) -> dict[str, float]:
    """``open_seconds`` ends with the first answer."""
    questions: list[Question] = pickle.loads((base / QUESTIONS).read_bytes())  # noqa: S301 - our own
    contender = contenders.named(name)
    assert contender.missing(size) is None
    before = resident()
    begun = time.perf_counter()
    contender.open(folder)
    opened = time.perf_counter() - begun
    contender.ask(questions[0])
    first = time.perf_counter() - begun
    for question in questions:
        contender.ask(question)
    held = resident() - before
    contender.close()
    return {
        "open_seconds": round(opened, 3),
        "first_answer_seconds": round(first, 3),
        "resident_mb": round(held / MB, 1),
    }


def main() -> int:
    work, base, name, size, folder = sys.argv[1:]
    print(json.dumps({"build": _build, "open": _open}[work](Path(base), name, int(size), Path(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
