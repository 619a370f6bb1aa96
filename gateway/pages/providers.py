"""The console's pages about the school's or the trust's own sign-in: for trust IT, and for the DSLs of one school."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask_babel import gettext

from gateway import offers, rpc, session, words
from gateway.forms import Form
from gateway.pages import to_proof
from gateway.session import Here
from safekeep import clock
from safekeep.contracts.identity import KeepProvider, ProviderItem, Providers, ProvidersAnswer, RemoveProvider, TrustSchools, UnlinkPerson
from safekeep.errors import Invalid, NotAllowed, NotFound
from safekeep.permissions import RECORDERS, Role

pages = Blueprint("providers", __name__)

MAPPED: Final = tuple(sorted(RECORDERS | {Role.GOVERNOR}))
"""Roles that a claim may be mapped to."""
EMPTY_ROWS: Final = 3
TYPING_TIME: Final = timedelta(minutes=8)
"""A form that holds a secret is not kept when its second factor has grown old: it is shown only while there is time to fill it in."""


@pages.get("/s/<slug>/sign-in-providers")
@pages.get("/t/<slug>/sign-in-providers")
def providers(slug: str) -> Any:
    """List them, with who signs in with each."""
    here = session.here()
    found = _found(here)
    return render_template("providers/providers.html", found=found, schools=_schools(here), at=address_of(here))


@pages.route("/s/<slug>/sign-in-providers/new", methods=["GET", "POST"])
@pages.route("/t/<slug>/sign-in-providers/new", methods=["GET", "POST"])
def add(slug: str) -> Any:
    """Add one."""
    return _form(session.here(), None)


@pages.route("/s/<slug>/sign-in-providers/<provider_id>", methods=["GET", "POST"])
@pages.route("/t/<slug>/sign-in-providers/<provider_id>", methods=["GET", "POST"])
def change(slug: str, provider_id: str) -> Any:
    """Change one."""
    return _form(session.here(), _own(session.here(), provider_id))


@pages.post("/s/<slug>/sign-in-providers/<provider_id>/remove")
@pages.post("/t/<slug>/sign-in-providers/<provider_id>/remove")
def remove(slug: str, provider_id: str) -> Any:
    """Remove one: everybody who is signed in with it is signed out."""
    here = session.here()
    rpc.ask(rpc.build(RemoveProvider, id=_id(provider_id)), token=here.token)
    offers.forget()
    return redirect(address_of(here), 303)


@pages.post("/s/<slug>/sign-in-providers/<provider_id>/unlink/<person_id>")
@pages.post("/t/<slug>/sign-in-providers/<provider_id>/unlink/<person_id>")
def unlink(slug: str, provider_id: str, person_id: str) -> Any:
    """Forget which of the provider's accounts is a person's."""
    here = session.here()
    rpc.ask(rpc.build(UnlinkPerson, provider_id=_id(provider_id), person_id=_id(person_id)), token=here.token)
    return redirect(address_of(here), 303)


def address_of(here: Here) -> str:
    """Return the list's address: at the trust, or at the school."""
    return f"/{'t' if here.place.is_trust else 's'}/{here.slug}/sign-in-providers"


def is_fresh(here: Here) -> bool:
    """Whether the second factor was used so lately that there is time to fill in a form that holds a secret."""
    used = here.answer.second_factor_at
    return used is not None and clock.now() - used < TYPING_TIME


def _form(here: Here, item: ProviderItem | None) -> Any:
    form = Form.sent(request.form) if request.method == "POST" else _filled(item)
    if request.method == "GET":
        if not is_fresh(here):
            return to_proof()
        return _show(here, form, item)
    try:
        rpc.ask(_wanted(here, form, item), token=here.token, seconds=20.0)
    except Invalid as error:
        for field, code in error.problems.items():
            form.refuse("roles" if field.startswith("roles") else field, code)
        return _show(here, form, item, status=422)
    offers.forget()
    return redirect(address_of(here), 303)


def _show(here: Here, form: Form, item: ProviderItem | None, status: int = 200) -> Any:
    rows = max(len(item.roles) if item else 0, sum(1 for name in form.fields if name.startswith("value_") and form.one(name))) + EMPTY_ROWS
    said: dict[str, Any] = {"schools": _schools(here), "redirect_address": _found(here).redirect_address, "rows": rows, "at": address_of(here)}
    said |= {"mapped_roles": [("", ""), *((role, words.role(role)) for role in MAPPED)]}
    said |= {"offered_schools": [("", gettext("The whole trust")), *((str(id), name) for id, name in _schools(here).items())]}
    return render_template("providers/form.html", form=form, item=item, **said), status


def _wanted(here: Here, form: Form, item: ProviderItem | None) -> KeepProvider:
    numbers = [name.removeprefix("value_") for name in form.fields if name.startswith("value_") and form.one(name).strip()]
    mapping = [{"value": form.one(f"value_{n}"), "role": form.one(f"role_{n}")} for n in numbers]
    return rpc.build(
        KeepProvider,
        id=item.id if item else None,
        school_id=form.one("school_id") or None,
        name=form.one("name"),
        kind=form.one("kind"),
        issuer=form.one("issuer"),
        client_id=form.one("client_id"),
        secret=form.one("secret"),
        accepts_factor=form.has("accepts_factor", "yes"),
        factor_levels=form.one("factor_levels").split(),
        role_claim=form.one("role_claim"),
        roles=mapping,
    )


def _filled(item: ProviderItem | None) -> Form:
    form = Form({})
    if item is None:
        return form
    for name in ("name", "kind", "issuer", "client_id", "role_claim"):
        form.put(name, str(getattr(item, name)))
    form.put("accepts_factor", "yes" if item.accepts_factor else "")
    form.put("factor_levels", " ".join(item.factor_levels))
    for number, each in enumerate(item.roles):
        form.put(f"value_{number}", each.value)
        form.put(f"role_{number}", each.role)
    return form


def _found(here: Here) -> ProvidersAnswer:
    return rpc.ask(Providers(), token=here.token)


def _own(here: Here, provider_id: str) -> ProviderItem:
    wanted = _id(provider_id)
    item = next((each for each in _found(here).items if each.id == wanted), None)
    if item is None:
        raise NotFound("provider")
    if not item.own:
        raise NotAllowed("role")
    return item


def _schools(here: Here) -> dict[UUID, str]:
    """The schools a provider may be of, by id; at a school none: it is of that one."""
    if not here.place.is_trust:
        return {}
    return {school.id: school.name for school in rpc.ask(TrustSchools(), token=here.token).items}


def _id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise NotFound("provider") from None
