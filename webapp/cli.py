"""The ``zhibiao`` command, put together from the storeys, and ``serve``."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from argparse import SUPPRESS, ArgumentParser, Namespace, _SubParsersAction
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, NoReturn

import corpus.cli
import indexer.cli
from corpus import people, tokens
from corpus.access import Clearance, Role
from corpus.calls import data_folder, progress
from corpus.errors import BadInput, Conflict, Forbidden, NotReady, NotSignedIn, ZhibiaoError
from corpus.people import User
from corpus.store import FILE_NAME, Store
from indexer import build, folding, meaning, semantic, settings
from indexer.live import Live
from webapp import processes

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from waitress.server import BaseWSGIServer

PERSONAS = (
    ("部门示例", Role.DEPARTMENT, "州交通运输局", Clearance.OWN),
    ("审核示例", Role.REVIEWER, "州财政局", Clearance.ALL),
    ("管理示例", Role.ADMIN, "州财政局", Clearance.ALL),
    ("审计示例", Role.AUDITOR, "州审计局", Clearance.NONE),
)
THREADS = 8
# So many connections wait to be taken, as waitress has it.
BACKLOG = 1024
# Seconds between two looks at what has changed, and after a build that failed.
LOOK, AGAIN = 2, 60
# So many seconds public changes are served beside a generation before they are built in.
PATIENCE = 3600


class Parser(ArgumentParser):
    """Says in Chinese that a call was wrong, and exits with 2."""

    def error(self, message: str) -> NoReturn:
        print(f"用法有误（{message}）。{self.prog} --help 查看用法。", file=sys.stderr)
        raise SystemExit(2)


def parser() -> ArgumentParser:
    """The whole command line."""
    top = Parser(prog="zhibiao", description="指标库：预算绩效指标的检索、起草与审核")
    top.add_argument("--data", default=os.environ.get("ZHIBIAO_DATA", "data"), help="数据目录，默认 ./data")
    top.add_argument("--as", dest="acting", metavar="NAME", help="以该用户的身份执行；默认为公众")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    corpus.cli.register(commands)
    indexer.cli.register(commands)
    commands.choices["export"].set_defaults(derive=derive)
    serve = commands.add_parser("serve", help="启动网页服务")
    serve.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
    serve.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    serve.add_argument(
        "--processes",
        metavar="N",
        default=os.environ.get(processes.VARIABLE, ""),
        help=f"服务进程数，每个进程最多用满一个处理器核；默认每核一个，至多 {processes.USUAL} 个",
    )
    serve.add_argument("--personas", action="store_true", help="建立示例账户并打印一次性登录链接（仅限本机）")
    serve.set_defaults(run=run_serve)
    _everywhere(commands)
    return top


def _everywhere(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Take ``--as`` and ``--data`` behind a command too."""
    for command in commands.choices.values():
        command.add_argument("--data", default=SUPPRESS, help=SUPPRESS)
        command.add_argument("--as", dest="acting", default=SUPPRESS, help=SUPPRESS)
        for action in command._actions:
            if isinstance(action, _SubParsersAction):
                _everywhere(action)


def main(arguments: list[str] | None = None) -> int:
    """Run one command: 0 done, 1 findings or errors in what was given, 2 wrong usage."""
    args = parser().parse_args(arguments)
    try:
        code: int = args.run(args)
        if args.command in ("init", "import", "restore") and code == 0 and not getattr(args, "dry_run", False):
            store = Store.open(data_folder(args))
            build.build(store, progress) if args.command == "restore" else indexer.cli.settle(store)
        return code
    except ZhibiaoError as error:
        refused = isinstance(error, NotSignedIn | Forbidden) and not args.acting
        print(error.message + ("（命令行用 --as 指明账户。）" if refused else ""), file=sys.stderr)
        return 2 if isinstance(error, BadInput) else 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def derive(store: Store, made: Store) -> None:
    """Put beside an exported store what serves it: the weights, as numbers alone, and an index of its own."""
    settings.save(made.folder, settings.load(store.folder))
    build.build(made, progress)


def run_serve(args: Namespace) -> int:
    """Serve until stopped; a missing library or index is made first."""
    # The web storey takes a moment to load; the other commands do without it.
    from webapp import application, create_app, proxy, security  # noqa: PLC0415

    data = data_folder(args)
    if args.personas and not _is_loopback(args.host):
        raise BadInput("示例账户只能在本机地址上使用，请去掉 --personas 或 --host。", field="personas")
    count = processes.wanted(args.processes)
    tokens.idle()  # a wrong environment is told before long work
    proxy.configured(os.environ)
    if not (data / FILE_NAME).exists():
        corpus.cli.run_init(Namespace(data=args.data, empty=False))
    store = Store.open(data)
    try:
        build.manifest(build.current(data))
    except NotReady:
        build.build(store, progress)
    processes.one_heap()
    app = create_app(data)
    security.trust(app, args.host)
    try:
        sockets = bind(args.host, args.port)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise BadInput(
            f"地址 {args.host}:{args.port} 不能使用（{why}），请用 PORT 换一个端口，或先停止占用它的程序。",
            field="port",
        ) from error
    address = f"http://{args.host}:{args.port}"
    print(f"指标库已启动：{address}", flush=True)
    if args.personas:
        _print_personas(store, address)
    number, services = 0, app.extensions["zhibiao"]
    if count == 1:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        server = listen(app, sockets)
    else:
        for opened in (store, services.store):
            opened.close()
        level = processes.Level(count)
        number = processes.fork(count, services.live.close)
        server = listen(app, sockets)
        level.apply(server, number)
    stop = threading.Event()
    threading.Thread(target=application.warm, args=(app,), daemon=True).start()
    threading.Thread(target=_follow, args=(services.live, stop), daemon=True).start()
    for work in (_fold, _mean) if number == 0 else ():  # one does it for all
        threading.Thread(target=work, args=(store, stop), daemon=True).start()
    try:
        server.run()
    finally:
        stop.set()
        server.close()
    return 0


def bind(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen at every address of ``host``. Raises OSError when one cannot be used."""
    from waitress.adjustments import Adjustments  # noqa: PLC0415 - as above

    return [
        socket.create_server(address, family=family, backlog=BACKLOG)
        for family, _, _, address in Adjustments(host=host, port=port).listen
    ]


def listen(app: WSGIApplication, sockets: list[socket.socket]) -> BaseWSGIServer:
    """A server ready to run on sockets that listen.

    It goes on reading while a thread is waited for: so it sees who has gone, and makes no answer for them. The drafting
    page lets go of its question with every further word.
    """
    import waitress  # noqa: PLC0415 - as above

    return waitress.create_server(app, sockets=sockets, threads=THREADS, ident=None, channel_request_lookahead=1)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _follow(live: Live, stop: threading.Event) -> None:
    """Take up what was written also while nobody asks: else an idle process would hold on to what served before."""
    while not stop.wait(LOOK):
        with suppress(Exception):  # whoever asks next is told
            live.view()


def _fold(store: Store, stop: threading.Event) -> None:
    """Build a new generation when many changes have gathered beside the old one, or public ones for long."""
    looked, since, wait = -1, 0.0, LOOK
    while not stop.wait(wait):
        wait = LOOK
        try:
            head = store.head()
            if head != looked:
                beside, looked = folding.beside(store), head
                since = (since or time.monotonic()) if beside.public else 0.0
            if beside.due or (since and time.monotonic() - since > PATIENCE):
                folding.fold(store.folder)
                looked, since = -1, 0.0
        except Conflict:
            looked = -1
        except (ZhibiaoError, OSError) as error:
            print(f"索引未能更新，一分钟后再试：{error}", file=sys.stderr)
            looked, wait = -1, AGAIN


def _mean(store: Store, stop: threading.Event) -> None:
    """Keep the meaning vectors up to date, leaving the processor to the answers in between."""
    model, wait, told = semantic.embedder(), 1, ""
    while not stop.wait(wait):
        try:
            meaning.keep(store, model, rest=0.25)
            wait, told = 1, ""
        except Conflict:
            wait = 5
        except (ZhibiaoError, OSError) as error:
            if str(error) != told:
                print(f"语义向量未能更新：{error}", file=sys.stderr)
            wait, told = 60, str(error)


def _print_personas(store: Store, address: str) -> None:
    known = {user.name: user for user in people.users(store)}
    print("示例账户的一次性登录链接（仅本机可用，一小时内有效）：")
    for name, role, unit, clearance in PERSONAS:
        if name not in known:
            user = User(name, role, unit, clearance, disabled=False)
            people.add(store, user, password=None, by="")
        elif known[name].disabled:
            continue
        link = people.issue(store, name, "link", days=1 / 24, label="启动时签发", by="")
        print(f"  {user_words(name, unit, clearance)}  {address}/enter/{link}")
    print("  公众（无需登录）  " + address, flush=True)


def user_words(name: str, unit: str, clearance: Clearance) -> str:
    """An account in a few words."""
    seen = {Clearance.NONE: "只见公开指标", Clearance.OWN: "可见本单位不公开指标", Clearance.ALL: "可见全部指标"}
    return f"{name}（{unit}，{seen[clearance]}）"


if __name__ == "__main__":
    sys.exit(main())
