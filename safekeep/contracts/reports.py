"""What reports answers: counts built from events, and the chronology as a document."""

from datetime import date
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from safekeep.contracts import Code, Contract, Event, Line, Moment, Name, Nothing, OptionalNarrative, Request
from safekeep.contracts.alerts import LARGEST_CALENDAR
from safekeep.contracts.incidents import Chronology


class CountRow(Contract):
    """How many incidents were recorded in a month ("2026-03", the school's zone) with this class and category.

    An incident with two categories counts in both rows; `main` marks the category of its highest class, so that the
    rows marked so add up to the number of incidents.
    """

    month: str
    class_code: Code
    category: Code
    main: bool
    count: int


CountedBy = Literal["year_group", "standing", "read", "answered", "referrals", "follow_ups", "flags"]


class TableCount(Contract):
    """How many there are by something else than month, class and category.

    `year_group`: of the age of whom an incident is about. `standing`: open, monitoring, closed. `read`: how soon somebody alerted had read it
    (hour, day, later, not_yet); `answered`: how soon something was done below it (day, week, later, not_yet). `referrals`: settled, waiting.
    `follow_ups`: what is asked and not done, due or overdue. `flags`: pupils with a flag on that day, whatever was recorded.
    """

    table: CountedBy
    code: Code
    count: int


class ComparisonItem(Contract):
    """When what is counted was compared with the record last, and how many incidents did not count as it says, and were put right."""

    compared_at: Moment
    incidents: int
    differences: int


class CountsAnswer(Contract):
    """The rows, how many incidents they come from, and tables of the same incidents. `compared` None: not compared yet."""

    rows: list[CountRow]
    incidents: int
    actions: int
    tables: list[TableCount] = []
    compared: ComparisonItem | None = None


class Counts(Request[CountsAnswer]):
    """Counts of the actor's school between two months, both included; of one class, category or year group where they are given.

    Each incident counts once, as it stands now, or with `as_at` as it stood at the end of that day.
    """

    method: ClassVar[str] = "reports.counts"
    answer: ClassVar[type[Contract]] = CountsAnswer

    since: date
    until: date
    as_at: date | None = None
    class_code: Code | None = None
    category: Code | None = None
    year_group: Code | None = None


class RebuildAnswer(Contract):
    """How many incidents were compared, and how many did not count as the record says, and do now."""

    incidents: int
    differences: int


class Rebuild(Request[RebuildAnswer]):
    """Make the counts of the token's school anew from the record, while the service runs. For the operator.

    Raises Unavailable when incidents or alerts do not answer: nothing is lost, and what was put right by then stays so.
    """

    method: ClassVar[str] = "reports.rebuild"
    answer: ClassVar[type[Contract]] = RebuildAnswer


class SchoolCounts(Contract):
    """One school of the trust. `on_roll`: how many pupils of school age are listed there, None where that is not known.

    `quiet`: it records far less than its like.
    """

    school_id: UUID
    rows: list[CountRow]
    incidents: int
    on_roll: int | None = None
    quiet: bool = False


class TrustCountsAnswer(Contract):
    """Counts a school, for the trust's safeguarding lead. No pupil."""

    schools: list[SchoolCounts]


class TrustCounts(Request[TrustCountsAnswer]):
    """Counts across the schools of the actor's trust, of one class or category where they are given."""

    method: ClassVar[str] = "reports.trust_counts"
    answer: ClassVar[type[Contract]] = TrustCountsAnswer

    since: date
    until: date
    class_code: Code | None = None
    category: Code | None = None


class Document(Contract):
    """A file made now and not kept."""

    media_type: str
    data: bytes


LeftOut = Literal["actions", "linked", "body_maps", "files"]


class ChronologyPdf(Request[Document]):
    """The chronology as a tagged PDF, or as Word or CSV, read with the asker's own rights at this moment. Not kept.

    `leave_out`: actions and how an incident stands; entries about another pupil; the drawings and words of body maps; the list
    of attached files. `class_codes`: only entries of these classes; none given is all. The document says what was left out.
    `category_names`, `staff_names` and `school_name` are what the page shows them as.
    """

    method: ClassVar[str] = "reports.chronology_pdf"
    answer: ClassVar[type[Contract]] = Document

    chronology: Chronology
    school_name: str
    category_names: dict[str, str]
    staff_names: dict[UUID, str] = {}
    form: Literal["pdf", "docx", "csv"] = "pdf"
    leave_out: list[LeftOut] = []
    class_codes: list[Code] = Field(default=[], max_length=15)


# --- meetings of governors, and the reports to them ---------------------------------------------------------------------------


class CycleItem(Contract):
    """When governors meet as a rule: every so many months on the so-manieth weekday (Monday is 0, -1 is the last of the month), from a day on.

    `every` 0: meetings are entered one by one. `minute` is after midnight, local. So many days before a meeting: `draft_days` the draft is made,
    `remind_days` DSLs are reminded if nobody has approved it, `chair_days` the chair of governors is told (nobody chosen: every governor).
    Counts below `threshold` are not shown.
    """

    every: Literal[0, 1, 2, 3, 4, 6, 12] = 0
    week: Literal[1, 2, 3, 4, -1] = 1
    weekday: Literal[0, 1, 2, 3, 4, 5, 6] = 2
    starts_on: date
    minute: int = Field(default=18 * 60, ge=0, lt=24 * 60)
    name: Name
    draft_days: int = Field(default=14, ge=1, le=60)
    remind_days: int = Field(default=7, ge=1, le=59)
    chair_days: int = Field(default=3, ge=0, le=58)
    threshold: int = Field(default=5, ge=3, le=10)
    chair_id: UUID | None = None


class MeetingItem(Contract):
    """A meeting: when, what it is called, where it came from, and how its report stands. `draft_at`: when the draft is made by itself."""

    id: UUID
    on_day: date
    minute: int
    name: Line
    source: Literal["rule", "entered", "calendar"]
    moved_from: date | None
    cancelled: bool
    draft_at: Moment
    report_id: UUID | None
    state: Literal["none", "draft", "approving", "published"]


class MeetingsAnswer(Contract):
    """The cycle (None: nothing was set yet), the calendar that is subscribed to, and the meetings from a hundred days ago on."""

    cycle: CycleItem | None
    address: str
    outcome: str
    fetched_at: Moment | None
    items: list[MeetingItem]


class Meetings(Request[MeetingsAnswer]):
    """The meetings of the actor's school's governors. DSLs only."""

    method: ClassVar[str] = "reports.meetings"
    answer: ClassVar[type[Contract]] = MeetingsAnswer


class KeepCycle(Request[Nothing]):
    """Set when governors meet. Meetings to come by the rule are planned anew; who was moved or cancelled, or has a report, stays.

    Raises Invalid({"remind_days": "not_before", "chair_days": "not_before"}): each is nearer to the meeting than the one before.
    """

    method: ClassVar[str] = "reports.keep_cycle"
    answer: ClassVar[type[Contract]] = Nothing

    cycle: CycleItem


class KeepMeeting(Request[Nothing]):
    """Add a meeting, or move the one with this id: its draft and reminders move with it. Raises Invalid({"on_day": "in_past"})."""

    method: ClassVar[str] = "reports.keep_meeting"
    answer: ClassVar[type[Contract]] = Nothing

    id: UUID
    on_day: date
    minute: int = Field(ge=0, lt=24 * 60)
    name: Name


class CancelMeeting(Request[Nothing]):
    """Say that a meeting does not take place: no draft, no reminder. Raises Conflict("report_published") where its report is out."""

    method: ClassVar[str] = "reports.cancel_meeting"
    answer: ClassVar[type[Contract]] = Nothing

    meeting_id: UUID


class MeetingsRead(Contract):
    """How many meetings of governors were found in a file, by their names, and are planned now."""

    found: int


class ReadMeetings(Request[MeetingsRead]):
    """Plan the meetings of governors that an iCalendar file names. Raises Invalid({"file": "not_a_calendar" | "too_large" | "too_many"})."""

    method: ClassVar[str] = "reports.read_meetings"
    answer: ClassVar[type[Contract]] = MeetingsRead

    content: bytes = Field(max_length=LARGEST_CALENDAR)


class FollowCalendar(Request[Nothing]):
    """Subscribe to the calendar at an address (https, public), read at once and then twice a day; "" ends that.

    Raises Invalid({"address": "not_an_address"}).
    """

    method: ClassVar[str] = "reports.follow_calendar"
    answer: ClassVar[type[Contract]] = Nothing

    address: str = Field(max_length=1_000)


class DraftMade(Contract):
    """The draft that was made."""

    report_id: UUID


class MakeDraft(Request[DraftMade]):
    """Make a meeting's draft now, or make it anew from what is counted now; what was added in words stays. Raises Conflict("report_published")."""

    method: ClassVar[str] = "reports.make_draft"
    answer: ClassVar[type[Contract]] = DraftMade

    meeting_id: UUID


Words = Annotated[dict[Code, OptionalNarrative], Field(max_length=20)]
"""What a DSL adds, by section; "opening" is what the report opens with."""


class DraftAnswer(Contract):
    """A report as it will be published: `told` is title, period, rule and sections, in words. `sha256` names this state of it."""

    report_id: UUID
    meeting_id: UUID
    state: Literal["draft", "approving", "published"]
    on_day: date
    name: Line
    made_at: Moment
    told: dict[str, Any]
    words: dict[str, str]
    sha256: str


class ReportDraft(Request[DraftAnswer]):
    """A draft, whole. `category_names` are what the school calls its categories."""

    method: ClassVar[str] = "reports.report_draft"
    answer: ClassVar[type[Contract]] = DraftAnswer

    report_id: UUID
    category_names: dict[str, str] = {}


class KeepWords(Request[Nothing]):
    """Set what a DSL adds to a draft. Raises Conflict("report_published")."""

    method: ClassVar[str] = "reports.keep_words"
    answer: ClassVar[type[Contract]] = Nothing

    report_id: UUID
    words: Words


class ReportPlace(Contract):
    """A published report: its number in the school year, what was published when, and where it stands in the school's ledger."""

    report_id: UUID
    year: int
    number: int
    title: str
    period: str
    on_day: date
    published_at: Moment
    sha256: str
    sequence: int
    entry_hash: str


class ApproveReport(Request[ReportPlace]):
    """Publish a draft: it gets its number and its place in the ledger, and governors are mailed a link. The same again answers the same.

    Raises Conflict("draft_changed") where it is not what `sha256` names any more.
    """

    method: ClassVar[str] = "reports.approve_report"
    answer: ClassVar[type[Contract]] = ReportPlace

    report_id: UUID
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    school_name: Name
    category_names: dict[str, str] = {}


class PublishedAnswer(Contract):
    """Reports that were published to governors, the newest first."""

    items: list[ReportPlace]


class PublishedReports(Request[PublishedAnswer]):
    """For governors and DSLs: what was published."""

    method: ClassVar[str] = "reports.published_reports"
    answer: ClassVar[type[Contract]] = PublishedAnswer


class PublishedReportAnswer(Contract):
    """A published report. `content` is what was approved, byte for byte: its SHA-256 is `place.sha256`."""

    place: ReportPlace
    content: str


class PublishedReport(Request[PublishedReportAnswer]):
    """For governors and DSLs: one published report."""

    method: ClassVar[str] = "reports.published_report"
    answer: ClassVar[type[Contract]] = PublishedReportAnswer

    report_id: UUID


class PublishedReportPdf(Request[Document]):
    """For governors and DSLs: one published report, on paper."""

    method: ClassVar[str] = "reports.published_report_pdf"
    answer: ClassVar[type[Contract]] = Document

    report_id: UUID


class ReportWaiting(Event):
    """A report to governors waits for a DSL to approve it: it was made, approving it is late, or so late that the chair is told.

    `subject` is the meeting. `chair_id` None: every governor is told.
    """

    name: ClassVar[str] = "reports.report.waiting"
    version: ClassVar[int] = 1

    report_id: UUID
    step: Literal["made", "late", "chair"]
    chair_id: UUID | None = None


class ReportPublished(Event):
    """A report to governors was published. `subject` is the meeting."""

    name: ClassVar[str] = "reports.report.published"
    version: ClassVar[int] = 1

    report_id: UUID
