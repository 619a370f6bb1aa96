"""What reports answers: counts built from events, and the chronology as a PDF."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from safekeep.contracts import Code, Contract, Request
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


class CountsAnswer(Contract):
    """The rows, and how many incidents they come from."""

    rows: list[CountRow]
    incidents: int
    actions: int


class Counts(Request[CountsAnswer]):
    """Counts of the actor's school between two months, both included."""

    method: ClassVar[str] = "reports.counts"
    answer: ClassVar[type[Contract]] = CountsAnswer

    since: date
    until: date


class SchoolCounts(Contract):
    """One school of the trust."""

    school_id: UUID
    rows: list[CountRow]
    incidents: int


class TrustCountsAnswer(Contract):
    """Counts a school, for the trust's safeguarding lead. No pupil."""

    schools: list[SchoolCounts]


class TrustCounts(Request[TrustCountsAnswer]):
    """Counts across the schools of the actor's trust."""

    method: ClassVar[str] = "reports.trust_counts"
    answer: ClassVar[type[Contract]] = TrustCountsAnswer

    since: date
    until: date


class Document(Contract):
    """A file made now and not kept."""

    media_type: str
    data: bytes


class ChronologyPdf(Request[Document]):
    """The chronology as a tagged PDF, read with the asker's own rights at this moment. Not kept.

    `category_names`, `staff_names` and `school_name` are what the page shows them as.
    """

    method: ClassVar[str] = "reports.chronology_pdf"
    answer: ClassVar[type[Contract]] = Document

    chronology: Chronology
    school_name: str
    category_names: dict[str, str]
    staff_names: dict[UUID, str] = {}
