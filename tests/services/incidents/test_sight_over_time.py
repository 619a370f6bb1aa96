"""Who reads what, and what they see of its class and categories, after any sequence of alerts, alerts that did not reach, grants, raises, corrections, role changes, category changes, parents and stand-ins.

`Model` says who may read what from the design's sentences, in its own words: it calls nothing of the code it is held against. Broken rules are put in
its place below, and each has to be found.
"""

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from safekeep import actor as actors
from safekeep import clock, permissions
from safekeep.contracts import alerts, identity
from safekeep.contracts.incidents import (
    AddAction,
    AddCorrection,
    Alert,
    AnswerAsk,
    Chronology,
    EndStandIn,
    ImportPupils,
    Incident,
    KeepStandIn,
    OpenAsks,
    PreviewAlert,
    Readable,
    Record,
    SeedPupil,
)
from safekeep.errors import Invalid, NotAllowed, NotFound
from safekeep.ids import new_id
from safekeep.keys import Keys
from safekeep.permissions import Class, Reading
from services.incidents import service as service_module
from services.incidents import sight, store
from services.incidents.store import entries as entries_store
from services.incidents.store import reading as reading_store
from services.incidents.store import tables
from tests.make import create_school

GENERAL, WELFARE, SAFEGUARDING, PROTECTION = 1, 2, 3, 4
LEADS, WRITES_ONLY = {"dsl", "deputy_dsl"}, {"teacher", "pastoral"}
ROLES = ["dsl", "deputy_dsl", "slt", "teacher", "pastoral"]
CLASSES = {"behaviour": GENERAL, "welfare": WELFARE, "safeguarding_concern": SAFEGUARDING, "child_protection": PROTECTION}
NOW = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)


# --- what the design says, in its own words ------------------------------------------------------------------------


@dataclass
class Entry:
    """An entry as the model knows it. `opened`: person → what opened it to them (an alert, a grant, being kept in sight) → the class that was of."""

    id: UUID
    author: UUID
    class_: int
    of_account: bool  # the account itself, or what corrects it: its class follows the incident's
    codes: list[str] = field(default_factory=list)  # the categories it was given
    opened: dict[UUID, dict[UUID, int]] = field(default_factory=dict)
    told: set[UUID] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.recorded = self.class_

    def open(self, person: UUID, *, by: UUID, class_: int) -> None:
        self.opened.setdefault(person, {})[by] = class_

    def is_open_to(self, person: UUID) -> int:
        """The highest class that anything opened it to them up to."""
        return max(self.opened.get(person, {}).values(), default=0)


@dataclass
class Case:
    """An incident: its pupil, its class and its categories now, its entries in their order."""

    pupil: UUID
    class_: int
    entries: list[Entry]
    codes: list[str] = field(default_factory=list)


def grant_of(entry: Entry) -> UUID:
    """What a grant of an entry is known by: a later one takes the place of it."""
    return uuid5(entry.id, "grant")


@dataclass
class Model:
    """A school: everybody's one role, whose children the pupils are, who stands in, and what was recorded."""

    roles: dict[UUID, str] = field(default_factory=dict)
    parents: dict[UUID, set[UUID]] = field(default_factory=dict)
    stand_ins: set[UUID] = field(default_factory=set)
    cases: dict[UUID, Case] = field(default_factory=dict)

    def may_read(self, person: UUID, case: Case, entry: Entry) -> bool:
        """Their own words always; nothing of their own child; DSLs all else; SLT general and welfare; others what they were let read."""
        return entry.author == person or self.is_let_read(person, case, entry.class_, opened=entry.is_open_to(person))

    def is_let_read(self, person: UUID, case: Case, class_: int, *, opened: int) -> bool:
        """Whether something of this class is open to them that they did not write."""
        if person in self.parents[case.pupil]:
            return False
        role = self.roles[person]
        if role in LEADS:
            return True
        if role == "slt" and class_ in (GENERAL, WELFARE):
            return True
        if opened >= class_:
            return True
        every_lead_is_a_parent = all(p in self.parents[case.pupil] for p, held in self.roles.items() if held in LEADS)
        return person in self.stand_ins and every_lead_is_a_parent

    def knows(self, person: UUID, case: Case, entry: Entry) -> bool:
        """Whether of what they read they may know what the incident has become: a raise is for everyone but its author, and who was let read it."""
        opened = max(each.is_open_to(person) for each in (entry, case.entries[0]))
        return self.is_let_read(person, case, case.class_, opened=opened)

    def class_seen(self, person: UUID, case: Case, entry: Entry) -> int:
        """Authors see nothing of a later, higher class: not on their account, not on what they add to it without knowing."""
        if self.knows(person, case, entry) or self.is_let_read(person, case, entry.class_, opened=entry.is_open_to(person)):
            return entry.class_
        return entry.recorded if entry.codes else case.entries[0].recorded

    def codes_seen(self, person: UUID, case: Case, entry: Entry) -> list[str]:
        """What it was given; of an account, to whom may know, what was given to its incident later too."""
        return case.codes if entry is case.entries[0] and self.knows(person, case, entry) else entry.codes

    def is_found_by(self, code: str, person: UUID, case: Case, entry: Entry) -> bool:
        """A filter finds by what its reader sees of the entry and of its incident, and tells nobody more."""
        return code in entry.codes or code in case.entries[0].codes or (code in case.codes and self.knows(person, case, entry))

    def may_be_sent(self, person: UUID, case: Case, class_: int, *, by: UUID) -> bool:
        """A class their role reads; write-only staff general and welfare; anybody by a DSL's grant; a stand-in; never of their own child."""
        if person in self.parents[case.pupil]:
            return False
        role = self.roles[person]
        reads = role in LEADS or (role == "slt" and class_ <= WELFARE) or (role in WRITES_ONLY and class_ <= WELFARE)
        return reads or self.roles[by] in LEADS or person in self.stand_ins

    def sent(self, case: Case, entry: Entry, people: Collection[UUID], *, by: UUID) -> None:
        """An alert (`by`: it, or a grant) opens the entry it names and earlier entries of no higher class."""
        for each in case.entries:
            if each.class_ <= entry.class_:
                for person in people:
                    each.open(person, by=by, class_=entry.class_)

    def dropped(self, case: Case, entry: Entry, person: UUID) -> None:
        """Who was not told after all reads nothing by it, nor by a grant of it that came before."""
        entry.told.discard(person)
        for each in case.entries:
            for by in (entry.id, grant_of(entry)):
                each.opened.get(person, {}).pop(by, None)

    def raised(self, case: Case, class_: int, *, kept: Collection[UUID]) -> None:
        """The account and what corrects it are of the new class now; who keeps sight keeps what they read, no more."""
        rising = [entry for entry in case.entries if entry.of_account and entry.class_ < class_]
        for entry in rising:
            keeping = [person for person in kept if self.may_read(person, case, entry)]
            entry.class_ = class_
            for person in keeping:
                if entry.author != person:
                    entry.open(person, by=new_id(), class_=class_)
        case.class_ = class_


# --- the service, driven beside it ---------------------------------------------------------------------------------


class Sight(RuleBasedStateMachine):
    """A school where anything may follow on anything."""

    resources: Any
    keys: Keys
    carried_out: dict[str, int] = {}

    def __init__(self) -> None:
        super().__init__()
        self.service = service_module.Service()
        self.service.host = self.resources
        self.school = create_school(resources=self.resources, roles=())
        self.model = Model()
        self.changed = 0

    @initialize()
    def begin(self) -> None:
        """Two leads, SLT, three who only write; three pupils; an incident of each class, told to somebody."""
        for role in ("dsl", "deputy_dsl", "slt", "teacher", "teacher", "pastoral"):
            self.give_role(new_id(), role)
        for _ in range(3):
            self.keep_pupil(new_id(), set())
        people, pupils = list(self.model.roles), list(self.model.parents)
        for number, code in enumerate(CLASSES):
            asked = [people[5]] if code == "safeguarding_concern" else []
            self.write(author=people[0 if code == "child_protection" else 3], pupil=pupils[number % 3], code=code, told=[people[4]], asked=asked)

    # each rule chooses by number, so that a shrunk failure reads well

    @rule(
        who=st.integers(0, 5),
        about=st.integers(0, 2),
        code=st.sampled_from(list(CLASSES)),
        told=st.sets(st.integers(0, 5), max_size=2),
        ask=st.booleans(),
    )
    def record(self, who: int, about: int, code: str, told: set[int], ask: bool) -> None:
        people, pupils = list(self.model.roles), list(self.model.parents)
        named = [people[n] for n in told]
        self.write(author=people[who], pupil=pupils[about], code=code, told=[] if ask else named, asked=named if ask else [])

    @rule(who=st.integers(0, 5), which=st.integers(0, 20), told=st.sets(st.integers(0, 5), max_size=2))
    def add_action(self, who: int, which: int, told: set[int]) -> None:
        incident, person = self.incident(which), list(self.model.roles)[who]
        self.act(incident, person, told=told, codes=[], keep=set())

    @rule(
        who=st.integers(0, 1),
        which=st.integers(0, 20),
        code=st.sampled_from(list(CLASSES)),
        told=st.sets(st.integers(0, 5), max_size=1),
        keep=st.sets(st.integers(0, 5), max_size=2),
    )
    def raise_class(self, who: int, which: int, code: str, told: set[int], keep: set[int]) -> None:
        person = self.lead(who)
        if person:
            self.act(self.incident(which), person, told=told, codes=[code], keep=keep)

    @rule(who=st.integers(0, 1), which=st.integers(0, 20), what=st.integers(0, 5))
    def correct(self, who: int, which: int, what: int) -> None:
        person, incident = self.lead(who), self.incident(which)
        case = self.model.cases[incident]
        struck = case.entries[what % len(case.entries)]
        fix = AddCorrection(id=new_id(), incident_id=incident, entry_id=struck.id, reason="R", should_say="S")
        done = self.attempt("correct", fix, person) if person else None
        if done:
            entry = Entry(fix.id, person, struck.class_, of_account=struck.of_account)  # type: ignore[arg-type]
            case.entries.append(entry)
            for recipient in done.recipients:  # told of the correction alone: nothing before it is opened by it
                entry.open(recipient.person_id, by=entry.id, class_=entry.class_)
            entry.told = {recipient.person_id for recipient in done.recipients}

    @rule(who=st.integers(0, 1), about=st.integers(0, 2), whom=st.integers(0, 5), accept=st.booleans())
    def answer_ask(self, who: int, about: int, whom: int, accept: bool) -> None:
        """Somebody who only writes asks for one more person; a lead answers the request that waits longest."""
        writers = [person for person, role in self.model.roles.items() if role in WRITES_ONLY]
        if writers:
            asked, pupil = list(self.model.roles)[whom], list(self.model.parents)[about]
            self.write(author=writers[0], pupil=pupil, code="safeguarding_concern", told=[], asked=[asked])
        person = self.lead(who)
        found = self.attempt("asks", OpenAsks(), person) if person else None
        for ask in found.items[:1] if found else []:
            case = self.model.cases[ask.incident_id]
            done = self.attempt("answer", AnswerAsk(ask_id=ask.id, accept=accept, reason="Needs it"), person)
            if done is not None and accept:
                assert ask.person_id not in self.model.parents[case.pupil], "granted what is about their own child"
                named = next(entry for entry in case.entries if entry.id == ask.entry_id)
                self.model.sent(case, named, [ask.person_id], by=grant_of(named))

    @rule(who=st.integers(0, 1), which=st.integers(0, 20), told=st.sets(st.integers(0, 5), min_size=1, max_size=2), at_once=st.booleans())
    def drop(self, who: int, which: int, told: set[int], at_once: bool) -> None:
        """Somebody's role had changed when alerts heard of an action that a lead sent them, or of an older entry: they were not told."""
        lead, incident = self.lead(who), self.incident(which)
        case = self.model.cases[incident]
        if lead:
            self.act(incident, lead, told=told, codes=[], keep=set())
        sent = [(entry, person) for entry in case.entries for person in sorted(entry.told)]
        for entry, person in sent[-1:] if at_once else sent[:1]:
            said = {"incident_id": incident, "entry_id": entry.id, "person_id": person}
            event = alerts.RecipientDropped(id=new_id(), at=NOW, school_id=self.school.id, subject=new_id(), sequence=1, **said)
            with self.resources.transaction(self.resources.engine, school_id=self.school.id) as tx:
                service_module.HANDLERS[alerts.RecipientDropped](tx, event)
            self.model.dropped(case, entry, person)
            self.carried_out["drop"] = self.carried_out.get("drop", 0) + 1

    @rule(who=st.integers(0, 5), role=st.sampled_from(ROLES))
    def change_role(self, who: int, role: str) -> None:
        person = list(self.model.roles)[who]
        others = [held for each, held in self.model.roles.items() if each != person]
        if "dsl" in [*others, role]:  # a school is never left without one
            self.give_role(person, role)

    @rule(who=st.integers(0, 5), about=st.integers(0, 2), is_parent=st.booleans())
    def change_parents(self, who: int, about: int, is_parent: bool) -> None:
        person, pupil = list(self.model.roles)[who], list(self.model.parents)[about]
        self.keep_pupil(pupil, self.model.parents[pupil] | {person} if is_parent else self.model.parents[pupil] - {person})

    @rule(about=st.integers(0, 2))
    def every_lead_is_a_parent(self, about: int) -> None:
        pupil = list(self.model.parents)[about]
        self.keep_pupil(pupil, self.model.parents[pupil] | {p for p, role in self.model.roles.items() if role in LEADS})

    @rule(who=st.integers(0, 1), whom=st.integers(0, 5))
    def stand_in(self, who: int, whom: int) -> None:
        giver, person = self.lead(who), list(self.model.roles)[whom]
        if giver and self.attempt("stand_in", KeepStandIn(id=new_id(), person_id=person, reason="The head"), giver) is not None:
            self.model.stand_ins.add(person)

    @precondition(lambda self: self.model.stand_ins)
    @rule(who=st.integers(0, 1))
    def end_stand_ins(self, who: int) -> None:
        with self.resources.transaction(self.resources.engine, school_id=self.school.id) as tx:
            held = [row.id for row in store.stand_ins_of(tx, school_id=self.school.id)]
        giver = self.lead(who)
        for id_ in held if giver else []:
            self.attempt("end_stand_in", EndStandIn(stand_in_id=id_), giver)
        if giver:
            self.model.stand_ins.clear()

    @rule(code=st.sampled_from(["behaviour", "welfare"]), class_=st.sampled_from(["general", "welfare", "safeguarding"]))
    def change_category(self, code: str, class_: str) -> None:
        """What is recorded already keeps the class it has."""
        codes = {c.code: c for c in permissions.FIRST_CATEGORIES}
        self.classes[code] = int(Class.of(class_))
        state = identity.SchoolChanged.CategoryState
        rows = [
            state(code=c, class_code=Class(self.classes.get(c, k.class_)).code, groups=list(k.groups), leads_only=k.leads_only)
            for c, k in codes.items()
        ]
        self.changed += 1
        said = {"zone": "Europe/London", "categories": rows, "groups": [], "day_ends_minute": 930, "trust_id": self.school.id}
        event = identity.SchoolChanged(id=new_id(), at=NOW, school_id=self.school.id, subject=self.school.id, sequence=self.changed, **said)
        with self.resources.transaction(self.resources.engine, school_id=self.school.id) as tx:
            service_module.HANDLERS[identity.SchoolChanged](tx, event)

    # --- held together after every step

    @invariant()
    def everybody_reads_what_the_design_gives_them_and_nothing_else(self) -> None:
        entries = [(case, entry) for case in self.model.cases.values() for entry in case.entries]
        ids = [entry.id for _, entry in entries]
        for person, role in self.model.roles.items():
            given = {entry.id for case, entry in entries if self.model.may_read(person, case, entry)}
            found = set(self.ask(Readable(entry_ids=ids), person).entry_ids) if ids else set()
            assert found <= given, f"a {role} reads what the rules do not give them"
            assert given <= found, f"a {role} does not read what is theirs"

    def teardown(self) -> None:
        """At the end by the pages' own ways too: the incident, and the chronology of its pupil."""
        for incident, case in self.model.cases.items():
            for person in self.model.roles:
                given = [entry for entry in case.entries if self.model.may_read(person, case, entry)]
                classes = {entry.id: Class(self.model.class_seen(person, case, entry)) for entry in given}
                try:
                    page = self.ask(Incident(incident_id=incident), person)
                except NotFound:
                    assert not given
                    continue
                assert {entry.id: Class.of(entry.class_code) for entry in page.entries} == classes
                assert Class.of(page.class_code) == max(classes.values())
                assert set(page.categories) == {code for entry in given for code in entry.codes}
        for pupil in self.model.parents:
            cases = [case for case in self.model.cases.values() if case.pupil == pupil]
            for person in self.model.roles:
                read = [(case, entry) for case in cases for entry in case.entries if self.model.may_read(person, case, entry)]
                page = self.ask(Chronology(pupil_id=pupil, limit=500), person)
                assert {line.id for line in page.items} == {entry.id for _, entry in read}
                assert page.total == len(read), "not even counted"
                seen = {line.id: (Class.of(line.class_code), line.categories) for line in page.items}
                assert seen == {e.id: (Class(self.model.class_seen(person, c, e)), self.model.codes_seen(person, c, e)) for c, e in read}
                for code in ("child_protection", "welfare"):
                    found = self.ask(Chronology(pupil_id=pupil, limit=500, category_codes=[code]), person)
                    given = {entry.id for case, entry in read if self.model.is_found_by(code, person, case, entry)}
                    assert {line.id for line in found.items} == given
                    assert found.total == sum(month.count for month in found.months) == len(given), "no month tells of it either"

    # --- doing

    @property
    def classes(self) -> dict[str, int]:
        return self.__dict__.setdefault("_classes", dict(CLASSES))  # type: ignore[no-any-return]

    def lead(self, number: int) -> UUID | None:
        leads = [person for person, role in self.model.roles.items() if role in LEADS]
        return leads[number % len(leads)] if leads else None

    def incident(self, number: int) -> UUID:
        return list(self.model.cases)[number % len(self.model.cases)]

    def give_role(self, person: UUID, role: str) -> None:
        with self.resources.transaction(self.resources.engine, school_id=self.school.id) as tx:
            store.keep_staff(tx, school_id=self.school.id, person_id=person, roles=[role], active=True)
        self.model.roles[person] = role

    def keep_pupil(self, pupil: UUID, parents: set[UUID]) -> None:
        seed = SeedPupil(id=pupil, name="A Pupil", year="", form="", born=dt.date(2016, 2, 29), family=pupil, relatives=sorted(parents))
        token = actors.service_token(keys=self.service_keys, service="demo", school_id=self.school.id, methods=[ImportPupils.method])
        self.call(ImportPupils(pupils=[seed]), token)
        self.model.parents[pupil] = parents

    def write(self, *, author: UUID, pupil: UUID, code: str, told: list[UUID], asked: list[UUID]) -> None:
        alert = Alert(staff_ids=[p for p in told if p != author], reasons=dict.fromkeys(told, "Needs it"), ask_dsl=asked)
        wanted = Record(id=new_id(), pupil_id=pupil, occurred_at=NOW, kind="other", narrative="N", category_codes=[code], alert=alert)
        done = self.attempt("record", wanted, author)
        if done:
            case = Case(pupil, self.classes[code], [Entry(wanted.id, author, self.classes[code], of_account=True, codes=[code])], codes=[code])
            self.model.cases[wanted.id] = case
            self.told(case, case.entries[0], done.recipients, by=author)

    def act(self, incident: UUID, person: UUID, *, told: set[int], codes: list[str], keep: set[int]) -> None:
        case, people = self.model.cases[incident], list(self.model.roles)
        named = [people[n] for n in told if people[n] != person]
        class_ = max([case.class_, *(self.classes[code] for code in codes)])
        alert = Alert(staff_ids=named, reasons=dict.fromkeys(named, "Needs it"))
        kept = {people[n] for n in keep}
        if codes:
            shown = self.attempt("preview", PreviewAlert(incident_id=incident, category_codes=codes, alert=alert), person)
            kept &= set(shown.loses_sight) if shown else set()
        wanted = AddAction(id=new_id(), incident_id=incident, text="T", category_codes=codes, alert=alert, keep=sorted(kept), keep_reason="Needs it")
        done = self.attempt("raise" if class_ > case.class_ else "act", wanted, person)
        if done:
            assert any(self.model.may_read(person, case, entry) for entry in case.entries), "added to what they do not read"
            if class_ > case.class_:
                self.model.raised(case, class_, kept=kept)
            case.codes += [code for code in codes if code not in case.codes]
            case.entries.append(Entry(wanted.id, person, class_, of_account=False, codes=codes))
            self.told(case, case.entries[-1], done.recipients, by=person)

    def told(self, case: Case, entry: Entry, recipients: Any, *, by: UUID) -> None:
        people = [recipient.person_id for recipient in recipients]
        for person in people:
            assert self.model.may_be_sent(person, case, entry.class_, by=by), f"a {self.model.roles[person]} was sent it"
        self.model.sent(case, entry, people, by=entry.id)
        entry.told = set(people)

    def attempt(self, what: str, request: Any, person: UUID | None) -> Any:
        """Ask; None for what is refused: that is no change of who reads what."""
        assert person is not None
        try:
            done = self.ask(request, person)
        except (Invalid, NotAllowed, NotFound):
            return None
        self.carried_out[what] = self.carried_out.get(what, 0) + 1
        return done

    def ask(self, request: Any, person: UUID) -> Any:
        token = actors.person_token(
            keys=self.keys,
            person_id=person,
            name="Test Person",
            roles=frozenset({self.model.roles[person]}),
            school_id=self.school.id,
            trust_id=None,
            session_id=new_id(),
            second_factor_at=clock.now(),
        )
        return self.call(request, token)

    def call(self, request: Any, token: str) -> Any:
        from safekeep.rpc import envelope

        answer = getattr(self.service, request.method.partition(".")[2])(envelope(request, token=token, seconds=30))
        return request.answer.receive(answer)


FINDING = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    report_multiple_bugs=False,  # else it goes on to look for another when it has found one
)


@pytest.fixture
def machine(resources: Callable[..., Any], keys_folder: Any) -> type[Sight]:
    class Held(Sight):
        pass

    Held.resources = resources("incidents")
    Held.keys = Keys.load(keys_folder / "process" / "identity.json")
    Held.service_keys = Keys.load(keys_folder / "process" / "demo.json")  # type: ignore[attr-defined]
    Held.carried_out = {}
    return Held


@pytest.mark.timeout(900)  # on a slow machine, beside two other workers, the 300 seconds of every test cut it short
def test_nobody_ever_reads_what_the_rules_do_not_give_them_and_authors_always_their_own_words(machine: type[Sight]) -> None:
    """Against a real database, 40 sequences of 20 steps; and enough of each kind of step gets through for that to mean something."""
    run_state_machine_as_test(machine, settings=settings(FINDING, phases=[Phase.generate, Phase.shrink]))
    few = {what: machine.carried_out.get(what, 0) for what in ("record", "act", "raise", "correct", "answer", "drop", "stand_in")}
    assert min(few.values()) >= 5, few


# --- rules that are broken on purpose ------------------------------------------------------------------------------


def _own_child_forgotten(reading: Reading) -> Any:
    return sa.or_(_right_readable(Reading(reading.person_id, reading.role_class)), _by_role(reading))


def _by_role(reading: Reading) -> Any:
    return tables.entries.c["class"] <= int(reading.role_class or 0)


def _one_class_too_many(reading: Reading) -> Any:
    return _right_readable(Reading(reading.person_id, Class(reading.role_class + 1) if reading.role_class == Class.WELFARE else reading.role_class))


def _a_right_outlives_a_raise(reading: Reading) -> Any:
    held = sa.select(tables.rights.c.entry_id).where(tables.rights.c.person_id == reading.person_id)
    parents = sa.select(tables.incident_pupils.c.incident_id).join(tables.relations, tables.relations.c.pupil_id == tables.incident_pupils.c.pupil_id)
    mine = parents.where(tables.relations.c.person_id == reading.person_id)
    return sa.or_(_right_readable(reading), sa.and_(tables.entries.c.id.in_(held), tables.entries.c.incident_id.not_in(mine)))


def _authors_forgotten(reading: Reading) -> Any:
    return sa.and_(_right_readable(reading), tables.entries.c.author_id != reading.person_id)


def _stand_ins_read_all(reading: Reading) -> Any:
    theirs = sa.select(sa.literal(1)).where(tables.stand_ins.c.person_id == reading.person_id, tables.stand_ins.c.ended_at.is_(None))
    return sa.or_(_right_readable(reading), theirs.exists())


_right_readable = reading_store.readable
BROKEN_READING = {
    "nothing keeps somebody from what is about their own child": _own_child_forgotten,
    "SLT read one class too many": _one_class_too_many,
    "a right to an entry outlives the raising of its class": _a_right_outlives_a_raise,
    "authors do not read their own words": _authors_forgotten,
    "who stands in reads everything": _stand_ins_read_all,
}


@pytest.mark.parametrize("broken", BROKEN_READING)
def test_a_broken_rule_of_reading_is_found(machine: type[Sight], monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setattr(reading_store, "readable", BROKEN_READING[broken])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=FINDING)


BROKEN_SEEING = {
    "authors are shown what their entry became": ("sees", lambda _: sa.literal("incident")),
    "who wrote after a raise is shown it by their own entry": ("sees", lambda reading: sa.case((_right_knows(reading), "incident"), else_="entry")),
    "a filter finds by what was added later": ("_knows", lambda _: sa.true()),
}
_right_knows = reading_store._knows


@pytest.mark.parametrize("broken", BROKEN_SEEING)
def test_a_broken_rule_of_what_is_seen_of_class_and_categories_is_found(machine: type[Sight], monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setattr(reading_store, *BROKEN_SEEING[broken])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=FINDING)


def _alerts_open_every_class(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = entries_store._ADD_ENTRY.text.replace("e.id, p.person_id, :class, ", "e.id, p.person_id, 4, ")
    assert wrong != entries_store._ADD_ENTRY.text
    monkeypatch.setattr(entries_store, "_ADD_ENTRY", sa.text(wrong))


def _the_account_keeps_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries_store, "rises", lambda incident_id: sa.false())


def _everybody_may_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "may_be_told", lambda **_: permissions.Telling.ALLOWED)


def _a_dropped_alert_takes_one_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sight, "not_told", lambda entries, entry_id, **_: {entry_id: None})


BROKEN_WRITING = {
    "an alert opens an entry whatever class it comes to have": _alerts_open_every_class,
    "raising a class leaves the account as it was": _the_account_keeps_its_class,
    "anybody may be sent anything": _everybody_may_be_told,
    "who was not told after all keeps what stood before it": _a_dropped_alert_takes_one_right,
}


@pytest.mark.parametrize("broken", BROKEN_WRITING)
def test_a_broken_rule_of_writing_is_found(machine: type[Sight], monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    BROKEN_WRITING[broken](monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=FINDING)
