"""Drafting: suggestions follow the typing and never get in its way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Tab

SUGGEST = "/draft/suggestions"
GOAL = "完成农村公路养护520公里，优良路率达到85%以上。"
LATER = 3000


def rows(page: Page) -> list[str]:
    return page.locator("#rows .name a").all_inner_texts()


def test_suggestions_follow_an_input_method_and_leave_focus_and_caret(tab: Tab) -> None:
    page = tab.open("/draft")
    goal = page.locator("#goal")
    goal.focus()
    for pinyin in ("w", "wan cheng", "wan cheng nong cun gong lu"):
        tab.compose(pinyin)
    page.clock.run_for(LATER)
    assert tab.asked(SUGGEST) == 0
    tab.commit(GOAL)
    expect(page.locator(".take").first).to_be_visible()
    expect(page.locator("#live")).to_have_text("已更新 20 条建议")
    expect(goal).to_be_focused()
    assert page.evaluate("[goal.selectionStart, goal.selectionEnd]") == [len(GOAL)] * 2
    # In the middle of the text, too.
    page.evaluate("goal.setSelectionRange(2, 2)")
    tab.compose("quan bu")
    asked = tab.asked(SUGGEST)
    page.clock.run_for(LATER)
    assert tab.asked(SUGGEST) == asked
    with page.expect_response(lambda answer: SUGGEST in answer.url):
        tab.commit("全部")
    expect(page.locator(".advice.busy")).to_have_count(0)
    assert page.evaluate("[document.activeElement.id, goal.selectionStart]") == ["goal", 4]


@pytest.mark.parametrize("keys", ["Alt+1", "Control+Enter"])
def test_take_one_it_is_in_the_table_no_longer_suggested_and_survives_a_reload(tab: Tab, keys: str) -> None:
    page = tab.open("/draft")
    page.fill("#project", "农村公路养护项目")
    page.locator("#goal").focus()
    page.keyboard.insert_text(GOAL)
    first = page.locator(".group [data-id]").first
    expect(first).to_be_visible()
    id, name = first.get_attribute("data-id"), first.locator("a").inner_text()
    page.keyboard.press(keys)
    expect(page.locator("#rows .name a")).to_have_text([name])
    expect(page.locator("#goal")).to_be_focused()
    expect(page.locator(f".group [data-id='{id}']")).to_have_count(0)
    expect(page.locator(".coverage .covered")).to_have_count(1)
    page.locator("#rows .value").fill("777")
    page.reload()
    expect(page.locator("#rows .name a")).to_have_text([name])
    expect(page.locator("#rows .value")).to_have_value("777")
    expect(page.locator("#goal")).to_have_value(GOAL)
    expect(page.locator(".take").first).to_be_visible()
    expect(page.locator(f".group [data-id='{id}']")).to_have_count(0)
    page.locator(".remove").click()
    expect(page.locator("#no-rows")).to_be_visible()
    expect(page.locator(f".group [data-id='{id}']")).to_have_count(1)


def test_what_a_signed_in_person_takes_is_told_and_the_public_tells_nothing(
    tab: Tab, sign_in: Callable[[], None]
) -> None:
    page = tab.open("/draft")
    page.fill("#goal", GOAL)
    page.locator(".take").first.click()
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator(".coverage .covered")).to_have_count(1)
    assert tab.asked("/api/v1/choices") == 0
    sign_in()
    page = tab.open("/draft")
    page.fill("#goal", GOAL)
    first = page.locator(".group [data-id]").first
    expect(first).to_be_visible()
    id, use = first.get_attribute("data-id"), page.locator(".pin").first.get_attribute("data-use")
    with page.expect_response("**/api/v1/choices") as told:
        page.keyboard.press("Alt+1")
    assert (told.value.status, told.value.request.post_data_json) == (204, {"use": use, "id": id, "chosen": [id]})
    # Without a way to tell, the page works on.
    expect(page.locator(".coverage .covered")).to_have_count(1)
    page.evaluate("delete document.getElementById('draft').dataset.choices")
    page.keyboard.press("Alt+1")
    expect(page.locator("#rows tr")).to_have_count(2)
    assert tab.asked("/api/v1/choices") == 1


def test_taking_by_keyboard_keeps_ones_place_in_the_list(tab: Tab) -> None:
    page = tab.open("/draft")
    page.fill("#goal", GOAL)
    second = page.locator(".take").nth(1)
    expect(second).to_be_visible()
    second.focus()
    taken = second.get_attribute("aria-label")
    page.keyboard.press("Enter")
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator(f".take[aria-label='{taken}']")).to_have_count(0)
    expect(page.locator(".take").nth(1)).to_be_focused()


def test_rows_stand_in_the_order_of_the_official_form(tab: Tab) -> None:
    page = tab.open("/draft")
    page.fill("#goal", GOAL)
    expect(page.locator(".take").nth(8)).to_be_visible()
    for count in range(1, 6):
        page.locator(".take").last.click()
        expect(page.locator("#rows tr")).to_have_count(count)
        expect(page.locator(".advice.busy")).to_have_count(0)
    order = page.locator("#ranks li").all_text_contents()
    places = [order.index(text) for text in page.locator("#rows .level2").all_text_contents()]
    assert places == sorted(places)


def test_pinned_use_leads_the_suggestions(tab: Tab) -> None:
    page = tab.open("/draft")
    page.fill("#goal", GOAL)
    pin = page.locator(".pin").nth(1)
    expect(pin).to_be_visible()
    use = pin.get_attribute("data-use")
    pin.click()
    pinned = page.locator(f".pin[data-use='{use}']")
    expect(pinned).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(pinned).to_have_attribute("aria-pressed", "true")
    pinned.click()
    expect(page.locator(".pin[aria-pressed=true]")).to_have_count(0)


def test_only_the_last_of_several_versions_is_shown(tab: Tab) -> None:
    page = tab.open("/draft")
    held = []
    page.route("**/draft/suggestions", lambda route: held.append(route) if not held else route.continue_())
    page.fill("#goal", "干线公路")
    page.clock.run_for(300)
    page.wait_for_function("document.querySelector('.advice').classList.contains('busy')")
    page.fill("#goal", GOAL)
    expect(page.locator(".take").first).to_be_visible()
    assert len(held) == 1
    assert held[0].request.failure is not None  # aborted by the page
    page.unroute_all(behavior="ignoreErrors")


def test_error_is_told_in_place_and_nothing_is_lost(tab: Tab) -> None:
    page = tab.open("/draft")
    page.fill("#budget", "很多")
    page.fill("#goal", GOAL)
    expect(page.locator("#problem")).to_contain_text("预算须为不小于 0 的数字")
    assert page.input_value("#goal") == GOAL
    # The browser itself reports the answer 400 on the console.
    tab.complaints[:] = [text for text in tab.complaints if "400" not in text]
    page.fill("#budget", "1,200")
    expect(page.locator(".take").first).to_be_visible()
    expect(page.locator("#problem")).to_be_hidden()


def test_indicator_page_hands_its_record_over(tab: Tab) -> None:
    page = tab.open("/?q=农村公路")
    page.locator("a.hit").first.click()
    name = page.locator("h1").inner_text()
    page.click("text=用于起草")
    expect(page.locator("#rows .name a")).to_have_text([name])
    assert page.url == f"{tab.base}/draft"
    page.locator(".remove").click()
    page.reload()
    expect(page.locator("#no-rows")).to_be_visible()
    assert rows(page) == []


def test_restricted_row_leaves_no_words_in_the_browser(tab: Tab, sign_in: Callable[[], None]) -> None:
    sign_in()
    page = tab.open("/?q=边境巡逻道里程")
    page.locator("a.hit").first.click()
    page.click("text=用于起草")
    expect(page.locator("#rows .secret")).to_be_visible()
    assert "边境" not in page.evaluate("JSON.stringify(localStorage)")
    page.reload()
    expect(page.locator("#rows .name a")).to_have_text(["边境巡逻道里程"])
    page.click("text=退出")
    page.wait_for_url(f"{tab.base}/signed-out")
    tab.open("/draft")
    expect(page.locator("#no-rows")).to_be_visible()


def test_drafts_go_at_sign_out_and_those_of_others_at_sign_in(tab: Tab, sign_in: Callable[[], None]) -> None:
    page = tab.open("/draft")
    kept = "Object.keys(localStorage).filter((key) => key.startsWith('zhibiao.')).sort()"
    page.evaluate("localStorage.setItem('zhibiao.draft.another', '{}')")
    assert page.evaluate(kept) == ["zhibiao.draft.", "zhibiao.draft.another"]
    sign_in()
    assert page.evaluate(kept) == ["zhibiao.draft."]
    tab.open("/draft")
    expect(page.locator("#no-rows")).to_be_visible()
    assert page.evaluate(kept) == ["zhibiao.draft.", "zhibiao.draft.jiaotong"]
    page.click("text=退出")
    page.wait_for_url(f"{tab.base}/signed-out")
    assert page.evaluate(kept) == []


def test_table_as_a_file(tab: Tab) -> None:
    page = tab.open("/draft")
    page.fill("#goal", GOAL)
    page.locator(".take").first.click()
    expect(page.locator("#rows tr")).to_have_count(1)
    with page.expect_download() as download:
        page.click("#export-table")
    text = download.value.path().read_text(encoding="utf-8-sig")
    assert rows(page)[0] in text
    assert download.value.suggested_filename == "绩效目标表.csv"
