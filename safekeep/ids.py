"""Identifiers: UUIDv7 everywhere, so that keys made by any process sort by time and no sequence is shared."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a new UUIDv7 (RFC 9562): time-ordered to the millisecond, unguessable in its 74 other bits."""
    return uuid7()
