"""Signing in with the trust's own provider, in a browser, through the very provider; set up by trust IT in the console."""

import html
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.journeys import signing_in
from tests.journeys.conftest import DESKTOP, PHONE, Person
from tests.openid import OpenIdProvider, running

NAME = "Heathland’s own"


@pytest.fixture(scope="module")
def provider(system: dict[str, Any]) -> Iterator[OpenIdProvider]:
    """A provider that sends people back to the running system."""
    with running(redirects=f"{system['url']}sso/back") as started:
        for login in system["logins"]:
            started.person(login["username"], email=login["username"], email_verified=True, groups=["all staff"])
        started.person("a stranger", email="stranger@hillside.example", email_verified=True)
        yield started


@pytest.fixture(scope="module")
def console(browser: Browser, system: dict[str, Any], provider: OpenIdProvider) -> Iterator[Person]:
    """Trust IT has set it up by the console's pages; afterwards it is removed there."""
    context = browser.new_context(viewport=DESKTOP, locale="en-GB")
    context.set_default_timeout(30_000)
    it = Person(context.new_page(), system, "trust_it", None, fresh=True)
    page = it.page
    page.goto(f"{system['url']}t/{_trust(page)}/sign-in-providers")
    page.get_by_role("button", name="Add a provider").click()
    page.get_by_label("Another OpenID Connect provider").check()
    page.get_by_label("Directory (tenant) ID, or issuer").fill(provider.issuer)
    page.get_by_label("Application (client) ID").fill(provider.client_id)
    page.get_by_label("Client secret").fill(provider.client_secret)
    page.get_by_label("What the button says").fill(NAME)
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    yield it
    _list(it)
    while page.get_by_role("button", name="Remove").count():
        page.get_by_role("button", name="Remove").first.click()
        page.wait_for_load_state()
    context.close()


@pytest.fixture
def offered(console: Person, provider: OpenIdProvider) -> Iterator[Page]:
    """The console's page about it, with the second factor used lately; the provider behaves again afterwards."""
    _list(console)
    yield console.page
    provider.misbehave()


def _list(it: Person) -> None:
    """Open the console's list, proving again where that is due."""
    it.page.goto(f"{it.base}t/heathland/sign-in-providers/new")
    if "/prove" in it.page.url:
        with signing_in.code(it.system, it.login) as code:
            it.page.fill("[name=code]", code)
            it.page.get_by_role("main").get_by_role("button").first.click()
            it.page.wait_for_url(re.compile("/new"))
    it.page.goto(f"{it.base}t/heathland/sign-in-providers")


def _trust(page: Page) -> str:
    return page.url.partition("/t/")[2].partition("/")[0]


@pytest.fixture
def visitor(browser: Browser, system: dict[str, Any]) -> Iterator[Callable[..., Page]]:
    """A browser that nobody has signed in with: visitor(javascript=False)."""
    contexts = []

    def come(*, javascript: bool = True, viewport: Any = None, dark: bool = False) -> Page:
        scheme: Any = "dark" if dark else "light"
        context = browser.new_context(viewport=viewport or DESKTOP, java_script_enabled=javascript, locale="en-GB", color_scheme=scheme)
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        _go_to_sign_in(page, system)
        return page

    yield come
    for context in contexts:
        context.close()


def _go_to_sign_in(page: Page, system: dict[str, Any]) -> None:
    """Each gateway process learns of a new provider within seconds."""
    button = page.get_by_role("button", name=f"Go on with {NAME}")
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        page.goto(f"{system['url']}sign-in")
        if button.count():
            return
        page.wait_for_timeout(500)
    raise AssertionError("the sign-in page does not offer the provider")


def through(page: Page, sub: str) -> None:
    """Press the button, and sign in at the provider."""
    page.context.clear_cookies(name=re.compile("^_"))  # the provider's own: it would know whoever was there before
    page.get_by_role("button", name=f"Go on with {NAME}").first.click()
    page.get_by_label("Who").fill(sub)
    page.get_by_role("button", name="Go on").click()


def _login(system: dict[str, Any], role: str) -> dict[str, Any]:
    return next(x for x in system["logins"] if (x["role"], x["school"]) == (role, "Hillside Primary"))


@pytest.mark.parametrize("javascript", [True, False])
def test_a_teacher_signs_in_by_the_provider_and_is_at_their_school(
    system: dict[str, Any], offered: Page, visitor: Callable[..., Page], javascript: bool, finds_nothing_wrong: Callable[[Page], None]
) -> None:
    page = visitor(javascript=javascript, viewport=PHONE)
    if javascript:
        finds_nothing_wrong(page)
    through(page, _login(system, "teacher")["username"])
    page.wait_for_url(re.compile("/s/hillside/"))
    expect(page.get_by_role("link", name="Add incident").first).to_be_visible()
    assert provider_is_not_in_history(page)


def provider_is_not_in_history(page: Page) -> bool:
    """Nothing of the exchange is left in the address."""
    return "code=" not in page.url and "state=" not in page.url


def test_a_dsl_is_asked_for_safekeeps_own_second_factor_after_the_provider(
    system: dict[str, Any], offered: Page, visitor: Callable[..., Page]
) -> None:
    login = _login(system, "dsl")
    page = visitor()
    through(page, login["username"])
    page.wait_for_url(re.compile("/prove"))
    page.goto(f"{system['url']}s/hillside/inbox")
    assert "/prove" in page.url, "the provider alone opened the inbox"
    with signing_in.code(system, login) as code:
        page.fill("[name=code]", code)
        page.get_by_role("main").get_by_role("button").first.click()
        page.wait_for_url(re.compile("/s/hillside/inbox"))


def test_who_is_not_let_in_is_told_why_and_what_to_do(
    system: dict[str, Any], provider: OpenIdProvider, offered: Page, visitor: Callable[..., Page], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    page = visitor()
    through(page, "a stranger")
    expect(page.get_by_role("alert")).to_contain_text("There is no Safekeep account for the address")
    finds_nothing_wrong(page)
    through(page, "nobody")
    expect(page.get_by_role("alert")).to_contain_text("did not let you through")
    provider.misbehave("nonce")
    through(page, _login(system, "teacher")["username"])
    expect(page.get_by_role("alert")).to_contain_text("We could not be sure that the answer came from your school")
    provider.misbehave()
    page.goto(f"{system['url']}sso/back?state=made-up&code=made-up")
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    assert page.get_by_role("link", name="Add incident").count() == 0


def test_an_answer_brought_to_another_browser_signs_nobody_in(
    system: dict[str, Any], provider: OpenIdProvider, offered: Page, visitor: Callable[..., Page]
) -> None:
    """Somebody sends a colleague the address they would have come back by: the colleague is not signed in as them."""
    victim = visitor()
    with requests.Session() as attacker:
        page = attacker.get(f"{system['url']}sign-in", timeout=30).text
        form = page[page.index("/sso/") :]
        token = re.search('name="csrf_token" value="([0-9a-f]+)"', form)
        assert token
        begun = attacker.post(system["url"] + form[1 : form.index('"')], data={"csrf_token": token.group(1)}, timeout=30).text
    address = re.search('<a class="govuk-button" href="([^"]+)"', begun)
    assert address
    back = provider.sign_in(html.unescape(address.group(1)), _login(system, "teacher")["username"])
    victim.get_by_role("button", name=f"Go on with {NAME}").click()
    victim.get_by_label("Who").wait_for()
    victim.goto(f"{system['url']}sso/back?{urlencode(back)}")
    expect(victim.get_by_role("alert")).to_contain_text("We could not be sure")


def test_a_provider_that_is_down_leaves_the_password_and_says_so(
    system: dict[str, Any], provider: OpenIdProvider, offered: Page, visitor: Callable[..., Page]
) -> None:
    page = visitor()
    page.get_by_role("button", name=f"Go on with {NAME}").click()
    page.get_by_label("Who").fill(_login(system, "teacher")["username"])
    page.get_by_role("button", name="Go on").wait_for()
    provider.misbehave("token_down")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_contain_text("does not answer just now")
    provider.misbehave()
    page.get_by_label("E-mail address").fill(_login(system, "teacher")["username"])
    page.get_by_label("Password").fill(_login(system, "teacher")["password"])
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(re.compile("/s/hillside/"))


def test_the_consoles_pages_are_whole_and_say_what_is_wrong(
    offered: Page, provider: OpenIdProvider, finds_nothing_wrong: Callable[[Page], None]
) -> None:
    page = offered
    finds_nothing_wrong(page)
    page.get_by_role("link", name="Change").first.click()
    finds_nothing_wrong(page)
    assert page.get_by_label("Client secret").input_value() == ""
    assert provider.client_secret not in page.content()
    page.get_by_label("Directory (tenant) ID, or issuer").fill("http://localhost:9")
    page.get_by_label("Claim").fill("groups")
    page.get_by_label("Its value").first.fill("all staff")
    page.get_by_role("button", name="Keep the change").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose at least one role")
    assert page.get_by_label("Its value").first.input_value() == "all staff"
    page.get_by_label("gives the role").first.select_option("pastoral")
    page.get_by_role("button", name="Keep the change").click()
    expect(page.get_by_role("alert")).to_contain_text("Type the client secret")
    page.get_by_label("Client secret").fill("for another issuer")
    page.get_by_role("button", name="Keep the change").click()
    expect(page.get_by_role("alert")).to_contain_text("No sign-in provider answers there")
    finds_nothing_wrong(page)


def test_no_secret_of_the_exchange_stands_in_a_log(
    system: dict[str, Any], provider: OpenIdProvider, offered: Page, visitor: Callable[..., Page]
) -> None:
    page = visitor()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    through(page, _login(system, "teacher")["username"])
    page.wait_for_url(re.compile("/s/hillside/"))
    back = next(url for url in asked if "/sso/back" in url)
    secrets = [part.partition("=")[2] for part in back.partition("?")[2].split("&")] + [provider.client_secret]
    written = "".join(path.read_text(errors="replace") for path in (Path(system["data"]) / "logs").glob("*.log"))
    assert [secret for secret in secrets if len(secret) > 10 and not secret.startswith("http") and secret in written] == []
