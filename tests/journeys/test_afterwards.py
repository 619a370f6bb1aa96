"""What follows a recorded concern: who reads it, what stands beside it, what the chronology shows, what a DSL is asked."""

import re
from collections.abc import Callable
from typing import Any

import psycopg
import pypdf
import pytest
from playwright.sync_api import Page, expect

from deploy.demo.people import id_of
from safekeep.ids import new_id
from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_keyboard import is_unread
from tests.journeys.test_recording_page import GOOD, send


def pupils(page: Page, q: str, *, slug: str = "hillside") -> list[dict[str, str]]:
    found: list[dict[str, str]] = page.request.get(f"{page.url.split('/s/')[0]}/s/{slug}/pupils/suggest?q={q}").json()["items"]
    return found


def record(page: Page, **form: str) -> str:
    """Send the recording form as a browser without JavaScript would; return the incident's address."""
    token = page.locator("[name=csrf_token]").first.input_value()
    about = {} if "pupil_id" in form else {"pupil_id": "holding", "described_pupil": "A tall boy"}
    done = send(page, f"{page.url.split('/s/')[0]}/s/hillside/incidents/new/{new_id()}", GOOD | {"csrf_token": token, "do": "record"} | about | form)
    address = done.url.partition("?")[0]
    assert address.endswith("/recorded"), re.findall(r"govuk-error-summary__list.*?</ul>", done.text(), re.S)
    return address.removesuffix("/recorded")


def of_many_months(system: dict[str, Any]) -> str:
    """A pupil of Hillside of whom the demonstration has entries that were recorded in many months."""
    query = """select i.pupil_id from entries e join incidents i on (i.school_id, i.id) = (e.school_id, e.incident_id)
        join pupils p on (p.school_id, p.id) = (i.school_id, i.pupil_id) where not p.holding and i.school_id = %s
        group by i.pupil_id order by count(distinct date_trunc('month', e.recorded_at)) desc limit 1"""
    with psycopg.connect(system["admin_urls"]["incidents"]) as database:
        return str(database.execute(query, [id_of("school", "hillside")]).fetchone()[0])  # type: ignore[index]


def word() -> str:
    """A word that stands in no other entry."""
    return "q" + "".join("abcdefghij"[int(c, 16) % 10] for c in new_id().hex[-12:])


def test_the_page_asks_first_whether_a_child_is_at_risk_and_whom_it_is_about(sign_in: Callable[..., Any]) -> None:
    """Names, rooms and numbers of who is on duty; whom to tell of an adult; whose name it is recorded under: all before anything is sent."""
    page = sign_in("teacher", viewport=PHONE, javascript=False).go("incidents/new")
    risk = page.get_by_role("region", name=re.compile("child at risk now"))
    expect(risk).to_contain_text(re.compile(r"DSL\s+Room \d"))
    assert risk.locator("a[href^='tel:']").count() >= 3
    assert page.locator(".sk-card--risk").bounding_box()["y"] < page.locator("#pupil_q").bounding_box()["y"]  # type: ignore[index]
    page.locator("summary", has_text="adult who works or volunteers").click()
    adult = page.locator(".sk-adult")
    for contact in ("Head:", "Chair of governors:", "Local authority designated officer:"):
        expect(adult.get_by_role("listitem").filter(has_text=contact).locator("a[href^='tel:']")).to_be_visible()
    expect(page.get_by_text("Any mark or injury?")).to_be_visible()
    page.fill("[name=narrative]", "Half a thought")
    address = page.url
    page.get_by_role("button", name="Not you?").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("You are signed in as")
    for _ in range(50):  # for its first second an id is taken for new: no draft is looked for
        page.goto(address)
        if page.locator("[name=narrative]").input_value():
            break
    expect(page.locator("[name=narrative]")).to_have_value("Half a thought")


def test_the_account_has_its_guidance_beside_it_the_protections_categories_are_a_dsls_and_the_name_stands_above_the_button(
    sign_in: Callable[..., Any],
) -> None:
    """By the page as it is sent: the guidance is open, the two categories are shown to everybody, and only a DSL can choose them."""
    sent = {role: one.page.request.get(f"{one.base}s/hillside/incidents/new").text() for role in ("teacher", "dsl") for one in [sign_in(role)]}
    beside = re.search(r'id="narrative".*?<details class="[^"]*sk-guidance" open>(.*?)</details>', sent["teacher"], re.DOTALL)
    assert beside
    for said in (
        "Facts: what you saw and heard",
        "exact words, in quotation marks",
        "Only initials for other pupils",
        "A parent or a court may read this",
    ):
        assert said in beside[1]
    assert sent["teacher"].index("Recording as ") < sent["teacher"].index(" data-record ")
    for role, may in (("teacher", False), ("dsl", True)):
        for code, name in (("child_protection", "Child protection"), ("child_in_need", "Child in need")):
            shown = re.search(rf'<input [^>]*name="category_codes"[^>]*value="{code}"([^>]*)><label [^>]*>{name}', sent[role])
            assert shown, (role, code)
            assert ("disabled" not in shown[1]) is may, (role, code)


def test_who_was_told_in_person_and_when_comes_back_to_the_reader_and_a_flags_next_review_stands_beside_it(sign_in: Callable[..., Any]) -> None:
    teacher, dsl = sign_in("teacher"), sign_in("deputy_dsl")
    page = dsl.go("pupils")
    pupil = pupils(page, "sarah")[0]["id"]
    flag = {"kind": "early_help", "started": "2026-02-03", "review": "2026-06-09", "social_worker": "Ines Falk", "note": "", "do": "record"}
    token = page.locator("[name=csrf_token]").first.input_value()
    saved = page.request.post(f"{dsl.base}s/hillside/pupils/{pupil}/flags/{new_id()}", form=flag | {"csrf_token": token})
    assert saved.status == 200
    for told, said in (
        ({"told": "told", "told_whom": "The head", "told_when": "12:50 by the gate"}, "The head, 12:50 by the gate"),
        ({"told": "", "told_whom": "The head"}, "The head"),
        ({"told": "not_yet"}, "Not yet, when it was recorded"),
        ({"told": ""}, "Not said"),
    ):
        read = page.request.get(record(teacher.go("pupils"), pupil_id=pupil, **told)).text()
        assert re.search(rf">Told in person</dt><dd [^>]*>{said}</dd>", read)
        assert "review 9 June 2026 · social worker: Ines Falk" in read


def test_what_is_wrong_is_listed_in_the_order_of_the_page(sign_in: Callable[..., Any]) -> None:
    page = sign_in("teacher", viewport=PHONE, javascript=False).go("incidents/new")
    page.locator("[data-record]").click()
    fields = [link.get_attribute("href") for link in page.locator(".govuk-error-summary a").all()]
    assert fields == ["#pupil_id", "#kind", "#when", "#narrative", "#category_codes"]
    tops = [page.locator(str(field)).bounding_box()["y"] for field in fields]  # type: ignore[index]
    assert tops == sorted(tops)


def test_pupils_are_told_apart_and_none_of_another_school_is_found(sign_in: Callable[..., Any]) -> None:
    page = sign_in("teacher").go("pupils")
    assert pupils(page, "s") == []
    sarahs = pupils(page, "sarah")
    assert len({item["label"] for item in sarahs}) == len(sarahs) > 1
    assert all(re.search(r"· \w+ · \d{1,2} \w+ 20\d\d$", item["about"]) for item in sarahs)
    there = sign_in("teacher", school="Kingsmead Academy").page
    theirs = {item["id"] for q in ("sarah", "am", "jo") for item in pupils(there, q, slug="kingsmead")}
    assert theirs
    assert not theirs & {item["id"] for q in ("sarah", "am", "jo") for item in pupils(page, q)}
    assert page.request.get(f"{page.url.split('/s/')[0]}/s/kingsmead/pupils/suggest?q=sarah").status == 404


def test_nobody_has_read_it_changes_by_itself_when_somebody_does(sign_in: Callable[..., Any]) -> None:
    """Sent, then read: the recorder sees who and when without loading the page again."""
    page = sign_in("teacher", viewport=PHONE).go("pupils")
    address = record(page)
    page.goto(address + "/recorded")
    main = page.get_by_role("main")
    expect(main).to_contain_text("Nobody has read it yet.")
    expect(main).to_contain_text("Not read yet")
    expect(main).to_contain_text("You cannot change it. Tell a DSL if something is wrong.")
    assert main.locator(".sk-card--risk a[href^='tel:']").count() >= 3
    dsl = sign_in("dsl", viewport=PHONE).page
    dsl.goto(address)
    foot, and_add = dsl.get_by_role("button", name="Mark as read", exact=True), dsl.get_by_role("button", name="Mark as read and add action")
    assert foot.bounding_box()["y"] == and_add.bounding_box()["y"], "the foot takes one line, and leaves the rest to the account"  # type: ignore[index]
    expect(foot).to_be_in_viewport()
    foot.click()
    expect(dsl.get_by_role("link", name="Add action").first).to_be_in_viewport()
    expect(main).not_to_contain_text("Nobody has read it yet.", timeout=20_000)
    expect(main).to_contain_text(re.compile(r"Read today at \d{1,2}:\d\d"))


def test_going_back_leads_to_what_was_recorded_and_not_to_a_second_incident(sign_in: Callable[..., Any]) -> None:
    page = sign_in("teacher", viewport=PHONE).go("incidents/new")
    page.locator("[name=pupil_id][value=holding]").check(force=True)
    page.fill("[name=described_pupil]", "A tall boy")
    page.locator("[name=kind][value=observation]").check(force=True)
    page.locator("[name=when][value=not_known]").check(force=True)
    page.fill("[name=narrative]", "Seen by the gate.")
    page.locator("[name=category_codes][value=not_sure]").check(force=True)
    expect(page.locator("[data-record]")).to_have_text("Add incident and alert 3 people")
    expect(page.locator("[data-saved]")).to_contain_text("Saved as your draft")
    page.locator("[data-record]").dblclick()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recorded")
    first = page.url
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recorded")
    assert page.url == first


def test_who_may_read_the_entry_sees_what_a_file_is_called_and_opens_it(sign_in: Callable[..., Any]) -> None:
    """The DSL did not attach it: its name and size are shown, and it comes as it was sent; a colleague who may not read finds nothing."""
    page = sign_in("teacher", viewport=PHONE, javascript=False).go("incidents/new")
    page.set_input_files("#files", [{"name": "what was said.txt", "mimeType": "text/plain", "buffer": b"seen at 12:47"}])
    page.get_by_role("button", name="Add these files").click()
    address = record(page, file_ids=page.locator("[name=file_ids]").input_value())
    dsl = sign_in("dsl", viewport=PHONE).page
    dsl.goto(address)
    link = dsl.get_by_role("link", name="what was said.txt")
    expect(link.locator("..")).to_contain_text("KB")
    file = link.get_attribute("href")
    link.click()
    with dsl.expect_download() as download:
        dsl.get_by_role("button", name="Download the original").click()
    assert download.value.suggested_filename == "what was said.txt"
    assert download.value.path().read_bytes() == b"seen at 12:47"
    other = sign_in("admin", viewport=PHONE).page
    assert other.request.get(other.url.split("/s/")[0] + str(file)).status == 404


def test_a_person_whose_role_does_not_open_it_is_told_by_a_dsl_who_is_asked(sign_in: Callable[..., Any]) -> None:
    """The teacher asks in one tap; the DSL is shown it in the inbox, accepts with a reason, and then the colleague reads it."""
    colleague = sign_in("pastoral", viewport=DESKTOP)
    name = colleague.page.locator(".sk-banner__person").inner_text()
    page = sign_in("teacher", viewport=PHONE).go("incidents/new")
    page.locator("[name=pupil_id][value=holding]").check(force=True)
    page.fill("[name=described_pupil]", "A tall boy")
    page.locator("[name=kind][value=observation]").check(force=True)
    page.locator("[name=when][value=not_known]").check(force=True)
    said = word()
    page.fill("[name=narrative]", f"Seen by the gate {said}.")
    page.locator("[name=category_codes][value=safeguarding_concern]").check(force=True)
    expect(page.locator("[data-record]")).to_have_text("Add incident and alert 3 people")
    page.locator("#staff_q").press_sequentially(name.split()[-1])
    page.locator("#staff_q-list [role=option]", has_text=name).click()
    expect(page.locator("#who")).to_contain_text("Their role does not open these records. Ask a DSL to tell them.")
    page.get_by_label("Ask a DSL to tell them").check(force=True)
    expect(page.locator("#recipients")).to_contain_text("A DSL will be asked to tell 1 person.")
    expect(page.locator("#recipients")).not_to_contain_text(name)
    page.locator("[data-record]").click()
    expect(page.get_by_role("main")).to_contain_text("A DSL was asked to tell 1 person.")
    address = page.url.partition("/recorded")[0]
    colleague.page.goto(address)
    expect(colleague.page.get_by_role("heading", level=1)).to_have_text("Page not found")

    dsl = sign_in("dsl", viewport=PHONE)
    ask = dsl.go("inbox").locator(".sk-card--ask").filter(has_text=name).filter(has=dsl.page.locator(f"a[href*='{address.rpartition('/')[2]}']"))
    ask.get_by_role("link", name="Open it and answer").click()
    dsl.page.get_by_label("Why do they need to know?").fill("Runs his mentoring group")
    dsl.page.get_by_role("button", name="Let them read it").click()
    colleague.page.goto(address)
    expect(colleague.page.get_by_role("main")).to_contain_text(said)
    for _ in range(50):  # the alert is made a moment after the answer
        dsl.page.goto(address)
        if name in dsl.page.locator("#told").inner_text():
            break
    expect(dsl.page.locator("#told").get_by_role("listitem").filter(has_text=name)).to_contain_text("Not read yet")


def test_flags_siblings_and_the_last_entries_stand_beside_it_for_whose_role_opens_them(sign_in: Callable[..., Any]) -> None:
    """A child protection plan is seen at once by the DSL, at the top; whose role does not open that class sees no sign of it."""
    dsl = sign_in("dsl", viewport=PHONE)
    pupil = pupils(dsl.go("pupils"), "sarah")[-1]
    page = dsl.go(f"pupils/{pupil['id']}")
    page.get_by_role("link", name="Add a flag").click()
    page.get_by_label("Child protection plan").check(force=True)
    page.get_by_label("Since").fill("2026-02-03")
    page.get_by_label("Social worker").fill("Ines Falk")
    page.get_by_role("button", name="Save flag").click()
    expect(page.locator(".sk-flags").get_by_role("link", name="Child protection plan").first).to_be_in_viewport()
    teacher = sign_in("teacher", viewport=PHONE)
    address = record(teacher.go("pupils"), pupil_id=pupil["id"], category_codes="behaviour")
    page.goto(address)
    expect(page.locator(".sk-flags").get_by_role("link", name="Child protection plan").first).to_be_in_viewport()
    beside = page.get_by_role("complementary", name="Beside this incident")
    expect(beside).to_contain_text("Ines Falk")
    expect(beside.get_by_role("heading", name="The last entries")).to_be_visible()
    slt = sign_in("slt", viewport=PHONE).page
    for reader in (slt, teacher.page):
        reader.goto(address)
        expect(reader.get_by_role("heading", name="The account")).to_be_visible()
        assert "Child protection plan" not in reader.content()
        assert "Ines Falk" not in reader.content()


def test_a_linked_pupils_chronology_shows_the_part_and_not_the_others_categories_or_name(sign_in: Callable[..., Any]) -> None:
    """On the screen, on the print view and in the PDF, with the filters that find it and those that do not."""
    teacher = sign_in("teacher", viewport=PHONE)
    page = teacher.go("pupils")
    first, linked = pupils(page, "sarah")[0], pupils(page, "am")[0]
    said = word()
    given = {"pupil_id": first["id"], "linked_ids": linked["id"], f"linked_part_{linked['id']}": "witness", f"linked_initials_{linked['id']}": "A"}
    address = record(page, category_codes="safeguarding_concern", narrative=f"It was said by the gate {said}.", **given)
    dsl = sign_in("deputy_dsl", viewport=DESKTOP)
    page = dsl.go(f"pupils/{linked['id']}/chronology")
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("Words in it").fill(said)
    page.get_by_role("button", name="Filter").click()
    entry = page.get_by_role("article").filter(has_text=said)
    expect(entry).to_contain_text("Linked: Witness")
    expect(entry).not_to_contain_text("Safeguarding concern")
    expect(page.get_by_role("main")).to_contain_text("1 entry")
    assert first["name"] not in page.get_by_role("main").inner_text()
    assert said not in page.url, "words that were looked for stand in the browser's history"
    with page.expect_download() as download:
        page.get_by_role("button", name="PDF").click()
    assert said in pypdf.PdfReader(download.value.path()).pages[0].extract_text()
    page.get_by_role("button", name="Print").click()
    assert said not in page.url
    expect(page.get_by_role("main")).to_contain_text(said)
    expect(page.get_by_role("main")).to_contain_text("Read it through before you give it to anybody")
    assert first["name"] not in page.get_by_role("main").inner_text()
    page = dsl.go(f"pupils/{first['id']}/chronology?category=behaviour&since=2026-01-01")
    expect(page.get_by_role("main")).not_to_contain_text(said)
    page = dsl.go(f"pupils/{first['id']}/chronology?category=safeguarding_concern&since=2026-01-01")
    expect(page.get_by_role("article").filter(has_text=said)).to_contain_text("Safeguarding concern")
    month = page.locator(".sk-month__name").first
    page.mouse.wheel(0, 250)
    assert month.evaluate("(e) => getComputedStyle(e).position") == "sticky"
    with page.expect_download() as download:
        page.get_by_role("link", name="PDF").click()
    assert download.value.path().read_bytes().startswith(b"%PDF")
    assert address


def test_the_inbox_has_what_is_unread_first_and_narrows(sign_in: Callable[..., Any]) -> None:
    record(sign_in("teacher").go("pupils"), category_codes="behaviour")
    record(sign_in("teacher").go("pupils"), category_codes="medical")
    slt = sign_in("slt", viewport=PHONE)
    rows = slt.go("inbox").locator(".sk-row")
    unread = [bool(re.search("sk-row--unread", row.get_attribute("class") or "")) for row in rows.all()]
    assert unread[0]
    assert unread == sorted(unread, reverse=True)
    assert is_unread(slt.page)
    expect(rows.first).to_contain_text("unread")
    assert int(slt.page.locator(".sk-heading-count").inner_text().split()[0]) >= 2
    slt.page.get_by_label("Show").select_option("unread")
    slt.page.get_by_role("button", name="Filter").click()
    assert all("sk-row--unread" in (row.get_attribute("class") or "") for row in slt.page.locator(".sk-row").all())
    slt.page.get_by_label("Show").select_option("all")
    slt.page.get_by_label("Class").select_option("welfare")
    slt.page.get_by_role("button", name="Filter").click()
    assert {label.inner_text() for label in slt.page.locator(".sk-row .sk-class").all()} <= {"Welfare"}


LONGEST_LINE = """() => [...document.querySelectorAll(".sk-reading, .govuk-body, .govuk-hint, .govuk-inset-text, .sk-guidance li")].map((block) => {
  const lines = new Map(), nodes = document.createTreeWalker(block, NodeFilter.SHOW_TEXT), range = document.createRange();
  for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
    if (node.parentElement.closest(".govuk-visually-hidden") || !node.parentElement.checkVisibility()) continue;
    for (const { index, 0: word } of node.data.matchAll(/\\S+\\s*/g)) {
      range.setStart(node, index);
      range.setEnd(node, index + 1);
      const top = Math.round(range.getBoundingClientRect().bottom / 8);
      lines.set(top, (lines.get(top) ?? "") + word);
    }
  }
  return [...lines.values()].map((line) => line.trim()).sort((a, b) => b.length - a.length)[0] ?? "";
}).filter((line) => line.length > 70)"""


def test_words_are_large_enough_and_lines_short_enough_to_read(sign_in: Callable[..., Any]) -> None:
    """18 px and a line height of 1.5 on telephone and desk alike, at most 70 characters a line; on a telephone the guidance is folded."""
    said = "She told me that her brother had not come home and that nobody at her house had gone out to look for him since the evening before. " * 6
    address = record(sign_in("teacher").go("pupils"), narrative=said)
    for viewport in (PHONE, DESKTOP):
        dsl = sign_in("dsl", viewport=viewport)
        for path in ("incidents/new", "inbox", address):
            page = dsl.page
            page.goto(path) if path == address else dsl.go(path)
            assert page.evaluate("(({ fontSize, lineHeight }) => [fontSize, lineHeight])(getComputedStyle(document.body))") == ["18px", "27px"]
            assert page.evaluate(LONGEST_LINE) == [], path
            if path == "incidents/new":
                folded = page.locator("details.sk-guidance").get_attribute("open") is None
                assert folded is (viewport == PHONE)


def test_a_thumb_finds_every_button_and_link_of_the_bar_and_the_foot(sign_in: Callable[..., Any], system: dict[str, Any]) -> None:
    """Targets of banner, bar, foot and form are 44 px high at least, and the main button is as wide as the page."""
    address = record(sign_in("teacher").go("pupils"))
    dsl = sign_in("dsl", viewport=PHONE)
    for path in ("inbox", "incidents/new", "pupils", address, f"pupils/{of_many_months(system)}/chronology"):
        page = dsl.page
        page.goto(path) if path == address else dsl.go(path)
        small = page.evaluate(
            "[...document.querySelectorAll('.sk-banner a, .sk-banner button, .sk-bar a, .sk-foot a, .sk-foot button, main button, main summary, main .govuk-radios__label, main .govuk-checkboxes__label, .sk-plot__month, main input:not([type=hidden]):not([type=radio]):not([type=checkbox]):not([type=file]), main select, .sk-end-links a, .sk-end-links button')]"
            ".filter((e) => e.offsetParent !== null || getComputedStyle(e).position === 'fixed').filter((e) => e.getBoundingClientRect().height < 43.5).map((e) => e.outerHTML.slice(0, 90))"
        )
        assert small == [], path
        bars = page.locator(".sk-plot__month").evaluate_all("all => all.map((e) => e.getBoundingClientRect().width)")
        assert all(width >= 24 for width in bars), "WCAG 2.5.8"
        assert bool(bars) is path.endswith("/chronology")
    page = dsl.go("incidents/new")
    assert page.locator("[data-record]").bounding_box()["width"] >= 350  # type: ignore[index]
    assert page.get_by_role("link", name="Reports").is_visible(), "reports can be reached on a telephone"


@pytest.mark.parametrize(("viewport", "javascript"), [(PHONE, True), (DESKTOP, False)], ids=["phone", "without JavaScript"])
def test_a_dsl_says_later_whom_an_incident_is_about(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    """From the line in the inbox to the pupil's chronology; the recorder reads there whom it is about, and is alerted."""
    teacher = sign_in("teacher", viewport=PHONE, javascript=False)
    said = word()
    address = record(teacher.go("pupils"), described_pupil=f"A tall boy, {said}")
    dsl = sign_in("deputy_dsl", viewport=viewport, javascript=javascript)
    page = dsl.go("inbox")
    waiting = page.get_by_text(re.compile(r"\d+ incidents? (is|are) about (a pupil|pupils) not listed"))
    waiting.get_by_role("link", name="Show them").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not listed, or not sure who")
    held = page.url
    assert "born" not in page.get_by_role("main").inner_text(), "nobody was born on the day that stands for them"
    page.locator(f"a[href*='{address.rpartition('/')[2]}']").first.click()
    page.get_by_role("link", name="Say who this is about").click()
    expect(page.get_by_text(said)).to_be_visible()
    finds_nothing_wrong(page) if javascript else None
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose one")
    if javascript:
        page.locator("#pupil_q").press_sequentially("sarah")
        page.get_by_role("option").first.click()
    else:
        page.fill("#pupil_q", "sarah")
        page.get_by_role("button", name="Find", exact=True).click()
        page.locator("[name=pupil_id]").first.check(force=True)
    name, _, about = page.locator("label.govuk-radios__label").first.inner_text().partition(", ")
    page.get_by_role("button", name="Continue").click()
    check = page.locator("dl")
    expect(check).to_contain_text(name)
    for part in about.split(" · "):
        expect(check).to_contain_text(part)
    finds_nothing_wrong(page) if javascript else None
    page.get_by_role("button", name="It is about this pupil").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.get_by_text("It was recorded of a pupil not listed. A DSL said whom it is about.")).to_be_visible()
    finds_nothing_wrong(page) if javascript else None
    page.get_by_role("link", name="Chronology", exact=True).first.click()
    expect(page.locator(f"a[href*='{address.rpartition('/')[2]}']").first).to_be_visible()
    page.goto(held)
    expect(page.locator(f"a[href*='{address.rpartition('/')[2]}']")).to_have_count(0)
    teacher.page.goto(address)
    expect(teacher.page.get_by_role("heading", level=1)).to_contain_text(name)
    link = f"a[href*='{address.rpartition('/')[2]}']"
    for _ in range(50):  # the alert is made a moment after the answer
        if teacher.go("inbox").locator(link).count():
            break
    expect(teacher.page.locator(".sk-row").filter(has=teacher.page.locator(link))).to_contain_text("Correction")


def test_a_chronology_is_narrowed_to_what_one_person_recorded(sign_in: Callable[..., Any]) -> None:
    """The person stands in the address by id, so the page can be kept; whoever else wrote there is left out, and clearing shows all again."""
    teacher, colleague = sign_in("teacher"), sign_in("pastoral")
    name = colleague.page.locator(".sk-banner__person").inner_text()
    pupil = pupils(teacher.go("pupils"), "sarah")[0]
    hers, theirs = word(), word()
    record(teacher.page, pupil_id=pupil["id"], category_codes="behaviour", narrative=f"Seen {hers}.")
    record(colleague.go("pupils"), pupil_id=pupil["id"], category_codes="behaviour", narrative=f"Seen {theirs}.")
    dsl = sign_in("dsl", viewport=PHONE)
    page = dsl.go(f"pupils/{pupil['id']}/chronology")
    page.locator("summary", has_text="Filter by").click()
    page.get_by_label("Recorded by").select_option(label=name)
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("article").filter(has_text=theirs)).to_have_count(1)
    expect(page.get_by_role("main")).not_to_contain_text(hers)
    assert {re.split(r", ", line)[0] for line in page.locator("article > p.sk-quiet").all_inner_texts()} == {name}
    assert re.search(r"author=[0-9a-f-]{36}", page.url)
    assert name.split()[-1] not in page.url
    page.get_by_role("link", name="Clear filters").click()
    expect(page.get_by_role("main")).to_contain_text(hers)
    expect(page.get_by_role("main")).to_contain_text(theirs)


def test_brothers_and_sisters_stand_beside_an_incident_and_lead_to_each_other(sign_in: Callable[..., Any]) -> None:
    dsl = sign_in("dsl", viewport=PHONE)
    page = dsl.go("pupils")
    for pupil in (item for q in ("sa", "am", "jo", "be") for item in pupils(page, q)):
        siblings = (
            dsl.go(f"pupils/{pupil['id']}").locator("section, div").filter(has=page.get_by_role("heading", name="Brothers and sisters here")).last
        )
        if siblings.count():
            break
    sibling = siblings.get_by_role("link").first.inner_text()
    page.goto(record(page, pupil_id=pupil["id"]))
    beside = page.get_by_role("complementary", name="Beside this incident")
    expect(beside.get_by_role("heading", name="Brothers and sisters here")).to_be_visible()
    beside.get_by_role("link", name=sibling, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(sibling)
    expect(page.get_by_role("link", name=pupil["name"], exact=True).first).to_be_visible()


def test_after_recording_one_can_add_another_or_go_back(sign_in: Callable[..., Any]) -> None:
    """Another is a new and empty form under an id of its own; back is where the day began, with what was recorded on it."""
    person = sign_in("teacher", viewport=PHONE)
    address = record(person.go("pupils"))
    page = person.page
    page.goto(address + "/recorded")
    number = re.search(r"\d{4}-\d{4}", page.get_by_role("main").inner_text())
    assert number
    page.get_by_role("main").get_by_role("link", name="Add another").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Add incident")
    expect(page.locator("[name=narrative]")).to_have_value("")
    expect(page.locator("[name=category_codes]:checked, [name=pupil_id]:checked")).to_have_count(0)
    assert address.rpartition("/")[2] not in page.url
    page.goto(address + "/recorded")
    page.get_by_role("main").get_by_role("link", name="Back").click()
    expect(page.get_by_role("main")).to_contain_text(number.group())
    assert page.url.rstrip("/").endswith("/s/hillside")


def test_a_word_longer_than_a_telephone_is_wide_is_broken_where_entries_are_listed(sign_in: Callable[..., Any]) -> None:
    teacher, deputy = sign_in("teacher"), sign_in("deputy_dsl", viewport={"width": 320, "height": 640})
    pupil = pupils(teacher.go("pupils"), "sarah")[-1]["id"]
    record(teacher.page, pupil_id=pupil, narrative="m" * 70)
    for address in (f"pupils/{pupil}", f"pupils/{pupil}/chronology"):
        page = deputy.go(address)
        expect(page.get_by_role("main")).to_contain_text("m" * 30)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, address
