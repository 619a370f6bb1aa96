"""What reports answers: counts built from events, and the chronology as a document."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, ClassVar, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from safekeep.contracts import Code, Contract, Event, Line, Moment, Name, Nothing, OptionalNarrative, Passage, Request
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
    """When what is counted was compared with the record last, and how many incidents did not count as it says, and were put right.

    For whom something is left out, as about their own child, 1 stands for any number of them: some may be of what is left out.
    """

    compared_at: Moment
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
    """One school of the trust. `on_roll`: how many pupils of school age were listed there, on the day `roll_on`; None where that is not known.

    `quiet`: it records far less than its like.
    """

    school_id: UUID
    rows: list[CountRow]
    incidents: int
    on_roll: int | None = None
    roll_on: date | None = None
    quiet: bool = False


class TrustCountsAnswer(Contract):
    """Counts a school, for the trust's safeguarding lead. No pupil.

    `roll_on`: the middle of the days that were asked for, as far as they have come: whose roll rates are of, where a school's list goes so far back.
    """

    schools: list[SchoolCounts]
    roll_on: date | None = None


class TrustCounts(Request[TrustCountsAnswer]):
    """Counts across the schools of the actor's trust, of one class or category where they are given."""

    method: ClassVar[str] = "reports.trust_counts"
    answer: ClassVar[type[Contract]] = TrustCountsAnswer

    since: date
    until: date
    class_code: Code | None = None
    category: Code | None = None


class GivenFile(Contract):
    """An attached file that is given with a record: under which name, and the SHA-256 it must have."""

    file_id: UUID
    name: Line
    sha256: str


class Document(Contract):
    """A file made now and not kept. `later`: it is long, so it is made in the background (`reports.my_documents`), and there are no bytes yet.

    `files` are given with it (a record's): they are fetched with the rights of who hands it out.
    """

    media_type: str
    data: bytes
    later: bool = False
    files: list[GivenFile] = []


Form = Literal["pdf", "docx", "csv"]
LeftOut = Literal["actions", "linked", "body_maps", "files", "flags"]


class ChronologyPdf(Request[Document]):
    """The chronology as a tagged PDF, or as Word or CSV, read with the asker's own rights at this moment. Not kept.

    `leave_out`: actions and how an incident stands; entries about another pupil; the drawings and words of body maps; the list
    of attached files; the pupil's flags. `class_codes`: only entries of these classes; none given is all. The document says what was left out.
    `category_names`, `staff_names` and `school_name` are what the page shows them as; `proof_address` is where it is said how one knows that the
    record is unaltered. A long one is made under this `id` in the background.
    """

    method: ClassVar[str] = "reports.chronology_pdf"
    answer: ClassVar[type[Contract]] = Document

    id: UUID
    chronology: Chronology
    school_name: str
    category_names: dict[str, str]
    staff_names: dict[UUID, str] = {}
    form: Form = "pdf"
    leave_out: list[LeftOut] = []
    class_codes: list[Code] = Field(default=[], max_length=15)
    proof_address: Line = ""


class DocumentPart(Contract):
    """One file of a long document: its number (from 1), its entries and of which local days they are (None: it has none), and its pieces."""

    number: int
    entries: int
    earliest: date | None
    latest: date | None
    size: int
    first_piece: int
    pieces: int
    sha256: str


def stem_of(*, kind: str, pack: str) -> str:
    """Return what the file of a long document is called, without what follows: "chronology", "pack-core-group"."""
    return f"pack-{pack.replace('_', '-')}" if kind == "pack" else kind


def part_name(*, stem: str, number: int, of: int, form: str) -> str:
    """Return what the file of a part is called: "chronology-part-02-of-10.pdf"; "chronology.pdf" where there is one alone."""
    return f"{stem}-part-{number:0{len(str(of))}}-of-{of}.{form}" if of > 1 else f"{stem}.{form}"


def sums(files: Iterable[tuple[str, str]]) -> str:
    """Return a list of files (name, SHA-256) as `sha256sum -c` reads it. Its own SHA-256 is what stands for them all in the ledger."""
    return "".join(f"{sha256}  {name}\n" for name, sha256 in files)


class DocumentItem(Contract):
    """A long document that is made in the background: how far it is, and until when it can be fetched, by who asked for it.

    `why` it failed: "role" (who asked may not have it any more), "gone" (what it is about is not there), "not_printed", "too_late".
    "changed": it is a record of which two people saw something else.
    It is one file, or several `parts` of at most 1,000 entries; `parts_wanted` 0: it is not known yet how many. `pack`: of which kind, if it is one.
    `record`: what is given for an information request, with `files`.
    """

    id: UUID
    kind: Literal["chronology", "pack", "record"] = "chronology"
    pack: Line = ""
    information_request_id: UUID | None = None
    files: list[GivenFile] = []
    parts_wanted: int = 0
    parts_printed: int = 0
    parts: list[DocumentPart] = []
    pupil_id: UUID
    form: Form
    asked_at: Moment
    state: Literal["wanted", "ready", "failed"]
    why: str = ""
    entries: int
    entries_read: int
    size: int
    pieces: int
    media_type: str
    expires_at: Moment


class MyDocumentsAnswer(Contract):
    """Long documents, the newest first."""

    items: list[DocumentItem]


class MyDocuments(Request[MyDocumentsAnswer]):
    """The long documents that the actor has asked for, for a day."""

    method: ClassVar[str] = "reports.my_documents"
    answer: ClassVar[type[Contract]] = MyDocumentsAnswer


class DocumentPieceAnswer(Contract):
    """The bytes of one piece."""

    data: bytes


class DocumentPiece(Request[DocumentPieceAnswer]):
    """A piece (from 0) of a long document of the actor's own that is ready.

    Raises NotFound("document") for another's, one that is over or not ready, and one that was asked for with a role they have no more.
    """

    method: ClassVar[str] = "reports.document_piece"
    answer: ClassVar[type[Contract]] = DocumentPieceAnswer

    document_id: UUID
    number: int = Field(ge=0, le=10_000)


# --- packs ------------------------------------------------------------------------------------------------------------------

PackKind = Literal["core_group", "conference", "pep", "transfer", "ofsted"]
SUGGESTED: Final[dict[str, tuple[tuple[str, ...], tuple[LeftOut, ...]]]] = {
    "core_group": (("welfare", "safeguarding", "protection"), ("linked", "files")),
    "conference": (("general", "welfare", "safeguarding", "protection"), ("linked", "files")),
    "pep": (("general", "welfare"), ("linked", "body_maps", "files")),
    "transfer": (("general", "welfare", "safeguarding", "protection"), ()),
}
"""Which classes a pack about a pupil has, and what is left out of it, until a DSL chooses otherwise."""


class PackWanted(Contract):
    """What a pack is to hold. Of one pupil (all kinds but `ofsted`): the classes, and what is left out.

    `ofsted`: what was counted between two days, and `shown` records without names, chosen by a rule among those that the inspector asked for: of a
    category (`of_category`), of a year group (`of_year_group`), with a referral (`with_referral`); all where nothing is said. Of what was
    found in those as naming somebody, `keep` stands as it is; what a DSL `added` is left out too. `reason`, `readers` and `to_school` (of a
    transfer) are printed and kept.
    """

    kind: PackKind
    pupil_id: UUID | None = None
    since: date | None = None
    until: date | None = None
    class_codes: list[Code] = Field(default=[], max_length=15)
    leave_out: list[LeftOut] = []
    reason: Name
    readers: Line = ""
    to_school: Line = ""
    shown: int = Field(default=3, ge=0, le=10)
    of_category: Code | None = None
    of_year_group: Code | None = None
    with_referral: bool = False
    keep: list[Line] = Field(default=[], max_length=500)
    added: list[Line] = Field(default=[], max_length=200)
    school_name: Name
    category_names: dict[str, str] = {}
    staff_names: dict[UUID, str] = {}


class PackCount(Contract):
    """How many entries of a class go in, and how many are left out."""

    class_code: Code
    inside: int
    left_out: int


class FoundWords(Contract):
    """Words of a record that name somebody, or look like it (`guess`), what stands in their place, and whether a DSL lets them stand."""

    words: Line
    mark: Line
    why: Code
    kept: bool


class PackPreview(Contract):
    """A pack as it would be made: `told` is all it says, in strings. `sha256` names this state of it.

    `long`: the newest `looked_at` of its `total` entries, so that many are counted and listed; it is made in the background, in parts.
    """

    told: dict[str, Any]
    sha256: str
    entries: int
    counts: list[PackCount] = []
    found: list[FoundWords] = []
    long: bool = False
    looked_at: int = 0
    total: int = 0


class PreviewPack(Request[PackPreview], PackWanted):
    """A pack, before it is made. DSLs only. What is read for it is kept as read; nothing is entered in the ledger.

    Raises Invalid with a code beside a field, NotFound("pupil").
    """

    method: ClassVar[str] = "reports.preview_pack"
    answer: ClassVar[type[Contract]] = PackPreview


class PackItem(Contract):
    """A pack that was made: by whom, when, why, for whom, and where its hash stands in the ledger. `received_on`: of a transfer, when confirmed.

    Of several `parts` the hash is that of the list of their names and hashes (`sums`), which is handed out with them.
    """

    id: UUID
    kind: PackKind
    pupil_id: UUID | None
    form: Form
    asked_by: UUID
    asked_name: str
    asked_at: Moment
    reason: str
    readers: str
    to_school: str
    entries: int
    sha256: str
    sequence: int
    entry_hash: str
    received_on: date | None
    received_by: str
    parts: int = 1


class PackMade(Contract):
    """The file, which is not kept, and its place. `later`: it is long, so it is made in the background under this id, and there is neither yet."""

    media_type: str
    data: bytes
    item: PackItem | None = None
    later: bool = False


class MakePack(Request[PackMade], PackWanted):
    """Make a pack as it was previewed, and enter it in the ledger. DSLs only. The same again makes the same, while the record is the same.

    Raises as `PreviewPack` does, and Conflict("pack_changed") where it is not what `sha256` names any more.
    """

    method: ClassVar[str] = "reports.make_pack"
    answer: ClassVar[type[Contract]] = PackMade

    id: UUID
    form: Literal["pdf", "docx"] = "pdf"
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class PacksAnswer(Contract):
    """Packs that were made, the newest first."""

    items: list[PackItem]


class Packs(Request[PacksAnswer]):
    """The packs that were made at the actor's school. DSLs only."""

    method: ClassVar[str] = "reports.packs"
    answer: ClassVar[type[Contract]] = PacksAnswer


class ConfirmReceipt(Request[Nothing]):
    """Keep that the next school has confirmed the receipt of a child protection file: when, and who. DSLs only; the last word counts.

    Raises NotFound("pack"), Invalid({"on_day": "in_future" | "before_start"}): it is not yet, or was before the pack was made.
    """

    method: ClassVar[str] = "reports.confirm_receipt"
    answer: ClassVar[type[Contract]] = Nothing

    pack_id: UUID
    on_day: date
    by: Name


# --- meetings of governors, and the reports to them ---------------------------------------------------------------------------


class CycleItem(Contract):
    """When governors meet as a rule: every so many months on the so-manieth weekday (Monday is 0, -1 is the last of the month), from a day on.

    `every` 0: meetings are entered one by one. `minute` is after midnight, local. So many days before a meeting: `draft_days` the draft is made,
    `remind_days` DSLs are reminded if nobody has approved it, `chair_days` the chair of governors is told (nobody chosen: every governor).
    Counts below `threshold` are not shown; below a `threshold` of 3, "fewer than" would have one value left.
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
    """The meetings of the actor's school's governors, for its DSLs; for a trust's safeguarding lead those of the trust's own board.

    This and what follows of meetings and drafts is about where the actor is: a school, or a trust.
    """

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


class MayName(Contract):
    """Words of a DSL's, in a section of a report, that are a name of the school's register. The "Rose" of a garden is one too."""

    section: Code
    words: str


class DraftAnswer(Contract):
    """A report as it will be published: `told` is title, period, rule and sections, in words. `sha256` names this state of it.

    `may_name`: what of the DSL's own words may name a child. Of a trust's: `schools` it has, of which so many are `counted` by now; until all
    are there is no table yet.
    """

    report_id: UUID
    meeting_id: UUID
    state: Literal["draft", "approving", "published"]
    on_day: date
    name: Line
    made_at: Moment
    told: dict[str, Any]
    words: dict[str, str]
    sha256: str
    may_name: list[MayName] = []
    schools: int = 0
    counted: int = 0


class ReportDraft(Request[DraftAnswer]):
    """A draft, whole. `category_names` are what the school calls its categories, `school_names` what a trust's schools are called."""

    method: ClassVar[str] = "reports.report_draft"
    answer: ClassVar[type[Contract]] = DraftAnswer

    report_id: UUID
    category_names: dict[str, str] = {}
    school_names: dict[UUID, Name] = {}


class KeepWords(Request[Nothing]):
    """Set what a DSL adds to a draft. Raises Conflict("report_published")."""

    method: ClassVar[str] = "reports.keep_words"
    answer: ClassVar[type[Contract]] = Nothing

    report_id: UUID
    words: Words


class LedgerPlace(Contract):
    """Where a trust's report stands in the ledger of one of its schools."""

    school_id: UUID
    sequence: int
    entry_hash: str


class ReportPlace(Contract):
    """A published report: its number in the school year, what was published when, and where it stands in the school's ledger.

    `of_trust`: it is the trust's own. To a school it says where it stands in that school's ledger; to the trust `places` says where in each,
    and the first of them stands in `sequence` and `entry_hash` too.
    """

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
    of_trust: bool = False
    places: list[LedgerPlace] = []


class ApproveReport(Request[ReportPlace]):
    """Publish a draft: it gets its number and its place in the ledger, and governors are mailed a link. The same again answers the same.

    Raises Conflict("draft_changed") where it is not what `sha256` names any more, Conflict("still_counting") for a trust's whose schools are not
    all counted yet. A trust's is entered in the ledger of each school it speaks of, and published to the governors of all of them.
    """

    method: ClassVar[str] = "reports.approve_report"
    answer: ClassVar[type[Contract]] = ReportPlace

    report_id: UUID
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    school_name: Name
    category_names: dict[str, str] = {}
    school_names: dict[UUID, Name] = {}
    names_read: bool = False  # the DSL says of what `may_name` listed that none of it names a child


class PublishedAnswer(Contract):
    """Reports that were published to governors, the newest first; to a school beside its own those `of_trust` that speak of it."""

    items: list[ReportPlace]
    of_trust: list[ReportPlace] = []


class PublishedReports(Request[PublishedAnswer]):
    """For governors and DSLs: what was published at their school, and of its trust. For a trust's safeguarding lead: the trust's own."""

    method: ClassVar[str] = "reports.published_reports"
    answer: ClassVar[type[Contract]] = PublishedAnswer


class PublishedReportAnswer(Contract):
    """A published report. `content` is what was approved, byte for byte: its SHA-256 is `place.sha256`."""

    place: ReportPlace
    content: str


class PublishedReport(Request[PublishedReportAnswer]):
    """For governors, DSLs and a trust's safeguarding lead: one published report."""

    method: ClassVar[str] = "reports.published_report"
    answer: ClassVar[type[Contract]] = PublishedReportAnswer

    report_id: UUID


class PublishedReportPdf(Request[Document]):
    """For governors, DSLs and a trust's safeguarding lead: one published report, on paper."""

    method: ClassVar[str] = "reports.published_report_pdf"
    answer: ClassVar[type[Contract]] = Document

    report_id: UUID


class TrustReportItem(Contract):
    """A report that was published to the governors of one of the trust's schools."""

    school_id: UUID
    place: ReportPlace


class TrustReportsAnswer(Contract):
    """The newest of each school."""

    items: list[TrustReportItem]


class TrustReports(Request[TrustReportsAnswer]):
    """For the trust's safeguarding lead: what was published to the governors of its schools. Small numbers are protected in it; no pupil."""

    method: ClassVar[str] = "reports.trust_reports"
    answer: ClassVar[type[Contract]] = TrustReportsAnswer


class TrustReport(Request[PublishedReportAnswer]):
    """For the trust's safeguarding lead: one of them. Raises NotFound("school") for one of another trust, NotFound("report")."""

    method: ClassVar[str] = "reports.trust_report"
    answer: ClassVar[type[Contract]] = PublishedReportAnswer

    school_id: UUID
    report_id: UUID


class TrustReportPdf(Request[Document]):
    """For the trust's safeguarding lead: one of them, on paper. Raises as `TrustReport`."""

    method: ClassVar[str] = "reports.trust_report_pdf"
    answer: ClassVar[type[Contract]] = Document

    school_id: UUID
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


class TrustReportWaiting(Event):
    """A report of a trust waits for its safeguarding lead to approve it: it was made, or approving it is late. `subject` is the meeting.

    `school_id` is the trust's own id.
    """

    name: ClassVar[str] = "reports.trust_report.waiting"
    version: ClassVar[int] = 1

    report_id: UUID
    step: Literal["made", "late"]


class ReportPublished(Event):
    """A report to governors was published: the school's own, or one of its trust that speaks of it. `subject` is the meeting."""

    name: ClassVar[str] = "reports.report.published"
    version: ClassVar[int] = 1

    report_id: UUID


# --- requests for information -----------------------------------------------------------------------------------------------

RequestKind = Literal["subject_access_parent", "subject_access_pupil", "freedom_of_information", "court", "police"]
RequestState = Literal["open", "nothing_held", "answered", "refused"]
IdentityHow = Literal["known", "photo_document", "other_document", "called_back", "authority"]
"""How it was made sure who asks: known to staff, a document with a photograph, another, called back on a number already held, a signed authority."""


class InformationRequestItem(Contract):
    """A request for information: `number` in the school year `year`, of what kind, who asks, by when it is due (None: not known yet) and why.

    `rule` says why: one_month, three_months, twenty_school_days, sixty_working_days, as_given, identity_first.
    """

    id: UUID
    year: int
    number: int
    kind: RequestKind
    state: RequestState
    asker: Line
    pupil_id: UUID | None
    received_on: date
    due_on: date | None
    rule: Code


class InformationRequestsAnswer(Contract):
    """Those that are open first, the one due soonest at the top (what is not due by a day, last); then the others, the newest first."""

    items: list[InformationRequestItem]


class InformationRequests(Request[InformationRequestsAnswer]):
    """The log of requests for information of the actor's school. DSLs and deputies only."""

    method: ClassVar[str] = "reports.information_requests"
    answer: ClassVar[type[Contract]] = InformationRequestsAnswer


class RequestStep(Contract):
    """A line of a request's history: what was done, by whom (None: by Safekeep itself), and what they wrote."""

    at: Moment
    by_id: UUID | None
    kind: Code
    note: str


class GivenDocument(Contract):
    """What was given to who asked: its form, the SHA-256 of the file, and where that stands in the school's ledger.

    Of a record in several parts, and of the attached `files` given with it, the SHA-256 is that of their list (`sums`).
    """

    form: Literal["letter", "pdf", "docx", "files"]
    sha256: str
    sequence: int
    entry_hash: str
    at: Moment
    by_id: UUID


class InformationRequestAnswer(Contract):
    """A request, whole. `tell_of_more_by`: until when two further months can be taken, where they can.

    `exemptions` are what the law says must be thought of before it is answered, in order.
    """

    item: InformationRequestItem
    scope: str
    identity_asked: bool
    identity_how: IdentityHow | None
    identity_on: date | None
    identity_by: UUID | None
    extended: bool
    given_on: date | None
    tell_of_more_by: date | None
    exemptions: list[Code]
    stage: Literal["deciding", "proposed", "confirmed"]
    proposed_by: UUID | None
    history: list[RequestStep]
    documents: list[GivenDocument]


class InformationRequestDetail(Request[InformationRequestAnswer]):
    """One request for information. Raises NotFound("information_request")."""

    method: ClassVar[str] = "reports.information_request"
    answer: ClassVar[type[Contract]] = InformationRequestAnswer

    information_request_id: UUID


class EnterRequest(Request[Nothing]):
    """Enter a request for information in the log. The same id again changes nothing.

    `identity_asked`: the school has reason to make sure who asks, so that time begins when that is done. `given_on`: the day a court or the
    police has set. Raises Invalid: {"pupil_id": "missing" | "unknown_choice"}, {"received_on": "in_future" | "too_long_ago"},
    {"given_on": "missing" | "before_start"}.
    """

    method: ClassVar[str] = "reports.enter_request"
    answer: ClassVar[type[Contract]] = Nothing

    id: UUID
    kind: RequestKind
    asker: Name
    pupil_id: UUID | None = None
    scope: Passage = ""
    received_on: date
    identity_asked: bool = False
    given_on: date | None = None


class CheckIdentity(Request[Nothing]):
    """Say how it was made sure who asks, and on which day. Raises Invalid({"on": "in_future" | "before_start"}), Conflict("request_closed")."""

    method: ClassVar[str] = "reports.check_identity"
    answer: ClassVar[type[Contract]] = Nothing

    information_request_id: UUID
    how: IdentityHow
    on: date


class TakeMoreTime(Request[Nothing]):
    """Take the two further months that a complex subject access request may have, and keep why: the asker has been told so.

    Raises Conflict: "request_closed"; "no_more_time" where the law gives none, or the month in which to say so is over.
    """

    method: ClassVar[str] = "reports.take_more_time"
    answer: ClassVar[type[Contract]] = Nothing

    information_request_id: UUID
    reason: Name


class NothingHeld(Request[Nothing]):
    """Answer that nothing is held: the letter is made, it is entered in the ledger, and the request is closed. The same again changes nothing.

    Raises Conflict: "request_closed" where it was answered otherwise; "identity_first".
    """

    method: ClassVar[str] = "reports.nothing_held"
    answer: ClassVar[type[Contract]] = Nothing

    information_request_id: UUID
    school_name: Name


class RequestLetter(Request[Document]):
    """The letter that says nothing is held, as a PDF. Raises Conflict("no_letter") where there is none."""

    method: ClassVar[str] = "reports.request_letter"
    answer: ClassVar[type[Contract]] = Document

    information_request_id: UUID


class CloseRequest(Request[Nothing]):
    """Say that a request was answered or refused (then why), or that it is open again (then why). The same again changes nothing.

    Raises Invalid({"reason": "missing"}), Conflict("request_closed") for one that is closed otherwise: it is opened first.
    """

    method: ClassVar[str] = "reports.close_request"
    answer: ClassVar[type[Contract]] = Nothing

    information_request_id: UUID
    state: Literal["open", "answered", "refused"]
    reason: Passage = ""


# --- what is left out of a record before it is given ------------------------------------------------------------------------

RecordPart = Literal["about", "account", "action_taken", "details", "body_map"]
LawReason = Literal[
    "third_party",
    "child_abuse_data",
    "serious_harm",
    "court_papers",
    "legal_privilege",
    "crime",
    "foi_personal",
    "foi_crime",
    "foi_harm",
    "foi_confidence",
    "foi_privilege",
]
FoundBy = Literal["name", "initials", "relation", "title", "contact", "address", "birth", "number", "guess"]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Stage = Literal["deciding", "proposed", "confirmed"]


class RecordMark(Contract):
    """Characters `start` up to `stop` (not counted) of a text: what they were found by (None: by hand), what is decided (None: nothing yet)."""

    start: int
    stop: int
    found_by: FoundBy | None
    accepted: bool | None
    reason: LawReason | None


class RecordText(Contract):
    """One text of an entry as it would be given. `digest` names these words of it, and tells nobody what they are."""

    entry_id: UUID
    part: RecordPart
    heading: str
    written: str
    digest: Digest
    marks: list[RecordMark]


class RecordFile(Contract):
    """A file that is attached to an entry: what it is, and what is decided: given whole, or not (then why); None: nothing yet.

    One that is blocked or destroyed nobody gives; of that nothing is decided.
    """

    entry_id: UUID
    file_id: UUID
    name: Line
    size: int
    media_type: Line
    sha256: str
    state: Literal["kept", "blocked", "destroyed"]
    given: bool | None
    reason: LawReason | None


class RecordPageAnswer(Contract):
    """A page of the record, newest entries first. `stage`: things are decided; one person proposed it; another has confirmed it.

    `may_confirm`: the actor is another than who proposed.
    """

    pupil_name: Name
    texts: list[RecordText]
    files: list[RecordFile] = []
    entries: int
    next: str | None
    stage: Stage
    proposed_by: UUID | None
    proposed_at: Moment | None
    confirmed_by: UUID | None
    may_confirm: bool


class RecordPage(Request[RecordPageAnswer]):
    """The record that is asked for, read with the actor's own rights at this moment, with what is proposed and decided. Not kept.

    Raises NotFound("information_request"), Conflict("no_pupil") where no pupil's record is asked for.
    """

    method: ClassVar[str] = "reports.record_page"
    answer: ClassVar[type[Contract]] = RecordPageAnswer

    information_request_id: UUID
    staff_names: dict[UUID, str] = {}
    cursor: str | None = None


class RecordPlace(Contract):
    """A place where words were found: in which text, on the page of the record that begins at `cursor`, and what is decided (None: nothing yet)."""

    entry_id: UUID
    part: RecordPart
    heading: str
    start: int
    stop: int
    cursor: str | None
    accepted: bool | None


class RecordFound(Contract):
    """Words that were found in a record, shortened where they are long, by what (None: by hand alone), and every place, in the record's order."""

    words: str
    found_by: FoundBy | None
    places: list[RecordPlace]


class RecordListAnswer(Contract):
    """All that was found in `read` entries of a record's `entries`, each words once, by what they were found by and then by the alphabet.

    `next`: the cursor of the page that was not read, where one is left.
    """

    pupil_name: Name
    found: list[RecordFound]
    read: int
    entries: int
    next: str | None
    stage: Stage


class RecordList(Request[RecordListAnswer]):
    """What is proposed and decided in the record that is asked for, in one list, of 1,000 entries at most from the page at `cursor` on.

    Read page by page with the actor's own token. Nothing of it is kept. Raises as RecordPage does.
    """

    method: ClassVar[str] = "reports.record_list"
    answer: ClassVar[type[Contract]] = RecordListAnswer

    information_request_id: UUID
    staff_names: dict[UUID, str] = {}
    cursor: str | None = None


class Redaction(Contract):
    """What is decided of a place in a text of that digest: left out (then why), or not."""

    entry_id: UUID
    part: RecordPart
    digest: Digest
    start: int = Field(ge=0)
    stop: int = Field(gt=0, le=1_000_000)
    accepted: bool
    reason: LawReason | None = None


class Addition(Contract):
    """Words to be left out wherever they stand in a text, or (`whole`) all of it."""

    entry_id: UUID
    part: RecordPart
    words: Line = ""
    whole: bool = False
    reason: LawReason


class FileDecision(Contract):
    """What is decided of an attached file: given whole, or withheld (then why)."""

    file_id: UUID
    given: bool
    reason: LawReason | None = None


class KeepRedactions(Request[Nothing]):
    """Set what is decided; what is left out by hand is found in the page of the record that `cursor` names. Words are not kept.

    Raises Invalid: {"decisions.<n>.reason": "missing"}, {"files.<n>.reason": "missing"},
    {"additions.<n>.words": "missing" | "not_in_text"}; Conflict: "request_closed",
    "already_proposed" where it waits for another person or was confirmed: it is taken back first.
    """

    method: ClassVar[str] = "reports.keep_redactions"
    answer: ClassVar[type[Contract]] = Nothing

    information_request_id: UUID
    staff_names: dict[UUID, str] = {}
    cursor: str | None = None
    decisions: list[Redaction] = Field(default=[], max_length=2_000)
    additions: list[Addition] = Field(default=[], max_length=300)
    files: list[FileDecision] = Field(default=[], max_length=2_000)


class Undecided(Contract):
    """An entry of which something is not decided, and on which page of the record it stands."""

    heading: str
    cursor: str | None


class ProposalAnswer(Contract):
    """What is not decided yet, by entry; nothing: it is proposed, and waits for another person."""

    undecided: list[Undecided]


class ProposeRedactions(Request[ProposalAnswer]):
    """Say that all is decided: the whole record is read once more, and what it says then is what another person confirms.

    Raises Conflict: "request_closed", "already_proposed", "nothing_to_give" where no entry can be read.
    """

    method: ClassVar[str] = "reports.propose_redactions"
    answer: ClassVar[type[Contract]] = ProposalAnswer

    information_request_id: UUID
    staff_names: dict[UUID, str] = {}


class ConfirmRedactions(Request[Nothing]):
    """Confirm what somebody else proposed at `proposed_at`. The same again changes nothing.

    Raises NotAllowed("own_proposal"); Conflict: "not_proposed", "record_changed" where the record is not what was proposed: an entry was
    added or corrected, one of the two cannot read all of it, or it was proposed anew.
    """

    method: ClassVar[str] = "reports.confirm_redactions"
    answer: ClassVar[type[Contract]] = Nothing

    information_request_id: UUID
    staff_names: dict[UUID, str] = {}
    proposed_at: Moment


class TakeBackRedactions(Request[Nothing]):
    """Go back to deciding, with what is to be thought of again: by whoever reviews it, or by who proposed it. Raises Conflict("request_closed")."""

    method: ClassVar[str] = "reports.take_back_redactions"
    answer: ClassVar[type[Contract]] = Nothing

    information_request_id: UUID
    note: Name


class RedactedRecord(Request[Document]):
    """The record without what was confirmed to be left out, and the schedule of that. Made now, entered in the ledger, and not kept.

    A long one is made under `id` in the background, and kept for a day for who asked.

    Raises Conflict: "request_closed" (refused, or nothing held), "not_confirmed", "record_changed", "identity_first".
    """

    method: ClassVar[str] = "reports.redacted_record"
    answer: ClassVar[type[Contract]] = Document

    id: UUID | None = None
    information_request_id: UUID
    school_name: Name
    staff_names: dict[UUID, str] = {}
    form: Literal["pdf", "docx"]


class RequestDue(Event):
    """A request for information is due soon, today, or was due and is open still. `subject` is the request."""

    name: ClassVar[str] = "reports.request.due"
    version: ClassVar[int] = 1

    step: Literal["soon", "today", "late"]


class DocumentDone(Event):
    """A long document is ready, or could not be made. `subject` is its id: who asked for it is told, with a link."""

    name: ClassVar[str] = "reports.document.done"
    version: ClassVar[int] = 1

    person_id: UUID
    outcome: Literal["ready", "failed"]
