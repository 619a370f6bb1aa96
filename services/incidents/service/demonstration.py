"""Made-up pupils and past entries for the demonstration."""

from uuid import UUID

from safekeep import clock
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.incidents import (
    ImportPupils,
    SeedEntries,
    SeedEntry,
)
from safekeep.errors import Conflict
from safekeep.rpc import answers
from services.incidents import following, recording, store
from services.incidents.service.base import Base
from services.incidents.service.entries import write_action, write_incident
from services.incidents.service.following import write_status
from services.incidents.service.pupils import keep_flag, say_roll, tell_relatives


class Demonstration(Base):
    """The demonstration."""

    @answers(ImportPupils)
    def import_pupils(self, actor: Actor, request: ImportPupils) -> Nothing:
        with self._school(actor) as tx:
            for pupil in request.pupils:
                values = pupil.model_dump(exclude={"relatives"})
                holding = pupil.id == recording.holding_pupil(actor.at_school)
                store.keep_pupil(tx, school_id=actor.at_school, holding=holding, **values)
                tell_relatives(tx, school_id=actor.at_school, pupil_id=pupil.id, relatives=pupil.relatives, by=None)
            for flag in request.flags:
                keep_flag(tx, school_id=actor.at_school, request=flag, by=None)
            say_roll(tx, school_id=actor.at_school, today=following.today(clock.now(), zone=store.zone_of(tx, school_id=actor.at_school)))
        return Nothing()

    @answers(SeedEntries)
    def seed(self, actor: Actor, request: SeedEntries) -> Nothing:
        with self._school(actor) as tx:
            known = store.school_state(tx, school_id=actor.at_school)
            if known is None or any(e.author_id not in known.staff for e in request.entries):
                raise Conflict("not_ready")
            for entry in request.entries:
                writer = _past_writer(entry, school_id=actor.at_school)
                if entry.record:
                    write_incident(tx, actor=writer, request=entry.record, files=[], now=entry.at, past=True)
                elif entry.action:
                    write_action(tx, actor=writer, request=entry.action, files=[], now=entry.at, past=True)
                elif entry.status:
                    write_status(tx, actor=writer, request=entry.status, now=entry.at)
        return Nothing()


def _past_writer(entry: SeedEntry, *, school_id: UUID) -> Actor:
    return Actor(
        person_id=entry.author_id,
        service=None,
        school_id=school_id,
        trust_id=None,
        roles=frozenset(entry.roles),
        name=entry.author_name,
        session_id=None,
        second_factor_at=None,
        drafts_only=False,
    )
