"""Packs about a pupil: what goes in for whom, what is said of the rest, and the receipt that the next school signs."""

import datetime as dt
import io
from typing import Any

import docx
import pikepdf
import pypdf
import pytest

from safekeep.contracts.incidents import Chronology, Details, EntryLine, EntrySealed, Flag, FollowUpItem
from safekeep.contracts.reports import SUGGESTED
from safekeep.ids import new_id
from services.reports import chronology, packs, word
from services.reports.chronology import Asked
from services.reports.packs import Choice, Gathered
from tests.services.reports.test_chronology_pdf import a_line, a_pupil, is_tagged_archive

OWNER = new_id()
HASH = "0123456789abcdef" * 4
KINDS = ("core_group", "conference", "pep", "transfer")


def an_asked(**more: Any) -> Asked:
    given: dict[str, Any] = {
        "by": "Dee Lead",
        "at": dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC),
        "school_name": "Elm Tree",
        "zone": "Europe/London",
        "category_names": {"welfare": "Welfare"},
        "staff_names": {OWNER: "Owen Asked"},
        "class_codes": ["general", "welfare", "safeguarding", "protection"],
        "head": EntrySealed(sequence=4_711, entry_hash=HASH),
    }
    return Asked(**(given | more))


def a_flag(kind: Any, **more: Any) -> Flag:
    given = {"id": new_id(), "class_code": "protection", "started": dt.date(2026, 9, 1), "ended": None, "review": dt.date(2026, 12, 1)}
    return Flag(kind=kind, social_worker="Sam Worker", note="", **(given | more))


def asked_of(entry: EntryLine, **more: Any) -> FollowUpItem:
    given: dict[str, Any] = {"asked_at": entry.recorded_at, "owner_id": OWNER, "due_on": dt.date(2026, 7, 9), "spoken": True, "state": "overdue"}
    of: dict[str, Any] = {
        "id": entry.id,
        "incident_id": entry.incident_id,
        "number": entry.number,
        "pupil_id": entry.pupil_id,
        "pupil_name": entry.pupil_name,
    }
    return FollowUpItem(class_code=entry.class_code, asked_by=entry.author_id, **(of | given | more))


ASKS = a_line(2, kind="action", occurred_at=None, text="Ring the nurse", details=Details(kind="asked", owner_id=OWNER, due_on=dt.date(2026, 7, 9)))
HIGHER = a_line(3, class_code="protection", text="A protected account")
ELSEWHERE = a_line(4, part="witness", categories=[], text="Another pupil's account")
GATHERED = Gathered(
    pupil=a_pupil(),
    flags=[a_flag("child_protection_plan"), a_flag("looked_after", ended=dt.date(2026, 10, 1))],
    entries=[a_line(1, text="A welfare account"), ASKS, HIGHER, ELSEWHERE],
    follow_ups=[asked_of(ASKS), asked_of(HIGHER, id=new_id(), number="2026-99")],
)


def content(kind: str, **more: Any) -> dict[str, Any]:
    request = Chronology(pupil_id=GATHERED.pupil.id, reason="A meeting on 1 December")
    choice = Choice(kind=kind, request=request, readers="" if kind == "transfer" else "The social worker", to_school="Oak School")
    classes, leave_out = SUGGESTED[kind]
    return packs.content(GATHERED, choice=choice, asked=an_asked(**({"class_codes": classes, "leave_out": leave_out} | more)))


def words_of(data: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages).split())


@pytest.mark.parametrize(
    ("kind", "inside", "left_out"),
    [
        ("core_group", ["A welfare account", "A protected account", "Ring the nurse"], ["Another pupil's account"]),
        ("conference", ["A welfare account", "A protected account", "Ring the nurse"], ["Another pupil's account"]),
        ("pep", ["A welfare account", "Ring the nurse"], ["A protected account", "Another pupil's account"]),
        ("transfer", ["A welfare account", "A protected account", "Ring the nurse", "Another pupil's account"], []),
    ],
)
def test_what_is_suggested_for_a_kind_goes_in_and_the_rest_does_not(kind: str, inside: list[str], left_out: list[str]) -> None:
    said = words_of(chronology.pdf(content(kind)))
    assert all(words in said for words in inside)
    assert not any(words in said for words in left_out)


@pytest.mark.parametrize("form", ["pdf", "docx"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_pack_opens_with_what_holds_now_and_what_is_still_to_do(kind: str, form: str) -> None:
    """A flag that has ended does not hold; what is asked by an entry that is not in the pack is not told by it either."""
    made = content(kind)
    if form == "pdf":
        said = words_of(chronology.pdf(made))
    else:
        document = docx.Document(io.BytesIO(word.docx(made, at=an_asked().at)))
        cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
        said = " ".join(" ".join([*(p.text for p in document.paragraphs), *cells]).split())
    for words in ("Child protection plan", "Sam Worker", "1 December 2026", "Ring the nurse", "Owen Asked", "9 July 2026, overdue"):
        assert words in said, words
    assert "Looked after" not in said
    assert "2026-99" not in said


@pytest.mark.parametrize("kind", KINDS)
def test_a_pack_is_a_tagged_archive_pdf_with_headings_and_tables_a_screen_reader_can_use(kind: str) -> None:
    data = chronology.pdf(content(kind))
    assert is_tagged_archive(data)
    with pikepdf.open(io.BytesIO(data)) as pdf:
        tags = [str(item["/S"]) for item in pdf.objects if isinstance(item, pikepdf.Dictionary) and "/S" in item]
        assert str(pdf.Root.Lang) == "en-GB"
        assert pdf.docinfo["/Title"] == content(kind)["title"]
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
    assert {"/Title", "/H1", "/H2", "/Table", "/TH", "/TD", "/P"} <= set(tags)
    assert tags.count("/TH") >= 8, "two tables of four columns"


def test_a_child_protection_file_names_the_next_school_and_ends_with_a_receipt_to_sign() -> None:
    said = words_of(chronology.pdf(content("transfer")))
    for words in ("Oak School", "Keep it apart from the pupil’s main file", "within 5 days", "Receipt", "Signature", "4 entries", "4711"):
        assert words in said, words
    assert "Who will read it" not in said
    assert "Receipt" not in words_of(chronology.pdf(content("conference")))


def test_a_meetings_pack_says_for_whom_it_is_and_that_it_is_not_everything() -> None:
    said = words_of(chronology.pdf(content("core_group")))
    for words in ("Who will read it The social worker", "does not hold all", "A meeting on 1 December", "Ledger at entry 4711, 0123456789ab"):
        assert words in said or words.replace("it The", "it: The") in said, words


@pytest.mark.parametrize("form", ["pdf", "docx"])
def test_the_same_pack_at_the_same_moment_is_the_same_bytes(form: str) -> None:
    made = [chronology.pdf(content("transfer")) if form == "pdf" else word.docx(content("transfer"), at=an_asked().at) for _ in range(2)]
    assert made[0] == made[1]


def test_a_preview_is_known_again_by_what_it_says_and_not_by_when_it_was_asked_for() -> None:
    later = {"at": dt.datetime(2026, 11, 25, tzinfo=dt.UTC), "head": EntrySealed(sequence=4_712, entry_hash="f" * 64)}
    asked = [packs.as_previewed(an_asked(**more)) for more in ({}, later)]
    states = [packs.state_of(content("pep", at=a.at, head=a.head)) for a in asked]
    assert states[0] == states[1]
    assert packs.state_of(content("pep", at=asked[0].at, head=None, class_codes=["welfare"])) != states[0]


def test_how_many_entries_go_in_and_are_left_out_adds_up() -> None:
    counted = packs.counts(GATHERED.entries, asked=an_asked(class_codes=["welfare"], leave_out=["linked"]))
    assert counted == [("welfare", 2, 1), ("protection", 0, 1)]
    assert packs.counts([], asked=an_asked()) == []
