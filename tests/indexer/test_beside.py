"""A second process does calls in their order, hands back what they raise, and never outlives the first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.beside import Second, beside

ROOT = Path(__file__).parents[2]


def exists(child: int) -> bool:
    """Neither gone nor a zombie that nobody has collected yet."""
    try:
        return Path(f"/proc/{child}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert holds()


def test_calls_are_done_in_their_order_and_at_the_exit(tmp_path: Path) -> None:
    with beside(True) as (there, _):
        there(os.mkdir, tmp_path / "1")
        there(os.rename, tmp_path / "1", tmp_path / "2")
        # More than a pipe holds, while the one before is not done.
        there(Path.write_text, tmp_path / "2" / "text", "农村公路" * 100_000, "utf-8")
        there(os.rename, tmp_path / "2", tmp_path / "3")
    assert (tmp_path / "3" / "text").read_text("utf-8") == "农村公路" * 100_000
    assert [p.name for p in tmp_path.iterdir()] == ["3"]


def test_whoever_is_sooner_free_runs_a_call(tmp_path: Path) -> None:
    gate, mark = tmp_path / "gate", tmp_path / "mark"
    os.mkfifo(gate)
    done = list[int]()
    with beside(True) as (there, either):
        there(Path.read_bytes, gate)  # until somebody writes there
        either(os.mkdir, mark)
        either(done.append, 1)
        assert not mark.exists()
        gate.write_bytes(b"open")
    assert (done, mark.exists()) == ([1], True)
    second = Second()
    second.run(os.rmdir, mark)
    until(lambda: not second.left())
    assert not mark.exists()
    second.end()


def test_without_a_second_process_all_is_done_here() -> None:
    done = list[int]()
    with beside(False) as (there, either):
        there(done.append, 1)
        either(done.append, 2)
    assert done == [1, 2]


def test_what_a_call_raises_is_raised_here_and_the_process_ends(tmp_path: Path) -> None:
    second = Second()
    second.run(os.mkdir, tmp_path)
    with pytest.raises(FileExistsError) as raised:
        second.wait()
    assert "work(*arguments)" in raised.value.__notes__[0]
    second.end()
    assert not exists(second.id)
    with pytest.raises(FileExistsError), beside(True) as (there, _):
        there(os.mkdir, tmp_path)


def test_a_process_that_died_is_told_of() -> None:
    second = Second()
    second.run(time.sleep, 600)
    os.kill(second.id, signal.SIGKILL)
    with pytest.raises(ChildProcessError, match="before its work"):
        second.wait()
    second.end()


def test_an_error_here_ends_a_process_that_is_at_work() -> None:
    def failing() -> None:
        with beside(True) as (there, either):
            there(time.sleep, 600)
            there(time.sleep, 600)
            either(divmod, 1, 0)

    started = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        failing()
    assert time.monotonic() - started < 60


PARENT = """
import time
from indexer.beside import Second
second = Second()
second.run(time.sleep, 600)
print(second.id, flush=True)
time.sleep(600)
"""


def test_it_ends_with_a_killed_builder() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert exists(child)
        parent.kill()
    until(lambda: not exists(child))


LOADED = """
import sys
from indexer.beside import beside
with beside(True) as (there, _):
    there(exec, "import sys; print(*sorted({'flask', 'sqlite3', 'docx', 'waitress', 'whoosh'} & {*sys.modules}))")
"""


def test_it_loads_what_it_needs_alone() -> None:
    command = [sys.executable, "-c", LOADED]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout == "whoosh\n"
