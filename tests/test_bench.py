"""The speed bench runs: a small library, the product alone, every figure in its place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_bench_times_the_product_and_its_completion(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    command = [sys.executable, "-m", "bench.speed", "--sizes", "600", "--count", "6", "--only", "ours,completion",
               "--quick", "--folder", str(tmp_path), "--json", str(out)]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(out.read_text("utf-8"))["sizes"]["600"]
    assert sorted(found["completion"]["times"]) == ["SQLite index", "ours"]
    assert "ours" in found["contenders"]
