"""Making exports that were asked for: signs a head that covers all there is, and puts the parts where they can be fetched."""

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from safekeep import actor as actors
from safekeep import clock, permissions, telemetry
from safekeep.actor import Actor
from safekeep.errors import NotSignedIn
from safekeep.permissions import Class
from safekeep.proof import export
from services.incidents import checking, exporting, store
from services.incidents.exporting import Kept, Wanted
from services.incidents.keeper import Keeper, heads, summary

PIECE: Final = 384 * 1024
"""Bytes handed out at a time: in base64, sealed, well under what a broker takes in one message."""
KEPT_FOR: Final = timedelta(days=1)
_README: Final = Path(__file__).with_name("README.txt")


def make(keeper: Keeper, *, school_id: UUID, export_id: UUID, now: datetime) -> None:
    """Take the next step of an export that is wanted: make it, then hand it out. Of one that is not, forget the parts a day after.

    Each step is taken by a token of identity's in the name of who asked, issued for that step after their roles were checked again.
    """
    here: dict[str, Any] = {"school_id": school_id}
    with keeper.school(school_id) as tx:
        store.done(tx, **here, kind="export", subject=export_id)
        row = store.export_with(tx, **here, id=export_id)
        if row is None or row.state != "wanted":
            _end(tx, school_id=school_id, row=row)
            return
        if row.made_at is not None and store.destroyed_after(tx, **here, sequence=row.size):
            store.drop_pieces(tx, **here, export_id=export_id)
            store.change_export(tx, **here, id=export_id, state="over", permit="")
            return
        asker = _permitted(keeper, row)
        store.change_export(tx, **here, id=export_id, permit="")
        if asker is not None and row.made_at is not None:
            store.change_export(tx, **here, id=export_id, state="ready", ready_at=now)
            store.want(tx, **here, kind="export", subject=export_id, due_at=now + KEPT_FOR)
            return
        store.want(tx, **here, kind=store.PERMIT, subject=export_id, due_at=clock.now())
        if asker is None:
            return
        signed = heads.sign(keeper, tx, school_id=school_id, now=now, mails="mailed")
        assert signed is not None, "the export itself stands in the ledger"
        own, tree = signed
        wanted = Wanted(scope=row.scope, scope_id=row.scope_id, made_by=row.asked_by, made_at=clock.stamp(now))
        scope = _Scope(tx, school_id=school_id, row=row, asker=asker)
        pieces = _Pieces(tx, school_id=school_id, export_id=export_id)
        kid, private = keeper.keys.signing("ledger")
        everything = list(scope.rows()) if row.scope != "school" else None  # a school's is read twice rather than held
        earlier = [each for each in heads.all_of(keeper, tx, school_id=school_id) if each.signature != own.signature]
        names, files = scope.names(everything), scope.files(everything)
        about = summary.content(
            row=row, own=own, entries=everything or (), pupils=names["pupils"], zone=store.zone_of(tx, school_id=school_id), files=len(files)
        )
        count = exporting.make(
            wanted=wanted,
            rows=everything if everything is not None else scope.rows(),
            tree=tree,
            heads=[*earlier, own],
            threads=scope.threads(),
            keys=keeper.public_keys(),
            names=names,
            others={export.README: _README.read_bytes(), export.SUMMARY: summary.pdf(about)},
            files={f"files/{id_}": sha256 for id_, sha256 in files.items()},
            sign=lambda data: (kid, base64.b64encode(private.sign(data)).decode()),
            write=pieces.write,
            beside=scope.beside(),
        )
        pieces.end()
        store.change_export(tx, **here, id=export_id, made_at=now, entries=count, files=sorted(files), size=own.head.size)
    telemetry.log().info("export.made", export=str(export_id), scope=row.scope, entries=count)


def failed(keeper: Keeper, *, school_id: UUID, export_id: UUID) -> None:
    """Say that an export could not be made."""
    with keeper.school(school_id) as tx:
        store.done(tx, school_id=school_id, kind="export", subject=export_id)
        store.change_export(tx, school_id=school_id, id=export_id, state="failed")


def _permitted(keeper: Keeper, row: Any) -> Actor | None:
    """Return who asked, by identity's token for this step of this export; None where there is none that still counts."""
    try:
        asker = actors.verify(keys=keeper.keys, token=row.permit, at="ledger")
    except NotSignedIn:
        return None
    return asker if (asker.job_id, asker.person_id, asker.school_id) == (row.id, row.asked_by, row.school_id) else None


def _end(tx: sa.Connection, *, school_id: UUID, row: Any) -> None:
    if row is not None and row.state == "ready":
        store.drop_pieces(tx, school_id=school_id, export_id=row.id)
        store.change_export(tx, school_id=school_id, id=row.id, state="over")


class _Pieces:
    """Gathers what is written into pieces, part by part, and keeps them."""

    def __init__(self, tx: sa.Connection, *, school_id: UUID, export_id: UUID) -> None:
        self._add = partial(store.add_piece, tx, school_id=school_id, export_id=export_id)
        self._waiting: dict[str, bytearray] = {}
        self._number = 0

    def write(self, part: str, data: bytes) -> None:
        held = self._waiting.setdefault(part, bytearray())
        held += data
        while len(held) >= PIECE:
            self._keep(part, bytes(held[:PIECE]))
            del held[:PIECE]

    def end(self) -> None:
        for part, held in self._waiting.items():
            if held:
                self._keep(part, bytes(held))

    def _keep(self, part: str, data: bytes) -> None:
        self._number += 1
        self._add(number=self._number, part=part, data=data)


class _Scope:
    """What belongs in an export, and of which entries the words are shown."""

    def __init__(self, tx: sa.Connection, *, school_id: UUID, row: Any, asker: Actor) -> None:
        self._tx, self._school, self._row = tx, school_id, row
        self._reading = permissions.reading(asker)  # their own rights, at this moment
        self._about: frozenset[str] | None = None
        self._children = store.children_of(tx, school_id=school_id, person_id=row.asked_by)
        self._hidden = {str(id_) for id_ in store.hidden_from(tx, school_id=school_id, reading=self._reading)}
        self._kept = store.keepers(tx, school_id=school_id)
        self._struck = exporting.out_of_sight(store.corrections_of(tx, school_id=school_id))
        said = store.destructions_in_ledger(tx, school_id=school_id)
        self._gone = exporting.gone_as_committed((bytes(each.canonical), store.opened(each), each.numbers) for each in said)
        if row.scope == "pupil":
            found = store.about_now(tx, school_id=school_id, pupil_id=row.scope_id, with_linked=row.with_linked)
            self._about = frozenset(str(id_) for id_ in found)

    def rows(self) -> Iterator[Kept]:
        of_it: dict[str, Any] = {} if self._row.scope == "school" else {f"{self._row.scope}_id": self._row.scope_id}
        for row in store.kept(self._tx, school_id=self._school, reading=self._reading, **of_it):
            class_code = Class(row._mapping["class"]).code if row.id is not None else ""
            openings = store.opened(row)
            shown = self._is_shown(row, openings)
            if shown or self._row.scope != "incident":  # of one incident, what is not for them is not there; elsewhere no number may be missing
                left_out = exporting.WORDS if str(row.id) in self._struck else frozenset[str]()
                how: dict[str, Any] = {"class_code": class_code, "shown": shown, "left_out": left_out, "destroyed": self._gone}
                yield checking.kept_of(row, openings=self._without_own(openings), **how).kept

    def beside(self) -> list[Any]:
        """Return the rows that the record's pages show and the ledger does not know, as far as they belong in this export."""
        found = [row._mapping for row in store.outside_the_ledger(self._tx, school_id=self._school, reading=self._reading)]
        if self._row.scope == "incident":
            return [row for row in found if row["incident_id"] == self._row.scope_id]
        return found if self._about is None else [row for row in found if str(row["incident_id"]) in self._about]

    def _without_own(self, openings: dict[str, Any]) -> dict[str, Any]:
        """Leave closed in which lines a child of the asker's is: how many there are is not theirs to know. Another's export proves that thread."""
        return openings | {"pupils": [p for p in openings.get("pupils") or [] if p.get("pupil") not in self._children]}

    def _is_shown(self, row: Any, openings: dict[str, Any]) -> bool:
        """Whether its words are shown: only what the asker may read, and of another child's incident nothing unless that was asked for."""
        entry = json.loads(bytes(row.canonical)) if row.canonical else {}
        incident = str(entry.get("incident", ""))
        if row.id is not None and not row.readable:
            return False
        if row.id is None and str(entry.get("kind", "")).startswith("restriction"):
            return self._row.asked_by in self._kept.get(str((openings.get("values") or {}).get("restriction")), ())
        if row.id is None and (
            not self._hidden.isdisjoint((incident, str(entry.get("entry", ""))))
            or any(p.get("pupil") in self._children for p in openings.get("pupils") or [])
        ):
            return False
        own = str(self._row.scope_id)
        alone = all(p.get("pupil") == own for p in openings.get("pupils") or [])
        return self._about is None or incident in self._about or (row.id is None and alone)

    def threads(self) -> dict[str, tuple[int, str]]:
        if self._row.scope == "incident":
            return {}
        _, _, threads = store.ends(self._tx, school_id=self._school)
        if self._row.scope == "school":
            return {pupil: thread for pupil, thread in threads.items() if pupil not in self._children}
        return {k: v for k, v in threads.items() if k == str(self._row.scope_id)}

    def names(self, rows: list[Kept] | None) -> dict[str, Any]:
        """Return who is meant by the ids of pupils: of a pupil's export that pupil alone."""
        if self._row.scope == "pupil":
            ids = {str(self._row.scope_id)}
        else:
            ids = {str(p.get("pupil")) for kept in (self.rows() if rows is None else rows) if kept.shown for p in kept.pupils}
        found = store.pupils_named(self._tx, school_id=self._school, ids=ids)
        pupils = {str(p.id): {"name": p.name, "year": p.year, "form": p.form, "born": p.born.isoformat()} for p in found}
        return {"school": self._row.school_name, "pupils": pupils}

    def files(self, rows: list[Kept] | None) -> dict[str, str]:
        """Return the attachments of what is shown: id → SHA-256. What a DSL blocked, or had destroyed, goes into no export."""
        files: dict[str, str] = {}
        for kept in self.rows() if rows is None else rows:
            if kept.shown:
                files |= {str(v["id"]): str(v["sha256"]) for name, v in (kept.values or {}).items() if name.startswith("file:")}
        blocked = store.blocks_of(self._tx, school_id=self._school, file_ids=[UUID(id_) for id_ in files])
        return {id_: sha256 for id_, sha256 in files.items() if UUID(id_) not in blocked}
