"""The audit log: who signed in, which keys, roles, grants and exports; filtered, and taken away as a list."""

from datetime import datetime, time, timedelta
from typing import Any

from flask import Blueprint, render_template, request, url_for

from gateway import console, rpc, schools, session, sheets, words
from gateway.forms import Form
from safekeep import spreadsheet
from safekeep.contracts.identity import Audit, AuditAnswer, AuditItem, ExportAudit
from safekeep.errors import Invalid

pages = Blueprint("audit", __name__)

MOST_EXPORTED = 100_000
PAGE = 100


@pages.get("/s/<slug>/audit")
def audit(slug: str) -> Any:
    """Show the log, newest first. Filters stand in the address: ids and codes, no names."""
    here = session.here()
    known, form = schools.known(here), Form({name: request.args.getlist(name) for name in request.args})
    which = _which(form, known)
    try:
        found = rpc.ask(rpc.build(Audit, **which, cursor=form.one("cursor") or None, limit=PAGE), token=here.token)
    except Invalid as error:
        console.refuse(form, error)
        found = AuditAnswer(items=[])
    people = sorted((p.name, str(p.person_id)) for p in known.staff.values())
    filters = {name: form.one(name) for name in ("kind", "person", "since", "until") if form.one(name)}
    lines = [_said(item, known) for item in found.items]
    return render_template("audit/audit.html", form=form, known=known, lines=lines, next=found.next, people=people, filters=filters), (
        422 if form.problems else 200
    )


@pages.post("/s/<slug>/audit/export")
def export(slug: str) -> Any:
    """The same as a list for a spreadsheet. It asks for the second factor again, and is itself a line of the log."""
    here = session.here()
    known, form = schools.known(here), Form.sent(request.form)
    which = _which(form, known)
    if form.problems:
        raise Invalid(form.problems)
    items: list[AuditItem] = []
    cursor: str | None = None
    while len(items) < MOST_EXPORTED:
        answer = rpc.ask(rpc.build(ExportAudit, **which, cursor=cursor), token=here.token, seconds=10.0)
        items += answer.items
        cursor = answer.next
        if cursor is None:
            break
    headings = [str(words.AUDIT_HEADINGS[name]) for name in ("at", "what", "whose", "by", "more")]
    rows = [[item.at.isoformat(), *_said(item, known)[1:4], _more(item, known, slug=slug)] for item in items]
    return sheets.download(spreadsheet.write(headings, rows), "audit-log.csv")


def _which(form: Form, known: schools.Known) -> dict[str, Any]:
    """Return the filters as the service takes them: whole days in the school's zone."""
    session.lead()
    since, until = form.as_day("since"), form.as_day("until")
    kind = form.one("kind") if form.one("kind") in words.AUDIT else ""
    return {
        "kind": kind,
        "person_id": form.as_id("person"),
        "since": datetime.combine(since, time(), tzinfo=known.zone) if since else None,
        "until": datetime.combine(until + timedelta(days=1), time(), tzinfo=known.zone) if until else None,
    }


def _said(item: AuditItem, known: schools.Known) -> tuple[AuditItem, str, str, str, str]:
    """Return a line in words: what, whose account, by whom, and what more is known."""
    whose = known.name(item.person_id) or str(words.SOMEBODY_ELSE) if item.person_id else ""
    by = known.name(item.by) or str(words.SOMEBODY_ELSE) if item.by else ""
    return (
        item,
        str(words.AUDIT.get(item.kind, item.kind)),
        whose,
        by,
        "; ".join(_fact(name, value, known) for name, value in item.facts.items() if value),
    )


def _more(item: AuditItem, known: schools.Known, *, slug: str) -> str:
    """Return what more is known, for the list; the pupil by the address of their page, which opens to whoever may read it. No name."""
    page = url_for("pupils.pupil", slug=slug, pupil_id=item.facts["pupil"], _external=True) if "pupil" in item.facts else ""
    return "; ".join(part for part in (_said(item, known)[4], page) if part)


def _fact(name: str, value: str, known: schools.Known) -> str:
    """Return a fact in words; "" for one that is an id, or that says no more than the line does."""
    if name in ("roles", "waiting"):
        said = words.roles(value.split())
        return said if name == "roles" else words.waits(said)
    said_by: dict[str, Any] = {"category": known.category, "group": known.group, "class": words.CLASSES.get}
    return str(said_by.get(name, words.AUDIT_FACTS.get)(value) or "")
