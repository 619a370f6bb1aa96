"""Paper forms that were handed in and are not scanned yet."""

from safekeep import clock, outbox
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.files import AddPaper, DropPaper, PaperItem, Papers, PapersAnswer, PaperWaiting
from safekeep.rpc import Resources, answers
from services.files import papers, store
from services.files.service.base import Base


class Filing(Base):
    """The DSLs' list of paper forms."""

    @answers(Papers)
    def papers(self, actor: Actor, request: Papers) -> PapersAnswer:
        with self._school(actor.at_school) as tx:
            rows = store.papers_of(tx, school_id=actor.at_school)
        return PapersAnswer(items=[PaperItem(id=row.id, line=row.line, added_by=row.added_by, added_at=row.added_at) for row in rows])

    @answers(AddPaper)
    def add_paper(self, actor: Actor, request: AddPaper) -> Nothing:
        now = clock.now()
        with self._school(actor.at_school) as tx:
            kept = {"id": request.paper_id, "line": request.line, "added_by": actor.person, "added_at": now, "remind_at": now + papers.FIRST}
            store.add_paper(tx, school_id=actor.at_school, **kept)
        return Nothing()

    @answers(DropPaper)
    def drop_paper(self, actor: Actor, request: DropPaper) -> Nothing:
        with self._school(actor.at_school) as tx:
            store.remind_of_paper(tx, school_id=actor.at_school, paper_id=request.paper_id, at=None)
        return Nothing()


def remind_of_papers(host: Resources, *, limit: int = 200) -> int:
    """Put an event in the outbox for each paper form whose reminder is due. Returns how many."""
    now = clock.now()
    with host.transaction(host.worker_engine) as tx:
        due = store.papers_due(tx, now=now, limit=limit)
    said = 0
    for school_id, paper_id in due:
        with host.transaction(host.engine, school_id=school_id) as tx:
            if store.remind_of_paper(tx, school_id=school_id, paper_id=paper_id, at=papers.after(now), due_before=now):
                outbox.add(tx, PaperWaiting, school_id=school_id, subject=paper_id, paper_id=paper_id)
                said += 1
    return said
