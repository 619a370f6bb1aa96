"""Every command of incidents, run twice: a call may be, when its answer was lost. The second answers what the first did, and nothing more is kept or told."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import clock, receipts
from safekeep.contracts.incidents import (
    AddAction,
    AddCorrection,
    AddPupils,
    Alert,
    AnswerAsk,
    AskCorrection,
    AssignPupil,
    BeginExport,
    BlockFile,
    DecideDestruction,
    DecideFile,
    DeclineCorrection,
    EndStandIn,
    EndWitness,
    EnterDocument,
    EnterTrustReport,
    HandLead,
    ImportPupils,
    KeepStandIn,
    KeepWitness,
    LiftRestriction,
    MarkReleaseRead,
    NewPupil,
    OpenAsks,
    ProposeDestruction,
    Releases,
    Restrict,
    SeedEntries,
    SeedEntry,
    SeedPupil,
    SetFlag,
    SetRelatives,
    SetStatus,
    TakeLead,
)
from safekeep.errors import NotFound
from safekeep.ids import new_id
from safekeep.keys import Keys
from tests.covered.test_commands import BY_ID, SETS
from tests.identity_beside import identity_beside
from tests.make import a_record, create_pupil
from tests.services.incidents.desk import Desk

COMMANDS: dict[str, Callable[["Twice"], tuple[Any, str]]] = {}
"""Method → what to ask, and as whom, after what has to be there."""


def command(made: Callable[["Twice"], tuple[Any, str]]) -> Callable[["Twice"], tuple[Any, str]]:
    COMMANDS[f"incidents.{made.__name__}"] = made
    return made


class Twice:
    """A school, identity beside incidents, and who asks: a role, a service, or the trust's safeguarding lead."""

    def __init__(self, desk: Desk, keys_folder: Path, tokens: dict[str, str]) -> None:
        self.desk, self.people, self.pupil, self._keys, self._tokens = desk, desk.school.people, desk.pupil, keys_folder, tokens

    def ask(self, request: Any, by: str) -> Any:
        if by in self._tokens:
            return self.desk._ask(self.desk.service, request, token=self._tokens[by])
        return self.desk.ask(request, role=by)

    def counts(self) -> tuple[int, int]:
        """How many entries the ledger has, and how many events were said."""
        with self.desk.resources.transaction(self.desk.resources.engine, school_id=self.desk.school.id) as tx:
            return tuple(tx.execute(sa.text(f"select count(*) from {table}")).scalar_one() for table in ("ledger", "outbox"))  # type: ignore[return-value]

    def incident(self, **fields: Any) -> UUID:
        return self.desk.record(**fields).id

    def child(self) -> UUID:
        return create_pupil(resources=self.desk.resources, school=self.desk.school, name="Jonah Made-Up")

    def file(self) -> UUID:
        id_ = new_id()
        receipt = receipts.Receipt(id_, "0" * 64, 9, "image/jpeg", self.people["teacher"], self.desk.school.id)
        self.incident(receipts=[receipts.sign_receipt(keys=Keys.load(self._keys / "process" / "files.json"), receipt=receipt)])
        return id_


@command
def record(it: Twice) -> tuple[Any, str]:
    return a_record(pupil_id=it.pupil), "teacher"


@command
def add_action(it: Twice) -> tuple[Any, str]:
    return AddAction(id=new_id(), incident_id=it.incident(), text="Rang home.", category_codes=["child_protection"]), "dsl"


@command
def add_correction(it: Twice) -> tuple[Any, str]:
    incident = it.incident()
    return AddCorrection(id=new_id(), incident_id=incident, entry_id=incident, reason="A slip", should_say="On Tuesday."), "dsl"


@command
def assign_pupil(it: Twice) -> tuple[Any, str]:
    return AssignPupil(id=new_id(), incident_id=it.incident(), pupil_id=it.child(), from_id=it.pupil, reason="Two in one form"), "dsl"


@command
def set_status(it: Twice) -> tuple[Any, str]:
    return SetStatus(id=new_id(), incident_id=it.incident(), pupil_id=it.pupil, status="closed", reason="All done"), "dsl"


@command
def set_flag(it: Twice) -> tuple[Any, str]:
    return SetFlag(id=new_id(), pupil_id=it.pupil, kind="child_in_need", started=dt.date(2026, 1, 5), note="Reviewed in May"), "dsl"


@command
def set_relatives(it: Twice) -> tuple[Any, str]:
    it.incident()
    return SetRelatives(pupil_id=it.pupil, entered=[it.people["slt"]]), "dsl"


@command
def add_pupils(it: Twice) -> tuple[Any, str]:
    line = NewPupil(name="New Child", year="Year 5", form="5A", born=dt.date(2016, 2, 29))
    return AddPupils(id=new_id(), pupils=[line], whole=True), "dsl"


def _asked(it: Twice) -> UUID:
    it.incident(alert=Alert(ask_dsl=[it.people["pastoral"]]))
    (ask,) = it.ask(OpenAsks(), "dsl").items
    id_: UUID = ask.id
    return id_


@command
def answer_ask(it: Twice) -> tuple[Any, str]:
    return AnswerAsk(ask_id=_asked(it), accept=True, reason="They run the club"), "dsl"


def _asked_correction(it: Twice) -> UUID:
    request = AskCorrection(id=new_id(), entry_id=it.incident(), text="It was Tuesday.")
    it.ask(request, "teacher")
    return request.id


@command
def ask_correction(it: Twice) -> tuple[Any, str]:
    return AskCorrection(id=new_id(), entry_id=it.incident(), text="It was Tuesday."), "teacher"


@command
def decline_correction(it: Twice) -> tuple[Any, str]:
    return DeclineCorrection(request_id=_asked_correction(it), reason="The register says Monday."), "dsl"


def _restricting(it: Twice) -> Restrict:
    about: dict[str, Any] = {"about_id": it.people["sports_coach"], "keeper_id": it.people["slt"], "dsl_id": it.people["dsl"]}
    return Restrict(id=new_id(), entry_id=it.incident(), reason="About a coach", **about)


@command
def restrict(it: Twice) -> tuple[Any, str]:
    return _restricting(it), "dsl"


@command
def lift_restriction(it: Twice) -> tuple[Any, str]:
    request = _restricting(it)
    it.ask(request, "dsl")
    return LiftRestriction(restriction_id=request.id, reason="It was about a parent"), "slt"


@command
def keep_stand_in(it: Twice) -> tuple[Any, str]:
    return KeepStandIn(id=new_id(), person_id=it.people["slt"], reason="Agreed with the head"), "dsl"


@command
def end_stand_in(it: Twice) -> tuple[Any, str]:
    kept, by = keep_stand_in(it)
    it.ask(kept, by)
    return EndStandIn(stand_in_id=kept.id), "dsl"


@command
def keep_witness(it: Twice) -> tuple[Any, str]:
    return KeepWitness(id=new_id(), kind="email", name="Chair of governors", address="chair@example.org"), "dsl"


@command
def end_witness(it: Twice) -> tuple[Any, str]:
    kept, by = keep_witness(it)
    it.ask(kept, by)
    return EndWitness(id=kept.id), "dsl"


@command
def take_lead(it: Twice) -> tuple[Any, str]:
    return TakeLead(incident_id=it.incident()), "dsl"


@command
def hand_lead(it: Twice) -> tuple[Any, str]:
    return HandLead(incident_id=it.incident(), person_id=it.people["deputy_dsl"]), "dsl"


@command
def block_file(it: Twice) -> tuple[Any, str]:
    return BlockFile(file_id=it.file(), reason="Not to be seen"), "dsl"


@command
def decide_file(it: Twice) -> tuple[Any, str]:
    blocked, by = block_file(it)
    it.ask(blocked, by)
    return DecideFile(file_id=blocked.file_id, decision="destroy", reason="The police asked"), "deputy_dsl"


@command
def propose_destruction(it: Twice) -> tuple[Any, str]:
    incident = it.incident()
    ground: dict[str, Any] = {"basis": "order", "law": "Order of a court", "reason": "It was false"}
    return ProposeDestruction(id=new_id(), incident_id=incident, entry_id=incident, **ground), "dsl"


@command
def decide_destruction(it: Twice) -> tuple[Any, str]:
    proposed, by = propose_destruction(it)
    it.ask(proposed, by)
    return DecideDestruction(destruction_id=proposed.id, decision="destroy", reason="Read against the order"), "deputy_dsl"


@command
def mark_release_read(it: Twice) -> tuple[Any, str]:
    incident = it.incident(
        category_codes=["welfare"], alert=Alert(staff_ids=[it.people["sports_coach"]], reasons={it.people["sports_coach"]: "Club"})
    )
    it.ask(AddAction(id=new_id(), incident_id=incident, text="Raised.", category_codes=["child_protection"], release_line="Mine now."), "dsl")
    (line,) = it.ask(Releases(), "sports_coach").items
    return MarkReleaseRead(release_id=line.id), "sports_coach"


@command
def begin_export(it: Twice) -> tuple[Any, str]:
    it.incident()
    return BeginExport(id=new_id(), scope="school", scope_id=it.desk.school.id, reason="For the court", school_name="Hillside Primary"), "dsl"


@command
def enter_document(it: Twice) -> tuple[Any, str]:
    return EnterDocument(id=new_id(), kind="pack", sha256="ab" * 32, pupil_ids=[it.pupil], about={"template": "conference"}), "dsl"


@command
def enter_trust_report(it: Twice) -> tuple[Any, str]:
    return EnterTrustReport(id=new_id(), school_id=it.desk.school.id, sha256="ab" * 32, about={"kind": "trust"}), "trust"


@command
def import_pupils(it: Twice) -> tuple[Any, str]:
    child: dict[str, Any] = {"name": "Made Up", "year": "Year 5", "form": "5A", "born": dt.date(2016, 2, 29), "family": new_id()}
    return ImportPupils(pupils=[SeedPupil(id=new_id(), relatives=[it.people["slt"]], **child)]), "demo"


@command
def seed(it: Twice) -> tuple[Any, str]:
    whose: dict[str, Any] = {"author_id": it.people["teacher"], "author_name": "Test Person", "roles": ["teacher"]}
    at = clock.now() - dt.timedelta(days=3)
    return SeedEntries(entries=[SeedEntry(at=at, record=a_record(pupil_id=it.pupil, occurred_at=at), **whose)]), "demo"


SAID_AGAIN = {"incidents.import_pupils"}
"""Of a demonstration's pupils how many are on roll is said each time: by itself, for whoever starts to count anew."""


@pytest.fixture
def twice(desk: Desk, resources: Any, keys_folder: Path, token_for: Any, service_token_for: Any) -> Twice:
    desk.service.identity = identity_beside(resources=resources("identity"), school=desk.school)  # type: ignore[assignment] - asked as over the bus
    trust = token_for(roles=["trust_safeguarding_lead"], school_id=None, trust_id=desk.school.id, person_id=new_id())
    return Twice(desk, keys_folder, {"demo": service_token_for("demo", desk.school.id), "trust": trust})


@pytest.mark.parametrize("method", sorted(name for name in BY_ID | SETS if name.startswith("incidents.")))
def test_running_it_twice_answers_what_the_first_run_answered_and_keeps_and_tells_nothing_more(twice: Twice, method: str) -> None:
    request, by = COMMANDS[method](twice)
    assert request.method == method
    first = twice.ask(request, by)
    before = twice.counts()
    assert twice.ask(request, by) == first
    ledger, said = twice.counts()
    assert ledger == before[0]
    assert said == before[1] or method in SAID_AGAIN


@pytest.mark.parametrize("made", [answer_ask, decline_correction, lift_restriction, end_witness], ids=lambda made: made.__name__)
def test_the_first_answer_stands_and_to_another_there_is_none_left_to_give(twice: Twice, made: Callable[[Twice], tuple[Any, str]]) -> None:
    request, by = made(twice)
    twice.ask(request, by)
    before = twice.counts()
    with pytest.raises(NotFound):
        twice.ask(request, "deputy_dsl" if by == "dsl" else "dsl")
    if "reason" in type(request).model_fields and made is not lift_restriction:  # why it was lifted stands in the ledger alone
        with pytest.raises(NotFound):
            twice.ask(request.model_copy(update={"reason": "Another"}), by)
    assert twice.counts() == before


def test_who_ended_a_stand_in_is_said_once_whoever_ends_it_again(twice: Twice) -> None:
    request, by = end_stand_in(twice)
    twice.ask(request, by)
    before = twice.counts()
    twice.ask(request, "deputy_dsl")
    assert twice.counts() == before


def test_a_flag_that_says_something_else_is_changed(twice: Twice) -> None:
    request, by = set_flag(twice)
    twice.ask(request, by)
    before = twice.counts()
    twice.ask(request.model_copy(update={"note": "Reviewed in June"}), by)
    assert twice.counts() == (before[0] + 1, before[1] + 1)
