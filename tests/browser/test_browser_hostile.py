"""Markup in every field of the records, in the real browser: nothing runs, nothing is loaded, no dialog opens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Dialog, expect

from tests.browser.conftest import serving
from tests.webapp.test_hostile_content import PASSWORD, PLANTED, plant

if TYPE_CHECKING:
    from tests.browser.conftest import Tab

PLANT = "window.planted = []; window.zbplant = () => { window.planted.push(1); console.error('planted code ran'); };"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running service over the planted library."""
    yield from serving(plant(tmp_path_factory.mktemp("planted")))


@pytest.fixture
def inside(tab: Tab) -> Iterator[Tab]:
    """Signed in as the administrator; whatever was planted would be noticed."""
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    tab.page.on("dialog", note)
    tab.page.add_init_script(PLANT)
    tab.open("/sign-in")
    tab.page.fill("[name=name]", "admin")
    tab.page.fill("[name=password]", PASSWORD)
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_url(f"{tab.base}/")
    yield tab
    assert tab.page.evaluate("window.planted") == []
    assert dialogs == []


def test_pages_show_it_as_words(inside: Tab) -> None:
    page = inside.page
    for path in (
        "/",
        "/?q=甲",
        "/policies",
        "/policies/p0000000000",
        "/policies/p0000000001",
        "/experts",
        "/account",
        "/audit",
    ):
        inside.open(path)
        assert (
            page.evaluate("document.querySelectorAll('main img, main svg, main iframe, main script, zbplant').length")
            == 0
        )
    inside.open("/")
    for n in range(4):
        page.locator("a.hit").nth(n).click()
        expect(page.locator("table.fields")).to_be_visible()
        page.go_back()


def test_completions_show_it_as_words(inside: Tab) -> None:
    page = inside.open("/")
    page.locator("#q").press_sequentially("甲0")
    page.clock.run_for(500)
    expect(page.locator("#q-list [role=option]").first).to_be_visible()
    assert page.evaluate("document.querySelectorAll('#q-list img, #q-list script').length") == 0


def test_the_draft_takes_it_over_as_words(inside: Tab) -> None:
    page = inside.open("/draft")
    page.fill("#project", "甲1甲2甲3")
    page.fill("#goal", f"甲1 甲2 甲3 {PLANTED[0]} {PLANTED[1]}")
    page.clock.run_for(500)
    take = page.locator("#suggestions .take")
    expect(take.first).to_be_visible()
    take.first.click()
    page.clock.run_for(500)
    expect(page.locator("#rows tr")).to_have_count(1)
    shown = page.locator("#rows .name a").inner_text()
    assert any(text.split()[0] in shown for text in PLANTED)
    inside.open("/draft")  # and again out of what the browser kept
    expect(page.locator("#rows tr")).to_have_count(1)
    assert page.evaluate("document.querySelectorAll('main img, main iframe, main svg, zbplant').length") == 0


def test_what_the_browser_kept_is_not_trusted(inside: Tab) -> None:
    """Rows in local storage that somebody else's script put there: words again, and no address of theirs."""
    page = inside.open("/draft")
    key = page.evaluate("Object.keys(localStorage).find(k => k.startsWith('zhibiao.draft.'))")
    row = {"id": "javascript:zbplant()//\"><img src=x onerror=zbplant()>", "name": "<img src=x onerror=zbplant()>", "level1": "<svg onload=zbplant()>",
           "level2": "x", "operator": "=", "value": "\"><script>zbplant()</script>", "unit": "<b>", "rank": 1}  # fmt: skip
    page.evaluate(
        "([k, row]) => localStorage.setItem(k, JSON.stringify({project: '<img>', goal: '', rows: [row]}))", [key, row]
    )
    inside.open("/draft")
    link = page.locator("#rows .name a")
    expect(link).to_have_text("<img src=x onerror=zbplant()>")
    assert page.evaluate("document.querySelector('#rows .name a').protocol") == "http:"
    assert page.evaluate("document.querySelectorAll('#rows img, #rows svg, #rows script').length") == 0
