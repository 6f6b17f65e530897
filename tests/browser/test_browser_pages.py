"""The policy reader, and that no page is wider than the smallest office screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Tab


def test_search_leads_to_the_very_passage(tab: Tab) -> None:
    page = tab.open("/policies?q=有路必养")
    page.locator("a.hit").first.click()
    passage = page.locator("#p2")
    expect(passage).to_contain_text("有路必养")
    expect(passage).to_be_in_viewport()
    assert page.evaluate("document.querySelector(':target').id") == "p2"
    # Not under the bar at the top.
    assert passage.bounding_box()["y"] >= page.locator(".top").bounding_box()["height"]
    expect(page.locator(".passage table th")).to_have_text(["指标", "值"])


def test_outline_leads_to_its_passage(tab: Tab) -> None:
    page = tab.open("/policies/p0000000001")
    page.locator(".outline a", has_text="二、指标").click()
    expect(page.locator(":target")).to_contain_text("优良路率")
    expect(page.locator(":target")).to_be_in_viewport()


PATHS = ["/", "/?q=农村公路", "/policies", "/policies/p0000000001", "/draft", "/experts", "/help"]


@pytest.mark.parametrize("width", [1366, 760])
def test_nothing_is_wider_than_the_screen(tab: Tab, sign_in: Callable[[], None], width: int) -> None:
    sign_in()
    tab.page.set_viewport_size({"width": width, "height": 768})
    widths = {path: tab.open(path).evaluate("document.documentElement.scrollWidth") for path in PATHS}
    assert {path: found for path, found in widths.items() if found > width} == {}


def test_skip_link_is_the_first_stop(tab: Tab) -> None:
    page = tab.open("/help")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
