"""What a DSL types from paper, with the scan or one after the other: no input answers with a failure, each problem stands beside its field,
no word is lost."""

import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urljoin

import pytest
from playwright.sync_api import APIResponse, Page

from safekeep.ids import new_id
from tests.journeys.test_recording_page import ACCOUNT, GOOD, NOBODY, TEXTS, Case, beside, send

WHO = {
    "paper": "yes",
    "paper_who": "other",
    "paper_writer": "Joan Jones",
    "paper_role": "Midday supervisor",
    "paper_written_date": "2026-03-09",
    "paper_written_time": "12:10",
    "paper_handed_date": "2026-03-10",
    "paper_handed_time": "9.15",
}
STAFF = {"paper_who": "staff"}
PAPER: list[Case] = [  # what is sent otherwise, beside which field, which sentence
    ({"paper_who": ""}, "paper_who", "Say who wrote it"),
    ({"paper_who": "gossip"}, "paper_who", "Choose one of those offered"),
    ({"paper_who": "\x07"}, "paper_who", "Choose one of those offered"),
    (STAFF, "paper_staff", "Say who wrote it"),
    (STAFF | {"paper_staff": "forged"}, "paper_staff", "not an id"),
    (STAFF | {"paper_staff": "a\ufffdb"}, "paper_staff", "not an id"),
    (STAFF | {"paper_staff": NOBODY}, "paper_staff", "Choose one of those offered"),
    (STAFF | {"paper_staff": "other school"}, "paper_staff", "Choose one of those offered"),
    ({"paper_writer": ""}, "paper_writer", "Say who wrote it"),
    ({"paper_writer": " \n "}, "paper_writer", "Say who wrote it"),
    ({"paper_writer": "x" * 201}, "paper_writer", "too long"),
    ({"paper_writer": "Joan\nJones"}, "paper_writer", "line break"),
    ({"paper_writer": "a\x00b"}, "paper_writer", "hidden character"),
    ({"paper_writer": "a\x07b"}, "paper_writer", "hidden character"),
    ({"paper_writer": "a\u202eb"}, "paper_writer", "changes the direction"),
    ({"paper_writer": "a\ufffdb"}, "paper_writer", "broken character"),
    ({"paper_role": "x" * 201}, "paper_role", "too long"),
    ({"paper_role": "a\x1bb"}, "paper_role", "hidden character"),
    ({"paper_role": "\u2067a"}, "paper_role", "changes the direction"),
    ({"paper_role": "a\ufffdb"}, "paper_role", "broken character"),
    ({"paper_written_date": ""}, "paper_written_date", "Say on which day it was written"),
    ({"paper_written_date": "2026-02-30"}, "paper_written_date", "This is not a date"),
    ({"paper_written_date": "0001-01-01"}, "paper_written_date", "This is not a date"),
    ({"paper_written_date": "<b>"}, "paper_written_date", "This is not a date"),
    ({"paper_written_date": "x" * 20_001}, "paper_written_date", "This is not a date"),
    ({"paper_written_date": "\ufffd"}, "paper_written_date", "This is not a date"),
    ({"paper_written_date": "1901-01-01"}, "paper_written_date", "too long ago"),
    ({"paper_written_date": "2100-01-01"}, "paper_written_date", "later than now"),
    ({"paper_written_time": "25:61"}, "paper_written_time", "This is not a time"),
    ({"paper_written_time": "<b>"}, "paper_written_time", "This is not a time"),
    ({"paper_written_time": "x" * 20_001}, "paper_written_time", "This is not a time"),
    ({"paper_written_time": "1\x072:10"}, "paper_written_time", "This is not a time"),
    ({"paper_written_time": "\u202e12:10"}, "paper_written_time", "This is not a time"),
    ({"paper_written_time": "\ufffd"}, "paper_written_time", "This is not a time"),
    ({"paper_handed_date": ""}, "paper_handed_date", "Say on which day it was handed in"),
    ({"paper_handed_date": "2026-13-01"}, "paper_handed_date", "This is not a date"),
    ({"paper_handed_date": "9999-12-31"}, "paper_handed_date", "This is not a date"),
    ({"paper_handed_date": "1901-01-01"}, "paper_handed_date", "too long ago"),
    ({"paper_handed_date": "2100-01-01"}, "paper_handed_date", "later than now"),
    ({"paper_handed_date": "2026-03-08"}, "paper_handed_date", "handed in before it was written"),
    ({"paper_handed_date": "2026-03-09", "paper_handed_time": "12:09"}, "paper_handed_date", "handed in before it was written"),
    ({"paper_handed_time": "24:00"}, "paper_handed_time", "This is not a time"),
    ({"paper_handed_time": "at break"}, "paper_handed_time", "This is not a time"),
    ({"paper_handed_time": "\ufffd"}, "paper_handed_time", "This is not a time"),
    ({"file_ids": ""}, "files", "Add the scan of the form"),
    ({"file_ids": "forged"}, "files", "not an id"),
    ({"file_ids": NOBODY}, "files", "did not arrive whole"),
    ({"narrative": "a\x07b"}, "narrative", "hidden character"),  # it may be empty: it is as on the paper
    ({"narrative": "x" * 20_001}, "narrative", "20,000 characters"),
]
FROM_BEFORE = {  # as the form comes for the second of several
    "several": "yes",
    "pupil_id": "holding",
    "described_pupil": "A tall boy",
    "when_date": "2026-03-03",
    "when_time": "10:05",
    "kind": "observation",
    "category_codes": "not_sure",
    "place": "The hall",
    "narrative": ACCOUNT,
    "action_taken": "Rang home at 10:30.",
    "shown": "none",
}
SEVERAL: list[Case] = [
    ({"pupil_id": ""}, "pupil_id", "Choose the pupil"),
    ({"pupil_id": "forged"}, "pupil_id", "Choose a pupil of your school"),
    ({"pupil_id": NOBODY}, "pupil_id", "Choose a pupil of your school"),
    ({"pupil_id": "other school"}, "pupil_id", "Choose a pupil of your school"),
    ({"described_pupil": ""}, "described_pupil", "Describe the pupil"),
    ({"described_pupil": "x" * 20_001}, "described_pupil", "too long"),
    ({"described_pupil": "\u202etall"}, "described_pupil", "changes the direction"),
    ({"described_pupil": "a \ufffd boy"}, "described_pupil", "broken character"),
    ({"when_date": ""}, "when_date", "Say which day it was"),
    ({"when_date": "", "when_time": ""}, "when_date", "Say which day it was"),
    ({"when_date": "31 June"}, "when_date", "This is not a date"),
    ({"when_date": "<b>", "when_time": ""}, "when_date", "This is not a date"),
    ({"when_date": "2100-01-01"}, "when_date", "later than now"),
    ({"when_date": "2100-01-01", "when_time": ""}, "when_date", "later than now"),
    ({"when_date": "1901-01-01"}, "when_date", "too long ago"),
    ({"when_time": "25:99"}, "when_time", "This is not a time"),
    ({"when_time": "99999999999:00"}, "when_time", "This is not a time"),
    ({"when_time": "\ufffd"}, "when_time", "This is not a time"),
    ({"kind": ""}, "kind", "Choose what kind"),
    ({"kind": "rumour"}, "kind", "Choose one of those offered"),
    ({"category_codes": ""}, "category_codes", "Choose at least one category"),
    ({"category_codes": "nonsense"}, "category_codes", "Choose one of those offered"),
    ({"category_codes": "DROP TABLE"}, "category_codes", "cannot be accepted"),
    *TEXTS,
    ({"groups": "no_such_group"}, "groups", "Choose one of those offered"),
    ({"groups": "<script>"}, "groups", "cannot be accepted"),
]
ODD_BYTES = b"a\xed\xa0\x80b\xff"
"""A lone surrogate, and a byte of no character."""


@pytest.fixture
def dsl(sign_in: Callable[..., Any]) -> Any:
    return sign_in("dsl", javascript=False)


@pytest.fixture
def strange(sign_in: Callable[..., Any]) -> str:
    """A pupil of another school."""
    there = sign_in("teacher", school="Kingsmead Academy", javascript=False).page
    return str(there.request.get(there.url.split("/s/")[0] + "/s/kingsmead/pupils/suggest?q=am").json()["items"][0]["id"])


@pytest.fixture
def scanned(dsl: Any) -> dict[str, str]:
    """The form of a paper that is filled in well, its scan kept."""
    page = dsl.go("paper/scan")
    page.set_input_files("#files", [{"name": "form.txt", "mimeType": "text/plain", "buffer": b"as written"}])
    page.get_by_role("button", name="Add these files").click()
    kept = page.locator("[data-kept-files] input")
    return GOOD | WHO | {str(field.get_attribute("name")): str(field.get_attribute("value")) for field in kept.all()}


def _token(page: Page) -> str:
    return page.locator("#record [name=csrf_token]").input_value()


def _shows(text: str, value: str) -> bool:
    """Whether a value stands in a page, in a field or as what is chosen."""
    return html.escape(value.strip(), quote=False) in html.unescape(text).replace("&", "&amp;") or value.strip() in html.unescape(text)


CHOSEN = {"paper_who", "paper_staff", "pupil_id", "kind", "category_codes", "groups", "file_ids"}
"""What is chosen and not typed: a choice that is none is not shown again."""


def refused(send_it: Callable[[dict[str, str]], APIResponse], good: dict[str, str], cases: list[Case], *, strange: str) -> None:
    """Send each case, and hold what comes back: the sentence beside its field, a list that leads there, and every word."""
    wrong = []
    for changed, field, sentence in cases:
        sent = good | {name: strange if value == "other school" else value for name, value in changed.items()}
        answer = send_it(sent)
        case = f"{field}: { {name: value[:20] for name, value in changed.items()} }"
        if answer.status != 422:
            wrong.append(f"{case}: {answer.status}")
            continue
        shown = answer.text()
        listed = re.findall(r'<li><a href="#([^"]+)">', shown)
        if sentence not in beside(shown, field):
            wrong.append(f"{case}: beside it stands {beside(shown, field)!r}, and listed are {listed}")
        wrong += [f"{case}: the list leads to no {name}" for name in listed if f'id="{name}"' not in shown or not beside(shown, name)]
        gone = (changed.keys() & CHOSEN) | {"shown"} | {name for name in sent if "file_ids" in changed and name.startswith(("filename_", "receipt_"))}
        wrong += [f"{case}: {name} was lost" for name in sent.keys() - gone if sent[name].isprintable() and not _shows(shown, sent[name])]
    assert not wrong, "\n".join(wrong)


def test_what_is_wrong_with_a_paper_form_stands_beside_its_field_and_no_word_is_lost(dsl: Any, scanned: dict[str, str], strange: str) -> None:
    page = dsl.page
    token, address = _token(page), page.url.rpartition("/")[0].removesuffix("/new") + "/new"

    def sends(sent: dict[str, str]) -> APIResponse:
        return send(page, f"{address}/{new_id()}", sent | {"csrf_token": token, "do": "record"})

    refused(sends, scanned, PAPER, strange=strange)
    for field in (*WHO.keys() - {"paper"}, "paper_staff"):  # in parts, as the page sends it: what no text is
        fields = scanned | (STAFF if field == "paper_staff" else {}) | {"csrf_token": token, "do": "record"}
        parts = {name: value.encode() for name, value in fields.items()} | {field: ODD_BYTES}
        body = b"".join(b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (n.encode(), v) for n, v in parts.items()) + b"--x--\r\n"
        answer = page.request.post(f"{address}/{new_id()}", data=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert answer.status == 422, field
        assert beside(answer.text(), field), field
        assert ACCOUNT in answer.text(), field
    done = sends(scanned | {"paper_writer": "<script>alert(1)</script>", "paper_role": 'O\'Brien & "Łuć"'})
    assert done.url.endswith("/recorded"), "it was nothing else that was refused"
    read = page.request.get(done.url.removesuffix("/recorded")).text()
    assert "<script>alert" not in read
    assert "&lt;script&gt;alert(1)&lt;/script&gt;, O&#39;Brien &amp; &#34;Łuć&#34;" in read


def test_the_table_of_a_paper_form_has_every_field_that_only_paper_has(dsl: Any, scanned: dict[str, str]) -> None:
    """And those of every form stand in the table of the recording page."""
    on_paper = _fields(dsl.go("paper/scan").content())
    plain = _fields(dsl.go("incidents/new").content())
    assert on_paper - plain - {"paper"} == {name for changed, _, _ in PAPER for name in changed if name.startswith("paper_")}
    assert plain - on_paper == set()


def test_a_paper_form_sent_by_somebody_who_is_no_dsl_is_recorded_without_what_only_a_dsl_types(sign_in: Callable[..., Any]) -> None:
    teacher = sign_in("teacher", javascript=False)
    page = teacher.go("incidents/new")
    answer = send(page, page.url, GOOD | WHO | {"csrf_token": _token(page), "do": "record", "narrative": ""})
    assert answer.status == 422
    assert "Write what happened" in beside(answer.text(), "narrative"), "only a paper may say it all"
    done = send(page, page.url, GOOD | WHO | {"csrf_token": _token(page), "do": "record"})
    assert done.url.endswith("/recorded")
    assert "Joan Jones" not in page.request.get(done.url.removesuffix("/recorded")).text()


def test_what_is_wrong_among_several_stands_beside_its_field_and_no_word_is_lost(dsl: Any, sign_in: Callable[..., Any], strange: str) -> None:
    page = dsl.go("incidents/several")
    token = _token(page)
    address = urljoin(page.url, str(page.locator("#record").get_attribute("action"))).rpartition("/")[0]

    def sends(sent: dict[str, str]) -> APIResponse:
        return send(page, f"{address}/{new_id()}", sent | {"csrf_token": token, "do": "record"})

    refused(sends, FROM_BEFORE, SEVERAL, strange=strange)
    for field in FROM_BEFORE.keys() - {"several", "shown"}:
        fields = FROM_BEFORE | {"csrf_token": token, "do": "record"}
        parts = {name: value.encode() for name, value in fields.items()} | {field: ODD_BYTES}
        body = b"".join(b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (n.encode(), v) for n, v in parts.items()) + b"--x--\r\n"
        answer = page.request.post(f"{address}/{new_id()}", data=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert answer.status == 422, field
        assert beside(answer.text(), field), field
        assert "Rang home at 10:30." in answer.text() or field == "action_taken", field
    done = sends(FROM_BEFORE | {"place": "<script>alert(1)</script>"})
    assert "number=" in done.url, "it was nothing else that was refused"
    assert "is recorded" in done.text()


def test_what_stands_in_the_address_of_several_is_a_choice_of_the_form_or_nothing(dsl: Any) -> None:
    for odd in ("<script>", "x" * 2_000, "%00", "%ED%A0%80", "%E2%80%AE", quote("'\"><b>")):
        for name in ("number", "when_date", "kind", "category_codes"):
            answer = dsl.page.request.get(f"{dsl.base}s/hillside/incidents/several?{name}={odd}")
            assert answer.status == 200, (name, odd)
            assert "is recorded" not in answer.text(), (name, odd)
            assert not re.search("<script>|<b>", answer.text()), (name, odd)


def test_the_table_of_several_has_every_field_of_its_page(dsl: Any) -> None:
    shown = _fields(dsl.go("incidents/several").content())
    searches, ours = {"pupil_q"}, {"csrf_token", "groups_seen", "shown", "now_at", "several"}
    assert shown - searches - ours == {name for changed, _, _ in SEVERAL for name in changed}


def _fields(shown: str) -> set[str]:
    form = shown[shown.index('id="record"') :].partition("</form>")[0]
    return set(re.findall(r'<(?:input|textarea|select)[^>]* name="([^"]+)"', form))


LINES: list[tuple[str, str]] = [
    ("", "Fill this in"),
    (" \n ", "Fill this in"),
    ("x" * 201, "too long"),
    ("a\nb", "line break"),
    ("a\x07b", "hidden character"),
    ("a\u202eb", "changes the direction"),
    ("a\ufffdb", "broken character"),
]


def test_a_line_that_cannot_be_kept_on_the_list_of_paper_is_said_beside_it(dsl: Any) -> None:
    page = dsl.go("paper")
    token = page.locator("main [name=csrf_token]").first.input_value()
    for line, sentence in LINES:
        answer = page.request.post(page.url, form={"csrf_token": token, "paper_id": str(new_id()), "line": line})
        assert answer.status == 422, repr(line[:20])
        assert sentence in beside(answer.text(), "line"), f"{line[:20]!r}: {beside(answer.text(), 'line')!r}"
        assert not line.isprintable() or _shows(answer.text(), line), repr(line[:20])
    line = f"<b>Mrs Jones</b> & {new_id()}"
    for paper_id in ("forged", "\x07", ""):
        answer = page.request.post(page.url, form={"csrf_token": token, "paper_id": paper_id, "line": f"{line} {paper_id}"})
        assert answer.status in {200, 422}, paper_id
    assert page.request.post(f"{page.url}/{NOBODY}/drop", form={"csrf_token": token}).status == 200, "it is not on the list: as was asked"
    assert "<b>Mrs" not in page.request.get(page.url).text()
