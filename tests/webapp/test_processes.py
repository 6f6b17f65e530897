"""``serve --processes``: several processes that act as one, whoever of them dies."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest

from corpus import indicators
from corpus.access import PUBLIC
from corpus.model import Indicator, Status
from corpus.store import Store
from indexer import build
from indexer.relevance import KINDS
from tests.webapp.conftest import PASSWORD, until
from webapp import cli, processes
from webapp.security import ADDRESS_LIMIT

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

ROOT = Path(__file__).parents[2]
PROC = Path("/proc")
Form = dict[str, Any]
pytestmark = pytest.mark.skipif(not (PROC / "self/task").exists(), reason="who answers is read from /proc")


def started(pid: int) -> list[int]:
    """The processes that one started and that did not end yet, oldest first."""
    listed = (PROC / f"{pid}/task/{pid}/children").read_text().split()
    return [int(found) for found in listed if lives(int(found))]


def lives(pid: int) -> bool:
    """Whether a process is there; one that ended counts as gone, whether or not somebody has collected it."""
    try:
        return (PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def free(port: int) -> bool:
    """Whether nobody listens there."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def held(pid: int) -> list[str]:
    """What a process has open."""
    found = []
    for link in (PROC / f"{pid}/fd").iterdir():
        try:
            found.append(str(link.readlink()))
        except FileNotFoundError:
            continue
    return found


class Caller:
    """A connection to one process, kept open, with the cookie of one browser."""

    def __init__(self, port: int, cookie: str = "") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.cookie = cookie

    def ask(self, path: str, form: Form | None = None) -> tuple[int, str]:
        """Status and text of the answer, to a form when there is one."""
        headers = {"Cookie": self.cookie} if self.cookie else {}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request("GET" if form is None else "POST", path, urlencode(form or {}, doseq=True), headers)
        answer = self.connection.getresponse()
        if given := answer.getheader("Set-Cookie"):
            self.cookie = given.partition(";")[0]
        return answer.status, answer.read().decode()

    def sign_in(self, name: str, password: str) -> int:
        form = {"name": name, "password": password, "csrf_token": self.token("/sign-in")}
        return self.ask("/sign-in", form)[0]

    def token(self, path: str) -> str:
        """What the forms of a page carry."""
        status, page = self.ask(path)
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert status == 200
        assert found
        return found[1]

    def answered_by(self, pids: list[int]) -> list[int]:
        """Which of these processes hold the other end."""
        ours = self.connection.sock
        ends = [f"0100007F:{address[1]:04X}" for address in (ours.getpeername(), ours.getsockname())]
        lines = [line.split() for line in (PROC / "net/tcp").read_text().splitlines()]
        [inode] = [line[9] for line in lines if line[1:3] == ends]
        return [pid for pid in pids if f"socket:[{inode}]" in held(pid)]


class Service:
    """A service under way in a process of its own; its port, and its data folder."""

    def __init__(self, process: subprocess.Popen[str], port: int, data: Path) -> None:
        self.process, self.port, self.data = process, port, data
        self._callers: list[Caller] = []

    def serving(self) -> list[int]:
        return started(self.process.pid)

    def caller(self, pid: int, cookie: str = "") -> Caller:
        """A connection to that process: the others stand still while it is made."""
        others = [other for other in self.serving() if other != pid]
        for other in others:
            os.kill(other, signal.SIGSTOP)
        try:
            made = Caller(self.port, cookie)
            self._callers.append(made)
            assert made.ask("/api/v1/healthz")[0] == 200
            assert made.answered_by([pid, *others]) == [pid]
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)
        return made

    def end(self) -> None:
        for caller in self._callers:
            caller.connection.close()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)


@contextmanager
def serve(data: Path, number: int, port: int) -> Iterator[Service]:
    command = [sys.executable, "-m", "webapp.cli", "--data", str(data), "serve", "--port", str(port)]
    with subprocess.Popen(
        [*command, "--processes", str(number)], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        service = Service(process, port, data)
        try:
            yield service
        finally:
            service.end()


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def data(library: Path, tmp_path: Path) -> Path:
    return shutil.copytree(library, tmp_path / "data")


@pytest.fixture
def service(data: Path, port: int) -> Iterator[Service]:
    """Two processes that serve the whole library."""
    with serve(data, 2, port) as service:
        assert service.process.stdout is not None
        assert service.process.stdout.readline() == f"指标库已启动：http://127.0.0.1:{port}\n"
        until(lambda: len(service.serving()) == 2)
        yield service


def written(store: Store, **changes: object) -> Indicator:
    """A public record, changed."""
    [id] = [i.id for i in indicators.active(store, "open") if i.name == "新建幼儿园数量"]
    record = replace(indicators.get(store, id, PUBLIC), **changes)  # type: ignore[arg-type]
    indicators.put(store, [record], actor="", action="import", detail="")
    return record


def names(caller: Caller, text: str) -> bool:
    """Whether a search for something names it."""
    status, answer = caller.ask(f"/api/v1/indicators?q={quote(text)}")
    assert status == 200
    return f'"name":"{text}"' in answer


# Together they are one service


def test_each_answers_and_finds_what_was_written(service: Service) -> None:
    callers = [service.caller(pid) for pid in service.serving()]
    store = Store.open(service.data)
    assert [names(caller, "新建幼儿园总数") for caller in callers] == [False, False]
    written(store, name="新建幼儿园总数")
    store.close()
    assert [names(caller, "新建幼儿园总数") for caller in callers] == [True, True]
    first = service.process.pid
    assert ([found for found in held(first) if "zhibiao.db" in found], os.listdir(PROC / f"{first}/task")) == (
        [], [str(first)],
    )  # fmt: skip


def generations(pid: int) -> set[str]:
    """Those that a process has mapped."""
    return set(re.findall(r"/index/(gen-[^/]+)/", (PROC / f"{pid}/maps").read_text()))


def test_all_let_go_of_what_served_before_also_when_nobody_asks_them(service: Service) -> None:
    """And the one that only watches holds none."""
    everybody = [service.process.pid, *service.serving()]
    before = build.current(service.data).name
    until(lambda: [generations(pid) for pid in everybody] == [set(), {before}, {before}])
    for caller in [service.caller(pid) for pid in everybody[1:]]:
        for path in ("indicators?q=公路", "complete?q=公", "indicators?q=“公路”"):
            assert caller.ask(f"/api/v1/{quote(path, safe='?=')}")[0] == 200
    store = Store.open(service.data)
    written(store, name="新建幼儿园总数")
    build.build(store)
    store.close()
    after = build.current(service.data).name
    assert after != before
    until(lambda: [generations(pid) for pid in everybody] == [set(), {after}, {after}])


def test_one_that_replaces_another_serves_what_is_newest(service: Service) -> None:
    store = Store.open(service.data)
    written(store, name="新建幼儿园总数")
    build.build(store)
    store.close()
    first, *_ = before = service.serving()
    os.kill(first, signal.SIGKILL)
    until(lambda: len(service.serving()) == 2 and first not in service.serving())
    [new] = {*service.serving()} - {*before}
    assert names(service.caller(new), "新建幼儿园总数")
    assert generations(new) == {build.current(service.data).name}


def test_who_signs_in_or_out_does_so_with_all(service: Service) -> None:
    one, other = (service.caller(pid) for pid in service.serving())
    assert one.sign_in("admin", PASSWORD) == 303
    other.cookie = one.cookie
    token = other.token("/account")
    assert [c.ask("/api/v1/experts")[0] for c in (one, other)] == [200, 200]
    kept = one.cookie
    assert other.ask("/sign-out", {"csrf_token": token})[0] == 303
    one.cookie = kept
    assert one.ask("/api/v1/experts")[0] == 401


def test_the_relevance_desk_is_one(service: Service) -> None:
    """A run that one process does is told, refused beside and called off by another, and ends with its process."""
    one, other = (service.caller(pid) for pid in service.serving())
    assert one.sign_in("admin", PASSWORD) == 303
    weights = {"kind": [*KINDS], "fields.name": "0", "csrf_token": one.token("/account")}
    other.cookie = one.cookie

    def running() -> list[bool]:
        return [">停止<" in caller.ask("/relevance/trial")[1] for caller in (one, other)]

    assert (one.ask("/relevance/trial", weights)[0], running()) == (303, [True, True])
    status, page = other.ask("/relevance/trial", weights)
    assert (status, "正在试算，请等它完成，或先停止。" in page) == (409, True)
    assert (other.ask("/relevance/stop", weights)[0], running()) == (303, [False, False])
    assert one.ask("/relevance/trial", weights)[0] == 303
    os.kill(service.serving()[0], signal.SIGKILL)
    until(lambda: "没有完成：服务进程意外结束，请重新开始。" in other.ask("/relevance/trial")[1])
    assert other.ask("/relevance/trial", weights)[0] == 303
    until(lambda: "合计" in other.ask("/relevance/trial")[1])
    successor = service.caller(service.serving()[1], one.cookie)
    assert "词的位置·名称" in successor.ask("/relevance/trial")[1]


def test_attempts_to_sign_in_count_with_all(service: Service) -> None:
    callers = [service.caller(pid) for pid in service.serving()]
    tries = [callers[n % 2].sign_in(f"name{n}", "wrong") for n in range(ADDRESS_LIMIT)]
    assert (tries, [caller.sign_in("admin", PASSWORD) for caller in callers]) == ([401] * ADDRESS_LIMIT, [429, 429])


def test_connections_go_to_who_holds_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two processes; the other is this test."""

    def answer(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    monkeypatch.setattr(processes, "LEAVE", 1.0)
    [listening] = cli.bind("127.0.0.1", 0)
    level, taken = processes.Level(2), []

    def takes() -> bool:
        with suppress(BlockingIOError):
            taken.append(listening.accept()[0])
        return bool(taken)

    server = cli.listen(answer, [listening])
    level.apply(server, 0)
    level._held[1] = 100
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    with closing(Caller(int(server.effective_port)).connection) as kept:
        kept.request("GET", "/")
        assert kept.getresponse().read() == b""
        level._held[1] = 0
        with socket.create_connection(kept.sock.getpeername()) as left:
            until(takes)
            assert taken[0].getpeername() == left.getsockname()
            taken[0].close()
    server.trigger.pull_trigger(server.close)
    thread.join(10)


# Who dies


def test_one_that_is_killed_is_replaced(service: Service) -> None:
    """Also the first, which builds for all: what is withdrawn is soon in no generation."""
    first, second = service.serving()
    caller = service.caller(second)
    os.kill(first, signal.SIGKILL)
    assert caller.ask("/api/v1/healthz") == (200, '{"ok":true}\n')
    until(lambda: len(service.serving()) == 2 and first not in service.serving())
    left, successor = service.serving()
    assert left == second
    assert names(service.caller(successor), "新建幼儿园数量")
    store = Store.open(service.data)
    before = build.current(service.data).name
    written(store, status=Status.RETIRED)
    store.close()
    until(lambda: build.current(service.data).name != before)
    assert [names(c, "新建幼儿园数量") for c in (caller, service.caller(successor))] == [False, False]
    service.process.terminate()
    assert service.process.communicate(timeout=30)[1] == "一个服务进程意外结束（信号 9）。\n"


def test_none_is_left_when_the_first_is_killed(service: Service) -> None:
    serving = service.serving()
    service.process.kill()
    service.process.wait(30)
    until(lambda: not any(map(lives, serving)))
    until(lambda: free(service.port))


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_all_end_when_the_first_is_told_to(service: Service, told: signal.Signals) -> None:
    serving = service.serving()
    for pid in serving:
        service.caller(pid)
    for pid in [service.process.pid, *(serving if told is signal.SIGINT else [])]:  # typed, it goes to all
        os.kill(pid, told)
    assert (service.process.wait(30), [pid for pid in serving if lives(pid)]) == (0, [])
    assert service.process.communicate() == ("", "")


def run(script: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


def test_it_gives_up_on_processes_that_die_as_soon_as_they_begin() -> None:
    code, out, errors = run(
        "import os\n"
        "from corpus.errors import NotReady\n"
        "from webapp import processes\n"
        "try:\n"
        "    number = processes.fork(2, lambda: None)\n"
        "except NotReady as error:\n"
        "    raise SystemExit(error.message)\n"
        "os._exit(3)\n"
    )
    told = "服务进程一启动就结束，已停止服务，请查看上面的错误信息，排除后再启动。"
    lines = errors.splitlines()
    assert (code, out, set(lines[:-1]), lines[-1]) == (1, "", {"一个服务进程意外结束（代码 3）。"}, told)
    assert processes.HASTY <= len(lines) - 1 <= processes.HASTY + 1


# What they share


def test_a_lock_is_one_for_threads_and_processes_and_ends_with_its_holder() -> None:
    assert run(
        "import os, signal, threading\n"
        "from webapp.shared import Mutex\n"
        "mutex, (reader, writer) = Mutex(), os.pipe()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    with mutex:\n"
        "        os.write(writer, b'.')\n"
        "        signal.pause()\n"
        "os.read(reader, 1)\n"
        "taken = []\n"
        "def take():\n"
        "    with mutex:\n"
        "        taken.append(threading.current_thread().name)\n"
        "threads = [threading.Thread(target=take, name='t', daemon=True) for _ in range(2)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join(0.2)\n"
        "print(taken, flush=True)\n"
        "os.kill(child, signal.SIGKILL)\n"
        "for thread in threads: thread.join(20)\n"
        "print(taken)\n"
    ) == (0, "[]\n['t', 't']\n", "")


def test_attempts_are_counted_over_processes_that_come_and_go() -> None:
    assert run(
        "import os\n"
        "from webapp.security import Attempts\n"
        "attempts = Attempts(limit=3, window=10, keys=2, clock=lambda: 5.0)\n"
        "for _ in range(2):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        os._exit(attempts.count('a'))\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "print([attempts.count(key) for key in 'aabcb'])\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    os._exit(attempts.count('a'))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    ) == (0, "[0, 10, 0, 0, 0]\n0\n", "")


HEAPS = """
import ctypes, sys
from threading import Barrier, Thread
from webapp import processes
if sys.argv[1] == "one":
    processes.one_heap()
held, done = Barrier(5), Barrier(5)
def hold():
    held.wait(bytes(1000) and None)
    done.wait()
threads = [Thread(target=hold) for _ in range(4)]
for thread in threads:
    thread.start()
held.wait()
ctypes.CDLL(None).malloc_stats()
done.wait()
"""


@pytest.mark.parametrize(("heaps", "count"), [("one", 1), ("own", 5)])
def test_threads_take_memory_from_one_heap(heaps: str, count: int) -> None:
    ran = subprocess.run([sys.executable, "-c", HEAPS, heaps], capture_output=True, text=True, check=True)
    assert ran.stderr.count("Arena ") == count


# What is refused


@pytest.mark.parametrize("number", ["0", "65", "-1", "two", "1.5", "２", "9" * 5000])
def test_a_wrong_number_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], number: str) -> None:
    assert cli.main(["--data", str(tmp_path / "data"), "serve", f"--processes={number}"]) == 2
    told = "服务进程数（--processes 或环境变量 ZHIBIAO_PROCESSES）须为 1 到 64 的整数，请修改后再启动。\n"
    assert (capsys.readouterr().err, list(tmp_path.iterdir())) == (told, [])


def test_without_fork_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(os, "fork")
    assert cli.main(["--data", str(tmp_path / "data"), "serve", "--processes", "2"]) == 2
    told = "本系统不支持多个服务进程，请把服务进程数（--processes 或环境变量 ZHIBIAO_PROCESSES）设为 1。\n"
    assert (capsys.readouterr().err, list(tmp_path.iterdir())) == (told, [])
    assert [processes.wanted(text) for text in ("1", "", " ")] == [1, 1, 1]


@pytest.mark.parametrize(("processors", "usual"), [({3}, 1), ({0, 1}, 2), ({*range(64)}, 2)])
def test_by_default_there_is_one_for_each_processor_up_to_two(
    monkeypatch: pytest.MonkeyPatch, processors: set[int], usual: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: processors)
    assert [processes.wanted(text) for text in ("", " ", "1", "2", "3")] == [usual, usual, 1, 2, 3]


def test_an_address_in_use_is_told(data: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)), serve(data, 2, port) as refused:
        out, errors = refused.process.communicate(timeout=60)
    told = f"地址 127.0.0.1:{port} 不能使用（Address already in use），请用 PORT 换一个端口，或先停止占用它的程序。\n"
    assert (refused.process.returncode, out, errors) == (2, "", told)
