"""A record before it is given: read with the asker's own rights, decided by one person, confirmed by another, made, and entered in the ledger."""

import datetime as dt
import hashlib
import io
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import docx
import pytest
import sqlalchemy as sa

from safekeep import clock
from safekeep.contracts.incidents import AddAction, Alert, LinkedPupil
from safekeep.contracts.reports import (
    Addition,
    CheckIdentity,
    CloseRequest,
    ConfirmRedactions,
    Document,
    EnterRequest,
    InformationRequestDetail,
    KeepRedactions,
    ProposeRedactions,
    RecordPage,
    RecordPageAnswer,
    RecordText,
    RedactedRecord,
    Redaction,
    TakeBackRedactions,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, StorageError
from safekeep.ids import new_id
from safekeep.rpc import Resources
from services.reports.service import disclosures
from tests.identity_beside import change_roles, identity_beside
from tests.make import a_record, create_pupil
from tests.services.reports.test_governors import Office
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
    bench.ready()
    file = bench.give(form)
    assert bench.give(form) == file, "the same record is the same file"
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
