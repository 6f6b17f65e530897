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


class Desk:
    """Measures in the background, one run at a time; keeps the last report, on disk too, and the last trial.

    ``run`` is what runs, ``tried`` the weights and kinds last asked for, ``trouble`` why the last run gave nothing.
    """

    def __init__(self, data: Path, live: Live) -> None:
        self._data = data
        self._live = live
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._report: tuple[object, Report | None] = (None, None)
        self.run: Run | None = None
        self.trial: Trial | None = None
        self.tried: tuple[Settings, tuple[str, ...]] | None = None
        self.trouble = ""

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
            self.trial = Trial(
                now(), view.generation, tuple(kinds), view.settings, weights, tuple(before), tuple(after)
            )

        self._start(Run("正在试算", 2 * len(asked)), work)
        self.tried = weights, tuple(kinds)

    def stop(self) -> None:
        """Call the run off and wait for its end."""
        self._stop.set()
        self.wait()

    def wait(self) -> None:
        """Until nothing runs."""
        if self._thread is not None:
            self._thread.join()

    def _start(self, run: Run, work: Callable[[Store, Ask], None]) -> None:
        with self._lock:
            if self.run is not None:
                raise Conflict(f"{self.run.title}，请等它完成，或先停止。")
            self.run, self.trouble = run, ""
            self._stop.clear()
            self._thread = threading.Thread(target=self._work, args=(run, work))
            self._thread.start()

    def _work(self, run: Run, work: Callable[[Store, Ask], None]) -> None:
        try:
            with closing(Store.open(self._data)) as store:  # this thread's connection ends with it

                def ask(view: View, asked: Iterable[Question]) -> list[Outcome]:
                    return list(self._asked(run, store, view, asked))

                work(store, ask)
        except _Stopped:
            pass
        except Exception as error:
            _log.exception("relevance run failed")
            self.trouble = f"没有完成：{error.message if isinstance(error, ZhibiaoError) else '出错了，请看服务日志'}"
        finally:
            self.run = None

    def _asked(self, run: Run, store: Store, view: View, asked: Iterable[Question]) -> Iterator[Outcome]:
        for question in asked:
            # The service that is shutting down waits for this thread: it ends with the main one.
            if self._stop.is_set() or not threading.main_thread().is_alive():
                raise _Stopped
            begun = time.monotonic()
            yield from relevance.measure(store, view, [question], relevance.FOLDER)
            run.done += 1
            self._stop.wait(REST * (time.monotonic() - begun))
