"""The chronology as a document: read with the asker's rights page by page, printed in every script, tagged."""

import csv
import dataclasses
import datetime as dt
import io
import re
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import UUID

import docx
import page
import pikepdf
import pypdf
import pytest
import typst

from safekeep import actor, printing
from safekeep.body.marks import BodyMap, Mark, SealedBodyMap, sealed
from safekeep.contracts.files import FileName, Names, NamesAnswer
from safekeep.contracts.incidents import Chronology, ChronologyAnswer, Details, EntryLine, EntrySealed, FileItem, Flag, PupilItem, SelfCheck, Span
from safekeep.contracts.reports import ChronologyPdf, Document
from safekeep.errors import NotAllowed, NotFound
from safekeep.ids import new_id
from safekeep.keys import Keys
from safekeep.rpc import Resources
from services.reports import chronology, word
from services.reports.service import Service
from services.reports.service.long_documents import PAGE
from tests.identity_beside import change_roles, identity_beside
from tests.make import MadeSchool

NAMES = {
    "Polish": "Łukasz Żółć",
    "Arabic": "محمد العلي",
    "Bengali": "মোহাম্মদ রহমান",
    "Gurmukhi": "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ",
    "Chinese": "王小明",
    "Vietnamese": "Nguyễn Thị Hằng",
    "apostrophe": "Siân O’Brien-Nguyễn",
}


def a_line(number: int, **fields: Any) -> EntryLine:
    at = dt.datetime(2026, 7, 1, 11, 47, tzinfo=dt.UTC) - dt.timedelta(days=number)
    given: dict[str, Any] = {
        "id": new_id(),
        "incident_id": new_id(),
        "number": f"2026-{number}",
        "kind": "incident",
        "class_code": "welfare",
        "categories": ["welfare"],
        "pupil_id": new_id(),
        "pupil_name": "Sarah Example",
        "author_id": new_id(),
        "author_name": "Ann Writer",
        "author_role": "teacher",
        "recorded_at": at,
        "occurred_at": at,
        "occurred_precision": "exact",
        "text": f"Account {number}",
        "action_taken": "",
    }
    return EntryLine(**(given | fields))


def a_pupil(name: str = "Sarah Example") -> PupilItem:
    return PupilItem(id=new_id(), name=name, year="Year 5", form="5A", born=dt.date(2016, 2, 29))


def printed(*entries: EntryLine, name: str = "Sarah Example", **chosen: Any) -> bytes:
    pupil = a_pupil(name)
    asked = chronology.Asked(
        by="Dee Lead",
        at=dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC),
        school_name="Elm Tree",
        zone="Europe/London",
        category_names={"welfare": "Welfare"},
    )
    return chronology.pdf(chronology.content(pupil=pupil, entries=entries, request=Chronology(pupil_id=pupil.id, **chosen), asked=asked))


def text_of(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)


def is_tagged_archive(data: bytes) -> bool:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        meta = pdf.open_metadata()
        return (
            bool(pdf.Root.MarkInfo.Marked)
            and meta.get("pdfaid:part") == "2"
            and meta.get("pdfaid:conformance") == "A"
            and meta.get("pdfuaid:part") == "1"
            and not faults_of(data)
        )


def faults_of(data: bytes) -> list[tuple[str, str]]:
    """Return what a validator that shares nothing with typst finds against PDF/UA-1 and PDF/A-2a (page-validation: 104 and 154 rules).

    Its 0.11 takes a stream whose last byte is a carriage return for one byte too short: that finding counts where a length is wrong indeed.
    """
    found = [failure for profile in ("ua1", "2a") for failure in page.validate_pdf_bytes(data, profile=profile).failures]
    return [(f.rule_id, f.message) for f in found if f.rule_id != "PDFA2A-STREAM-LENGTH-001" or not lengths_are_right(data)]


def lengths_are_right(data: bytes) -> bool:
    streams = list(re.finditer(rb"/Length (\d+)\b(?! \d+ R)[^>]*(?:>(?!>)[^>]*)*>>\s*stream\r?\n", data))
    return bool(streams) and all(re.match(rb"(\r\n|\n)?endstream", data[m.end() + int(m[1]) :][:20]) for m in streams)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_of_any_script_is_printed_in_a_tagged_archive_pdf(name: str) -> None:
    """As the pupil, the author and in the text; and nothing had to be spelt out."""
    data = printed(a_line(1, author_name=name, text=f"I met {name}."), name=name)
    assert is_tagged_archive(data)
    assert "U+" not in text_of(data)


MORE_SCRIPTS = {
    "Cyrillic": "Олександр",
    "Greek": "Γιώργος",
    "Devanagari": "प्रिया",
    "Gujarati": "પ્રિયા",
    "Tamil": "பிரியா",
    "Telugu": "ప్రియ",
    "Kannada": "ಪ್ರಿಯಾ",
    "Malayalam": "പ്രിയ",
    "Sinhala": "ප්‍රියා",
    "Thai": "สมชาย",
    "Khmer": "សុខា",
    "Burmese": "အောင်",
    "Korean": "김민준",
    "Japanese": "さくら 桜",
    "Traditional Chinese": "陳嘉欣",
    "Hebrew": "שרה",
    "Urdu": "مُحمّد علی کھوکھر",
    "Pashto": "ګلالۍ",
    "Sorani": "هیوا ڕۆژان",
    "Amharic": "ሰላም",
    "Georgian": "გიორგი",
    "Armenian": "Արմեն",
    "Yoruba": "Ọlá Ṣẹ́gun",
    "Romanian": "Ștefan Țurcanu",
    "Turkish": "Şebnem Işık",
}


def test_the_packaged_fonts_alone_print_the_names_of_most_scripts_and_spell_out_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without any font of its own. Tibetan and Thaana need Debian's fonts-noto-core, which `./run` and the image install."""
    folders = [str(Path(str(find_spec(package).origin)).parent) for package in printing.FONT_PACKAGES]  # type: ignore[union-attr]
    monkeypatch.setattr(printing, "_fonts", lambda: typst.Fonts(include_system_fonts=False, font_paths=folders))
    names = NAMES | MORE_SCRIPTS
    data = printed(*(a_line(n, text=f"I met {name}.") for n, name in enumerate(names.values(), start=1)))
    assert is_tagged_archive(data)
    assert "U+" not in text_of(data)
    spelt = text_of(printed(a_line(1, text="I met བཀྲ་ཤིས and އަހުމަދު.")))
    assert "[U+0F56]" in spelt
    assert "[U+0787]" in spelt


def test_what_was_asked_referred_and_told_to_parents_is_printed_with_its_own_fields() -> None:
    at = dt.datetime(2026, 3, 3, 15, 40, tzinfo=dt.UTC)
    referral = Details(kind="referral", to="Children’s services", at=at, precision="day")
    contact = Details(kind="parent_contact", parent_told=True, to="Mother", at=at, answer="She was glad.")
    asked = Details(kind="asked", owner_id=new_id(), due_on=dt.date(2026, 3, 5), spoken="yes", spoken_when="at break")
    lines = [a_line(n, kind="action", occurred_at=None, details=d) for n, d in enumerate((referral, contact, asked), start=1)]
    text = text_of(printed(*lines, a_line(4, kind="status", occurred_at=None, status="closed", text="She is well.")))
    for said in (
        "Referred to: Children’s services",
        "When: Tuesday 3 March 2026\n",
        "Outcome: not known when this was recorded",
        "Parents told: yes",
        "When: Tuesday 3 March 2026 at 15:40",
        "Their answer: She was glad.",
        "By Thursday 5 March 2026",
        "Spoken to in person: yes, at break",
        "From now on: closed",
        "She is well.",
    ):
        assert said in text, said


def test_a_correction_says_why_and_the_entry_what_it_says_now() -> None:
    """Neither the struck words, which are not in the lines, nor the other child's name; a move says that it was one."""
    text = text_of(
        printed(
            a_line(3, kind="correction", text="It was Tuesday.", reason="The day"),
            a_line(2, kind="correction", text="", reason="Two pupils of one name", moved_from="another_pupil"),
            a_line(1, text="It was Tuesday.", corrected=True),
        )
    )
    for said in (
        "An entry of this incident was corrected.",
        "Why: The day",
        "It was recorded of another pupil by mistake, and moved here.",
        "Why: Two pupils of one name",
        "Corrected: what stands here is what it says now",
    ):
        assert said in text
    assert text.count("It was Tuesday.") == 1, "at the entry, where it is read"


def harmed(data: bytes, what: str) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        if what == "heading":
            next(o for o in pdf.objects if isinstance(o, pikepdf.Dictionary) and o.get("/S") == "/H1").S = pikepdf.Name("/H3")
        else:
            del pdf.Root[f"/{what}"]
        pdf.save(out)
    return out.getvalue()


@pytest.mark.parametrize("what", ["Lang", "MarkInfo", "StructTreeRoot", "heading"])
def test_the_validator_finds_what_is_wrong(what: str) -> None:
    """Else it would prove nothing that it finds nothing in ours: language, marks or tags taken away, a heading's level jumped over."""
    data = printed(a_line(1))
    assert faults_of(data) == []
    assert faults_of(harmed(data, what))


def test_letters_without_a_font_are_spelt_out_and_said_so_in_a_pdf_that_is_still_tagged() -> None:
    """A rare letter, one for private use and one unassigned: nothing fails, nothing is dropped in silence."""
    data = printed(a_line(1, text="Rare \u1bc0, private \ue000, unassigned \u0378, plain."))
    text = text_of(data)
    assert is_tagged_archive(data)
    for spelt in ("[U+1BC0]", "[U+E000]", "[U+0378]", "Characters for which no font is installed"):
        assert spelt in text


def test_what_people_wrote_is_never_read_as_markup() -> None:
    text = text_of(printed(a_line(1, text="#panic(1) *stars* _under_ $x$ @ref <b>bold</b> \\ // note")))
    assert "#panic(1) *stars* _under_ $x$ @ref <b>bold</b> \\ // note" in text


def test_it_says_whose_it_is_for_whom_when_and_what_was_left_out() -> None:
    """Title, asker, time as clocks show it, the filters, the part of a linked pupil, how well the time is known, page numbers."""
    entries = [
        a_line(1, part="witness", categories=[], occurred_precision="day"),
        a_line(2, occurred_at=None, occurred_precision="not_known"),
        a_line(3, kind="action", occurred_at=None),
        a_line(4, occurred_precision="about"),
    ]
    text = " ".join(text_of(printed(*entries, since=dt.date(2026, 1, 1), category_codes=["welfare"], words="party")).split())
    for words in (
        "Chronology of Sarah Example",
        "Dee Lead, Tuesday 24 November 2026 at 09:00",
        "categories Welfare; from 1 January 2026; with the words “party”",
        "linked here as: witness",
        "time not known",
        "When it happened is not known",
        "Action below incident 2026-3",
        "Happened about Saturday 27 June 2026 at 12:47",
        "page 1 of 1",
        "There may be others",
    ):
        assert words in text, words


def test_of_who_is_not_listed_no_date_of_birth_is_printed() -> None:
    """The pupil that stands for them has one in the list, which is nobody's."""
    nobody = PupilItem(id=new_id(), name="Not listed, or not sure who", year="", form="", born=dt.date(2000, 1, 1), holding=True)
    asked = chronology.Asked(
        by="Dee Lead", at=dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC), school_name="Elm Tree", zone="Europe/London", category_names={}
    )
    for pupil, said in ((nobody, nobody.name), (a_pupil(), "Sarah Example, Year 5, 5A, born 29 February 2016")):
        content = chronology.content(pupil=pupil, entries=[], request=Chronology(pupil_id=pupil.id), asked=asked)
        assert content["facts"][0] == {"name": "Pupil", "value": said}


def test_the_other_pupils_name_is_not_printed_where_this_pupil_is_only_linked() -> None:
    """The document may go to a parent: it says the part, and that the account is about another pupil, not whom."""
    text = " ".join(text_of(printed(a_line(1, part="may_have_caused_harm", pupil_name="Quilla Otherchild", categories=[]))).split())
    assert "About another pupil; linked here as: may have caused harm" in text
    assert "Quilla" not in text
    assert "read it through before it is given to anybody" in text


def test_no_entries_make_a_document_that_says_so() -> None:
    assert "No entries that you may read" in text_of(printed())


HASH = "0123456789abcdef" * 4
SCHOOL = MadeSchool(new_id(), {"teacher": new_id()})


def a_check(state: Any, **more: Any) -> SelfCheck:
    at = {"checked_at": dt.datetime(2026, 3, 3, 9, 5, tzinfo=dt.UTC), "whole_at": dt.datetime(2026, 3, 3, 2, 10, tzinfo=dt.UTC)}
    return SelfCheck(**{"state": state} | at | more)


class Incidents:
    """Stands where the RPC proxy stands: answers the chronology in pages, as incidents would to the same token."""

    def __init__(self, *, entries: list[EntryLine], known: UUID) -> None:
        self.entries, self.known = entries, known
        self.calls: list[dict[str, Any]] = []
        self.states: list[str] = []  # what the self-check says of each page

    def chronology(self, call: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(call)
        asked = Chronology.receive(call["body"])
        if asked.pupil_id != self.known:
            raise NotFound("pupil")
        start = int(asked.cursor or 0)
        end = start + asked.limit
        pupil = a_pupil().model_copy(update={"id": self.known})
        more = str(end) if end < len(self.entries) else None
        items = self.entries[start:end]
        passes = {file.id: f"pass to {file.id}" for item in items for file in item.files}
        head = EntrySealed(sequence=1_000 + start, entry_hash=HASH)  # later pages are read later
        flags = [] if asked.cursor else [a_flag("looked_after")]
        about: dict[str, Any] = {"head": head, "passes": passes, "flags": flags}
        if self.states:
            about["check"] = a_check(self.states[start // asked.limit])
        return ChronologyAnswer(pupil=pupil, items=items, next=more, total=len(self.entries), months=[], **about).wire()


class Files:
    """Stands where the RPC proxy stands: says what every file is called that it is shown a pass for."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def names(self, call: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(call)
        passes = Names.receive(call["body"]).passes
        assert all(token == f"pass to {id_}" for id_, token in passes.items())
        return NamesAnswer(items=[FileName(file_id=id_, name=f"scan {id_}.jpg") for id_ in passes]).wire()


@pytest.fixture
def service(resources: Callable[..., Resources]) -> Service:
    """Reports with identity itself, and a teacher's school."""
    made, made.host = Service(), resources("reports")  # type: ignore[misc]
    made.identity = identity_beside(resources=resources("identity"), school=SCHOOL)
    made.files = Files()
    return made


def test_the_service_reads_every_page_with_a_token_of_its_own_in_the_askers_name(
    service: Service, keys_folder: Path, ask_service: Any, token_for: Any
) -> None:
    """One entry more than two pages: three calls with the person's filters, each with another token for incidents alone, and all entries printed."""
    pupil, person = new_id(), SCHOOL.people["teacher"]
    service.incidents = Incidents(entries=[a_line(n) for n in range(2 * PAGE + 1)], known=pupil)
    token = token_for(roles=["teacher"], school_id=SCHOOL.id, person_id=person)
    request = ChronologyPdf(id=new_id(), chronology=Chronology(pupil_id=pupil, words="party"), school_name="Elm Tree", category_names={})
    answer = ask_service(service, request, token=token)
    assert isinstance(answer, Document)
    assert answer.media_type == "application/pdf"
    assert [c["body"]["words"] for c in service.incidents.calls] == ["party"] * 3
    keys = Keys.load(keys_folder / "process" / "incidents.json")
    shown = [actor.verify(keys=keys, token=c["token"], at="incidents") for c in service.incidents.calls]
    assert {(a.person_id, a.school_id, a.roles, a.acts, a.methods) for a in shown} == {
        (person, SCHOOL.id, frozenset({"teacher"}), "reports", frozenset({"incidents.chronology"}))
    }
    assert len({a.job_id for a in shown}) == 1
    assert f"Account {2 * PAGE}\n" in text_of(answer.data) + "\n"
    assert "Looked after 2 March 2026" in " ".join(text_of(answer.data).split()), "the flags came with the first page"
    with pytest.raises(NotFound):
        ask_service(service, request.model_copy(update={"id": new_id(), "chronology": Chronology(pupil_id=new_id())}), token=token)


@pytest.mark.parametrize(("form", "starts"), [("pdf", b"%PDF"), ("docx", b"PK"), ("csv", b'\xef\xbb\xbf"Confidential. ')])
def test_why_it_was_asked_for_is_handed_on_to_be_kept_whatever_the_form(
    form: str, starts: bytes, service: Service, ask_service: Any, token_for: Any
) -> None:
    """With each page that is read, as an export: incidents keeps it with the opening."""
    pupil = new_id()
    service.incidents = Incidents(entries=[a_line(n) for n in range(PAGE + 1)], known=pupil)
    token = token_for(roles=["teacher"], school_id=SCHOOL.id, person_id=SCHOOL.people["teacher"])
    asked = Chronology(pupil_id=pupil, reason="A core group")
    request = ChronologyPdf(id=new_id(), chronology=asked, school_name="Elm Tree", category_names={}, form=form)  # type: ignore[arg-type]
    answer = ask_service(service, request, token=token)
    assert answer.data.startswith(starts)
    assert [(c["body"]["reason"], c["body"]["use"]) for c in service.incidents.calls] == [("A core group", "export")] * 2


def test_files_are_named_as_the_asker_sees_them_and_the_ledgers_place_is_that_before_the_first_page(
    service: Service, ask_service: Any, token_for: Any
) -> None:
    """A hundred and one files on two pages: their names are asked for a hundred at a time, with the asker's own token and the passes incidents gave."""
    pupil = new_id()
    entries = [a_line(n, files=[A_FILE.model_copy(update={"id": new_id()}) for _ in range(101 if n == 0 else n == PAGE)]) for n in range(PAGE + 1)]
    service.incidents = Incidents(entries=entries, known=pupil)
    token = token_for(roles=["teacher"], school_id=SCHOOL.id, person_id=SCHOOL.people["teacher"])
    request = ChronologyPdf(id=new_id(), chronology=Chronology(pupil_id=pupil), school_name="Elm Tree", category_names={}, form="csv")
    text = ask_service(service, request, token=token).data.decode()
    assert [len(c["body"]["passes"]) for c in service.files.calls] == [100, 1, 1]
    assert all(f"scan {file.id}.jpg" in text for entry in entries for file in entry.files)
    assert f"Ledger entry 1000: {HASH}" in text


UNALTERED = "Verified unaltered. Everything in the record was checked on Tuesday 3 March 2026 at 02:10. "
UNALTERED += (
    "New entries were checked last on Tuesday 3 March 2026 at 09:05. How that is known, for the school’s DSLs: https://safekeep.test/s/elm/proof"
)


@pytest.mark.parametrize("form", ["pdf", "docx", "csv"])
def test_it_says_of_all_its_pages_whether_they_are_unaltered_when_that_was_checked_and_where_it_is_explained(
    form: str, service: Service, ask_service: Any, token_for: Any
) -> None:
    pupil = new_id()
    incidents = service.incidents = Incidents(entries=[a_line(n) for n in range(PAGE + 1)], known=pupil)
    token = token_for(roles=["teacher"], school_id=SCHOOL.id, person_id=SCHOOL.people["teacher"])

    def said(*states: str) -> str:
        incidents.states = list(states)
        about: dict[str, Any] = {"chronology": Chronology(pupil_id=pupil), "school_name": "Elm Tree", "category_names": {}, "form": form}
        request = ChronologyPdf(id=new_id(), **about, proof_address="https://safekeep.test/s/elm/proof")
        data = ask_service(service, request, token=token).data
        return "".join(words_of(form, data).split())

    assert "".join(UNALTERED.split()) in said("unaltered", "unaltered")
    assert "Beingverified:noteveryentryhere" in said("unaltered", "checking")
    assert "Noteverythingintherecordisasitwasrecorded." in said("altered", "checking")
    assert "erified" not in said(), "of an incidents that does not say it yet nothing is claimed"


def test_what_was_never_checked_has_no_time_and_no_address_where_there_is_none() -> None:
    about: dict[str, Any] = {"by": "Dee Lead", "at": dt.datetime(2026, 3, 3, tzinfo=dt.UTC), "school_name": "Elm Tree", "zone": "Europe/London"}
    asked = chronology.Asked(**about, category_names={}, check=a_check("checking", checked_at=None, whole_at=None))
    assert chronology.unaltered(asked) == "Being verified: not every entry here was compared with its seal yet."
    asked = dataclasses.replace(asked, check=a_check("checking"))
    assert "Everything" not in chronology.unaltered(asked), "while one is not compared yet it is not said that everything was"


@pytest.mark.parametrize(("roles", "active"), [(["governor"], True), (["teacher"], False)], ids=["another role", "left the school"])
def test_whoever_loses_their_role_while_pages_are_read_gets_no_document(
    roles: list[str], active: bool, service: Service, ask_service: Any, token_for: Any
) -> None:
    """After the first page, with a token of theirs that is good for minutes yet: identity refuses the next step."""
    pupil, person = new_id(), SCHOOL.people["teacher"]

    class Interrupted(Incidents):
        def chronology(self, call: dict[str, Any]) -> dict[str, Any]:
            change_roles(service.identity, school=SCHOOL, person=person, roles=roles, active=active)
            return super().chronology(call)

    service.incidents = Interrupted(entries=[a_line(n) for n in range(PAGE + 1)], known=pupil)
    request = ChronologyPdf(id=new_id(), chronology=Chronology(pupil_id=pupil), school_name="Elm Tree", category_names={})
    with pytest.raises(NotAllowed):
        ask_service(service, request, token=token_for(roles=["teacher"], school_id=SCHOOL.id, person_id=person))
    assert len(service.incidents.calls) == 1


A_BODY_MAP = BodyMap(
    age="younger",
    marks=[
        Mark(drawing="front", region="left_forearm_inner", points=[(400, 470)], kind="bruise", colour="yellow", length_mm=20, said="It was the door"),
        Mark(drawing="hands", region="right_palm", form="area", points=[(700, 720), (760, 720), (740, 780)], kind="scald"),
    ],
)


def test_a_body_map_is_printed_as_pictures_and_in_the_words_it_was_sealed_with() -> None:
    """Each drawing with marks says what it shows to a screen reader; the archive's standards hold with pictures too."""
    drawn = SealedBodyMap.receive(sealed(A_BODY_MAP))
    data = printed(a_line(1, body_map=drawn), a_line(2))
    text = " ".join(text_of(data).split())
    for words in drawn.words:
        assert words in text
    assert is_tagged_archive(data)
    with pikepdf.open(io.BytesIO(data)) as pdf:
        spoken = [str(item["/Alt"]) for item in pdf.objects if isinstance(item, pikepdf.Dictionary) and "/Alt" in item]
    assert len(spoken) == 2
    assert all("a younger child, with numbered marks: " in alt for alt in spoken)


def shown_as(form: str, *entries: EntryLine, reason: str = "", name: str = "Sarah Example", **asked_for: Any) -> bytes:
    """A document of any form, asked for at one moment."""
    request = Chronology(pupil_id=new_id(), reason=reason)
    asked = chronology.Asked(
        by="Dee Lead",
        at=dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC),
        school_name="Elm Tree",
        zone="Europe/London",
        category_names={"welfare": "Welfare"},
        **asked_for,
    )
    kept = chronology.wanted(entries, asked=asked)
    pupil = PupilItem(id=request.pupil_id, name=name, year="Year 5", form="5A", born=dt.date(2016, 2, 29))
    if form == "csv":
        return chronology.csv(pupil=pupil, entries=kept, request=request, asked=asked)
    said = chronology.content(pupil=pupil, entries=kept, request=request, asked=asked)
    return word.docx(said, at=asked.at) if form == "docx" else chronology.pdf(said)


def words_of(form: str, data: bytes) -> str:
    if form == "pdf":
        return " ".join(text_of(data).split())
    if form == "docx":
        made = docx.Document(io.BytesIO(data))
        cells = [cell.text for table in made.tables for row in table.rows for cell in row.cells]
        return " ".join(" ".join([*(p.text for p in made.paragraphs), *cells, made.sections[0].footer.paragraphs[0].text]).split())
    return data.decode("utf-8-sig")


FORMS = ("pdf", "docx", "csv")


@pytest.mark.parametrize("form", FORMS)
def test_the_same_entries_asked_for_at_the_same_moment_are_the_same_bytes(form: str) -> None:
    """Whenever it is built: two seconds later the file's own clock must not show in it."""
    entries = [a_line(n, body_map=SealedBodyMap.receive(sealed(A_BODY_MAP)) if n == 2 else None) for n in range(0, 90, 2)]
    first = shown_as(form, *entries, reason="A core group")
    time.sleep(2.1)  # a zip file counts in twos: the only clock that cannot be set from here
    assert shown_as(form, *entries, reason="A core group") == first


@pytest.mark.parametrize("form", FORMS)
def test_what_is_left_out_is_left_out_and_said(form: str) -> None:
    entries = [
        a_line(1, text="Kept words", body_map=SealedBodyMap.receive(sealed(A_BODY_MAP))),
        a_line(2, text="An action of hers", kind="action", occurred_at=None),
        a_line(3, text="Elsewhere a witness", part="witness", categories=[]),
        a_line(4, text="Of a higher class", class_code="protection"),
        a_line(5, text="Set to closed", kind="status", occurred_at=None, status="closed"),
    ]
    everything = words_of(form, shown_as(form, *entries))
    less = words_of(form, shown_as(form, *entries, leave_out=["actions", "linked", "body_maps", "files"], class_codes=["welfare"]))
    gone = ("An action of hers", "Elsewhere a witness", "Of a higher class", "Set to closed", "It was the door")
    assert all(words in everything for words in ("Kept words", *gone))
    assert "Kept words" in less
    assert not any(words in less for words in gone)
    said = "classes welfare; without actions and how incidents stand; without what is about other pupils; without body maps; without the list of"
    assert said in less


@pytest.mark.parametrize("form", ["pdf", "docx"])
def test_it_opens_with_why_it_was_asked_for_and_how_many_entries_each_month_has(form: str) -> None:
    said = words_of(form, shown_as(form, a_line(1), a_line(2), a_line(40), reason="Core group on 1 December"))
    assert "Core group on 1 December" in said
    assert "Entries by month" in said
    assert re.search(r"May 2026 1 .*June 2026 2|May 2026 1 June 2026 2", said)


def test_months_are_plotted_as_bars_in_percent_of_the_fullest() -> None:
    at = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)
    about = chronology.Asked(by="Dee Lead", at=at, school_name="Elm Tree", zone="Europe/London", category_names={})
    pupil = a_pupil()
    told = chronology.content(pupil=pupil, entries=[a_line(1), a_line(2), a_line(40)], request=Chronology(pupil_id=pupil.id), asked=about)
    assert [(month["name"], month["count"], month["bar"]) for month in told["summary"]] == [("May 2026", "1", "50"), ("June 2026", "2", "100")]


@pytest.mark.parametrize("form", ["pdf", "docx"])
def test_a_childs_own_words_are_marked_as_such(form: str) -> None:
    """In the accounts of the paper and of Word: bold, underlined, and said below; where there are none nothing is said of any."""
    account = 'She said "I want to go home" and cried.'
    own = [Span(start=account.index("I want"), end=account.index('" and'))]
    said = "In bold, underlined: the child’s own words."
    marked, plain = (shown_as(form, a_line(1, text=account, child_words=words), a_line(40)) for words in (own, []))
    assert said in words_of(form, marked)
    assert said not in words_of(form, plain)
    if form == "docx":
        runs = [run for paragraph in docx.Document(io.BytesIO(marked)).paragraphs for run in paragraph.runs]
        assert [run.text for run in runs if run.bold and run.underline] == ["I want to go home"]
    else:
        assert "I want to go home" in in_bold(marked)
        assert "I want to go home" in words_of(form, plain)
        assert "I want to go home" not in in_bold(plain)


def in_bold(pdf: bytes) -> str:
    """Return what a PDF shows in the letters of its headings: bold is a cut of the font, with the same name."""
    found: list[tuple[str, str]] = []

    def visit(text: str, _cm: Any, _tm: Any, font: Any, _size: float) -> None:
        if font and text.strip():
            found.append((str(font["/BaseFont"]), text))

    for each in pypdf.PdfReader(io.BytesIO(pdf)).pages:
        each.extract_text(visitor_text=visit)
    bold = next(font for font, text in found if "Incident 2026" in text)
    return " ".join(" ".join(text for font, text in found if font == bold).split())


def test_the_pdfs_table_of_months_has_heading_cells_for_a_screen_reader() -> None:
    with pikepdf.open(io.BytesIO(shown_as("pdf", a_line(1), a_line(40)))) as pdf:
        tags = [str(item["/S"]) for item in pdf.objects if isinstance(item, pikepdf.Dictionary) and "/S" in item]
        assert str(pdf.Root.Lang) == "en-GB"
    assert tags.count("/TH") == 3
    assert tags.count("/Table") == 1
    assert is_tagged_archive(shown_as("pdf", a_line(1), a_line(40)))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_word_has_headings_its_language_its_title_and_names_of_any_script(name: str) -> None:
    made = docx.Document(io.BytesIO(shown_as("docx", a_line(1, author_name=name, text=f"I met {name}."), a_line(40), name=name)))
    assert made.core_properties.title == f"Chronology of {name}"
    assert made.core_properties.language == "en-GB"
    styles = [p.style.name for p in made.paragraphs if p.style is not None and p.style.name.startswith(("Heading", "Title"))]
    assert styles == ["Title", "Heading 1", "Heading 1", "Heading 2", "Heading 1", "Heading 2"], "no level is jumped over"
    assert "<w:tblHeader/>" in made.tables[0]._tbl.xml
    assert f"I met {name}." in [p.text for p in made.paragraphs]


A_FILE = FileItem(id=new_id(), sha256="ab" * 32, size=1_400_000, media_type="image/jpeg")


@pytest.mark.parametrize("form", FORMS)
def test_attached_files_are_listed_by_name_size_and_hash_and_what_may_not_be_opened_is_not_named(form: str) -> None:
    """A blocked one and a destroyed one say that; one whose name the asker may not know says that."""
    blocked, destroyed, unnamed = (A_FILE.model_copy(update={"id": new_id(), "state": s}) for s in ("blocked", "destroyed", "kept"))
    names = {A_FILE.id: "bruise, left arm.jpg", blocked.id: "not to be seen.jpg"}
    data = shown_as(form, a_line(1, files=[A_FILE, blocked, destroyed, unnamed]), file_names=names)
    said = words_of(form, data)
    for words in ("bruise, left arm.jpg, 1.4 MB", "A file that is blocked", "A file that was destroyed", "A file whose name is not shown"):
        assert words in said, words
    assert said.replace(" ", "").count(A_FILE.sha256) == 4
    assert "not to be seen" not in said
    without = words_of(form, shown_as(form, a_line(1, files=[A_FILE]), file_names=names, leave_out=["files"]))
    assert "bruise" not in without
    if form != "csv":
        assert "4, listed below with the SHA-256 of each; the files themselves are not in this document" in said
        assert "Attached files: left out" in without or "Attached files left out" in without


@pytest.mark.parametrize("form", ["pdf", "docx"])
def test_it_says_whether_body_maps_are_in_it(form: str) -> None:
    drawn = a_line(1, body_map=SealedBodyMap.receive(sealed(A_BODY_MAP)))
    for entry, leave_out, said in ((drawn, [], "1, below"), (a_line(1), [], "none"), (drawn, ["body_maps"], "left out")):
        assert re.search(f"Body maps:? {said}", words_of(form, shown_as(form, entry, leave_out=leave_out)))


def a_flag(kind: str, class_code: str = "protection", **fields: Any) -> Flag:
    given: dict[str, Any] = {"ended": None, "review": dt.date(2026, 12, 9), "social_worker": "", "note": "A note that is not printed"}
    return Flag.receive({"id": new_id(), "kind": kind, "class_code": class_code, "started": dt.date(2026, 3, 2)} | given | fields)


@pytest.mark.parametrize("form", FORMS)
def test_it_opens_with_the_pupils_flags_those_that_hold_first_and_of_the_chosen_classes_alone(form: str) -> None:
    flags = [
        a_flag("early_help", "welfare", ended=dt.date(2026, 9, 1)),
        a_flag("child_protection_plan", social_worker="Nia Roberts"),
        a_flag("medical", "general"),
    ]
    said = words_of(form, shown_as(form, a_line(1), flags=flags))
    found = [said.index(what) for what in ("Child protection plan", "Medical", "Early help")]
    assert found == sorted(found), "what held before stands last"
    assert "1 September 2026" in said
    assert "A note" not in said
    if form != "csv":
        assert re.search("Child protection plan 2 March 2026 9 December 2026 Nia Roberts", said)
    of_class = words_of(form, shown_as(form, a_line(1), flags=flags, class_codes=["general"]))
    assert "Medical" in of_class
    assert "protection plan" not in of_class, "who chooses what is general gives away no plan"
    left_out = words_of(form, shown_as(form, a_line(1), flags=flags, leave_out=["flags"]))
    assert "Medical" not in left_out
    assert "without flags" in left_out
    if form == "pdf":
        assert "Nothing is flagged that you may see." in words_of(form, shown_as(form, a_line(1), flags=[]))
        assert is_tagged_archive(shown_as(form, a_line(1), flags=flags))


@pytest.mark.parametrize("form", FORMS)
def test_every_page_says_who_asked_when_why_and_where_the_ledger_stood(form: str) -> None:
    """Short at the foot of each page, whole once: the number of the last entry and its hash."""
    head = EntrySealed(sequence=4_711, entry_hash=HASH)
    data = shown_as(form, *(a_line(n, text="Long. " * 400) for n in range(3)), reason="A core group", head=head)
    foot = "Dee Lead, for: A core group. Ledger at entry 4711, 0123456789ab"
    assert foot in words_of(form, data)
    assert HASH in words_of(form, data).replace(" ", "")
    if form == "pdf":
        pages = [" ".join(page.extract_text().split()) for page in pypdf.PdfReader(io.BytesIO(data)).pages]
        assert len(pages) > 1
        assert all(foot in page and f"page {n} of {len(pages)}" in page for n, page in enumerate(pages, start=1))


def test_what_no_xml_may_hold_does_not_keep_word_from_being_written() -> None:
    said = words_of("docx", shown_as("docx", a_line(1, text="Bell \x07, null \x00, plain.\nSecond line")))
    assert "Bell \ufffd, null \ufffd, plain. Second line" in said


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")'])
def test_a_spreadsheet_runs_nothing_that_somebody_wrote(start: str) -> None:
    """As the account, what was done, and who wrote it: each stays as it was typed, after a sign that makes it text."""
    data = shown_as("csv", a_line(1, text=start, action_taken=start, author_name=start.strip()))
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert rows[1] == list(chronology.HEADINGS)
    assert (rows[2][10], rows[2][11], rows[2][5]) == (f"'{start}", f"'{start}", f"'{start.strip()}")
