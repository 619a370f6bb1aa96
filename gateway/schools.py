"""The school and its staff as pages need them: remembered 30 seconds in this process, one copy a school."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from flask_babel import gettext

from gateway import rpc
from gateway.session import Here
from safekeep import permissions
from safekeep.contracts.identity import CategoryItem, School, SchoolAnswer, Staff, StaffItem
from safekeep.text import fold

_SECONDS: Final = 30.0
FIRST_ZONE: Final = ZoneInfo("Europe/London")
"""Whose days and times are shown where there is no one school: on a trust's pages, and to who is not yet anywhere."""


@dataclass(frozen=True, slots=True)
class Known:
    """A school with its staff by id."""

    school: SchoolAnswer
    staff: dict[UUID, StaffItem]
    categories: dict[str, CategoryItem]

    @property
    def zone(self) -> ZoneInfo:
        """The zone its times are shown in."""
        return ZoneInfo(self.school.zone)

    def local(self, moment: datetime) -> datetime:
        """Return a moment in the school's zone."""
        return moment.astimezone(self.zone)

    def name(self, person_id: UUID) -> str:
        """Return a person's name, or "" when the school never knew them."""
        found = self.staff.get(person_id)
        return found.name if found else ""

    def names(self, people: Collection[UUID]) -> str:
        """Return these people's names, in order, with commas between them."""
        return ", ".join(sorted(self.name(person) or gettext("somebody") for person in people))

    def category(self, code: str) -> str:
        """Return a category's name, or its code where it is gone."""
        found = self.categories.get(code)
        return found.name if found else code

    def group(self, code: str) -> str:
        """Return a group's name, or that it is one: for half a minute a new one is not known everywhere."""
        return next((group.name for group in self.school.groups if group.code == code), gettext("a group of the school"))

    def find_staff(self, words: str, *, limit: int | None = 10, but: UUID | None = None) -> list[StaffItem]:
        """Return active staff who record, any part of whose name or job starts with each word; not `but`, who is asking. No `limit`: all."""
        wanted = fold(words).replace("-", " ").split()
        able = [p for p in self.staff.values() if p.active and p.person_id != but and permissions.may_record(p.roles)]
        found = [person for person in able if wanted and all(_starts(person, word) for word in wanted)]
        return found[:limit]


def _starts(person: StaffItem, word: str) -> bool:
    parts = fold(f"{person.name} {person.job}").replace("-", " ").replace("'", " ").split()
    return any(part.startswith(word) for part in (*parts, *fold(person.name).split()))


_remembered: dict[UUID, tuple[Known, float]] = {}


def duty(here: Here) -> SchoolAnswer:
    """Return the school for a lock screen: also with a token that may do little else. Raises Unavailable, NotAllowed."""
    remembered = _remembered.get(here.place.id)
    if remembered is not None and remembered[1] > time.monotonic():
        return remembered[0].school
    return rpc.ask(School(), token=here.token, seconds=2.0)


def known(here: Here, *, groups: Collection[str] = ()) -> Known:
    """Return the school the person is at, with its staff. Raises Unavailable, NotAllowed.

    `groups`: those that a form names. One that is not remembered was made a moment ago, and is known to another process that showed it: a page
    that did not know it would take it off what was chosen, so the school is asked anew.
    """
    now = time.monotonic()
    remembered = _remembered.get(here.place.id)
    knows_staff = here.may_call("identity.staff")
    if remembered is not None and remembered[1] > now and {group.code for group in remembered[0].school.groups}.issuperset(groups):
        found = remembered[0]
        return found if knows_staff else Known(found.school, {}, found.categories)
    school = rpc.ask(School(), token=here.token)
    staff = rpc.ask(Staff(), token=here.token).items if knows_staff else []
    result = Known(school, {person.person_id: person for person in staff}, {c.code: c for c in school.categories})
    if staff:
        _remembered[here.place.id] = (result, now + _SECONDS)
    return result


def forget(here: Here) -> None:
    """Forget what was remembered of the school: somebody is changing it."""
    _remembered.pop(here.place.id, None)
