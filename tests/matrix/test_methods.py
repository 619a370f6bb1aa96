"""Every RPC method as everybody, everywhere, for entries of every class, against docs/permissions.md."""

import base64
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from safekeep import actor as actors
from safekeep import clock, keys, permissions
from safekeep.contracts import Nothing
from safekeep.errors import NotAllowed, NotFound, NotSignedIn, SafekeepError
from safekeep.ids import new_id
from safekeep.permissions import SAFEGUARDING_LEADS, Class, Role
from tests.matrix import samples, table
from tests.matrix.running import printed
from tests.matrix.table import METHODS, READS, Row
from tests.matrix.world import ABOUT, OF_CHILD, SCHOOL_ROLES, Made, Place, Undo, World, marker

REQUESTS = samples.REQUESTS
SERVICES_THAT_ASK = [purpose.removeprefix("service-") for purpose in keys.SIGNING if purpose.startswith("service-")]
"""Those with a key of their own to sign with."""


@pytest.fixture
def undo(world: World) -> Iterator[Undo]:
    with world.undoing() as held:
        yield held


class Outcome:
    """What came of a call: an answer, or a refusal."""

    def __init__(self, world: World, request: Any, token: str) -> None:
        self.error: SafekeepError | None = None
        self.answer: Any = None
        try:
            self.answer = world.ask(request, token=token)
        except SafekeepError as error:
            self.error = error

    @property
    def is_for_others(self) -> bool:
        return isinstance(self.error, NotAllowed) and self.error.reason in ("role", "scope")

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, Outcome)
        return (type(self.error), getattr(self.error, "args", None), self.text) == (type(other.error), getattr(other.error, "args", None), other.text)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self.error).__name__}{self.error.args}" if self.error else type(self.answer).__name__

    @property
    def text(self) -> str:
        """All the words of the answer, those inside a document or a file too."""
        if self.answer is None:
            return ""
        data = getattr(self.answer, "data", b"")
        if data.startswith(b"%PDF") and getattr(self.answer, "media_type", "") == "application/pdf" and not hasattr(self.answer, "size"):
            return printed(data)
        said = self.answer.model_dump_json()
        return said + base64.b64encode(data).decode() if data else said


def readers(place: Place, about: str) -> list[str]:
    """Who is tried on things about a pupil: every role of the school, authors and those told; for a child of staff its parents.

    For a child of every DSL and deputy the head too; the DSLs are those whose child it is.
    """
    if about == "left":
        leads = [role.value for role in SAFEGUARDING_LEADS]
        return [n for n in place.people if n not in leads and (n in {f"{lead} whose child it is" for lead in leads} or not is_parent(n))]
    return [name for name in place.people if name != "head" and is_parent(name) == (about in OF_CHILD)]


def is_parent(reader: str) -> bool:
    return reader.endswith("whose child it is")


def may_read(reader: str, about: str, class_: Class) -> bool:
    """Whether somebody may read what is recorded of a class about a pupil: as who they are to it, else by their role alone."""
    role = World.role_of(reader)
    if about == "left":
        is_lead = role in SAFEGUARDING_LEADS
        return not is_lead and READS[role if is_parent(reader) else reader, class_]
    if reader == "head" or is_parent(reader) != (about in OF_CHILD):
        return reader == "told" or READS[role, class_]
    return READS[reader, class_]


def acted_in(reader: str, about: str) -> bool:
    """Whether somebody wrote the actions of incidents of which they read nothing else: the DSL, before it was known whose child it is."""
    return reader == "dsl" and about == "left"


def owns(row: Row, reader: str, class_: Class) -> bool:
    """Whether the thing named is one the reader may name."""
    return {
        "reader": READS[reader, class_],
        "author": reader.startswith("author"),
        "recipient": reader == "dsl",  # the alert of the world is the DSL's
        "here": True,
        "trust": True,
        "": True,
    }[row.whose]


@pytest.mark.parametrize("method", sorted(REQUESTS))
def test_who_may_call_it_at_their_own_school(world: World, undo: Undo, method: str) -> None:
    """Each role at its own school or trust: let in or refused as the table says; signed out: nobody."""
    row, request, here = METHODS[method], REQUESTS[method], world.own
    about = samples.ABOUT.get(method, "pupil")
    made = here.made[about, Class.SAFEGUARDING]
    wanted = samples.sample(request, place=here, made=made)
    with undo.cell():
        nobody = Outcome(world, wanted, "")
    if row.is_open:
        gives_nothing = isinstance(nobody.answer, Nothing) or row.gives == "offers"
        assert isinstance(nobody.error, SafekeepError) or gives_nothing, f"without any proof it answered {nobody}"
        return
    assert isinstance(nobody.error, NotSignedIn), f"signed out: {nobody}"
    for role in Role:
        with undo.cell():
            of_trust = samples.sample(request, place=here, made=made, trust=True)
            found = asked(world, request, here, made, role) if role in SCHOOL_ROLES else Outcome(world, of_trust, token_of(world, role))
        if not table.may(row, role):
            assert found.is_for_others, f"{role}: {found}"
        elif row.whose in ("", "here", "trust"):
            assert not isinstance(found.error, NotAllowed | NotSignedIn | NotFound), f"{role}: {found}"
        elif owns(row, role, Class.SAFEGUARDING) and method not in samples.NOT_MADE_HERE:
            assert found.error is None, f"{role}: {found}"


@pytest.mark.parametrize("method", sorted(REQUESTS))
def test_which_services_may_call_it(world: World, undo: Undo, method: str) -> None:
    """A timer's or a rebuild's own token calls what the table names for its service, and of that what the token itself lists; nothing else."""
    row, here = METHODS[method], world.own
    if row.is_open:
        return
    made = here.made["pupil", Class.SAFEGUARDING]
    for service in SERVICES_THAT_ASK:
        with undo.cell():
            found = Outcome(world, samples.sample(REQUESTS[method], place=here, made=made), world.service_token(service, here.id))
        assert found.is_for_others != (service in row.services), f"{service}: {found}"
        if service in row.services:
            others = [each for each in METHODS if each != method]
            with undo.cell():
                token = world.service_token(service, here.id, methods=others)
                found = Outcome(world, samples.sample(REQUESTS[method], place=here, made=made), token)
            assert found.is_for_others, f"{service}, with a token that lists every other method: {found}"


@pytest.mark.parametrize("method", sorted(REQUESTS))
def test_what_a_machine_may_call(world: World, undo: Undo, method: str) -> None:
    """Each scope opens what the table names for it, at the machine's own school or trust, and nothing else."""
    row, here = METHODS[method], world.own
    if row.is_open:
        return
    for scope in permissions.SCOPES + permissions.TRUST_SCOPES:
        where = {"school_id": here.id} if scope in permissions.SCOPES else {"trust_id": world.trusts["near"]}
        token = actors.machine_token(keys=world.keys["identity"], machine_id=new_id(), scopes=frozenset({scope}), **where)
        with undo.cell():
            found = Outcome(world, samples.sample(REQUESTS[method], place=here, made=here.made["pupil", Class.SAFEGUARDING]), token)
        assert found.is_for_others != (scope in row.scopes), f"{scope}: {found}"
        assert found.is_for_others or found.error is None, f"{scope}: {found}"
        assert f"zq{here.slug}" not in found.text, f"{scope} was given words of entries"


@pytest.mark.parametrize("method", sorted(REQUESTS))
def test_what_a_jobs_token_may_call(world: World, undo: Undo, method: str) -> None:
    """Of a DSL who asked for an export, of a teacher whose chronology is printed: what the job lists, at the process it is for, and nothing else."""
    row, here = METHODS[method], world.own
    if row.is_open:
        return
    made = here.made["pupil", Class.SAFEGUARDING]
    for job, reader in ((permissions.JOBS["export"], "dsl"), (permissions.JOBS["chronology"], "teacher")):
        token = actors.on_behalf_token(
            keys=world.keys["identity"],
            person_id=here.people[reader],
            name="Test Person",
            roles=frozenset({reader}),
            school_id=here.id,
            session_id=new_id(),
            second_factor_at=clock.now(),
            job_id=new_id(),
            service=job.by,
            audience=job.audience,
            methods=job.methods,
        )
        with undo.cell():
            found = Outcome(world, samples.sample(REQUESTS[method], place=here, made=made), token)
        if method in job.methods:
            assert found.error is None, f"{reader}: {found}"
        else:
            elsewhere = method.partition(".")[0] != job.audience
            assert isinstance(found.error, NotSignedIn) if elsewhere else found.is_for_others, f"{reader}: {found}"


@pytest.mark.parametrize("method", sorted(m for m, r in REQUESTS.items() if not METHODS.get(m, Row(m, ("anyone",), "", "")).is_open))
def test_what_is_of_another_school_answers_like_nothing(world: World, undo: Undo, method: str) -> None:
    """Each role at another school of the trust and at another trust, naming what is of this one: as for ids of nothing, and nothing changes."""
    row, request, here = METHODS[method], REQUESTS[method], world.own
    made = here.made[samples.ABOUT.get(method, "pupil"), Class.GENERAL]
    before = untouched(world)
    tried = [
        (role, place, trust)
        for place, trust in ((world.sibling, "near"), (world.foreign, "far"))
        for role in Role
        if table.may(row, role) and (role in SCHOOL_ROLES or trust == "far") and not (row.whose == "trust" and trust == "near")
    ]
    with undo.cell():
        for role, place, trust in tried:
            wanted = samples.sample(request, place=here, made=made, trust=role not in SCHOOL_ROLES)
            found = Outcome(world, wanted, token_of(world, role, place=place, trust=trust))
            assert f"zq{here.slug}" not in found.text, f"{role} at {place.slug} was given words of {here.slug}"
            if row.whose:
                nothing = Outcome(world, samples.sample(request, place=here, made=made, real=False), token_of(world, role, place=place, trust=trust))
                assert repr(found) == repr(nothing), f"{role} at {place.slug}: {found}, of nothing {nothing}"
        assert world.fingerprint(here) == before, f"somebody elsewhere changed what is of {here.slug}"


@pytest.mark.parametrize("method", sorted(m for m, r in METHODS.items() if any(table.may(r, role) for role in SCHOOL_ROLES)))
def test_who_reads_what_of_which_class(world: World, undo: Undo, method: str) -> None:
    """Every reader, the parents of a child among them, for entries of each class: theirs to read and answered, or like ids of nothing."""
    row, request, here = METHODS[method], REQUESTS[method], world.own
    kinds = [samples.ABOUT[method]] if method in samples.ABOUT else ["pupil", "child", "linked", "left"]
    for about in kinds:
        for reader in readers(here, about):
            role = world.role_of(reader)
            if not table.may(row, role):
                continue  # refused as a whole: tried above
            with undo.cell():
                nothing = asked(world, request, here, here.made[about, Class.SAFEGUARDING], reader, real=False)
            answers: dict[str, Outcome] = {}  # a whole chronology names no class: asked once, held against each
            for class_ in Class:
                if method in samples.NEEDS_ASK and class_ not in samples.FROM_SAFEGUARDING:
                    continue
                made = here.made[about, class_]
                wanted = samples.sample(request, place=here, made=made).model_dump_json()
                if wanted not in answers:
                    with undo.cell():
                        answers[wanted] = asked(world, request, here, made, reader)
                found = answers[wanted]
                cell = f"{reader}, {class_.code}, about the {about}: {found}"
                if row.whose in ("reader", "author", "recipient") and method not in samples.NOT_MADE_HERE:
                    assert (repr(found) == repr(nothing) and same(found, nothing)) != owns(row, reader, class_), cell
                    assert not (owns(row, reader, class_) and found.error), cell
                words_are_theirs(row, found, here=here, reader=reader, asked_for=made, cell=cell)
                incidents_are_theirs(found, here=here, reader=reader, asked_for=made, cell=cell)
                if not request_is_of_a_class(request):
                    break


@cache
def untouched(world: World) -> dict[str, str]:
    """Return the fingerprint of the first school as it was made: whatever a cell does is rolled back."""
    return world.fingerprint(world.own)


def asked(world: World, request: Any, here: Place, made: Made, reader: str, *, real: bool = True) -> Outcome:
    """Ask as a reader; a file is asked for as the gateway does, with incidents' pass where that gives one. The lead is handed to another."""
    wanted = samples.sample(request, place=here, made=made, real=real)
    token = world.as_(here, reader)
    if request.method == "incidents.hand_lead" and wanted.person_id == here.people[reader]:
        wanted = wanted.model_copy(update={"person_id": here.people["dsl"]})
    if request.method == "files.read":
        found = Outcome(world, REQUESTS["incidents.permit_file"](file_id=wanted.file_id), token)
        wanted = wanted.model_copy(update={"pass_token": found.answer.token if found.answer else ""})
    return Outcome(world, wanted, token)


def words_are_theirs(row: Row, found: Outcome, *, here: Place, reader: str, asked_for: Made, cell: str) -> None:
    """No word of an entry the reader may not read is in the answer; and those the method is for are."""
    text = found.text
    for about in ABOUT:
        for class_ in Class:
            reads = may_read(reader, about, class_)
            wrote = reads and reader.startswith("author")
            action = row.gives != "own" and not acted_in(reader, about) and marker(here, about, class_, "action") in text
            is_in = marker(here, about, class_) in text or action
            may_be_in = {"account": reads, "latest": reads, "own": wrote}.get(row.gives, False)
            assert may_be_in or not is_in, f"{cell}: words of a {class_.code} entry about the {about}"
            named = (about, class_) == (asked_for.about, asked_for.class_)
            if row.gives == "account" and reads and named and found.error is None:
                assert marker(here, about, class_) in text, f"{cell}: its own words are missing"
            if row.gives == "own" and wrote:
                assert marker(here, about, class_) in text, f"{cell}: their own words are missing"


def incidents_are_theirs(found: Outcome, *, here: Place, reader: str, asked_for: Made, cell: str) -> None:
    """No incident the reader reads nothing of is named in the answer: not in an inbox, among requests to a DSL, or by a draft."""
    for made in here.made.values():
        reads = may_read(reader, made.about, made.class_) or acted_in(reader, made.about)
        if made is not asked_for and not reads:
            assert str(made.ids["incident_id"]) not in found.text, f"{cell}: it names a {made.class_.code} incident about the {made.about}"


def request_is_of_a_class(request: Any) -> bool:
    """Whether what the request names is of a class: an entry, or what hangs on one."""
    fields = {
        *request.model_fields,
        *(n for f in request.model_fields.values() if hasattr(f.annotation, "model_fields") for n in f.annotation.model_fields),
    }
    return not fields.isdisjoint({"incident_id", "entry_ids", "file_id", "file_ids", "alert_id", "ask_id", "draft_id", "pupil_id"})


def same(one: Outcome, other: Outcome) -> bool:
    """Whether two outcomes say the same, ids of what was asked for aside."""
    return one == other


@pytest.mark.parametrize("method", sorted(m for m, r in METHODS.items() if not r.is_open))
def test_what_needs_the_second_factor_again(world: World, undo: Undo, method: str) -> None:
    """With a second factor used too long ago: refused for just those methods the table marks."""
    row, here = METHODS[method], world.own
    made = here.made[samples.ABOUT.get(method, "pupil"), Class.SAFEGUARDING]
    for role in (Role.DSL, Role.SLT, Role.TRUST_IT):
        if not table.may(row, role):
            continue
        with undo.cell():
            found = Outcome(world, samples.sample(REQUESTS[method], place=here, made=made), token_of(world, role, stale=True))
        refused = isinstance(found.error, NotAllowed) and found.error.reason == "step_up"
        assert refused == row.again, f"{role}: {found}"


def token_of(world: World, role: Role, *, place: Place | None = None, trust: str = "near", stale: bool = False) -> str:
    """Return a token of the role: at a school, or at a trust."""
    if role in SCHOOL_ROLES:
        where = place or world.own
        return world.token(where.people[role], role, school=where, stale=stale)
    return world.token(world.trust_people[trust, role], role, trust_id=world.trusts[trust], stale=stale)
