"""The self-check on a schedule: what is new every few minutes, all of it every night. What is found is kept, shown and told."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import outbox, telemetry
from safekeep.contracts.incidents import RecordAltered
from safekeep.permissions import Class
from safekeep.proof.merkle import Growing, leaf_hash
from services.incidents import checking, store
from services.incidents.checking import Checker, Problem
from services.incidents.keeper import Keeper, heads, sealing
from services.incidents.standing import Standings


def check_new(keeper: Keeper, *, school_id: UUID, now: datetime) -> list[Problem]:
    """Check what was added since the last check. Cheap: one pass over the new rows. Returns what was found."""
    with keeper.school(school_id) as tx:
        before = store.check_of(tx, school_id=school_id)
        checker = Checker(school_id=school_id)
        if before:
            checker.sequence, checker.hash, checker.latest = before.sequence, before.hash, before.at_latest
        checker.destroyed = store.destroyed_numbers(tx, school_id=school_id, after=checker.sequence)
        found = [problem for row in store.kept(tx, school_id=school_id, after=checker.sequence) for problem in checker.check(_row(row))]
        sequence, hash_, _ = store.ends(tx, school_id=school_id)
        if (sequence, hash_) != (checker.sequence, checker.hash):
            found.append(Problem("dropped", f"The ledger ends with entry {checker.sequence}, and was said to end with entry {sequence}."))
        _keep(tx, school_id=school_id, found=found, now=now, whole=False)
        end = {"sequence": checker.sequence, "hash": checker.hash, "at_latest": checker.latest}
        store.keep_check(tx, school_id=school_id, **end, checked_at=now)
        sealed = sealing.seal(keeper, tx, school_id=school_id, now=now)
    if sealed:
        sealing.remember(keeper, school_id=school_id, seal=sealed)
    return found


def check_whole(keeper: Keeper, *, school_id: UUID, now: datetime) -> list[Problem]:
    """Check everything from the first entry on, every head and every row beside the ledger. Returns what was found."""
    with keeper.school(school_id) as tx:
        known = heads.all_of(keeper, tx, school_id=school_id)
        wanted, roots, growing = {each.head.size for each in known}, dict[int, str](), Growing()
        standings = Standings()
        gone = store.destroyed_numbers(tx, school_id=school_id)
        checker = Checker(school_id=school_id, threads={}, standings=standings, destroyed=gone)
        found: list[Problem] = []
        for row in store.kept(tx, school_id=school_id):
            found += checker.check(_row(row))
            growing.add(leaf_hash(bytes(row.canonical)))
            if growing.size in wanted:
                roots[growing.size] = growing.root().hex()
        ends = store.ends(tx, school_id=school_id)
        found += checking.check_ends(checker=checker, end=ends, roots=roots, heads=known, keys=keeper.public_keys())
        for row in store.outside_the_ledger(tx, school_id=school_id):
            found.append(Problem("added", "It was put into the record without a place in the ledger.", None, row.kind, row.incident_id))
        for incident, entry, said in standings.wrong(**store.standing_rows(tx, school_id=school_id)):
            found.append(Problem("changed", said, None, "" if entry else "incident", UUID(incident)))
        of_flags = standings.wrong_flags(store.flags_set(tx, school_id=school_id))
        found += [Problem("changed", said, None, "flag", UUID(flag)) for flag, said in of_flags]
        found += [Problem(code, said, None, "", incident_id) for code, said, incident_id in sealing.wrong(keeper, tx, school_id=school_id)]
        _keep(tx, school_id=school_id, found=found, now=now, whole=True)
        end = {"sequence": checker.sequence, "hash": checker.hash, "at_latest": checker.latest}
        store.keep_check(tx, school_id=school_id, **end, checked_at=now, whole_at=now)
    telemetry.log().info("ledger.checked", school=str(school_id), entries=checker.sequence, found=len(found))
    return found


def _row(row: Any) -> checking.Row:
    class_code = Class(row._mapping["class"]).code if row.id is not None else ""
    return checking.kept_of(row, openings=store.opened(row), class_code=class_code)


def _keep(tx: sa.Connection, *, school_id: UUID, found: list[Problem], now: datetime, whole: bool) -> None:
    """Keep what is new among what was found, and tell of it; after a check of everything, what is not there any more has gone."""
    known = {_key(row): row.id for row in store.alterations_of(tx, school_id=school_id)}
    new = {_key(p): p for p in found if _key(p) not in known}
    rows = [{"sequence": p.sequence, "kind": p.kind, "incident_id": p.incident_id, "code": p.code, "said": p.said} for p in new.values()]
    store.add_alterations(tx, school_id=school_id, rows=rows, now=now)
    if whole:
        still = {_key(p) for p in found}
        store.end_alterations(tx, school_id=school_id, ids=[id_ for key, id_ in known.items() if key not in still], now=now)
    if new:
        incidents = sorted({p.incident_id for p in new.values() if p.incident_id})
        outbox.add(tx, RecordAltered, school_id=school_id, subject=school_id, at=now, found=len(new), incident_ids=incidents[:100])
        telemetry.log().error("ledger.altered", school=str(school_id), found=len(new))


def _key(found: Any) -> tuple[Any, ...]:
    return found.sequence, found.incident_id, found.code, found.said
