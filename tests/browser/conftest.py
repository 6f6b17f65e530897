"""A real Chromium against a live server on the loopback, with a library of one domain of the reference data.

Every test gets a browser context of its own. After it, the context is asked for what must never happen: a request to
another host, an error on the console, an exception, a violation of the content security policy.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, CDPSession, Page, Request, sync_playwright
from werkzeug.serving import make_server

from corpus import imports, indicators, people, policies, reference
from corpus.access import Clearance, Role
from corpus.model import Owner, Passage, Policy, Visibility
from corpus.people import User
from corpus.policies import Parsed
from corpus.readers.tables import Row
from corpus.store import Store
from indexer import build
from webapp import create_app

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), "")
PASSWORD = "correct horse battery"  # noqa: S105 - of a made-up person
TEXTS = ("总则说明。", "农村公路养护应当做到有路必养、养必到位。", *("其他要求。" * 60 for _ in range(8)), "附件。")
WATCH = "addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective, e.blockedURI))"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is marked ``browser`` and skipped where there is no Chromium."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM:
                item.add_marker(pytest.mark.skip(reason="Chromium is missing: apt-get install chromium fonts-noto-cjk"))


def _rows() -> Iterator[Row]:
    """The public roads of the reference library, and one restricted record."""
    kept = [row for row in reference.rows() if row.sheet in ("2140102.tsv", "2140202.tsv", "2140201.tsv")]
    yield from kept
    hidden = {**kept[0].cells, "name": "边境巡逻道里程", "visibility": "不公开", "code": "", "owner": "州交通运输局"}
    yield Row("hidden", 2, hidden)


def _policy() -> Parsed:
    path = ("一、管理要求",)
    passages = [Passage(n, path, "一", None, "para", text) for n, text in enumerate(TEXTS, 1)]
    passages.append(Passage(len(TEXTS) + 1, ("二、指标",), "二", None, "table", "指标\t值\n优良路率\t85%"))
    policy = Policy("p0000000001", "农村公路养护办法", "楚政发〔2024〕1号", "楚雄州", 2024, "交通", "", "",
                    "1.docx", Visibility.PUBLIC, "", 0, "")  # fmt: skip
    return Parsed(policy, "0" * 64, tuple(passages), ())


def serving(folder: Path) -> Iterator[str]:
    """Serve a data folder on the loopback; gives the address, once, and ends the service afterwards."""
    app = create_app(folder)
    running = make_server("127.0.0.1", 0, app, threaded=True)
    running.daemon_threads = True
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()
    running.server_close()
    at = app.extensions["zhibiao"]
    at.live.close()
    at.store.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running service."""
    folder = tmp_path_factory.mktemp("browser")
    store = Store.create(folder)
    owners = [Owner(r["name"], r["kind"], r["domain"]) for r in reference.table(reference.FOLDER / "owners.tsv")]
    indicators.add_taxonomy(store, reference.uses(), owners)
    plan = imports.plan(store, _rows(), origin=reference.ORIGIN)
    assert not plan.problems
    imports.apply(store, plan, actor="test", source="test")
    policies.put(store, [_policy()], actor="test")
    user = User("jiaotong", Role.DEPARTMENT, "州交通运输局", Clearance.OWN, disabled=False)
    people.add(store, user, password=PASSWORD, by="test", must_change=False)
    build.build(store)
    store.close()
    yield from serving(folder)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page and what it did; ``ime`` is a simulated Chinese input method."""

    page: Page
    base: str
    devtools: CDPSession
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(self.base + path)
        return self.page

    def asked(self, path: str) -> int:
        """How many requests went to ``path``."""
        # A round trip to the page: what it asked for before this moment has been reported by now.
        self.page.evaluate("1")
        return sum(path in request.url for request in self.requests)

    def compose(self, text: str) -> None:
        """The input method shows ``text`` as a composition under way."""
        size = len(text)
        self.devtools.send("Input.imeSetComposition", {"text": text, "selectionStart": size, "selectionEnd": size})

    def commit(self, text: str) -> None:
        """The input method puts ``text`` in place of the composition."""
        self.devtools.send("Input.insertText", {"text": text})


@pytest.fixture
def tab(server: str, browser: Browser) -> Iterator[Tab]:
    """A fresh browser context on an office screen; its clock can be moved on."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
    context.set_default_timeout(10_000)
    context.add_init_script(WATCH)
    page = context.new_page()
    found = Tab(page, server, context.new_cdp_session(page))
    # Playwright wants a function it can put an attribute on; a bound append is none.
    context.on("request", lambda request: found.requests.append(request))  # noqa: PLW0108
    context.on("console", lambda message: found.complaints.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: found.complaints.append(str(error.error)))
    page.clock.install()
    yield found
    elsewhere = [r.url for r in found.requests if not r.url.startswith((f"{server}/", "data:"))]
    complaints = list(found.complaints)
    context.close()
    assert elsewhere == []
    assert complaints == []


@pytest.fixture
def sign_in(tab: Tab) -> Callable[[], None]:
    """Signs the tab in as the transport department."""

    def sign_in() -> None:
        page = tab.open("/sign-in")
        page.fill("[name=name]", "jiaotong")
        page.fill("[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{tab.base}/")

    return sign_in
