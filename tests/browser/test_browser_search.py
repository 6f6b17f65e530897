"""Searching the library with the keyboard and with an input method."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Tab

COMPLETE = "/api/v1/complete"
LATER = 2000


def test_search_and_narrow_with_the_keyboard_only(tab: Tab) -> None:
    page = tab.open("/help")
    page.goto(f"{tab.base}/?sort=code")
    page.locator("#main").focus()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.insert_text("农村公路")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q="))
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#q-list")).to_be_hidden()
    before = int(page.locator("#results").get_attribute("data-total") or 0)
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id.startsWith('f-level1-')"):
            break
    facet = page.evaluate("document.activeElement.id")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("level1="))
    expect(page.locator(".chips a")).to_have_count(1)
    narrowed = int(page.locator("#results").get_attribute("data-total") or 0)
    assert 0 < narrowed < before
    # The focus stays on the facet that was pressed, so that one can go on from there.
    assert page.evaluate("document.activeElement.id") == facet
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("a.hit").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator("a.hit").nth(1)).to_be_focused()
    name = page.locator("a.hit").nth(1).inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(name)
    page.go_back()
    expect(page.locator(".chips a")).to_have_count(1)


def test_nothing_is_asked_or_submitted_while_composing(tab: Tab) -> None:
    page = tab.open("/")
    page.locator("#q").focus()
    for pinyin in ("n", "nong", "nong cun"):
        tab.compose(pinyin)
    page.clock.run_for(LATER)
    assert page.input_value("#q") == "nong cun"
    # Enter while the candidates are open belongs to the input method.
    page.keyboard.press("Enter")
    page.clock.run_for(LATER)
    assert tab.asked(COMPLETE) == 0
    assert tab.asked("q=") == 0
    tab.commit("农村")
    expect(page.locator("#q-list [role=option]").first).to_contain_text("农村")
    assert tab.asked(COMPLETE) == 1
    assert tab.asked("/?q=") == 0
    expect(page.locator("#q")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q="))
    expect(page.locator("a.hit mark").first).to_have_text("农村")


def test_completions_follow_the_combobox_pattern(tab: Tab) -> None:
    page = tab.open("/")
    box, options = page.locator("#q"), page.locator("#q-list [role=option]")
    box.focus()
    page.keyboard.insert_text("农村公路")
    expect(options.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(box).to_have_attribute("aria-activedescendant", "q-option-0")
    expect(options.first).to_have_attribute("aria-selected", "true")
    assert box.input_value() == options.first.get_attribute("data-text")
    page.keyboard.press("ArrowUp")
    assert box.input_value() == "农村公路"
    page.keyboard.press("Escape")
    expect(page.locator("#q-list")).to_be_hidden()
    expect(box).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    chosen = box.input_value()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q="))
    expect(box).to_have_value(chosen)
    expect(page.locator("#q-list")).to_be_hidden()
    expect(page.locator("a.hit").first).to_be_visible()


def test_typing_fast_asks_once(tab: Tab) -> None:
    page = tab.open("/")
    page.clock.pause_at(page.evaluate("Date.now() + 60000"))
    page.locator("#q").focus()
    for letter in "ncgl":
        page.keyboard.type(letter)
        page.clock.run_for(50)
    assert tab.asked(COMPLETE) == 0
    page.clock.run_for(120)
    expect(page.locator("#q-list [role=option]").first).to_be_visible()
    assert tab.asked(COMPLETE) == 1


def test_misspelt_word_is_put_right_and_said(tab: Tab) -> None:
    page = tab.open("/?q=公璐")
    expect(page.locator(".notice")).to_have_text("没有找到“公璐”，已显示“公路”的结果。")


def test_filters_work_without_javascript(tab: Tab, server: str) -> None:
    context = tab.page.context.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server}/?q=农村公路")
    page.locator("[id^='f-level1-']").first.click()
    expect(page.locator(".chips a")).to_have_count(1)
    page.fill("#q", "养护")
    page.click("#search button")
    expect(page.locator(".chips a")).to_have_count(1)
    context.close()


def test_restricted_record_is_marked_and_gone_after_signing_out(tab: Tab, sign_in: Callable[[], None]) -> None:
    sign_in()
    page = tab.open("/?q=边境巡逻道里程")
    expect(page.locator(".hits .secret")).to_have_text("不公开")
    page.click("text=退出")
    page.wait_for_url(f"{tab.base}/signed-out")
    tab.open("/?q=边境巡逻道里程")
    expect(page.locator(".secret")).to_have_count(0)
    expect(page.locator("text=边境巡逻道里程 >> visible=true")).to_have_count(0)
