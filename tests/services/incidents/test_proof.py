"""The ledger's process: heads, witnesses, exports, the self-check. What the database's superuser does to a record is found."""

import datetime as dt
import importlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import psycopg
import pydantic
import pytest
import sqlalchemy as sa

from safekeep import clock, database, permissions
from safekeep.contracts.files import FileReceipt
from safekeep.contracts.incidents import (
    AddAction,
    AddCorrection,
    Alert,
    AnswerAsk,
    AssignPupil,
    BeginExport,
    Chronology,
    Details,
    EndWitness,
    EnterDocument,
    Export,
    ExportPiece,
    Incident,
    KeepWitness,
    LiftRestriction,
    LinkedPupil,
    OpenAsks,
    Proof,
    Pupil,
    Restrict,
    SetFlag,
    SetRelatives,
    SetStatus,
    WitnessedHead,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound
from safekeep.ids import new_id
from safekeep.keys import Keys
from safekeep.permissions import Role
from safekeep.proof import chain, export, heads
from safekeep.proof.verify import Report, sentences, verify
from services.incidents import sealing, store
from services.incidents.keeper import Keeper, checking
from services.incidents.keeper import __main__ as process
from services.incidents.keeper import heads as signing
from tests.identity_beside import change_roles, identity_beside, join
from tests.make import create_person, create_pupil
from tests.services.incidents.desk import Desk
from tests.unit.safekeep import second_verifier


@pytest.fixture
def keeper(desk: Desk, keys_folder: Path, tmp_path: Path) -> Any:
    settings = desk.resources.settings
    made = Keeper(
        keys=Keys.load(keys_folder / "process" / "ledger.json"),
        engine=database.engine(settings.database_url, snapshot=True),
        worker_engine=database.engine(settings.worker_database_url),
        folder=tmp_path / "ledger",
    )
    yield made
    made.engine.dispose()
    made.worker_engine.dispose()


@pytest.fixture
def office(desk: Desk, keeper: Keeper, postgres: Any, tmp_path: Path, resources: Any) -> "Office":
    return Office(desk, keeper, postgres.admin, tmp_path, resources)


_kept: dict[str, Any] = {}  # the filled record of this worker, to be copied


class Office:
    """A school with a small record of every kind of entry, its ledger's process, and the database's superuser."""

    def __init__(self, desk: Desk, keeper: Keeper, admin: str, folder: Path, resources: Any) -> None:
        self.desk, self.keeper, self.folder, self._resources = desk, keeper, folder, resources
        self._admin, self._database = admin, str(sa.make_url(desk.resources.settings.database_url).database)
        self.here = {"school_id": desk.school.id}

    def fill(self) -> "Office":
        """Two pupils' incidents, an action that raises, a correction, a grant, a flag: ten entries. Made once, then copied."""
        if "filled" in _kept:
            self._take_over(_kept["filled"])
            self.desk.school, self.desk.pupil, self.other, self.incident, self.asked = _kept["ids"]
            self.here = {"school_id": self.desk.school.id}
            return self
        desk = self.desk
        self.other = create_pupil(resources=desk.resources, school=desk.school, name="Jonah Made-Up")
        self.incident = desk.record(linked_pupils=[LinkedPupil(pupil_id=self.other, part="witness", initials="JM")]).id
        desk.record(pupil_id=self.other, category_codes=["behaviour"], alert=Alert(groups=["slt"]))
        action = AddAction(id=new_id(), incident_id=self.incident, text="Rang the mother.", category_codes=["child_protection"], alert=Alert())
        desk.ask(action, role="dsl")
        desk.ask(AddCorrection(id=new_id(), incident_id=self.incident, entry_id=self.incident, reason="A slip", should_say="Nan"), role="dsl")
        asked = desk.record(category_codes=["safeguarding_concern"], alert=Alert(ask_dsl=[desk.school.people["pastoral"]]))
        self.asked = asked.id
        ask = next(a for a in desk.ask(OpenAsks(), role="dsl").items if a.incident_id == asked.id)
        desk.ask(AnswerAsk(ask_id=ask.id, accept=True, reason="They run the club"), role="dsl")
        flag = SetFlag(id=new_id(), pupil_id=desk.pupil, kind="child_in_need", started=dt.date(2026, 1, 5), note="Reviewed in May")
        desk.ask(flag, role="dsl")
        for _ in range(3):
            desk.record()
        _kept.update(filled=self.copy(), ids=(desk.school, desk.pupil, self.other, self.incident, self.asked))
        return self

    def copy(self) -> str:
        """Copy the database as it is, as a backup would. Returns the copy's name."""
        name = f"{self._database}_{len(_kept)}"
        self._on_server("create database {} template {}", name, self._database)
        return name

    def put_back(self, backup: str) -> None:
        """Replace the database by a backup."""
        self._on_server("drop database {}", self._database)
        self._on_server("alter database {} rename to {}", backup, self._database)

    def _take_over(self, template: str) -> None:
        self._on_server("drop database {}", self._database)
        self._on_server("create database {} template {}", self._database, template)

    def _on_server(self, statement: str, *names: str) -> None:
        for engine in (self.keeper.engine, self.keeper.worker_engine, self.desk.resources.engine, self.desk.resources.worker_engine):
            engine.dispose()
        with psycopg.connect(self._admin, autocommit=True) as server:
            server.execute(psycopg.sql.SQL(statement).format(*map(psycopg.sql.Identifier, names)))

    def superuser(self, *statements: str, **values: Any) -> None:
        """Do as the database's superuser: no right, no policy and no trigger stands in the way."""
        with psycopg.connect(self._admin, dbname=self._database) as connection:
            connection.execute("set session_replication_role = replica")
            for statement in statements:
                connection.execute(statement, values or None)

    def sign(self, **more: Any) -> heads.Signed:
        with self.keeper.school(self.desk.school.id) as tx:
            found = signing.sign(self.keeper, tx, **self.here, now=more.pop("now", clock.now()), mails="mailed", **more)
        assert found is not None
        return found[0]

    def whole(self) -> list[Any]:
        return checking.check_whole(self.keeper, **self.here, now=clock.now())

    def new(self) -> list[Any]:
        return checking.check_new(self.keeper, **self.here, now=clock.now())

    def begin(self, *, role: str = "dsl", person: UUID | None = None, **more: Any) -> Any:
        """Ask for an export as a DSL; identity, who is asked by what name, is there from the first on."""
        if not hasattr(self, "identity"):
            self.identity = identity_beside(resources=self._resources("identity"), school=self.desk.school)
            self.desk.service.identity = self.identity  # type: ignore[assignment] - asked as over the bus
        asked = {"id": new_id(), "scope": "school", "scope_id": self.desk.school.id, "reason": "For the court", "school_name": "Hillside Primary"}
        if person:
            join(self.identity, school=self.desk.school, person=person, role=role)
        return self.desk.ask(BeginExport(**(asked | more)), role=role, person=person)

    def step(self) -> None:
        """Incidents asks identity whether who asked may still have it, then the ledger's process takes the step that waits for the word."""
        self.desk.service.get_permits()
        process.do_due(self.keeper, now=clock.now() + dt.timedelta(seconds=1))

    def state(self, export_id: UUID) -> str:
        state: str = self.desk.ask(Export(id=export_id), role="dsl").item.state
        return state

    def export(self, *, scope: str = "school", scope_id: UUID | None = None, role: str = "dsl", **more: Any) -> Path:
        """Ask for an export as a DSL, let the process make it, and fetch it piece by piece."""
        item = self.begin(scope=scope, scope_id=scope_id or self.desk.school.id, role=role, **more)
        self.step()
        self.step()
        return self.fetch(item.id, role=role)

    def fetch(self, export_id: UUID, *, role: str = "dsl") -> Path:
        answer = self.desk.ask(Export(id=export_id), role=role)
        assert answer.item.state == "ready", answer.item.state
        path = self.folder / f"{export_id}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for part in answer.parts:
                data = b"".join(self.desk.ask(ExportPiece(id=export_id, number=n), role=role).data for n in part.pieces)
                archive.writestr(part.name, data)
        return path


def both(path: Path, **more: Any) -> Report:
    """Both implementations, which must agree."""
    report = verify(path, **more)
    second = second_verifier.check(path, [each.wire() for each in more.get("witnessed", ())])
    assert bool(second) is not report.ok, (second, sentences(report))
    return report


def read(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def shown(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in read(path, export.ENTRIES).splitlines()]


# --- append-only by more than manners ----------------------------------------------------------------------------------------

CHANGES = [
    "update ledger set hash = ''",
    "delete from ledger",
    "truncate ledger",
    "update entries set text = 'Nothing happened'",
    "update entries set author_id = id",
    "delete from entries",
    "truncate entries cascade",
    "update ledger_openings set openings = '{}'",
    "delete from ledger_openings",
    "truncate ledger_openings",
    "delete from incidents",
    "truncate incidents cascade",
    "update signed_heads set root = ''",
    "delete from signed_heads",
    "truncate signed_heads",
    "update seals set said = ''",
    "delete from seals",
    "truncate seals cascade",
    "update sealed set digest = ''",
    "delete from sealed",
    "truncate sealed",
    "update rights_taken set taken_at = now()",
    "delete from rights_taken",
    "truncate rights_taken",
    "update destroyed set settled = true",
    "delete from destroyed",
    "truncate destroyed",
    "delete from destructions",
    "truncate destructions cascade",
]


@pytest.mark.parametrize("role", ["service", "worker", "owner"])
def test_no_role_changes_deletes_or_empties_the_record(role: str, office: Office, postgres: Any) -> None:
    office.fill().sign()
    office.desk.reads(office.incident, role="dsl")
    office.new()
    office.superuser(
        "insert into rights_taken select school_id, entry_id, person_id, now() from rights limit 1",
        "insert into destructions (school_id, id, incident_id, entry_id, entry_ids, basis, law, reason, proposed_by, proposed_at, as_of) "
        "select school_id, id, incident_id, id, array[id], 'order', 'L', 'R', author_id, now(), 1 from entries limit 1",
        "insert into destroyed select school_id, 1000, entry_id, id, false from destructions",
    )
    urls = postgres.urls("incidents", office._database)
    url = urls["INCIDENTS_DATABASE_URL" if role == "service" else f"INCIDENTS_{role.upper()}_DATABASE_URL"]
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        connection.execute("select set_config('safekeep.school_id', %s, false)", (str(office.desk.school.id),))
        for table in (
            "ledger",
            "entries",
            "ledger_openings",
            "incidents",
            "signed_heads",
            "seals",
            "sealed",
            "rights_taken",
            "destroyed",
            "destructions",
        ):
            there = psycopg.sql.SQL("select count(*) from {}").format(psycopg.sql.Identifier(table))
            with psycopg.connect(office._admin, dbname=office._database) as superuser:
                assert superuser.execute(there).fetchone() != (0,), f"a trigger for each row needs one in {table}"
        for statement in CHANGES:
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(statement)


# --- what is an entry of the ledger ------------------------------------------------------------------------------------------


def test_everything_that_happens_to_a_record_is_an_entry_that_can_be_opened(office: Office) -> None:
    path = office.fill().export()
    lines = shown(path)
    kinds = [json.loads(line["entry"])["kind"] for line in lines]
    assert kinds == ["incident", "incident", "action", "correction", "incident", "grant", "flag", "incident", "incident", "incident", "disclosure"]
    said = {kind: line["fields"] for kind, line in zip(kinds, lines, strict=True)}
    assert [said["action"][name][1] for name in ("categories", "class", "text")] == [["child_protection"], "protection", "Rang the mother."]
    assert said["grant"]["reason"][1] == "They run the club"
    assert said["flag"]["note"][1] == "Reviewed in May"
    assert [said["disclosure"][name][1] for name in ("scope", "reason")] == ["school", "For the court"]
    assert both(path).ok


def test_what_was_given_to_somebody_has_one_place_in_the_ledger_by_its_hash(office: Office) -> None:
    """Asked again it answers as before; what is not theirs to know of is not there; both verifiers read it."""
    desk = office.fill().desk
    asked = EnterDocument(id=new_id(), kind="pack", sha256="ab" * 32, pupil_ids=[desk.pupil], about={"template": "conference", "entries": "7"})
    sealed = desk.ask(asked, role="dsl")
    assert desk.ask(asked, role="deputy_dsl") == sealed
    for other in ({"sha256": "cd" * 32}, {"kind": "disclosure_pack"}):
        with pytest.raises(Conflict, match="other_content"):
            desk.ask(asked.model_copy(update=other), role="dsl")
    with pytest.raises(NotFound):
        desk.ask(asked.model_copy(update={"id": new_id(), "pupil_ids": [new_id()]}), role="dsl")
    for role in ("slt", "teacher", "governor"):
        with pytest.raises(NotAllowed):
            desk.ask(asked.model_copy(update={"id": new_id()}), role=role)
    with pytest.raises(pydantic.ValidationError):
        EnterDocument(id=new_id(), kind="pack", sha256="ab" * 32, about={"who": "a name with spaces"})

    assert office.whole() == []
    path = office.export(scope="pupil", scope_id=desk.pupil)
    line = next(each for each in shown(path) if json.loads(each["entry"])["kind"] == "pack")
    entry = json.loads(line["entry"])
    assert (entry["seq"], chain.entry_hash(line["entry"].encode())) == (sealed.sequence, sealed.entry_hash)
    assert line["fields"]["sha256"][1] == "ab" * 32
    assert line["fields"]["about"][1] == {"template": "conference", "entries": "7"}
    assert both(path).ok

    about = {"year": "2026", "number": "1", "template": "governors"}
    report = desk.ask(EnterDocument(id=new_id(), kind="report_published", sha256="ef" * 32, about=about), role="dsl")
    path = office.export()
    line = next(each for each in shown(path) if json.loads(each["entry"])["kind"] == "report_published")
    assert chain.entry_hash(line["entry"].encode()) == report.entry_hash, "a published report is verified as it was entered"
    assert line["fields"]["sha256"][1] == "ef" * 32
    assert both(path).ok


def test_an_attachment_is_sealed_by_its_hash_in_the_entry(office: Office, keys_folder: Path) -> None:
    from safekeep.receipts import Receipt, sign_receipt

    desk, file_id = office.desk, new_id()
    files = Keys.load(keys_folder / "process" / "files.json")
    receipt = Receipt(file_id, "ab" * 32, 12, "image/jpeg", desk.school.people["teacher"], desk.school.id)
    assert FileReceipt.model_fields
    desk.record(receipts=[sign_receipt(keys=files, receipt=receipt)])
    line = shown(office.export())[0]
    assert line["fields"][f"file:{file_id}"][1]["sha256"] == "ab" * 32


def test_the_class_it_was_recorded_with_is_shown_where_it_was_raised_later(office: Office) -> None:
    path = office.fill().export(scope="incident", scope_id=office.incident)
    assert [line["fields"]["class"][1] for line in shown(path) if "class" in line["fields"]] == ["safeguarding", "protection", "protection"]
    assert both(path).ok
    assert office.whole() == []


# --- exports -------------------------------------------------------------------------------------------------------------------


def test_a_pupils_export_shows_their_incidents_and_of_others_only_that_they_are_there(office: Office) -> None:
    path = office.fill().export(scope="pupil", scope_id=office.other)
    report = both(path)
    assert report.ok, sentences(report)
    assert report.facts["withheld"] >= 1
    for line in shown(path):
        assert {p["pupil"] for p in line["pupils"]} == {str(office.other)}
        if line["withheld"]:
            assert line["fields"] == {}
            assert line["pupils"][0]["part"] == "witness"
    assert str(office.desk.pupil).encode() not in read(path, export.ENTRIES)
    assert list(json.loads(read(path, export.NAMES))["pupils"]) == [str(office.other)]
    linked = office.export(scope="pupil", scope_id=office.other, with_linked=True)
    assert any(p["part"] == "witness" and line["fields"] for line in shown(linked) for p in line["pupils"])
    assert both(linked).ok


def test_an_incident_that_was_assigned_leaves_the_holding_pupils_export(office: Office) -> None:
    from services.incidents.recording import holding_pupil

    desk = office.desk
    holding = create_pupil(resources=desk.resources, school=desk.school, name="Not listed", id=holding_pupil(desk.school.id), holding=True)
    recorded = desk.record(pupil_id=holding, described_pupil="The tall boy")
    desk.ask(AssignPupil(id=new_id(), incident_id=recorded.id, pupil_id=desk.pupil), role="dsl")
    path = office.export(scope="pupil", scope_id=holding)
    assert both(path).ok
    assert [line["withheld"] for line in shown(path)][:2] == [True, True]
    assert both(office.export(scope="pupil", scope_id=desk.pupil)).ok


def test_the_summary_is_a_readable_pdf(office: Office) -> None:
    from pypdf import PdfReader

    path = office.fill().export(scope="pupil", scope_id=office.desk.pupil)
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(read(path, export.SUMMARY))).pages)
    assert "Sarah Example" in text
    assert "Hillside Primary" in text
    assert "Rang the mother." in text


def test_who_may_not_know_of_it_cannot_export_it(office: Office) -> None:
    desk = office.fill().desk
    parent = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    child = create_pupil(resources=desk.resources, school=desk.school, name="Own Child", relatives=(parent,))
    recorded = desk.record(linked_pupils=[LinkedPupil(pupil_id=child, part="witness", initials="OC")])
    asked: dict[str, Any] = {"id": new_id()}
    for scope, scope_id in (("pupil", child), ("incident", recorded.id), ("pupil", new_id()), ("incident", new_id()), ("school", new_id())):
        with pytest.raises(NotFound):
            office.begin(**asked, scope=scope, scope_id=scope_id, person=parent)
    for role in ("teacher", "slt", "governor", "trust_it", "trust_safeguarding_lead"):
        with pytest.raises(NotAllowed):
            office.begin(**asked, role=role)


def restriction(desk: Desk, entry_id: UUID, **fields: Any) -> Restrict:
    """Keep an entry to the head and the DSL."""
    people = desk.school.people
    about = {"about_id": people["sports_coach"], "keeper_id": people["slt"], "dsl_id": people["dsl"], "reason": "About an adult"}
    return Restrict(id=new_id(), entry_id=entry_id, **about | fields)


def move(desk: Desk, incident_id: UUID, to: UUID) -> AssignPupil:
    return AssignPupil(id=new_id(), incident_id=incident_id, pupil_id=to, from_id=desk.pupil, reason="Wrong pupil")


def test_whom_a_move_calls_in_reads_what_stands_before_it_and_that_is_no_alarm(office: Office) -> None:
    desk = office.fill().desk
    third = create_pupil(resources=desk.resources, school=desk.school, name="Third Made-Up")
    head_of_year = create_person(resources=desk.resources, school=desk.school, role=Role.PASTORAL)
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        groups = [("year_five", [head_of_year], ["year_5"])]
        store.keep_school(tx, school_id=desk.school.id, zone="Europe/London", category_rows=permissions.FIRST_CATEGORIES, group_rows=groups)
    moved = desk.record(category_codes=["welfare"])
    desk.ask(move(desk, moved.id, third), role="dsl")
    assert desk.reads(moved.id, role="pastoral", person=head_of_year) == 2
    assert office.whole() == []


def test_that_something_is_hidden_from_who_asks_is_not_told_by_the_answer(office: Office) -> None:
    """A pupil's record in which an entry is kept to two others, one moved away, one only linked: made as for everybody, and the three look alike."""
    desk = office.fill().desk
    third = create_pupil(resources=desk.resources, school=desk.school, name="Third Made-Up")
    moved = desk.record(narrative="Really about the third.")
    desk.ask(move(desk, moved.id, third), role="dsl")
    desk.record(pupil_id=third, linked_pupils=[LinkedPupil(pupil_id=desk.pupil, part="witness", initials="SE")], narrative="Third's own.")
    hidden = desk.record(narrative="The deputy shouted.")
    desk.ask(restriction(desk, hidden.id, about_id=desk.school.people["deputy_dsl"], reason="About the deputy"), role="dsl")
    path = office.export(scope="pupil", scope_id=desk.pupil, role="deputy_dsl")
    assert both(path).ok
    whole = b"".join(read(path, name) for name in (export.ENTRIES, export.INDEX, export.NAMES))
    for word in (b"The deputy", b"About the deputy", b"restriction", b"Really about", b"Third"):
        assert word not in whole, word
    withheld = [line for line in shown(path) if line["withheld"]]
    assert len(withheld) >= 4
    assert all((line["fields"], [p["pupil"] for p in line["pupils"]]) == ({}, [str(desk.pupil)]) for line in withheld)
    keeper = office.export(scope="pupil", scope_id=desk.pupil)
    assert b"The deputy shouted." in read(keeper, export.ENTRIES)
    assert both(keeper).ok


def test_what_a_correction_took_out_of_sight_is_in_no_export_and_the_proof_holds(office: Office) -> None:
    """The struck name, in the account and in an earlier correction: the DSL still reads it, whoever is given the file does not."""
    from pypdf import PdfReader

    desk = office.fill().desk
    answer = desk.record(narrative="Quentin did it.", action_taken="Rang Quentin's mother.")
    for should_say, hide in (("Q., Quentin that is, did it.", False), ("Another pupil did it.", True), ("Another pupil saw it.", False)):
        fix = AddCorrection(id=new_id(), incident_id=answer.id, entry_id=answer.id, reason="A name", should_say=should_say, hide_earlier=hide)
        desk.ask(fix.model_copy(update={"action_taken": "Rang a mother." if hide else None}), role="dsl")
    for scope, scope_id in (("pupil", desk.pupil), ("incident", answer.id), ("school", desk.school.id)):
        path = office.export(scope=scope, scope_id=scope_id)
        assert both(path).ok, scope
        assert b"Quentin" not in read(path, export.ENTRIES), scope
        for words in (b"Another pupil did it.", b"Another pupil saw it.", b"Rang a mother."):
            assert words in read(path, export.ENTRIES), scope
        assert len([line for line in shown(path) if line["withheld"] and "text" not in line["fields"] and line["fields"]]) == 2
        if scope != "school":
            text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(read(path, export.SUMMARY))).pages)
            text = " ".join(text.split())
            assert "Quentin" not in text
            assert text.count("What it said was taken out of sight by a correction.") == 2
            assert "says what it should say" in text
            assert "Another pupil saw it." in text
    assert office.whole() == []
    assert b"Quentin did it." not in read(office.export(scope="incident", scope_id=answer.id, role="deputy_dsl"), export.ENTRIES)


def test_an_export_with_every_kind_of_correction_in_it_verifies(office: Office) -> None:
    """Corrected, moved, assigned, restricted, given back: of the school, of each pupil, of each incident, by both implementations."""
    from services.incidents.recording import holding_pupil

    desk = office.fill().desk
    third = create_pupil(resources=desk.resources, school=desk.school, name="Third Made-Up")
    holding = create_pupil(resources=desk.resources, school=desk.school, name="Not listed", id=holding_pupil(desk.school.id), holding=True)
    held = desk.record(pupil_id=holding, described_pupil="The tall boy")
    desk.ask(AssignPupil(id=new_id(), incident_id=held.id, pupil_id=desk.pupil), role="dsl")
    desk.ask(move(desk, held.id, third), role="dsl")
    desk.ask(AddCorrection(id=new_id(), incident_id=held.id, entry_id=held.id, reason="R", should_say="S", hide_earlier=True), role="dsl")
    kept = desk.ask(restriction(desk, held.id), role="dsl")
    scopes: list[tuple[str, UUID]] = [("school", desk.school.id), ("incident", held.id)]
    scopes += [("pupil", pupil) for pupil in (desk.pupil, third, holding, office.other)]
    for lifted in (False, True):
        if lifted:
            desk.ask(LiftRestriction(restriction_id=kept.id, reason="A parent"), role="dsl")
        for scope, scope_id in scopes:
            path = office.export(scope=scope, scope_id=scope_id)
            report = both(path)
            assert report.ok, (scope, sentences(report))
            if scope == "pupil" and scope_id in (desk.pupil, holding):
                assert str(held.id) in read(path, export.ENTRIES).decode(), "that there was something, and no word of it"
                assert str(third).encode() not in read(path, export.ENTRIES)
                assert b"Third" not in read(path, export.NAMES)
    assert {"restriction", "restriction_lifted"} <= {line.split()[1] for line in read(office.export(), export.INDEX).decode().splitlines()}
    assert office.whole() == []


def test_of_an_incident_what_is_kept_from_who_asks_is_not_there_at_all(office: Office) -> None:
    desk = office.fill().desk
    action = desk.ask(AddAction(id=new_id(), incident_id=office.incident, text="The coach did it.", alert=Alert()), role="dsl")
    before = len(shown(office.export(scope="incident", scope_id=office.incident, role="deputy_dsl")))
    kept = desk.ask(restriction(desk, action.entry_id), role="dsl")
    path = office.export(scope="incident", scope_id=office.incident, role="deputy_dsl")
    assert both(path).ok
    assert len(shown(path)) == before  # one disclosure more, one action less
    assert b"restriction" not in read(path, export.INDEX)
    assert str(action.entry_id).encode() not in read(path, export.ENTRIES)
    desk.ask(LiftRestriction(restriction_id=kept.id, reason="It was a parent"), role="slt")
    own = office.export(scope="incident", scope_id=office.incident)
    kinds = [line.split()[1] for line in read(own, export.INDEX).decode().splitlines()]
    assert kinds[-5:] == ["disclosure", "restriction", "disclosure", "restriction_lifted", "disclosure"]
    assert both(own).ok
    assert office.whole() == []


def test_the_proof_page_says_nothing_of_what_a_dsl_may_not_know_of(office: Office) -> None:
    """That their own child's record was exported; which incident of their child was found altered."""
    desk = office.fill().desk
    parent = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    child = create_pupil(resources=desk.resources, school=desk.school, name="Own Child", relatives=(parent,))
    recorded = desk.record(pupil_id=child)
    for scope, scope_id in (("pupil", child), ("incident", recorded.id), ("pupil", desk.pupil)):
        office.export(scope=scope, scope_id=scope_id)
    office.superuser("update entries set text = 'Nothing happened' where id = %(id)s", id=recorded.id)
    office.whole()
    theirs, others = desk.ask(Proof(), role="dsl", person=parent), desk.ask(Proof(), role="dsl")
    assert [(len(page.exports), [a.incident_id for a in page.alterations]) for page in (theirs, others)] == [(1, [None]), (3, [recorded.id])]


def test_what_the_asker_may_not_read_is_withheld_from_a_whole_schools_export(office: Office) -> None:
    desk = office.fill().desk
    parent = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    child = create_pupil(resources=desk.resources, school=desk.school, name="Own Child", relatives=(parent,))
    desk.record(pupil_id=child, narrative="What the parent must not read.")
    desk.ask(SetFlag(id=new_id(), pupil_id=child, kind="child_in_need", started=dt.date(2026, 1, 5), note="A note of the child"), role="dsl")
    item = office.begin(person=parent)
    office.step()
    office.step()
    answer = desk.ask(Export(id=item.id), role="dsl", person=parent)
    parts = {
        part.name: b"".join(desk.ask(ExportPiece(id=item.id, number=n), role="dsl", person=parent).data for n in part.pieces) for part in answer.parts
    }
    assert b"must not read" not in parts[export.ENTRIES]
    assert b"A note of the child" not in parts[export.ENTRIES]
    assert b"Own Child" not in parts[export.NAMES]
    assert b"Rang the mother." in parts[export.ENTRIES]
    for name, data in parts.items():
        assert str(child).encode() not in data, f"{name} tells how much there is of their own child"
    path = office.folder / "own.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    assert both(path).ok, "and every other pupil's thread is proved"
    assert str(child).encode() in read(office.export(), export.ENTRIES), "another DSL's proves theirs"


def test_an_export_is_its_askers_alone_and_gone_after_a_day(office: Office) -> None:
    desk = office.fill().desk
    item = office.begin()
    assert office.state(item.id) == "wanted"
    office.step()
    office.step()
    for request in (Export(id=item.id), ExportPiece(id=item.id, number=1)):
        with pytest.raises(NotFound):
            desk.ask(request, role="deputy_dsl")
    with pytest.raises(NotFound):
        desk.ask(ExportPiece(id=item.id, number=10_000), role="dsl")
    process.do_due(office.keeper, now=clock.now() + dt.timedelta(hours=25))
    answer = desk.ask(Export(id=item.id), role="dsl")
    assert (answer.item.state, answer.parts) == ("over", [])


def test_a_correction_that_rose_with_its_account_is_as_it_was_recorded(office: Office) -> None:
    """Corrected while it was behaviour, then raised: the self-check finds both of the new class, and nothing wrong."""
    desk = office.desk
    answer = desk.record(category_codes=["behaviour"])
    desk.ask(AddCorrection(id=new_id(), incident_id=answer.id, entry_id=answer.id, reason="A slip", should_say="Nan"), role="dsl")
    desk.ask(AddAction(id=new_id(), incident_id=answer.id, text="Referred.", category_codes=["child_protection"], alert=Alert()), role="dsl")
    assert office.whole() == []
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        assert set(tx.execute(sa.text("select class from entries")).scalars()) == {4}


@pytest.mark.parametrize("steps", [0, 1], ids=["before it is made", "before it is handed out"])
@pytest.mark.parametrize(("roles", "active"), [(["teacher"], True), (["dsl"], False)], ids=["another role", "left the school"])
def test_whoever_is_no_dsl_any_more_at_a_step_of_their_export_gets_none(office: Office, roles: list[str], active: bool, steps: int) -> None:
    """Who asked and why is kept with the job; identity checks their roles again before each step, and nothing is made or handed out without its word."""
    desk = office.desk
    desk.record()
    item = office.begin(reason="Handing over")
    assert (item.asked_by, item.reason) == (desk.school.people["dsl"], "Handing over")
    for _ in range(steps):
        office.step()
    change_roles(office.identity, school=desk.school, person=desk.school.people["dsl"], roles=roles, active=active)
    office.step()
    office.step()
    found = desk.ask(Export(id=item.id), role="dsl")
    assert (found.item.state, found.parts) == ("failed", [])
    with desk.resources.transaction(desk.resources.engine, **office.here) as tx:
        assert tx.execute(sa.text("select count(*) from export_pieces")).scalar() == 0


def test_each_step_of_an_export_takes_a_token_of_its_own_and_no_other(office: Office, token_for: Any) -> None:
    """Not without one, not with one that is used or old, not with the asker's own, not with that of another export."""
    desk = office.desk
    desk.record()
    item, other = office.begin(), office.begin(scope="pupil", scope_id=desk.pupil)

    def permit(of: UUID) -> str:
        with desk.resources.transaction(desk.resources.engine, **office.here) as tx:
            return str(tx.execute(sa.text("select permit from exports where id = :id"), {"id": of}).scalar())

    def try_with(token: str) -> bool:
        with desk.resources.transaction(desk.resources.engine, **office.here) as tx:
            store.change_export(tx, **office.here, id=item.id, permit=token)
            store.want(tx, **office.here, kind="export", subject=item.id, due_at=clock.now())
        process.do_due(office.keeper, now=clock.now() + dt.timedelta(seconds=1))
        with desk.resources.transaction(desk.resources.engine, **office.here) as tx:
            return tx.execute(sa.text("select made_at from exports where id = :id"), {"id": item.id}).scalar() is not None

    desk.service.get_permits()
    first, others = permit(item.id), permit(other.id)
    own = token_for(roles=["dsl"], school_id=desk.school.id, person_id=desk.school.people["dsl"])
    assert [try_with(token) for token in ("", own, others)] == [False, False, False]
    with clock.set_to(clock.now() + dt.timedelta(minutes=2)):
        assert not try_with(first)
    assert try_with(first)
    assert permit(item.id) == "", "it is used up"
    process.do_due(office.keeper, now=clock.now() + dt.timedelta(seconds=1))
    assert office.state(item.id) == "wanted", "made, and not handed out without another"
    office.step()
    assert office.state(item.id) == "ready"


def test_asking_twice_is_one_export_and_one_disclosure(office: Office) -> None:
    desk = office.fill().desk
    id_ = new_id()
    assert office.begin(id=id_) == office.begin(id=id_)
    assert desk.ask(Proof(), role="dsl").entries == 11


def test_an_export_is_kept_by_who_read_what(office: Office) -> None:
    from safekeep.contracts.incidents import PersonOpenings, PupilOpenings

    desk = office.fill().desk
    office.export(scope="pupil", scope_id=desk.pupil)
    office.export()
    of_pupil = desk.ask(PupilOpenings(pupil_id=office.other), role="deputy_dsl").items
    assert [(item.kind, item.pupil_id) for item in of_pupil] == [("export", None)], "the school's record holds theirs"
    items = desk.ask(PersonOpenings(person_id=desk.school.people["dsl"]), role="dsl").items
    assert any(item.kind == "export" and item.pupil_id == desk.pupil and item.reason == "For the court" for item in items)


# --- heads and witnesses -----------------------------------------------------------------------------------------------------


def test_heads_go_on_from_one_another_and_every_export_carries_them_all(office: Office) -> None:
    office.fill()
    first = office.sign()
    office.desk.record()
    second = office.sign()
    path = office.export(scope="pupil", scope_id=office.desk.pupil)
    kept = [heads.read(each) for each in json.loads(read(path, export.HEADS))]
    assert kept[:2] == [first, second]
    assert both(path, witnessed=[first, second]).ok
    assert both(office.export(), witnessed=[first, second, kept[-1]]).ok


def test_witnesses_are_chosen_by_a_dsl_and_sent_every_head_that_is_mailed(office: Office, service_token_for: Any, ask_service: Any) -> None:
    desk = office.fill().desk
    chair, drop = new_id(), new_id()
    with pytest.raises(Invalid):
        desk.ask(KeepWitness(id=chair, kind="email", name="Chair", address="not an address"), role="dsl")
    desk.ask(KeepWitness(id=chair, kind="email", name="Chair of governors", address="chair@example.org"), role="dsl")
    desk.ask(KeepWitness(id=drop, kind="file", name="The trust's folder"), role="dsl")
    signed = office.sign()
    with desk.resources.transaction(desk.resources.engine, **office.here) as tx:
        body = tx.execute(sa.text("select body from outbox where name = 'incidents.head.signed'")).scalar_one()
    assert body["witness_ids"] == [str(chair)]
    assert "chair@example.org" not in json.dumps(body)
    token = service_token_for("alerts", desk.school.id)
    letter = ask_service(desk.service, WitnessedHead(witness_id=chair, head_id=UUID(body["head_id"])), token=token)
    assert heads.read_text(letter.text) == signed
    assert (letter.name, letter.address, letter.size) == ("Chair of governors", "chair@example.org", 10)
    dropped = list((office.folder / "ledger" / "drop" / str(desk.school.id)).glob("*.json"))
    assert [heads.read_text(path.read_text()) for path in dropped] == [signed]
    desk.ask(EndWitness(id=chair), role="deputy_dsl")
    with pytest.raises(NotFound):
        desk.ask(EndWitness(id=chair), role="dsl")
    with pytest.raises(NotFound):
        ask_service(desk.service, WitnessedHead(witness_id=chair, head_id=UUID(body["head_id"])), token=token)
    assert [w.id for w in desk.ask(Proof(), role="dsl").witnesses] == [drop]


def test_the_schedule_signs_at_night_when_something_was_added_and_every_week(office: Office) -> None:
    office.fill()
    now = dt.datetime(2026, 11, 25, 9, 0, tzinfo=dt.UTC)

    def signed_after(hours: float) -> int:
        process.do_due(office.keeper, now=now + dt.timedelta(hours=hours))
        return len(office.desk.ask(Proof(), role="dsl").heads)

    with office.keeper.all_schools() as tx:
        tx.execute(sa.text("update ledger_work set due_at = :now"), {"now": now})
    assert signed_after(0) == 0
    assert signed_after(17) == 2  # two at night: one because something was added, one for the witnesses
    assert signed_after(17 + 24) == 2  # nothing was added
    assert signed_after(17 + 24 * 7.1) == 3


def test_the_schedule_checks_what_is_new_within_minutes_and_everything_at_night(office: Office) -> None:
    """Nobody asks for it: the process does what is due, tells, and marks."""
    office.fill()
    now = dt.datetime(2026, 11, 25, 9, 0, tzinfo=dt.UTC)

    def found_after(hours: float) -> tuple[list[int | None], int]:
        process.do_due(office.keeper, now=now + dt.timedelta(hours=hours))
        with office.desk.resources.transaction(office.desk.resources.engine, **office.here) as tx:
            told = tx.execute(sa.text("select count(*) from outbox where name = 'incidents.record.altered'")).scalar_one()
        return [a.number for a in office.desk.ask(Proof(), role="dsl").alterations], told

    with office.keeper.all_schools() as tx:
        tx.execute(sa.text("update ledger_work set due_at = :now"), {"now": now})
    assert found_after(0) == ([], 0)
    office.desk.record()
    office.superuser("update entries set text = 'Nothing happened' where ledger_sequence in (1, 11)")
    assert found_after(0.05) == ([], 0), "not due yet"
    assert found_after(0.1) == ([11], 1), "five minutes later: what is new"
    assert found_after(1) == ([11], 1), "what is old waits for the night"
    assert found_after(17) == ([1, 11], 2), "at two at night: everything"


def test_the_signing_key_is_given_to_the_ledgers_process_alone(keys_folder: Path) -> None:
    holders = [
        path.stem
        for path in (keys_folder / "process").glob("*.json")
        if any(kid.startswith("ledger-") for kid in json.loads(path.read_text())["secret"])
    ]
    assert holders == ["ledger"]
    assert list(json.loads((keys_folder / "process" / "ledger.json").read_text())["current"]) == ["ledger"]


# --- tampering, as the database's superuser ------------------------------------------------------------------------------------

FIRST = "(select min(ledger_sequence) from entries where kind = 'incident')"
TAMPERINGS: dict[str, tuple[str, ...]] = {
    "the text": (f"update entries set text = 'Nothing happened' where ledger_sequence = {FIRST}",),
    "when it happened": (f"update entries set occurred_at = occurred_at - interval '30 days' where ledger_sequence = {FIRST}",),
    "when it was recorded": (f"update entries set recorded_at = recorded_at - interval '30 days' where ledger_sequence = {FIRST}",),
    "its place in the chronology": (f"update entries set placed_at = placed_at - interval '30 days' where ledger_sequence = {FIRST}",),
    "who wrote it": (f"update entries set author_id = gen_random_uuid() where ledger_sequence = {FIRST}",),
    "the writer's name": (f"update entries set author_name = 'Somebody Else' where ledger_sequence = {FIRST}",),
    "who was told": (f"update entries set recipients = '[]' where ledger_sequence = {FIRST}",),
    "a fact": (f'update entries set facts = facts || \'{{"place": "elsewhere"}}\' where ledger_sequence = {FIRST}',),
    "a number": ("update incidents set number = '2026-0099' where number like '%-0001'",),
    "the ledger's bytes": (
        "update ledger set canonical = convert_to(replace(convert_from(canonical, 'UTF8'), '\"incident\",\"pre', '\"action\",\"pre'), 'UTF8') where sequence = 2",
    ),
    "the ledger's bytes and their hash": (
        "update ledger set canonical = overlay(canonical placing '\\x39'::bytea from position('\"at\":\"20'::bytea in canonical) + 8 for 1) where sequence = 2",
        "update ledger set hash = encode(sha256(canonical), 'hex') where sequence = 2",
    ),
    "the pupil": (
        "update ledger_openings set openings = jsonb_set(openings, '{pupils,0,pupil}', to_jsonb(gen_random_uuid()::text)) where sequence = 3",
    ),
    "a grant's reason": ("update ledger_openings set openings = jsonb_set(openings, '{values,reason}', '\"none\"') where sequence = 6",),
    "delete an entry's words": (
        "delete from rights where entry_id in (select id from entries where ledger_sequence = 3)",
        "delete from entries where ledger_sequence = 3",
    ),
    "delete from the ledger": ("delete from ledger where sequence = 4",),
    "delete the last": ("delete from ledger where sequence > 8",),
    "delete the last and say so": (
        "delete from rights",
        "delete from asks",
        "delete from ledger where sequence > 8",
        "delete from entries where ledger_sequence > 8",
        "delete from ledger_openings where sequence > 8",
        "update ledger_heads set sequence = 8, hash = (select hash from ledger where sequence = 8)",
    ),
    "insert into the record": (
        "insert into entries select (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(), 'ledger_sequence', 99))).* from entries e where ledger_sequence = 3",
    ),
    "insert into the ledger": ("insert into ledger select school_id, 99, canonical, hash from ledger where sequence = 10",),
    "reorder": (
        "update ledger set sequence = -sequence where sequence in (4, 5)",
        "update ledger set sequence = case sequence when -4 then 5 else 4 end where sequence < 0",
    ),
    "exchange the keys": ("update signed_heads set public = 'AAAA', key = 'ledger-9'",),
    "sign with a key of one's own": ("update signed_heads set signature = encode(sha256('x'), 'base64')",),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_what_a_superuser_changes_is_found_by_the_self_check_and_in_an_export(what: str, office: Office) -> None:
    office.fill()
    assert office.new() == []
    held = office.sign()
    assert office.whole() == []
    office.superuser(*TAMPERINGS[what])
    found = office.whole()
    assert found, "by the self-check"
    page = office.desk.ask(Proof(), role="dsl")
    assert page.alterations
    with office.desk.resources.transaction(office.desk.resources.engine, **office.here) as tx:
        told = tx.execute(sa.text("select body from outbox where name = 'incidents.record.altered'")).scalars().all()
    assert [body["found"] for body in told] == [len({*found})]
    path = office.export()
    report = (both if what in IN_THE_TABLES_ALONE else verify)(path, witnessed=[held])
    assert not report.ok, "in an export"
    if what in IN_THE_TABLES_ALONE:
        assert {(f.number, f.kind, f.said.partition(";")[0].partition(" at ")[0]) for f in report.findings} == {IN_THE_TABLES_ALONE[what]}
    if what not in {"exchange the keys", "sign with a key of one's own"}:
        assert any(f.number is not None for f in report.findings) or what == "delete the last and say so", sentences(report)


def test_a_dsl_who_reads_only_their_own_words_corrects_them_again_and_nothing_is_found_altered(office: Office) -> None:
    """Her own child is in it: she reads no correction of another DSL, hers takes the place of it all the same, and she learns nothing of it."""
    desk = office.desk
    child = create_pupil(resources=desk.resources, school=desk.school, name="Jonah Made-Up", relatives=(desk.school.people["dsl"],))
    link = LinkedPupil(pupil_id=child, part="witness", initials="JM")
    incident = desk.record(role="dsl", linked_pupils=[link], narrative="On Monday.", action_taken="Rang home.").id

    def correct(role: str, said: str, **fields: Any) -> None:
        desk.ask(AddCorrection(id=new_id(), incident_id=incident, entry_id=incident, reason="Wrong day", should_say=said, **fields), role=role)

    def reads(role: str) -> list[tuple[str, bool]]:
        return [(entry.text, entry.replaced) for entry in desk.ask(Incident(incident_id=incident), role=role).entries]

    correct("deputy_dsl", "On Tuesday.", action_taken="Rang nobody.")
    correct("dsl", "On Wednesday.")
    assert reads("dsl") == [("On Wednesday.", False), ("On Wednesday.", False)]
    assert reads("deputy_dsl") == [("On Wednesday.", False), ("", True), ("On Wednesday.", False)]
    facts = desk.ask(Incident(incident_id=incident), role="dsl").facts
    assert facts.action_taken == "Rang home.", "as she reads it: by leaving it she does not learn what another says"
    assert (office.new(), office.whole()) == ([], [])
    correct("deputy_dsl", "On Friday.")
    assert reads("dsl") == [("On Wednesday.", False), ("On Wednesday.", False)], "nor that there was another after hers"
    assert reads("deputy_dsl") == [("On Friday.", False), ("", True), ("", True), ("On Friday.", False)]
    assert office.whole() == []


IN_THE_TABLES_ALONE = {
    "when it was recorded": (1, "incident", "is shown in the record as recorded"),
    "its place in the chronology": (1, "incident", "is shown"),
    "who wrote it": (1, "incident", "is shown in the record as written by somebody else."),
    "insert into the record": (99, "action", "is shown in the record and has no place in the ledger."),
}
"""Changed only beside the ledger: an export takes these from the ledger, and carries what the record's pages show too. Number, kind and sentence."""


GIVEN = "Somebody has a right to read it that nothing gave them."
NOT_GIVEN = "Somebody who was alerted to it, or granted it, has no right to read it any more, and nothing took it."
PUPILS, SAYS, KEPT = (
    "The pupils in it are not those it was recorded with.",
    "It is not shown as its latest correction says it.",
    "Whom it is kept to is not what was recorded.",
)
ASKED, STANDS = "What is asked, of whom and by when, is not what was recorded.", "How it stands for a pupil is not what was recorded."
FLAG = "A flag of a pupil is not as it was recorded."
BESIDE: dict[str, tuple[str, str]] = {
    "ask somebody else": ("update follow_ups set owner_id = gen_random_uuid()", ASKED),
    "put off what is due": ("update follow_ups set due_on = due_on + 1", ASKED),
    "close what was not done": ("update follow_ups set closed_id = id where closed_id is null", ASKED),
    "open what was done": ("update follow_ups set closed_id = null", ASKED),
    "delete what was asked": ("delete from follow_ups", ASKED),
    "close an incident": ("update incident_pupils set status = 'closed' where incident_id = {incident} and part is null", STANDS),
    "open a closed one": ("update incident_pupils set status = 'open' where incident_id = {incident} and part = 'witness'", STANDS),
    "lower an incident's class": ("update incidents set class = 1 where id = {incident}", "The incident's class is not what it came to."),
    "lower the class of its account": ("update entries set class = 1 where id = {incident}", "Its class is not what it came to."),
    "lower an action's class": ("update entries set class = 1 where kind = 'action'", "Its class is not what it came to."),
    "raise a class": ("update entries set class = 4 where id = {other}", "Its class is not what it came to."),
    "take a category off": (
        "update incidents set categories = '{{behaviour}}' where id = {incident}",
        "The incident's categories are not those it was given.",
    ),
    "put another pupil in its place": (
        "update incident_pupils set pupil_id = {third} where incident_id = {incident} and part is null",
        PUPILS,
    ),
    "unlink a pupil": ("delete from incident_pupils where incident_id = {incident} and part = 'witness'", PUPILS),
    "link a pupil": (
        "insert into incident_pupils (school_id, incident_id, pupil_id, part, initials) "
        "select school_id, id, {third}, 'witness', '' from incidents where id = {incident}",
        PUPILS,
    ),
    "change a pupil's part": (
        "update incident_pupils set part = 'may_have_caused_harm' where incident_id = {incident} and part = 'witness'",
        PUPILS,
    ),
    "show another pupil's name above it": (
        "update incidents set pupil_id = {third} where id = {incident}",
        "It is shown as being about another pupil.",
    ),
    "hide a correction": ("update entries set correction_id = null where id = {incident}", SAYS),
    "show an older correction": (
        "update entries set correction_id = (select id from entries where kind = 'correction' order by ledger_sequence limit 1) where id = {incident}",
        SAYS,
    ),
    "show an action as a correction": (
        "update entries set correction_id = (select id from entries where kind = 'action' order by ledger_sequence limit 1) where id = {other}",
        SAYS,
    ),
    "say that it was assigned": (
        "update incidents set assignment_id = {incident} where id = {incident}",
        "Which entry says whom it is about is not what was recorded.",
    ),
    "delete a restriction": ("delete from restrictions", KEPT),
    "lift a restriction": ("update restrictions set lifted_at = now(), lifted_by = dsl_id", KEPT),
    "keep it to somebody else": ("update restrictions set keeper_id = gen_random_uuid()", KEPT),
    "restrict an entry": (
        "insert into restrictions select (jsonb_populate_record(r, jsonb_build_object('id', {third}::uuid))).* from restrictions r",
        KEPT,
    ),
    "give somebody a right to read": (
        "insert into rights (school_id, entry_id, person_id, class, reason, given_at) select school_id, id, gen_random_uuid(), class, '', now() "
        "from entries where id = {incident}",
        GIVEN,
    ),
    "raise the class of a right": ("update rights set class = 4 where entry_id = {other}", GIVEN),
    "move a right to a later entry": (
        "update rights set entry_id = (select id from entries where kind = 'action' order by ledger_sequence limit 1) where entry_id = {asked} and person_id = {pastoral}",
        GIVEN,
    ),
    "take a right away": ("delete from rights where entry_id = {asked} and person_id = {pastoral}", NOT_GIVEN),
    "change a flag's note": ("update flags set note = 'Nothing to see'", FLAG),
    "end a flag": ("update flags set ended = started", FLAG),
    "lower a flag's class": ("update flags set class = 1", FLAG),
    "put a flag to another pupil": ("update flags set pupil_id = {third}", FLAG),
    "delete a flag": ("delete from flags", "A flag of a pupil is gone."),
    "put in a flag": (
        "insert into flags select (jsonb_populate_record(f, jsonb_build_object('id', {third}::uuid))).* from flags f",
        "It was put into the record without a place in the ledger.",
    ),
    "put in an incident": (
        "insert into incidents select (jsonb_populate_record(i, jsonb_build_object('id', {third}::uuid, 'number', '2026-0999'))).* "
        "from incidents i where id = {incident}",
        "It was put into the record without a place in the ledger.",
    ),
}
"""What may lawfully change beside the ledger, changed without it."""


def follow_up(desk: Desk, *, incident: UUID, witness: UUID) -> None:
    """Ask, give to another, close; and ask once more. Say twice how it stands, of each pupil."""

    def add(kind: str, **fields: Any) -> UUID:
        action = AddAction(id=new_id(), incident_id=incident, text=f"It is {kind}.", details=Details(kind=kind, **fields))  # type: ignore[arg-type]
        done: UUID = desk.ask(action, role="dsl").id
        return done

    due = clock.now().date() + dt.timedelta(days=9)
    asked = add("asked", owner_id=desk.school.people["deputy_dsl"], due_on=due, spoken="yes", spoken_when="at break")
    add("reassigned", of_id=asked, owner_id=desk.school.people["dsl"])
    add("outcome", of_id=asked)
    add("asked", owner_id=desk.school.people["deputy_dsl"], due_on=due, spoken="not_yet")
    referral = add("referral", to="Children’s services", at=clock.now(), precision="about")
    add("referral_outcome", of_id=referral)
    add("not_referred", to="The police")
    add("parent_contact", parent_told=True, to="Mother", at=clock.now(), answer="She was glad.")
    for pupil, status in ((desk.pupil, "closed"), (desk.pupil, "monitoring"), (witness, "closed")):
        desk.ask(SetStatus(id=new_id(), incident_id=incident, pupil_id=pupil, status=status, reason="She is well."), role="dsl")  # type: ignore[arg-type]


def test_what_is_followed_up_is_in_exports_in_words_and_of_a_pupil_only_how_it_stands_for_them(office: Office) -> None:
    from pypdf import PdfReader

    desk = office.fill().desk
    follow_up(desk, incident=office.incident, witness=office.other)
    assert office.whole() == []
    of_one = office.export(scope="incident", scope_id=office.incident)
    assert both(of_one).ok
    text = " ".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(read(of_one, export.SUMMARY))).pages).split())
    for said in ("Asked of somebody", "Spoken to in person: not yet", "Referred to: Children’s services", "Not referred to: The police"):
        assert said in text
    for said in ("Parents told: yes", "Their answer: She was glad.", "From now on: monitoring", "Outcome: not known when this was recorded"):
        assert said in text
    of_witness = office.export(scope="pupil", scope_id=office.other, with_linked=True)
    assert both(of_witness).ok
    statuses = [line["fields"]["fact:status"][1] for line in shown(of_witness) if "fact:status" in line["fields"]]
    assert statuses == ["closed"]


@pytest.mark.parametrize("what", BESIDE)
def test_what_a_superuser_changes_beside_the_ledger_is_found(what: str, office: Office) -> None:
    """And an export, which is made of the ledger, still says all of it as it was recorded."""
    desk = office.fill().desk
    third = create_pupil(resources=desk.resources, school=desk.school, name="Third Made-Up")
    other = desk.record(pupil_id=office.other, category_codes=["behaviour"], alert=Alert(groups=["slt"])).id
    again = AddCorrection(id=new_id(), incident_id=office.incident, entry_id=office.incident, reason="Again", should_say="Gran")
    desk.ask(again, role="dsl")
    desk.ask(restriction(desk, desk.record().id), role="dsl")
    desk.ask(move(desk, desk.record().id, third), role="dsl")
    follow_up(desk, incident=office.incident, witness=office.other)
    assert office.whole() == []
    before = [line["fields"] for line in shown(office.export(scope="incident", scope_id=office.incident))]
    statement, said = BESIDE[what]
    named = {"incident": office.incident, "other": other, "third": third, "asked": office.asked, "pastoral": desk.school.people["pastoral"]}
    office.superuser(statement.format(**{name: f"'{id_}'" for name, id_ in named.items()}))
    assert said in {problem.said for problem in office.whole()}
    assert any(a.said == said for a in desk.ask(Proof(), role="dsl").alterations)
    after = office.export(scope="incident", scope_id=office.incident)
    assert [line["fields"] for line in shown(after)][: len(before)] == before
    assert both(after).ok


def test_a_changed_entry_is_named_and_marked_until_it_is_put_right(office: Office) -> None:
    office.fill().whole()
    office.superuser("update entries set text = 'Nothing happened' where ledger_sequence = 1")
    found = office.whole()
    assert [(p.sequence, p.kind, p.incident_id, p.said) for p in found] == [
        (1, "incident", office.incident, "What it says is not what was recorded: text.")
    ]
    assert office.whole() == found
    assert len(office.desk.ask(Proof(incident_id=office.incident), role="dsl").alterations) == 1, "found twice, kept once"
    assert marked(office, office.incident, role="dsl") == (True, [office.incident], [office.incident])
    assert marked(office, office.incident, role="teacher") == (True, [office.incident], [office.incident]), "who wrote it reads it"
    assert marked(office, office.incident, role="dsl", pupil=office.other)[1:] == ([office.incident], [office.incident]), "linked to it"
    assert marked(office, office.asked, role="dsl")[0] is False
    third = create_pupil(resources=office.desk.resources, school=office.desk.school, name="Third Made-Up")
    assert marked(office, office.asked, role="dsl", pupil=third)[1:] == ([], [])
    stranger = create_person(resources=office.desk.resources, school=office.desk.school, role=Role.TEACHER)
    for found_by in (Pupil(pupil_id=office.desk.pupil), Chronology(pupil_id=office.desk.pupil)):
        assert office.desk.ask(found_by, role="teacher", person=stranger).altered == [], "who may not know of it does not learn of it"
    report = verify(office.export())
    assert "Entry 1 (incident): what it says is not what was recorded: text." in sentences(report)
    from tests.make import GOOD_EXAMPLE

    office.superuser("update entries set text = %(text)s where ledger_sequence = 1", text=GOOD_EXAMPLE)
    assert office.whole() == []
    assert office.desk.ask(Proof(incident_id=office.incident), role="dsl").alterations == []
    assert marked(office, office.incident, role="dsl") == (False, [], [])


@pytest.mark.parametrize("what", ["update flags set note = 'Nothing to see'", "delete from flags", "update flags set pupil_id = {third}"])
def test_a_changed_flag_marks_its_pupils_page_for_those_who_may_know_of_it(what: str, office: Office) -> None:
    """For a DSL also where it is gone, or stands at another pupil; never for a colleague, nor for a DSL whose child it is; until it is put right."""
    desk = office.fill().desk
    third = create_pupil(resources=desk.resources, school=desk.school, name="Third Made-Up")
    parent = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)

    def marks(pupil: UUID, *, role: str = "dsl", person: UUID | None = None) -> bool:
        found: bool = desk.ask(Pupil(pupil_id=pupil), role=role, person=person).flag_altered
        assert desk.ask(Chronology(pupil_id=pupil), role=role, person=person).flag_altered == found
        return found

    assert office.whole() == []
    assert not marks(desk.pupil)
    office.superuser("create table kept as select * from flags", what.format(third=f"'{third}'"))
    assert len(office.whole()) == 1
    assert marks(desk.pupil)
    assert not marks(desk.pupil, role="teacher"), "a flag of protection is not theirs to know of"
    assert (marks(office.other), marks(third)) == (False, "third" in what)
    desk.ask(SetRelatives(pupil_id=desk.pupil, entered=[parent]), role="dsl", person=parent)
    assert not marks(desk.pupil, person=parent)
    office.superuser("delete from flags", "insert into flags select * from kept")
    office.whole()
    assert not marks(desk.pupil)


def test_a_flag_is_changed_only_as_the_one_it_is(office: Office) -> None:
    """Named with another pupil, or as of another kind, it is refused: so nobody changes a flag of their own child through another's page."""
    desk = office.fill().desk
    with desk.resources.transaction(desk.resources.engine, **office.here) as tx:
        flag = tx.execute(sa.text("select * from flags")).one()
    same: dict[str, Any] = {"id": flag.id, "pupil_id": desk.pupil, "kind": flag.kind, "started": flag.started, "note": "Reviewed in June"}
    for other in ({"pupil_id": office.other}, {"kind": "send"}):
        with pytest.raises(Conflict):
            desk.ask(SetFlag(**(same | other)), role="dsl")
    desk.ask(SetFlag(**same), role="dsl")
    assert [each.note for each in desk.ask(Pupil(pupil_id=desk.pupil), role="dsl").flags] == ["Reviewed in June"]
    assert office.whole() == []


def marked(office: Office, incident: UUID, *, role: str, pupil: UUID | None = None) -> tuple[bool, list[UUID], list[UUID]]:
    """Return whether the incident is marked, and which are named above its pupil's page and in a chronology, whatever it is filtered by."""
    desk, about = office.desk, pupil or office.desk.pupil
    page, rows = desk.ask(Pupil(pupil_id=about), role=role), desk.ask(Chronology(pupil_id=about, words="no such words"), role=role)
    named = ([each.incident_id for each in found.altered] for found in (page, rows))
    return desk.ask(Incident(incident_id=incident), role=role).altered, *named


def test_what_is_printed_or_exported_says_what_the_self_check_found_of_it_and_of_nothing_its_reader_may_not_read(office: Office) -> None:
    desk = office.fill().desk

    def check(*, role: str = "dsl", pupil: UUID | None = None, use: Literal["read", "print", "export"] = "export") -> Any:
        return desk.ask(Chronology(pupil_id=pupil or desk.pupil, use=use), role=role).check

    assert check(use="read") is None
    assert (check().state, check().checked_at, check().whole_at) == ("checking", None, None)
    office.new()
    assert (check().state, check().checked_at is None, check().whole_at) == ("unaltered", False, None)
    assert check(use="print").state == "unaltered"
    office.whole()
    assert check().whole_at == check().checked_at
    desk.record(pupil_id=office.other)  # a concern: not SLT's to read
    assert [check(role=role, pupil=office.other).state for role in ("dsl", "slt")] == ["checking", "unaltered"]
    office.superuser("update entries set text = 'Nothing happened.' where id = %(id)s", id=office.incident)
    office.whole()
    assert [check().state, check(use="print").state, check(pupil=office.other).state] == ["altered"] * 3
    assert check(role="slt", pupil=office.other).state == "unaltered"


def test_what_is_new_is_checked_within_minutes_and_only_once(office: Office) -> None:
    assert office.fill().new() == []
    checked = office.desk.ask(Proof(), role="dsl")
    assert (checked.checked_to, checked.entries, checked.whole_at) == (10, 10, None)
    recorded = office.desk.record()
    office.superuser("update entries set text = 'Nothing happened' where ledger_sequence in (1, 11)")
    assert [(p.sequence, p.incident_id) for p in office.new()] == [(11, recorded.id)]


def test_an_older_backup_put_back_is_found_by_what_is_remembered_outside_the_database(office: Office) -> None:
    """The whole database as it was: consistent in itself, its heads too. Only the memory and the witnesses know more."""
    office.fill().sign()
    backup = office.copy()
    office.desk.record()
    held = office.sign()
    office.put_back(backup)
    found = office.whole()
    assert [p.said for p in found] == [f"The head of {held.head.at} was made of 11 entries; there are 10: an older state was put back."]
    path = office.export(scope="pupil", scope_id=office.desk.pupil)
    assert not both(path).ok, "the export carries the head that is remembered"
    assert not both(path, witnessed=[held]).ok


def test_a_record_nobody_touched_is_unaltered_after_every_kind_of_entry(office: Office) -> None:
    office.fill().sign()
    assert office.whole() == []
    answer = office.desk.ask(Proof(), role="dsl")
    assert (answer.alterations, answer.checked_to) == ([], 10)
    assert answer.whole_at is not None
    assert answer.fingerprint == heads.fingerprint(heads.read_text(answer.heads[0].text).public)
    assert store.Head


# --- what stands beside the ledger and never changes ---------------------------------------------------------------------------

BESIDE_SEALED: dict[str, tuple[str, str]] = {
    "who read": ("update openings set person_id = gen_random_uuid() where id = {opening}", "Who read what is not as it was kept: 1."),
    "when": ("update openings set at = at - interval '3 days' where id = {opening}", "Who read what is not as it was kept: 1."),
    "why": ("update openings set reason = 'none' where id = {opening}", "Who read what is not as it was kept: 1."),
    "that somebody read": ("delete from openings where id = {opening}", "What somebody read, as it was kept, is gone: 1."),
    "everything that was read": ("delete from openings", "What somebody read, as it was kept, is gone: {n}."),
    "a linked pupil's initials": ("update incident_pupils set initials = 'XX' where part = 'witness'", sealing.CHANGED["initials"]),
    "a digest": (
        "update sealed set digest = sha256('x') where key = {opening}",
        "Seal 1 over who read what, and over initials, is not as it was signed.",
    ),
    "a digest and its row": (
        "delete from sealed where key = {opening}; delete from openings where id = {opening}",
        "Seal 1 over who read what, and over initials, is not as it was signed.",
    ),
    "the last seal with all it seals": (
        "delete from sealed where number = 2; delete from seals where number = 2",
        "There are 1 seals over who read what, and 2 were made: an older state was put back.",
    ),
}


@pytest.mark.parametrize("what", BESIDE_SEALED)
def test_what_a_superuser_changes_of_who_read_what_and_of_initials_is_found(what: str, office: Office) -> None:
    """Once it is sealed, a few minutes after it was written; and nobody who reads on, links or moves a pupil makes it say so."""
    desk = office.fill().desk
    for role in ("dsl", "deputy_dsl"):
        desk.reads(office.incident, role=role)
        assert office.new() == []
    desk.reads(office.incident, role="slt")
    third = create_pupil(resources=desk.resources, school=desk.school, name="Third Made-Up")
    desk.ask(move(desk, desk.record(linked_pupils=[LinkedPupil(pupil_id=third, part="friend", initials="TM")]).id, office.other), role="dsl")
    assert office.whole() == []
    with desk.resources.transaction(desk.resources.engine, **office.here) as tx:
        opening = tx.execute(sa.text("select key from sealed where kind = 'opening' and number = 1 order by key limit 1")).scalar_one()
        n = tx.execute(sa.text("select count(*) from sealed where kind = 'opening'")).scalar_one()
    statement, said = BESIDE_SEALED[what]
    office.superuser(*statement.format(opening=f"'{opening}'").split("; "))
    assert said.format(n=n) in {problem.said for problem in office.whole()}
    assert any(a.said == said.format(n=n) for a in desk.ask(Proof(), role="dsl").alterations)


def test_a_row_that_says_it_was_written_long_ago_is_sealed_too_and_a_seal_lost_in_a_crash_is_no_alarm(office: Office) -> None:
    """A clock that was set back by hours; and a process that ended after the commit, before it remembered the seal."""
    desk = office.fill().desk
    desk.reads(office.incident, role="dsl")
    office.new()
    memory = office.folder / "ledger" / "seals" / f"{desk.school.id}.json"
    before = memory.read_text()
    with clock.set_to(clock.now() - dt.timedelta(hours=5)):
        desk.reads(office.incident, role="deputy_dsl")
    office.new()
    with desk.resources.transaction(desk.resources.engine, **office.here) as tx:
        assert tx.execute(sa.text("select count(*) from openings o left join sealed s on s.key = o.id where s.key is null")).scalar() == 0
    memory.write_text(before)
    assert office.whole() == []


def test_rights_that_were_gone_before_anything_kept_it_are_no_alarm_after_the_upgrade(office: Office) -> None:
    """Of who was told and of who was granted: what the migration writes down of a record that has words in it."""
    office.fill()
    assert office.whole() == []
    office.superuser("delete from rights")
    assert {problem.said for problem in office.whole()} == {NOT_GIVEN}
    office.superuser(importlib.import_module("services.incidents.migrations.versions.0012_seals")._TAKEN)
    assert office.whole() == []
