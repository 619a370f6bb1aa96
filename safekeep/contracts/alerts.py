"""What alerts answers, and what it says has happened: the inbox, who has read, who was dropped."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from safekeep.contracts import Code, Contract, Event, Line, Moment, Nothing, OptionalNarrative, Request


class AlertItem(Contract):
    """One alert in a person's inbox, in ids and codes; names are put beside it by the page."""

    id: UUID
    incident_id: UUID
    entry_id: UUID
    kind: Literal["incident", "action", "correction"]
    category: Code
    class_code: Code
    recorded_by: UUID
    because: list[Code]
    at_risk_now: bool
    raised_at: Moment
    read_at: Moment | None


class InboxAnswer(Contract):
    """A page of alerts: unread first, then newest first. `unread` counts the whole inbox."""

    items: list[AlertItem]
    next: str | None
    unread: int


class Inbox(Request[InboxAnswer]):
    """The actor's own alerts at their school."""

    method: ClassVar[str] = "alerts.inbox"
    answer: ClassVar[type[Contract]] = InboxAnswer

    state: Literal["all", "unread", "read"] = "all"
    class_code: Code | None = None
    incident_id: UUID | None = None
    cursor: str | None = None
    limit: int = Field(default=25, ge=1, le=100)


class UnreadAnswer(Contract):
    """How many alerts the actor has not read."""

    unread: int


class Unread(Request[UnreadAnswer]):
    """One cheap count, for the banner."""

    method: ClassVar[str] = "alerts.unread"
    answer: ClassVar[type[Contract]] = UnreadAnswer


class WatchedInbox(Contract):
    """How many alerts somebody has not read, and a code that changes whenever these are others. `mark` empty: the token is no good."""

    unread: int
    mark: str


class WatchAnswer(Contract):
    """One for each token, in their order."""

    items: list[WatchedInbox]


class Watch(Request[WatchAnswer]):
    """What has become of many inboxes, for the pages that show them: one call of a gateway for everybody. Each item is a person's own token.

    Raises NotSignedIn("missing") when there is none.
    """

    method: ClassVar[str] = "alerts.watch"
    answer: ClassVar[type[Contract]] = WatchAnswer

    actor_tokens: list[str] = Field(max_length=2_000)


class MarkRead(Request[Nothing]):
    """Mark the actor's own alert as read, once they have opened the entry; twice is the same. Raises NotFound("alert"), Conflict("not_opened")."""

    method: ClassVar[str] = "alerts.mark_read"
    answer: ClassVar[type[Contract]] = Nothing
    makes: ClassVar[str] = "alert_id"

    alert_id: UUID


class ReaderItem(Contract):
    """What became of one person's alert to one entry. `mailed_at`: the mail server accepted it. `mail`: waiting, sent, failed, none.

    `dropped`: they were not told after all, since their role had changed before. `withdrawn`: it left their inbox since, as they may not open it
    any more; said to DSLs alone.
    """

    person_id: UUID
    entry_id: UUID
    because: list[Code]
    raised_at: Moment
    mail: Literal["waiting", "sent", "failed", "none"]
    mailed_at: Moment | None
    read_at: Moment | None
    dropped: bool = False
    withdrawn: bool = False


class ReadersAnswer(Contract):
    """Who was alerted to which entry of an incident, and who has read."""

    items: list[ReaderItem]


class Readers(Request[ReadersAnswer]):
    """Who was sent and who has read.

    The author of an entry sees that entry's; a DSL the incident's; a receiver those of the entries they were alerted to.
    """

    method: ClassVar[str] = "alerts.readers"
    answer: ClassVar[type[Contract]] = ReadersAnswer

    incident_id: UUID


class DeviceToNotify(Contract):
    """A browser that lets us notify this person: what it says of itself, since when, and when it was last notified."""

    id: UUID
    device: Line
    made_at: Moment
    sent_at: Moment | None


class NotificationsAnswer(Contract):
    """The actor's browsers, and our public key (base64url) for asking another one; "" where the operator has turned notifications off."""

    items: list[DeviceToNotify]
    key: str


class Notifications(Request[NotificationsAnswer]):
    """How the actor is notified at their school, beside the inbox and by e-mail."""

    method: ClassVar[str] = "alerts.notifications"
    answer: ClassVar[type[Contract]] = NotificationsAnswer


class DeviceKept(Contract):
    """The browser's id."""

    id: UUID


class KeepDevice(Request[DeviceKept]):
    """Notify the actor on this browser: what its PushSubscription says (RFC 8030, RFC 8291), in base64url.

    Raises Invalid({"endpoint": "unknown_choice" | "invalid"}): not at a push service that the operator lets us reach; {"p256dh" | "auth": "invalid"};
    {"endpoint": "too_many"}.
    """

    method: ClassVar[str] = "alerts.keep_device"
    answer: ClassVar[type[Contract]] = DeviceKept

    id: UUID
    endpoint: str = Field(max_length=1_000)
    p256dh: str = Field(max_length=200)
    auth: str = Field(max_length=100)
    device: Line = ""


class DropDevice(Request[Nothing]):
    """Notify the actor on this browser no more; of one that is not theirs nothing happens."""

    method: ClassVar[str] = "alerts.drop_device"
    answer: ClassVar[type[Contract]] = Nothing
    makes: ClassVar[str] = "device_to_drop"

    device_to_drop: UUID


class TryDevice(Request[Nothing]):
    """Notify the actor on this browser now, to see that it works; of one that is not theirs nothing happens."""

    method: ClassVar[str] = "alerts.try_device"
    answer: ClassVar[type[Contract]] = Nothing
    makes: ClassVar[str] = "device_to_try"

    device_to_try: UUID


class FirstReading(Contract):
    """When an incident, or anything below it, was first read by somebody who was alerted to it."""

    incident_id: UUID
    at: Moment


class FirstReadingsAnswer(Contract):
    """In order of their incidents; `next` is where to go on."""

    items: list[FirstReading]
    next: UUID | None


class FirstReadings(Request[FirstReadingsAnswer]):
    """Say again when incidents were first read, for the service that counts."""

    method: ClassVar[str] = "alerts.first_readings"
    answer: ClassVar[type[Contract]] = FirstReadingsAnswer

    after: UUID | None = None
    limit: int = Field(default=1_000, ge=1, le=5_000)


class AlertRead(Event):
    """A person has read an alert. `subject` is the alert."""

    name: ClassVar[str] = "alerts.alert.read"
    version: ClassVar[int] = 1

    alert_id: UUID
    incident_id: UUID
    entry_id: UUID
    person_id: UUID


class RecipientDropped(Event):
    """A person's role changed before the alert was made: they were not told, and their right goes back. `subject` is the alert that was not made."""

    name: ClassVar[str] = "alerts.recipient.dropped"
    version: ClassVar[int] = 1

    incident_id: UUID
    entry_id: UUID
    person_id: UUID


class AlertOrphaned(Event):
    """A person left, or is told of nothing by their role any more, before they had read an alert: somebody else has to be told.

    `subject` is the alert, which is theirs no more.
    """

    name: ClassVar[str] = "alerts.alert.orphaned"
    version: ClassVar[int] = 1

    incident_id: UUID
    entry_id: UUID
    person_id: UUID


# --- the school's calendar -----------------------------------------------------------------------------------------

SpanKind = Literal["term", "holiday", "inset", "bank_holiday", "closed"]

LARGEST_CALENDAR = 512 * 1024
"""Bytes of an iCalendar file."""


class SpanItem(Contract):
    """Days of a school's calendar, from `first` to `last`. `source`: entered here, or what the subscribed calendar says."""

    kind: SpanKind
    first: date
    last: date
    name: Line = ""
    source: Literal["entered", "subscription"] = "entered"


class CalendarAnswer(Contract):
    """The calendar as it holds. Hours are minutes after midnight; weekdays count from Monday, 0. `outcome`: of the last reading, or "".

    `missing`: school years (by the year they begin in) that are near and have no terms: every weekday of them counts as a school day.
    """

    opens_minute: int
    closes_minute: int
    weekdays: list[int]
    spans: list[SpanItem]
    address: str
    fetched_at: Moment | None
    outcome: str
    missing: list[int]
    quiet_before: Moment | None = None  # what was last added to before this has had three whole school days without a word


class Calendar(Request[CalendarAnswer]):
    """The calendar of the actor's school. DSLs only."""

    method: ClassVar[str] = "alerts.calendar"
    answer: ClassVar[type[Contract]] = CalendarAnswer


class KeepCalendar(Request[Nothing]):
    """Set when the day begins, on which weekdays there is school, and all that is entered here.

    Raises Invalid({"opens": "after_the_end", "weekdays": "missing", "spans.<n>.last": "before_the_first" | "too_long"}).
    """

    method: ClassVar[str] = "alerts.keep_calendar"
    answer: ClassVar[type[Contract]] = Nothing

    opens_minute: int = Field(ge=0, lt=24 * 60)
    weekdays: list[int] = Field(max_length=7)
    spans: list[SpanItem] = Field(max_length=400)


class KeepSubscription(Request[Nothing]):
    """Subscribe to a calendar at an address, https and public, read at once and then twice a day; "" ends that.

    Raises Invalid({"address": "not_an_address"}).
    """

    method: ClassVar[str] = "alerts.keep_subscription"
    answer: ClassVar[type[Contract]] = Nothing

    address: str = Field(max_length=1_000)


class CalendarEvent(Contract):
    """An event of an iCalendar file. `kind` None: its name does not say what it is to a school."""

    kind: SpanKind | None
    first: date
    last: date
    name: Line


class CalendarFile(Contract):
    """The events of a file, earliest first; nothing was kept."""

    items: list[CalendarEvent]


class ReadCalendar(Request[CalendarFile]):
    """Read an iCalendar file, for a person to say what of it counts. Raises Invalid({"file": "not_a_calendar" | "too_large" | "too_many"})."""

    method: ClassVar[str] = "alerts.read_calendar"
    answer: ClassVar[type[Contract]] = CalendarFile

    content: bytes = Field(max_length=LARGEST_CALENDAR)


# --- asking again ----------------------------------------------------------------------------------------------------

Asked = Literal["leads", "head", "trust_lead"]


class StepItem(Contract):
    """After so many minutes these are asked."""

    minutes: int = Field(ge=0, le=7 * 24 * 60)
    who: Asked


class PolicyItem(Contract):
    """One escalation policy (docs/operators.md). `again` and `outside_again` are minutes, 0 for never; `before_end` too."""

    code: Literal["at_risk_now", "protection", "safeguarding", "welfare"]
    steps: list[StepItem] = Field(max_length=12)
    again: int = Field(default=0, ge=0, le=7 * 24 * 60)
    outside: list[StepItem] = Field(default=[], max_length=12)
    outside_again: int = Field(default=0, ge=0, le=7 * 24 * 60)
    before_end: int = Field(default=0, ge=0, le=8 * 60)


class EscalationAnswer(Contract):
    """How the school asks again. `head_ids`: who is asked as the head; none: everybody of SLT."""

    policies: list[PolicyItem]
    head_ids: list[UUID]
    meanwhile: OptionalNarrative


class Escalation(Request[EscalationAnswer]):
    """The school's policies. DSLs only."""

    method: ClassVar[str] = "alerts.escalation"
    answer: ClassVar[type[Contract]] = EscalationAnswer


class KeepEscalation(Request[Nothing]):
    """Set them, all at once; what waits is asked about by them from now on.

    Raises Invalid({"<code>.steps": "leads_first" | "at_least_once", "<code>.again": "too_often", "head_ids": "unknown_choice"}).
    """

    method: ClassVar[str] = "alerts.keep_escalation"
    answer: ClassVar[type[Contract]] = Nothing

    policies: list[PolicyItem] = Field(min_length=1, max_length=4)
    head_ids: list[UUID] = Field(default=[], max_length=20)
    meanwhile: OptionalNarrative = ""


class AskAhead(Contract):
    """When these are asked for the first time, if nobody leads the incident by then."""

    at: Moment
    who: list[Asked]


class MeanwhileAnswer(Contract):
    """Whether it is school hours now; when they begin next; and the school's own text for the time until then.

    `asks`: whom the policy that holds asks from now on, in order, each once; [] where the class has no lead.
    """

    in_hours: bool
    opens_at: Moment | None
    text: OptionalNarrative
    asks: list[AskAhead] = []


class Meanwhile(Request[MeanwhileAnswer]):
    """What a recorder is told: who is asked when nobody takes it, and what to do outside school hours.

    The class, the risk and the moment are as they recorded it. Of what became of it since the answer says nothing, as they may not know that.
    """

    method: ClassVar[str] = "alerts.meanwhile"
    answer: ClassVar[type[Contract]] = MeanwhileAnswer

    class_code: Code | None = None
    at_risk_now: bool = False
    begun: Moment | None = None


class ConcernItem(Contract):
    """An incident that waits for somebody to lead it. `asked_at`: when somebody was asked last; None: not yet."""

    incident_id: UUID
    category: Code
    class_code: Code
    at_risk_now: bool
    begun_at: Moment
    asked_at: Moment | None


class UnledAnswer(Contract):
    """What was read and nobody leads, of what the actor reads: what waits longest first, 100 at most."""

    items: list[ConcernItem]


class Unled(Request[UnledAnswer]):
    """For DSLs: read, nobody leading."""

    method: ClassVar[str] = "alerts.unled"
    answer: ClassVar[type[Contract]] = UnledAnswer


class AskingItem(Contract):
    """That people were asked: when it was due, when it was done, whom, and how many were written to. `unread`: nobody had read it."""

    due_at: Moment
    at: Moment
    who: list[Asked]
    unread: bool
    asked: int


class AskingsAnswer(Contract):
    """Who was asked about an incident, oldest first, and when somebody is asked next: None also for the half second until that is known."""

    items: list[AskingItem]
    next_at: Moment | None


class Askings(Request[AskingsAnswer]):
    """For DSLs: what was done so that somebody leads it. Of what the actor may not read the answer is empty."""

    method: ClassVar[str] = "alerts.askings"
    answer: ClassVar[type[Contract]] = AskingsAnswer

    incident_id: UUID
