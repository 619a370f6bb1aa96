"""The permission table, case by case, against the table written in the design."""

import itertools
from dataclasses import replace

import pytest

from safekeep import permissions
from safekeep.actor import Actor
from safekeep.ids import new_id
from safekeep.permissions import Category, Class, EntryFacts, Reading, Role, Telling

CATEGORIES = {category.code: category for category in permissions.FIRST_CATEGORIES}
WRITE_ONLY = ("teacher", "admin", "pastoral", "sports_coach")
LEADS = ("dsl", "deputy_dsl")
OUTSIDE = ("governor", "trust_safeguarding_lead", "trust_it")


def an_actor(*, role: str | None = None, service: str | None = None, drafts_only: bool = False) -> Actor:
    return Actor(
        person_id=None if service else new_id(),
        service=service,
        school_id=new_id(),
        trust_id=None,
        roles=frozenset({role} if role else ()),
        name="",
        session_id=None,
        second_factor_at=None,
        drafts_only=drafts_only,
    )


@pytest.mark.parametrize(
    ("class_", "codes", "group", "leads_only"),
    [
        (Class.GENERAL, "behaviour send attendance medical", {"slt"}, False),
        (Class.GENERAL, "parental_contact significant_event bullying", {"slt", "safeguarding_team"}, False),
        (Class.WELFARE, "welfare home_domestic out_of_school", {"safeguarding_team"}, False),
        (Class.SAFEGUARDING, "safeguarding_concern safeguarding_meeting not_sure", {"safeguarding_team"}, False),
        (Class.PROTECTION, "child_protection child_in_need", {"safeguarding_team"}, True),
    ],
)
def test_the_first_categories_are_those_of_the_table(class_: Class, codes: str, group: set[str], leads_only: bool) -> None:
    """Class, groups called for and who may allocate, for each category of the design."""
    for code in codes.split():
        category = CATEGORIES[code]
        assert (category.class_, set(category.groups), category.leads_only) == (class_, group, leads_only)
        assert permissions.groups_called_for([category]) == group


@pytest.mark.parametrize(
    ("role", "highest"),
    [*((role, Class.PROTECTION) for role in LEADS), ("slt", Class.WELFARE), *((role, None) for role in (*WRITE_ONLY, *OUTSIDE))],
)
def test_what_a_role_reads_by_itself(role: str, highest: Class | None) -> None:
    assert permissions.highest_class_read({role}) == highest


def test_the_highest_class_wins_whatever_the_order() -> None:
    """Every pair of categories: the class is the higher of the two."""
    for one, other in itertools.permutations(permissions.FIRST_CATEGORIES, 2):
        assert permissions.class_of([one, other]) == max(one.class_, other.class_)


def test_slt_is_not_called_for_what_slt_may_not_read() -> None:
    """Bullying calls for SLT, but not once the incident is a safeguarding concern as well."""
    assert permissions.groups_called_for([CATEGORIES["bullying"], CATEGORIES["safeguarding_concern"]]) == {"safeguarding_team"}


def test_the_safeguarding_team_cannot_be_taken_off_from_welfare_up() -> None:
    required = {class_: bool(permissions.groups_required(class_)) for class_ in Class}
    assert required == {Class.GENERAL: False, Class.WELFARE: True, Class.SAFEGUARDING: True, Class.PROTECTION: True}


@pytest.mark.parametrize("role", [role.value for role in Role])
def test_child_protection_and_in_need_are_allocated_by_leads_alone_and_the_rest_by_whoever_records(role: str) -> None:
    for category in permissions.FIRST_CATEGORIES:
        expected = role in LEADS if category.class_ == Class.PROTECTION else role not in OUTSIDE
        assert permissions.may_allocate({role}, category) == expected


ALLOWED, NEED, ASK, NEVER = Telling.ALLOWED, Telling.NEED_TO_KNOW, Telling.ASK_A_DSL, Telling.NEVER


@pytest.mark.parametrize(
    ("roles", "general", "welfare", "safeguarding", "protection"),
    [
        (LEADS, ALLOWED, ALLOWED, ALLOWED, ALLOWED),
        (("slt",), ALLOWED, ALLOWED, ASK, ASK),
        (WRITE_ONLY, NEED, NEED, ASK, ASK),
        (OUTSIDE, NEVER, NEVER, NEVER, NEVER),
    ],
)
def test_who_may_be_told_of_which_class(
    roles: tuple[str, ...], general: Telling, welfare: Telling, safeguarding: Telling, protection: Telling
) -> None:
    """Write-only staff only to general and welfare, with the question why; those concerned never, whatever their role."""
    for role in roles:
        told = [permissions.may_be_told(roles={role}, class_=class_, concerned=False) for class_ in Class]
        assert told == [general, welfare, safeguarding, protection]
        assert all(permissions.may_be_told(roles={role}, class_=class_, concerned=True) is NEVER for class_ in Class)


def test_reading_own_words_always_and_nothing_where_concerned() -> None:
    """The author reads; a concerned DSL does not; a right covers up to its class and no higher."""
    author, lead, told = new_id(), new_id(), new_id()
    entry = EntryFacts(
        author_id=author, class_=Class.SAFEGUARDING, concerned=frozenset({lead, author}), rights={told: Class.WELFARE, lead: Class.PROTECTION}
    )
    assert Reading(author, None).covers(entry)
    assert not Reading(lead, Class.PROTECTION).covers(entry)
    assert not Reading(told, None).covers(entry)
    assert Reading(told, None).covers(EntryFacts(author, Class.WELFARE, frozenset(), {told: Class.WELFARE}))
    assert not Reading(new_id(), Class.WELFARE).covers(entry)


def test_trust_it_and_governors_call_nothing_that_touches_records() -> None:
    """Governors have what every member of a place has, and what a chair needs to read an entry kept to them; trust IT accounts and schools besides, all of identity's own."""
    callable_ = {role: {m for m in permissions.METHODS if permissions.may_call(an_actor(role=role), m)} for role in ("trust_it", "governor")}
    kept_for_a_chair = {"incidents.incident", "incidents.summaries", "incidents.lift_restriction"}  # an entry about an adult, and nothing else
    kept_for_a_chair |= {"files.names", "files.read", "incidents.permit_file"}  # and what is attached to it
    own_inbox = {"alerts.inbox", "alerts.unread", "alerts.mark_read", "incidents.readable"}  # read is what they have opened
    own_inbox |= {"alerts.notifications", "alerts.keep_device", "alerts.drop_device", "alerts.try_device"}  # and the devices that tell of it
    published = {"reports.published_reports", "reports.published_report", "reports.published_report_pdf"}
    assert callable_["governor"] == {"identity.school"} | kept_for_a_chair | own_inbox | published
    assert {m.partition(".")[0] for m in callable_["trust_it"]} == {"identity"}
    assert callable_["trust_it"] - callable_["governor"] == {
        "identity.add_school",
        "identity.trust_schools",
        "identity.trust_people",
        "identity.keep_trust_person",
        "identity.close_trust_person",
        "identity.add_staff",
        "identity.members",
        "identity.change_member",
        "identity.close_member",
        "identity.send_link",
        "identity.disable_factors",
        "identity.providers",
        "identity.keep_provider",
        "identity.remove_provider",
        "identity.unlink_person",
        "identity.machines",
        "identity.add_machine",
        "identity.revoke_machine",
        "identity.trust_machines",
        "identity.add_trust_machine",
        "identity.revoke_trust_machine",
        "identity.address_state",
        "identity.change_address",
    }


def test_a_machine_calls_what_its_scopes_name_and_nothing_else() -> None:
    """A scope names one method: what a machine may do is read off the table. A scope of a trust opens nothing at a school, and the reverse."""
    for scopes, where, elsewhere in (
        (permissions.SCOPES, {"school_id": new_id(), "trust_id": None}, {"school_id": None, "trust_id": new_id()}),
        (permissions.TRUST_SCOPES, {"school_id": None, "trust_id": new_id()}, {"school_id": new_id(), "trust_id": None}),
    ):
        for scope in scopes:
            machine = replace(an_actor(service="x"), service=None, machine_id=new_id(), scopes=frozenset({scope}), **where)
            opened = {m for m in permissions.METHODS if permissions.may_call(machine, m)}
            assert opened == {m for m, allowed in permissions.METHODS.items() if f"machine:{scope}" in allowed}
            assert len(opened) == 1
            for other in (replace(machine, scopes=frozenset()), replace(machine, **elsewhere)):
                assert not any(permissions.may_call(other, m) for m in permissions.METHODS if permissions.METHODS[m] != permissions.ANYONE)
    assert not set(permissions.SCOPES) & set(permissions.TRUST_SCOPES)
    named = {who.removeprefix("machine:") for allowed in permissions.METHODS.values() for who in allowed if who.startswith("machine:")}
    assert named == set(permissions.SCOPES + permissions.TRUST_SCOPES)


def test_an_unknown_method_is_nobodys_and_an_expired_session_saves_its_draft_and_shows_whom_to_find() -> None:
    lead = an_actor(role="dsl")
    assert not permissions.may_call(lead, "incidents.erase")
    expired = an_actor(role="dsl", drafts_only=True)
    assert {m for m in permissions.METHODS if permissions.may_call(expired, m)} == {"files.save_draft", "identity.school"}


def test_a_service_calls_what_names_it_and_nothing_else() -> None:
    """And of that only what its token lists."""
    everything = replace(an_actor(service="alerts"), methods=frozenset(permissions.METHODS))
    assert {m for m in permissions.METHODS if permissions.may_call(everything, m)} == {
        "identity.addresses",
        "identity.letter",
        "incidents.number_of",
        "incidents.witnessed_head",
    }
    letters = replace(an_actor(service="alerts"), methods=frozenset({"identity.letter", "incidents.incident"}))
    assert [m for m in permissions.METHODS if permissions.may_call(letters, m)] == ["identity.letter"]


def test_a_schools_own_group_is_judged_by_its_members() -> None:
    """Only groups that follow from roles are closed to a class as a whole."""
    own = Category("x", Class.PROTECTION, ("year_five",), False)
    assert permissions.groups_called_for([own]) == {"year_five"}
