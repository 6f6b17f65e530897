"""``serve``: what refuses to start before anything listens, and who the personas are."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from corpus import people
from corpus.access import Role
from corpus.errors import Conflict, NotReady
from corpus.store import Store
from indexer import folding
from tests.webapp.conftest import until
from webapp import cli

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was served; nothing is."""
    made: list[object] = []

    def bind(host: str, _: int) -> None:
        made.append(host)
        raise OSError(0, "taken")

    monkeypatch.setattr("webapp.cli.bind", bind)
    return made


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.5", "::", "office.example", ""])  # noqa: S104
def test_personas_are_for_this_machine_alone(
    tmp_path: Path, listening: list[object], capsys: pytest.CaptureFixture[str], host: str
) -> None:
    data = tmp_path / "data"
    assert cli.main(["--data", str(data), "serve", "--personas", "--host", host]) == 2
    assert capsys.readouterr().err == "示例账户只能在本机地址上使用，请去掉 --personas 或 --host。\n"
    assert (listening, data.exists()) == ([], False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_addresses_of_this_machine(host: str) -> None:
    assert cli._is_loopback(host) is True


@pytest.mark.parametrize(
    ("name", "value"),
    [("ZHIBIAO_PROXY_HEADER", "X-Remote-User"), ("ZHIBIAO_IDLE_MINUTES", "never"), ("ZHIBIAO_PROCESSES", "0")],
)
def test_a_wrong_environment_is_told_before_anything_else(  # noqa: PLR0917 - fixtures
    tmp_path: Path,
    listening: list[object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
) -> None:
    monkeypatch.setenv(name, value)
    data = tmp_path / "data"
    assert cli.main(["--data", str(data), "serve"]) == 2
    assert name in capsys.readouterr().err
    assert (listening, data.exists()) == ([], False)


def test_personas_come_in_by_a_link_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store.create(tmp_path / "data")
    cli._print_personas(store, "http://127.0.0.1:1")
    lines = capsys.readouterr().out.splitlines()
    assert [(user.name, user.has_password, user.must_change) for user in people.users(store)] == [
        (name, False, False) for name in ("审核示例", "审计示例", "管理示例", "部门示例")
    ]
    links = [line.split("/enter/")[1] for line in lines if "/enter/" in line]
    found = [people.redeem(store, link) for link in links]
    assert [at and at.user.role for at in found] == [Role.DEPARTMENT, Role.REVIEWER, Role.ADMIN, Role.AUDITOR]
    people.disable(store, "审计示例", by="")
    cli._print_personas(store, "http://127.0.0.1:1")
    assert capsys.readouterr().out.count("/enter/") == 3
    store.close()


def test_nothing_is_made_for_who_has_gone() -> None:
    """All threads are busy; one more asks, and leaves before its turn comes."""
    made: list[str] = []
    go = threading.Event()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        made.append(environ["PATH_INFO"])
        go.wait(10)
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    server = cli.listen(answer, cli.bind("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    busy = [f"/{n}" for n in range(cli.THREADS)]
    clients: list[http.client.HTTPConnection] = []

    try:
        for path in busy:
            clients.append(http.client.HTTPConnection("127.0.0.1", int(server.effective_port), timeout=20))
            clients[-1].request("GET", path)
        until(lambda: len(made) == cli.THREADS)
        with socket.create_connection(("127.0.0.1", int(server.effective_port))) as gone:
            gone.sendall(b"GET /gone HTTP/1.1\r\nHost: localhost\r\n\r\n")
            until(lambda: len(server.task_dispatcher.queue) == 1)
        until(lambda: len(server.active_channels) == cli.THREADS)
        go.set()
        assert [client.getresponse().read() for client in clients] == [b""] * cli.THREADS
        clients[0].request("GET", "/after")
        assert clients[0].getresponse().read() == b""
    finally:
        go.set()
        until(lambda: server.task_dispatcher.active_count == 0)
        server.trigger.pull_trigger(server.close)  # in its own thread, between two things that it does
        for client in clients:
            client.close()
        thread.join(10)
    assert (sorted(made[: cli.THREADS]), made[cli.THREADS :]) == (sorted(busy), ["/after"])


def test_builds_go_on_after_one_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes: list[BaseException | None] = [
        OSError("磁盘已满"),
        NotReady("索引没有建成。"),
        Conflict("请稍后再试。"),
        None,
    ]
    done: list[Path] = []
    due = folding.Beside(public=1, sealed=0, withdrawn=True)
    stop = threading.Event()

    def fold(folder: Path) -> None:
        done.append(folder)
        if error := outcomes[len(done) - 1]:
            raise error
        stop.set()

    monkeypatch.setattr(folding, "fold", fold)
    monkeypatch.setattr(folding, "beside", lambda _: due)
    monkeypatch.setattr(cli, "LOOK", 0)
    monkeypatch.setattr(cli, "AGAIN", 0)
    store = Store.create(tmp_path)
    cli._fold(store, stop)
    store.close()
    assert done == [tmp_path] * 4
    assert capsys.readouterr().err.splitlines() == [
        "索引未能更新，一分钟后再试：磁盘已满",
        "索引未能更新，一分钟后再试：索引没有建成。",
    ]
