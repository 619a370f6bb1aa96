"""What files answers, and what it says has happened: drafts, uploads, attachments."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from safekeep.body.marks import BodyMap
from safekeep.contracts import Contract, Event, Line, Moment, Name, Nothing, Request

MAX_UPLOAD = 250 * 1024 * 1024
"""Bytes in one file."""

PIECE = 1024 * 1024
"""Bytes of one piece of a file: what is encrypted, stored and carried at a time, and what is lost at most when a connection drops."""

Kind = Literal["pictures", "documents", "audio", "video", "email", "archives"]
"""What sorts of file a school takes. Archives are not taken unless a school says so."""

KINDS: tuple[Kind, ...] = ("pictures", "documents", "audio", "video", "email", "archives")
FIRST_KINDS: tuple[Kind, ...] = ("pictures", "documents", "audio", "video", "email")


class DraftItem(Contract):
    """That a draft exists: what it is for, and when it was saved. Its words are only in `Draft`'s answer, to its author."""

    id: UUID
    kind: Literal["incident", "action", "form"]
    incident_id: UUID | None
    saved_at: Moment
    ends_at: Moment


class DraftsAnswer(Contract):
    """The actor's own drafts, newest first."""

    items: list[DraftItem]


class Drafts(Request[DraftsAnswer]):
    """The actor's own drafts at their school."""

    method: ClassVar[str] = "files.drafts"
    answer: ClassVar[type[Contract]] = DraftsAnswer


class DraftAnswer(Contract):
    """A draft whole: the form's fields as they were typed, checked by nobody yet."""

    item: DraftItem
    fields: dict[str, list[str]]


class Draft(Request[DraftAnswer]):
    """One draft of the actor's own. Raises NotFound("draft")."""

    method: ClassVar[str] = "files.draft"
    answer: ClassVar[type[Contract]] = DraftAnswer

    draft_id: UUID


class DraftSaved(Contract):
    """When it was saved."""

    saved_at: Moment


class SaveDraft(Request[DraftSaved]):
    """Keep a half-written form for its author alone, 7 days; `draft_id` is the id the incident or action will have.

    A draft whose incident has been recorded, or that was discarded, is not brought back by a late save: Conflict("draft_ended").
    """

    method: ClassVar[str] = "files.save_draft"
    answer: ClassVar[type[Contract]] = DraftSaved

    draft_id: UUID
    kind: Literal["incident", "action", "form"]
    incident_id: UUID | None = None
    fields: dict[str, list[str]]


class DiscardDraft(Request[Nothing]):
    """Throw a draft away. Twice is the same."""

    method: ClassVar[str] = "files.discard_draft"
    answer: ClassVar[type[Contract]] = Nothing

    draft_id: UUID


class LeftDraft(Contract):
    """A draft older than 24 hours, as a DSL learns of it: that it exists, never its words."""

    author_id: UUID
    saved_at: Moment


class LeftDraftsAnswer(Contract):
    """Drafts left for more than a day at the school."""

    items: list[LeftDraft]


class LeftDrafts(Request[LeftDraftsAnswer]):
    """For DSLs: which drafts were left."""

    method: ClassVar[str] = "files.left_drafts"
    answer: ClassVar[type[Contract]] = LeftDraftsAnswer


class BodyMapAnswer(Contract):
    """A body map as its author has drawn it so far. `steps`: how many changes can be undone."""

    body_map_id: UUID
    body_map: BodyMap
    saved_at: Moment
    steps: int


class SaveBodyMap(Request[BodyMapAnswer]):
    """Keep a body map as its author has it now; it goes with the draft `draft_id` (the incident's id), or 7 days after it was last changed.

    What was recorded with its incident is kept there and not changed any more: Conflict("draft_ended"). Raises NotFound("body_map").
    """

    method: ClassVar[str] = "files.save_body_map"
    answer: ClassVar[type[Contract]] = BodyMapAnswer
    makes: ClassVar[str] = "body_map_id"

    body_map_id: UUID
    draft_id: UUID | None = None
    body_map: BodyMap


class UndoBodyMap(Request[BodyMapAnswer]):
    """Take the last change of the actor's own body map back. Raises NotFound("body_map").

    `steps`: how many could be undone when it was asked for. Where that is so no more, it was undone already: nothing changes.
    """

    method: ClassVar[str] = "files.undo_body_map"
    answer: ClassVar[type[Contract]] = BodyMapAnswer

    body_map_id: UUID
    steps: int = Field(ge=0, le=1000)


class ReadBodyMap(Request[BodyMapAnswer]):
    """The actor's own body map while it is not recorded. Raises NotFound("body_map")."""

    method: ClassVar[str] = "files.body_map"
    answer: ClassVar[type[Contract]] = BodyMapAnswer

    body_map_id: UUID


class PaperItem(Contract):
    """A paper concern form that was handed in and is not scanned yet, in a DSL's one line."""

    id: UUID
    line: Name
    added_by: UUID
    added_at: Moment


class PapersAnswer(Contract):
    """The forms that wait, the longest waiting first."""

    items: list[PaperItem]


class Papers(Request[PapersAnswer]):
    """For DSLs: the paper forms that were handed in and are not scanned yet."""

    method: ClassVar[str] = "files.papers"
    answer: ClassVar[type[Contract]] = PapersAnswer


class AddPaper(Request[Nothing]):
    """Note that a paper form was handed in; `paper_id` is the id its incident will have, which takes it off the list. The DSLs are reminded of it."""

    method: ClassVar[str] = "files.add_paper"
    answer: ClassVar[type[Contract]] = Nothing

    paper_id: UUID
    line: Name


class DropPaper(Request[Nothing]):
    """Take a form off the list that will not be scanned, such as one added twice. Twice is the same."""

    method: ClassVar[str] = "files.drop_paper"
    answer: ClassVar[type[Contract]] = Nothing

    paper_id: UUID


class UploadBegun(Contract):
    """Send what is missing, from `arrived` on, by a stream at the door of files (safekeep.door), with the ticket."""

    file_id: UUID
    arrived: int = 0
    finished: bool = False
    ticket: str = ""


class BeginUpload(Request[UploadBegun]):
    """Start a file, or go on with one: the same id again says how much of it has arrived. The name is kept here and nowhere else."""

    method: ClassVar[str] = "files.begin_upload"
    answer: ClassVar[type[Contract]] = UploadBegun
    makes: ClassVar[str] = "file_id"

    file_id: UUID
    name: Name
    size: int = Field(ge=1, le=MAX_UPLOAD)


class FileReceipt(Contract):
    """A file that arrived whole. `receipt` is signed by files: id, sha256, size, type, author, school."""

    file_id: UUID
    name: Name
    size: int
    sha256: str
    media_type: Line
    receipt: str


class FinishUpload(Request[FileReceipt]):
    """The file is whole: look at it, keep it and sign for it. Raises Invalid({"file": code}), the code saying why it is not kept."""

    method: ClassVar[str] = "files.finish_upload"
    answer: ClassVar[type[Contract]] = FileReceipt

    file_id: UUID


class ReceiptsAnswer(Contract):
    """The receipts of the actor's own files that were found."""

    items: list[FileReceipt]


class Receipts(Request[ReceiptsAnswer]):
    """Receipts of files the actor uploaded."""

    method: ClassVar[str] = "files.receipts"
    answer: ClassVar[type[Contract]] = ReceiptsAnswer

    file_ids: list[UUID] = Field(max_length=20)


Scan = Literal["not_scanned", "waiting", "clean", "infected"]
"""Whether a file was looked at for malware: `not_scanned` where there is no scanner, or it could not scan this one."""


class FileName(Contract):
    """What an attachment was called by who attached it, and what is known of it."""

    file_id: UUID
    name: Name
    scan: Scan = "not_scanned"
    previews: int = 0
    """How many pages or pictures can be shown of it."""
    of_words: bool = False
    """The previews show a document's words, without its layout."""
    taken_at: Line = ""
    """For DSLs: when a picture says it was taken, in its own words."""
    taken_where: Line = ""
    """For DSLs: latitude and longitude that a picture carries."""
    taken_with: Line = ""
    """For DSLs: the camera that a picture names."""


class NamesAnswer(Contract):
    """The names of the files whose pass holds, in no order."""

    items: list[FileName]


class Names(Request[NamesAnswer]):
    """Names of attachments the actor holds passes for (from `incidents.permit_file`). One whose pass does not hold is left out."""

    method: ClassVar[str] = "files.names"
    answer: ClassVar[type[Contract]] = NamesAnswer

    passes: dict[UUID, str] = Field(max_length=100)


class Opened(Contract):
    """What a download needs to say of a file, and the ticket for the stream that carries it."""

    name: Name
    media_type: Line
    size: int
    scan: Scan
    ticket: str


class Read(Request[Opened]):
    """Open a file. The author reads it until it is sealed; after that `pass_token` from incidents is needed.

    `page`: one of its previews (from 1) in place of the file. Raises NotFound("file"), and Conflict: file_held while it is being scanned,
    file_infected, file_destroyed, no_preview.
    """

    method: ClassVar[str] = "files.read"
    answer: ClassVar[type[Contract]] = Opened

    file_id: UUID
    pass_token: str = ""
    page: int = Field(default=0, ge=0, le=100)


class KindsAnswer(Contract):
    """Which sorts of file the school takes."""

    kinds: list[Kind]


class Kinds(Request[KindsAnswer]):
    """Which sorts of file the actor's school takes."""

    method: ClassVar[str] = "files.kinds"
    answer: ClassVar[type[Contract]] = KindsAnswer


class KeepKinds(Request[Nothing]):
    """For DSLs: which sorts of file the school takes from now on."""

    method: ClassVar[str] = "files.keep_kinds"
    answer: ClassVar[type[Contract]] = Nothing

    kinds: list[Kind] = Field(min_length=1, max_length=len(KINDS))


class DestroyAgainAnswer(Contract):
    """How many recorded files with a key were compared with the schools' records, and how many of them had been destroyed."""

    compared: int
    destroyed: int


class DestroyAgain(Request[DestroyAgainAnswer]):
    """For the operator, after a backup of files' database was restored: destroy again the keys of those files that incidents says were destroyed.

    Of every school. Twice is the same. Raises Unavailable when incidents does not answer: what was done until then stays done.
    """

    method: ClassVar[str] = "files.destroy_again"
    answer: ClassVar[type[Contract]] = DestroyAgainAnswer


class DraftLeft(Event):
    """A draft was left alone: after an `hour`, before the end of the school `day`, or for `a_day` (a DSL learns of it). `subject` is the draft."""

    name: ClassVar[str] = "files.draft.left"
    version: ClassVar[int] = 1

    author_id: UUID
    draft_id: UUID
    left_for: Literal["hour", "day", "a_day"]


class PaperWaiting(Event):
    """A paper form was handed in and is not scanned: an hour after it was noted, and each day after. `subject` is the form's place in the list."""

    name: ClassVar[str] = "files.paper.waiting"
    version: ClassVar[int] = 1

    paper_id: UUID
