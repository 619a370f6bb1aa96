"""Who is away, by dates; and whom to find in person now."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import console, rpc, schools, session, words
from gateway.forms import Form
from safekeep import permissions
from safekeep.contracts.identity import Absences, EndAbsence, KeepAbsence
from safekeep.errors import NotAllowed
from safekeep.ids import new_id

pages = Blueprint("away", __name__)


@pages.get("/s/<slug>/duty")
def duty(slug: str) -> Any:
    """Whom to find in person now, with room and telephone; who of the DSLs is away."""
    here = session.here()
    schools.forget(here)
    return render_template("away/duty.html", known=schools.known(here))


@pages.route("/s/<slug>/away", methods=["GET", "POST"])
def away(slug: str) -> Any:
    """Mark oneself away (a DSL anybody), and take it back. It adds who is told; it takes nobody off."""
    here = session.here()
    if not here.may_call("identity.keep_absence"):
        raise NotAllowed("role")
    form = Form.sent(request.form) if request.method == "POST" else Form({"who_id": [str(here.answer.person_id)]})
    if request.method == "POST" and _keep(form):
        schools.forget(here)
        return redirect(url_for("away.away", slug=slug, said="kept"), 303)
    known = schools.known(here)
    able = sorted((p for p in known.staff.values() if p.active and permissions.may_record(p.roles)), key=lambda p: p.name)
    people = [(str(p.person_id), f"{p.name}, {words.roles(p.roles)}") for p in able]
    page = {"items": rpc.ask(Absences(), token=here.token).items, "people": people, "said": request.args.get("said", "")}
    return render_template("away/away.html", form=form, known=known, **page), console.status(form)


@pages.post("/s/<slug>/away/<uuid:absence_id>/end")
def end(slug: str, absence_id: UUID) -> Any:
    """Take an absence back."""
    here = session.here()
    rpc.ask(rpc.build(EndAbsence, absence=absence_id), token=here.token)
    schools.forget(here)
    return redirect(url_for("away.away", slug=slug, said="ended"), 303)


def _keep(form: Form) -> bool:
    here = session.here()
    days: dict[str, Any] = {name: form.as_day(name) for name in ("since", "until")}
    for name, day in days.items():
        if day is None:
            form.refuse(name, "missing")
    who, cover = form.as_id("who_id") if here.is_lead else None, form.as_id("cover_id")
    if form.problems:
        return False
    return console.send(form, KeepAbsence, id=new_id(), who_id=who, cover_id=cover, **days) is not None
