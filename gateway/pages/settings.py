"""What a school's DSLs set: whom to find, groups, categories, the sign-in policy."""

import re
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext

from gateway import console, rpc, schools, session, words
from gateway.forms import Form
from gateway.pages import trust_people
from safekeep import permissions
from safekeep.contracts.files import KeepKinds, Kinds
from safekeep.contracts.identity import (
    CategoryItem,
    ContactItem,
    DutyPlace,
    GroupItem,
    KeepCategory,
    KeepGroup,
    KeepSchool,
    KeepTemplate,
    Policy,
    School,
    SchoolAnswer,
    SetPolicy,
    SignInPolicy,
    Staff,
    StaffItem,
    TemplateItem,
)
from safekeep.contracts.incidents import EndStandIn, KeepStandIn, StandIns, YearsAndForms
from safekeep.errors import Invalid, NotFound
from safekeep.ids import new_id

pages = Blueprint("settings", __name__)

NATIONAL_GUIDANCE = {"min_length": 12, "all_kinds": False, "change_days": 0, "remembered": 5, "deny_common": True}
"""What the National Cyber Security Centre advises: length, no forced change, a deny list."""
ASKABLE_ROLES = tuple(code for code in words.ROLES if code not in permissions.FACTOR_ROLES)
_CONTACT = re.compile(r"contacts\.(\d+)\.(\w+)")


@pages.get("/s/<slug>/settings")
def settings(slug: str) -> Any:
    """Everything a DSL looks after, in one list."""
    session.lead()
    waiting = [p for p in _staff() if p.active and p.waiting]
    at_trust = [p for p in trust_people.listed() if p.waiting]
    return render_template("settings/settings.html", waiting=waiting, at_trust=at_trust, said=request.args.get("said", ""))


@pages.route("/s/<slug>/settings/files", methods=["GET", "POST"])
def files(slug: str) -> Any:
    """Which kinds of file the school keeps."""
    here = session.lead()
    console.prove_first()
    kinds = rpc.ask(Kinds(), token=here.token).kinds
    form = Form.sent(request.form) if request.method == "POST" else Form({"kinds": list(kinds)})
    if request.method == "POST":
        if not form.many("kinds"):
            form.refuse("kinds", "choose_one")
        if not form.problems and console.send(form, KeepKinds, kinds=form.many("kinds")):
            return redirect(url_for("settings.settings", slug=slug, said="saved"), 303)
    return render_template("settings/files.html", form=form), console.status(form)


@pages.route("/s/<slug>/settings/school", methods=["GET", "POST"])
def school(slug: str) -> Any:
    """Whom the recording page says to find, when the day ends, whether names are hidden."""
    session.lead()
    console.prove_first()
    found, leads = _school(), [p for p in _staff() if p.active and permissions.is_lead(p.roles)]
    form = Form.sent(request.form) if request.method == "POST" else _form_of_school(found, leads)
    if request.method == "POST":
        wanted = _wanted_school(form, leads)
        if wanted and console.attempt(form, wanted):
            return redirect(url_for("settings.settings", slug=slug, said="saved"), 303)
    return render_template("settings/school.html", form=form, leads=leads), console.status(form)


@pages.route("/s/<slug>/settings/own-child", methods=["GET", "POST"])
def own_child(slug: str) -> Any:
    """Who stands in for the DSLs where a child is the child of every one of them: a grant made beforehand."""
    session.lead()
    console.prove_first()
    here, form = session.here(), Form.sent(request.form)
    if request.method == "POST":
        person, reason = form.as_id("person_id"), form.one("reason")
        if person is None:
            form.refuse("person_id", "choose_one")
        if not reason.strip():
            form.refuse("reason", "missing")
        try:
            kept = None if form.problems else console.attempt(form, rpc.build(KeepStandIn, id=new_id(), person_id=person, reason=reason))
        except Invalid as error:
            kept = None
            console.refuse(form, error)
        if kept is not None:
            return redirect(url_for("settings.own_child", slug=slug, said="saved"), 303)
    staff = {person.person_id: person for person in _staff()}
    found = rpc.ask(StandIns(), token=here.token).items
    held = {item.person_id for item in found} | {here.answer.person_id}
    able = [p for p in staff.values() if p.active and permissions.may_record(p.roles) and not permissions.is_lead(p.roles)]
    choices = [(str(p.person_id), f"{p.name}, {words.roles(p.roles)}") for p in able if p.person_id not in held]
    page = {
        "found": found,
        "staff": staff,
        "choices": sorted(choices, key=lambda c: c[1]),
        "known": schools.known(here),
        "said": request.args.get("said", ""),
    }
    return render_template("settings/own_child.html", form=form, **page), console.status(form)


@pages.post("/s/<slug>/settings/own-child/<uuid:stand_in_id>/end")
def end_own_child(slug: str, stand_in_id: UUID) -> Any:
    """End such a grant."""
    rpc.ask(rpc.build(EndStandIn, stand_in_id=stand_in_id), token=session.here().token)
    return redirect(url_for("settings.own_child", slug=slug, said="ended"), 303)


@pages.get("/s/<slug>/settings/groups")
def groups(slug: str) -> Any:
    """List the groups: those that follow from roles, and the school's own."""
    session.lead()
    names = {person.person_id: person.name for person in _staff()}
    found = [(group, sorted(names.get(m, "") for m in group.members)) for group in _school().groups]
    return render_template("settings/groups.html", groups=found, role_groups=permissions.ROLE_GROUPS)


@pages.route("/s/<slug>/settings/groups/new", methods=["GET", "POST"])
@pages.route("/s/<slug>/settings/groups/<code>", methods=["GET", "POST"])
def group(slug: str, code: str = "") -> Any:
    """Add a group of the school's own, or change one."""
    session.lead()
    console.prove_first()
    found = _school()
    existing = next((g for g in found.groups if g.code == code and code not in permissions.ROLE_GROUPS), None)
    if code and existing is None:
        raise NotFound("group")
    form = Form.sent(request.form) if request.method == "POST" else _form_of_group(existing)
    if request.method == "POST":
        try:
            members = form.as_ids("members")
            own_code = existing.code if existing else _code_of(form.one("name"), [g.code for g in found.groups])
            calls = {name: form.many(name) for name in ("flags", "years", "forms")}
            item = _item(GroupItem, code=own_code, name=form.one("name"), members=members, **calls)
            wanted = rpc.build(KeepGroup, group=item, is_new=existing is None)
            if not form.problems and console.attempt(form, wanted):
                return redirect(url_for("settings.groups", slug=slug), 303)
        except Invalid as error:
            console.refuse(form, error)
    able = [(str(p.person_id), f"{p.name}, {words.roles(p.roles)}") for p in _staff() if p.active and permissions.may_record(p.roles)]
    there = rpc.ask(YearsAndForms(), token=session.here().token)
    chosen = {name: [*getattr(there, name), *(n for n in form.many(name) if n not in getattr(there, name))] for name in ("years", "forms")}
    page = {"people": able, "years": [(n, n) for n in chosen["years"]], "forms": [(n, n) for n in chosen["forms"]]}
    return render_template("settings/group.html", form=form, existing=existing, **page), console.status(form)


@pages.get("/s/<slug>/settings/categories")
def categories(slug: str) -> Any:
    """List the categories with their class and whom they are for."""
    session.lead()
    found = _school()
    names = {g.code: g.name for g in found.groups}
    return render_template("settings/categories.html", categories=found.categories, names=names)


@pages.route("/s/<slug>/settings/categories/new", methods=["GET", "POST"])
@pages.route("/s/<slug>/settings/categories/<code>", methods=["GET", "POST"])
def category(slug: str, code: str = "") -> Any:
    """Add a category, or change one. What is recorded already keeps the class it has."""
    session.lead()
    console.prove_first()
    found = _school()
    existing = next((c for c in found.categories if c.code == code), None)
    if code and existing is None:
        raise NotFound("category")
    form = Form.sent(request.form) if request.method == "POST" else _form_of_category(existing)
    if request.method == "POST":
        if not form.one("class_code"):
            form.refuse("class_code", "missing")
        try:
            own_code = existing.code if existing else _code_of(form.one("name"), [c.code for c in found.categories])
            fields = {"name": form.one("name"), "class_code": form.one("class_code") or "general", "groups": form.many("groups")}
            item = _item(CategoryItem, code=own_code, **fields, leads_only=form.has("leads_only", "yes"))
            if not form.problems and console.attempt(form, rpc.build(KeepCategory, category=item, is_new=existing is None)):
                return redirect(url_for("settings.categories", slug=slug), 303)
        except Invalid as error:
            console.refuse(form, error)
    offered = [(g.code, g.name) for g in found.groups]
    return render_template("settings/category.html", form=form, existing=existing, groups=offered), console.status(form)


@pages.get("/s/<slug>/settings/templates")
def templates(slug: str) -> Any:
    """List what an account may be started from."""
    session.lead()
    found = _school()
    names = {c.code: c.name for c in found.categories}
    return render_template("settings/templates.html", templates=found.templates, names=names)


@pages.route("/s/<slug>/settings/templates/new", methods=["GET", "POST"])
@pages.route("/s/<slug>/settings/templates/<code>", methods=["GET", "POST"])
def template(slug: str, code: str = "") -> Any:
    """Add a template, or change one. What was started from it stays as it is."""
    session.lead()
    found = _school()
    existing = next((t for t in found.templates if t.code == code), None)
    if code and existing is None:
        raise NotFound("template")
    form = Form.sent(request.form) if request.method == "POST" else _form_of_template(existing)
    if request.method == "POST":
        own_code = existing.code if existing else _code_of(form.one("name"), [t.code for t in found.templates])
        fields = {"name": form.one("name"), "text": form.one("text"), "category_code": form.one("category_code") or None}
        try:
            item = _item(TemplateItem, code=own_code, **fields, offered=not form.has("ended", "yes"))
            if not form.problems and console.attempt(form, rpc.build(KeepTemplate, template=item, is_new=existing is None)):
                schools.forget(session.here())
                return redirect(url_for("settings.templates", slug=slug), 303)
        except Invalid as error:
            console.refuse(form, error)
    categories = [("", gettext("None")), *((c.code, c.name) for c in found.categories if not c.leads_only)]
    return render_template("settings/template.html", form=form, existing=existing, categories=categories), console.status(form)


@pages.route("/s/<slug>/settings/sign-in", methods=["GET", "POST"])
def policy(slug: str) -> Any:
    """The sign-in policy; one press sets the national guidance."""
    session.lead()
    console.prove_first()
    found = rpc.ask(SignInPolicy(), token=session.here().token)
    form = Form.sent(request.form) if request.method == "POST" else _form_of_policy(found)
    if request.method == "POST":
        wanted = found.model_copy(update=NATIONAL_GUIDANCE) if request.form.get("do") == "guidance" else _wanted_policy(form)
        if wanted and console.attempt(form, rpc.build(SetPolicy, policy=wanted.model_dump())):
            return redirect(url_for("settings.settings", slug=slug, said="saved"), 303)
    follows = all(getattr(found, name) == value for name, value in NATIONAL_GUIDANCE.items())
    roles = [(code, words.role(code)) for code in ASKABLE_ROLES]
    return render_template("settings/policy.html", form=form, roles=roles, follows=follows), console.status(form)


def _school() -> SchoolAnswer:
    """Return the school as it is now: what was just changed is shown changed."""
    schools.forget(session.here())
    return rpc.ask(School(), token=session.here().token)


def _staff() -> list[StaffItem]:
    return rpc.ask(Staff(), token=session.here().token).items


def _item(contract: Any, **fields: Any) -> dict[str, Any]:
    """Return the fields of a part of a request, checked by themselves so that problems name the fields of the form."""
    values: dict[str, Any] = rpc.build(contract, **fields).model_dump()
    return values


def _code_of(name: str, taken: list[str]) -> str:
    """Return a code for something new, made of its name, that nothing has yet."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")[:40]
    plain = plain if plain[:1].isalpha() else f"x_{plain}".rstrip("_")
    return next(code for code in (plain, *(f"{plain}_{n}" for n in range(2, 1000))) if code not in taken)


def _form_of_school(found: SchoolAnswer, leads: list[StaffItem]) -> Form:
    on_duty = {place.person_id for place in found.leads if place.on_duty}
    fields: dict[str, list[str]] = {"day_ends": [found.day_ends], "hide_names": ["yes"] if found.hide_names else []}
    fields |= {"duty": [str(p.person_id) for p in leads if p.person_id in on_duty], "sender_name": [found.sender_name]}
    places = {p.person_id: (p.room, p.telephone) for p in found.leads}
    for person in leads:
        room, telephone = places.get(person.person_id, ("", ""))
        fields |= {f"room-{person.person_id}": [room], f"telephone-{person.person_id}": [telephone]}
    for contact in found.contacts:
        fields |= {f"{contact.kind}-{name}": [getattr(contact, name)] for name in ("name", "telephone", "note")}
    return Form(fields)


def _wanted_school(form: Form, leads: list[StaffItem]) -> KeepSchool | None:
    duty = []
    for person in leads:
        fields = {name: form.one(f"{name}-{person.person_id}") for name in ("room", "telephone")}
        try:
            duty.append(_item(DutyPlace, person_id=person.person_id, on_duty=form.has("duty", str(person.person_id)), **fields))
        except Invalid as error:
            console.refuse(form, error, fields={name: f"{name}-{person.person_id}" for name in fields})
    contacts = []
    for kind in words.CONTACTS:
        fields = {name: form.one(f"{kind}-{name}") for name in ("name", "telephone", "note")}
        if any(value.strip() for value in fields.values()):
            try:
                contacts.append(_item(ContactItem, kind=kind, **fields))
            except Invalid as error:
                console.refuse(form, error, fields={name: f"{kind}-{name}" for name in fields})
            if not fields["telephone"].strip():
                form.refuse(f"{kind}-telephone", "missing")
    ends = re.fullmatch(r"([01]?\d|2[0-3])[:.]([0-5]\d)(:\d\d)?", form.one("day_ends").strip())
    if ends is None:
        form.refuse("day_ends", "not_a_time")
    if form.problems or ends is None:
        return None
    minute = int(ends[1]) * 60 + int(ends[2])
    try:
        sender = {"sender_name": form.one("sender_name")}
        return rpc.build(KeepSchool, duty=duty, contacts=contacts, day_ends_minute=minute, hide_names=form.has("hide_names", "yes"), **sender)
    except Invalid as error:
        console.refuse(form, error)
        return None


def _form_of_group(existing: GroupItem | None) -> Form:
    if existing is None:
        return Form({})
    calls = {name: list(getattr(existing, name)) for name in ("flags", "years", "forms")}
    return Form({"name": [existing.name], "members": [str(m) for m in existing.members], **calls})


def _form_of_category(existing: CategoryItem | None) -> Form:
    if existing is None:
        return Form({"groups": [permissions.SAFEGUARDING_TEAM]})
    fields = {"name": [existing.name], "class_code": [existing.class_code], "groups": list(existing.groups)}
    return Form(fields | {"leads_only": ["yes"] if existing.leads_only else []})


def _form_of_template(existing: TemplateItem | None) -> Form:
    if existing is None:
        return Form({})
    fields = {"name": [existing.name], "text": [existing.text], "category_code": [existing.category_code or ""]}
    return Form(fields | {"ended": [] if existing.offered else ["yes"]})


_NUMBERS = ("min_length", "change_days", "remembered", "lock_minutes")
_CHOICES = ("all_kinds", "deny_common")


def _form_of_policy(found: Policy) -> Form:
    fields = {name: [str(getattr(found, name))] for name in _NUMBERS}
    return Form(fields | {name: ["yes"] if getattr(found, name) else [] for name in _CHOICES} | {"factor_roles": list(found.factor_roles)})


def _wanted_policy(form: Form) -> Policy | None:
    numbers: dict[str, int] = {}
    for name in _NUMBERS:
        typed = form.one(name).strip()
        if typed.isascii() and typed.isdecimal() and len(typed) < 6:
            numbers[name] = int(typed)
        else:
            form.refuse(name, "not_a_number")
    if form.problems:
        return None
    try:
        return rpc.build(Policy, **numbers, **{name: form.has(name, "yes") for name in _CHOICES}, factor_roles=form.many("factor_roles"))
    except Invalid as error:
        console.refuse(form, error)
        return None
