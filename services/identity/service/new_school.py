"""What a new school begins with: the first categories, groups and sign-in policy."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import outbox, permissions
from safekeep.contracts.identity import GroupItem, SchoolChanged
from safekeep.text import place_code
from services.identity import store
from services.identity.passwords import Rules

DAY_ENDS = 15 * 60 + 30
"""Minutes after midnight."""
FIRST_LOCK_MINUTES = 10

FIRST_NAMES = {
    "behaviour": "Behaviour",
    "send": "SEND",
    "attendance": "Attendance",
    "medical": "Medical",
    "parental_contact": "Parental contact",
    "significant_event": "Significant event",
    "bullying": "Bullying",
    "welfare": "Welfare",
    "home_domestic": "Home and domestic",
    "out_of_school": "Out of school",
    "safeguarding_concern": "Safeguarding concern",
    "safeguarding_meeting": "Safeguarding meeting",
    "not_sure": "Not sure",
    "child_protection": "Child protection",
    "child_in_need": "Child in need",
}
"""What the first categories are called."""
FIRST_GROUPS: tuple[tuple[str, str, list[str]], ...] = (
    (permissions.SAFEGUARDING_TEAM, "Safeguarding team", []),
    (permissions.SLT_GROUP, "SLT", []),
    ("designated_teacher", "Designated teacher for looked-after children", ["looked_after"]),
)
"""The first groups, with the flags of a pupil that call for them. Who is the designated teacher, the school says."""


def make_school(
    tx: sa.Connection,
    *,
    school_id: UUID,
    trust_id: UUID,
    slug: str,
    name: str,
    phase: str,
    zone: str,
    demo: bool,
    groups: Sequence[GroupItem] = (),
) -> bool:
    """Make a school with its first settings, and tell. Returns False when it was there already."""
    here: dict[str, Any] = {"school_id": school_id}
    row = {"trust_id": trust_id, "slug": slug, "name": name, "phase": phase, "zone": zone, "day_ends_minute": DAY_ENDS, "hide_names": False}
    if not store.keep(tx, store.schools, [here | row | {"demo": demo}]):
        return False
    store.keep(
        tx,
        store.categories,
        [
            here
            | {
                "code": c.code,
                "name": FIRST_NAMES[c.code],
                "class_code": c.class_.code,
                "groups": list(c.groups),
                "leads_only": c.leads_only,
                "place": i,
            }
            for i, c in enumerate(permissions.FIRST_CATEGORIES)
        ],
    )
    first = [GroupItem(code=code, name=name, members=[], flags=flags) for code, name, flags in FIRST_GROUPS]
    known = {group.code: group for group in [*first, *groups]}  # a group that comes with the school takes the place of the first one of its code
    store.keep(tx, store.groups, [here | {**group.model_dump(), "place": i} for i, group in enumerate(known.values())])
    rules = Rules()
    policy = {"min_length": rules.min_length, "all_kinds": rules.all_kinds, "change_days": rules.change_days, "remembered": rules.remembered}
    more = {"deny_common": rules.deny_common, "lock_minutes": FIRST_LOCK_MINUTES, "factor_roles": []}
    store.keep(tx, store.policies, [here | policy | more])
    tell_school(tx, school_id=school_id)
    return True


def tell_school(tx: sa.Connection, *, school_id: UUID) -> None:
    """Say the school's whole state to the other services."""
    school = store.school_with(tx, school_id=school_id)
    assert school is not None
    categories, groups, _ = store.settings_of(tx, school_id=school_id)
    outbox.add(
        tx,
        SchoolChanged,
        school_id=school_id,
        subject=school_id,
        zone=school.zone,
        day_ends_minute=school.day_ends_minute,
        trust_id=school.trust_id,
        categories=[
            SchoolChanged.CategoryState(code=c.code, class_code=c.class_code, groups=list(c.groups), leads_only=c.leads_only) for c in categories
        ],
        groups=[_group(g) for g in groups if g.code not in permissions.ROLE_GROUPS],
    )


def _group(row: Any) -> SchoolChanged.GroupState:
    called_by = [f"flag_{flag}" for flag in row.flags] + [place_code(kind, n) for kind in ("year", "form") for n in getattr(row, f"{kind}s")]
    return SchoolChanged.GroupState(code=row.code, members=row.members, called_by=called_by)
