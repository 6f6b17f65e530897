"""The speed bench runs: a small library, the product alone, every figure in its place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.speed.measures import shared_out

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


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the system does not say")
def test_memory_counts_a_process_and_what_it_started() -> None:
    waits = "import sys; print(flush=True); sys.stdin.read()"
    starts = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {waits!r}])"
    with subprocess.Popen([sys.executable, "-c", starts], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        held = shared_out(process.pid)
        whole = shared_out(os.getpid())
        process.communicate()
    assert (len(held), [*map(bool, held)]) == (2, [True, True])
    assert len(whole) >= 3
    assert shared_out(process.pid) == []
