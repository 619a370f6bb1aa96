"""Who may give which role, and what it then takes (separation of powers: whoever runs the accounts must not read records)."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from safekeep.permissions import CONFIRMED_AT_TRUST, CONFIRMED_ROLES, RECORDERS, TRUST_ROLES, Role, is_lead

SCHOOL_ROLES = RECORDERS | {Role.GOVERNOR}
"""What somebody can be at a school; the trust's roles are given at the trust."""

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]{2,}")


def is_address(email: str) -> bool:
    """Whether it has the shape of an e-mail address: whether it is somebody's, the link that is sent shows."""
    return _ADDRESS.fullmatch(email) is not None


@dataclass(frozen=True, slots=True)
class Given:
    """What becomes of roles that were given: these count now, these wait for a DSL (or the head's code)."""

    now: frozenset[str]
    waiting: frozenset[str]


def given(*, asked: Collection[str], held: Collection[str], by: Collection[str]) -> Given:
    """Return which of the roles `asked` for count at once, when somebody with the roles `by` gives them.

    A DSL's word counts. Trust IT's counts too, but for DSL, deputy and SLT, unless the person held the role already.
    """
    wanted = frozenset(asked)
    if is_lead(by):
        return Given(wanted, frozenset())
    waiting = (wanted & CONFIRMED_ROLES) - frozenset(held)
    return Given(wanted - waiting, waiting)


def problems_of(*, asked: Collection[str]) -> dict[str, str]:
    """Return what is wrong with roles for somebody at a school, by field."""
    if not asked:
        return {"roles": "choose_one"}
    if not set(asked) <= SCHOOL_ROLES:
        return {"roles": "unknown_choice"}
    if Role.GOVERNOR in asked and len(set(asked)) > 1:
        return {"roles": "governor_alone"}
    return {}


def given_at_trust(*, asked: Collection[str], held: Collection[str]) -> Given:
    """Return which of the roles `asked` for at the trust count at once: trust IT's word is enough for its own, which opens no record."""
    wanted = frozenset(asked)
    waiting = (wanted & CONFIRMED_AT_TRUST) - frozenset(held)
    return Given(wanted - waiting, waiting)


def problems_at_trust(*, asked: Collection[str]) -> dict[str, str]:
    """Return what is wrong with roles for somebody at a trust, by field."""
    if not asked:
        return {"roles": "choose_one"}
    return {} if set(asked) <= TRUST_ROLES else {"roles": "unknown_choice"}


def leaves_no_dsl(*, dsls: Collection[object], person: object, keeps: Collection[str]) -> bool:
    """Whether the school would be left without a DSL when the person keeps only these roles."""
    return Role.DSL not in keeps and set(dsls) == {person}
