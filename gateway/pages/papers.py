"""Paper concern forms: blank ones to print, those handed in and not scanned yet, and the way to scan one."""

import io
from typing import Any
from uuid import UUID

import segno
from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _

from gateway import body, languages, rpc, schools, session
from gateway.forms import Form
from gateway.session import Here
from safekeep import printing
from safekeep.body import picture
from safekeep.body.marks import BodyMap
from safekeep.contracts.files import AddPaper, DropPaper, Papers
from safekeep.errors import Invalid
from safekeep.ids import new_id

pages = Blueprint("papers", __name__)


@pages.get("/s/<slug>/paper")
def papers(slug: str) -> Any:
    """List what was handed in and is not scanned, the longest waiting first."""
    return _show(Form({}), here=session.lead())


@pages.post("/s/<slug>/paper")
def add(slug: str) -> Any:
    """Add a form to the list in one line."""
    here = session.lead()
    typed = Form.sent(request.form)
    paper_id = typed.as_id("paper_id") or new_id()
    typed.refuse_broken("line")
    if "line" in typed.problems:
        return _show(typed, here=here, status=422)
    try:
        rpc.ask(rpc.build(AddPaper, paper_id=paper_id, line=typed.one("line")), token=here.token)
    except Invalid as error:
        typed.refuse("line", next(iter(error.problems.values())))
        return _show(typed, here=here, status=422)
    return redirect(url_for("papers.papers", slug=slug), 303)


@pages.post("/s/<slug>/paper/<uuid:paper_id>/drop")
def drop(slug: str, paper_id: UUID) -> Any:
    """Take a form off the list that will not be scanned."""
    rpc.ask(rpc.build(DropPaper, paper_id=paper_id), token=session.lead().token)
    return redirect(url_for("papers.papers", slug=slug), 303)


@pages.get("/s/<slug>/paper/scan")
def scan(slug: str) -> Any:
    """Begin to scan a form that is not on the list."""
    session.lead()
    return redirect(url_for("recording.form", slug=slug, incident_id=new_id(), paper=1), 303)


@pages.get("/s/<slug>/paper/blank.pdf")
def blank(slug: str) -> Any:
    """A blank form to print, in the language of the page; its QR code leads to this school's list."""
    here = session.recorder()
    address = f"{current_app.config['PUBLIC_URL']}/s/{slug}/paper"
    data = printing.pdf(_words(here.place.name, address=address), template="paper_form")
    response = Response(data, mimetype="application/pdf")
    response.headers["Content-Disposition"] = 'attachment; filename="concern-form.pdf"'
    return response


def _words(school: str, *, address: str) -> dict[str, Any]:
    """Return all that stands on the form."""
    drawings = body.drawings()
    figures = [
        {
            "name": drawings[d],
            "svg": picture.printed(BodyMap(), drawing=d, names={}),
            "alt": _("An outline of a child to mark on: %(drawing)s", drawing=drawings[d]),
        }
        for d in ("front", "back", "left", "right")
    ]
    return {
        "title": _("Concern about a child"),
        "description": _("A blank form of %(school)s", school=school),
        "school": school,
        "lang": languages.tag().partition("-")[0],
        "first": [_("Write what you saw and heard, today. Give it by hand to a DSL, not into a pigeonhole. Any other paper does as well.")],
        "code": _code(address),
        "code_alt": _("A code that names %(school)s: %(address)s", school=school, address=address),
        "danger": _("Is a child at risk now, or afraid to go home today? Tell a DSL face to face first. If you find none, call 999."),
        "pupil": [_("The child’s full name"), _("Year or class"), _("Others in it (initials)")],
        "when": [_("Where?"), _("Day it happened"), _("Time")],
        "account": _("What did you see, hear or notice? The child’s exact words in quotation marks, and what you asked. Facts, in order."),
        "done": _("What have you done? Whom have you told, and when?"),
        "writer": [_("Your full name, and what you do here"), _("Your signature"), _("Written on (day, time)")],
        "marks": _("Any mark or injury?"),
        "never": _(
            "Mark only what you could see, or were told of. Never ask a child to undress or to move clothing, never look for marks, and never take a picture of an injury. If the child is hurt, get first aid before this."
        ),
        "figures": figures,
        "marks_said": _("For each mark: what it is, colour, size in mm, how you came to see it, what the child said of it"),
        "desk": _("For the DSL"),
        "received": [_("Received by"), _("Day"), _("Time")],
        "after": _("Note it at Safekeep under “Handed in, not yet scanned”, or scan it at once. Keep the paper as your school’s rules say."),
        "footer": _("Confidential. Nobody is alerted until this is handed in."),
        "notes": [],
        "fonts": list(printing.FONTS),
    }


def _code(address: str) -> str:
    drawn = io.BytesIO()
    segno.make(address, error="m").save(drawn, kind="svg", scale=4, border=2, dark="#000", light="#fff", xmldecl=False)
    return drawn.getvalue().decode()


def _show(typed: Form, *, here: Here, status: int = 200) -> Any:
    waiting = rpc.ask(Papers(), token=here.token).items
    return render_template(
        "papers/papers.html", form=typed, known=schools.known(here), waiting=waiting, paper_id=typed.one("paper_id") or new_id()
    ), status
