"""Every sentence of the pages comes from the catalogue, and Welsh is shown to who wants it."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from flask import Flask

import gateway
from gateway import languages

ROOT = Path(gateway.__file__).parent.parent
TEMPLATES = sorted((ROOT / "gateway" / "templates").rglob("*.html"))
WELSH = languages.CATALOGUES / "cy" / "LC_MESSAGES" / "messages.po"

NOT_YET_IN_WELSH = 0
"""May only fall."""

NAMES = {"Safekeep", "utf-8", "viewport", "color-scheme", "theme-color"}
"""What is the same in every language."""

SPOKEN = {"title", "alt", "placeholder", "aria-label", "aria-description", "label"}
"""Attributes whose value people see or hear."""


class Bare(HTMLParser):
    """Collects words that stand in a page's text, or in an attribute people hear, by themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in SPOKEN:
                self.handle_data(value or "")

    def handle_data(self, data: str) -> None:
        data = re.sub(
            r"\bsk-[\w-]+|(?!title|alt|label|placeholder|aria-label|aria-description)[\w-]+=\"[^\"]*\"", " ", data
        )  # classes; attributes of fragments
        words = re.findall(r"[^\W\d_]{2,}", data.replace("\x00", " "))
        self.found += [word for word in words if word not in NAMES]


def bare(source: str) -> list[str]:
    """Return the words of a template that are in no expression; an expression stands as a mark."""
    environment = jinja2.Environment(extensions=["jinja2.ext.i18n"])  # noqa: S701 - nothing is rendered
    text, depth = "", 0
    for _, kind, value in environment.lex(source):
        if kind in {"variable_begin", "block_begin"}:
            depth += 1
        elif kind in {"variable_end", "block_end"}:
            depth, text = depth - 1, text + "\x00"
        elif kind == "data" and not depth:
            text += value
    parser = Bare()
    parser.feed(text)
    return parser.found


@pytest.mark.parametrize("path", TEMPLATES, ids=[path.relative_to(ROOT / "gateway" / "templates").as_posix() for path in TEMPLATES])
def test_no_template_says_anything_outside_the_catalogue(path: Path) -> None:
    assert bare(path.read_text()) == []


def test_words_outside_the_catalogue_would_be_found() -> None:
    assert bare('<p>Hello {{ name }} you</p><input title="Type here" class="big">{{ _(\'fine\') }}') == ["Hello", "you", "Type", "here"]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Everything the code says now, as `pybabel extract` finds it."""
    made = tmp_path_factory.mktemp("po") / "messages.pot"
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "babel.messages.frontend",
        "-q",
        "extract",
        "-F",
        "pyproject.toml",
        "-k",
        "lazy_gettext",
        "-o",
        made,
        ".",
    ]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    with made.open("rb") as file:
        return read_po(file)


@pytest.fixture(scope="module")
def welsh() -> Catalog:
    with WELSH.open("rb") as file:
        return read_po(file, locale="cy")


def ids(catalogue: Catalog) -> set[str | tuple[str, ...]]:
    return {message.id if isinstance(message.id, str) else tuple(message.id) for message in catalogue if message.id}


def test_the_welsh_catalogue_holds_what_the_code_says_and_no_more(said: Catalog, welsh: Catalog) -> None:
    """After changing a sentence, CONTRIBUTING.md says how to bring the catalogue up to date."""
    assert ids(said) == ids(welsh)


def test_what_is_not_in_welsh_yet_only_becomes_less(welsh: Catalog) -> None:
    missing = [m.id for m in welsh if m.id and (m.fuzzy or not all([m.string] if isinstance(m.string, str) else m.string))]
    assert len(missing) <= NOT_YET_IN_WELSH
    assert len(missing) >= NOT_YET_IN_WELSH - 5, "lower NOT_YET_IN_WELSH"


def test_translations_keep_their_places_and_hold_no_markup(said: Catalog, welsh: Catalog) -> None:
    for message in welsh:
        if not message.id:
            continue
        texts = [message.string] if isinstance(message.string, str) else list(message.string)
        sources = [message.id] if isinstance(message.id, str) else list(message.id)
        for text in filter(None, texts):
            assert set(re.findall(r"%\(\w+\)s|\{\w+\}", text)) == set(re.findall(r"%\(\w+\)s|\{\w+\}", sources[-1])), sources[0]
        for text in (*texts, *sources):
            assert not re.search(r"[<>&\"]", text), f"stands in attributes as it is: {text}"
            assert not re.search(r"%(?!\(\w+\)s)", text), text


def test_the_browsers_language_decides_until_somebody_chooses(app: Flask) -> None:
    client = app.test_client()
    english = client.get("/sign-in", headers={"Accept-Language": "en-GB,en;q=0.9"}).text
    assert 'lang="en-GB"' in english
    assert "Sign in" in english
    welsh = client.get("/sign-in", headers={"Accept-Language": "cy,en;q=0.5"}).text
    assert 'lang="cy"' in welsh
    assert "Mewngofnodi" in welsh
    assert "Sign in<" not in welsh
    token = re.findall('name="csrf_token" value="([0-9a-f]{64})"', welsh)[0]
    answer = client.post("/language", data={"language": "cy", "next": "https://elsewhere.example/", "csrf_token": token})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "Mewngofnodi" in client.get("/sign-in", headers={"Accept-Language": "en"}).text
    client.post("/language", data={"language": "en_GB", "csrf_token": token})
    assert "Sign in" in client.get("/sign-in", headers={"Accept-Language": "cy"}).text
    assert "Set-Cookie" not in client.post("/language", data={"language": "../x", "csrf_token": token}).headers


def test_a_sentence_that_has_no_translation_is_in_english_with_its_number(app: Flask, welsh: Catalog) -> None:
    from flask_babel import ngettext

    one, many = "%(num)s sentence nobody says", "%(num)s sentences nobody says"
    assert one not in welsh
    with app.test_request_context(headers={"Accept-Language": "cy"}):
        assert ngettext(one, many, 2) == "2 sentences nobody says"
        assert ngettext("%(num)s unread alert", "%(num)s unread alerts", 2) == "2 rybudd heb eu darllen"
