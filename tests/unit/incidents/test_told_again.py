"""Whom a correction or a move tells: by their role alone only as long as they have it."""

from uuid import UUID

import pytest

from safekeep.ids import new_id
from safekeep.permissions import Class
from services.incidents.recording import Member, School, told_again

AUTHOR, WRITER, PERSON = new_id(), new_id(), new_id()


def told(*, role: str, right: Class | None, class_: Class, person: UUID = PERSON, recorded: Class = Class.GENERAL) -> bool | None:
    """Whether somebody is told as having a right of their own; None where they are not told."""
    staff = {who: Member(who, frozenset({as_})) for who, as_ in ((AUTHOR, "teacher"), (WRITER, "dsl"), (person, role))}
    school = School(zone="Europe/London", categories={}, staff=staff, groups={})
    rights = {person: right} if right is not None else {}
    found = told_again(school=school, writer=WRITER, author=AUTHOR, recorded=recorded, class_=class_, rights=rights, concerned=())
    return next((recipient.granted for recipient in found if recipient.person_id == person), None)


@pytest.mark.parametrize(
    ("role", "right", "class_", "granted"),
    [
        ("deputy_dsl", Class.WELFARE, Class.SAFEGUARDING, False),
        ("deputy_dsl", Class.SAFEGUARDING, Class.SAFEGUARDING, True),
        ("teacher", Class.SAFEGUARDING, Class.SAFEGUARDING, True),
        ("teacher", Class.WELFARE, Class.SAFEGUARDING, None),
        ("governor", Class.SAFEGUARDING, Class.SAFEGUARDING, None),
    ],
)
def test_a_right_of_its_class_stays_whatever_becomes_of_the_role(role: str, right: Class, class_: Class, granted: bool | None) -> None:
    assert told(role=role, right=right, class_=class_) is granted


def test_an_author_is_told_of_what_they_recorded_and_of_no_higher_class() -> None:
    assert told(person=AUTHOR, role="teacher", right=None, class_=Class.WELFARE, recorded=Class.WELFARE) is True
    assert told(person=AUTHOR, role="teacher", right=None, class_=Class.SAFEGUARDING, recorded=Class.WELFARE) is None
    assert told(person=AUTHOR, role="deputy_dsl", right=None, class_=Class.SAFEGUARDING, recorded=Class.WELFARE) is False, "by their role"
