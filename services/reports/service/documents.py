"""Documents, made at this moment with the asker's own rights and not kept."""

from collections.abc import Sequence

from eventlet import tpool

from safekeep import clock
from safekeep.actor import Actor
from safekeep.contracts.identity import ActFor, BeginJob
from safekeep.contracts.incidents import Chronology, EntryLine, PupilItem
from safekeep.contracts.reports import ChronologyPdf, Document
from safekeep.ids import new_id
from safekeep.rpc import answers, ask
from services.reports import chronology, store, word
from services.reports.service.base import Base

PAGE = 200
"""Entries asked for at a time: of the longest narratives, these stay under what a broker takes in one message (16 MiB)."""

MEDIA_TYPES = {"csv": "text/csv", "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}


class Documents(Base):
    """Mixed into the service."""

    @answers(ChronologyPdf)
    def chronology_pdf(self, actor: Actor, request: ChronologyPdf) -> Document:
        pupil, entries = self._all_of(request.chronology, actor=actor)
        with self._school(actor) as tx:
            zone = store.zone_of(tx, school_id=actor.at_school)
        asked = chronology.Asked(
            by=actor.name,
            at=clock.now(),
            school_name=request.school_name,
            zone=zone,
            category_names=request.category_names,
            staff_names=request.staff_names,
            leave_out=request.leave_out,
            class_codes=request.class_codes,
        )
        entries = chronology.wanted(entries, asked=asked)
        if request.form == "csv":
            return Document(media_type=MEDIA_TYPES["csv"], data=chronology.csv(entries=entries, asked=asked))
        said = chronology.content(pupil=pupil, entries=entries, request=request.chronology, asked=asked)
        if request.form == "docx":
            return Document(media_type=MEDIA_TYPES["docx"], data=tpool.execute(word.docx, said, at=asked.at))
        return Document(media_type="application/pdf", data=tpool.execute(chronology.pdf, said))  # in a thread: other calls go on

    def _all_of(self, asked: Chronology, *, actor: Actor) -> tuple[PupilItem, Sequence[EntryLine]]:
        """Read the whole chronology with the asker's own rights, page by page: each with a token of its own, after their roles are checked again."""
        entries: list[EntryLine] = []
        cursor: str | None = None
        job_id = new_id()
        ask(self.identity, BeginJob(id=job_id, kind="chronology"), token=actor.token)
        own = self._token(actor.at_school, ActFor.method)
        while True:
            token = ask(self.identity, ActFor(job_id=job_id), token=own).token
            page = ask(self.incidents, asked.model_copy(update={"limit": PAGE, "cursor": cursor, "use": "export"}), token=token, seconds=15.0)
            entries += page.items
            cursor = page.next
            if cursor is None:
                return page.pupil, entries
