"""A record before it is given: read with the asker's own rights, decided by one person, confirmed by another, made, and entered in the ledger."""

import datetime as dt
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import docx
import pytest
import sqlalchemy as sa

from safekeep import clock, receipts
from safekeep.contracts.incidents import AddAction, Alert, BlockFile, LinkedPupil
from safekeep.contracts.reports import (
    Addition,
    CheckIdentity,
    CloseRequest,
    ConfirmRedactions,
    Document,
    DocumentItem,
    DocumentPiece,
    EnterRequest,
    FileDecision,
    InformationRequestDetail,
    KeepRedactions,
    MyDocuments,
    ProposeRedactions,
    RecordList,
    RecordListAnswer,
    RecordPage,
    RecordPageAnswer,
    RecordText,
    RedactedRecord,
    Redaction,
    TakeBackRedactions,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, StorageError
from safekeep.ids import new_id
from safekeep.keys import Keys
from safekeep.receipts import Receipt
from safekeep.rpc import Resources
from services.reports import volumes
from services.reports.service import disclosures, long_documents, printing_apart
from tests.identity_beside import change_roles, identity_beside
from tests.make import a_record, create_pupil
from tests.services.reports.test_governors import Office
from tests.services.reports.test_packs import Files
from tests.unit.reports.test_disclosing import everything, holds
from tests.unit.reports.test_reviewing import parts_of

NOW = dt.datetime(2026, 9, 8, 9, 0, tzinfo=dt.UTC)
WRITTEN = "Amelia said that Żaklina Quixworth hit her. Her uncle Bertold saw it. Ż.Q. was moved."
SECRETS = ("Żaklina", "Quixworth", "Bertold")


class Bench:
    """A school where a parent asks for Amelia's record, in which another pupil is named; a DSL and a deputy to work on it."""

    def __init__(self, office: Office, identity: Any) -> None:
        self.office, self.ask, self.school = office, office.ask, office.school
        office.reports.service.identity = self.identity = identity
        office.reports.service.files = Files()
        self.incidents = office.reports.incidents
        self.pupil = create_pupil(resources=self.incidents.host, school=self.school, name="Amelia Okafor")
        self.other = create_pupil(resources=self.incidents.host, school=self.school, name="Żaklina Quixworth")
        self.incident = self.record(WRITTEN)
        self.asked = self.enter()

    def record(self, narrative: str, **fields: Any) -> UUID:
        linked = [LinkedPupil(pupil_id=self.other, part="witness")]
        wanted = a_record(pupil_id=self.pupil, narrative=narrative, action_taken="Rang home.", linked_pupils=linked, **fields)
        self.ask(wanted, role="teacher", of="incidents")
        return wanted.id

    def enter(self, **fields: Any) -> UUID:
        given: dict[str, Any] = {"kind": "subject_access_parent", "asker": "Jo Okafor", "received_on": NOW.date(), "pupil_id": self.pupil}
        request = EnterRequest(id=new_id(), **given | fields)
        self.ask(request)
        return request.id

    def page(self, *, role: str = "dsl", **fields: Any) -> RecordPageAnswer:
        answer = self.ask(RecordPage(information_request_id=self.asked, **fields), role=role)
        assert isinstance(answer, RecordPageAnswer)
        return answer

    def listed(self, *, role: str = "dsl", **fields: Any) -> RecordListAnswer:
        answer = self.ask(RecordList(information_request_id=self.asked, **fields), role=role)
        assert isinstance(answer, RecordListAnswer)
        return answer

    def text(self, part: str = "account") -> RecordText:
        return next(text for text in self.page().texts if text.part == part and text.entry_id == self.incident)

    def decide(self, *, accepted: bool = True, role: str = "dsl") -> None:
        """Decide on all that is proposed, page by page."""
        cursor = None
        while True:
            page = self.page(role=role, cursor=cursor)
            decisions = [
                Redaction(
                    entry_id=text.entry_id,
                    part=text.part,
                    digest=text.digest,
                    start=mark.start,
                    stop=mark.stop,
                    accepted=accepted,
                    reason="third_party" if accepted else None,
                )
                for text in page.texts
                for mark in text.marks
            ]
            self.ask(KeepRedactions(information_request_id=self.asked, decisions=decisions, cursor=cursor), role=role)
            if page.next is None:
                return
            cursor = page.next

    def add(self, words: str = "", **fields: Any) -> None:
        made = Addition(entry_id=self.incident, part="account", words=words, reason="serious_harm", **fields)
        self.ask(KeepRedactions(information_request_id=self.asked, additions=[made]))

    def propose(self, *, role: str = "dsl") -> list[str]:
        return [each.heading for each in self.ask(ProposeRedactions(information_request_id=self.asked), role=role).undecided]

    def confirm(self, *, role: str = "deputy_dsl", proposed_at: dt.datetime | None = None) -> None:
        at = proposed_at or self.page(role=role).proposed_at or clock.now()
        self.ask(ConfirmRedactions(information_request_id=self.asked, proposed_at=at), role=role)

    def give(self, form: str = "pdf", *, role: str = "dsl") -> bytes:
        answer = self.ask(RedactedRecord(information_request_id=self.asked, school_name="Hillside", form=form), role=role)  # type: ignore[arg-type]
        assert isinstance(answer, Document)
        return answer.data

    def steps(self) -> list[str]:
        return [step.kind for step in self.ask(InformationRequestDetail(information_request_id=self.asked)).history]

    def ready(self) -> None:
        self.decide()
        assert self.propose() == []
        self.confirm()


@pytest.fixture
def bench(resources: Callable[..., Resources], token_for: Callable[..., str], ask_service: Callable[..., Any]) -> Iterator[Bench]:
    with clock.set_to(NOW):
        office = Office(resources, token_for, ask_service)
        yield Bench(office, identity_beside(resources=resources("identity"), school=office.school))


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disclosures, "SHOWN", 3)


def kept(bench: Bench) -> str:
    """Return every row reports keeps of the school, as text."""
    tables = ("information_requests", "request_steps", "redactions", "given_documents", "request_looks")
    with bench.office.reports.resources.transaction(bench.office.reports.resources.engine, school_id=bench.school.id) as tx:
        rows = [tx.execute(sa.text(f"select coalesce(string_agg(t::text, ' '), '') from {table} t")).scalar_one() for table in tables]
        events = tx.execute(sa.text("select coalesce(string_agg(body::text, ' '), '') from outbox")).scalar_one()
    return " ".join([*rows, events])


def test_the_page_shows_the_record_with_what_names_others_and_nothing_of_it_is_kept(bench: Bench) -> None:
    page = bench.page()
    assert page.pupil_name == "Amelia Okafor"
    text = bench.text()
    assert text.written == WRITTEN
    assert [WRITTEN[m.start : m.stop] for m in text.marks] == ["Żaklina Quixworth", "Bertold", "Ż.Q."]
    assert {m.found_by for m in text.marks} == {"name", "relation", "initials"}
    assert {text.part for text in page.texts} == {"about", "account", "action_taken"}
    bench.decide()
    bench.add("moved")
    assert not [word for word in (*SECRETS, "moved", "Rang home") if word in kept(bench)]
    assert "Jo Okafor" in kept(bench), "what is looked for would be found"


def test_decisions_stand_on_the_page_and_can_be_changed_and_words_by_hand_are_found(bench: Bench) -> None:
    bench.decide()
    bench.add("WAS moved")
    bench.decide(accepted=False)
    found = {WRITTEN[m.start : m.stop]: (m.accepted, m.found_by) for m in bench.text().marks}
    assert found == {"Żaklina Quixworth": (False, "name"), "Bertold": (False, "relation"), "Ż.Q.": (False, "initials"), "was moved": (False, None)}
    for words, code in (("nowhere", "not_in_text"), ("", "missing"), ("oved", "not_in_text")):
        with pytest.raises(Invalid) as refused:
            bench.add(words)
        assert refused.value.problems == {"additions.0.words": code}
    bench.add(whole=True)
    assert [(m.start, m.stop) for m in bench.text().marks if m.accepted] == [(0, len(WRITTEN))]


def test_what_is_left_out_has_a_reason_from_the_law(bench: Bench) -> None:
    text = bench.text()
    place = {"entry_id": text.entry_id, "part": text.part, "digest": text.digest, "start": 0, "stop": 3}
    with pytest.raises(Invalid, match="missing"):
        bench.ask(KeepRedactions(information_request_id=bench.asked, decisions=[Redaction(**place, accepted=True)]))


def test_nothing_is_proposed_while_something_is_not_decided(bench: Bench) -> None:
    assert bench.propose() == ["Incident 2026-0001"]
    assert bench.page().stage == "deciding"
    bench.decide()
    assert bench.propose() == []
    assert bench.propose() == []
    assert (bench.page().stage, bench.steps()) == ("proposed", ["entered", "proposed"])


def test_who_proposed_cannot_confirm_and_nothing_is_given_before_somebody_else_has(bench: Bench) -> None:
    bench.decide()
    for refused in ("not_confirmed", "not_proposed"):
        with pytest.raises(Conflict, match=refused):
            bench.give() if refused == "not_confirmed" else bench.confirm()
    bench.propose()
    assert not bench.page().may_confirm
    with pytest.raises(NotAllowed, match="own_proposal"):
        bench.confirm(role="dsl")
    with pytest.raises(Conflict, match="not_confirmed"):
        bench.give()
    assert bench.page(role="deputy_dsl").may_confirm
    bench.confirm()
    bench.confirm()
    assert bench.steps() == ["entered", "proposed", "confirmed"]


def test_not_even_the_database_takes_one_person_for_two(bench: Bench) -> None:
    bench.decide()
    bench.propose()
    statement = "update information_requests set stage = 'confirmed', confirmed_by = proposed_by"
    with (
        pytest.raises(StorageError),
        bench.office.reports.resources.transaction(bench.office.reports.resources.engine, school_id=bench.school.id) as tx,
    ):
        tx.execute(sa.text(statement))


def test_what_waits_for_another_person_is_not_changed_before_it_is_taken_back(bench: Bench) -> None:
    bench.ready()
    for change in (bench.decide, lambda: bench.add("moved")):
        with pytest.raises(Conflict, match="already_proposed"):
            change()
    bench.ask(TakeBackRedactions(information_request_id=bench.asked, note="The uncle is known to the parent"), role="deputy_dsl")
    with pytest.raises(Conflict, match="not_confirmed"):
        bench.give()
    bench.decide(accepted=False)
    bench.propose(role="deputy_dsl")
    with pytest.raises(NotAllowed, match="own_proposal"):
        bench.confirm(role="deputy_dsl")
    bench.confirm(role="dsl")


@pytest.mark.parametrize("form", ["pdf", "docx"])
def test_what_is_given_holds_no_word_that_is_left_out_and_stands_in_the_ledger(bench: Bench, form: str) -> None:
    before = originals(bench)
    bench.ready()
    file = bench.give(form)
    assert bench.give(form) == file, "the same record is the same file"
    after = originals(bench)
    assert {name: rows for name, rows in after.items() if name != "ledger"} == {name: rows for name, rows in before.items() if name != "ledger"}
    assert before["ledger"] < after["ledger"], "what stood in the ledger stands there, and the giving below it"
    assert len(after["ledger"] - before["ledger"]) == 1
    if form == "pdf":
        assert not [word for word in SECRETS if holds(file, word)]
        said = everything(file)[1]
    else:
        assert not [(word, name) for word in SECRETS for name, part in parts_of(file).items() if word in part]
        said = "\n".join(paragraph.text for paragraph in docx.Document(io.BytesIO(file)).paragraphs)
    said = " ".join(said.split())
    for kept_words in (
        "Amelia said that",
        "hit her",
        "Rang home.",
        "[left out, 1]",
        "Schedule of what was left out",
        "Information about another person",
    ):
        assert kept_words in said, kept_words
    detail = bench.ask(InformationRequestDetail(information_request_id=bench.asked))
    (given,) = detail.documents
    assert (given.form, given.sha256) == (form, hashlib.sha256(file).hexdigest())
    with bench.incidents.host.transaction(bench.incidents.host.engine, school_id=bench.school.id) as tx:
        entered = tx.execute(sa.text("select kind, sha256, sequence, entry_hash from documents")).one()
    assert tuple(entered) == ("disclosure_pack", given.sha256, given.sequence, given.entry_hash)
    assert bench.steps()[-1] == f"given_{form}"


def originals(bench: Bench) -> dict[str, set[str]]:
    """Return every row of the record itself, whole, by its table."""
    host = bench.incidents.host
    with host.transaction(host.engine, school_id=bench.school.id) as tx:
        known = set(tx.execute(sa.text("select tablename from pg_tables where schemaname = 'public'")).scalars())
        tables = sorted(known & {"entries", "incidents", "incident_pupils", "pupils", "contents", "seals", "flags", "relations", "ledger"})
        assert {"entries", "incidents", "ledger"} <= set(tables)
        return {name: set(tx.execute(sa.text(f"select to_jsonb(t)::text from {name} as t")).scalars()) for name in tables}


def test_the_control_whose_words_were_kept_holds_them(bench: Bench) -> None:
    bench.decide(accepted=False)
    bench.propose()
    bench.confirm()
    assert [word for word in SECRETS if holds(bench.give(), word)] == list(SECRETS)
    assert [word for word in SECRETS if word in parts_of(bench.give("docx"))["word/document.xml"]] == list(SECRETS)


def test_an_entry_added_since_keeps_the_record_back_until_two_people_have_seen_it(bench: Bench) -> None:
    bench.decide()
    bench.propose()
    action = AddAction(id=new_id(), incident_id=bench.incident, text="Żaklina's mother came.", alert=Alert())
    bench.ask(action, of="incidents")
    with pytest.raises(Conflict, match="record_changed"):
        bench.confirm()
    bench.ask(TakeBackRedactions(information_request_id=bench.asked, note="Something was added"))
    bench.ready()
    assert not holds(bench.give(), "Żaklina")
    bench.record("Amelia and Żaklina talked.")
    with pytest.raises(Conflict, match="record_changed"):
        bench.give()


def test_who_cannot_read_all_of_it_cannot_confirm_it(bench: Bench) -> None:
    """The deputy's own child is linked in one incident: of that they read nothing, and are not told so."""
    bench.decide()
    bench.propose()
    deputy = bench.school.people["deputy_dsl"]
    create_pupil(resources=bench.incidents.host, school=bench.school, name="Żaklina Quixworth", id=bench.other, relatives=(deputy,))
    assert bench.page(role="deputy_dsl").texts == []
    with pytest.raises(Conflict, match="record_changed"):
        bench.confirm()


def test_who_is_no_longer_a_dsl_half_way_reads_no_further(bench: Bench, short_pages: None) -> None:
    for number in range(3):
        bench.record(f"Amelia was calm, day {number}.")
    assert bench.page().next is not None
    bench.decide()
    change_roles(bench.identity, school=bench.school, person=bench.school.people["dsl"], roles=["governor"])
    with pytest.raises(NotAllowed):
        bench.propose()


def test_a_record_of_many_pages_is_decided_page_by_page_and_given_whole(bench: Bench, short_pages: None) -> None:
    for number in range(7):
        bench.record(f"Amelia was calm, day {number}. Żaklina was not.")
    bench.ready()
    said = " ".join(everything(bench.give())[1].split())
    assert "day 0." in said
    assert "day 6." in said
    assert "Żaklina" not in said


def test_one_list_has_all_that_was_found_in_the_whole_record_with_every_place_as_it_stands_on_its_page(bench: Bench, short_pages: None) -> None:
    bench.add("was moved")
    for number in range(7):
        bench.record(f"Amelia was calm, day {number}. Żaklina was not.")
    listed = bench.listed()
    assert (listed.read, listed.entries, listed.next, listed.pupil_name) == (8, 8, None, "Amelia Okafor")
    assert {each.words: (each.found_by, len(each.places)) for each in listed.found} == {
        "Żaklina": ("name", 7),
        "Żaklina Quixworth": ("name", 1),
        "Bertold": ("relation", 1),
        "Ż.Q.": ("initials", 1),
        "was moved": (None, 1),
    }
    assert [each.found_by for each in listed.found] == ["name", "name", "initials", "relation", None]
    stand = {
        (text.entry_id, text.part, mark.start, mark.stop, cursor, mark.accepted)
        for cursor in {place.cursor for each in listed.found for place in each.places}
        for text in bench.page(cursor=cursor).texts
        for mark in text.marks
    }
    assert stand == {(p.entry_id, p.part, p.start, p.stop, p.cursor, p.accepted) for each in listed.found for p in each.places}
    assert len({cursor for *_, cursor, _ in stand}) == 3
    assert [p.accepted for each in listed.found for p in each.places].count(None) == 10
    bench.decide()
    assert all(p.accepted for each in bench.listed().found for p in each.places)
    assert not [word for word in (*SECRETS, "was moved", "calm") if word in kept(bench)]


def test_the_list_of_a_long_record_is_read_part_by_part(bench: Bench, short_pages: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disclosures, "LISTED", 6)
    for number in range(8):
        bench.record(f"Amelia was calm, day {number}. Żaklina was not.")
    first = bench.listed()
    assert (first.read, first.entries) == (6, 9)
    rest = bench.listed(cursor=first.next)
    assert (rest.read, rest.entries, rest.next) == (3, 9, None)
    places = [{(p.entry_id, p.start) for each in part.found for p in each.places} for part in (first, rest)]
    assert not places[0] & places[1]
    assert len(places[0] | places[1]) == 11


def test_nobody_but_dsls_and_deputies_sees_the_list(bench: Bench) -> None:
    assert bench.listed(role="deputy_dsl").found
    for role in ("slt", "teacher", "governor", "trust_safeguarding_lead", "trust_it"):
        with pytest.raises(NotAllowed):
            bench.listed(role=role)


def test_nothing_is_given_to_somebody_who_is_not_known_nor_after_it_was_refused(bench: Bench) -> None:
    bench.asked = bench.enter(identity_asked=True)
    bench.ready()
    with pytest.raises(Conflict, match="identity_first"):
        bench.give()
    bench.ask(CheckIdentity(information_request_id=bench.asked, how="known", on=NOW.date()))
    assert bench.give()
    bench.ask(CloseRequest(information_request_id=bench.asked, state="answered"))
    assert bench.give()
    bench.ask(CloseRequest(information_request_id=bench.asked, state="open", reason="A mistake"))
    bench.ask(CloseRequest(information_request_id=bench.asked, state="refused", reason="The court said so"))
    with pytest.raises(Conflict, match="request_closed"):
        bench.give()


def test_of_a_request_for_no_pupil_there_is_no_record_to_prepare(bench: Bench) -> None:
    bench.asked = bench.enter(kind="freedom_of_information", pupil_id=None)
    with pytest.raises(Conflict, match="no_pupil"):
        bench.page()


def test_the_bench_is_of_dsls_and_deputies_of_the_school_alone(bench: Bench) -> None:
    requests = (
        RecordPage(information_request_id=bench.asked),
        ProposeRedactions(information_request_id=bench.asked),
        RedactedRecord(information_request_id=bench.asked, school_name="Hillside", form="pdf"),
    )
    for request in requests:
        for role in ("slt", "teacher", "governor"):
            with pytest.raises(NotAllowed):
                bench.ask(request, role=role)
        with pytest.raises(NotFound):
            bench.ask(request, school_id=new_id())


# --- attached files


class Attach:
    """Attaches files to incidents of the teacher's, as the files service would have signed for them."""

    def __init__(self, bench: Bench, keys_folder: Path) -> None:
        self.bench, self.signing = bench, Keys.load(keys_folder / "process" / "files.json")

    def __call__(self, content: bytes, *, media_type: str = "image/jpeg") -> tuple[UUID, str]:
        """Record an incident with such a file; return the file's id and its SHA-256."""
        whose = {"author_id": self.bench.school.people["teacher"], "school_id": self.bench.school.id}
        sha256 = hashlib.sha256(content).hexdigest()
        receipt = Receipt(file_id=new_id(), sha256=sha256, size=len(content), media_type=media_type, **whose)
        self.bench.record("Amelia was calm.", receipts=[receipts.sign_receipt(keys=self.signing, receipt=receipt)])
        return receipt.file_id, sha256


@pytest.fixture
def attach(bench: Bench, keys_folder: Path) -> Attach:
    return Attach(bench, keys_folder)


def decide_files(bench: Bench, *decisions: FileDecision, role: str = "dsl") -> None:
    bench.ask(KeepRedactions(information_request_id=bench.asked, files=list(decisions)), role=role)


def given(bench: Bench) -> Any:
    return bench.ask(RedactedRecord(information_request_id=bench.asked, school_name="Hillside", form="pdf"))


def test_each_attached_file_is_decided_on_by_one_and_confirmed_by_another_like_words(bench: Bench, attach: Attach) -> None:
    (first, _), (second, _) = attach(b"one"), attach(b"two")
    bench.decide()
    assert [(file.file_id, file.name, file.given) for file in bench.page().files] == [(second, "a file", None), (first, "a file", None)]
    assert bench.propose() == ["Incident 2026-0003", "Incident 2026-0002"], "nothing is proposed while a file is not decided"
    with pytest.raises(Invalid) as refused:
        decide_files(bench, FileDecision(file_id=first, given=True), FileDecision(file_id=second, given=False))
    assert refused.value.problems == {"files.1.reason": "missing"}
    decide_files(bench, FileDecision(file_id=first, given=True, reason="crime"), FileDecision(file_id=second, given=False, reason="serious_harm"))
    assert [(file.given, file.reason) for file in bench.page().files] == [(False, "serious_harm"), (True, None)]
    assert bench.propose() == []
    with pytest.raises(Conflict, match="already_proposed"):
        decide_files(bench, FileDecision(file_id=second, given=True), role="deputy_dsl")
    assert [(file.given, file.reason) for file in bench.page(role="deputy_dsl").files] == [(False, "serious_harm"), (True, None)]
    bench.confirm()
    assert bench.give()


def test_the_schedule_lists_each_file_by_number_and_the_ledger_holds_the_hashes_of_those_that_are_given(bench: Bench, attach: Attach) -> None:
    """By no name of its own; what is given is handed out with the document under its number; the same again has the same places."""
    (first, sha_first), (second, sha_second) = attach(b"one"), attach(b"two", media_type="application/pdf")
    bench.decide()
    decide_files(bench, FileDecision(file_id=first, given=True), FileDecision(file_id=second, given=False, reason="serious_harm"))
    assert bench.propose() == []
    bench.confirm()
    made = given(bench)
    assert [(file.file_id, file.name, file.sha256) for file in made.files] == [(first, "file-2.jpg", sha_first)]
    said = " ".join(everything(made.data)[1].split())
    assert "1 of 2 are given with it" in said
    assert "1 withheld: serious harm Incident 2026-0003" in said
    assert "2 given whole: file-2.jpg Incident 2026-0002" in said
    assert "Likely to cause serious harm to health (Data Protection Act 2018" in said
    assert sha_first in said.replace(" ", "")
    assert sha_second in said.replace(" ", "")
    assert "a file" not in said.replace("an attached file", ""), "no name"
    listed = hashlib.sha256(f"{sha_first}  file-2.jpg\n".encode()).hexdigest()
    documents = bench.ask(InformationRequestDetail(information_request_id=bench.asked)).documents
    assert {(each.form, each.sha256) for each in documents} == {("pdf", hashlib.sha256(made.data).hexdigest()), ("files", listed)}
    assert given(bench) == made
    with bench.incidents.host.transaction(bench.incidents.host.engine, school_id=bench.school.id) as tx:
        entered = tx.execute(sa.text("select sha256, sequence from documents order by sequence")).all()
    assert {tuple(row) for row in entered} == {(each.sha256, each.sequence) for each in documents}


def test_a_file_that_was_blocked_needs_no_decision_and_one_that_is_blocked_since_keeps_the_record_back(bench: Bench, attach: Attach) -> None:
    (first, _), (second, _) = attach(b"one"), attach(b"two")
    bench.ask(BlockFile(file_id=first, reason="Not to be seen"), of="incidents")
    bench.decide()
    decide_files(bench, FileDecision(file_id=first, given=True), FileDecision(file_id=second, given=True))
    assert bench.propose() == []
    bench.confirm()
    made = given(bench)
    assert [file.file_id for file in made.files] == [second], "what was decided of one that nobody can open gives it to nobody"
    assert "not given: nobody can open it" in " ".join(everything(made.data)[1].split())
    bench.ask(BlockFile(file_id=second, reason="Not to be seen"), of="incidents")
    with pytest.raises(Conflict, match="record_changed"):
        given(bench)


# --- long ones


@pytest.fixture
def long(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Amelia's record of six incidents, in each of which another child is named; made in the background, four entries to a part."""
    for number in range(5):
        bench.record(f"Amelia was calm, day {number}. Żaklina was not.")
    monkeypatch.setattr(long_documents, "AT_ONCE", 5)
    monkeypatch.setattr(long_documents, "PAGE", 2)
    monkeypatch.setattr(volumes, "MOST_ENTRIES", 4)
    return bench


def ask_for_it(bench: Bench, form: str = "pdf") -> UUID:
    id_ = new_id()
    made = bench.ask(RedactedRecord(id=id_, information_request_id=bench.asked, school_name="Hillside", form=form))  # type: ignore[arg-type]
    assert (made.later, made.data) == (True, b"")
    return id_


def item_of(bench: Bench) -> DocumentItem:
    (found,) = bench.ask(MyDocuments()).items
    assert isinstance(found, DocumentItem)
    return found


def parts_of_it(bench: Bench) -> list[bytes]:
    item = item_of(bench)
    pieces = [bench.ask(DocumentPiece(document_id=item.id, number=number)).data for number in range(item.pieces)]
    return [b"".join(pieces[part.first_piece : part.first_piece + part.pieces]) for part in item.parts]


def test_a_long_record_is_made_in_the_background_in_parts_that_hold_no_word_that_is_left_out(long: Bench, attach: Attach) -> None:
    """Numbered by part and place; with the file that is given; entered in the ledger by the list of its parts; told to who asked."""
    file_id, sha256 = attach(b"one")
    long.decide()
    decide_files(long, FileDecision(file_id=file_id, given=True))
    assert long.propose() == []
    long.confirm()
    id_ = ask_for_it(long)
    assert (item_of(long).kind, item_of(long).information_request_id, item_of(long).id) == ("record", long.asked, id_)
    long.office.reports.service.make_documents()
    item, parts = item_of(long), parts_of_it(long)
    assert (item.state, [part.entries for part in item.parts]) == ("ready", [4, 3])
    assert [(file.file_id, file.name, file.sha256) for file in item.files] == [(file_id, "file-1.jpg", sha256)]
    said = [" ".join(everything(data)[1].split()) for data in parts]
    assert not [(word, number) for word in SECRETS for number, data in enumerate(parts) if holds(data, word)]
    assert ["day 4." in words for words in said] == [True, False]
    assert ["day 0." in words for words in said] == [False, True]
    assert ("[left out, 1.1]" in said[0], "[left out, 2.1]" in said[1], "[left out, 1.1]" in said[1]) == (True, True, False)
    assert ["file-1.jpg" in words for words in said] == [True, False]
    hashes = [hashlib.sha256(data).hexdigest() for data in parts]
    listed = "".join(f"{sha}  record-part-{number}-of-2.pdf\n" for number, sha in enumerate(hashes, start=1))
    files = f"{sha256}  file-1.jpg\n"
    documents = long.ask(InformationRequestDetail(information_request_id=long.asked)).documents
    of = {each.form: each.sha256 for each in documents}
    assert of == {"pdf": hashlib.sha256(listed.encode()).hexdigest(), "files": hashlib.sha256(files.encode()).hexdigest()}
    assert long.steps()[-1] == "given_pdf"
    with long.incidents.host.transaction(long.incidents.host.engine, school_id=long.school.id) as tx:
        assert {row.sha256 for row in tx.execute(sa.text("select sha256 from documents"))} == set(of.values())


def test_a_long_record_that_changed_since_it_was_confirmed_is_not_made_and_its_asker_is_told_why(long: Bench) -> None:
    long.ready()
    long.record("Amelia and Żaklina talked.")
    ask_for_it(long)
    long.office.reports.service.make_documents()
    assert (item_of(long).state, item_of(long).why, item_of(long).size) == ("failed", "changed", 0)
    assert long.ask(InformationRequestDetail(information_request_id=long.asked)).documents == []


def test_what_is_taken_back_while_a_long_record_is_printed_is_not_given(long: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    long.ready()
    ask_for_it(long)
    print_ = printing_apart.printed

    def meanwhile(*said: Any, **how: Any) -> bytes:
        monkeypatch.setattr(printing_apart, "printed", print_)
        long.ask(TakeBackRedactions(information_request_id=long.asked, note="Think again"), role="deputy_dsl")
        return print_(*said, **how)

    monkeypatch.setattr(printing_apart, "printed", meanwhile)
    long.office.reports.service.make_documents()
    assert (item_of(long).state, item_of(long).why) == ("failed", "changed")
    assert long.ask(InformationRequestDetail(information_request_id=long.asked)).documents == []


def test_who_is_no_dsl_any_more_while_a_long_record_is_made_gives_none(long: Bench) -> None:
    long.ready()
    ask_for_it(long)
    change_roles(long.identity, school=long.school, person=long.school.people["dsl"], roles=["teacher"])
    long.office.reports.service.make_documents()
    assert (item_of(long).state, item_of(long).why) == ("failed", "role")


def test_a_worker_that_ends_over_a_part_of_a_record_leaves_it_to_another_and_the_parts_are_the_same(
    long: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    long.ready()
    ask_for_it(long, "docx")
    print_, calls = printing_apart.printed, list[int]()

    def dies(*said: Any, **how: Any) -> bytes:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return print_(*said, **how)

    monkeypatch.setattr(printing_apart, "printed", dies)
    with pytest.raises(KeyboardInterrupt):
        long.office.reports.service.make_documents()
    assert (item_of(long).state, item_of(long).parts_printed) == ("wanted", 1)
    with clock.set_to(NOW + long_documents.CLAIMED_FOR):
        long.office.reports.service.make_documents()
    assert (item_of(long).state, len(calls)) == ("ready", 3)
    assert not [word for data in parts_of_it(long) for part in parts_of(data).values() for word in SECRETS if word in part]
