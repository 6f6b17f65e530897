"""Measures in the background how good search and suggestion are; for the pages of the relevance desk."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import Conflict, ZhibiaoError
from corpus.store import Store, now
from indexer import relevance
from indexer.live import Live, View
from indexer.relevance import KINDS, Figures, Outcome, Question, Report
from indexer.settings import Settings
from webapp.shared import Mutex, Shared

NAME = "relevance.json"
# The processor is left to the answers in between: a share of the time that a question took.
REST = 0.25
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Run:
    """A measurement under way: what it is called, and how many of its questions are done."""

    title: str
    total: int
    done: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """Other weights beside those that served, over the same questions at one moment."""

    at: str
    generation: str
    kinds: tuple[str, ...]
    base: Settings
    weights: Settings
    before: tuple[Outcome, ...]
    after: tuple[Outcome, ...]

    def kind_rows(self) -> list[tuple[str, Figures, Figures]]:
        """Both figures by kind; of several kinds, those of all together too."""
        before, after = relevance.by_kind(self.before), relevance.by_kind(self.after)
        rows = [(KINDS[kind], before[kind], after[kind]) for kind in before]
        whole = ("合计", Figures.of(self.before), Figures.of(self.after))
        return [whole, *rows] if len(rows) > 1 else rows


class _Stopped(Exception):
    """The run was called off."""


Ask = Callable[[View, Iterable[Question]], list[Outcome]]


@dataclass(slots=True)
class _State:
    """What all processes know of the runs."""

    run: Run | None = None
    called_off: bool = False
    tried: tuple[Settings, tuple[str, ...]] | None = None
    trouble: str = ""


class Desk:
    """Measures in the background, one run at a time; keeps the last report, on disk too, and the last trial.

    All processes forked from this one share what it tells, and the turn to run.
    """

    def __init__(self, data: Path, live: Live) -> None:
        self._data = data
        self._live = live
        self._turn = Mutex()
        self._state = Shared(_State())
        self._trial: Shared[Trial | None] = Shared(None)
        self._thread: threading.Thread | None = None
        self._report: tuple[object, Report | None] = (None, None)

    @property
    def run(self) -> Run | None:
        """What runs."""
        return self._present().run

    @property
    def tried(self) -> tuple[Settings, tuple[str, ...]] | None:
        """The weights and kinds last asked for."""
        return self._present().tried

    @property
    def trouble(self) -> str:
        """Why the last run gave nothing."""
        return self._present().trouble

    @property
    def trial(self) -> Trial | None:
        """The last trial."""
        return self._trial.read()

    def report(self) -> Report | None:
        """The last measurement, also one of another process."""
        path = self._data / NAME
        try:
            stamp: object = (path.stat().st_mtime_ns, path.stat().st_ino)
        except FileNotFoundError:
            stamp = None
        if self._report[0] != stamp:
            self._report = (stamp, Report.read(path, relevance.FOLDER))
        return self._report[1]

    def measure(self) -> None:
        """Measure all questions under the weights that serve. Raises Conflict while something runs."""
        view, folder = self._live.view(), relevance.FOLDER
        asked = relevance.questions(folder)

        def work(store: Store, ask: Ask) -> None:
            Report.of(store, view, ask(view, asked), folder).write(self._data / NAME)

        self._start(Run("正在测量", len(asked)), work)

    def attempt(self, weights: Settings, kinds: Sequence[str]) -> None:
        """Measure the questions of these kinds as things are, and under other weights. Raises Conflict."""
        view = self._live.view()
        asked = [q for q in relevance.questions(relevance.FOLDER) if q.kind in kinds]

        def work(_: Store, ask: Ask) -> None:
            before, after = ask(view, asked), ask(view.weighed(weights), asked)
            self._trial.write(
                Trial(now(), view.generation, tuple(kinds), view.settings, weights, tuple(before), tuple(after))
            )

        self._start(Run("正在试算", 2 * len(asked)), work, tried=(weights, tuple(kinds)))

    def stop(self) -> None:
        """Call the run off and wait for its end."""
        self.call_off()
        self.wait()

    def call_off(self) -> None:
        """Have the run end after its present question."""
        with self._state.changing() as state:
            state.called_off = True

    def wait(self) -> None:
        """Until nothing runs."""
        while self.run is not None:
            time.sleep(0.02)
        if self._thread is not None:
            self._thread.join()

    def _present(self) -> _State:
        with self._state.changing() as state:
            if state.run is not None and self._turn.acquire(wait=False):  # whose turn it was has died
                self._turn.release()
                state.run, state.trouble = None, "没有完成：服务进程意外结束，请重新开始。"
            return state

    def _start(
        self,
        run: Run,
        work: Callable[[Store, Ask], None],
        tried: tuple[Settings, tuple[str, ...]] | None = None,
    ) -> None:
        with self._state.changing() as state:
            if not self._turn.acquire(wait=False):
                raise Conflict(f"{state.run.title}，请等它完成，或先停止。")
            state.run, state.called_off, state.tried, state.trouble = run, False, tried or state.tried, ""
        self._thread = threading.Thread(target=self._work, args=(work,))
        self._thread.start()

    def _work(self, work: Callable[[Store, Ask], None]) -> None:
        trouble = ""
        try:
            with closing(Store.open(self._data)) as store:  # this thread's connection ends with it

                def ask(view: View, asked: Iterable[Question]) -> list[Outcome]:
                    return list(self._asked(store, view, asked))

                work(store, ask)
        except _Stopped:
            pass
        except Exception as error:
            _log.exception("relevance run failed")
            trouble = f"没有完成：{error.message if isinstance(error, ZhibiaoError) else '出错了，请看服务日志'}"
        finally:
            with self._state.changing() as state:
                state.run, state.trouble = None, trouble
                self._turn.release()

    def _asked(self, store: Store, view: View, asked: Iterable[Question]) -> Iterator[Outcome]:
        for question in asked:
            # The service that is shutting down waits for this thread: it ends with the main one.
            if self._state.read().called_off or not threading.main_thread().is_alive():
                raise _Stopped
            begun = time.monotonic()
            yield from relevance.measure(store, view, [question], relevance.FOLDER)
            with self._state.changing() as state:
                state.run.done += 1
            time.sleep(REST * (time.monotonic() - begun))
