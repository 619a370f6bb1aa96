"""The calls of the JSON API, in one table: address, what is sent, what is answered. Only shapes here; services decide."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field
from werkzeug.datastructures import FileStorage

from gateway import rpc, uploads
from gateway.api.entering import Machine, body, enter, enter_machine, id_in, once, takes_only, with_id
from gateway.pages import files
from gateway.schools import known
from gateway.session import Here
from safekeep import permissions
from safekeep.body.marks import BodyMap
from safekeep.contracts import Code, Contract, Line, Moment, Name, Narrative, OptionalNarrative
from safekeep.contracts.alerts import Inbox, MarkRead
from safekeep.contracts.files import ReadBodyMap, SaveBodyMap
from safekeep.contracts.identity import SignIn
from safekeep.contracts.incidents import (
    AddAction,
    AddCorrection,
    AddPupils,
    AddPupilsAnswer,
    AskCorrection,
    AssignPupil,
    Chronology,
    CorrectionRequestItem,
    DeclineCorrection,
    Details,
    FollowUpItem,
    FollowUps,
    Incident,
    IncidentAnswer,
    Kind,
    LiftRestriction,
    MyCorrectionRequests,
    OpenCorrectionRequests,
    Part,
    Passages,
    Precision,
    Record,
    Recorded,
    Restrict,
    RestrictionItem,
    SearchPupils,
    SetStatus,
    Status,
    Told,
)
from safekeep.contracts.incidents import Alert as AlertWanted
from safekeep.contracts.incidents import EntryLine as ChronologyLine
from safekeep.contracts.reports import Counts, CountsAnswer, TrustCounts, TrustCountsAnswer
from safekeep.errors import Invalid, NotAllowed, NotFound


class SignInBody(Contract):
    """An e-mail address and password; `school` (slug or name) where the person has several."""

    username: str
    password: str
    code: str | None = None
    school: str | None = None


class Token(Contract):
    """The bearer token."""

    token: str


class PupilFound(Contract):
    """A pupil for a typeahead."""

    id: UUID
    name: Name
    year: Line
    form: Line


class LinkedBody(Contract):
    """Another pupil in it."""

    pupil_id: UUID
    part: Part
    initials: Line = ""


class IncidentBody(Contract):
    """An incident to record."""

    id: UUID | None = None
    pupil_id: UUID
    described_pupil: OptionalNarrative = ""
    occurred_at: Moment | None
    occurred_precision: Precision = "exact"
    kind: Kind
    place: Line = ""
    narrative: Narrative
    told: Told = Told()
    action_taken: OptionalNarrative = ""
    at_risk_now: bool = False
    category_codes: list[Code]
    linked_pupils: list[LinkedBody] = []
    alert: AlertWanted = AlertWanted()
    file_ids: list[UUID] = Field(default=[], max_length=20)
    receipts: dict[UUID, str] = Field(default={}, max_length=20)  # of these files, as `POST /files` gave them: enough while files is away
    child_words: Passages = []  # passages of the text that are a child's own words
    body_map_id: UUID | None = None


class BodyMapBody(BodyMap):
    """A body map: the figure's age and the marks (version 1)."""

    id: UUID | None = None


class BodyMapKept(Contract):
    """Its id, for `body_map_id` of the incident."""

    id: UUID


class ActionBody(Contract):
    """An action to add below an incident."""

    id: UUID | None = None
    text: Narrative
    details: Details | None = None
    category_codes: list[Code] = []
    alert: AlertWanted = AlertWanted()
    file_ids: list[UUID] = Field(default=[], max_length=20)
    receipts: dict[UUID, str] = Field(default={}, max_length=20)  # of these files, as `POST /files` gave them: enough while files is away
    child_words: Passages = []  # passages of the text that are a child's own words
    keep: list[UUID] = []
    keep_reason: Line = ""
    release_line: Line = ""


class StatusBody(Contract):
    """How an incident stands for one of its pupils from now on, and why."""

    id: UUID | None = None
    pupil_id: UUID
    status: Status
    reason: Narrative


class CorrectionBody(Contract):
    """A correction of one entry."""

    id: UUID | None = None
    entry_id: UUID
    reason: Narrative
    should_say: Narrative
    action_taken: OptionalNarrative | None = None
    hide_earlier: bool = False
    request_id: UUID | None = None


class PupilBody(Contract):
    """Whom an incident is about that was recorded of a pupil not listed, or of the wrong one (`from_id`; then with a reason)."""

    id: UUID | None = None
    pupil_id: UUID
    from_id: UUID | None = None
    reason: OptionalNarrative = ""
    request_id: UUID | None = None


class RequestBody(Contract):
    """A request for a correction of one's own entry."""

    id: UUID | None = None
    entry_id: UUID
    text: Narrative


class DeclineBody(Contract):
    """Why there is no correction."""

    reason: Narrative


class RestrictionBody(Contract):
    """An entry about an adult of the school, recorded here by mistake: whom it is about, and which two keep it."""

    id: UUID | None = None
    entry_id: UUID
    about_id: UUID
    keeper_id: UUID
    dsl_id: UUID
    reason: Narrative


class LiftBody(Contract):
    """Why everybody whose role opens it may read it again."""

    reason: Narrative


class RecordedAnswer(Contract):
    """It is recorded: the commit has happened."""

    id: UUID
    number: str
    recorded_at: Moment
    entry_hash: str


class AlertFound(Contract):
    """An alert of the caller's inbox."""

    id: UUID
    incident_id: UUID
    entry_id: UUID
    category: Code
    class_: Code = Field(alias="class")
    recorded_by: UUID
    raised_at: Moment
    read_at: Moment | None


class CategoryFound(Contract):
    """A category the form offers; `allocatable` says whether this person may choose it."""

    code: Code
    name: Name
    class_: Code = Field(alias="class")
    allocatable: bool


class GroupFound(Contract):
    """A group that can be alerted."""

    code: Code
    name: Name


class StaffFound(Contract):
    """A colleague who can be alerted."""

    id: UUID
    name: Name
    job: Line
    roles: list[Code]


class StaffAsked(Contract):
    """Which page of the colleagues found is asked for. Without words to find them by, all of them are one page."""

    limit: int | None = Field(default=None, ge=1, le=100)
    cursor: UUID | None = None


class FileKept(Contract):
    """A file that arrived whole."""

    id: UUID
    name: Name
    size: int
    sha256: str
    receipt: str  # signed: sent with the entry (`receipts`), the file is recorded with it also while files is away


@dataclass(frozen=True)
class Call:
    """One row of the table."""

    verb: Literal["GET", "POST"]
    path: str
    does: Callable[..., Any]
    sends: type[BaseModel] | None = None
    answers: type[BaseModel] | None = None
    is_list: bool = False
    status: int = 200
    query: tuple[str, ...] = ()
    signed_in: bool = True
    at_trust: bool = False  # for who has a role at a trust
    machines: bool = False  # programs with credentials of their own may call it too, where their scope says so

    @property
    def meaning(self) -> str:
        """What it is for, in a line."""
        return (self.does.__doc__ or "").strip().splitlines()[0]

    @property
    def takes(self) -> str:
        """The media type of the body it is sent, if it is sent one."""
        return "multipart/form-data" if self.path == "/files" else "application/json"


def sign_in() -> Any:
    """Sign in; 401 `second-factor-needed` when a code is needed too."""
    sent = rpc.build(SignInBody, **body())
    device = request.headers.get("User-Agent", "")
    answer = rpc.ask(
        rpc.build(
            SignIn,
            username=sent.username,
            password=sent.password,
            code=sent.code,
            device="".join(filter(str.isprintable, device))[:200],
            address=(request.remote_addr or "")[:200],
        ),
        token="",
        seconds=15.0,
    )
    if sent.school is None:
        return Token(token=answer.session_token)
    place = next((p for p in answer.places if sent.school in (p.slug, p.name)), None)
    if place is None:
        raise NotFound("school")
    return Token(token=f"{answer.session_token}.{place.slug}")


def find_pupils(here: Here) -> Any:
    """Pupils of the school any part of whose name starts with the words of `q`."""
    asked = rpc.build(SearchPupils, q=request.args.get("q", ""), **_page())
    found = rpc.ask(asked, token=here.token)
    return [PupilFound(id=p.id, name=p.name, year=p.year, form=p.form) for p in found.items], found.next


def record_incident(here: Here) -> Any:
    """Record an incident. The same `id` again answers the same; with other content 409."""
    given = rpc.build(IncidentBody, **with_id(body()))
    fields = given.model_dump(exclude={"file_ids", "receipts"})
    wanted = rpc.build(Record, **fields, receipts=_receipts(here, given), body_map=_body_map(here, given.body_map_id))
    return _recorded(rpc.ask(wanted, token=here.token, once=once()))


def keep_body_map(here: Here) -> Any:
    """Keep a body map for an incident that is to be recorded with its `body_map_id`. The same `id` again changes it until then."""
    given = rpc.build(BodyMapBody, **with_id(body()))
    drawn = rpc.build(BodyMap, **given.model_dump(exclude={"id"}))
    kept = rpc.ask(rpc.build(SaveBodyMap, body_map_id=given.id, body_map=drawn), token=here.token, once=once())
    return BodyMapKept(id=kept.body_map_id)


def read_incident(here: Here, incident_id: str) -> Any:
    """An incident with the entries the caller may read."""
    return rpc.ask(Incident(incident_id=id_in(incident_id, "incident")), token=here.token)


def add_action(here: Here, incident_id: str) -> Any:
    """Add an action below an incident."""
    given = rpc.build(ActionBody, **with_id(body()))
    fields = given.model_dump(exclude={"file_ids", "receipts"})
    wanted = rpc.build(AddAction, **fields, incident_id=id_in(incident_id, "incident"), receipts=_receipts(here, given))
    return _recorded(rpc.ask(wanted, token=here.token, once=once()))


def set_status(here: Here, incident_id: str) -> Any:
    """Say how an incident stands for one of the pupils in it, and why; DSLs only."""
    given = rpc.build(StatusBody, **with_id(body()))
    wanted = rpc.build(SetStatus, **given.model_dump(), incident_id=id_in(incident_id, "incident"))
    return _recorded(rpc.ask(wanted, token=here.token, once=once()))


def list_follow_ups(here: Here) -> Any:
    """What is asked of the caller (`mine`), by them (`asked`), what is `done`; for DSLs what is `late`, and `all`. Ids, codes and times."""
    found = rpc.ask(rpc.build(FollowUps, view=request.args.get("view", "mine"), **_page()), token=here.token)
    return found.items, found.next


def add_correction(here: Here, incident_id: str) -> Any:
    """Append a correction to an entry; DSLs only."""
    given = rpc.build(CorrectionBody, **with_id(body()))
    wanted = rpc.build(AddCorrection, **given.model_dump(), incident_id=id_in(incident_id, "incident"))
    return _recorded(rpc.ask(wanted, token=here.token, once=once()))


def assign_pupil(here: Here, incident_id: str) -> Any:
    """Say whom an incident is about that was recorded of a pupil not listed, or of the wrong one; DSLs only."""
    given = rpc.build(PupilBody, **with_id(body()))
    wanted = rpc.build(AssignPupil, **given.model_dump(), incident_id=id_in(incident_id, "incident"))
    return _recorded(rpc.ask(wanted, token=here.token, once=once()))


def ask_correction(here: Here) -> Any:
    """Ask a DSL to correct what the caller wrote. The same `id` again is the same request."""
    rpc.ask(rpc.build(AskCorrection, **rpc.build(RequestBody, **with_id(body())).model_dump()), token=here.token, once=once())


def list_requests(here: Here) -> Any:
    """What the caller asked to have corrected, and the answers; with `open` (for DSLs) what nobody has answered."""
    wanted = OpenCorrectionRequests() if request.args.get("open") else MyCorrectionRequests()
    return rpc.ask(wanted, token=here.token).items, None


def decline_correction(here: Here, request_id: str) -> Any:
    """Say why there is no correction; DSLs only. The first answer stands."""
    given = rpc.build(DeclineBody, **body())
    rpc.ask(rpc.build(DeclineCorrection, request_id=id_in(request_id, "request"), reason=given.reason), token=here.token, once=once())


def restrict_entry(here: Here) -> Any:
    """Keep an entry about an adult of the school to the head (or the chair) and one DSL; DSLs only. The same `id` again answers the same."""
    given = rpc.build(RestrictionBody, **with_id(body()))
    return rpc.ask(rpc.build(Restrict, **given.model_dump()), token=here.token, once=once())


def lift_restriction(here: Here, restriction_id: str) -> Any:
    """Give an entry back to everybody whose role opens it: by one of the two it is kept to."""
    given = rpc.build(LiftBody, **body())
    rpc.ask(rpc.build(LiftRestriction, restriction_id=id_in(restriction_id, "restriction"), reason=given.reason), token=here.token, once=once())


def read_chronology(here: Here, pupil_id: str) -> Any:
    """A pupil's entries that the caller may read, newest first."""
    args = request.args
    narrowed = {name: args[name] for name in ("since", "until", "author_id", "words", "order") if args.get(name)}
    asked = rpc.build(Chronology, pupil_id=id_in(pupil_id, "pupil"), category_codes=args.getlist("category"), **narrowed, **_page())
    found = rpc.ask(asked, token=here.token)
    return found.items, found.next


def read_inbox(here: Here) -> Any:
    """The caller's alerts, unread first."""
    found = rpc.ask(rpc.build(Inbox, state=request.args.get("state", "all"), **_page()), token=here.token)
    alerts = [
        AlertFound.model_validate(item.model_dump(include=set(AlertFound.model_fields) - {"class_"}) | {"class": item.class_code})
        for item in found.items
    ]
    return alerts, found.next


def mark_read(here: Here, alert_id: str) -> Any:
    """Mark one of the caller's alerts as read."""
    rpc.ask(MarkRead(alert_id=id_in(alert_id, "alert")), token=here.token, once=once(content=alert_id))


def list_categories(here: Here) -> Any:
    """The school's categories."""
    lead = permissions.is_lead(here.roles)
    rows = known(here).school.categories
    found = [{"code": c.code, "name": c.name, "class": c.class_code, "allocatable": lead or not c.leads_only} for c in rows]
    return [CategoryFound.model_validate(row) for row in found], None


def list_groups(here: Here) -> Any:
    """The groups that can be alerted."""
    return [GroupFound(code=g.code, name=g.name) for g in known(here).school.groups], None


def find_staff(here: Here) -> Any:
    """Colleagues who can be alerted, by words of their name or job."""
    if not here.may_call("identity.staff"):
        raise NotAllowed("role")
    school, words, asked = known(here), request.args.get("q", ""), rpc.build(StaffAsked, **_page())
    people = school.find_staff(words, limit=None) if words else [p for p in school.staff.values() if p.active and permissions.may_record(p.roles)]
    people = sorted(people, key=lambda person: person.person_id)  # who comes or leaves between two pages moves nobody else
    rest = [person for person in people if asked.cursor is None or person.person_id > asked.cursor]
    limit = asked.limit or (50 if words else len(rest))
    found = [StaffFound(id=p.person_id, name=p.name, job=p.job, roles=p.roles) for p in rest[:limit]]
    return found, str(found[-1].id) if len(rest) > limit else None


def read_counts(caller: Here | Machine) -> Any:
    """How many incidents were recorded, by month, class and category, and by all else the page shows: numbers only.

    For DSLs, and machines with `counts.read`. `as_at`: as it stood at the end of a day.
    """
    args = {name: request.args[name] for name in COUNTED_BY if request.args.get(name)}
    return rpc.ask(rpc.build(Counts, **args), token=caller.token, seconds=10.0)


def read_trust_counts(caller: Here | Machine) -> Any:
    """The same side by side of every school of a trust, with the numbers on roll that rates are of.

    For the trust's safeguarding lead, and machines of the trust with `trust.counts.read`: the same whole numbers, small ones too.
    """
    args = {name: request.args[name] for name in COMPARED_BY if request.args.get(name)}
    return rpc.ask(rpc.build(TrustCounts, **args), token=caller.token, seconds=10.0)


def import_pupils(caller: Here | Machine) -> Any:
    """Add pupils, or change their year and form; with `dry_run` only each line's fate is told. For DSLs, and machines with `pupils.import`.

    The same `id` again within seven days answers the same; with other content 409.
    """
    sent, repeatable = body(), once()
    return rpc.ask(rpc.build(AddPupils, **(with_id(sent) if repeatable else sent)), token=caller.token, seconds=30.0, once=repeatable)


def keep_file(here: Here) -> Any:
    """Upload one file (multipart, field `file`)."""
    sent: FileStorage | None = request.files.get("file")
    if sent is None or not sent.filename:
        raise Invalid({"file": "missing"})
    kept = uploads.keep(sent, token=here.token, thing_id=here.answer.person_id, once=once)
    return FileKept(id=kept.file_id, name=kept.name, size=kept.size, sha256=kept.sha256, receipt=kept.receipt)


def send_file(here: Here, file_id: str) -> Any:
    """A file, or the `Range` of it that is asked for: the caller's own until it is sealed, afterwards with the right to read its entry."""
    return files.send(file_id=id_in(file_id, "file"), token=here.token)


COMPARED_BY = ("since", "until", "class_code", "category")
COUNTED_BY = ("since", "until", "as_at", "class_code", "category", "year_group")

CALLS: tuple[Call, ...] = (
    Call("POST", "/sign-in", sign_in, SignInBody, Token, signed_in=False),
    Call("GET", "/pupils", find_pupils, answers=PupilFound, is_list=True, query=("q",)),
    Call("POST", "/pupils", import_pupils, AddPupils, AddPupilsAnswer, machines=True),
    Call("POST", "/incidents", record_incident, IncidentBody, RecordedAnswer, status=201),
    Call("POST", "/body-maps", keep_body_map, BodyMapBody, BodyMapKept, status=201),
    Call("GET", "/incidents/<incident_id>", read_incident, answers=IncidentAnswer),
    Call("POST", "/incidents/<incident_id>/actions", add_action, ActionBody, RecordedAnswer, status=201),
    Call("POST", "/incidents/<incident_id>/status", set_status, StatusBody, RecordedAnswer, status=201),
    Call("GET", "/follow-ups", list_follow_ups, answers=FollowUpItem, is_list=True, query=("view",)),
    Call("POST", "/incidents/<incident_id>/corrections", add_correction, CorrectionBody, RecordedAnswer, status=201),
    Call("POST", "/incidents/<incident_id>/pupil", assign_pupil, PupilBody, RecordedAnswer, status=201),
    Call("GET", "/correction-requests", list_requests, answers=CorrectionRequestItem, is_list=True, query=("open",)),
    Call("POST", "/correction-requests", ask_correction, RequestBody, status=204),
    Call("POST", "/correction-requests/<request_id>/decline", decline_correction, DeclineBody, status=204),
    Call("POST", "/restrictions", restrict_entry, RestrictionBody, RestrictionItem, status=201),
    Call("POST", "/restrictions/<restriction_id>/lift", lift_restriction, LiftBody, status=204),
    Call(
        "GET",
        "/pupils/<pupil_id>/chronology",
        read_chronology,
        answers=ChronologyLine,
        is_list=True,
        query=("since", "until", "category", "author_id", "words", "order"),
    ),
    Call("GET", "/alerts", read_inbox, answers=AlertFound, is_list=True, query=("state",)),
    Call("POST", "/alerts/<alert_id>/read", mark_read, status=204),
    Call("GET", "/categories", list_categories, answers=CategoryFound, is_list=True),
    Call("GET", "/groups", list_groups, answers=GroupFound, is_list=True),
    Call("GET", "/staff", find_staff, answers=StaffFound, is_list=True, query=("q",)),
    Call("GET", "/counts", read_counts, answers=CountsAnswer, query=COUNTED_BY, machines=True),
    Call("GET", "/trust/counts", read_trust_counts, answers=TrustCountsAnswer, query=COMPARED_BY, at_trust=True, machines=True),
    Call("POST", "/files", keep_file, answers=FileKept, status=201),
    Call("GET", "/files/<file_id>", send_file),
)


def install(api: Blueprint) -> None:
    """Give each call its address."""
    for call in CALLS:
        api.add_url_rule(call.path, call.does.__name__, _answering(call), methods=[call.verb])


def _answering(call: Call) -> Callable[..., Response]:
    def answer(**ids: str) -> Response:
        machine = enter_machine() if call.machines else None
        caller = (machine or enter(at_trust=call.at_trust),) if call.signed_in else ()
        if call.verb == "POST":
            takes_only(call.takes)
        result = call.does(*caller, **ids)
        if isinstance(result, Response):
            return result
        if call.status == 204:
            return Response(status=204)
        if call.is_list:
            items, following = result
            text = '{"items":[' + ",".join(item.model_dump_json(by_alias=True) for item in items) + '],"next":' + _quoted(following) + "}"
        else:
            text = result.model_dump_json(by_alias=True)
        return Response(text, call.status, mimetype="application/json")

    return answer


def _quoted(text: str | None) -> str:
    return "null" if text is None else '"' + text + '"'  # cursors are base64, digits or an id


def _page() -> dict[str, Any]:
    page = {"cursor": request.args.get("cursor")}
    return page | ({"limit": request.args["limit"]} if "limit" in request.args else {})


def _body_map(here: Here, body_map_id: UUID | None) -> BodyMap | None:
    if body_map_id is None:
        return None
    try:
        return rpc.ask(ReadBodyMap(body_map_id=body_map_id), token=here.token).body_map
    except NotFound:
        return None  # incidents says so, unless it is recorded with it already


def _receipts(here: Here, given: IncidentBody | ActionBody) -> list[str]:
    if not given.file_ids:
        return []
    found = uploads.signed_for(given.file_ids, carried=given.receipts, token=here.token)
    if any(file_id not in found for file_id in given.file_ids):
        raise Invalid({"file_ids": "unknown_choice"})
    return [found[file_id] for file_id in given.file_ids]


def _recorded(answer: Recorded) -> RecordedAnswer:
    return RecordedAnswer(id=answer.id, number=answer.number, recorded_at=answer.recorded_at, entry_hash=answer.entry_hash)
