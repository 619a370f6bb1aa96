"""Content lawfully destroyed: one DSL proposes it, a second decides, and the chain still verifies. Nothing else takes a word away."""

import datetime as dt
import json
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa

from safekeep import receipts
from safekeep.body.marks import BodyMap
from safekeep.contracts.incidents import (
    AddAction,
    AddCorrection,
    Alert,
    AskCorrection,
    BlockFile,
    Chronology,
    DecideDestruction,
    DecideFile,
    Details,
    Export,
    History,
    Incident,
    LinkedPupil,
    Paper,
    PermitFile,
    ProposeDestruction,
    Releases,
)
from safekeep.errors import Conflict, NotAllowed, NotFound
from safekeep.ids import new_id
from safekeep.keys import Keys
from safekeep.permissions import Role
from safekeep.proof.export import STAYS
from safekeep.proof.verify import sentences
from services.incidents.keeper import exporting, summary
from tests.make import create_person, create_pupil
from tests.services.incidents.test_body_maps import DRAWN
from tests.services.incidents.test_proof import Office, both, keeper, office, read, shown

__all__ = ["keeper", "office"]

SECRET = "Qwxz said what nobody may keep"
LAW = "Order of the County Court at Made-Up, claim 7"


def propose(office: Office, entry: UUID, *, incident: UUID | None = None, role: str = "dsl", **more: Any) -> Any:
    said = {"id": new_id(), "incident_id": incident or office.incident, "entry_id": entry, "basis": "order", "law": LAW, "reason": "It was false"}
    who = {"person": more.pop("person")} if "person" in more else {}
    return office.desk.ask(ProposeDestruction(**(said | more)), role=role, **who)


def decide(office: Office, proposed: Any, decision: str = "destroy", *, role: str = "deputy_dsl", **who: Any) -> None:
    office.desk.ask(DecideDestruction(destruction_id=proposed.id, decision=decision, reason="Read against the order"), role=role, **who)


def everything(office: Office) -> str:
    """Return every row of every table of the database, as text: what is not in it is not kept."""
    with psycopg.connect(office._admin, dbname=office._database) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        rows = [connection.execute(psycopg.sql.SQL("select t::text from {} t").format(psycopg.sql.Identifier(name))).fetchall() for (name,) in tables]
    return "\n".join(text for found in rows for (text,) in found).replace(SECRET.encode().hex(), SECRET)  # also in an export's bytes


@pytest.fixture
def told(office: Office, keys_folder: Path) -> tuple[UUID, UUID, UUID]:
    """An incident with a file, a body map, the child's words marked, a correction, a request for one, and a referral whose outcome was known: its id, the action's and the file's."""
    desk = office.desk
    other = create_pupil(resources=desk.resources, school=desk.school, name="Jonah Made-Up")
    file = new_id()
    receipt = receipts.Receipt(file, "ab" * 32, 9, "image/jpeg", desk.school.people["teacher"], desk.school.id)
    signed = receipts.sign_receipt(keys=Keys.load(keys_folder / "process" / "files.json"), receipt=receipt)
    linked = [LinkedPupil(pupil_id=other, part="witness", initials="JM")]
    drawn = {"body_map_id": new_id(), "body_map": BodyMap(age="younger", marks=[DRAWN.marks[0].model_copy(update={"said": SECRET})])}
    said = {"narrative": SECRET, "action_taken": SECRET, "place": SECRET, "child_words": [SECRET]}
    office.incident = desk.record(linked_pupils=linked, receipts=[signed], **said, **drawn).id
    office.other = other
    request = AskCorrection(id=new_id(), entry_id=office.incident, text=SECRET)
    desk.ask(request, role="teacher")
    fix = AddCorrection(id=new_id(), incident_id=office.incident, entry_id=office.incident, reason=SECRET, should_say=SECRET)
    desk.ask(fix, role="dsl")
    details = Details(kind="referral", to="Children’s services", at=dt.datetime.now(dt.UTC), outcome=SECRET)
    action = AddAction(id=new_id(), incident_id=office.incident, text=SECRET, details=details, alert=Alert())
    desk.ask(action, role="dsl")
    desk.record(narrative="Another day")
    return office.incident, action.id, file


def test_two_people_destroy_it_and_the_chain_the_export_and_the_self_check_hold(
    office: Office, told: tuple[UUID, UUID, UUID], service_token_for: Any
) -> None:
    """No table holds a word or a salt of it afterwards; that it was there, by whom, when and of whom stays, and counts are as they were."""
    incident, _, file = told
    desk = office.desk
    held = office.sign()
    assert office.whole() == []
    before = desk.ask(Incident(incident_id=incident), role="dsl")
    counting = service_token_for("reports", desk.school.id)
    counted = desk._ask(desk.service, History(), token=counting).items
    made = office.begin()
    office.step()
    office.step()
    assert office.state(made.id) == "ready"
    assert SECRET in everything(office)

    proposed = propose(office, incident)
    assert {*proposed.entry_ids} == {entry.id for entry in before.entries}, "of the first entry: all of the incident"
    assert desk.ask(Incident(incident_id=incident), role="teacher").entries[0].text == before.entries[0].text == SECRET, (
        "nothing goes before a second decides"
    )
    with pytest.raises(NotAllowed, match="own_proposal"):
        decide(office, proposed, role="dsl")
    assert SECRET in everything(office)
    for _ in range(2):
        decide(office, proposed)
    assert SECRET not in everything(office)
    assert "abababab" not in everything(office), "nor what its file hashed to"

    after = desk.ask(Incident(incident_id=incident), role="dsl")
    assert after.facts is None
    assert [entry.text for entry in after.entries] == [""] * len(after.entries)
    people = desk.school.people
    for entry in after.entries:
        assert entry.destroyed is not None
        assert (entry.destroyed.basis, entry.destroyed.law) == ("order", LAW)
        assert (entry.destroyed.proposed_by, entry.destroyed.by) == (people["dsl"], people["deputy_dsl"])
    same = ("id", "kind", "author_id", "author_name", "recorded_at", "ledger_sequence", "entry_hash", "class_code")
    assert [[getattr(e, n) for n in same] for e in after.entries] == [[getattr(e, n) for n in same] for e in before.entries]
    assert after.categories == before.categories
    lines = desk.ask(Chronology(pupil_id=desk.pupil), role="dsl").items
    assert [bool(line.destroyed) for line in lines if line.incident_id == incident] == [True] * 3
    assert desk._ask(desk.service, History(), token=counting).items == counted, "counts made anew are the same"
    with pytest.raises(Conflict, match="file_destroyed"):
        desk.ask(PermitFile(file_id=file), role="teacher")
    assert _said(office, "incidents.file.decided") == [{"file_id": str(file), "decision": "destroy"}]
    assert [body["entries"] for body in _bodies(office, "incidents.audit.content_destroyed")] == [3]

    assert office.new() == []
    assert office.whole() == []
    answer = desk.ask(Export(id=made.id), role="dsl")
    assert (answer.item.state, answer.item.again, answer.parts, answer.files) == ("over", True, [], [])
    for scope, of, numbers in (("school", desk.school.id, "1, 2, 3"), ("pupil", desk.pupil, "1, 2, 3"), ("incident", incident, "1, 2, 3")):
        path = office.export(scope=scope, scope_id=of)
        report = both(path, witnessed=[held])
        assert report.ok, sentences(report)
        assert {*report.facts["destroyed"]} == {1, 2, 3}
        assert report.facts["withheld"] == 0
        assert any(f"What entry {numbers} said was destroyed by two people's decision" in said for said in sentences(report))
        assert SECRET.encode() not in b"".join(read(path, name) for name in ("entries.jsonl", "names.json"))
    (said,) = [line for line in shown(path) if json.loads(line["entry"])["kind"] == "destroyed"]
    assert {name: value for name, (_, value) in said["fields"].items()} == {
        "destruction": str(proposed.id),
        "sequences": [1, 2, 3],
        "files": [str(file)],
        "basis": "order",
        "law": LAW,
        "reason": "It was false",
        "proposed_by": str(people["dsl"]),
        "decided": "Read against the order",
    }
    with pytest.raises(Conflict, match="destroyed"):
        propose(office, incident)
    with pytest.raises(Conflict, match="destroyed"):
        desk.ask(AddCorrection(id=new_id(), incident_id=incident, entry_id=incident, reason="R", should_say="S"), role="dsl")


def test_an_export_made_before_a_file_in_it_was_blocked_has_to_be_made_again(office: Office, told: tuple[UUID, UUID, UUID]) -> None:
    incident, _, file = told
    made = office.begin(scope="incident", scope_id=incident)
    office.step()
    office.step()
    before = office.desk.ask(Export(id=made.id), role="dsl")
    assert (before.item.state, before.item.again, before.files) == ("ready", False, [file])
    office.desk.ask(BlockFile(file_id=file, reason="Not to be seen"), role="deputy_dsl")
    after = office.desk.ask(Export(id=made.id), role="dsl")
    assert (after.item.state, after.item.again, after.parts, after.files) == ("over", True, [], [])
    office.desk.ask(DecideFile(file_id=file, decision="give_back", reason="A mistake"), role="dsl")
    assert office.desk.ask(Export(id=made.id), role="dsl").files == [file], "given back, it is in it as it was"


def test_an_export_being_made_meanwhile_keeps_nothing_of_it(office: Office, told: tuple[UUID, UUID, UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    """The decision waits for one that is nearly made, and ends it; nobody's recording waits with it."""
    made, proposed = office.begin(), propose(office, told[0])
    thread = threading.Thread(target=decide, args=(office, proposed))
    write = summary.pdf

    def held(content: Any) -> bytes:
        thread.start()
        thread.join(1)
        assert thread.is_alive(), "it waits"
        office.desk.record(narrative="Meanwhile")
        return write(content)

    monkeypatch.setattr(summary, "pdf", held)
    office.step()
    thread.join()
    assert SECRET not in everything(office)
    office.step()
    answer = office.desk.ask(Export(id=made.id), role="dsl")
    assert (answer.item.state, answer.item.again, answer.parts) == ("over", True, [])


def test_an_export_begun_before_it_was_destroyed_reads_the_record_again(
    office: Office, told: tuple[UUID, UUID, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, proposed, permitted = office.begin(), propose(office, told[0]), exporting._permitted
    undecided = [proposed]

    def late(keeper: Any, row: Any) -> Any:
        while undecided:
            decide(office, undecided.pop())
        return permitted(keeper, row)

    monkeypatch.setattr(exporting, "_permitted", late)
    for _ in range(3):
        office.step()
    assert undecided == []
    assert SECRET not in everything(office)
    assert both(office.fetch(made.id)).ok


def test_an_export_that_was_overtaken_is_ended_by_the_process_too(office: Office, told: tuple[UUID, UUID, UUID]) -> None:
    made = office.begin()
    office.step()
    held = everything(office)
    decide(office, propose(office, told[0]))
    office.superuser("update exports set state = 'wanted'", "insert into export_pieces select school_id, id, 1, 'p', '' from exports")
    assert SECRET in held
    office.step()
    assert office.state(made.id) == "over"
    with office.desk.resources.transaction(office.desk.resources.engine, **office.here) as tx:
        assert tx.execute(sa.text("select count(*) from export_pieces")).scalar() == 0


@pytest.mark.parametrize(("by", "named"), [("teacher", None), ("dsl", ("dsl", "deputy_dsl")), ("deputy_dsl", ("deputy_dsl", "dsl"))])
def test_a_file_that_was_blocked_before_keeps_the_name_of_who_blocked_it(
    office: Office, told: tuple[UUID, UUID, UUID], by: str, named: tuple[str, str] | None
) -> None:
    """And it is two people's decision whoever of the two had blocked it; unblocked, it goes by the proposal."""
    incident, _, file = told
    if named:
        office.desk.ask(BlockFile(file_id=file, reason="Not to be seen"), role=by)
    decide(office, propose(office, incident))
    people = office.desk.school.people
    with office.desk.resources.transaction(office.desk.resources.engine, **office.here) as tx:
        row = tx.execute(sa.text("select blocked_by, decided_by, decision from file_blocks")).one()
    assert tuple(row) == (*(people[role] for role in named or ("dsl", "deputy_dsl")), "destroy")


def test_a_file_that_was_destroyed_before_is_not_destroyed_again(office: Office, told: tuple[UUID, UUID, UUID]) -> None:
    incident, _, file = told
    office.desk.ask(BlockFile(file_id=file, reason="Not to be seen"), role="deputy_dsl")
    office.desk.ask(DecideFile(file_id=file, decision="destroy", reason="The police asked"), role="dsl")
    decide(office, propose(office, incident))
    assert len(_said(office, "incidents.file.decided")) == 1
    path = office.export(scope="incident", scope_id=incident)
    (said,) = [line for line in shown(path) if json.loads(line["entry"])["kind"] == "destroyed"]
    assert said["fields"]["files"][1] == []


def test_a_proposal_and_that_it_is_kept_are_lines_of_the_audit_log(office: Office, told: tuple[UUID, UUID, UUID]) -> None:
    people = office.desk.school.people
    decide(office, propose(office, told[0]), "keep")
    lines = [(body["outcome"], body["by"], body["proposed_by"]) for body in _bodies(office, "incidents.audit.destruction_noted")]
    assert lines == [("proposed", str(people["dsl"]), str(people["dsl"])), ("kept", str(people["deputy_dsl"]), str(people["dsl"]))]


def test_what_was_written_on_paper_and_the_line_to_whoever_was_let_go_are_destroyed_too(office: Office, keys_folder: Path) -> None:
    desk = office.desk
    keys = Keys.load(keys_folder / "process" / "files.json")
    receipt = receipts.Receipt(new_id(), "ab" * 32, 9, "image/jpeg", desk.school.people["dsl"], desk.school.id)
    scan = receipts.sign_receipt(keys=keys, receipt=receipt)
    coach = desk.school.people["sports_coach"]
    at = dt.datetime.now(dt.UTC) - dt.timedelta(hours=3)
    paper = Paper(writer_id=None, writer=SECRET, writer_role=SECRET, written_at=at, handed_in_at=at)
    asked = {"receipts": [scan], "paper": paper, "occurred_at": at, "category_codes": ["behaviour"], "alert": Alert(staff_ids=[coach])}
    incident = desk.record(role="dsl", narrative=SECRET, **asked).id
    action = AddAction(id=new_id(), incident_id=incident, text="Raised.", category_codes=["child_protection"], alert=Alert(), release_line=SECRET)
    desk.ask(action, role="dsl")
    assert [item.line for item in desk.ask(Releases(), role="sports_coach").items] == [SECRET]
    decide(office, propose(office, incident, incident=incident))
    assert SECRET not in everything(office)
    assert [item.line for item in desk.ask(Releases(), role="sports_coach").items] == [""]
    assert office.whole() == []
    assert both(office.export()).ok


def test_one_entry_goes_and_the_others_stay(office: Office, told: tuple[UUID, UUID, UUID]) -> None:
    incident, action, file = told
    decide(office, propose(office, action, basis="retention", law="Records policy 4.2"))
    after = office.desk.ask(Incident(incident_id=incident), role="dsl")
    assert [bool(entry.destroyed) for entry in after.entries] == [False, False, True]
    assert after.facts is not None
    assert after.facts.place == SECRET
    assert after.may_destroy
    office.desk.ask(PermitFile(file_id=file), role="teacher")
    assert office.whole() == []
    assert propose(office, incident).entry_ids == [entry.id for entry in after.entries[:2]]


def test_what_was_added_since_it_was_proposed_is_not_destroyed_with_it(office: Office, told: tuple[UUID, UUID, UUID]) -> None:
    """It is proposed anew; one may keep it, the one who proposed it too; and a decision stands."""
    incident, action, _ = told
    proposed = propose(office, incident)
    with pytest.raises(Conflict, match="destruction_proposed"):
        propose(office, action)
    office.desk.ask(AddAction(id=new_id(), incident_id=incident, text="Something new", alert=Alert()), role="dsl")
    with pytest.raises(Conflict, match="changed_since"):
        decide(office, proposed)
    for _ in range(2):
        decide(office, proposed, "keep", role="dsl")
    with pytest.raises(Conflict, match="destruction_decided"):
        decide(office, proposed)
    assert SECRET in everything(office)
    assert office.desk.ask(Incident(incident_id=incident), role="dsl").destructions == []
    assert office.whole() == []
    again = propose(office, incident)
    assert [each.id for each in office.desk.ask(Incident(incident_id=incident), role="deputy_dsl").destructions] == [again.id]
    assert office.desk.ask(Incident(incident_id=incident), role="teacher").destructions == []
    decide(office, again)
    assert SECRET not in everything(office)
    assert "Something new" not in everything(office)


def test_who_may_not_read_it_proposes_and_decides_nothing(office: Office, told: tuple[UUID, UUID, UUID]) -> None:
    incident, *_ = told
    desk = office.desk
    parent = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    create_pupil(resources=desk.resources, school=desk.school, id=office.other, relatives=(parent,))
    with pytest.raises(NotFound):
        propose(office, incident, person=parent)
    with pytest.raises(NotFound):
        propose(office, new_id())
    proposed = propose(office, incident)
    for decision in ("destroy", "keep"):
        with pytest.raises(NotFound):
            decide(office, proposed, decision, role="dsl", person=parent)
    for role in ("teacher", "slt", "governor", "trust_it"):
        with pytest.raises(NotAllowed):
            propose(office, incident, role=role)
        with pytest.raises(NotAllowed):
            decide(office, proposed, role=role)
    said: dict[str, Any] = {"id": proposed.id, "law": "Another order"}
    with pytest.raises(Conflict, match="other_content"):
        propose(office, incident, **said)
    assert SECRET in everything(office)


WITHOUT_A_DECISION = {
    "the words": "update entries set text = '', fingerprint = '', files = '[]', facts = '{}' where ledger_sequence = 1",
    "the salts": "update ledger_openings set openings = jsonb_set(openings, '{fields}', '{}') where sequence = 1",
}


@pytest.mark.parametrize("role", ["service", "owner"])
def test_the_database_takes_nothing_away_without_two_peoples_decision(office: Office, told: Any, role: str, postgres: Any) -> None:
    """Nor more than was decided, nor anything in its place: also to the owner of the tables."""
    urls = postgres.urls("incidents", office._database)
    url = urls["INCIDENTS_DATABASE_URL" if role == "service" else "INCIDENTS_OWNER_DATABASE_URL"]
    proposed = propose(office, told[0])
    words, salts = WITHOUT_A_DECISION["the words"], WITHOUT_A_DECISION["the salts"]
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        connection.execute("select set_config('safekeep.school_id', %s, false)", (str(office.desk.school.id),))

        def refused(*statements: str) -> None:
            *before, last = statements
            with connection.transaction(force_rollback=True):
                for statement in before:
                    connection.execute(statement)
                with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                    connection.execute(last)

        named = f"insert into destroyed select school_id, 1, entry_id, id, false from destructions where id = '{proposed.id}'"
        refused(words)
        refused(salts)
        refused(named)
        columns = "incident_id, entry_id, entry_ids, basis, law, reason, proposed_by, proposed_at, as_of"
        new = f"insert into destructions (school_id, id, {columns}, {{}}) select school_id, gen_random_uuid(), {columns}, {{}} from destructions"
        refused(new.format("decision, decided_by, decided_at, sequence", "'destroy', gen_random_uuid(), now(), 9"))
        refused(new.format("decided_by", "gen_random_uuid()"))
        refused("update destructions set decided_by = gen_random_uuid()")
        refused("update destructions set decision = 'destroy', decided_at = now()")
        refused("update destructions set law = 'None'")
        with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
            connection.execute("update destructions set decision = 'destroy', decided_by = proposed_by, decided_at = now()")
        connection.rollback()
        decide(office, proposed)
        connection.execute("select set_config('safekeep.school_id', %s, false)", (str(office.desk.school.id),))
        for entry in ("entry_id", "(select id from entries where ledger_sequence = 4)", "gen_random_uuid()"):
            more = f"insert into destroyed select school_id, 4, {entry}, id, false from destructions where decision = 'destroy'"
            refused(more)
        refused(words.replace("= 1", "= 4"))
        refused(salts.replace("= 1", "= 4"))
        for changed in ("decision = 'keep'", "decided_by = gen_random_uuid()", "decided_why = 'R'", "sequence = 1", "decision = null", "law = 'L'"):
            refused(f"update destructions set {changed}")
        refused("update destructions set entry_ids = entry_ids || (select id from entries where ledger_sequence = 4)")
        refused("update entries set text = 'Something else' where ledger_sequence = 1")
        refused("update entries set author_name = '' where ledger_sequence = 1")
        refused("update ledger_openings set openings = jsonb_set(openings, '{pupils}', '[]') where sequence = 1")
        refused("delete from destroyed")
        refused("delete from destructions")


TAMPERINGS = {
    "destroy what nobody decided about": (
        WITHOUT_A_DECISION["the words"].replace("= 1", "= 4"),
        WITHOUT_A_DECISION["the salts"].replace("= 1", "= 4"),
    ),
    "and say that it was decided": (
        WITHOUT_A_DECISION["the words"].replace("= 1", "= 4"),
        WITHOUT_A_DECISION["the salts"].replace("= 1", "= 4"),
        "insert into destroyed select school_id, 4, entry_id, destruction_id, false from destroyed where sequence = 1",
    ),
    "destroy the salts alone": (
        "update ledger_openings set openings = jsonb_set(openings, '{fields}', (select jsonb_object_agg(key, value) "
        f"from jsonb_each(openings -> 'fields') where key = any('{{{','.join(STAYS)}}}'))) where sequence = 4",
        "insert into destroyed select school_id, 4, entry_id, destruction_id, false from destroyed where sequence = 1",
    ),
    "write into its place": ("update entries set text = 'Nothing happened' where ledger_sequence = 1",),
    "say that another decided it": ("update destructions set decided_by = gen_random_uuid()",),
    "say that another law was the ground": ("update destructions set law = 'None'",),
    "take the decision away": ("delete from destroyed", "delete from destructions"),
    "and say so at a place where the ledger says it of others": (
        WITHOUT_A_DECISION["the words"].replace("= 1", "= 4"),
        WITHOUT_A_DECISION["the salts"].replace("= 1", "= 4"),
        "insert into destructions select school_id, gen_random_uuid(), incident_id, entry_id, entry_ids, basis, law, reason, proposed_by, "
        "proposed_at, as_of, decided_by, decided_at, decision, decided_why, sequence from destructions",
        "insert into destroyed select school_id, 4, entry_id, id, false from destructions where id not in (select destruction_id from destroyed)",
    ),
}
OF_THE_DECISION_ALONE = {"say that another decided it", "say that another law was the ground"}
"""An export tells of a decision from the ledger alone, as it was: what the tables say of it is held against that by the self-check."""


@pytest.mark.parametrize("what", TAMPERINGS)
def test_what_was_not_destroyed_so_is_found(office: Office, told: Any, what: str) -> None:
    decide(office, propose(office, told[0]))
    assert office.whole() == []
    office.superuser(*TAMPERINGS[what])
    assert office.whole()
    report = both(office.export())
    assert report.ok is (what in OF_THE_DECISION_ALONE), sentences(report)
    assert report.ok or any(f.number in (1, 4) for f in report.findings)


def _bodies(office: Office, name: str) -> list[dict[str, Any]]:
    with office.desk.resources.transaction(office.desk.resources.engine, **office.here) as tx:
        return list(tx.execute(sa.text("select body from outbox where name = :name order by id"), {"name": name}).scalars())


def _said(office: Office, name: str) -> list[dict[str, Any]]:
    return [{key: body[key] for key in ("file_id", "decision")} for body in _bodies(office, name)]
