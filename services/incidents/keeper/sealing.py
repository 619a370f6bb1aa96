"""Sealing who read what, and initials, and holding all of it against the seals (services/incidents/sealing.py)."""

import base64
import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from safekeep import clock
from services.incidents import sealing, store
from services.incidents.keeper import Keeper
from services.incidents.sealing import Row, Seal

AT_ONCE: Final = 5000
BACK: Final = timedelta(days=1)
"""How far before the last seal a row may say it was written, and still be sealed: clocks differ, and are set."""


def seal(keeper: Keeper, tx: sa.Connection, *, school_id: UUID, now: datetime) -> Seal | None:
    """Seal what has no seal yet. Returns the seal, to be remembered once it is committed; None where there is nothing to seal."""
    here = {"school_id": school_id}
    last = store.last_seal(tx, **here)
    is_full = last is not None and json.loads(last.said)["count"] >= AT_ONCE  # then older ones may still wait
    since = last.made_at - BACK if last and not is_full else None
    rows = [sealing.opening(row._mapping) for row in store.unsealed_openings(tx, **here, since=since, limit=AT_ONCE)]
    rows += [sealing.initials(row._mapping) for row in store.unsealed_initials(tx, **here, limit=AT_ONCE)]
    if not rows:
        return None
    number, previous = (last.number + 1, _seal(last).hash) if last else (1, sealing.BEGINNING)
    said = sealing.statement(**here, number=number, previous=previous, rows=rows, at=clock.stamp(now))
    key, private = keeper.keys.signing("ledger")
    made = Seal(number, said, key, base64.b64encode(private.sign(said.encode())).decode())
    kept = [{"kind": row.kind, "key": row.key, "digest": row.digest} for row in rows]
    store.add_seal(tx, **here, number=number, rows=kept, said=said, signed_with=key, signature=made.signature, made_at=now)
    return made


def wrong(keeper: Keeper, tx: sa.Connection, *, school_id: UUID) -> Iterator[tuple[str, str, UUID | None]]:
    """Yield (code, sentence, incident) for what is not as it was sealed."""
    here = {"school_id": school_id}
    sealed: dict[int, list[Row]] = {}
    for row in store.sealed_of(tx, **here):
        sealed.setdefault(row.number, []).append(Row(row.kind, row.key, bytes(row.digest)))
    rows: dict[str, dict[UUID, Row]] = {sealing.OPENING: {}, sealing.INITIALS: {}}
    for made in (
        *(sealing.opening(row._mapping) for row in store.all_openings(tx, **here)),
        *(sealing.initials(row._mapping) for row in store.all_initials(tx, **here)),
    ):
        rows[made.kind][made.key] = made
    keys = keeper.public_keys()
    seals = [(found, _is_signed(found, keys)) for found in map(_seal, store.seals_of(tx, **here))]
    yield from sealing.wrong(**here, seals=seals, sealed=sealed, rows=rows, last=_remembered(keeper, school_id))


def _seal(row: Any) -> Seal:
    return Seal(row.number, row.said, row.signed_with, row.signature)


def _is_signed(seal: Seal, keys: dict[str, str]) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(keys[seal.key]))
        public.verify(base64.b64decode(seal.signature), seal.said.encode())
    except (KeyError, ValueError, InvalidSignature):
        return False
    return True


def remember(keeper: Keeper, *, school_id: UUID, seal: Seal) -> None:
    """Write which seal is the latest outside the database, whole or not at all. After the commit: a crash between leaves it one behind."""
    path = _path(keeper, school_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("w") as file:
        json.dump({"number": seal.number, "hash": seal.hash}, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _remembered(keeper: Keeper, school_id: UUID) -> tuple[int, str]:
    try:
        said = json.loads(_path(keeper, school_id).read_text())
        return int(said["number"]), str(said["hash"])
    except (OSError, ValueError, KeyError):
        return 0, ""


def _path(keeper: Keeper, school_id: UUID) -> Path:
    return keeper.folder / "seals" / f"{school_id}.json"
