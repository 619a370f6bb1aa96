"""What a school sets: whom to find, sign-in policy, categories, groups, templates."""

from collections.abc import Iterable
from typing import Any, get_args

from safekeep import permissions
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.identity import KeepCategory, KeepGroup, KeepSchool, KeepTemplate, Policy, SetPolicy, SignInPolicy
from safekeep.contracts.incidents import FlagKind
from safekeep.errors import Invalid, NotFound
from safekeep.permissions import Class
from safekeep.rpc import answers
from safekeep.text import fold
from services.identity import roles, store
from services.identity.service.base import Base
from services.identity.service.new_school import tell_school

MOST_TEMPLATES = 50
"""They come with every page's school, and a longer list helps nobody choose."""


class Settings(Base):
    """The school's own settings, which its DSLs keep."""

    @answers(KeepSchool)
    def keep_school(self, actor: Actor, request: KeepSchool) -> Nothing:
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._admin(actor.at_school) as tx:
            leads = {p.person_id for p in store.staff_of(tx, **here) if p.active and permissions.is_lead(p.roles)}
            if not {place.person_id for place in request.duty} <= leads:
                raise Invalid({"duty": "unknown_choice"})
            if not any(place.on_duty for place in request.duty):
                raise Invalid({"duty": "choose_one"})
            if len({contact.kind for contact in request.contacts}) < len(request.contacts):
                raise Invalid({"contacts": "twice"})
            for place in request.duty:
                store.change_member(tx, **here, **place.model_dump())
            store.put_contacts(tx, **here, rows=[contact.model_dump() for contact in request.contacts])
            store.change_school(tx, **here, day_ends_minute=request.day_ends_minute, hide_names=request.hide_names, sender_name=request.sender_name)
            tell_school(tx, **here)
            self._audit(tx, "school_changed", person_id=None, by_id=actor.person, schools=[actor.at_school])
        return Nothing()

    @answers(SignInPolicy)
    def sign_in_policy(self, actor: Actor, request: SignInPolicy) -> Policy:
        with self._school(actor.at_school) as tx:
            row = store.policy_of(tx, school_id=actor.at_school)
        if row is None:
            raise NotFound("school")
        return Policy(**{name: row._mapping[name] for name in Policy.model_fields})

    @answers(SetPolicy)
    def set_policy(self, actor: Actor, request: SetPolicy) -> Policy:
        policy, problems = request.policy, {}
        for field, low, high in (("min_length", 8, 64), ("change_days", 0, 365), ("remembered", 0, 24), ("lock_minutes", 2, 30)):
            value = getattr(policy, field)
            if not low <= value <= high:
                problems[field] = "too_small" if value < low else "too_large"
        if not set(policy.factor_roles) <= {role.value for role in roles.SCHOOL_ROLES}:
            problems["factor_roles"] = "unknown_choice"
        if problems:
            raise Invalid(problems)
        with self._admin(actor.at_school) as tx:
            store.put(tx, store.policies, school_id=actor.at_school, **policy.model_dump())
            self._audit(tx, "policy_changed", person_id=None, by_id=actor.person, schools=[actor.at_school])
        return policy

    @answers(KeepCategory)
    def keep_category(self, actor: Actor, request: KeepCategory) -> Nothing:
        category = request.category
        if category.class_code not in {c.code for c in Class}:
            raise Invalid({"class_code": "unknown_choice"})
        class_ = Class.of(category.class_code)
        with self._admin(actor.at_school) as tx:
            categories, groups, _ = store.settings_of(tx, school_id=actor.at_school)
            if not set(category.groups) <= {g.code for g in groups}:
                raise Invalid({"groups": "unknown_choice"})
            if class_ >= Class.WELFARE and permissions.SAFEGUARDING_TEAM not in category.groups:
                raise Invalid({"groups": "safeguarding_team_needed"})
            _refuse_taken([(c.code, c.name) for c in categories], code=category.code, name=category.name, is_new=request.is_new)
            place = next((c.place for c in categories if c.code == category.code), len(categories))
            values = category.model_dump() | {"leads_only": category.leads_only or class_ == Class.PROTECTION}
            store.put(tx, store.categories, school_id=actor.at_school, place=place, **values)
            tell_school(tx, school_id=actor.at_school)
            facts = {"category": category.code, "class": category.class_code}
            self._audit(tx, "category_changed", person_id=None, by_id=actor.person, schools=[actor.at_school], **facts)
        return Nothing()

    @answers(KeepGroup)
    def keep_group(self, actor: Actor, request: KeepGroup) -> Nothing:
        group = request.group
        if group.code in permissions.ROLE_GROUPS:
            raise Invalid({"code": "role_group"})
        if not set(group.flags) <= set(get_args(FlagKind)):
            raise Invalid({"flags": "unknown_choice"})
        with self._admin(actor.at_school) as tx:
            staff = {r.person_id for r in store.staff_of(tx, school_id=actor.at_school) if r.active and permissions.may_record(r.roles)}
            if not set(group.members) <= staff:
                raise Invalid({"members": "unknown_choice"})
            _, groups, _ = store.settings_of(tx, school_id=actor.at_school)
            _refuse_taken([(g.code, g.name) for g in groups], code=group.code, name=group.name, is_new=request.is_new)
            place = next((g.place for g in groups if g.code == group.code), len(groups))
            store.put(tx, store.groups, school_id=actor.at_school, place=place, **group.model_dump())
            tell_school(tx, school_id=actor.at_school)
            self._audit(tx, "group_changed", person_id=None, by_id=actor.person, schools=[actor.at_school], group=group.code)
        return Nothing()

    @answers(KeepTemplate)
    def keep_template(self, actor: Actor, request: KeepTemplate) -> Nothing:
        template = request.template
        with self._admin(actor.at_school) as tx:
            categories, _, _ = store.settings_of(tx, school_id=actor.at_school)
            if template.category_code is not None and template.category_code not in {c.code for c in categories}:
                raise Invalid({"category_code": "unknown_choice"})
            known = store.templates_of(tx, school_id=actor.at_school)
            if request.is_new and len(known) >= MOST_TEMPLATES:
                raise Invalid({"name": "too_many"})
            _refuse_taken([(t.code, t.name) for t in known], code=template.code, name=template.name, is_new=request.is_new)
            place = next((t.place for t in known if t.code == template.code), len(known))
            store.put(tx, store.templates, school_id=actor.at_school, place=place, **template.model_dump())
            self._audit(tx, "template_changed", person_id=None, by_id=actor.person, schools=[actor.at_school], template=template.code)
        return Nothing()


def _refuse_taken(known: Iterable[tuple[str, str]], *, code: str, name: str, is_new: bool) -> None:
    """Raise Invalid({"name": "taken"}) when another has the name, or a new one's code is there already."""
    if any(fold(has) == fold(name) and other != code for other, has in known) or (is_new and any(other == code for other, _ in known)):
        raise Invalid({"name": "taken"})
