"""The console's page about programs with credentials of their own: for trust IT (one school at a time), and for DSLs."""

from typing import Any, Final
from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from flask_babel import gettext

from gateway import rpc, session
from gateway.forms import Form
from gateway.pages import to_proof
from gateway.pages.providers import is_fresh
from gateway.session import Here
from safekeep import clock
from safekeep.contracts.identity import AddMachine, Machines, NewMachine, RevokeMachine, TrustSchools
from safekeep.errors import Invalid, NotFound

pages = Blueprint("machines", __name__)

DAYS: Final = ("30", "90", "365")


@pages.route("/s/<slug>/machines", methods=["GET", "POST"])
@pages.route("/t/<slug>/machines", methods=["GET", "POST"])
def machines(slug: str) -> Any:
    """List them, make one, and show its secret this once."""
    here, form = session.here(), Form.sent(request.form)
    if request.method == "GET":
        return _show(here, form)
    try:
        wanted = rpc.build(
            AddMachine,
            school_id=_school(here, form.one("school_id")),
            name=form.one("name"),
            scopes=form.many("scopes"),
            days=int(form.one("days")) if form.one("days") in DAYS else 0,
        )
        made = rpc.ask(wanted, token=here.token)
    except Invalid as error:
        for field, code in error.problems.items():
            form.refuse(field.partition(".")[0], "choose_one" if field == "days" else code)
        return _show(here, form, status=422)
    return _show(here, Form({}), made=made)


@pages.post("/s/<slug>/machines/<machine_id>/revoke")
@pages.post("/t/<slug>/machines/<machine_id>/revoke")
def revoke(slug: str, machine_id: str) -> Any:
    """Make its credentials, and every token made with them, void."""
    here = session.here()
    school_id = _school(here, request.form.get("school_id", ""))
    rpc.ask(rpc.build(RevokeMachine, school_id=school_id, machine_id=_id(machine_id)), token=here.token)
    return redirect(address_of(here) + (f"?school={school_id}" if here.place.is_trust else ""), 303)


def address_of(here: Here) -> str:
    """Return the page's address: at the trust, or at the school."""
    return f"/{'t' if here.place.is_trust else 's'}/{here.slug}/machines"


def _show(here: Here, form: Form, *, made: NewMachine | None = None, status: int = 200) -> Any:
    if made is None and request.method == "GET" and not is_fresh(here):
        return to_proof()
    schools = rpc.ask(TrustSchools(), token=here.token).items if here.place.is_trust else []
    chosen = _school(here, form.one("school_id") or request.form.get("school_id", "") or request.args.get("school", "") or _first(schools))
    items = rpc.ask(Machines(school_id=chosen), token=here.token).items if chosen or not here.place.is_trust else []
    said: dict[str, Any] = {"schools": [(str(each.id), each.name) for each in schools], "chosen": str(chosen or "")}
    scopes = [
        ("pupils.import", gettext("Import pupils (from the school’s office system)")),
        ("counts.read", gettext("Read counts (business intelligence): numbers only")),
    ]
    days = [("30", gettext("30 days")), ("90", gettext("90 days")), ("365", gettext("A year"))]
    said |= {"items": items, "made": made, "scopes": scopes, "days": days, "names": dict(scopes), "now": clock.now(), "at": address_of(here)}
    return render_template("machines/machines.html", form=form, **said), status


def _first(schools: list[Any]) -> str:
    return str(schools[0].id) if schools else ""


def _school(here: Here, value: str) -> UUID | None:
    """The school that is meant: at a school that one, which its token says; at the trust the one that was chosen."""
    return _id(value) if here.place.is_trust and value else None


def _id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise NotFound("machine") from None
