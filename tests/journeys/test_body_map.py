"""The body map at a telephone's size: by touch, by keyboard, without JavaScript; what is typed wrong; and as it is read afterwards."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from safekeep.body.regions import middle_of
from tests.journeys.conftest import PHONE, pictured
from tests.journeys.test_recording_page import ACCOUNT, fill_without_pupil


def opened(person: Any) -> Page:
    page: Page = person.go("incidents/new")
    fill_without_pupil(page)
    page.get_by_role("button", name="Show it on a body map").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Body map")
    expect(page.get_by_role("main")).to_contain_text("Never ask a child to undress")
    expect(page.get_by_role("main")).to_contain_text("never take a picture of an injury")
    return page


def on_screen(page: Page, point: tuple[float, float]) -> tuple[float, float]:
    page.locator("#map").evaluate("element => element.scrollIntoView()")
    script = (
        "([x, y]) => { const f = document.querySelector('.bm-frame'), { width, height } = document.querySelector('.bm-canvas svg').viewBox.baseVal; "
    )
    script += "f.scrollTo(f.scrollWidth * x / width - f.clientWidth / 2, f.scrollHeight * y / height - f.clientHeight / 2); const s = document.querySelector('.bm-canvas svg'); const p = new DOMPoint(x, y).matrixTransform(s.getScreenCTM()); return [p.x, p.y]; }"
    x, y = page.evaluate(script, list(point))
    return x, y


def tap(page: Page, region: str, *, drawing: str = "front") -> None:
    page.mouse.click(*on_screen(page, middle_of(region, drawing=drawing, age="middle")))


def kind(page: Page, value: str) -> None:
    page.locator(f"label[for={'kind' if value == 'bruise' else f'kind-{value}'}]").click()


def keep(page: Page) -> None:
    page.get_by_role("button", name="Add this mark").click()
    page.wait_for_load_state()


def test_marks_are_tapped_and_drawn_undone_changed_from_either_side_recorded_and_read(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    page = opened(sign_in("teacher", viewport=PHONE))
    tap(page, "left_forearm_inner")
    expect(page.locator("#place")).to_have_value("front.left_forearm_inner")
    expect(page.locator("[data-map-said]")).to_have_text("Left forearm, inner")
    kind(page, "bruise")
    page.fill("[name=colour]", "yellow")
    page.fill("[name=length_mm]", "20 mm")
    page.fill("[name=said]", "It was the door")
    keep(page)
    expect(page.locator(".bm-item")).to_contain_text("yellow · 20 mm")
    page.locator("[name=form][value=area]").check(force=True)
    (x, y), (far_x, far_y) = (on_screen(page, middle_of(r, drawing="front", age="middle")) for r in ("right_thigh_front", "right_knee_front"))
    page.mouse.move(x, y)
    page.mouse.down()
    for step in (0.3, 0.5, 0.7):
        page.mouse.move(x + (far_x - x) * step + 6, y + (far_y - y) * step)
    page.mouse.move(x - 6, y + 20)
    page.mouse.up()
    expect(page.locator("#place")).to_have_value("front.right_thigh_front")
    kind(page, "burn")
    keep(page)
    expect(page.locator(".bm-item")).to_have_count(2)
    page.mouse.click(*on_screen(page, (20, 980)))
    expect(page.locator("[data-map-said]")).to_contain_text("beside the body")
    expect(page.locator("#place")).to_have_value("")
    finds_nothing_wrong(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".bm-item")).to_have_count(1)
    page.locator(".bm-canvas a").click()  # from the picture
    expect(page.get_by_role("heading", name="Change mark 1")).to_be_visible()
    page.get_by_role("button", name="+").or_(page.get_by_role("button", name="Larger")).click()
    tap(page, "left_shin")
    page.get_by_role("button", name="Keep mark 1 as it is now").click()
    expect(page.locator(".bm-item")).to_contain_text("left shin")
    page.locator(".bm-item").get_by_role("button", name="Change").click()  # from the list
    page.fill("[name=said]", "It was the stairs")
    page.get_by_role("button", name="Back to the incident").click()  # what stands in the form is kept first
    expect(page.locator("#marks")).to_contain_text("It was the stairs")
    expect(page.locator("[name=narrative]")).to_have_value(ACCOUNT)
    record(page)
    page.goto(page.url.replace("/recorded", ""))
    expect(page.locator(".bm-sealed")).to_contain_text("left shin")
    expect(page.get_by_role("img", name="Body map, Front, with numbered marks")).to_be_visible()
    finds_nothing_wrong(page)


def record(page: Page) -> None:
    page.locator("[name=pupil_id][value=holding]").check(force=True)
    page.fill("[name=described_pupil]", "A boy in Year 3")
    page.locator("[name=category_codes][value=not_sure]").check(force=True)
    expect(page.locator("[data-record]")).to_contain_text("alert")
    page.locator("[data-record]").click()
    expect(page.get_by_role("heading", level=1).first).to_contain_text("Recorded")


def test_by_touch_a_point_is_tapped_and_a_line_and_an_area_are_drawn_while_the_page_stands_still(sign_in: Callable[..., Any]) -> None:
    """A finger, not a mouse: at a telephone's size, also on the picture enlarged."""
    page = opened(sign_in("teacher", viewport=PHONE, touch=True))
    fingers = page.context.new_cdp_session(page)

    def touch(what: str, *points: tuple[float, float]) -> None:
        fingers.send("Input.dispatchTouchEvent", {"type": what, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    page.touchscreen.tap(*on_screen(page, middle_of("left_forearm_inner", drawing="front", age="middle")))
    expect(page.locator("[data-map-said]")).to_have_text("Left forearm, inner")
    kind(page, "bruise")
    keep(page)
    expect(page.locator(".bm-item")).to_contain_text("left forearm, inner")
    for form, side in (("line", "right"), ("area", "left")):
        page.locator(f"[name=form][value={form}]").check(force=True)
        (x, y), (far_x, far_y) = (on_screen(page, middle_of(r, drawing="front", age="middle")) for r in (f"{side}_thigh_front", f"{side}_knee_front"))
        before = page.evaluate("[scrollX, scrollY, document.querySelector('.bm-frame').scrollTop]")
        touch("touchStart", (x, y))
        for step in (0.2, 0.4, 0.6):
            touch("touchMove", (x + (far_x - x) * step + 8, y + (far_y - y) * step))
        touch("touchMove", (x - 8, y + 20))
        touch("touchEnd")
        assert page.evaluate("[scrollX, scrollY, document.querySelector('.bm-frame').scrollTop]") == before, "drawing moves nothing"
        expect(page.locator("#place")).to_have_value(f"front.{side}_thigh_front")
        assert len((page.locator("[name=points]").input_value()).split()) >= 3
        expect(page.locator(f".bm-draw--{form}.bm-draw--new")).to_have_count(1)
        kind(page, "scald")
        keep(page)
    expect(page.locator(".bm-item")).to_have_count(3)
    high = page.locator(".bm-canvas svg").bounding_box()["height"]  # type: ignore[index]
    page.get_by_role("button", name="Larger").tap()
    expect(page.locator(".bm-canvas")).to_have_attribute("data-zoom", "2")
    assert page.locator(".bm-canvas svg").bounding_box()["height"] > 1.8 * high  # type: ignore[index]
    page.locator("[name=form][value=point]").check(force=True)
    page.touchscreen.tap(*on_screen(page, middle_of("left_shin", drawing="front", age="middle")))
    expect(page.locator("[data-map-said]")).to_have_text("Left shin")
    pictured(page, "body-map-390")


def test_on_a_telephone_the_figure_stays_in_sight_beside_its_words(sign_in: Callable[..., Any]) -> None:
    page = opened(sign_in("teacher", viewport=PHONE))
    page.locator("[name=said]").scroll_into_view_if_needed()
    page.mouse.wheel(0, 200)
    expect(page.locator(".bm-canvas svg")).to_be_in_viewport(ratio=0.9)
    assert page.evaluate("scrollY") > 300
    page.wait_for_function("document.querySelector('.bm-picture').getBoundingClientRect().y === 0")


def test_by_keyboard_a_place_is_chosen_from_the_list_and_enter_keeps_the_mark(sign_in: Callable[..., Any]) -> None:
    page = opened(sign_in("teacher", viewport=PHONE))
    page.locator("#place").focus()
    page.keyboard.type("left heel, u")
    page.locator("#kind").focus()
    page.keyboard.press("Space")
    page.locator("[name=colour]").focus()
    page.keyboard.type("red")
    page.keyboard.press("Enter")
    expect(page.locator(".bm-item")).to_contain_text("left heel, underneath")
    expect(page.locator("svg.bm").first).to_have_attribute("data-drawing", "feet")  # the page shows where it went
    page.locator(".bm-canvas a").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Change mark 1")).to_be_visible()


def test_without_javascript_everything_is_done_by_the_form(sign_in: Callable[..., Any]) -> None:
    """Also turning to another drawing while a mark is half written, another age, and taking a mark off."""
    page = opened(sign_in("teacher", viewport=PHONE, javascript=False))
    page.select_option("#place", "hands.right_thumb_back")
    page.fill("[name=said]", "Nobody did it")
    page.get_by_role("button", name="Hands").click()
    expect(page.locator("[name=said]")).to_have_value("Nobody did it")
    kind(page, "bite")
    page.get_by_role("button", name="Under 5").click()
    expect(page.locator("#place")).to_have_value("hands.right_thumb_back")
    keep(page)
    expect(page.locator(".bm-item")).to_contain_text("right thumb, nail side")
    page.locator(".bm-item").get_by_role("button", name="Change").click()
    page.select_option("#place", "front.chin" if page.locator("option[value='front.chin']").count() else "head.chin")
    page.get_by_role("button", name="Keep mark 1 as it is now").click()
    expect(page.locator(".bm-item")).to_contain_text("chin")
    page.locator(".bm-item").get_by_role("button", name="Take off").click()
    expect(page.get_by_role("heading", name="0 marks")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".bm-item")).to_contain_text("chin")
    page.get_by_role("button", name="Back to the incident").click()
    expect(page.locator("#marks")).to_contain_text("chin")
    stranger = sign_in("admin", viewport=PHONE, javascript=False)
    stranger.page.goto(page.url.partition("#")[0] + "/body-map")
    assert stranger.page.locator(".bm-item").count() == 0


GOOD = {"place": "front.left_shin", "kind": "cut", "view": "front"}
BAD = [
    ({"place": ""}, "Tap the place on the picture, or choose it from the list"),
    ({"place": "front.left_thumb_back"}, "Choose one of those offered"),
    ({"place": "<script>"}, "Choose one of those offered"),
    ({"points": "1,1 2,2", "placed_as": "front.left_shin"}, "Place it on the body"),
    ({"points": "99999999999,1e999", "placed_as": "front.left_shin"}, None),  # no points at all: the place by its name counts
    ({"points": "1,2 3", "placed_as": "front.left_shin"}, None),
    ({"form": "circle"}, None),
    ({"kind": ""}, "Choose what kind of mark it is"),
    ({"kind": "kick"}, "Choose one of those offered"),
    ({"kind": "other"}, "Say what kind of mark it is"),
    ({"length_mm": "about 2 cm"}, "This is not a whole number"),
    ({"length_mm": "-4"}, "This is not a whole number"),
    ({"width_mm": "0"}, "This number is too small"),
    ({"width_mm": "2001"}, "This number or file is too large"),
    ({"colour": "x" * 201}, "This is too long"),
    ({"shape": "a\x07b"}, "hidden character"),
    ({"said": "y" * 1001}, "This is too long"),
    ({"said": "a\u202eb"}, "changes the direction"),
    ({"seen": "by magic"}, "Choose one of those offered"),
]


def test_what_is_typed_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(sign_in: Callable[..., Any]) -> None:
    page = opened(sign_in("teacher", viewport=PHONE, fresh=True))  # a session that no other test signs out of meanwhile
    address, token = page.url.partition("?")[0], page.locator("[name=csrf_token]").first.get_attribute("value") or ""
    for changed, sentence in BAD:
        sent = {**GOOD, "said": "Their words", **changed, "csrf_token": token, "do": "add"}
        answer = page.request.post(address, form=sent, headers={"Origin": address.split("/s/")[0]}, max_redirects=0)
        if sentence is None:
            assert answer.status in (303, 422), changed
            continue
        assert answer.status == 422, (changed, answer.headers.get("location"))
        page.set_content(answer.text())
        expect(page.locator("#problems")).to_contain_text(sentence)
        if "said" not in changed:
            expect(page.locator("[name=said]")).to_have_value("Their words")


def test_a_forged_number_of_a_mark_is_that_of_none(sign_in: Callable[..., Any]) -> None:
    """Of a body map with one mark on it: the page comes back, or the mark is a new one."""
    page = opened(sign_in("teacher", viewport=PHONE, fresh=True))
    address, token = page.url.partition("?")[0], page.locator("[name=csrf_token]").first.get_attribute("value") or ""
    for number in ("", "0001" + "9" * 5_000, "00019", "\u0661", "-1", "x"):
        sent = {**GOOD, "mark": number, "csrf_token": token, "do": "add"}
        answer = page.request.post(address, form=sent, headers={"Origin": address.split("/s/")[0]}, max_redirects=0)
        assert answer.status in (303, 422), (number[:20], answer.status)


@pytest.mark.parametrize("asked", ["?view=%00&mark=-1", "?view=../../x&mark=99999999999999999999", "?mark=1e9"])
def test_no_address_of_it_fails(sign_in: Callable[..., Any], asked: str) -> None:
    page = opened(sign_in("teacher", viewport=PHONE))
    answer = page.goto(page.url.partition("?")[0] + asked)
    assert answer is not None
    assert answer.status == 200
