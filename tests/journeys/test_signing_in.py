"""Signing in as people do it: the first day on a phone, a forgotten password, keys, the own account; and that no form works without its token."""

import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pyotp
import pytest
from flask import Flask
from playwright.sync_api import Browser, Locator, Page, expect

from gateway import create_app, rpc
from safekeep import bus, keys
from safekeep.contracts.identity import AddStaff, GivePass, Members, NewStaff, Session, SignIn
from safekeep.ids import new_id
from safekeep.settings import GatewaySettings
from tests.journeys import signing_in
from tests.journeys.conftest import PHONE, ROOT, paste
from tests.make import GOOD_EXAMPLE

PICTURES = ROOT / "screenshots"

KEYSTROKE, TAP, LOOK = 0.28, 1.1, 1.35
"""Seconds of the keystroke-level model (Card, Moran and Newell): a key by an average typist, pointing, and thinking before it."""


class Thumb:
    """Somebody new on a phone. Counts what a person would need for it: the program itself is far faster."""

    def __init__(self, page: Page) -> None:
        self.page, self.started, self.person, self.pictures = page, time.monotonic(), 0.0, 0
        PICTURES.mkdir(exist_ok=True)

    def tap(self, what: Locator) -> None:
        """Find something, think, and touch it."""
        self.person += LOOK + TAP
        what.click()

    def choose(self, what: Locator) -> None:
        """Touch a radio or box by its label."""
        self.person += LOOK + TAP
        what.check(force=True)

    def type(self, what: Locator, words: str) -> None:
        """Touch a field and type."""
        self.person += LOOK + TAP + KEYSTROKE * len(words)
        what.click()
        what.press_sequentially(words) if len(words) < 20 else what.fill(words)

    def read(self, words: int = 40) -> None:
        """Read what is new on a page: 200 words a minute."""
        self.person += words / 200 * 60

    def picture(self, name: str) -> None:
        """Keep what is on the screen now."""
        self.pictures += 1
        self.page.screenshot(path=PICTURES / f"first-day-{self.pictures}-{name}.png")

    @property
    def seconds(self) -> float:
        """What the machine took, and what the model says a person needs besides."""
        return time.monotonic() - self.started + self.person


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=PHONE, locale="en-GB", timezone_id="Europe/London", reduced_motion="reduce", has_touch=True)
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def as_dsl(system: dict[str, Any]) -> Iterator[Callable[[Any], Any]]:
    """Ask identity as Hillside's DSL, who has just used their second factor: as_dsl(AddStaff(…))."""
    environment = psutil.Process(system["pids"]["gateway"]).environ()
    before = bus._keys
    rpc.start(broker_url=environment["BROKER_URL"], keys=keys.Keys.load(environment["KEYS_FILE"]))
    login = next(x for x in system["logins"] if (x["role"], x["school"]) == ("dsl", "Hillside Primary"))
    with signing_in.code(system, login) as code:
        signed = rpc.ask(SignIn(username=login["username"], password=login["password"], code=code), token="", seconds=15)

    def ask(request: Any) -> Any:
        return rpc.ask(request, token=rpc.ask(Session(session_token=signed.session_token, slug="hillside"), token="").actor_token)

    yield ask
    rpc._forget()
    if before is not None:
        bus.use_keys(before)


def new_teacher(as_dsl: Callable[[Any], Any]) -> str:
    """Make an account as a DSL does; return its address."""
    return new_staff(as_dsl, "teacher")


def new_staff(as_dsl: Callable[[Any], Any], role: str) -> str:
    email = f"new-{new_id()}@hillside.example"
    made = as_dsl(AddStaff(people=[NewStaff(name="Nia Newcomer", email=email, job="Class teacher", roles=[role])]))
    assert made.items[0].outcome == "made"
    return email


def mail_to(system: dict[str, Any], email: str, subject: str) -> dict[str, Any]:
    """Wait for the newest mail to an address with this in its subject."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = [m for m in mails(system) if email in json.dumps(m["to"]) and subject in m["subject"]]
        if found:
            return max(found, key=lambda m: str(m["at"]))
        time.sleep(0.2)
    raise AssertionError(f"no mail about {subject}")


def mails(system: dict[str, Any]) -> list[dict[str, Any]]:
    with urllib.request.urlopen(system["mail_url"] + "/messages.json") as answer:
        found: list[dict[str, Any]] = json.load(answer)
        return found


def link_in(mail: dict[str, Any]) -> str:
    found = re.search(r"https?://\S+/link/\S+", mail["text"])
    assert found
    return found.group(0)


def main(page: Page, button: str) -> Locator:
    return page.get_by_role("main").get_by_role("button", name=button)


# --- the first day ---------------------------------------------------------------------------------------------------------


def test_from_the_mail_about_an_account_to_a_recorded_concern_on_a_phone_in_under_four_minutes(
    system: dict[str, Any], phone: Page, as_dsl: Callable[[Any], Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    email = new_teacher(as_dsl)
    mail = mail_to(system, email, "You have an account")
    assert "Hillside Primary" in mail["text"]
    me = Thumb(phone)
    me.read(len(mail["text"].split()))
    phone.goto(link_in(mail))
    me.picture("link")
    me.tap(main(phone, "Go on"))
    me.read(25)
    me.type(phone.get_by_label("New password"), "Plum-teal-harbour-1")
    expect(phone.locator("[data-strength]")).to_have_text("Strong")
    me.picture("password")
    finds_nothing_wrong(phone)
    me.tap(main(phone, "Save password"))
    expect(phone.get_by_role("link", name="Add incident").first).to_be_visible()
    me.picture("home")
    me.read(30)
    me.tap(phone.locator(".sk-bar__add"))
    me.read(80)
    me.picture("add-incident")
    me.type(phone.locator("#pupil_q"), "sarah")
    me.tap(phone.get_by_role("option").first)
    me.choose(phone.locator("[name=kind][value=conversation]"))
    me.choose(phone.locator("[name=when][value=now]"))
    account = GOOD_EXAMPLE.partition("\n")[0][:220]
    me.type(phone.locator("[name=narrative]"), account)
    me.type(phone.locator("[name=action_taken]"), "Told the DSL.")
    me.read(45)
    me.choose(phone.locator("[name=category_codes][value=safeguarding_concern]"))
    expect(phone.locator("[data-record]")).to_have_text(re.compile("Add incident and alert 3 people"))
    me.picture("before-sending")
    me.tap(phone.locator("[data-record]"))
    expect(phone.get_by_role("heading", level=1)).to_contain_text("Recorded")
    me.picture("recorded")
    print(f"from the mail to the first recorded concern: {me.seconds:.0f} s, of which the machine {me.seconds - me.person:.0f} s")
    assert me.seconds < 240
    assert mail_to(system, email, "You have an account") == mail  # and nothing else was needed
    phone.goto(link_in(mail))  # the link is used up
    main(phone, "Go on").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("This link is over")


def test_a_forgotten_password_is_set_again_by_a_link_that_opening_does_not_use_up(
    system: dict[str, Any], phone: Page, as_dsl: Callable[[Any], Any]
) -> None:
    email = new_teacher(as_dsl)
    phone.goto(link_in(mail_to(system, email, "You have an account")))
    main(phone, "Go on").click()
    for typed, said in (("Hillside1-", None), ("short", "too short"), ("no-capital-or-digit", "capital")):
        phone.get_by_label("New password").fill(typed)
        if said is not None:
            main(phone, "Save password").click()
            expect(phone.locator("#password-error")).to_contain_text(re.compile(said, re.IGNORECASE))
    phone.get_by_label("New password").fill("Plum-teal-harbour-1")
    main(phone, "Save password").click()
    phone.context.clear_cookies()
    phone.goto(system["url"] + "sign-in")
    phone.get_by_role("link", name=re.compile("forgot it")).click()
    said = []
    for address in (email, "nobody@hillside.example"):
        phone.goto(system["url"] + "forgot")
        phone.get_by_label("E-mail address").fill(address)
        main(phone, "Send me a link").click()
        said.append(phone.get_by_role("main").inner_text())
    assert said[0] == said[1]
    link = link_in(mail_to(system, email, "Your link to set"))
    for _ in range(2):
        assert phone.request.get(link).ok  # a mail program that opens addresses
    phone.goto(link)
    main(phone, "Go on").click()
    paste(phone, phone.get_by_label("New password"), "Plum-teal-harbour-2")  # as a password manager's user may have to
    main(phone, "Save password").click()
    expect(phone.locator(".sk-bar__add")).to_be_visible()
    mail_to(system, email, "password was changed")
    phone.context.clear_cookies()
    phone.goto(system["url"] + "sign-in")
    phone.get_by_label("E-mail address").fill(email)
    paste(phone, phone.get_by_label("Password"), "Plum-teal-harbour-2")
    main(phone, "Sign in").click()
    expect(phone.locator(".sk-bar__add")).to_be_visible()


# --- keys --------------------------------------------------------------------------------------------------------------------


def virtual_key(page: Page) -> Any:
    """Plug a security key into the browser (its own virtual one, over the developer tools' protocol)."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    options["automaticPresenceSimulation"] = True
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return tools


def test_a_hard_key_is_registered_signs_in_unlocks_and_steps_up(
    system: dict[str, Any], phone: Page, as_dsl: Callable[[Any], Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    email, password = new_teacher(as_dsl), "Plum-teal-harbour-1"
    tools = virtual_key(phone)
    phone.goto(link_in(mail_to(system, email, "You have an account")))
    main(phone, "Go on").click()
    phone.get_by_label("New password").fill(password)
    main(phone, "Save password").click()
    expect(phone.locator(".sk-bar__add")).to_be_visible()
    phone.goto(system["url"] + "account")
    phone.get_by_role("link", name="Add an app or a key").click()
    finds_nothing_wrong(phone)
    phone.get_by_role("button", name="Use a security key or passkey").click()
    phone.get_by_label("A name for it").fill("Blue key")
    finds_nothing_wrong(phone)
    main(phone, "Add the key").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    assert phone.locator(".sk-codes li").count() == 10
    phone.screenshot(path=PICTURES / "recovery-codes.png", full_page=True)
    finds_nothing_wrong(phone)
    main(phone, "I have kept them").click()
    mail_to(system, email, "second factor was added")
    phone.goto(system["url"] + "account")
    expect(phone.get_by_role("main")).to_contain_text("Blue key")
    finds_nothing_wrong(phone)
    phone.screenshot(path=PICTURES / "account.png", full_page=True)
    phone.get_by_role("button", name="Sign out").click()
    phone.goto(system["url"] + "sign-in")
    phone.get_by_label("E-mail address").fill(email)
    phone.get_by_label("Password").fill(password)
    main(phone, "Sign in").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Second step")
    phone.screenshot(path=PICTURES / "second-step.png", full_page=True)
    finds_nothing_wrong(phone)
    main(phone, "Use my key").click()
    expect(phone.locator(".sk-bar__add")).to_be_visible()
    phone.get_by_role("button", name="Lock", exact=True).click()
    expect(phone.get_by_role("dialog")).to_be_visible()
    phone.screenshot(path=PICTURES / "locked.png")
    phone.get_by_role("dialog").get_by_role("button", name="Use my key").click()
    expect(phone.get_by_role("dialog")).to_have_count(0)
    phone.goto(system["url"] + "account")
    phone.get_by_role("button", name=re.compile("I lost it")).click()
    expect(phone).to_have_url(re.compile("/sign-in"))  # this session was made with it
    mail_to(system, email, "was disabled")
    tools.send("WebAuthn.disable")


def test_an_app_is_set_up_on_the_account_page_and_asked_for_at_the_next_sign_in(
    system: dict[str, Any], phone: Page, as_dsl: Callable[[Any], Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    email, password = new_teacher(as_dsl), "Plum-teal-harbour-1"
    phone.goto(link_in(mail_to(system, email, "You have an account")))
    main(phone, "Go on").click()
    phone.get_by_label("New password").fill(password)
    main(phone, "Save password").click()
    expect(phone.locator(".sk-bar__add")).to_be_visible()
    phone.goto(system["url"] + "account/keys/app")
    main(phone, "I have an app").click()
    phone.screenshot(path=PICTURES / "app.png", full_page=True)
    finds_nothing_wrong(phone)
    assert phone.locator(".sk-qr").evaluate("image => image.complete && image.naturalWidth > 100")
    phone.get_by_text("No camera, or on this same phone?").click()
    secret = phone.locator(".sk-code").inner_text().replace(" ", "")
    phone.get_by_label("Code the app shows").fill("000000")
    main(phone, "Add the app").click()
    expect(phone.locator("#code-error")).to_be_visible()
    sent = {name: phone.locator(f"form [name={name}]").first.input_value() for name in ("csrf_token", "factor_id", "secret")}
    for address in ("otpauth://" + "x" * 5_000, "otpauth://" + "é" * 1_900):  # more than a picture of squares can hold
        answer = phone.request.post(system["url"] + "account/keys/app", form=sent | {"address": address, "code": "000000"})
        assert (answer.status, 'id="code-error"' in answer.text()) == (422, True)
    phone.get_by_label("Code the app shows").fill(pyotp.TOTP(secret).now())
    main(phone, "Add the app").click()
    recovery = phone.locator(".sk-codes li").first.inner_text()
    phone.context.clear_cookies()
    phone.goto(system["url"] + "sign-in")
    phone.get_by_label("E-mail address").fill(email)
    phone.get_by_label("Password").fill(password)
    main(phone, "Sign in").click()
    phone.get_by_label("Code").fill(recovery)
    main(phone, "Go on").click()
    expect(phone.locator(".sk-bar__add")).to_be_visible()
    mail_to(system, email, "A recovery code")
    mail_to(system, email, "A new device")


def test_where_somebody_is_signed_in_is_shown_and_ended(sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]) -> None:
    here, elsewhere = sign_in("admin", school="Kingsmead Academy"), sign_in("admin", school="Kingsmead Academy")
    page = here.page
    page.goto(here.base + "account")
    expect(page.get_by_role("main")).to_contain_text("Chrome, Linux")
    finds_nothing_wrong(page)
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.get_by_role("status").first).to_contain_text("Signed out there")
    for _ in range(40):  # within a second, says test_two_gateways.py; a page takes longer than that on a busy machine
        elsewhere.page.reload()
        if "/sign-in" in elsewhere.page.url:
            break
    expect(elsewhere.page).to_have_url(re.compile("/sign-in"))
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("My account")


# --- what is not whole opens nothing -----------------------------------------------------------------------------------------


def test_no_page_opens_before_the_second_factor_is_set_up_or_shown_or_while_it_is_locked(
    system: dict[str, Any], as_dsl: Callable[[Any], Any], phone: Page, tmp_path: Path, finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """Every page, found by introspection, with a session of each state: signing in and enrolling answer, all else leads there."""
    email, password = new_staff(as_dsl, "slt"), "Plum-teal-harbour-1"
    phone.goto(link_in(mail_to(system, email, "You have an account")))
    main(phone, "Go on").click()
    phone.get_by_label("New password").fill(password)
    main(phone, "Save password").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Somebody who knows you")
    finds_nothing_wrong(phone)
    phone.screenshot(path=PICTURES / "known.png", full_page=True)
    for path in ("account/keys", "account/keys/app", "account/keys/key"):
        phone.goto(system["url"] + path)
        expect(phone.get_by_role("heading", level=1)).to_have_text("Somebody who knows you")
    person = next(p for p in as_dsl(Members()).items if p.email == email)
    phone.get_by_label("The pass").fill(as_dsl(GivePass(person_id=person.person_id, how="in_person")).code)
    main(phone, "Go on").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Add a second factor")
    phone.screenshot(path=PICTURES / "enrol.png", full_page=True)
    held = {"enrol": cookie_of(phone, system)}
    login = next(x for x in system["logins"] if (x["role"], x["school"]) == ("slt", "Hillside Primary"))
    held["locked"] = "=".join(signing_in.cookie(system, login, fresh=True))
    page = signing_in._request(system, "GET", "/account", {"Cookie": held["locked"]})[2]
    signing_in._request(system, "POST", "/lock", {"Cookie": held["locked"]}, {"csrf_token": signing_in._token(page)})
    leads = {"enrol": r"/(account/keys|go-on|prove|sign-in)", "locked": r"/(unlock|sign-in|go-on)"}
    opens = {"enrol": ENROLLING, "locked": {"/unlock"}}
    for state, cookie in held.items():
        for rule, path in shown(tmp_path):
            status, headers, _ = signing_in._request(system, "GET", path, {"Cookie": cookie})
            where = f"{state}: {rule} {status} {headers.get('Location')}"
            if status == 200:
                assert rule in opens[state] | OPEN, where
            elif status in {302, 303}:
                assert re.search(leads[state], headers["Location"]), where
            else:
                assert status in {401, 404}, where


OPEN = {"/sign-in", "/forgot", "/link/<token>", "/begin/<token>", "/api/v1/openapi.json", "/notify-worker.js"}
ENROLLING = {"/account/keys", "/account/keys/app", "/account/keys/key", "/pass"}


def cookie_of(page: Page, system: dict[str, Any]) -> str:
    name = f"safekeep-{urlsplit(system['url']).port}"
    return f"{name}={next(c['value'] for c in page.context.cookies() if c['name'] == name)}"


def shown(folder: Path) -> list[tuple[str, str]]:
    """Return (rule, an address of it) for every page."""
    rules = {rule.rule for rule in an_app(folder).url_map.iter_rules() if "GET" in (rule.methods or set()) and "/assets/" not in rule.rule}
    return [(rule, an_address(rule)) for rule in sorted(rules)]


def an_address(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda m: "hillside" if m.group(1) in {"slug", "school"} else str(new_id()), rule)


# --- forged forms ------------------------------------------------------------------------------------------------------------


def test_every_form_of_a_signed_in_person_needs_its_token(system: dict[str, Any], tmp_path: Path) -> None:
    """Every POST route, found by introspection, with a real session: without the token, or with another session's, nothing is done."""
    logins = [x for x in system["logins"] if (x["role"], x["school"]) in {("dsl", "Hillside Primary"), ("pastoral", "Hillside Primary")}]
    for login in logins:
        cookie = "=".join(signing_in.cookie(system, login))
        for path in posted_to(tmp_path):
            for form in ({"a": "b"}, {"a": "b", "csrf_token": "0" * 64}):
                status = signing_in._request(system, "POST", path, {"Cookie": cookie}, form)[0]
                assert status in {400, 404}, (login["role"], path, status)  # 404: a place that is not theirs
        assert signing_in._request(system, "GET", "/s/hillside/drafts", {"Cookie": cookie})[0] == 200  # signed in all the while


def posted_to(folder: Path) -> list[str]:
    """Return an address of every route that takes a form."""
    rules = [rule for rule in an_app(folder).url_map.iter_rules() if "POST" in (rule.methods or set()) and "/api/" not in rule.rule]
    return sorted({an_address(rule.rule) for rule in rules})


def an_app(folder: Path) -> Flask:
    """The application, for its routes alone."""
    keys.ensure_ring(folder)
    before = bus._keys
    file = str(folder / "process" / "gateway.json")
    app: Flask = create_app(GatewaySettings(broker_url="amqp://127.0.0.1:9/", keys_file=file, inner_port=0, public_url="http://localhost:1"))
    if before is not None:
        bus.use_keys(before)
    return app


def test_the_demonstration_answers_at_an_address_where_keys_work(system: dict[str, Any]) -> None:
    """Browsers let WebAuthn run on https and on localhost, not on 127.0.0.1."""
    assert urlsplit(system["url"]).hostname == "localhost"
