"""The school's calendar and how it asks again: at Kingsmead, so that nobody else's journey is at another time."""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import Locator, Page, expect

from safekeep.ids import new_id
from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_afterwards import pupils, word
from tests.journeys.test_following import BOTH, press
from tests.journeys.test_keyboard import Keys
from tests.journeys.test_recording_page import GOOD, send

SCHOOL = "Kingsmead Academy"
ASKING, CALENDAR = "settings/asking", "settings/calendar"
TODAY = dt.datetime.now(ZoneInfo("Europe/London")).date()


def go(person: Any, path: str) -> Page:
    page: Page = person.page
    page.goto(f"{person.base}s/kingsmead/{path}")
    return page


def main(page: Page) -> Locator:
    return page.get_by_role("main")


def fields_of(page: Page) -> dict[str, list[str]]:
    """Return the page's first form as it would be sent: by which what was there is put back."""
    found: dict[str, list[str]] = page.locator("main form[method=post]").first.evaluate(
        "form => { const all = {}; for (const [name, value] of new FormData(form)) (all[name] ??= []).push(value); return all; }"
    )
    return found


def post(person: Any, path: str, fields: dict[str, Any], **files: Any) -> Any:
    """Send a form as a browser would."""
    if files:
        return person.page.request.post(f"{person.base}s/kingsmead/{path}", multipart=fields | files)
    pairs = [(name, value) for name, values in fields.items() for value in ([values] if isinstance(values, str) else values)]
    from urllib.parse import urlencode

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return person.page.request.post(f"{person.base}s/kingsmead/{path}", data=urlencode(pairs), headers=headers)


@contextmanager
def put_back(person: Any, path: str) -> Iterator[None]:
    """Put a page's form back as it was."""
    before = fields_of(go(person, path))
    try:
        yield
    finally:
        token = go(person, path).locator("[name=csrf_token]").first.input_value()
        assert post(person, path, before | {"csrf_token": [token]}).ok


def blank(page: Page) -> int:
    """Return the number of the first empty line."""
    empty = [n for n in range(page.locator(".sk-span").count()) if not page.locator(f"[name=first-{n}]").input_value()]
    return empty[0]


def line(page: Page, name: str) -> int:
    """Return the number of the line of that name."""
    there = [n for n in range(page.locator(".sk-span").count()) if page.locator(f"[name=name-{n}]").input_value() == name]
    assert len(there) == 1, name
    return there[0]


def write(page: Page, *, kind: str, first: dt.date, name: str, last: dt.date | None = None) -> None:
    n = blank(page)
    page.locator(f"[name=kind-{n}]").select_option(kind)
    page.locator(f"[name=first-{n}]").fill(first.isoformat())
    page.locator(f"[name=last-{n}]").fill(last.isoformat() if last else "")
    page.locator(f"[name=name-{n}]").fill(name)


def calendar_file(*events: tuple[str, dt.date, dt.date]) -> bytes:
    """An .ics as a council publishes it: whole days, each ending on the day after its last."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//A council//Term dates//EN"]
    for number, (name, first, last) in enumerate(events):
        ends = last + dt.timedelta(days=1)
        lines += ["BEGIN:VEVENT", f"UID:{number}@council.example", "DTSTAMP:20260101T000000Z", f"SUMMARY:{name}"]
        lines += [f"DTSTART;VALUE=DATE:{first:%Y%m%d}", f"DTEND;VALUE=DATE:{ends:%Y%m%d}", "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


@BOTH
def test_terms_inset_days_and_bank_holidays_are_written_changed_and_taken_off(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    dsl = sign_in("dsl", viewport=viewport, javascript=javascript, school=SCHOOL)
    soon = TODAY + dt.timedelta(days=200)
    with put_back(dsl, CALENDAR):
        page = go(dsl, CALENDAR)
        if javascript:
            finds_nothing_wrong(page)
        term, inset, holiday = word(), word(), word()
        write(page, kind="term", first=soon, last=soon + dt.timedelta(days=60), name=term)
        write(page, kind="inset", first=soon + dt.timedelta(days=1), name=inset)
        write(page, kind="bank_holiday", first=soon + dt.timedelta(days=7), name=holiday)
        press(page, "Save")
        expect(page.get_by_role("status").first).to_have_text("Saved.")
        n = line(page, inset)
        expect(page.locator(f"[name=kind-{n}]")).to_have_value("inset")
        expect(page.locator(f"[name=last-{n}]")).to_have_value((soon + dt.timedelta(days=1)).isoformat())
        assert page.locator(f"[role=group][aria-label='{inset}']").count() == 1, "a screen reader hears which line it is in"
        if javascript:
            finds_nothing_wrong(page)

        ends = (soon + dt.timedelta(days=70)).isoformat()
        page.locator(f"[name=last-{line(page, term)}]").fill(ends)
        page.locator(f"[name=kind-{line(page, holiday)}]").select_option("none")
        press(page, "Save")
        expect(page.locator(f"[name=last-{line(page, term)}]")).to_have_value(ends)
        assert holiday not in [page.locator(f"[name=name-{n}]").input_value() for n in range(page.locator(".sk-span").count())]
        go(dsl, CALENDAR)
        expect(page.locator(f"[name=last-{line(page, term)}]")).to_have_value(ends)


@BOTH
def test_a_councils_term_dates_are_read_from_a_file_and_kept_only_when_somebody_has_said_what_counts(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    dsl = sign_in("dsl", viewport=viewport, javascript=javascript, school=SCHOOL)
    soon = TODAY + dt.timedelta(days=300)
    week = dt.timedelta(days=7)
    mark = word()
    content = calendar_file(
        (f"{mark} Summer term", soon, soon + 8 * week),
        (f"{mark} Half term", soon + 3 * week, soon + 4 * week),
        (f"{mark} INSET day", soon + week, soon + week),
        (f"{mark} Spring bank holiday", soon + 2 * week, soon + 2 * week),
        (f"{mark} Governors’ dinner", soon + 5 * week, soon + 5 * week),
    )
    with put_back(dsl, CALENDAR):
        page = go(dsl, CALENDAR)
        page.locator("#file").set_input_files({"name": "terms.ics", "mimeType": "text/calendar", "buffer": content})
        press(page, "Read it")
        expect(page.get_by_role("status").first).to_contain_text("These are the dates of the file.")
        said = {name: page.locator(f"[name=kind-{line(page, f'{mark} {name}')}]").input_value() for name in ("Summer term", "Half term", "INSET day")}
        assert said == {"Summer term": "term", "Half term": "holiday", "INSET day": "inset"}
        expect(page.locator(f"[name=kind-{line(page, f'{mark} Spring bank holiday')}]")).to_have_value("bank_holiday")
        dinner = line(page, f"{mark} Governors’ dinner")
        expect(page.locator(f"[name=kind-{dinner}]")).to_have_value("none")
        if javascript:
            finds_nothing_wrong(page)
        page.locator(f"[name=kind-{line(page, f'{mark} INSET day')}]").select_option("closed")
        press(page, "Save")
        expect(page.get_by_role("status").first).to_have_text("Saved.")
        go(dsl, CALENDAR)
        kept = [page.locator(f"[name=name-{n}]").input_value() for n in range(page.locator(".sk-span").count())]
        assert [name for name in kept if mark in name] == [
            f"{mark} {name}" for name in ("Summer term", "INSET day", "Spring bank holiday", "Half term")
        ]
        expect(page.locator(f"[name=kind-{line(page, f'{mark} INSET day')}]")).to_have_value("closed")
        page.locator("#file").set_input_files({"name": "again.ics", "mimeType": "text/calendar", "buffer": content})
        press(page, "Read it")
        again = [page.locator(f"[name=name-{n}]").input_value() for n in range(page.locator(".sk-span").count())]
        assert again.count(f"{mark} Half term") == 1, "what is there already is not offered a second time"


def test_three_school_days_without_a_word_are_those_of_the_schools_calendar(sign_in: Callable[..., Any]) -> None:
    """The tab lists what nobody has added to; a school that was closed all the while has nothing in it but what is older."""
    dsl = sign_in("dsl", school=SCHOOL)

    def rows() -> set[str]:
        page, found = go(dsl, "inbox?view=quiet"), set[str]()
        while True:
            found |= {str(link.get_attribute("href")) for link in page.locator(".sk-row__link").all()}
            more = main(page).get_by_role("link", name="More")
            if not more.count():
                return found
            with page.expect_navigation():
                more.click()

    before = rows()
    assert before
    with put_back(dsl, CALENDAR):
        page = go(dsl, CALENDAR)
        write(page, kind="closed", first=TODAY - dt.timedelta(days=90), last=TODAY, name=word())
        press(page, "Save")
        expect(page.get_by_role("status").first).to_have_text("Saved.")
        assert rows() < before
    assert rows() == before


WRONG_CALENDAR: list[tuple[dict[str, Any], str, str]] = [
    ({"opens": ""}, "opens", "This is not a time"),
    ({"opens": "25:00"}, "opens", "This is not a time"),
    ({"opens": "half eight"}, "opens", "This is not a time"),
    ({"opens": "23:59"}, "opens", "The day begins after it ends"),
    ({"weekdays": []}, "weekdays", "Choose at least one day"),
    ({"weekdays": ["7", "<script>"]}, "weekdays", "Choose at least one day"),
    ({"kind-900": "term", "first-900": "", "last-900": "2027-03-01"}, "first-900", "Write the first day"),
    ({"kind-900": "term", "first-900": "31/12/2026"}, "first-900", "This is not a date"),
    ({"kind-900": "term", "first-900": "2027-02-30"}, "first-900", "This is not a date"),
    ({"kind-900": "term", "first-900": "0001-01-01"}, "first-900", "This is not a date"),
    ({"kind-900": "term", "first-900": "2027-03-02", "last-900": "2027-03-01"}, "last-900", "The last day is before the first"),
    ({"kind-900": "term", "first-900": "2027-03-02", "last-900": "2028-03-01"}, "last-900", "longer than any term"),
    ({"kind-900": "holiday", "first-900": "2027-03-02", "last-900": "☃"}, "last-900", "This is not a date"),
    ({"kind-900": "", "first-900": "2027-03-02", "name-900": "Staff training"}, "kind-900", "Say what these days are"),
    ({"kind-900": "wedding", "first-900": "2027-03-02"}, "kind-900", "Choose one of those offered"),
    ({"kind-900": "inset", "first-900": "2027-03-02", "name-900": "x" * 300}, "name-900", "too long"),
    ({"kind-900": "inset", "first-900": "2027-03-02", "name-900": "a\u202eb"}, "name-900", "changes the direction"),
]
"""What is written, beside which field it is said, and what. 900 stands for the first empty line."""
WRONG_FILES: list[tuple[bytes, str]] = [
    (b"", "Choose a file"),
    (b"not a calendar", "This is not an iCalendar file"),
    (b"%PDF-1.7 terms", "This is not an iCalendar file"),
    (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:x\r\n", "This is not an iCalendar file"),
    (b"BEGIN:VCALENDAR\r\n" + b"X" * (513 * 1024), "too large"),
    (calendar_file(*[(f"Term {n}", TODAY, TODAY) for n in range(1_001)]), "too many events"),
]
WRONG_ADDRESSES = [
    "calendar",
    "council.example/terms.ics",
    "ftp://council.example/",
    "https://",
    "javascript:alert(1)",
    "https://" + "x" * 1_100,
]


def test_bad_input_on_the_calendar_is_refused_beside_its_field_and_nothing_of_it_is_lost(sign_in: Callable[..., Any]) -> None:
    dsl = sign_in("dsl", fresh=True, school=SCHOOL)
    page = go(dsl, CALENDAR)
    whole = fields_of(page)
    empty = str(blank(page))
    for row, at, sentence in WRONG_CALENDAR:
        wrong, field = {name.replace("900", empty): value for name, value in row.items()}, at.replace("900", empty)
        answer = post(dsl, CALENDAR, whole | wrong)
        assert answer.status == 422, (wrong, answer.status)
        page.set_content(answer.text())
        expect(page.locator(f"[id='{field}-error']")).to_contain_text(sentence)
        expect(page.locator("#problems a").first).to_have_attribute("href", f"#{field}")
        for name, value in wrong.items():
            if isinstance(value, str) and not name.startswith("kind"):
                expect(page.locator(f"[name='{name}']")).to_have_attribute("value", value)
    token = whole["csrf_token"][0]
    for content, sentence in WRONG_FILES:
        answer = post(dsl, f"{CALENDAR}/file", {"csrf_token": token}, file={"name": "terms.ics", "mimeType": "text/calendar", "buffer": content})
        assert answer.status == 422, (content[:40], answer.status)
        assert sentence in answer.text(), content[:40]
    for address in WRONG_ADDRESSES:
        answer = post(dsl, f"{CALENDAR}/subscription", {"csrf_token": token, "address": address})
        assert answer.status == 422, (address, answer.status)
        page.set_content(answer.text())
        expect(page.locator("#address-error")).to_be_attached()
        expect(page.locator("#address")).to_have_attribute("value", address)
    assert fields_of(go(dsl, CALENDAR)) == whole, "and nothing of it was kept"


# --- asking again -----------------------------------------------------------------------------------------------------


@contextmanager
def no_school_today(dsl: Any) -> Iterator[None]:
    """Close the school for today, so that the journey is at the same time of its day whenever it runs."""
    with put_back(dsl, CALENDAR):
        page = go(dsl, CALENDAR)
        write(page, kind="closed", first=TODAY, last=TODAY + dt.timedelta(days=1), name=word())
        press(page, "Save")
        expect(page.get_by_role("status").first).to_have_text("Saved.")
        yield


def minutes_after(moment: dt.datetime, said: str) -> int:
    """Return how many minutes after a moment "today at 17:10" is; of a minute or two that the journey itself took nothing is said."""
    hour, minute = map(int, re.findall(r"at (\d{1,2}):(\d\d)", said)[0])
    between = (dt.timedelta(hours=hour, minutes=minute) - dt.timedelta(hours=moment.hour, minutes=moment.minute)) % dt.timedelta(days=1)
    return between // dt.timedelta(minutes=5) * 5


@BOTH
def test_a_policy_is_changed_and_who_records_and_who_leads_see_what_it_says(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    """Out of school hours: the recorder is told who is asked and when by the new steps, and what to do, by ours until the school writes its own."""
    dsl = sign_in("dsl", viewport=viewport, javascript=javascript, school=SCHOOL)
    teacher = sign_in("teacher", viewport=viewport, javascript=javascript, school=SCHOOL)
    meanwhile = f"If it cannot wait, ring {word()}."
    with no_school_today(dsl), put_back(dsl, ASKING):
        page = go(dsl, ASKING)
        if javascript:
            finds_nothing_wrong(page)
        steps = page.locator("[name^='safeguarding-late-']").count()
        page.locator("[name=safeguarding-late-0]").fill("25")
        page.locator("[name=safeguarding-late_who-0]").select_option("leads")
        if steps > 1:
            page.locator("[name=safeguarding-late-1]").fill("40")
            page.locator("[name=safeguarding-late_who-1]").select_option("head")
        page.get_by_label("What whoever records is told to do meanwhile").fill("")
        press(page, "Save")
        expect(main(page)).to_contain_text("Saved.")
        go(dsl, ASKING)
        expect(page.locator("[name=safeguarding-late-0]")).to_have_value("25")
        expect(page.locator("[name=safeguarding-late-1]")).to_have_value("40")
        expect(page.locator("[name=safeguarding-late_who-1]")).to_have_value("head")
        expect(page.locator("[name=safeguarding-late-2]")).to_have_value("", timeout=5_000)

        theirs = go(teacher, "pupils")
        pupil = pupils(theirs, "am", slug="kingsmead")[0]["id"]
        form = GOOD | {"csrf_token": theirs.locator("[name=csrf_token]").first.input_value(), "do": "record", "pupil_id": pupil}
        before = dt.datetime.now(ZoneInfo("Europe/London"))
        done = send(theirs, f"{theirs.url.split('/s/')[0]}/s/kingsmead/incidents/new/{new_id()}", form | {"category_codes": "safeguarding_concern"})
        assert done.url.endswith("/recorded")
        theirs.goto(done.url)
        card = theirs.get_by_role("region", name="It is outside school hours")
        expect(card).to_contain_text("If a child is in danger now, call 999.")
        expect(card).to_contain_text("call the children’s services of your council")
        expect(card).to_contain_text("School begins again")
        name = page.locator(".sk-banner__person").inner_text()
        expect(card).to_contain_text(re.compile(f"On duty: .*{re.escape(name)}"))
        expect(theirs.locator(".sk-duty")).to_contain_text(name)
        asked = card.locator("#asked-again li").all_inner_texts()
        assert (minutes_after(before, asked[0]), minutes_after(before, asked[1])) == (25, 40), asked
        assert re.search(rf"every DSL and deputy \(.*{re.escape(name)}.*\)", asked[0])
        assert asked[1].endswith("the head")
        page.get_by_label("What whoever records is told to do meanwhile").fill(meanwhile)
        press(page, "Save")
        expect(main(page)).to_contain_text("Saved.")
        theirs.reload()
        expect(card).to_contain_text(meanwhile)
        expect(card).not_to_contain_text("999")
        if javascript:
            finds_nothing_wrong(theirs)
        page.goto(done.url.removesuffix("/recorded"))
        said = page.locator("#lead")
        for _ in range(40):  # alerts hears of it, and works out when, after it was recorded
            if "Next:" in said.inner_text():
                break
            page.wait_for_timeout(250)
            page.reload()
        expect(said).to_contain_text(re.compile(r"Next: (today|tomorrow) at \d{1,2}:\d\d"))
        assert minutes_after(before, said.inner_text()) == 25, "the DSLs are told the same"


WRONG_POLICIES: list[tuple[dict[str, str], str, str]] = [
    ({"at_risk_now-minutes-0": "soon"}, "at_risk_now-minutes-0", "This is not a whole number"),
    ({"at_risk_now-minutes-0": "-5"}, "at_risk_now-minutes-0", "This is not a whole number"),
    ({"protection-minutes-0": "1.5"}, "protection-minutes-0", "This is not a whole number"),
    ({"protection-minutes-0": "99999"}, "protection-minutes-0", "too large"),
    ({"protection-minutes-0": "9" * 30}, "protection-minutes-0", "This is not a whole number"),
    ({"welfare-before_end": "481"}, "welfare-before_end", "too large"),
    ({"safeguarding-again": "2"}, "safeguarding-again", "That is too often"),
    ({"safeguarding-minutes_who-0": "everybody"}, "safeguarding-minutes_who-0", "Choose one of those offered"),
    ({"safeguarding-minutes_who-0": "trust_lead"}, "safeguarding-minutes-0", "DSLs and deputies have to be asked first"),
    ({f"welfare-minutes-{n}": "" for n in range(12)}, "welfare-minutes-0", "Somebody has to be asked"),
    ({"head_ids": "not an id"}, "head_ids", "This is not an id"),
    ({"head_ids": "00000000-0000-0000-0000-000000000000"}, "head_ids", "Choose one of those offered"),
    ({"meanwhile": "x" * 20_001}, "meanwhile", "too long"),
    ({"meanwhile": "a\u202eb"}, "meanwhile", "changes the direction"),
]


def test_bad_input_on_asking_again_is_refused_beside_its_field_and_nothing_of_it_is_lost(sign_in: Callable[..., Any]) -> None:
    dsl = sign_in("dsl", fresh=True, school=SCHOOL)
    page = go(dsl, ASKING)
    whole = fields_of(page)
    for wrong, field, sentence in WRONG_POLICIES:
        answer = post(dsl, ASKING, whole | wrong)
        assert answer.status == 422, (list(wrong.items())[:2], answer.status)
        page.set_content(answer.text())
        expect(page.locator(f"[id='{field}-error']")).to_contain_text(sentence)
        for name, value in wrong.items():
            if page.locator(f"input[name='{name}'][type=text]").count():
                expect(page.locator(f"[name='{name}']")).to_have_attribute("value", value)
    assert fields_of(go(dsl, ASKING)) == whole, "and nothing of it was kept"


def test_the_calendar_and_asking_again_are_changed_by_keyboard_alone(sign_in: Callable[..., Any]) -> None:
    dsl = sign_in("dsl", viewport=DESKTOP, school=SCHOOL)
    with put_back(dsl, CALENDAR):
        page, keys = go(dsl, CALENDAR), Keys(dsl.page)
        keys.to_field("opens")
        page.keyboard.press("Control+a")
        page.keyboard.type("8:15")
        keys.to(lambda at: at["text"] == "Save", most=400)
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").first).to_have_text("Saved.")
        expect(page.locator("[name=opens]")).to_have_value("08:15")
    with put_back(dsl, ASKING):
        page = go(dsl, ASKING)
        keys.to_field("at_risk_now-again")
        page.keyboard.press("Control+a")
        page.keyboard.type("three")
        keys.to(lambda at: at["text"] == "Save", most=400)
        page.keyboard.press("Enter")
        expect(page.locator("#problems")).to_be_focused()
        keys.to_text("^This is not a whole number$")
        page.keyboard.press("Enter")
        assert keys.focused()["name"] == "at_risk_now-again", "the summary's link leads to the field"
        page.keyboard.press("Control+a")
        page.keyboard.type("20")
        keys.to(lambda at: at["text"] == "Save", most=400)
        page.keyboard.press("Enter")
        expect(main(page)).to_contain_text("Saved.")


def test_only_dsls_and_deputies_come_to_the_calendar_and_to_asking_again(sign_in: Callable[..., Any]) -> None:
    for role in ("teacher", "slt"):
        person = sign_in(role, viewport=PHONE, school=SCHOOL)
        for path in (CALENDAR, ASKING, "inbox/unled"):
            assert person.page.request.get(f"{person.base}s/kingsmead/{path}").status == 403, (role, path)
