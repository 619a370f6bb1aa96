"""Body maps while they are drawn."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock
from safekeep.actor import Actor
from safekeep.body import marks
from safekeep.body.marks import BodyMap
from safekeep.contracts.files import BodyMapAnswer, ReadBodyMap, SaveBodyMap, UndoBodyMap
from safekeep.errors import Conflict, Invalid, NotFound
from safekeep.rpc import answers
from services.files import body_maps, store
from services.files.service.base import Base


class Mapping(Base):
    """Body maps, as drafts are: their author's alone until they are recorded."""

    @answers(SaveBodyMap)
    def save_body_map(self, actor: Actor, request: SaveBodyMap) -> BodyMapAnswer:
        problems = marks.problems_of(request.body_map)
        if problems:
            raise Invalid(problems)
        here = {"school_id": actor.at_school, "body_map_id": request.body_map_id}
        with self._school(actor.at_school) as tx:
            row = store.body_map_with(tx, **here, lock=True)
            if row is not None and row.author_id != actor.person:
                raise NotFound("body_map")
            if row is not None and row.ended_at is not None:
                raise Conflict("draft_ended")
            data = request.body_map.wire()
            earlier = body_maps.changed(now=data, before=row.data, earlier=row.earlier) if row else []
            draft_id = request.draft_id or (row.draft_id if row else None)
            now = clock.now()
            store.keep_body_map(tx, **here, author_id=actor.person, draft_id=draft_id, data=data, earlier=earlier, saved_at=now)
        return BodyMapAnswer(body_map_id=request.body_map_id, body_map=request.body_map, saved_at=now, steps=len(earlier))

    @answers(UndoBodyMap)
    def undo_body_map(self, actor: Actor, request: UndoBodyMap) -> BodyMapAnswer:
        with self._school(actor.at_school) as tx:
            row = _access_body_map(tx, actor=actor, body_map_id=request.body_map_id)
            data, earlier = (row.earlier[-1], row.earlier[:-1]) if row.earlier and len(row.earlier) == request.steps else (row.data, row.earlier)
            kept = {"author_id": row.author_id, "draft_id": row.draft_id, "data": data, "earlier": earlier, "saved_at": clock.now()}
            store.keep_body_map(tx, school_id=actor.at_school, body_map_id=row.id, **kept)
        return BodyMapAnswer(body_map_id=row.id, body_map=BodyMap.receive(data), saved_at=kept["saved_at"], steps=len(earlier))

    @answers(ReadBodyMap)
    def body_map(self, actor: Actor, request: ReadBodyMap) -> BodyMapAnswer:
        with self._school(actor.at_school) as tx:
            row = _access_body_map(tx, actor=actor, body_map_id=request.body_map_id)
        return BodyMapAnswer(body_map_id=row.id, body_map=BodyMap.receive(row.data), saved_at=row.saved_at, steps=len(row.earlier))


def _access_body_map(tx: sa.Connection, *, actor: Actor, body_map_id: UUID) -> sa.Row[Any]:
    """Return the actor's own body map that is not recorded, locked. Raises NotFound."""
    row = store.body_map_with(tx, school_id=actor.at_school, body_map_id=body_map_id, lock=True)
    if row is None or row.author_id != actor.person or row.data is None:
        raise NotFound("body_map")
    return row
