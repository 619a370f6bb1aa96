"""Idempotency keys: a program that repeats a call under the same key gets the same thing, not a second one.

The service that owns what is made keeps, per school and account, a keyed hash of the key, a keyed fingerprint of the
content and the id of the result. They are committed before the work: a call that died in between is carried out under
the same id by the next. Forgotten after seven days; the result's own id never is.
"""

import hashlib
import hmac
from datetime import timedelta
from typing import Final, Protocol
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock
from safekeep.actor import Actor
from safekeep.database import transaction
from safekeep.errors import Conflict
from safekeep.keys import Keys

KEPT_FOR: Final = timedelta(days=7)


class Process(Protocol):
    """What is needed of the service's process."""

    keys: Keys
    engine: sa.Engine


def settle(process: Process, *, actor: Actor, key: str, content: str, result_id: UUID) -> UUID:
    """Return the id under which this call is carried out: the one kept for the key, or `result_id`, which then is kept.

    Raises Conflict("other_key_content") when the key was used with other content.
    """
    kid, secret = process.keys.symmetric("bus")
    with transaction(process.engine, school_id=actor.at_school) as tx:
        who = {"school": actor.at_school, "person": actor.account}
        before = clock.now() - KEPT_FOR
        for old_secret in [process.keys.symmetric_by_kid(old) for old in tx.execute(_KIDS, who).scalars()]:
            found = tx.execute(_FIND, {**who, "key": _mac(old_secret, "key", key), "before": before}).first()
            if found is not None:
                if not hmac.compare_digest(bytes(found.fingerprint), _mac(old_secret, "content", content)):
                    raise Conflict("other_key_content")
                return UUID(str(found.result_id))
        kept = {"key": _mac(secret, "key", key), "fingerprint": _mac(secret, "content", content), "kid": kid, "result": result_id}
        tx.execute(_FORGET_OLD, {**who, "key": kept["key"], "before": before})
        if tx.execute(_KEEP, {**who, **kept, "now": clock.now()}).rowcount:
            return result_id
    return settle(process, actor=actor, key=key, content=content, result_id=result_id)  # a twin was faster: it is known now


def forget(process: Process, *, actor: Actor, key: str) -> None:
    """Forget a key whose call was refused: nothing was made, and what is sent next under it may be another try."""
    _, secret = process.keys.symmetric("bus")
    with transaction(process.engine, school_id=actor.at_school) as tx:
        tx.execute(_FORGET, {"school": actor.at_school, "person": actor.account, "key": _mac(secret, "key", key)})


def prune(worker_engine: sa.Engine) -> int:
    """Forget keys of more than seven days. Returns how many."""
    with transaction(worker_engine) as tx:
        return tx.execute(sa.text("delete from idempotency_keys where kept_at < :before"), {"before": clock.now() - KEPT_FOR}).rowcount


def _mac(secret: bytes, what: str, value: str) -> bytes:
    return hmac.digest(secret, f"idempotency {what} {value}".encode(), hashlib.sha256)


_KIDS = sa.text("select distinct kid from idempotency_keys where school_id = :school and person_id = :person")
_FIND = sa.text(
    "select fingerprint, result_id from idempotency_keys where school_id = :school and person_id = :person and key = :key and kept_at > :before"
)
_KEEP = sa.text(
    "insert into idempotency_keys (school_id, person_id, key, fingerprint, kid, result_id, kept_at) "
    "values (:school, :person, :key, :fingerprint, :kid, :result, :now) on conflict do nothing"
)
_FORGET = sa.text("delete from idempotency_keys where school_id = :school and person_id = :person and key = :key")
_FORGET_OLD = sa.text("delete from idempotency_keys where school_id = :school and person_id = :person and key = :key and kept_at <= :before")
