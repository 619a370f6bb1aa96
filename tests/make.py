"""Plain makers of test data: real rows through the services' own functions, invented people only."""

import base64
import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from safekeep import clock, permissions
from safekeep.contracts.incidents import Alert, Record
from safekeep.ids import new_id
from safekeep.permissions import Role
from safekeep.rpc import Resources

GOOD_EXAMPLE = (
    "During lunchtime play, Sarah approached me and was crying. I asked her what the matter was and she replied \"I don't like my "
    'life anymore". I asked her why and she replied "My mum and her boyfriend argue all the time, they always have cans of stuff '
    "which they drink, I really don't want to go home today because they are having a party tonight and that man will be there, you "
    'know that one…" I told Sarah that I did not know what man she meant, but when I said this she ran off to play with her friends.\n\n'
    "Verbally passed on information immediately to DSL."
)
"""The account staff are shown as a good one."""

ODD_CURSORS = (
    "x",
    "é",
    "bm8=",
    *(
        base64.urlsafe_b64encode(place.encode()).decode()
        for place in (
            "[]",
            "5",
            '{"a":1}',
            "[1,2]",
            "[1,2,3]",
            '["2026-01-01T00:00:00+00:00",5]',
            '["2026-01-01",5]',
            '[true,"2026-01-01T00:00:00+00:00",5]',
            "[" * 3_000,
        )
    ),
)
"""Nothing that a list gave out to go on with."""


@dataclass
class MadeSchool:
    """A school as a test made it: its id and one person of each role that works there, by role."""

    id: UUID
    people: dict[str, UUID] = field(default_factory=dict)


def create_school(*, resources: Resources, roles: tuple[Role, ...] = tuple(Role)) -> MadeSchool:
    """Make a school with the first categories and one person a role, in incidents' own copies."""
    from services.incidents import store

    school = MadeSchool(new_id(), {role.value: new_id() for role in roles})
    with resources.transaction(resources.engine, school_id=school.id) as tx:
        store.keep_school(tx, school_id=school.id, zone="Europe/London", category_rows=permissions.FIRST_CATEGORIES, group_rows=[])
        for role, person in school.people.items():
            store.keep_staff(tx, school_id=school.id, person_id=person, roles=[role], active=True)
    return school


def create_person(*, resources: Resources, school: MadeSchool, role: Role) -> UUID:
    """Add one more person with a role."""
    from services.incidents import store

    person = new_id()
    with resources.transaction(resources.engine, school_id=school.id) as tx:
        store.keep_staff(tx, school_id=school.id, person_id=person, roles=[role], active=True)
    return person


def create_pupil(
    *,
    resources: Resources,
    school: MadeSchool,
    name: str = "Sarah Example",
    known_as: str = "",
    family: UUID | None = None,
    relatives: tuple[UUID, ...] = (),
    id: UUID | None = None,
    holding: bool = False,
) -> UUID:
    """Make a pupil; `relatives` are staff who are, or are parents of, the pupil."""
    from services.incidents import store

    pupil = id or new_id()
    with resources.transaction(resources.engine, school_id=school.id) as tx:
        store.keep_pupil(
            tx,
            school_id=school.id,
            id=pupil,
            name=name,
            known_as=known_as,
            year="Year 5",
            form="5A",
            born=dt.date(2016, 2, 29),
            family=family or new_id(),
            holding=holding,
        )
        store.keep_relatives(tx, school_id=school.id, pupil_id=pupil, people=relatives)
    return pupil


def a_record(*, pupil_id: UUID, **fields: Any) -> Record:
    """Return a request to record, good unless `fields` make it otherwise."""
    given: dict[str, Any] = {
        "id": new_id(),
        "pupil_id": pupil_id,
        "occurred_at": clock.now(),
        "kind": "conversation",
        "narrative": GOOD_EXAMPLE,
        "action_taken": "Told the DSL in person.",
        "category_codes": ["safeguarding_concern"],
        "alert": Alert(),
    }
    return Record(**(given | fields))


AN_INCIDENT = {
    "occurred_at": "2026-03-10T12:47:00Z",
    "kind": "conversation",
    "narrative": GOOD_EXAMPLE,
    "action_taken": "Told the DSL in person.",
    "category_codes": ["safeguarding_concern"],
    "linked_pupils": [],
    "alert": {"groups": ["safeguarding_team"], "staff_ids": []},
    "file_ids": [],
}
"""What a program sends to record the good example: all but its id and its pupil's."""
