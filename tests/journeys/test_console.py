"""The console in a real browser: lists with every line's fate, roles that wait, leavers, two schools in two tabs, the audit log."""

import csv
import io
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys import signing_in
from tests.journeys.conftest import DESKTOP, PHONE, leads_to
from tests.journeys.test_every_page import Looker, endpoints
from tests.journeys.walking import Newcomer, letter
from tests.make import GOOD_EXAMPLE

SETTINGS = (
    "settings",
    "staff",
    "staff/new",
    "staff/import",
    "settings/school",
    "settings/own-child",
    "settings/templates",
    "settings/templates/new",
    "settings/groups",
    "settings/groups/new",
    "settings/files",
    "settings/categories",
    "settings/categories/welfare",
    "settings/sign-in",
    "settings/categories/new",
    "settings/groups/safeguarding_team",
    "audit",
    "pupils/add",
    "programs",
    "sign-in-providers",
    "sign-in-providers/new",
    "trust-people",
)


def fresh() -> str:
    """Part of an address that no earlier run used."""
    return uuid4().hex[:8]


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=re.compile(f"^{re.escape(name)}")).last.click()


def as_trust_it(sign_in: Callable[..., Any], **more: Any) -> Any:
    return sign_in("trust_it", school=None, **more)


NOUNS = {"staff", "addresses", "enrolment", "settings", "audit", "trust", "trust_people", "machines", "providers", "account"}
ELSEWHERE = {
    *{"staff.example", "enrolment.example"},  # lists to take away
    *{"trust.home", "trust.waiting"},  # leads on to the schools; somebody whose role waits: below
    *{
        "trust.as_list",
        "trust.reports",
        "trust.report",
        "trust.report_pdf",
        "trust.report_as_list",
    },  # the trust's safeguarding lead: test_reports_page.py, test_governors.py
    "providers.change",  # test_single_sign_on.py, where there is a provider
}
ALL = {
    rule.endpoint
    for rule in endpoints().map.iter_rules()
    if rule.endpoint.partition(".")[0] in NOUNS and "GET" in (rule.methods or ()) and rule.endpoint not in ELSEWHERE
}
"""By the table of addresses, so that a page that comes is not forgotten here."""


@pytest.mark.parametrize(("viewport", "dark"), [(PHONE, True), (DESKTOP, False)], ids=["phone, dark and then light", "desk, light and then dark"])
def test_every_page_of_the_console_is_accessible_and_fits(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[..., None], viewport: Any, dark: bool
) -> None:
    """As a DSL and as trust IT, also narrow and in the other theme; where there is a form, as it looks with mistakes in it."""
    dsl = sign_in("dsl", viewport=viewport, dark=dark)
    other = "light" if dark else "dark"
    at = Looker(dsl.page, finds_nothing_wrong, other_theme=other)
    here = f"{dsl.base}s/hillside/"
    for path in SETTINGS:
        at.look(here + path)
        assert at.page.url == here + path, "the school is in the address"
    at.look(here + "staff")
    at.page.get_by_role("main").get_by_role("listitem").filter(has_text="Sports coach").first.get_by_role("link").click()
    person = at.page.url
    at.look()
    at.press("Make a pass")
    for path in ("close", "address"):
        at.look(f"{person}/{path}")
    for path, button in (
        ("staff/new", "Add this person"),
        ("staff/import", "Check the list"),
        ("pupils/add", "Check the list"),
        ("programs", "Make"),
    ):
        at.look(here + path)
        at.press(button)
    at.look(here + "trust-people")
    at.page.get_by_role("main").get_by_role("link", name="Devon").first.click()
    at.look()
    for path in ("account", "account/keys", "account/keys/app", "account/keys/key"):
        at.look(dsl.base + path)
    it = as_trust_it(sign_in, viewport=viewport, dark=dark)
    seen, at = at.seen, Looker(it.page, finds_nothing_wrong, other_theme=other)
    there = f"{it.base}t/heathland/"
    for path in (
        "schools",
        "schools/new",
        "people",
        "people/new",
        "sign-in-providers",
        "sign-in-providers/new",
        "programs",
        "schools/hillside/programs",
    ):
        at.look(there + path)
    for path in ("", "/new", "/import"):
        at.look(f"{there}schools/hillside/staff{path}")
    at.look(there + "people")
    at.page.get_by_role("main").get_by_role("link", name="Marianne").first.click()
    at.look()
    at.look(f"{at.page.url}/close")
    for path, button in (("people/new", "Add this person"), ("schools/new", "Add the school")):
        at.look(there + path)
        at.press(button)
    assert {name for name in seen | at.seen if name.partition(".")[0] in NOUNS} >= ALL


def test_what_cannot_be_read_in_the_other_theme_alone_is_found(sign_in: Callable[..., Any], finds_nothing_wrong: Callable[..., None]) -> None:
    """On the page that axe is brought to and on the next, where the browser has it already."""
    person = sign_in("teacher", viewport=PHONE)
    at = Looker(person.page, finds_nothing_wrong, other_theme="dark")
    for path in ("account", "account/keys"):
        at.look(person.base + path)
        person.page.evaluate(
            "const sheet = new CSSStyleSheet(); sheet.replaceSync('@media (prefers-color-scheme: dark) { :root { --text: #3b3346; } }');"
            " document.adoptedStyleSheets = [sheet];"
        )
        finds_nothing_wrong(person.page)
        with pytest.raises(AssertionError, match=r"'color-contrast', .*\['[^']+'\]"):  # and says where
            at.look()
        person.page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("javascript", [True, False], ids=["desktop", "phone without JavaScript"])
def test_a_list_of_staff_is_checked_first_and_then_added_and_nothing_of_it_is_lost(sign_in: Callable[..., Any], javascript: bool) -> None:
    dsl, mark = sign_in("dsl", viewport=DESKTOP if javascript else PHONE, javascript=javascript), fresh()
    sheet = f"Name,E-mail,Role\nZeta Import,zeta-{mark}@hillside.example,teacher\nNo Address,nowhere,teacher\nOdd Role,odd-{mark}@hillside.example,wizard\n"
    page = dsl.go("staff/import")
    page.locator("[name=file]").set_input_files({"name": "staff.csv", "mimeType": "text/csv", "buffer": sheet.encode("utf-8-sig")})
    press(page, "Check the list")
    main = page.get_by_role("main")
    expect(main).to_contain_text("Nothing is done yet")
    expect(main).to_contain_text("1 person would be added or changed")
    expect(main.get_by_role("listitem").filter(has_text="Zeta Import")).to_contain_text("will be added, and sent a link to set a password")
    expect(main.get_by_role("listitem").filter(has_text="No Address")).to_contain_text("This is not an e-mail address: nowhere")
    expect(main.get_by_role("listitem").filter(has_text="Odd Role")).to_contain_text("There is a role in it that we do not know: wizard")
    expect(page.locator("[name=list]")).to_have_value(sheet)
    press(page, "Add or change 1 person")
    expect(page.get_by_role("main")).to_contain_text("1 person was added or changed")
    expect(page.locator("[name=list]")).to_have_value(sheet)
    press(page, "Check again")
    expect(main.get_by_role("listitem").filter(has_text="Zeta Import")).to_contain_text("is here already, and stays as it is")


@pytest.mark.parametrize(("javascript", "dark"), [(True, False), (False, True)], ids=["desktop", "phone without JavaScript, dark"])
def test_a_list_of_pupils_enters_family_on_the_staff_and_says_first_whom(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], javascript: bool, dark: bool
) -> None:
    """A teacher by their address; a DSL by nobody but themselves; an address of nobody's, and a name, by nobody."""
    dsl, mark = sign_in("dsl", viewport=DESKTOP if javascript else PHONE, javascript=javascript, dark=dark), fresh()
    address = {login["role"]: login["username"] for login in dsl.system["logins"] if login["school"] == "Hillside Primary"}
    cells = {
        "Ann": address["teacher"].upper(),
        "Bob": f"{address['teacher']} {address['deputy_dsl']}",
        "Cai": "ann-s-mother@home.example",
        "Dot": "Ms Example",
        "Eve": "",
    }
    born = "\n".join(f"{name} {mark},Year 5,29/02/2016,{cell}" for name, cell in cells.items())
    sheet = f"Pupil,Year group,DOB,Family on the staff\n{born}\n"
    page = dsl.go("pupils/add")
    page.locator("[name=file]").set_input_files({"name": "pupils.csv", "mimeType": "text/csv", "buffer": sheet.encode("utf-8-sig")})
    press(page, "Check the list")
    main = page.get_by_role("main")

    def fate(name: str) -> Any:
        return main.get_by_role("listitem").filter(has_text=f"{name} {mark}")

    expect(main).to_contain_text("2 pupils would be added or changed")
    expect(fate("Ann")).to_contain_text("Will be entered as family on the staff: ")
    expect(fate("Bob")).to_contain_text("A DSL or deputy enters this themselves. Ask them to, on the pupil’s page: ")
    expect(fate("Cai")).to_contain_text("Nobody who works at your school signs in with this address.")
    expect(fate("Dot")).to_contain_text("Nobody who works at your school signs in with this address.")
    expect(fate("Eve")).not_to_contain_text("family")
    expect(page.locator("[name=list]")).to_have_value(sheet)
    if javascript:
        finds_nothing_wrong(page)
    teacher = fate("Ann").inner_text().rpartition("staff: ")[2].strip()
    press(page, "Add or change 2 pupils")
    expect(fate("Ann")).to_contain_text(f"Entered as family on the staff: {teacher}")
    press(page, "Check the list")
    expect(fate("Ann")).to_contain_text("is here already, and stays as it is")
    dsl.go("pupils")
    page.locator("#q").fill(mark)
    press(page, "Find")
    main.get_by_role("link", name=f"Ann {mark}").click()
    expect(page.locator("#family")).to_contain_text(teacher)


BAD = [
    ("staff/new", {"name": "", "email": "a@x.example", "roles": "teacher"}, "Write the name"),
    ("staff/new", {"name": "A", "email": "", "roles": "teacher"}, "Write the e-mail address"),
    ("staff/new", {"name": "A", "email": "not one", "roles": "teacher"}, "This is not an e-mail address"),
    ("staff/new", {"name": "A", "email": "a@x.example"}, "Choose at least one role"),
    ("staff/new", {"name": "A", "email": "a@x.example", "roles": "trust_it"}, "Choose one of those offered"),
    ("staff/new", {"name": "A" * 201, "email": "a@x.example", "roles": "teacher"}, "This is too long. Shorten it"),
    ("staff/new", {"name": "A\u202eB", "email": "a@x.example", "roles": "teacher"}, "hidden character in this that changes the direction"),
    ("staff/import", {"list": "", "do": "check"}, "Choose a file, or paste the list"),
    ("staff/import", {"list": "A,a@x.example\n" * 501, "do": "check"}, "Send at most 500 at a time"),
    ("pupils/add", {"list": "", "do": "check"}, "Choose a file, or paste the list"),
    ("pupils/add", {"do": "one", "name": "A", "year": "Year 5", "born": "2999-01-01"}, "This date of birth is later than today"),
    ("pupils/add", {"do": "one", "name": "A", "year": "Year 5", "born": "31/02/2016"}, "This is not a date"),
    ("pupils/add", {"do": "one", "name": "", "year": "", "born": ""}, "Write the year group"),
    ("settings/groups/new", {"name": ""}, "Write the name"),
    ("settings/groups/new", {"name": "SLT"}, "Another has this name already"),
    ("settings/groups/new", {"name": "New", "members": "not an id"}, "This is not an id"),
    ("settings/categories/new", {"name": "New", "class_code": "welfare", "groups": "slt"}, "From welfare up the Safeguarding team is always alerted"),
    ("settings/categories/new", {"name": "New"}, "Choose a class"),
    ("settings/categories/new", {"name": "Bullying", "class_code": "general", "groups": "slt"}, "Another has this name already"),
    ("settings/sign-in", {"min_length": "7", "change_days": "60", "remembered": "5", "lock_minutes": "10"}, "This number is too small"),
    ("settings/sign-in", {"min_length": "8", "change_days": "60", "remembered": "5", "lock_minutes": "31"}, "This number or file is too large"),
    ("settings/sign-in", {"min_length": "eight", "change_days": "60", "remembered": "5", "lock_minutes": "10"}, "This is not a whole number"),
    ("settings/school", {"day_ends": "15:30"}, "Choose at least one person to find"),
    ("settings/school", {"day_ends": "25:99"}, "This is not a time"),
    ("settings/school", {"day_ends": "15:30", "head-name": "Head"}, "Write the telephone number"),
]


def test_bad_input_is_refused_with_a_sentence_and_what_was_typed_stays(system: dict[str, Any]) -> None:
    login = next(x for x in system["logins"] if (x["role"], x["school"]) == ("dsl", "Hillside Primary"))
    name, value = signing_in.cookie(system, login, fresh=True)
    cookie = {"Cookie": f"{name}={value}"}
    _, _, page = signing_in._request(system, "GET", "/s/hillside/settings", cookie)
    found = re.search('name="csrf_token" value="([0-9a-f]+)"', page)
    assert found
    for path, fields, sentence in BAD:
        status, _, page = signing_in._request(system, "POST", f"/s/hillside/{path}", cookie, fields | {"csrf_token": found.group(1)})
        assert (status, path, fields) == (422, path, fields)
        assert sentence in page, (path, fields, sentence)
        for typed in fields.values():
            if typed.isalnum() and len(typed) < 60 and typed not in ("check", "one", "trust_it"):
                assert typed in page, (path, typed)


def test_a_role_that_reads_records_given_by_trust_it_waits_for_a_dsl(sign_in: Callable[..., Any]) -> None:
    it, mark = as_trust_it(sign_in), fresh()
    it.page.goto(f"{it.base}t/heathland/schools/hillside/staff/new")
    it.page.fill("[name=name]", f"Wanda Waits {mark}")
    it.page.fill("[name=email]", f"wanda-{mark}@hillside.example")
    it.page.locator("[name=roles][value=slt]").check(force=True)
    press(it.page, "Add this person")
    expect(it.page.get_by_role("heading", name="A role waits: SLT")).to_be_visible()
    assert it.page.get_by_role("button", name="Confirm it").count() == 0
    dsl = sign_in("dsl")
    page = dsl.go("settings")
    page.get_by_role("link", name=f"Look at it Wanda Waits {mark}").click()
    page.get_by_role("button", name="Confirm it").click()
    expect(page.get_by_role("status").filter(has_text="Confirmed. Every DSL is sent an e-mail.")).to_be_visible()
    expect(page.locator("[name=roles][value=slt]")).to_be_checked()
    assert page.get_by_role("heading", name="A role waits").count() == 0


@pytest.mark.parametrize("javascript", [True, False], ids=["desktop", "phone without JavaScript"])
def test_the_trusts_safeguarding_lead_is_added_waits_for_a_dsl_and_leaves(
    system: dict[str, Any],
    sign_in: Callable[..., Any],
    browser: Browser,
    finds_nothing_wrong: Callable[[Page], None],
    javascript: bool,
) -> None:
    view: dict[str, Any] = {"viewport": DESKTOP if javascript else PHONE, "javascript": javascript}
    it, mark = as_trust_it(sign_in, **view), fresh()
    address, name = f"lena-{mark}@heathland.example", f"Lena Lead {mark}"
    it.page.goto(f"{it.base}t/heathland/schools")
    it.page.get_by_role("link", name="The trust's people").click()
    it.page.get_by_role("main").get_by_role("button", name="Add one person").click()
    it.page.fill("[name=name]", name)
    it.page.fill("[name=email]", "nowhere")
    press(it.page, "Add this person")
    expect(it.page.get_by_role("main")).to_contain_text("Choose at least one")
    expect(it.page.locator("[name=name]")).to_have_value(name)
    it.page.fill("[name=email]", address)
    it.page.locator("[name=roles][value=trust_safeguarding_lead]").check(force=True)
    press(it.page, "Add this person")
    expect(it.page.get_by_role("heading", name="A role waits: Trust safeguarding lead")).to_be_visible()
    person = it.page.url.partition("?")[0]
    lena = Newcomer(browser, system, viewport=PHONE)
    lena.begin(letter(system, address))
    expect(lena.page.get_by_role("heading", name="Somebody who knows you")).to_be_visible()
    dsl = sign_in("dsl", **view)
    page = dsl.go("settings")
    page.get_by_role("link", name=f"Look at it {name}").click()
    press(page, "Make a pass")
    expect(page.get_by_role("main")).to_contain_text("Say how you will tell them")
    page.locator("[name=how][value=known_number]").check(force=True)
    press(page, "Make a pass")
    lena.enrol(code=page.locator(".sk-code").inner_text())
    expect(lena.page.get_by_role("heading", name="Your role waits")).to_be_visible()
    finds_nothing_wrong(lena.page)
    lena.page.goto(f"{it.base}t/heathland/")
    expect(lena.page.get_by_role("heading", name="You cannot do this")).to_be_visible()
    page = dsl.go("settings")
    page.get_by_role("link", name=f"Look at it {name}").click()
    expect(page.get_by_role("main")).not_to_contain_text("Which of these have they shown you?")  # it was set up by a DSL's pass, face to face
    press(page, "Confirm it")
    expect(page.get_by_role("status").filter(has_text="Confirmed. Every DSL is sent an e-mail.")).to_be_visible()
    ends = time.monotonic() + 10
    while lena.page.get_by_role("table").count() == 0 and time.monotonic() < ends:
        lena.page.goto(f"{it.base}t/heathland/")
    expect(lena.page.get_by_role("table").first).to_contain_text("Hillside Primary")
    it.page.goto(f"{person}/close")
    press(it.page, "Close the account")
    expect(it.page.get_by_role("status").filter(has_text="closed here")).to_be_visible()
    assert name not in it.page.get_by_role("main").inner_text()
    leads_to(lena.page, f"{it.base}t/heathland/", "/sign-in")
    lena.context.close()


def test_a_leaver_is_signed_out_and_their_account_says_so(system: dict[str, Any], sign_in: Callable[..., Any], browser: Browser) -> None:
    dsl, mark = sign_in("dsl"), fresh()
    address, name = f"lea-{mark}@hillside.example", f"Lea Ver {mark}"
    page = dsl.go("staff/new")
    page.fill("[name=name]", name)
    page.fill("[name=email]", address)
    page.locator("[name=roles][value=pastoral]").check(force=True)
    press(page, "Add this person")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    person = page.url.partition("?")[0]
    lea = Newcomer(browser, system, viewport=PHONE)
    lea.begin(letter(system, address))
    expect(lea.page.get_by_role("link", name="Add incident").first).to_be_visible()
    page.goto(f"{person}/close")
    expect(page.get_by_role("main")).to_contain_text("alerts they have not read go to the DSL")
    press(page, "Close the account")
    expect(page.get_by_role("status").filter(has_text="closed here")).to_be_visible()
    leads_to(lea.page, system["url"] + "s/hillside/", "/sign-in")
    page.goto(person)
    expect(page.get_by_role("main")).to_contain_text("Their account is closed here")
    lea.context.close()


def test_two_tabs_on_two_schools_cannot_cross(system: dict[str, Any], sign_in: Callable[..., Any], browser: Browser) -> None:
    """One account, one sign-in: what is sent from the first school's page is recorded there, though the other is open since."""
    it, mark = as_trust_it(sign_in), fresh()
    address = f"two-{mark}@heathland.example"
    for school in ("hillside", "kingsmead"):
        it.page.goto(f"{it.base}t/heathland/schools/{school}/staff/new")
        it.page.fill("[name=name]", f"Tess Two {mark}")
        it.page.fill("[name=email]", address)
        it.page.locator("[name=roles][value=teacher]").check(force=True)
        press(it.page, "Add this person")
        expect(it.page.get_by_role("heading", name=f"Tess Two {mark}")).to_be_visible()
    tess = Newcomer(browser, system, viewport=DESKTOP)
    tess.begin(letter(system, address, of=2))
    expect(tess.page.get_by_role("heading", name="Choose where you are working")).to_be_visible()
    first, second = tess.page, tess.context.new_page()
    first.goto(f"{it.base}s/hillside/incidents/new")
    second.goto(f"{it.base}s/kingsmead/incidents/new")
    for page, name, other in ((first, "Hillside Primary", "Kingsmead Academy"), (second, "Kingsmead Academy", "Hillside Primary")):
        where = page.get_by_role("region", name="Where you are working")
        expect(where).to_contain_text(f"You are at {name}")
        assert other not in page.locator("header").inner_text()
        assert name in page.title()
    first.locator("[name=pupil_id][value=holding]").check(force=True)
    first.fill("[name=described_pupil]", f"A child in a green coat {mark}")
    first.locator("[name=kind][value=observation]").check(force=True)
    first.locator("[name=when]").first.check(force=True)
    first.fill("[name=narrative]", GOOD_EXAMPLE)
    first.locator("[name=category_codes][value=not_sure]").check(force=True)
    press(first, "Add incident and alert")
    expect(first.get_by_role("main")).to_contain_text(re.compile(r"Recorded today at \d{1,2}:\d\d"))
    incident = first.url.removesuffix("/recorded").rpartition("/")[2]
    first.goto(f"{it.base}s/hillside/incidents/{incident}")
    expect(first.get_by_role("main")).to_contain_text("life anymore")
    second.goto(f"{it.base}s/kingsmead/incidents/{incident}")
    expect(second.get_by_role("heading", name="Page not found")).to_be_visible()
    tess.context.close()


def test_a_dsl_filters_the_audit_log_and_takes_it_away_as_a_list(sign_in: Callable[..., Any]) -> None:
    dsl = sign_in("dsl", fresh=True)
    page = dsl.go("audit")
    page.locator("[name=kind]").select_option("proved")
    press(page, "Filter")
    rows = page.get_by_role("main").get_by_role("listitem")
    expect(rows.first).to_contain_text("Second factor used")
    with page.expect_download() as download:
        press(page, "Export these lines as CSV")
    lines = list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert lines[0] == ["When", "What", "Whose account", "By", "More"]
    assert {line[1] for line in lines[1:]} == {"Second factor used"}
    page = dsl.go("audit?kind=exported")
    expect(page.get_by_role("main").get_by_role("listitem").first).to_contain_text("the audit log")


def test_a_pass_is_shown_once_to_the_dsl_who_says_how_they_tell_it(sign_in: Callable[..., Any]) -> None:
    dsl = sign_in("dsl")
    page = dsl.go("staff")
    page.get_by_role("main").get_by_role("listitem").filter(has_text="Sports coach").first.get_by_role("link").click()
    press(page, "Make a pass")
    expect(page.get_by_role("main")).to_contain_text("Say how you will tell them")
    page.locator("[name=how][value=in_person]").check(force=True)
    press(page, "Make a pass")
    expect(page.get_by_role("main").locator(".sk-code")).to_have_text(re.compile(r"^[a-z0-9]{4}(-[a-z0-9]{4}){2}$"))
