"""The trust's people: its IT and safeguarding lead. Looked after by trust IT; a DSL of its schools sees them, confirms, and gives passes."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import console, rpc, session, words
from gateway.forms import Form
from safekeep import permissions
from safekeep.contracts.identity import (
    CloseTrustPerson,
    ConfirmTrustRole,
    DisableFactors,
    GivePass,
    KeepTrustPerson,
    SendLink,
    TrustPeople,
    TrustPerson,
)
from safekeep.errors import Invalid, NotAllowed, NotFound

pages = Blueprint("trust_people", __name__)

ROLE_CHOICES = tuple(code for code in words.ROLES if code in permissions.TRUST_ROLES)


@pages.get("/t/<slug>/people")
def people(slug: str) -> Any:
    """List who has a role at the trust."""
    return render_template("trust_people/people.html", people=listed(), said=request.args.get("said", ""))


@pages.get("/s/<slug>/trust-people")
def people_seen(slug: str) -> Any:
    """List them to a DSL of one of its schools."""
    return people(slug)


@pages.route("/t/<slug>/people/new", methods=["GET", "POST"])
def add(slug: str) -> Any:
    """Add somebody; they are sent a link to set their password."""
    _it_only()
    console.prove_first()
    form = Form.sent(request.form)
    if request.method == "POST":
        for field in ("name", "email"):
            if not form.one(field).strip():
                form.refuse(field, "missing")
        kept = _keep(form, name=form.one("name"), email=form.one("email"))
        if kept:
            return redirect(url_for("trust_people.person", slug=slug, trust_person_id=kept.person_id, said=kept.outcome), 303)
    return render_template("trust_people/add.html", form=form, roles=_role_choices()), console.status(form)


@pages.route("/t/<slug>/people/<uuid:trust_person_id>", methods=["GET", "POST"])
def person(slug: str, trust_person_id: UUID) -> Any:
    """Show one person, and change their roles."""
    _it_only()
    console.prove_first()
    found = _person(trust_person_id)
    form = Form.sent(request.form) if request.method == "POST" else Form({"roles": [*found.roles, *found.waiting]})
    if request.method == "POST" and _keep(form, name=found.name, email=found.email):
        return redirect(url_for("trust_people.person", slug=slug, trust_person_id=trust_person_id, said="changed"), 303)
    return _show(found, form)


@pages.get("/s/<slug>/trust-people/<uuid:trust_person_id>")
def seen(slug: str, trust_person_id: UUID) -> Any:
    """Show one person to a DSL: a role that waits, a pass in place of a lost key."""
    console.prove_first()
    return _show(_person(trust_person_id), Form({}))


@pages.route("/t/<slug>/people/<uuid:trust_person_id>/close", methods=["GET", "POST"])
def close(slug: str, trust_person_id: UUID) -> Any:
    """Somebody leaves the trust."""
    _it_only()
    console.prove_first()
    found, form = _person(trust_person_id), Form.sent(request.form)
    if request.method == "POST" and console.attempt(form, rpc.build(CloseTrustPerson, person_id=trust_person_id)):
        return redirect(url_for("trust_people.people", slug=slug, said="closed"), 303)
    return render_template("trust_people/close.html", person=found, form=form), console.status(form)


@pages.post("/t/<slug>/people/<uuid:trust_person_id>/link")
def send_link(slug: str, trust_person_id: UUID) -> Any:
    """Send the link to set a password again."""
    rpc.ask(rpc.build(SendLink, person_id=trust_person_id), token=session.here().token)
    return redirect(url_for("trust_people.person", slug=slug, trust_person_id=trust_person_id, said="link"), 303)


@pages.post("/t/<slug>/people/<uuid:trust_person_id>/keys/<uuid:factor_id>/disable")
def disable_key(slug: str, trust_person_id: UUID, factor_id: UUID) -> Any:
    """Disable a lost key, and every session made with it."""
    rpc.ask(rpc.build(DisableFactors, person_id=trust_person_id, factor_id=factor_id), token=session.here().token)
    return redirect(url_for("trust_people.person", slug=slug, trust_person_id=trust_person_id, said="disabled"), 303)


@pages.post("/s/<slug>/trust-people/<uuid:trust_person_id>/pass")
def give_pass(slug: str, trust_person_id: UUID) -> Any:
    """A DSL gives somebody of the trust a pass in place of a lost key; it is shown this once."""
    found, form = _person(trust_person_id), Form.sent(request.form)
    if not form.one("how"):
        form.refuse("how", "missing")
        return _show(found, form)
    try:
        answer = console.attempt(form, rpc.build(GivePass, person_id=trust_person_id, how=form.one("how")))
    except Invalid:
        form.refuse("how", "missing")
        answer = None
    if answer is None:
        return _show(found, form)
    back = url_for("trust_people.seen", slug=slug, trust_person_id=trust_person_id)
    return render_template("staff/pass.html", person=found, code=answer.code, back=back)


@pages.post("/s/<slug>/trust-people/<uuid:trust_person_id>/role")
def confirm_role(slug: str, trust_person_id: UUID) -> Any:
    """A DSL confirms, or declines, a role at the trust that waits."""
    accept = request.form.get("do") == "accept"
    wanted = rpc.build(ConfirmTrustRole, person_id=trust_person_id, accept=accept, factor_ids=request.form.getlist("keys"))
    rpc.ask(wanted, token=session.here().token)
    return redirect(url_for("trust_people.people_seen", slug=slug, said="confirmed" if accept else "declined"), 303)


def _it_only() -> None:
    if not session.here().may_call("identity.keep_trust_person"):
        raise NotAllowed("role")


def listed() -> list[TrustPerson]:
    """Return the trust's people."""
    return rpc.ask(TrustPeople(), token=session.here().token).items


def _person(person_id: UUID) -> TrustPerson:
    found = next((p for p in listed() if p.person_id == person_id), None)
    if found is None:
        raise NotFound("person")
    return found


def _keep(form: Form, *, name: str, email: str) -> Any:
    if form.problems:
        return None
    try:
        return console.attempt(form, rpc.build(KeepTrustPerson, name=name, email=email, roles=form.many("roles")))
    except Invalid as error:
        console.refuse(form, error)
        return None


def _show(found: TrustPerson, form: Form) -> Any:
    is_self = found.person_id == session.here().answer.person_id
    said = request.args.get("said", "")
    to_show = [f for f in found.factors if not f.met and permissions.KNOWN_IN_PERSON.isdisjoint(found.roles)]
    page = render_template("trust_people/person.html", person=found, form=form, roles=_role_choices(), is_self=is_self, said=said, to_show=to_show)
    return page, console.status(form)


def _role_choices() -> list[tuple[str, str]]:
    return [(code, words.role(code)) for code in ROLE_CHOICES]
