"""Templates: what a school's staff may start an account from, kept by its DSLs."""

from typing import Any

import pytest

from safekeep.contracts.identity import KeepTemplate, School, TemplateItem
from safekeep.errors import Invalid, NotAllowed
from tests.services.identity.office import Office

A_MEETING = TemplateItem(code="a_meeting", name="A meeting", category_code="safeguarding_meeting", text="Who was there:\nWhat was agreed:")


def keep(office: Office, template: TemplateItem, *, is_new: bool = True, role: str = "dsl") -> None:
    office.ask(KeepTemplate(template=template, is_new=is_new), token=office.member(role))


def kept(office: Office, school: Any = None) -> list[TemplateItem]:
    found: list[TemplateItem] = office.ask(School(), token=office.member("teacher", school or office.one)).templates
    return found


def test_a_dsl_adds_and_changes_a_template_and_every_colleague_of_the_school_sees_it(office: Office) -> None:
    keep(office, A_MEETING)
    keep(office, A_MEETING.model_copy(update={"offered": False}), is_new=False)
    keep(office, A_MEETING.model_copy(update={"offered": False}), is_new=False)
    assert kept(office) == [A_MEETING.model_copy(update={"offered": False})]
    assert kept(office, office.two) == []


def test_only_dsls_keep_templates(office: Office) -> None:
    for role in ("slt", "teacher", "governor", "trust_it"):
        with pytest.raises(NotAllowed):
            keep(office, A_MEETING, role=role)


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ({"category_code": "gossip"}, {"category_code": "unknown_choice"}),
        ({"name": "a MEETING", "code": "another"}, {"name": "taken"}),
        ({}, {"name": "taken"}),
    ],
)
def test_what_cannot_be_kept_is_refused_beside_its_field(office: Office, change: dict[str, Any], problems: dict[str, str]) -> None:
    keep(office, A_MEETING)
    with pytest.raises(Invalid) as refused:
        keep(office, A_MEETING.model_copy(update=change))
    assert refused.value.problems == problems
