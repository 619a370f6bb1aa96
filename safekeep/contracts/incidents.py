"""What incidents answers, and what it says has happened: pupils, incidents, actions, corrections, chronology."""

from datetime import date
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from safekeep.body.marks import BodyMap, SealedBodyMap
from safekeep.contracts import Code, Contract, Event, Line, Moment, Name, Narrative, Nothing, OptionalNarrative, Request, Zone

Kind = Literal["conversation", "phone_call", "observation", "other"]
Precision = Literal["exact", "about", "day", "not_known"]
Part = Literal["may_have_been_harmed", "may_have_caused_harm", "witness", "sibling", "friend", "other", "not_sure"]
ActionKind = Literal["done", "asked", "outcome", "reassigned", "referral", "referral_outcome", "not_referred", "parent_contact"]
Status = Literal["open", "monitoring", "closed"]
FlagKind = Literal["child_protection_plan", "child_in_need", "looked_after", "early_help", "send", "young_carer", "medical"]

# --- pupils --------------------------------------------------------------------------------------------------------


class PupilItem(Contract):
    """A pupil as the typeahead shows them: enough to tell two Sarahs apart."""

    id: UUID
    name: Name
    year: Line
    form: Line
    born: date
    holding: bool = False  # the pupil that stands for "not listed, or not sure who"
    left_on: date | None = None  # since when they are on roll no more


class PupilsAnswer(Contract):
    """Pupils found, best first."""

    items: list[PupilItem]
    next: str | None = None


class SearchPupils(Request[PupilsAnswer]):
    """Pupils of the actor's school, any part of whose name starts with each word of `q` (two letters at least)."""

    method: ClassVar[str] = "incidents.search_pupils"
    answer: ClassVar[type[Contract]] = PupilsAnswer

    q: Line
    cursor: str | None = None
    limit: int = Field(default=10, ge=1, le=100)


class RegisterName(Contract):
    """What somebody is called. `linked`: they stand beside the pupil in an entry that is read."""

    name: Name
    known_as: Line
    linked: bool


class RegisterAnswer(Contract):
    """The names of the school's other pupils; `known_as`: what the pupil the record is about is called themselves.

    `head`: where the school's ledger stood before they were read; None before its first entry.
    """

    known_as: Line
    items: list[RegisterName]
    head: "EntrySealed | None" = None


class Register(Request[RegisterAnswer]):
    """What every other pupil of the school is called, to find their names in one pupil's record before it is given to somebody. DSLs only.

    `linked` are those beside the pupil in incidents of which the actor may read an entry; without a pupil it is everybody, and nobody is linked.
    Raises NotFound("pupil").
    """

    method: ClassVar[str] = "incidents.register"
    answer: ClassVar[type[Contract]] = RegisterAnswer

    pupil_id: UUID | None = None


class Flag(Contract):
    """A pupil's flag, shown to those whose role reads its class. `ended` None: still holds."""

    id: UUID
    kind: FlagKind
    class_code: Code
    started: date
    ended: date | None
    review: date | None
    social_worker: Line
    note: Line


class SiblingItem(Contract):
    """A brother or sister at the school."""

    id: UUID
    name: Name
    year: Line
    form: Line


class PupilAnswer(Contract):
    """A pupil with what this reader may know: flags their role opens, siblings, the last entries they may read.

    `relatives`: staff who are the pupil's parents or carers, or the pupil; None for whoever may not know: all but DSLs, and those it concerns.
    `flag_altered`: the self-check found that a flag this reader may know of is not as it was recorded.
    """

    pupil: PupilItem
    flags: list[Flag]
    siblings: list[SiblingItem]
    last_entries: list["EntryLine"]
    relatives: list[UUID] | None = None
    altered: list["AlteredItem"] = []
    flag_altered: bool = False


class Pupil(Request[PupilAnswer]):
    """One pupil. Raises NotFound("pupil"). With `opened` their last entries have their words, and that is kept as an opening."""

    method: ClassVar[str] = "incidents.pupil"
    answer: ClassVar[type[Contract]] = PupilAnswer

    pupil_id: UUID
    opened: bool = False


class FlagSet(Contract):
    """The flag as it now is."""

    id: UUID


class SetRelatives(Request[Nothing]):
    """Which staff are this pupil's parents or carers, or the pupil: nothing recorded about the pupil is for them, but their own words.

    Entered and ended by a DSL; twice is the same. What stands already leaves the sight of who is new. No DSL can be entered but by themselves, since
    that would hide the record from them, and nobody ends it for themselves.
    Raises NotFound("pupil"), Invalid({"entered": "own_only" | "unknown_choice"}).
    """

    method: ClassVar[str] = "incidents.set_relatives"
    answer: ClassVar[type[Contract]] = Nothing

    pupil_id: UUID
    entered: list[UUID] = Field(default=[], max_length=20)
    ended: list[UUID] = Field(default=[], max_length=20)


class SetFlag(Request[FlagSet]):
    """Add a flag, or with an `id` that exists change its dates, worker and note. DSLs only.

    Raises Invalid({"ended": "before_start"}), NotFound("pupil"), and Conflict("id_taken") for the id of another pupil's flag, or of another kind.
    """

    method: ClassVar[str] = "incidents.set_flag"
    answer: ClassVar[type[Contract]] = FlagSet

    id: UUID
    pupil_id: UUID
    kind: FlagKind
    started: date
    ended: date | None = None
    review: date | None = None
    social_worker: Line = ""
    note: Line = ""


# --- alerting, as it is asked for ----------------------------------------------------------------------------------


class Alert(Contract):
    """Whom the writer wants told: groups by code, people by id, why those need to know, and whom a DSL is asked to tell."""

    groups: list[Code] = Field(default=[], max_length=30)
    staff_ids: list[UUID] = Field(default=[], max_length=300)
    reasons: dict[UUID, Line] = {}
    ask_dsl: list[UUID] = Field(default=[], max_length=50)


class Recipient(Contract):
    """Somebody who will be, or was, sent an alert. `because` holds group codes, "named", "covers" (for somebody who is away) or "nobody_here".

    `flagged` are groups that a pupil's flag called for → the flag's class: not for the eyes of those whose role does not open it.
    `granted`: they are told whatever their role opens (a DSL's grant, it is kept to them, they stand in, they have a right from before);
    None in events of a release that did not say.
    """

    person_id: UUID
    because: list[Code]
    flagged: dict[Code, Code] = {}
    granted: bool | None = None


class Untold(Contract):
    """Somebody asked for who cannot be sent it. `why`: ask_a_dsl, never, concerned. Same words whether child or self."""

    person_id: UUID
    why: Code


class LosingItem(Contract):
    """Somebody who may not read these entries of an incident any more once its class is raised.

    `was_sent`: they were alerted to it or granted it; `wrote`: entries of theirs stand below it, which they go on reading; `asked`: a
    request of theirs that a DSL tells somebody is open; `to_do`: what is asked of them and not done, which is nobody's then until a DSL gives
    it to somebody. With any of them, letting go of it takes a line to them.
    """

    person_id: UUID
    entry_ids: list[UUID]
    was_sent: bool
    wrote: int
    asked: int
    to_do: int = 0


class OpensItem(Contract):
    """What a DSL's alert to somebody whose role does not open it lets them read, beside the entry it is about: the grant it makes."""

    person_id: UUID
    entry_ids: list[UUID]


class AlertPreview(Contract):
    """What an alert would do: the class, the groups preselected and required, who will be sent it, who cannot be."""

    class_code: Code
    groups_called_for: list[Code]
    groups_required: list[Code]
    recipients: list[Recipient]
    need_reason: list[UUID]
    untold: list[Untold]
    loses_sight: list[UUID] = []  # for a DSL about to raise the class: who may then no longer read it
    losing: list[LosingItem] = []  # the same people, and what
    opens: list[OpensItem] = []


class YearsAndFormsAnswer(Contract):
    """The years and forms the school's pupils are in."""

    years: list[Name]
    forms: list[Name]


class YearsAndForms(Request[YearsAndFormsAnswer]):
    """Which years and forms there are, to choose from for a group."""

    method: ClassVar[str] = "incidents.years_and_forms"
    answer: ClassVar[type[Contract]] = YearsAndFormsAnswer


class PreviewAlert(Request[AlertPreview]):
    """Who would be sent an alert, before it is. With `incident_id`: for an action below it."""

    method: ClassVar[str] = "incidents.preview_alert"
    answer: ClassVar[type[Contract]] = AlertPreview

    pupil_ids: list[UUID] = Field(default=[], max_length=51)
    category_codes: list[Code] = Field(default=[], max_length=15)
    incident_id: UUID | None = None
    alert: Alert


# --- recording -----------------------------------------------------------------------------------------------------


class LinkedPupil(Contract):
    """Another pupil in it: their part, and the initials the account uses for them."""

    pupil_id: UUID
    part: Part
    initials: Line = ""


class Told(Contract):
    """Told in person or by telephone: whom and when; or not yet (`not_yet`)."""

    not_yet: bool = False
    whom: Line = ""
    when: Line = ""


class Span(Contract):
    """A passage of a text: from `start` up to, not including, `end`, in characters (Unicode code points)."""

    start: int
    end: int


Passages = Annotated[list[OptionalNarrative], Field(max_length=100)]
"""Passages of a text, as they stand in it."""


class Paper(Contract):
    """That it was written on paper, by whom and when, and when it was handed in. `writer_id` is None for a person without an account."""

    writer_id: UUID | None
    writer: Name
    writer_role: Line = ""
    written_at: Moment
    written_precision: Literal["exact", "day"] = "exact"
    handed_in_at: Moment
    handed_in_precision: Literal["exact", "day"] = "exact"


class Recorded(Contract):
    """The commit has happened: nothing that follows can lose it. `number` is what people say, such as "2026-0147"."""

    id: UUID
    entry_id: UUID
    number: str
    recorded_at: Moment
    entry_hash: str
    recipients: list[Recipient]
    asked_dsl: int


class Record(Request[Recorded]):
    """Record an incident. The same id with the same content answers the same; with other content raises Conflict("other_content").

    Another author's id answers as if unknown: Conflict("id_taken") says nothing of what holds it. Raises Invalid with
    a code beside each field.
    """

    method: ClassVar[str] = "incidents.record"
    answer: ClassVar[type[Contract]] = Recorded

    id: UUID
    pupil_id: UUID
    described_pupil: OptionalNarrative = ""  # who they seem to be, when recorded against the holding pupil
    occurred_at: Moment | None  # None only with precision not_known
    occurred_precision: Precision = "exact"
    kind: Kind
    place: Line = ""
    narrative: Narrative
    told: Told = Told()
    action_taken: OptionalNarrative = ""
    at_risk_now: bool = False
    category_codes: list[Code] = Field(min_length=1, max_length=15)
    linked_pupils: list[LinkedPupil] = Field(default=[], max_length=50)
    alert: Alert = Alert()
    receipts: list[str] = Field(default=[], max_length=20)
    body_map_id: UUID | None = None
    body_map: BodyMap | None = None  # what is drawn under that id: it is sealed here, word for word and mark for mark
    child_words: Passages = []  # the passages of the narrative that are the child's own words; what does not stand in it marks nothing
    paper: Paper | None = None  # for DSLs: what was written on paper, of which the receipts are the scan


class OutcomeAnswer(Contract):
    """Under which incident it is recorded. None: it is not; and where `passed`, it never will be by the call of that deadline.

    `passed` is said by the clock that refuses late calls, the service's own: another machine's says nothing of it.
    """

    incident_id: UUID | None
    passed: bool = False


class Outcome(Request[OutcomeAnswer]):
    """What became of the actor's own recording or action, whose answer was lost. Another author's id answers as if unknown.

    `deadline`: of the call that was lost, or later; None: not known, so it is never said to have passed.
    """

    method: ClassVar[str] = "incidents.outcome"
    answer: ClassVar[type[Contract]] = OutcomeAnswer

    entry_id: UUID
    deadline: AwareDatetime | None = None


class Details(Contract):
    """What kind of action it is, and that kind's own fields; the action's text says the rest.

    `asked`: of `owner_id`, by `due_on`; the text is what is asked. `spoken` says whether they have been spoken to: this is no substitute.
    `outcome`: closes what `of_id` asks; the text is what came of it. `reassigned`: gives what `of_id` asks to `owner_id` (`due_on` None: by
    the same day); the text is why. `referral`: made `to` whom, `at` when, with its `outcome` when that is known; `referral_outcome`: of the
    referral `of_id`, later; the text is the outcome. `not_referred`: a decision not to refer `to` whom; the text is the reason.
    `parent_contact`: whether they were told (`parent_told`), `to` whom, `at` when, and their `answer`; the text is why, or why not.
    """

    kind: ActionKind = "done"
    of_id: UUID | None = None
    owner_id: UUID | None = None
    due_on: date | None = None
    spoken: Literal["yes", "not_yet"] | None = None
    spoken_when: Line = ""
    to: Line = ""
    at: Moment | None = None
    precision: Precision = "exact"
    outcome: OptionalNarrative = ""
    parent_told: bool | None = None
    answer: OptionalNarrative = ""


class AddAction(Request[Recorded]):
    """Add an action below an incident the actor can read. Actions are as immutable as incidents, and idempotent by `id`.

    `details` None: something that was done. Who is asked is alerted, under the same rules as anybody; who asked, who was asked and DSLs
    close it with its outcome, or give it to another. Raises NotFound("follow_up"), Conflict("follow_up_done").

    A DSL's `category_codes` are added to the incident's and may raise its class. Of those who would lose sight by it `keep` lists whom it is
    granted instead, with `keep_reason`; the others are let go, and those it was sent to or who wrote below it get `release_line`.
    """

    method: ClassVar[str] = "incidents.add_action"
    answer: ClassVar[type[Contract]] = Recorded

    id: UUID
    incident_id: UUID
    text: Narrative
    details: Details | None = None
    category_codes: list[Code] = Field(default=[], max_length=15)
    alert: Alert = Alert()
    receipts: list[str] = Field(default=[], max_length=20)
    keep: list[UUID] = Field(default=[], max_length=300)
    keep_reason: Line = ""
    release_line: Line = ""
    child_words: Passages = []


class SetStatus(Request[Recorded]):
    """Say how an incident stands for one of the pupils in it, by a DSL, and why: an entry of its own, in that pupil's thread alone.

    Raises NotFound("incident"), NotFound("pupil") for one who is not in it, Invalid for a child of the DSL's own ("another_dsl").
    """

    method: ClassVar[str] = "incidents.set_status"
    answer: ClassVar[type[Contract]] = Recorded

    id: UUID
    incident_id: UUID
    pupil_id: UUID
    status: Status
    reason: Narrative


class FollowUpItem(Contract):
    """Something asked of somebody, in ids, codes and times. Its id is the entry's that asks it. `owner_id` None: nobody's any more.

    `state`: `due` today, or `overdue`, by the school's day. `may_change`: the reader may close it, or give it to another.
    """

    id: UUID
    incident_id: UUID
    number: str
    pupil_id: UUID
    pupil_name: Name
    class_code: Code
    asked_by: UUID
    asked_at: Moment
    owner_id: UUID | None
    due_on: date
    spoken: bool
    state: Literal["open", "due", "overdue", "done"]
    closed_id: UUID | None = None
    closed_by: UUID | None = None
    closed_at: Moment | None = None
    may_change: bool = False


class FollowUpsAnswer(Contract):
    """A page of what is asked, what is due first; of what is done, the latest first."""

    items: list[FollowUpItem]
    next: str | None = None


class FollowUps(Request[FollowUpsAnswer]):
    """What is asked of the actor (`mine`), what they asked of others (`asked`), what of these is `done`; for DSLs what is `late` (overdue,
    or nobody's) of all they may read, and `all` that is open."""

    method: ClassVar[str] = "incidents.follow_ups"
    answer: ClassVar[type[Contract]] = FollowUpsAnswer

    view: Literal["mine", "asked", "done", "late", "all"] = "mine"
    cursor: str | None = None
    limit: int = Field(default=25, ge=1, le=100)


class QuietItem(Contract):
    """An incident that waits for somebody, without its words: who added to it last, and when."""

    incident_id: UUID
    number: str
    pupil_id: UUID
    pupil_name: Name
    class_code: Code
    category: Code
    last_at: Moment
    last_by: UUID


class QuietAnswer(Contract):
    """A page of incidents that wait, what was added to least lately first."""

    items: list[QuietItem]
    next: str | None = None


class Quiet(Request[QuietAnswer]):
    """Incidents of welfare and above, open for a pupil in them, to which nothing was added since `before`: for DSLs.

    `before` None: for three days that are not a Saturday or a Sunday. Who knows the school's calendar says it.
    """

    method: ClassVar[str] = "incidents.quiet"
    answer: ClassVar[type[Contract]] = QuietAnswer

    before: Moment | None = None
    cursor: str | None = None
    limit: int = Field(default=25, ge=1, le=100)


class Led(Request[QuietAnswer]):
    """Incidents that the actor leads and that are open or being monitored for a pupil in them, what was added to least lately first. DSLs only."""

    method: ClassVar[str] = "incidents.led"
    answer: ClassVar[type[Contract]] = QuietAnswer

    cursor: str | None = None
    limit: int = Field(default=25, ge=1, le=100)


class StandInItem(Contract):
    """A grant made beforehand: this person reads, and is sent, what concerns every DSL and deputy or a child of each of them."""

    id: UUID
    person_id: UUID
    reason: Line
    given_by: UUID
    given_at: Moment


class StandInsAnswer(Contract):
    """The grants that hold, oldest first."""

    items: list[StandInItem]


class StandIns(Request[StandInsAnswer]):
    """Who stands in for the DSLs where it is their own child. DSLs only."""

    method: ClassVar[str] = "incidents.stand_ins"
    answer: ClassVar[type[Contract]] = StandInsAnswer


class KeepStandIn(Request[Nothing]):
    """Let somebody stand in, by a DSL other than them; the same id again changes nothing.

    Raises Invalid for who records nothing here, for the DSL themselves ("another_dsl") or without a reason; NotFound("person") for who is not here.
    """

    method: ClassVar[str] = "incidents.keep_stand_in"
    answer: ClassVar[type[Contract]] = Nothing

    id: UUID
    person_id: UUID
    reason: Line


class EndStandIn(Request[Nothing]):
    """End such a grant; twice is the same. Raises NotFound("stand_in")."""

    method: ClassVar[str] = "incidents.end_stand_in"
    answer: ClassVar[type[Contract]] = Nothing

    stand_in_id: UUID


class ReleaseItem(Contract):
    """A DSL's line to somebody who may not read an incident any more: nothing more is asked of them. `line` "": the DSL wrote none."""

    id: UUID
    line: Line
    by: UUID
    at: Moment


class ReleasesAnswer(Contract):
    """Lines to the actor, those they have not read, oldest first."""

    items: list[ReleaseItem]


class Releases(Request[ReleasesAnswer]):
    """What DSLs have taken over from the actor."""

    method: ClassVar[str] = "incidents.releases"
    answer: ClassVar[type[Contract]] = ReleasesAnswer


class MarkReleaseRead(Request[Nothing]):
    """Mark a line to the actor as read; twice is the same. Raises NotFound("release")."""

    method: ClassVar[str] = "incidents.mark_release_read"
    answer: ClassVar[type[Contract]] = Nothing

    release_id: UUID


class AddCorrection(Request[Recorded]):
    """Append a correction to an incident's account or an action, by a DSL: why, and what it should say. The entry itself stays as it was.

    Readers see what it should say, and the earlier text a click away; with `hide_earlier` only its author and those whose role opens
    everything see that: for a mistake that is a disclosure in itself. `action_taken` None leaves that part of an account as it is.
    Answers the `request_id` when there is one. Raises NotFound("entry"), NotFound("request").
    """

    method: ClassVar[str] = "incidents.add_correction"
    answer: ClassVar[type[Contract]] = Recorded

    id: UUID
    incident_id: UUID
    entry_id: UUID
    reason: Narrative
    should_say: Narrative
    action_taken: OptionalNarrative | None = None
    hide_earlier: bool = False
    request_id: UUID | None = None


class AssignPupil(Request[Recorded]):
    """Say whom an incident is about, by a DSL, and keep that in an entry below it: of a pupil not listed, or of the wrong pupil (`from_id`).

    Of the wrong pupil a `reason` is asked for, and nothing of it stays in that pupil's chronology. Raises Conflict("assigned") when it is
    about another than `from_id` by now, Invalid for a pupil of another school, one who is linked in it, or a child of the DSL's own
    ("another_dsl"). Who is told reads of it no more than they did, and that it was moved.
    """

    method: ClassVar[str] = "incidents.assign_pupil"
    answer: ClassVar[type[Contract]] = Recorded

    id: UUID
    incident_id: UUID
    pupil_id: UUID
    from_id: UUID | None = None  # None: the pupil not listed
    reason: OptionalNarrative = ""
    request_id: UUID | None = None


class AskCorrection(Request[Nothing]):
    """Ask a DSL to correct what the actor wrote. The same id again is the same request. Raises NotFound("entry") for others' words."""

    method: ClassVar[str] = "incidents.ask_correction"
    answer: ClassVar[type[Contract]] = Nothing

    id: UUID
    entry_id: UUID
    text: Narrative


class DeclineCorrection(Request[Nothing]):
    """Say why there is no correction; who asked sees it. The first answer stands. Raises NotFound("request")."""

    method: ClassVar[str] = "incidents.decline_correction"
    answer: ClassVar[type[Contract]] = Nothing

    request_id: UUID
    reason: Narrative


class CorrectionRequestItem(Contract):
    """A request for a correction, and its answer: the correction, or the reason why there is none."""

    id: UUID
    incident_id: UUID
    number: str
    entry_id: UUID
    asked_by: UUID
    asked_at: Moment
    text: str
    answered_by: UUID | None
    answered_at: Moment | None
    correction_id: UUID | None
    reason: str


class CorrectionRequestsAnswer(Contract):
    """Requests for a correction, oldest first."""

    items: list[CorrectionRequestItem]


class OpenCorrectionRequests(Request[CorrectionRequestsAnswer]):
    """What DSLs are asked to correct and nobody has answered, as far as the actor may read what it is about."""

    method: ClassVar[str] = "incidents.open_correction_requests"
    answer: ClassVar[type[Contract]] = CorrectionRequestsAnswer


class MyCorrectionRequests(Request[CorrectionRequestsAnswer]):
    """What the actor asked to have corrected, and the answers."""

    method: ClassVar[str] = "incidents.my_correction_requests"
    answer: ClassVar[type[Contract]] = CorrectionRequestsAnswer


class RestrictionItem(Contract):
    """An entry about an adult of the school, kept to the head (or the chair) and one DSL. `entry_id` is the incident: all of it."""

    id: UUID
    entry_id: UUID
    keeper_id: UUID
    dsl_id: UUID
    about_id: UUID
    by_id: UUID
    at: Moment
    reason: str


class Restrict(Request[RestrictionItem]):
    """Keep an entry about an adult of the school, recorded here by mistake, to the head (or the chair) and one DSL. DSLs only.

    Not by whom it names, nor kept to them; whoever wrote an entry keeps their own words. Raises Conflict("restricted") where it is
    already, Invalid for who cannot keep it, NotFound("entry").
    """

    method: ClassVar[str] = "incidents.restrict"
    answer: ClassVar[type[Contract]] = RestrictionItem

    id: UUID
    entry_id: UUID
    about_id: UUID
    keeper_id: UUID
    dsl_id: UUID
    reason: Narrative


class LiftRestriction(Request[Nothing]):
    """Give an entry back to everybody the permission table lets read it: by one of the two it is kept to. Raises NotFound("restriction")."""

    method: ClassVar[str] = "incidents.lift_restriction"
    answer: ClassVar[type[Contract]] = Nothing

    restriction_id: UUID
    reason: Narrative


class WaitingAnswer(Contract):
    """How many incidents wait for a DSL to say whom they are about, and the pupil who holds their place."""

    count: int
    holding_id: UUID


class Waiting(Request[WaitingAnswer]):
    """How many incidents the actor reads something of were recorded of a pupil not listed, and are not assigned yet."""

    method: ClassVar[str] = "incidents.waiting"
    answer: ClassVar[type[Contract]] = WaitingAnswer


# --- the coach -----------------------------------------------------------------------------------------------------


class AdviceItem(Contract):
    """What one rule found in one field: its code, the words it is about (none: something is missing), and for names the initials offered."""

    rule: Code
    field: Literal["text", "action_taken"]
    words: list[str] = []
    offered: list[str] = []


class CoachAnswer(Contract):
    """What could be looked at again, most important first, and the passages in quotation marks that may be a child's words."""

    advice: list[AdviceItem]
    passages: list[str]


class Coach(Request[CoachAnswer]):
    """Look at what somebody is writing. Nothing of it is kept, counted or logged, and nothing ever follows from the answer.

    `of`: an incident's account with its action taken, or an action's text. `adults`: the names of the school's staff, which incidents does not keep.
    """

    method: ClassVar[str] = "incidents.coach"
    answer: ClassVar[type[Contract]] = CoachAnswer

    of: Literal["incident", "action"] = "incident"
    text: OptionalNarrative = ""
    action_taken: OptionalNarrative = ""
    kind: Kind | None = None
    time_given: bool = False
    place_given: bool = False
    at_risk_now: bool = False
    pupil_id: UUID | None = None
    adults: list[Line] = Field(default=[], max_length=2_000)


# --- reading -------------------------------------------------------------------------------------------------------


class FileItem(Contract):
    """An attachment as the ledger knows it. Its name is kept by files. One that was `blocked` or `destroyed` nobody opens."""

    id: UUID
    sha256: str
    size: int
    media_type: Line
    state: Literal["kept", "blocked", "destroyed"] = "kept"
    state_by: UUID | None = None
    state_at: Moment | None = None


class LinkedItem(Contract):
    """A linked pupil as shown."""

    pupil_id: UUID
    name: Name
    part: Part
    initials: Line


class EarlierText(Contract):
    """What an entry, or a correction of it, said before it was corrected. `hidden` holds no text: it was a disclosure in itself."""

    text: str
    child_words: list[Span] = []
    action_taken: str
    author_name: Name
    recorded_at: Moment
    hidden: bool


MovedFrom = Literal["not_listed", "another_pupil"]


Basis = Literal["retention", "order"]
"""Why content is destroyed: its time of keeping is over, or somebody with the power to ordered it."""


class Destroyed(Contract):
    """That an entry's content was lawfully destroyed. `law`: by whose order, or under which policy or law."""

    at: Moment
    basis: Basis
    law: Line
    proposed_by: UUID
    by: UUID
    ledger_sequence: int  # where the ledger says so


class EntryItem(Contract):
    """One entry of an incident, whole: the incident itself, an action, a correction, or how it stands for a pupil (`status`).

    `text` is what it says now, `earlier` what it said before, the first words first; a correction that a later one replaced has no text.
    `moved_from`: a correction that says whom the incident is about. `details`: of an action that is more than something done.
    """

    id: UUID
    kind: Literal["incident", "action", "correction", "status"]
    class_code: Code
    author_id: UUID
    author_name: Name
    author_role: Code
    recorded_at: Moment
    text: str
    child_words: list[Span] = []  # where the text is a child's own words
    corrects: UUID | None = None
    reason: str = ""
    replaced: bool = False
    hides_earlier: bool = False
    moved_from: MovedFrom | None = None
    details: Details | None = None
    status: "PupilStatus | None" = None
    earlier: list[EarlierText] = []
    recipients: list[Recipient]
    untold: list[Untold] = []  # for the DSLs it does not concern: who was left out of it because it is about them or their child
    files: list[FileItem]
    ledger_sequence: int
    entry_hash: str
    destroyed: Destroyed | None = None  # then it has no words any more


class PupilStatus(Contract):
    """How an incident stands for a pupil in it. `since` None: as every incident begins."""

    pupil_id: UUID
    status: Status
    since: Moment | None = None


class AskItem(Contract):
    """A request to a DSL to tell somebody whose role does not open the entry. `for_group`: nobody asked; a flag calls for that group of theirs."""

    id: UUID
    incident_id: UUID
    entry_id: UUID
    person_id: UUID
    asked_by: UUID
    asked_at: Moment
    for_group: Code | None = None


class LeadItem(Contract):
    """Who leads an incident (None: nobody), who is asked to take it over, and which DSLs and deputies could."""

    person_id: UUID | None
    since: Moment | None
    asked: UUID | None
    able: list[UUID]


class TakeLead(Request[Nothing]):
    """Say "I am leading this": a DSL or deputy who may be told of it. Whoever led before does no longer; the same again changes nothing.

    `instead_of`: who led when the actor last looked. When it is somebody else by now nothing changes, so that two who press at once do not
    both go away believing that they lead. Raises NotFound("incident"), NotAllowed("cannot_lead") for whom it concerns, Conflict("led").
    """

    method: ClassVar[str] = "incidents.take_lead"
    answer: ClassVar[type[Contract]] = Nothing
    makes: ClassVar[str] = "incident_id"

    incident_id: UUID
    instead_of: UUID | None = None


class HandLead(Request[Nothing]):
    """Ask another DSL or deputy to take it over. They are mailed, and nothing changes before they say that they lead it.

    Raises NotFound("incident"), NotFound("person") for who cannot, Invalid({"person_id": "another_dsl"}).
    """

    method: ClassVar[str] = "incidents.hand_lead"
    answer: ClassVar[type[Contract]] = Nothing
    makes: ClassVar[str] = "incident_id"

    incident_id: UUID
    person_id: UUID


class NumberAnswer(Contract):
    """What a person who is asked about an incident may be told of it: nothing, its number, or (`opens`) where it stands too.

    `closed`: for every pupil in it, so that it waits for nobody.
    """

    number: str
    may_be_told: bool
    opens: bool
    closed: bool = False


class NumberOf(Request[NumberAnswer]):
    """What may be said of an incident that waits to a person of the school, or (None) to its trust. For alerts. Raises NotFound("incident")."""

    method: ClassVar[str] = "incidents.number_of"
    answer: ClassVar[type[Contract]] = NumberAnswer

    incident_id: UUID
    person_id: UUID | None


class IncidentAnswer(Contract):
    """An incident with the entries this reader may read, oldest first. The facts are None when its first entry is hidden.

    `pupil` is the holding pupil until a DSL says who it is, and stays so for those who may not read that one did.
    """

    id: UUID
    number: str
    pupil: PupilItem
    facts: "IncidentFacts | None"
    entries: list[EntryItem]
    linked_pupils: list[LinkedItem]
    categories: list[Code]
    class_code: Code
    may_add_action: bool
    may_correct: bool
    may_assign: bool = False  # say whom it is about
    may_move: bool = False  # say that it is about another pupil
    may_restrict: bool = False
    may_set_status: bool = False
    may_decide: bool = False  # record a decision not to refer
    statuses: list[PupilStatus] = []
    follow_ups: list[FollowUpItem] = []
    restrictions: list[RestrictionItem] = []
    requests: list[CorrectionRequestItem] = []  # the actor's own; for DSLs all of it
    asks: list[AskItem]
    lead: LeadItem | None = None  # for DSLs and deputies who could lead it
    altered: bool = False  # the self-check found something of it that is not as it was recorded
    may_destroy: bool = False  # propose that content is destroyed
    destructions: list["DestructionItem"] = []  # proposed, for those who may decide


class IncidentFacts(Contract):
    """When, where, how: the fields beside the account."""

    kind: Kind
    occurred_at: Moment | None
    occurred_precision: Precision
    place: Line
    told: Told
    action_taken: str
    described_pupil: str
    at_risk_now: bool
    body_map_id: UUID | None
    body_map: SealedBodyMap | None = None
    paper: Paper | None = None


class Incident(Request[IncidentAnswer]):
    """Read an incident. Raises NotFound("incident") when it does not exist or nothing of it may be read."""

    method: ClassVar[str] = "incidents.incident"
    answer: ClassVar[type[Contract]] = IncidentAnswer

    incident_id: UUID


class EntryLine(Contract):
    """One entry in a list: who, what kind, when, and what it says now. `part` is set where the pupil is only linked."""

    id: UUID
    incident_id: UUID
    number: str
    kind: Literal["incident", "action", "correction", "status"]
    class_code: Code
    categories: list[Code]
    pupil_id: UUID
    pupil_name: Name
    part: Part | None = None
    author_id: UUID
    author_name: Name
    author_role: Code
    recorded_at: Moment
    occurred_at: Moment | None
    occurred_precision: Precision
    text: str
    child_words: list[Span] = []
    action_taken: str = ""
    corrected: bool = False
    reason: str = ""  # a correction's
    moved_from: MovedFrom | None = None
    body_map: SealedBodyMap | None = None  # of the pupil it is about, not of a linked one
    details: Details | None = None
    status: Status | None = None  # as it was set by this entry
    paper: Paper | None = None
    files: list[FileItem] = []  # where asked for, of the pupil it is about
    destroyed: Destroyed | None = None  # then it has no words any more
    due_on: date | None = None  # in a summary: the earliest day by which something asked in its incident is to be done, of what the actor may read


class EntriesAnswer(Contract):
    """A page of entries. `next` continues it."""

    items: list[EntryLine]
    next: str | None = None


class BreakGlass(Request[IncidentAnswer]):
    """Open one incident of a school of the trust, for its safeguarding lead, who reads no record otherwise (docs/permissions.md).

    It stands in the ledger, in the audit log and in who read what, with the reason, before a word leaves; the school's DSLs are mailed at once.
    Nothing stays open: each time is a time of its own. What is about the lead's own child, or is kept to two people, is not there.
    Raises NotFound("incident") for a number the school has not given, and for a school that is not the trust's.
    """

    method: ClassVar[str] = "incidents.break_glass"
    answer: ClassVar[type[Contract]] = IncidentAnswer

    school_id: UUID
    number: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{1,9}$")]
    reason: Name


class Summaries(Request[EntriesAnswer]):
    """The entries with these ids that the actor may read, in no order and without their words: for the inbox."""

    method: ClassVar[str] = "incidents.summaries"
    answer: ClassVar[type[Contract]] = EntriesAnswer

    entry_ids: list[UUID] = Field(max_length=200)


class MyEntries(Request[EntriesAnswer]):
    """What the actor wrote, newest first, without the words."""

    method: ClassVar[str] = "incidents.my_entries"
    answer: ClassVar[type[Contract]] = EntriesAnswer

    cursor: str | None = None
    limit: int = Field(default=20, ge=1, le=100)


class MonthCount(Contract):
    """How many entries of a chronology fall in a month ("2026-03")."""

    month: str
    count: int


class AlteredItem(Contract):
    """An incident of which the self-check found something that is not as it was recorded; only of those the actor reads an entry of."""

    incident_id: UUID
    number: str


class SelfCheck(Contract):
    """What the self-check says of entries that are handed out: none altered, some not compared with their seals yet, or something altered.

    `whole_at`: when everything was compared last, from the first entry on; `checked_at`: new entries. None before the first time.
    """

    state: Literal["unaltered", "checking", "altered"]
    checked_at: Moment | None
    whole_at: Moment | None


class ChronologyAnswer(Contract):
    """A page of a pupil's chronology, newest first, with the whole's counts by month under the same filters but dates.

    With files, also where the school's ledger stood before it was read, and for each file of the page a pass to its name (`files.names`).
    Read on a page it has the pupil's flags, as far as the actor's role reads their class; in an export its first page has them.
    `flag_altered` as of a pupil. `check`, printed or exported: of this page's entries, and of what the actor may know of. Of what is asked for
    with `only` nothing is counted: `total` is 0 and there are no months.
    """

    pupil: PupilItem
    items: list[EntryLine]
    next: str | None
    total: int
    months: list[MonthCount]
    head: "EntrySealed | None" = None
    passes: dict[UUID, str] = {}
    altered: list["AlteredItem"] = []
    flags: list[Flag] = []
    flag_altered: bool = False
    check: SelfCheck | None = None


class Chronology(Request[ChronologyAnswer]):
    """A pupil's entries that the actor may read. `order`: by when it happened, or when it was recorded.

    Where the pupil is only linked, an entry shows their part, and no categories. `use` and `reason` are kept with the opening. `with_files`
    (always so in an export): with attached files, and where the ledger stands. `only`: those that have files, or a body map, of this pupil's
    own (not where they are linked), without their words; that is kept as opening the pupil's page, not as having read the account.
    Raises NotFound("pupil").
    """

    method: ClassVar[str] = "incidents.chronology"
    answer: ClassVar[type[Contract]] = ChronologyAnswer

    pupil_id: UUID
    order: Literal["occurred", "recorded"] = "occurred"
    category_codes: list[Code] = Field(default=[], max_length=15)
    author_id: UUID | None = None
    since: date | None = None
    until: date | None = None
    words: Line = ""
    use: Literal["read", "print", "export"] = "read"
    reason: Line = ""
    with_files: bool = False
    only: Literal["files", "body_maps"] | None = None
    cursor: str | None = None
    limit: int = Field(default=25, ge=1, le=500)


class AsksAnswer(Contract):
    """Requests nobody has answered, oldest first."""

    items: list[AskItem]


class OpenAsks(Request[AsksAnswer]):
    """What DSLs of the school are asked to tell somebody."""

    method: ClassVar[str] = "incidents.open_asks"
    answer: ClassVar[type[Contract]] = AsksAnswer


class AnswerAsk(Request[Nothing]):
    """Accept (which grants the entry and the incident's others of no higher class, and alerts the person) or decline. DSLs only.

    The first answer stands. Raises Invalid when nothing is said why the person needs to know, NotFound("ask").
    """

    method: ClassVar[str] = "incidents.answer_ask"
    answer: ClassVar[type[Contract]] = Nothing

    ask_id: UUID
    accept: bool
    reason: Line = ""


class FilePass(Contract):
    """A signed, short-lived, one-person permission to read a file, to be shown to `files`."""

    token: str


class PermitFile(Request[FilePass]):
    """May the actor read the entry this file belongs to? Raises NotFound("file") otherwise; Conflict: file_blocked, file_destroyed.

    A pass for its `name_only` opens nothing: the incident's opening says that the name was shown.
    """

    method: ClassVar[str] = "incidents.permit_file"
    answer: ClassVar[type[Contract]] = FilePass

    file_id: UUID
    name_only: bool = False


class BlockFile(Request[Nothing]):
    """Let nobody open an attachment any more, at once: one DSL, of an entry they read. Twice is the same. Raises NotFound("file")."""

    method: ClassVar[str] = "incidents.block_file"
    answer: ClassVar[type[Contract]] = Nothing

    file_id: UUID
    reason: Narrative


class DecideFile(Request[Nothing]):
    """What becomes of a blocked attachment: `destroy` it for good, or `give_back`. A second DSL decides, never the one who blocked it.

    Twice is the same. Raises NotFound("file"), Conflict("not_blocked"), Conflict("file_destroyed"), NotAllowed("second_person").
    """

    method: ClassVar[str] = "incidents.decide_file"
    answer: ClassVar[type[Contract]] = Nothing

    file_id: UUID
    decision: Literal["destroy", "give_back"]
    reason: Narrative


class DestructionItem(Contract):
    """A proposal to destroy the content of entries, which a second person decides about. `entry_id`: the incident's first entry, for all of it."""

    id: UUID
    incident_id: UUID
    entry_id: UUID
    entry_ids: list[UUID]
    basis: Basis
    law: Line
    reason: str
    proposed_by: UUID
    proposed_at: Moment


class ProposeDestruction(Request[DestructionItem]):
    """Propose that what an entry says, with what corrects it, is destroyed for good; of an incident's first entry: all of the incident.

    Nothing is destroyed before a second person decides. `law`: by whose order, or under which policy or law (UK GDPR, article 5(1)(e), or 17).
    The same `id` again answers the same. Raises NotFound("entry"), Conflict: other_content, id_taken, destroyed, destruction_proposed.
    """

    method: ClassVar[str] = "incidents.propose_destruction"
    answer: ClassVar[type[Contract]] = DestructionItem

    id: UUID
    incident_id: UUID
    entry_id: UUID
    basis: Basis
    law: Name
    reason: Narrative


class DecideDestruction(Request[Nothing]):
    """`destroy` what was proposed, for good: a second DSL or deputy, never the one who proposed it. Or `keep` it: anybody who may decide.

    Twice is the same. Raises NotFound("destruction"), NotAllowed("own_proposal"), Conflict: destruction_decided, destroyed, and
    changed_since where something was added to it that was not proposed.
    """

    method: ClassVar[str] = "incidents.decide_destruction"
    answer: ClassVar[type[Contract]] = Nothing

    destruction_id: UUID
    decision: Literal["destroy", "keep"]
    reason: Narrative


class AttachedAnswer(Contract):
    """Those of the files asked about that an entry refers to, and those whose key was to be destroyed for good."""

    file_ids: list[UUID]
    destroyed: list[UUID] = []


class Attached(Request[AttachedAnswer]):
    """Which of these files an entry refers to: files deletes none of them. And which were destroyed: a restored backup brings keys back."""

    method: ClassVar[str] = "incidents.attached"
    answer: ClassVar[type[Contract]] = AttachedAnswer

    file_ids: list[UUID] = Field(max_length=500)


# --- who read what -------------------------------------------------------------------------------------------------

OpeningKind = Literal["incident", "pupil", "chronology", "print", "export", "file", "search", "break_glass"]


class OpeningItem(Contract):
    """Somebody opened, searched or took out something, or tried to. `unusual`: own_child, refused, out_of_hours, many."""

    id: UUID
    person_id: UUID
    at: Moment
    kind: OpeningKind
    pupil_id: UUID | None  # whose page or chronology
    pupil_name: Line
    incident_id: UUID | None
    number: str
    entries: int  # how many were handed out
    words: str  # searched for
    reason: str
    unusual: list[Code]


class OpeningsAnswer(Contract):
    """A page of openings, newest first."""

    items: list[OpeningItem]
    next: str | None


class PupilOpenings(Request[OpeningsAnswer]):
    """Who has read of a pupil: their page, chronology and incidents. DSLs only; nothing of the DSL's own child. Raises NotFound("pupil")."""

    method: ClassVar[str] = "incidents.pupil_openings"
    answer: ClassVar[type[Contract]] = OpeningsAnswer

    pupil_id: UUID
    cursor: str | None = None
    limit: int = Field(default=25, ge=1, le=100)


class PersonOpenings(Request[OpeningsAnswer]):
    """What a person at the school has opened, as far as the DSL who asks may know of it."""

    method: ClassVar[str] = "incidents.person_openings"
    answer: ClassVar[type[Contract]] = OpeningsAnswer

    person_id: UUID
    cursor: str | None = None
    limit: int = Field(default=25, ge=1, le=100)


class ReaderLine(Contract):
    """One person's reading: how much, and how much of it stands out. `busy_hours`: hours with very many openings."""

    person_id: UUID
    openings: int
    own_child: int
    refused: int
    out_of_hours: int
    busy_hours: int
    last_at: Moment


class ReadersOfRecordsAnswer(Contract):
    """Everybody who opened anything in the last `days`, what stands out first."""

    items: list[ReaderLine]
    days: int


class ReadersOfRecords(Request[ReadersOfRecordsAnswer]):
    """Who reads how much, for DSLs."""

    method: ClassVar[str] = "incidents.readers_of_records"
    answer: ClassVar[type[Contract]] = ReadersOfRecordsAnswer


class NewPupil(Contract):
    """A line of an import of pupils. `left_on`: the first day on which they are not on roll any more; a pupil listed without one is there.

    `relatives`: staff who are the pupil's parents or carers, or the pupil, to be entered as `SetRelatives` does it; with none of them nothing of that
    changes, and a list ends nothing.
    """

    name: Name
    known_as: Line = ""
    year: Name
    form: Line = ""
    born: date
    left_on: date | None = None
    relatives: list[UUID] = Field(default=[], max_length=20)


class PupilFate(Contract):
    """What becomes of one line: made, changed (the same name and date of birth were there), unchanged, or refused with codes by field.

    `entered`: who is newly a relative by it. `left_alone`: it names relatives of a pupil who is the importer's own child; what is entered there
    stays as it is, and they are not told what that is.
    """

    line: int
    outcome: Literal["made", "changed", "unchanged", "refused"]
    problems: dict[str, str] = {}
    entered: list[UUID] = []
    left_alone: bool = False


class AddPupilsAnswer(Contract):
    """Every line's fate, in order; and the names of those on roll who are not in a whole list, and have left by it."""

    items: list[PupilFate]
    leaving: list[Name] = []


class AddPupils(Request[AddPupilsAnswer]):
    """Add pupils, or change their year and form; with `dry_run` nothing is done. Nobody is taken out: a record may be about them.

    `whole`: the list is of everybody who is at the school, so that who is on roll and not in it has left today. Nobody has where a line was
    refused. A line whose `relatives` name a DSL other than the importer ("own_only"), or nobody who works at the school ("unknown_address"), is
    refused; so is any that a machine sends with them ("people_only"): a person answers for them. With an `id`, the same again within seven days
    does nothing and answers the same, whatever the list has become. Raises NotAllowed("step_up"), Conflict("id_taken"), Conflict("other_content").
    """

    method: ClassVar[str] = "incidents.add_pupils"
    answer: ClassVar[type[Contract]] = AddPupilsAnswer

    id: UUID | None = None
    pupils: list[NewPupil] = Field(max_length=3000)
    dry_run: bool = False
    whole: bool = False


# --- the proof: heads, witnesses, exports, the self-check ----------------------------------------------------------


class HeadItem(Contract):
    """A signed head. `text` is what a witness keeps: the head, its key and signature, as JSON."""

    id: UUID
    size: int
    at: Moment
    text: str


class WitnessItem(Contract):
    """Who holds heads for the school: an e-mail address, or the folder that the operator has named."""

    id: UUID
    kind: Literal["email", "file"]
    name: Name
    address: Line
    added_at: Moment


class AlterationItem(Contract):
    """Something that is not as it was recorded. `number` is the ledger entry's; without one it concerns the ledger as a whole."""

    number: int | None
    kind: str
    incident_id: UUID | None
    code: Code
    said: str
    found_at: Moment


class ExportItem(Contract):
    """An export that was asked for. `over`: it was there for a day and is no more."""

    id: UUID
    scope: Literal["pupil", "incident", "school"]
    scope_id: UUID
    reason: Line
    asked_by: UUID
    asked_name: Name
    asked_at: Moment
    state: Literal["wanted", "ready", "failed", "over"]
    entries: int
    again: bool = False  # over, because something in it was blocked or destroyed since: it has to be made again


class ProofAnswer(Contract):
    """How the school's record stands: how far and when it was checked, what was found, who holds which heads."""

    entries: int
    checked_at: Moment | None
    checked_to: int
    whole_at: Moment | None
    fingerprint: str  # of the key that signed the newest head; "" before the first
    alterations: list[AlterationItem]
    heads: list[HeadItem]
    witnesses: list[WitnessItem]
    exports: list[ExportItem]


class Proof(Request[ProofAnswer]):
    """The proof page of the actor's school. DSLs only. With an `incident_id`, only what was found about it, and about the whole."""

    method: ClassVar[str] = "incidents.proof"
    answer: ClassVar[type[Contract]] = ProofAnswer

    incident_id: UUID | None = None


class KeepWitness(Request[Nothing]):
    """Add a witness: from now on they are sent heads. Repeating it changes nothing."""

    method: ClassVar[str] = "incidents.keep_witness"
    answer: ClassVar[type[Contract]] = Nothing

    id: UUID
    kind: Literal["email", "file"]
    name: Name
    address: Line = ""


class EndWitness(Request[Nothing]):
    """Take a witness off. Raises NotFound("witness")."""

    method: ClassVar[str] = "incidents.end_witness"
    answer: ClassVar[type[Contract]] = Nothing

    id: UUID


class BeginExport(Request[ExportItem]):
    """Have an export made, of a pupil, an incident or the school. It stands in the ledger as a disclosure. DSLs only.

    `with_linked`: also the words of incidents in which the pupil is only linked. Words that the actor may not read are withheld; of an
    incident such entries are left out. Raises NotFound where the actor may not know of it.
    """

    method: ClassVar[str] = "incidents.begin_export"
    answer: ClassVar[type[Contract]] = ExportItem

    id: UUID
    scope: Literal["pupil", "incident", "school"]
    scope_id: UUID
    with_linked: bool = False
    reason: Name
    school_name: Name


class EntrySealed(Contract):
    """Where something stands in the school's ledger: its number there, and the hash of that ledger entry."""

    sequence: int
    entry_hash: str


class EnterDocument(Request[EntrySealed]):
    """Enter a document that was given to somebody in the school's ledger. DSLs and deputies only; reports asks it with their token.

    `sha256` is that of what was given (hexadecimal); `about` says what it is, in codes and numbers only; `pupil_ids` are the pupils in whose
    threads it stands. The same `id` again answers as before; with another `sha256` or kind it raises Conflict("other_content").
    Raises NotFound("pupil") for one that is not there or not theirs to know of.
    """

    method: ClassVar[str] = "incidents.enter_document"
    answer: ClassVar[type[Contract]] = EntrySealed

    id: UUID
    kind: Literal["report_published", "pack", "disclosure_pack"]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    pupil_ids: Annotated[list[UUID], Field(max_length=50)] = []
    about: Annotated[dict[Code, Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{0,64}$")]], Field(max_length=20)] = {}


class EnterTrustReport(Request[EntrySealed]):
    """Enter a report of a trust in the ledger of one of its schools. The trust's safeguarding lead only; reports asks it with their token.

    `sha256` is that of what was approved (hexadecimal); `about` says what it is, in codes and numbers only. The same `id` again answers as
    before; with another `sha256` it raises Conflict("other_content"). Raises NotFound("school") for one that is not of the trust.
    """

    method: ClassVar[str] = "incidents.enter_trust_report"
    answer: ClassVar[type[Contract]] = EntrySealed

    id: UUID
    school_id: UUID
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    about: Annotated[dict[Code, Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{0,64}$")]], Field(max_length=20)] = {}


class ExportPart(Contract):
    """A part of an export and the numbers of its pieces, in order."""

    name: str
    pieces: list[int]


class ExportAnswer(Contract):
    """How far an export is and, when it is ready, what it is put together from. `files` are attachments, which `files` hands out."""

    item: ExportItem
    parts: list[ExportPart]
    files: list[UUID]


class Export(Request[ExportAnswer]):
    """An export of the actor's own. Raises NotFound("export")."""

    method: ClassVar[str] = "incidents.export"
    answer: ClassVar[type[Contract]] = ExportAnswer

    id: UUID


class ExportPieceAnswer(Contract):
    """The bytes of one piece."""

    data: bytes


class ExportPiece(Request[ExportPieceAnswer]):
    """A piece of an export of the actor's own. Raises NotFound("export")."""

    method: ClassVar[str] = "incidents.export_piece"
    answer: ClassVar[type[Contract]] = ExportPieceAnswer

    id: UUID
    number: int


class WitnessedHeadAnswer(Contract):
    """What is mailed to a witness, and to whom."""

    name: Name
    address: Line
    size: int
    at: str
    fingerprint: str
    text: str


class WitnessedHead(Request[WitnessedHeadAnswer]):
    """A head for a witness. Only for alerts, to write the mail. Raises NotFound("witness")."""

    method: ClassVar[str] = "incidents.witnessed_head"
    answer: ClassVar[type[Contract]] = WitnessedHeadAnswer

    witness_id: UUID
    head_id: UUID


# --- for services that keep something of entries themselves --------------------------------------------------------


class ReadableAnswer(Contract):
    """Those of the entries asked about that the actor may read."""

    entry_ids: list[UUID]


class Readable(Request[ReadableAnswer]):
    """Which of these entries the actor may read: for a service that shows what it keeps about them, on the person's behalf.

    `opened`: only those whose whole words they were handed, in the incident or in a chronology.
    """

    method: ClassVar[str] = "incidents.readable"
    answer: ClassVar[type[Contract]] = ReadableAnswer

    entry_ids: list[UUID] = Field(max_length=10_000)
    opened: bool = False


class ConcerningAnswer(Contract):
    """Incidents in which a person, or their child, is the pupil or linked; and those pupils."""

    incident_ids: list[UUID]
    pupil_ids: list[UUID] = []


class Concerning(Request[ConcerningAnswer]):
    """Which incidents concern a person themselves: reports leaves them out of what that person counts. For services only."""

    method: ClassVar[str] = "incidents.concerning"
    answer: ClassVar[type[Contract]] = ConcerningAnswer

    person_id: UUID


# --- what counts are made of -----------------------------------------------------------------------------------------


class Happening(Contract):
    """What an entry means to counting: codes and times, and whom it is about by id.

    `what`: of an action its kind (a `Details` kind), of a status how it stands for the pupil `of_id`. `class_code`: the incident's from here on,
    where this entry gave or raised it; `categories` all it has so far. `settled`: a referral whose outcome was known at once.
    """

    id: UUID
    incident_id: UUID
    at: Moment
    kind: Literal["recorded", "action", "moved", "status"]
    pupil_ids: list[UUID] = []
    year_group: Code | None = None
    class_code: Code | None = None
    categories: list[Code] = []
    category: Code | None = None
    what: Code | None = None
    of_id: UUID | None = None
    due_on: date | None = None
    settled: bool = False


class FlagState(Contract):
    """A flag of a pupil: which kind, since when, until when (None: still)."""

    id: UUID
    pupil_id: UUID
    kind: FlagKind
    started: date
    ended: date | None


class RollDay(Contract):
    """From that day on so many pupils were on roll, until the next of these days."""

    on: date
    on_roll: int


class HistoryAnswer(Contract):
    """Whole incidents, in order of their ids; `next` is where to go on. With the first: every flag, and how many pupils are listed, and were.

    Of what was being written at `as_of` some may be missing: its events tell it.
    """

    items: list[Happening]
    flags: list[FlagState]
    on_roll: int
    roll: list[RollDay] = []
    as_of: Moment
    next: UUID | None


class History(Request[HistoryAnswer]):
    """Say again what was counted of a school's incidents, for the service that counts. No name, no word."""

    method: ClassVar[str] = "incidents.history"
    answer: ClassVar[type[Contract]] = HistoryAnswer

    after: UUID | None = None
    limit: int = Field(default=200, ge=1, le=500)


# --- the demonstration ---------------------------------------------------------------------------------------------


class SeedPupil(Contract):
    """A made-up pupil. `family` is the same for siblings; `relatives` are staff who are the pupil's parents."""

    id: UUID
    name: Name
    known_as: Line = ""
    year: Line
    form: Line
    born: date
    family: UUID
    relatives: list[UUID] = []


class ImportPupils(Request[Nothing]):
    """Add or change pupils of the token's school."""

    method: ClassVar[str] = "incidents.import_pupils"
    answer: ClassVar[type[Contract]] = Nothing

    pupils: list[SeedPupil] = Field(max_length=2000)
    flags: list[SetFlag] = []


class SeedEntry(Contract):
    """A made-up entry of the past: an incident (`record`), an action, or how one stands (`status`); its author and when."""

    author_id: UUID
    author_name: Name
    roles: list[Code]
    at: Moment
    record: Record | None = None
    action: AddAction | None = None
    status: SetStatus | None = None


class SeedEntries(Request[Nothing]):
    """Write made-up entries of the past at the token's school, in order of `at`. Repeating it changes nothing."""

    method: ClassVar[str] = "incidents.seed"
    answer: ClassVar[type[Contract]] = Nothing

    entries: list[SeedEntry] = Field(max_length=200)


# --- events --------------------------------------------------------------------------------------------------------


class EntryRecorded(Event):
    """What both kinds of entry say. `subject` is the incident. `past` marks a demonstration's past: nobody is mailed."""

    incident_id: UUID
    entry_id: UUID
    author_id: UUID
    category: Code  # the one of the highest class, for the alert
    categories: list[Code]
    class_code: Code
    pupil_ids: list[UUID]
    recipients: list[Recipient]
    file_ids: list[UUID]
    at_risk_now: bool = False
    past: bool = False
    reached_nobody: bool = False  # it was for somebody, and there is nobody to be alerted
    trace: str = Field(default="", pattern=r"^[0-9a-f]{0,32}$")


class IncidentRecorded(EntryRecorded):
    """An incident was recorded: told to these people."""

    name: ClassVar[str] = "incidents.incident.recorded"
    version: ClassVar[int] = 1

    occurred_at: Moment | None
    body_map_id: UUID | None = None
    year_group: Code | None = None  # of the age of whom it is about: reception, year_7; None where that is not known


class ActionAdded(EntryRecorded):
    """An action (or a correction) was added below an incident."""

    name: ClassVar[str] = "incidents.action.added"
    version: ClassVar[int] = 1

    kind: Literal["action", "correction"] = "action"
    raised: list[UUID] = []  # entries before it whose class was raised with the incident's
    raised_to: Code | None = None  # the incident's class, when this action's categories raised it
    lost_sight: list[UUID] = []  # whose right to the first entry that ended; where nothing was raised: to all of the incident
    released: list[UUID] = []  # those of them to whom a DSL's line says so
    what: Code | None = None  # which kind of action it is (a `Details` kind), or "moved": it is about the first of `pupil_ids` now
    of_id: UUID | None = None  # the entry it closes, gives to another or tells the outcome of
    due_on: date | None = None
    settled: bool = False  # a referral whose outcome was known at once
    year_group: Code | None = None  # where it was moved: of whom it is about now


class StatusChanged(Event):
    """A DSL said how an incident stands for one of the pupils in it. `subject` is the incident.

    `closed`: it is closed for every pupil in it by that, and waits for nobody. (Of an earlier release, which did not say, it is false.)
    """

    name: ClassVar[str] = "incidents.status.changed"
    version: ClassVar[int] = 1

    incident_id: UUID
    entry_id: UUID
    pupil_id: UUID
    status: Status
    closed: bool = False


class FlagChanged(Event):
    """A pupil's flag is now this: which kind, since when, until when. `subject` is the flag."""

    name: ClassVar[str] = "incidents.flag.changed"
    version: ClassVar[int] = 1

    pupil_id: UUID
    kind: FlagKind
    started: date
    ended: date | None


class RollChanged(Event):
    """So many pupils are on roll at the school now: listed, of school age, and not gone. `subject` is the school.

    `days`: each day on which that number changed, or will as far as it is known, in order. Where a school's list begins, or who left when was
    set right, days that are past say something else than they did before.
    """

    name: ClassVar[str] = "incidents.roll.changed"
    version: ClassVar[int] = 1

    on_roll: int
    days: list[RollDay] = []


class AlertPassedOn(Event):
    """Somebody left with an alert to an entry unread: these are alerted in their place. `subject` is the incident.

    `granted`: they were chosen beforehand to stand in for the DSLs, or it is kept to them; else they read it by their role (None: an earlier release
    did not say).
    """

    name: ClassVar[str] = "incidents.alert.passed_on"
    version: ClassVar[int] = 1

    incident_id: UUID
    entry_id: UUID
    author_id: UUID
    kind: Literal["incident", "action", "correction"]
    category: Code
    class_code: Code
    people: list[UUID]
    granted: bool | None = None
    trace: str = Field(default="", pattern=r"^[0-9a-f]{0,32}$")


class FollowUpChanged(Event):
    """Something was asked of somebody, given to another, closed, or is nobody's any more: remind who is asked. `subject` is the incident.

    `entry_id` is the entry that asks it; `due_on` a day in the school's `zone`; `leads` the DSLs who may know of it.
    """

    name: ClassVar[str] = "incidents.follow_up.changed"
    version: ClassVar[int] = 1

    incident_id: UUID
    entry_id: UUID
    asked_by: UUID
    owner_id: UUID | None
    due_on: date
    zone: Zone
    state: Literal["open", "closed", "nobodys"]
    leads: list[UUID]


class RecipientMissed(Event):
    """Somebody was to be alerted and was not, since their role had changed meanwhile: tell the Safeguarding team. `subject` is the incident."""

    name: ClassVar[str] = "incidents.recipient.missed"
    version: ClassVar[int] = 1

    incident_id: UUID
    entry_id: UUID
    person_id: UUID
    people: list[UUID]


class SightLost(Event):
    """It became known that these people, or children of theirs, are in the incident: nothing of it is for them any more."""

    name: ClassVar[str] = "incidents.sight.lost"
    version: ClassVar[int] = 1

    incident_id: UUID
    people: list[UUID]


class LeadTaken(Event):
    """A DSL or deputy leads the incident. `subject` is the incident."""

    name: ClassVar[str] = "incidents.lead.taken"
    version: ClassVar[int] = 1

    incident_id: UUID
    person_id: UUID


class LeadOffered(Event):
    """Somebody is asked to take over an incident: tell them. `subject` is the incident."""

    name: ClassVar[str] = "incidents.lead.offered"
    version: ClassVar[int] = 1

    incident_id: UUID
    person_id: UUID
    by: UUID


class CorrectionAsked(Event):
    """Somebody asks for a correction of what they wrote: tell these DSLs."""

    name: ClassVar[str] = "incidents.correction.asked"
    version: ClassVar[int] = 1

    incident_id: UUID
    entry_id: UUID
    asked_by: UUID
    person_ids: list[UUID]


class CorrectionDeclined(Event):
    """A DSL said why there is no correction: tell who asked."""

    name: ClassVar[str] = "incidents.correction.declined"
    version: ClassVar[int] = 1

    incident_id: UUID
    entry_id: UUID
    asked_by: UUID


class EntryRestricted(Event):
    """Entries about an adult of the school are kept to two people: tell `told` of them, and take them from everybody else's inbox."""

    name: ClassVar[str] = "incidents.entry.restricted"
    version: ClassVar[int] = 1

    incident_id: UUID
    entry_id: UUID
    entry_ids: list[UUID]
    kept_to: list[UUID]
    told: list[UUID]
    author_id: UUID
    category: Code
    class_code: Code
    trace: str = Field(default="", pattern=r"^[0-9a-f]{0,32}$")


class RestrictionLifted(Event):
    """What was kept to two people may be read by their roles again: where nobody leads it, it waits for somebody."""

    name: ClassVar[str] = "incidents.restriction.lifted"
    version: ClassVar[int] = 1

    incident_id: UUID
    entry_id: UUID


class FileBlocked(Event):
    """A DSL blocked an attachment: nobody opens it from now on."""

    name: ClassVar[str] = "incidents.file.blocked"
    version: ClassVar[int] = 1

    incident_id: UUID
    entry_id: UUID
    file_id: UUID


class FileDecided(Event):
    """A second DSL gave a blocked attachment back, or had it destroyed: its key is to be destroyed."""

    name: ClassVar[str] = "incidents.file.decided"
    version: ClassVar[int] = 1

    incident_id: UUID
    entry_id: UUID
    file_id: UUID
    decision: Literal["destroy", "give_back"]


class RightGranted(Event):
    """A DSL let a person read entries of one incident, and told them: alert them as for the entry named."""

    name: ClassVar[str] = "incidents.right.granted"
    version: ClassVar[int] = 1

    incident_id: UUID
    entry_id: UUID
    author_id: UUID
    person_id: UUID
    category: Code
    class_code: Code
    trace: str = Field(default="", pattern=r"^[0-9a-f]{0,32}$")


AuditKind = Literal[
    "right_granted",
    "sight_kept",
    "class_raised",
    "stand_in_given",
    "stand_in_ended",
    "exported",
    "reading_unusual",
    "reading_stopped",
]


class AuditNoted(Event):
    """Something was done here that belongs in the school's audit log, which identity keeps. `subject` is the line, of which there is one event.

    `person_id` is whom something was opened to, or who read; `what` says more in a code.
    """

    name: ClassVar[str] = "incidents.audit.noted"
    version: ClassVar[int] = 1

    kind: AuditKind
    person_id: UUID | None = None
    by: UUID | None = None
    what: Code | None = None


class GlassBroken(Event):
    """The trust's safeguarding lead has opened an incident with a reason. `subject` is this once; `by` is who."""

    name: ClassVar[str] = "incidents.audit.glass_broken"
    version: ClassVar[int] = 1

    incident_id: UUID
    by: UUID


class ContentDestroyed(Event):
    """Two people had the content of entries destroyed. `subject` is the decision; `entries` how many; `by` decided what `proposed_by` proposed."""

    name: ClassVar[str] = "incidents.audit.content_destroyed"
    version: ClassVar[int] = 1

    incident_id: UUID
    entries: int
    proposed_by: UUID
    by: UUID


class DestructionNoted(Event):
    """Somebody proposed to destroy the content of entries, or it was kept: `by` decided so, or took their own back. `subject` is this once."""

    name: ClassVar[str] = "incidents.audit.destruction_noted"
    version: ClassVar[int] = 1

    incident_id: UUID
    outcome: Literal["proposed", "kept"]
    proposed_by: UUID
    by: UUID


class RelativeChanged(Event):
    """A person of the staff was entered as this pupil's parent or carer, or as the pupil; or, with `entered` false, no longer counts as that.

    It changes who may read what stands about the pupil, so the school's audit log has it. `subject` is this once; `by` None: the demonstration.
    """

    name: ClassVar[str] = "incidents.audit.relative_changed"
    version: ClassVar[int] = 1

    pupil_id: UUID
    person_id: UUID
    by: UUID | None = None
    entered: bool


class HeadSigned(Event):
    """A head of the school's ledger was signed and is to be mailed to these witnesses. `subject` is the head."""

    name: ClassVar[str] = "incidents.head.signed"
    version: ClassVar[int] = 1

    head_id: UUID
    size: int
    witness_ids: list[UUID]


class RecordAltered(Event):
    """The self-check found that something in the record is not as it was recorded. `subject` is the school."""

    name: ClassVar[str] = "incidents.record.altered"
    version: ClassVar[int] = 1

    found: int
    incident_ids: list[UUID]
