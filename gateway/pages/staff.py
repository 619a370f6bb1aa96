"""The staff of a school: listed, one person, added by form or list, lost keys, leavers. For its DSLs, and (under /t/) the trust's IT."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import console, rpc, session, sheets, words
from gateway.console import Site
from gateway.forms import Form
from safekeep import permissions, spreadsheet
from safekeep.contracts.identity import (
    AddStaff,
    AddStaffAnswer,
    ChangeMember,
    CloseMember,
    ConfirmRole,
    DisableFactors,
    GivePass,
    LineFate,
    MemberItem,
    Members,
    MembersAnswer,
    NewStaff,
    School,
    SendLink,
)
from safekeep.errors import Invalid, NotFound

pages = Blueprint("staff", __name__)

ROLE_CHOICES = tuple(code for code in words.ROLES if code not in permissions.TRUST_ROLES)
MOST_LINES = 500
COLUMNS = {
    "name": ("full name", "staff name"),
    "email": ("e-mail", "email address", "e-mail address", "work email"),
    "roles": ("role",),
    "job": ("job title", "post"),
    "room": (),
    "telephone": ("phone", "extension"),
}


@pages.get("/s/<slug>/staff")
@pages.get("/t/<slug>/schools/<school>/staff")
def staff(slug: str, school: str | None = None) -> Any:
    """List the staff, those whose role waits first, leavers last."""
    site, found = _members(school)
    waiting = [person for person in found.items if person.active and person.waiting]
    return render_template("staff/staff.html", site=site, found=found, waiting=waiting, said=request.args.get("said", ""))


@pages.route("/s/<slug>/staff/new", methods=["GET", "POST"])
@pages.route("/t/<slug>/schools/<school>/staff/new", methods=["GET", "POST"])
def add(slug: str, school: str | None = None) -> Any:
    """Add one person; they are sent a link to set their password."""
    console.prove_first()
    site, form = console.site(school), Form.sent(request.form)
    if request.method == "POST":
        wanted = _one(form, site)
        answer = console.attempt(form, wanted) if wanted else None
        fate = answer.items[0] if answer else None
        if answer and fate and fate.outcome != "refused":
            return _after(slug, site, answer, name=form.one("name"), said=fate.outcome)
        for field, code in (fate.problems if fate else {}).items():
            form.refuse(field, code)
    return render_template("staff/add.html", site=site, form=form, roles=_role_choices()), console.status(form)


@pages.route("/s/<slug>/staff/import", methods=["GET", "POST"])
@pages.route("/t/<slug>/schools/<school>/staff/import", methods=["GET", "POST"])
def import_(slug: str, school: str | None = None) -> Any:
    """Add many from a list: first every line's fate, then the doing. The list stays on the page throughout."""
    console.prove_first()
    site, form = console.site(school), Form.sent(request.form)
    rows: list[sheets.Row] = []
    done, answer = False, None
    if request.method == "POST":
        rows = sheets.read(sheets.sent(form, request.files.get("file")), columns=COLUMNS) if not form.problems else []
        if len(rows) > MOST_LINES:
            form.refuse("list", "list_too_long")
        elif not rows:
            form.refuse("list", "list_missing")
        if not form.problems:
            really = request.form.get("do") == "add"
            answer = _carry_out(form, site, rows, really=really)
            done = really and answer is not None
    return render_template("staff/import.html", site=site, form=form, rows=rows, answer=answer, done=done), console.status(form)


@pages.get("/s/<slug>/staff/list.csv")
@pages.get("/t/<slug>/schools/<school>/staff/list.csv")
def example(slug: str, school: str | None = None) -> Any:
    """An empty list with the headings an import knows, and one made-up line."""
    data = spreadsheet.write(list(COLUMNS), [["Alex Example", "alex@school.example", "teacher", "Year 5 teacher", "12", "01632 960000"]])
    return sheets.download(data, "staff.csv")


@pages.route("/s/<slug>/staff/<uuid:person_id>", methods=["GET", "POST"])
@pages.route("/t/<slug>/schools/<school>/staff/<uuid:person_id>", methods=["GET", "POST"])
def person(slug: str, person_id: UUID, school: str | None = None) -> Any:
    """Show one person, and change their roles and place."""
    console.prove_first()
    site, found = _member(school, person_id)
    form = Form.sent(request.form) if request.method == "POST" else _form_of(found)
    if request.method == "POST":
        fields = {name: form.one(name) for name in ("job", "room", "telephone")}
        try:
            wanted = rpc.build(
                ChangeMember,
                school_id=site.id,
                person_id=person_id,
                roles=form.many("roles"),
                on_duty=form.has("on_duty", "yes"),
                factor_ids=form.many("keys"),
                **fields,
            )
            answer = console.attempt(form, wanted)
            if answer:
                return _after(slug, site, answer, name=found.name, said="changed")
        except Invalid as error:
            console.refuse(form, error)
    return _show_person(site, found, form)


@pages.route("/s/<slug>/staff/<uuid:person_id>/close", methods=["GET", "POST"])
@pages.route("/t/<slug>/schools/<school>/staff/<uuid:person_id>/close", methods=["GET", "POST"])
def close(slug: str, person_id: UUID, school: str | None = None) -> Any:
    """Somebody leaves: say what closing their account does, then do it in one action."""
    console.prove_first()
    site, found = _member(school, person_id)
    form = Form.sent(request.form)
    if request.method == "POST" and console.attempt(form, rpc.build(CloseMember, school_id=site.id, person_id=person_id)):
        return redirect(url_for("staff.staff", slug=slug, school=school, said="closed"), 303)
    return render_template("staff/close.html", site=site, person=found, form=form, groups=_groups(site, person_id)), console.status(form)


@pages.post("/s/<slug>/staff/<uuid:person_id>/link")
@pages.post("/t/<slug>/schools/<school>/staff/<uuid:person_id>/link")
def send_link(slug: str, person_id: UUID, school: str | None = None) -> Any:
    """Send the link to set a password again."""
    site = console.site(school)
    rpc.ask(rpc.build(SendLink, school_id=site.id, person_id=person_id), token=session.here().token)
    return redirect(url_for("staff.person", slug=slug, school=school, person_id=person_id, said="link"), 303)


@pages.post("/s/<slug>/staff/<uuid:person_id>/keys/<uuid:factor_id>/disable")
@pages.post("/t/<slug>/schools/<school>/staff/<uuid:person_id>/keys/<uuid:factor_id>/disable")
def disable_key(slug: str, person_id: UUID, factor_id: UUID, school: str | None = None) -> Any:
    """The help desk: disable a lost key, and every session made with it."""
    site = console.site(school)
    rpc.ask(rpc.build(DisableFactors, school_id=site.id, person_id=person_id, factor_id=factor_id), token=session.here().token)
    return redirect(url_for("staff.person", slug=slug, school=school, person_id=person_id, said="disabled"), 303)


@pages.post("/s/<slug>/staff/<uuid:person_id>/pass")
def give_pass(slug: str, person_id: UUID) -> Any:
    """A DSL gives somebody a pass in place of a lost key; it is shown this once."""
    site, found = _member(None, person_id)
    form = Form.sent(request.form)
    form.fields = _form_of(found).fields | form.fields
    if not form.one("how"):
        form.refuse("how", "missing")
        return _show_person(site, found, form)
    try:
        answer = console.attempt(form, rpc.build(GivePass, person_id=person_id, how=form.one("how")))
    except Invalid:
        form.refuse("how", "missing")
        answer = None
    if answer is None:
        return _show_person(site, found, form)
    back = url_for("staff.person", slug=slug, person_id=person_id)
    return render_template("staff/pass.html", person=found, code=answer.code, back=back)


@pages.post("/s/<slug>/staff/<uuid:person_id>/role")
def confirm_role(slug: str, person_id: UUID) -> Any:
    """A DSL confirms, or declines, a role that waits."""
    accept = request.form.get("do") == "accept"
    rpc.ask(rpc.build(ConfirmRole, person_id=person_id, accept=accept, factor_ids=request.form.getlist("keys")), token=session.here().token)
    return redirect(url_for("staff.person", slug=slug, person_id=person_id, said="confirmed" if accept else "declined"), 303)


def _members(school: str | None) -> tuple[Site, MembersAnswer]:
    site = console.site(school)
    return site, rpc.ask(rpc.build(Members, school_id=site.id), token=session.here().token, seconds=10.0)


def _member(school: str | None, person_id: UUID) -> tuple[Site, MemberItem]:
    site = console.site(school)
    found = rpc.ask(rpc.build(Members, school_id=site.id, person_id=person_id), token=session.here().token).items
    if not found:
        raise NotFound("person")
    return site, found[0]


def _show_person(site: Site, found: MemberItem, form: Form) -> Any:
    is_self = found.person_id == session.here().answer.person_id
    said = request.args.get("said", "")
    is_first = not found.factors and not permissions.KNOWN_IN_PERSON.isdisjoint([*found.roles, *found.waiting])
    has_none = permissions.KNOWN_IN_PERSON.isdisjoint(found.roles)  # no role yet for which somebody has looked at their keys
    to_show = [f for f in found.factors if has_none and not f.met]
    more = {"roles": _role_choices(), "is_self": is_self, "said": said, "is_first": is_first, "to_show": to_show}
    page = render_template("staff/person.html", site=site, person=found, form=form, **more)
    return page, console.status(form)


def _role_choices() -> list[tuple[str, str]]:
    return [(code, words.role(code)) for code in ROLE_CHOICES]


def _form_of(found: MemberItem) -> Form:
    fields = {"roles": [*found.roles, *found.waiting], "job": [found.job], "room": [found.room], "telephone": [found.telephone]}
    return Form(fields | {"on_duty": ["yes"] if found.on_duty else []})


def _one(form: Form, site: Site) -> AddStaff | None:
    for field in ("name", "email"):
        if not form.one(field).strip():
            form.refuse(field, "missing")
    try:
        fields = {name: form.one(name) for name in ("name", "email", "job", "room", "telephone")}
        line = rpc.build(NewStaff, **fields, roles=form.many("roles"))
        return rpc.build(AddStaff, school_id=site.id, people=[line]) if not form.problems else None
    except Invalid as error:
        console.refuse(form, error)
        return None


def _after(slug: str, site: Site, answer: AddStaffAnswer, *, name: str, said: str) -> Any:
    """Go on after a change; where a school's first DSL waits for the head's code, show it, this once."""
    if answer.head_code:
        return render_template("staff/head_code.html", site=site, name=name, code=answer.head_code)
    person_id = answer.items[0].person_id
    return redirect(url_for("staff.person", slug=slug, school=site.school, person_id=person_id, said=said), 303)


def _carry_out(form: Form, site: Site, rows: list[sheets.Row], *, really: bool) -> AddStaffAnswer | None:
    """Try the lines, or add them. What cannot even be read as a person is refused here, the rest by identity; each stays in its place."""
    good: list[tuple[sheets.Row, NewStaff]] = []
    fates: dict[int, LineFate] = {}
    for row in rows:
        problems, roles = dict(row.problems), _roles(row)
        for field in ("name", "email"):
            if not row.cells.get(field):
                problems.setdefault(field, "missing")
        if row.cells.get("roles") and None in roles:
            problems["roles"] = "unknown_role"
        try:
            fields = {name: row.cells.get(name, "") for name in COLUMNS if name != "roles"}
            line = rpc.build(NewStaff, **fields, roles=[role for role in roles if role])
        except Invalid as error:
            problems = error.problems | problems
        if problems:
            fates[row.line] = LineFate(line=row.line, outcome="refused", problems=problems)
        else:
            good.append((row, line))
    wanted = rpc.build(AddStaff, school_id=site.id, people=[line for _, line in good], dry_run=not really)
    answer = console.attempt(form, wanted, seconds=60.0)
    if answer is None:
        return None
    for (row, _), fate in zip(good, answer.items, strict=True):
        fates[row.line] = fate.model_copy(update={"line": row.line})
    return answer.model_copy(update={"items": [fates[row.line] for row in rows]})


_ROLE_OF = {"deputy": "deputy_dsl", **{code.replace("_", " "): code for code in ROLE_CHOICES}}


def _roles(row: sheets.Row) -> list[str | None]:
    """Return the codes of a line's roles, however they are written; None for one that is not known."""
    known = _ROLE_OF | {str(words.ROLES[code]).casefold(): code for code in ROLE_CHOICES}
    cell = row.cells.get("roles", "").casefold().replace(";", "/").replace("+", "/").replace(",", "/").replace(" and ", "/")
    return [known.get(part.strip().replace("_", " ")) for part in cell.split("/") if part.strip()]


def _groups(site: Site, person_id: UUID) -> list[str]:
    """Return the school's own groups that a leaver is in, for those whose token opens the school."""
    if site.school is not None:
        return []
    found = rpc.ask(School(), token=session.here().token)
    return [group.name for group in found.groups if person_id in group.members and group.code not in permissions.ROLE_GROUPS]
