"""Signing heads, remembering them outside the database, and giving them to witnesses."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, outbox, telemetry
from safekeep.contracts.incidents import HeadSigned
from safekeep.ids import new_id
from safekeep.proof import heads
from safekeep.proof.heads import Head, Signed
from safekeep.proof.merkle import Tree
from services.incidents import store
from services.incidents.keeper import Keeper

Mails = Literal["mailed", "not mailed"]


def sign(keeper: Keeper, tx: sa.Connection, *, school_id: UUID, now: datetime, mails: Mails, unless_same: bool = False) -> tuple[Signed, Tree] | None:
    """Sign a head of what the ledger is now, keep it here and there, and have witnesses sent it. None: there is nothing (new) to sign.

    What was signed before is neither asked for nor overruled: whether the new head goes on from it, whoever checks will see.
    """
    leaves, last, _ = store.leaves_of(tx, school_id=school_id)
    latest = store.latest_heads(tx, school_id=school_id, limit=1)
    tree = Tree(leaves)
    if not leaves or (unless_same and latest and latest[0][1].head.root == tree.root().hex()):
        return None
    kid, private = keeper.keys.signing("ledger")
    head = Head(school=str(school_id), size=tree.size, root=tree.root().hex(), last=last, at=clock.stamp(now))
    signed, id_ = heads.sign(head=head, key=kid, private=private), new_id()
    remember(keeper.folder / "memory", signed)
    store.add_signed_head(tx, id=id_, school_id=school_id, signed=signed)
    witnesses = store.witnesses_of(tx, school_id=school_id)
    if any(each.kind == "file" for each in witnesses):
        remember(keeper.folder / "drop", signed)
    by_mail = [each.id for each in witnesses if each.kind == "email"]
    if mails == "mailed" and by_mail:
        outbox.add(tx, HeadSigned, school_id=school_id, subject=id_, at=now, head_id=id_, size=tree.size, witness_ids=by_mail)
    telemetry.log().info("head.signed", school=str(school_id), size=tree.size, key=kid)
    return signed, tree


def remember(folder: Path, signed: Signed) -> None:
    """Write a head into a folder, whole or not at all, one file each: <school>/<time>-<size>.json."""
    place = folder / signed.head.school
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{signed.head.at.replace(':', '')}-{signed.head.size}.json"
    part = path.with_suffix(".part")
    with part.open("w") as file:
        json.dump(signed.wire(), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def remembered(folder: Path, *, school_id: UUID) -> list[Signed]:
    """Return the heads kept outside the database, oldest first; a file that cannot be read is passed over."""
    found: list[Signed] = []
    for path in sorted((folder / str(school_id)).glob("*.json")):
        try:
            found.append(heads.read_text(path.read_text()))
        except (OSError, ValueError):
            telemetry.log().error("head.unreadable", school=str(school_id))
    return found


def all_of(keeper: Keeper, tx: sa.Connection, *, school_id: UUID) -> list[Signed]:
    """Return every head there is of a school, in the database or kept outside it, oldest first, each once."""
    known = [signed for _, signed in store.signed_heads_of(tx, school_id=school_id)]
    return sorted({*known, *remembered(keeper.folder / "memory", school_id=school_id)}, key=lambda each: (each.head.at, each.head.size))
