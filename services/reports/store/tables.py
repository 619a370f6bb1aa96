"""The tables of reports. No pupil's name, no narrative."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import delivery_tables

metadata = sa.MetaData()
delivery_tables(metadata)

schools = sa.Table(
    "schools",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("trust_id", pg.UUID, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("on_roll", sa.Integer),  # pupils of school age, as incidents said last: for the release before this one
    sa.Column("rolls", pg.JSONB, nullable=False, server_default="[]"),  # [day, number from then on] each, in order
    sa.Index("schools_trust", "trust_id"),
)
counted = sa.Table(
    "counted",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("incident_id", pg.UUID, primary_key=True),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("class", sa.SmallInteger, nullable=False),
    sa.Column("categories", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("main", sa.Text, nullable=False),
    sa.Column("actions", sa.Integer, nullable=False),
    sa.Column("read_at", sa.DateTime(timezone=True)),  # by the first of those alerted to any of it
    sa.Column("answered_at", sa.DateTime(timezone=True)),  # the first action below it
    sa.Column("year_group", sa.Text, nullable=False, server_default="not_known"),
    sa.Column("standing", sa.Text, nullable=False, server_default="open"),
    sa.Column("referrals", pg.ARRAY(sa.Boolean), nullable=False, server_default="{}"),  # a referral each: whether its outcome is known
    sa.Column("due", pg.ARRAY(sa.Date), nullable=False, server_default="{}"),  # by when what is asked and not done is due
    sa.Index("counted_month", "school_id", "month"),
)
"""What each incident counts as now: what its happenings come to."""
happenings = sa.Table(
    "happenings",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("incident_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("pupil_ids", pg.ARRAY(pg.UUID), nullable=False),
    sa.Column("year_group", sa.Text),
    sa.Column("class", sa.SmallInteger),
    sa.Column("categories", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("main", sa.Text),
    sa.Column("what", sa.Text),
    sa.Column("of_id", pg.UUID),
    sa.Column("due_on", sa.Date),
    sa.Column("settled", sa.Boolean, nullable=False),
)
flags = sa.Table(
    "flags",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("pupil_id", pg.UUID, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("started", sa.Date, nullable=False),
    sa.Column("ended", sa.Date),
)
comparisons = sa.Table(  # of what is counted with the record
    "comparisons",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("compared_at", sa.DateTime(timezone=True)),
    sa.Column("incidents", sa.Integer, nullable=False),
    sa.Column("differences", sa.Integer, nullable=False),  # incidents that did not count as the record says, and were put right
    sa.Index("comparisons_due", "next_at"),
)

# --- meetings of governors, and the reports to them ---------------------------------------------------------------------------

cycles = sa.Table(
    "cycles",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("rule", sa.Text, nullable=False),  # RFC 5545, or "" where meetings are entered one by one
    sa.Column("starts_on", sa.Date, nullable=False),
    sa.Column("minute", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("draft_days", sa.Integer, nullable=False),
    sa.Column("remind_days", sa.Integer, nullable=False),
    sa.Column("chair_days", sa.Integer, nullable=False),
    sa.Column("threshold", sa.Integer, nullable=False),
    sa.Column("chair_id", pg.UUID),
    sa.Column("address", sa.Text, nullable=False),  # of the calendar that is subscribed to, or ""
    sa.Column("outcome", sa.Text, nullable=False),  # of its last reading: a code, or ""
    sa.Column("fetched_at", sa.DateTime(timezone=True)),
    sa.Column("of_trust", sa.Boolean, nullable=False, server_default=sa.false()),  # `school_id` is a trust's own id, here and in its meetings
)
meetings = sa.Table(
    "meetings",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),  # what it is known by: its day by the rule, or its day in the calendar that is subscribed to
    sa.Column("source", sa.Text, nullable=False),  # rule, entered, calendar
    sa.Column("on_day", sa.Date, nullable=False),
    sa.Column("minute", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("moved_from", sa.Date),
    sa.Column("cancelled_at", sa.DateTime(timezone=True)),
    sa.UniqueConstraint("school_id", "key"),
    sa.Index("meetings_days", "school_id", "on_day"),
)
looks = sa.Table(
    "looks",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("looks_due", "next_at"),
)
"""When a school's meetings are looked at next: all that a worker, who sees every school, needs."""
governor_reports = sa.Table(
    "governor_reports",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("meeting_id", pg.UUID, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # draft, approving (its place in the ledger is asked for), published
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("tables", pg.JSONB, nullable=False),  # as they may be shown
    sa.Column("known", pg.JSONB, nullable=False),  # what a later report is held against: no count that was not published
    sa.Column("words", pg.JSONB, nullable=False),  # the DSL's, by section
    sa.Column("until", sa.Date, nullable=False),
    sa.Column("reminded_at", sa.DateTime(timezone=True)),
    sa.Column("chair_told_at", sa.DateTime(timezone=True)),
    sa.Column("year", sa.Integer),
    sa.Column("number", sa.Integer),
    sa.Column("content", sa.Text),  # canonical JSON: what was approved, byte for byte
    sa.Column("sha256", sa.Text),
    sa.Column("approved_by", pg.UUID),
    sa.Column("published_at", sa.DateTime(timezone=True)),
    sa.Column("sequence", sa.BigInteger),
    sa.Column("entry_hash", sa.Text),
    sa.ForeignKeyConstraint(["school_id", "meeting_id"], ["meetings.school_id", "meetings.id"]),
    sa.UniqueConstraint("school_id", "meeting_id"),
    sa.UniqueConstraint("school_id", "year", "number"),
    sa.Column("of_trust", sa.Boolean, nullable=False, server_default=sa.false()),  # its places in ledgers stand in trust_parts
    sa.CheckConstraint("state <> 'published' or (content is not null and (of_trust or sequence is not null))", name="governor_reports_published"),
)
trust_parts = sa.Table(
    "trust_parts",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("report_id", pg.UUID, primary_key=True),
    sa.Column("trust_id", pg.UUID, nullable=False),
    sa.Column("draft_at", sa.DateTime(timezone=True), nullable=False),  # of which counting of the draft it is: each has one part a school
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("until", sa.Date, nullable=False),
    sa.Column("on_roll", sa.Integer),
    sa.Column("roll_on", sa.Date),  # on which day that was; none: when it was counted
    sa.Column("tables", pg.JSONB, nullable=False),  # as they may be shown
    sa.Column("known", pg.JSONB, nullable=False),  # what the school's own reports are held against, and it against them
    sa.Column("sequence", sa.BigInteger),
    sa.Column("entry_hash", sa.Text),
    sa.Column("told_at", sa.DateTime(timezone=True)),  # when the school's governors were mailed
    sa.Index("trust_parts_report", "trust_id", "report_id"),
)
"""What a trust's report is made of, a row a school: what may be shown of it, and where the report stands in its ledger."""

# --- requests for information -----------------------------------------------------------------------------------------------

information_requests = sa.Table(
    "information_requests",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # open, nothing_held, answered, refused
    sa.Column("asker", sa.Text, nullable=False),  # a person's name: in no log, event or address
    sa.Column("pupil_id", pg.UUID),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("received_on", sa.Date, nullable=False),
    sa.Column("identity_asked", sa.Boolean, nullable=False),
    sa.Column("identity_how", sa.Text),
    sa.Column("identity_on", sa.Date),
    sa.Column("identity_by", pg.UUID),
    sa.Column("extended", sa.Boolean, nullable=False),
    sa.Column("given_on", sa.Date),
    sa.Column("due_on", sa.Date),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("warned_on", sa.Date),  # the last of the days to warn on that was told
    sa.Column("letter", sa.Text),  # canonical JSON: what the letter says that nothing is held
    sa.Column("closed_at", sa.DateTime(timezone=True)),
    sa.Column("salt", sa.Text, nullable=False),  # of the digests of its texts
    sa.Column("stage", sa.Text, nullable=False),  # of what is left out: deciding, proposed, confirmed
    sa.Column("proposed_by", pg.UUID),
    sa.Column("proposed_at", sa.DateTime(timezone=True)),
    sa.Column("proposed_texts", pg.JSONB),  # the digest of each text that was proposed, by entry and part
    sa.Column("confirmed_by", pg.UUID),
    sa.Column("confirmed_at", sa.DateTime(timezone=True)),
    sa.UniqueConstraint("school_id", "year", "number"),
    sa.CheckConstraint("proposed_by <> confirmed_by", name="information_requests_two_people"),
    sa.CheckConstraint("stage <> 'confirmed' or (confirmed_by is not null and proposed_by is not null)", name="information_requests_confirmed"),
    sa.CheckConstraint("state <> 'nothing_held' or letter is not null", name="information_requests_letter"),
)
request_steps = sa.Table(
    "request_steps",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("request_id", pg.UUID, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("by_id", pg.UUID),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["school_id", "request_id"], ["information_requests.school_id", "information_requests.id"]),
    sa.Index("request_steps_request", "school_id", "request_id", "at"),
)
"""A request's history: rows are added and never changed."""
given_documents = sa.Table(
    "given_documents",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),  # of its entry in the ledger
    sa.Column("request_id", pg.UUID, nullable=False),
    sa.Column("form", sa.Text, nullable=False),  # letter, pdf, docx, files
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("entry_hash", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("by_id", pg.UUID, nullable=False),
    sa.ForeignKeyConstraint(["school_id", "request_id"], ["information_requests.school_id", "information_requests.id"]),
    sa.Index("given_documents_request", "school_id", "request_id"),
)
redactions = sa.Table(
    "redactions",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("request_id", pg.UUID, primary_key=True),
    sa.Column("entry_id", pg.UUID, primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("start", sa.Integer, primary_key=True),
    sa.Column("stop", sa.Integer, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),  # salted, of the text it was decided on
    sa.Column("accepted", sa.Boolean, nullable=False),
    sa.Column("by_hand", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text),  # the law's, a code
    sa.Column("by_id", pg.UUID, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["school_id", "request_id"], ["information_requests.school_id", "information_requests.id"]),
    sa.CheckConstraint("not accepted or reason is not null", name="redactions_reason"),
)
"""What is decided of places in texts. Never a word of them."""
file_decisions = sa.Table(
    "file_decisions",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("request_id", pg.UUID, primary_key=True),
    sa.Column("file_id", pg.UUID, primary_key=True),
    sa.Column("given", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text),  # the law's, a code
    sa.Column("by_id", pg.UUID, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(["school_id", "request_id"], ["information_requests.school_id", "information_requests.id"]),
    sa.CheckConstraint("given or reason is not null", name="file_decisions_reason"),
)
"""What is decided of files that are attached to a record."""
request_looks = sa.Table(
    "request_looks",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("request_id", pg.UUID, primary_key=True),
    sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("request_looks_due", "next_at"),
)
"""When an open request is looked at next: all that a worker, who sees every school, needs."""

# --- long documents, and packs ------------------------------------------------------------------------------------------------

documents = sa.Table(
    "documents",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),  # of the job at identity too
    sa.Column("asked_by", pg.UUID, nullable=False),
    sa.Column("asked_name", sa.Text, nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("roles", pg.ARRAY(sa.Text), nullable=False),  # of who asked, then
    sa.Column("pupil_id", pg.UUID, nullable=False),
    sa.Column("form", sa.Text, nullable=False),
    sa.Column("request", sa.Text, nullable=False),  # sealed: it may hold words that were looked for
    sa.Column("state", sa.Text, nullable=False),  # wanted, ready, failed
    sa.Column("why", sa.Text, nullable=False),  # it failed: a code
    sa.Column("steps", sa.Integer, nullable=False),  # pages that were read
    sa.Column("cursor", sa.Text),  # where the next one begins; none: all were read
    sa.Column("entries", sa.Integer, nullable=False),
    sa.Column("entries_read", sa.Integer, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("pieces", sa.Integer, nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("kind", sa.Text, nullable=False, server_default="chronology"),  # chronology, pack, record
    sa.Column("pack", sa.Text, nullable=False, server_default=""),  # of which kind a pack is
    sa.Column("information_request_id", pg.UUID),  # of a record
    sa.Column("files", pg.JSONB, nullable=False, server_default="[]"),  # of a record: what is given with it, by id, number and hash
    sa.Column("parts", sa.Integer, nullable=False, server_default="0"),  # files it is printed in; 0: that is not known yet
    sa.Column("printed", sa.Integer, nullable=False, server_default="0"),  # how many of them are
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),  # of the next one that ended before it was printed
    sa.Index("documents_asked", "school_id", "asked_by"),
)
document_parts = sa.Table(
    "document_parts",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("document_id", pg.UUID, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),  # from 1
    sa.Column("entries", sa.Integer, nullable=False),
    sa.Column("earliest", sa.Date),
    sa.Column("latest", sa.Date),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("first_piece", sa.Integer, nullable=False),
    sa.Column("pieces", sa.Integer, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),  # "" of a list for a spreadsheet, which is one file written bit by bit
    sa.ForeignKeyConstraint(["school_id", "document_id"], ["documents.school_id", "documents.id"], ondelete="CASCADE"),
)
"""The files of a long document that are printed."""
document_pieces = sa.Table(
    "document_pieces",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("document_id", pg.UUID, primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),  # read: a page of entries, and plan: where its parts begin, until it is made; made: the document
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["school_id", "document_id"], ["documents.school_id", "documents.id"], ondelete="CASCADE"),
)
document_turns = sa.Table(
    "document_turns",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("document_id", pg.UUID, primary_key=True),
    sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("document_turns_due", "next_at"),
)
"""When a document is gone on with, or ends: all that a worker, who sees every school, needs."""
packs = sa.Table(
    "packs",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("pupil_id", pg.UUID),
    sa.Column("form", sa.Text, nullable=False),
    sa.Column("asked_by", pg.UUID, nullable=False),
    sa.Column("asked_name", sa.Text, nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("said", sa.Text, nullable=False),  # sealed: why, and for whom
    sa.Column("entries", sa.Integer),
    sa.Column("sha256", sa.Text),  # none: it was begun, and is made when it is asked for again
    sa.Column("sequence", sa.BigInteger),
    sa.Column("entry_hash", sa.Text),
    sa.Column("received_on", sa.Date),
    sa.Column("parts", sa.Integer, nullable=False, server_default="1"),
    sa.Index("packs_asked", "school_id", "asked_at"),
)
