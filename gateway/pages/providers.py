"""The console's pages about the school's or the trust's own sign-in: for trust IT, and for the DSLs of one school."""

from typing import Any, Final
from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask_babel import gettext

from gateway import console, offers, rpc, session, words
from gateway.forms import Form
from gateway.session import Here
from safekeep.contracts.identity import KeepProvider, ProviderItem, Providers, ProvidersAnswer, RemoveProvider, TrustSchools, UnlinkPerson
from safekeep.errors import Invalid, NotAllowed, NotFound
from safekeep.permissions import TRUST_ROLES

pages = Blueprint("providers", __name__)

EMPTY_ROWS: Final = 3
"""For roles by claim, below those there are."""


@pages.get("/s/<slug>/sign-in-providers")
@pages.get("/t/<slug>/sign-in-providers")
def providers(slug: str) -> Any:
    """List them, with who signs in with each."""
    here = session.here()
    return render_template("providers/providers.html", found=_found(here), schools=_schools(here), at=_address(here), said=request.args.get("said"))


@pages.route("/s/<slug>/sign-in-providers/new", methods=["GET", "POST"])
@pages.route("/t/<slug>/sign-in-providers/new", methods=["GET", "POST"])
def add(slug: str) -> Any:
    """Add one."""
    return _form(session.here(), None)


@pages.route("/s/<slug>/sign-in-providers/<uuid:provider_id>", methods=["GET", "POST"])
@pages.route("/t/<slug>/sign-in-providers/<uuid:provider_id>", methods=["GET", "POST"])
def change(slug: str, provider_id: UUID) -> Any:
    """Change one."""
    item = next((each for each in _found(session.here()).items if each.id == provider_id), None)
    if item is None:
        raise NotFound("provider")
    if not item.own:
        raise NotAllowed("role")
    return _form(session.here(), item)


@pages.post("/s/<slug>/sign-in-providers/<uuid:provider_id>/remove")
@pages.post("/t/<slug>/sign-in-providers/<uuid:provider_id>/remove")
def remove(slug: str, provider_id: UUID) -> Any:
    """Remove one: everybody who came by it is signed out."""
    rpc.ask(RemoveProvider(id=provider_id), token=session.here().token)
    offers.forget()
    return redirect(_address(session.here()) + "?said=removed", 303)


@pages.post("/s/<slug>/sign-in-providers/<uuid:provider_id>/unlink/<uuid:person_id>")
@pages.post("/t/<slug>/sign-in-providers/<uuid:provider_id>/unlink/<uuid:person_id>")
def unlink(slug: str, provider_id: UUID, person_id: UUID) -> Any:
    """Forget which of the provider's accounts is a person's."""
    rpc.ask(UnlinkPerson(provider_id=provider_id, person_id=person_id), token=session.here().token)
    return redirect(_address(session.here()) + "?said=unlinked", 303)


def _address(here: Here) -> str:
    """Return the list's address: at the trust, or at the school (both have the same name)."""
    return f"/{'t' if here.place.is_trust else 's'}/{here.slug}/sign-in-providers"


def _form(here: Here, item: ProviderItem | None) -> Any:
    console.prove_first()
    form = Form.sent(request.form) if request.method == "POST" else _filled(item)
    if request.method == "POST" and _is_filled_in(form):
        try:
            kept = console.attempt(form, _wanted(form, item), seconds=20.0)
        except Invalid as error:
            kept = None
            console.refuse(form, error)
        if kept:
            offers.forget()
            return redirect(_address(here) + "?said=saved", 303)
    typed = sum(1 for name in form.fields if name.startswith("value_") and form.one(name))
    schools = [("", gettext("The whole trust")), *((str(id), name) for id, name in _schools(here).items())]
    roles = [("", ""), *((code, str(name)) for code, name in words.ROLES.items() if code not in TRUST_ROLES)]
    said = {"schools": schools, "roles": roles, "rows": typed + EMPTY_ROWS, "at": _address(here), "redirect_address": _found(here).redirect_address}
    return render_template("providers/form.html", form=form, item=item, **said), console.status(form)


def _is_filled_in(form: Form) -> bool:
    """Whether each value that was typed has its role."""
    if any(form.one(name).strip() and not form.one(name.replace("value_", "role_")) for name in form.fields if name.startswith("value_")):
        form.refuse("roles", "choose_one")
    return not form.problems


def _wanted(form: Form, item: ProviderItem | None) -> KeepProvider:
    numbers = [name.removeprefix("value_") for name in form.fields if name.startswith("value_") and form.one(name).strip()]
    return rpc.build(
        KeepProvider,
        id=item.id if item else None,
        school_id=form.one("school_id") or None,
        **{name: form.one(name) for name in ("name", "kind", "issuer", "client_id", "secret", "role_claim")},
        accepts_factor=form.has("accepts_factor", "yes"),
        factor_levels=form.one("factor_levels").split(),
        roles=[{"value": form.one(f"value_{n}"), "role": form.one(f"role_{n}")} for n in numbers],
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


def _schools(here: Here) -> dict[UUID, str]:
    """The schools a provider may be of, by id; at a school none: it is of that one."""
    if not here.place.is_trust:
        return {}
    return {school.id: school.name for school in rpc.ask(TrustSchools(), token=here.token).items}
