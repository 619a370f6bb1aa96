"""What other services did that belongs in the school's audit log stands there, by events: grants, exports, who stands in, unusual reading."""

import datetime as dt
from typing import Any, get_args
from uuid import UUID

import pytest

from gateway import words
from safekeep import inbox
from safekeep.bus import Sealed
from safekeep.contracts.identity import Audit, ExportAudit
from safekeep.contracts.incidents import AuditKind, AuditNoted, ContentDestroyed, DestructionNoted, GlassBroken, RelativeChanged
from safekeep.ids import new_id
from services.identity.service import HANDLERS
from tests.services.identity.office import Office

NOON = dt.datetime(2026, 3, 10, 12, 47, tzinfo=dt.UTC)


def hear(office: Office, event: AuditNoted | ContentDestroyed | DestructionNoted | GlassBroken | RelativeChanged) -> None:
    message = Sealed({"name": event.name, "version": event.version, "event": event.wire()})
    message.header = {"id": str(event.id), "type": event.name}
    inbox.Inbox(engine=office.resources.engine, handlers=HANDLERS).take(message)


def noted(office: Office, **said: Any) -> AuditNoted:
    fields = {"id": new_id(), "at": NOON, "school_id": office.one.id, "subject": new_id(), "sequence": 1}
    return AuditNoted(**(fields | said))


def test_a_line_stands_in_the_schools_log_once_with_when_whose_and_by_whom(office: Office) -> None:
    """However often the event comes; in no other school's; found by kind and by person."""
    event = noted(office, kind="right_granted", person_id=office.teacher.id, by=office.dsl.id, what="safeguarding")
    hear(office, event)
    hear(office, event)
    hear(office, noted(office, kind="exported", by=office.dsl.id, what="export_pupil"))
    for wanted in (Audit(kind="right_granted"), Audit(person_id=office.teacher.id)):
        (line,) = office.ask(wanted, token=office.member("dsl")).items
        assert (line.at, line.kind, line.person_id, line.by) == (NOON, "right_granted", office.teacher.id, office.dsl.id)
        assert line.facts == {"what": "safeguarding"}
    assert {line.kind for line in office.ask(Audit(person_id=office.dsl.id), token=office.member("dsl")).items} == {"right_granted", "exported"}
    elsewhere = office.ask(Audit(), token=office.member("dsl", school=office.two)).items
    assert not {line.kind for line in elsewhere} & {"right_granted", "exported"}


def test_that_the_trust_has_opened_a_record_stands_in_the_schools_log(office: Office) -> None:
    fields = {"id": new_id(), "at": NOON, "school_id": office.one.id, "subject": new_id(), "sequence": 1}
    hear(office, GlassBroken(**fields, incident_id=new_id(), by=office.teacher.id))
    (line,) = office.ask(Audit(kind="glass_broken"), token=office.member("dsl")).items
    assert (line.at, line.by, line.facts) == (NOON, office.teacher.id, {})
    assert line.kind in words.AUDIT


def test_that_two_people_had_content_destroyed_stands_in_the_log_with_both_of_them(office: Office) -> None:
    fields = {"id": new_id(), "at": NOON, "school_id": office.one.id, "subject": new_id(), "sequence": 1}
    hear(office, ContentDestroyed(**fields, incident_id=new_id(), entries=3, proposed_by=office.teacher.id, by=office.dsl.id))
    (line,) = office.ask(Audit(kind="content_destroyed"), token=office.member("dsl")).items
    assert (line.at, line.person_id, line.by) == (NOON, office.teacher.id, office.dsl.id)
    assert line.kind in words.AUDIT


@pytest.mark.parametrize("outcome", ["proposed", "kept"])
def test_that_destruction_was_proposed_or_content_kept_stands_in_the_log(office: Office, outcome: Any) -> None:
    fields = {"id": new_id(), "at": NOON, "school_id": office.one.id, "subject": new_id(), "sequence": 1}
    hear(office, DestructionNoted(**fields, incident_id=new_id(), outcome=outcome, proposed_by=office.teacher.id, by=office.dsl.id))
    (line,) = office.ask(Audit(kind=f"destruction_{outcome}"), token=office.member("dsl")).items
    assert (line.at, line.person_id, line.by) == (NOON, office.teacher.id if outcome == "kept" else None, office.dsl.id)
    assert line.kind in words.AUDIT


def test_whose_parent_somebody_counts_as_stands_in_the_log_once_and_that_it_ended_too(office: Office) -> None:
    """With who said so, or nobody for an import; found by whom it is about; the pupil by their id; in no other school's log."""
    pupil = new_id()
    for by, entered in ((office.dsl.id, True), (None, False)):
        fields = {"id": new_id(), "at": NOON, "school_id": office.one.id, "subject": new_id(), "sequence": 1}
        event = RelativeChanged(**fields, pupil_id=pupil, person_id=office.teacher.id, by=by, entered=entered)
        hear(office, event)
        hear(office, event)
    lines = office.ask(Audit(person_id=office.teacher.id), token=office.member("dsl")).items
    assert {(line.at, line.kind, line.by, line.facts["pupil"]) for line in lines if "pupil" in line.facts} == {
        (NOON, "relative_entered", office.dsl.id, str(pupil)),
        (NOON, "relative_ended", None, str(pupil)),
    }
    assert [line.kind for line in office.ask(Audit(kind="relative_ended"), token=office.member("dsl")).items] == ["relative_ended"]
    assert {line.kind for line in lines if "pupil" in line.facts} <= words.AUDIT.keys()
    assert office.ask(Audit(kind="relative_entered"), token=office.member("dsl", school=office.two)).items == []


def test_a_dsl_whose_child_it_is_does_not_learn_from_the_log_whom_a_colleague_entered_for_it(office: Office) -> None:
    """Nor by export, by kind or by person; their own tie they see. Of other pupils they see all, and once it is no child of theirs, of this one too."""
    child, other, deputy, minutes = new_id(), new_id(), new_id(), iter(range(60))
    reads = {"dsl": office.dsl.id, "deputy_dsl": deputy}

    def tie(pupil: UUID, person: UUID, *, by: UUID | None, entered: bool = True) -> None:
        fields = {"id": new_id(), "at": NOON + dt.timedelta(minutes=next(minutes)), "school_id": office.one.id, "subject": new_id(), "sequence": 1}
        hear(office, RelativeChanged(**fields, pupil_id=pupil, person_id=person, by=by, entered=entered))

    def lines(role: str, wanted: Audit | ExportAudit) -> list[tuple[str, UUID | None, str]]:
        items = office.ask(wanted, token=office.member(role, person=reads[role])).items
        return sorted((line.kind, line.person_id, line.facts["pupil"]) for line in items if "pupil" in line.facts)

    tie(child, office.teacher.id, by=deputy)  # before it was known whose child it is
    tie(child, office.dsl.id, by=None)
    tie(other, office.teacher.id, by=deputy)
    own, before, elsewhere = (
        ("relative_entered", person.id, str(pupil)) for person, pupil in ((office.dsl, child), (office.teacher, child), (office.teacher, other))
    )
    for wanted in (Audit(), ExportAudit(), Audit(kind="relative_entered")):
        assert lines("dsl", wanted) == sorted([own, elsewhere])
        assert lines("deputy_dsl", wanted) == sorted([own, before, elsewhere]), "others see who was entered, for whom"
    assert lines("dsl", Audit(person_id=office.teacher.id)) == [elsewhere]
    tie(child, office.teacher.id, by=deputy, entered=False)
    assert ("relative_ended", office.teacher.id, str(child)) not in lines("dsl", Audit())
    tie(child, office.dsl.id, by=None, entered=False)
    assert len(lines("dsl", Audit())) == 5


@pytest.mark.parametrize("kind", get_args(AuditKind))
def test_every_kind_of_line_has_its_words(kind: str) -> None:
    assert kind in words.AUDIT
