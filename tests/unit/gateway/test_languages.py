"""Every sentence of the pages comes from the catalogue, and Welsh is shown to who wants it."""

import ast
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


def test_no_sentence_shouts_or_has_a_picture_in_it(said: Catalog, welsh: Catalog) -> None:
    """No exclamation mark and no emoji, in either language: nothing is cheerful about a child's distress."""
    sentences = [
        each
        for text in (said, welsh)
        for message in text
        for part in (message.id, message.string)
        for each in (part if isinstance(part, (tuple, list)) else [part])
    ]
    assert len(sentences) > 4000
    assert [each for each in sentences if re.search("[!¡\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]", each)] == []


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


# --- sent, read and told in person are three different things ----------------------------------------------------------

BY_MOUTH = {  # somebody said it to somebody, or was asked to; of "Seen", eyes
    "Told in person", "Have you told anybody in person?", "Say whom you told, or choose “Not yet”",
    "You wrote whom you told, and chose “Not yet”. Choose “Yes”, or empty this", "You wrote when you told somebody, and chose “Not yet”. Choose “Yes”, or empty this",
    "What have you done? Whom have you told, and when?", "Were they told?", "Told",
    "If they were told: who was?", "If they were told: when?", "Say whether they were told", "What you were told, by whom and when. It cannot be changed afterwards.",
    "Not seen: I was told of it", "Say what you saw. If somebody told you this, say who.", "Something seen or heard", "How was it seen?",
    "What whoever records is told to do meanwhile",
    "Mark only what you could see, or were told of. Never ask a child to undress or to move clothing, never look for marks, and never take a picture of an injury."
    " If the child is hurt, get first aid before this.",
    "It opens records about children. Do you know this person, and were you told in person that they are to have it?",
    "It shows what every school of the trust records, in numbers. Do you know this person, and were you told in person that they are to have it?",
}  # fmt: skip
BY_LAW = {  # a person who asked for what is kept of them, a school that gets a file: a letter, a signature; and what words give away
    "Only somebody’s own record, or their child’s, may take longer, and they must be told so within the first month.",
    "Saved. Be sure that the asker has been told, and why.", "The asker must be told so, and why, by %(day)s.", "Why? As you have told the asker",
    "You took two further months, since it is complex. The asker was told why. (UK GDPR, article 12A)",
    "Child abuse data. A parent has no right to be told whether their child is or may be at risk of abuse, where telling would not be in the child’s best interests."
    " Think of what it would mean for the child, and ask the child’s social worker first. A child who asks themselves has this right."
    " (Data Protection Act 2018, Schedule 3, paragraph 21)",
    "What is about other people: other children, family, neighbours, whoever told. Staff are named as a rule. (Data Protection Act 2018, Schedule 2, paragraph 16)",
    "Received by", "Received %(day)s. Confirmed by %(name)s.", "A DSL has taken this out of sight: it told too much", "If it must not be seen",
}  # fmt: skip


def test_no_sentence_says_told_seen_or_received_of_an_alert_that_was_sent(said: Catalog) -> None:
    """*Sent*, *read* and *told in person* never stand for one another: each sentence with one of those other words has its reason above."""
    found = {word for each in ids(said) for word in ([each] if isinstance(each, str) else each) if re.search(r"\b(told|seen|received)\b", word, re.I)}
    assert found == BY_MOUTH | BY_LAW


ELSEWHERE = {  # in mails and documents, which are no sentences of pages
    "Parents told: ": "in person, or by telephone",
    "{about} was told a pass to set up a new one.": "by mouth, by who runs it",
    "Given to the school in confidence, and could be taken to court if told": "the law's",
    "I have received the child protection file of this pupil.": "signed on paper",
    "inequivalent arg": "RabbitMQ's own sentence, which is looked for",
}


def test_no_mail_and_no_document_says_so_either() -> None:
    """Each string of the services' code that says *told*, *seen* or *received* to somebody has its reason above; patterns that look for such words say nothing."""
    found = []
    for path in sorted(
        [*ROOT.glob("services/*/*.py"), *ROOT.glob("services/*/service/*.py"), *ROOT.glob("safekeep/*.py"), *ROOT.glob("deploy/cli/*.py")]
    ):
        tree = ast.parse(path.read_text())
        said_to_nobody = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        strings = [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said_to_nobody
        ]
        if path.name != "redaction.py":
            found += [text for text in strings if " " in text and re.search(r"\b(told|seen|received)\b", text, re.IGNORECASE)]
    assert len(found) == len(ELSEWHERE)
    assert [text for text in found if not any(reason in text for reason in ELSEWHERE)] == []
