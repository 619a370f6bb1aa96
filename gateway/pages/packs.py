"""Packs for a meeting, the next school or an inspection: a few questions, a preview, and the document; and the list of those that were made."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for

from gateway import console, rpc, schools, session, words
from gateway.forms import Form
from gateway.session import Here
from safekeep import clock
from safekeep.contracts.incidents import Pupil, PupilItem
from safekeep.contracts.reports import SUGGESTED, ConfirmReceipt, MakePack, PackItem, PackPreview, Packs, PreviewPack
from safekeep.errors import Invalid, NotFound
from safekeep.ids import new_id

pages = Blueprint("packs", __name__)

MOST_SHOWN = 10
FIRST_SHOWN = 3


@pages.get("/s/<slug>/reports/packs")
def packs(slug: str) -> Any:
    """List the packs that were made, the newest first, and say where one is begun."""
    here = session.lead()
    items = rpc.ask(Packs(), token=here.token).items
    return render_template("packs/list.html", items=items, known=schools.known(here), said=request.args.get("said", ""))


@pages.route("/s/<slug>/pupils/<uuid:pupil_id>/pack", methods=["GET", "POST"])
def pupil(slug: str, pupil_id: UUID) -> Any:
    """Choose what a pack about a pupil is for, then what goes in; look at it; make it."""
    here = session.lead()
    found = rpc.ask(rpc.build(Pupil, pupil_id=pupil_id), token=here.token).pupil
    form = Form.sent(request.form) if request.method == "POST" else _suggested(request.args.get("kind", ""))
    if form.one("kind") not in SUGGESTED:
        return render_template("packs/choose.html", pupil=found)
    console.prove_first()
    return _answer(here, form, pupil=found)


@pages.route("/s/<slug>/reports/packs/inspection", methods=["GET", "POST"])
def inspection(slug: str) -> Any:
    """The same for an inspection: numbers, and records without names."""
    here = session.lead()
    console.prove_first()
    form = Form.sent(request.form) if request.method == "POST" else Form({"shown": [str(FIRST_SHOWN)]})
    form.put("kind", "ofsted")
    return _answer(here, form, pupil=None)


@pages.route("/s/<slug>/reports/packs/<uuid:pack_id>/receipt", methods=["GET", "POST"])
def receipt(slug: str, pack_id: UUID) -> Any:
    """Keep that the next school has confirmed that it has the file."""
    here = session.lead()
    found = _pack(here, pack_id)
    form = Form.sent(request.form) if request.method == "POST" else Form({})
    if request.method == "POST":
        day = form.as_day("on_day")
        if day is None:
            form.refuse("on_day", "missing")
        wanted: dict[str, Any] = {"pack_id": pack_id, "on_day": day or schools.known(here).local(clock.now()).date(), "by": form.one("by")}
        if not form.problems and console.send(form, ConfirmReceipt, **wanted) is not None:
            return redirect(url_for("packs.packs", slug=slug, said="received"), 303)
    return render_template("packs/receipt.html", form=form, item=found), console.status(form)


def _answer(here: Here, form: Form, *, pupil: PupilItem | None) -> Any:
    """Show the questions; or what the pack will be, for what was answered; or hand it out."""
    do = request.form.get("do", "") if request.method == "POST" else ""
    if do in {"pdf", "docx"} and (made := _made(here, form, pupil=pupil, kind=do)):
        return made
    if do in {"pdf", "docx", "preview"} and (preview := _preview(here, form, pupil=pupil)):
        return _page("packs/preview.html", here, form, pupil=pupil, preview=preview, ids={kind: new_id() for kind in ("pdf", "docx")})
    return _page("packs/inspection.html" if pupil is None else "packs/form.html", here, form, pupil=pupil)


def _page(template: str, here: Here, form: Form, **more: Any) -> Any:
    known = schools.known(here)
    choices = sorted(((category.code, category.name) for category in known.categories.values()), key=lambda each: each[1])
    return render_template(template, form=form, known=known, category_choices=choices, **more), console.status(form)


def _preview(here: Here, form: Form, *, pupil: PupilItem | None) -> PackPreview | None:
    typed = _fields(here, form, pupil=pupil)
    if form.problems.keys() - {"checked"}:
        return None
    try:
        return rpc.ask(rpc.build(PreviewPack, **typed), token=here.token, seconds=30.0)
    except Invalid as error:
        console.refuse(form, error)
        return None


def _made(here: Here, form: Form, *, pupil: PupilItem | None, kind: str) -> Any:
    """Return the document, or the page of a long one; None, with why, where it is not made: that is said above the preview."""
    if pupil is None and form.one("shown") != "0" and not form.has("checked", "yes"):
        form.refuse("checked", "missing")
    typed = _fields(here, form, pupil=pupil)
    if form.problems:
        return None
    try:
        wanted = rpc.build(MakePack, id=form.as_id(f"{kind}_id") or new_id(), form=kind, sha256=form.one("sha256"), **typed)
    except Invalid as error:
        console.refuse(form, error)
        return None
    made = console.attempt(form, wanted, seconds=60.0)
    if made is None:
        return None
    if made.later:
        return redirect(url_for("documents.document", slug=here.slug, document_id=wanted.id), 303)
    response = Response(made.data, mimetype=made.media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="pack-{form.one("kind").replace("_", "-")}.{kind}"'
    return response


def _fields(here: Here, form: Form, *, pupil: PupilItem | None) -> dict[str, Any]:
    known = schools.known(here)
    shown = form.one("shown")
    if pupil is None and not (shown.isdecimal() and len(shown) < 4 and int(shown) <= MOST_SHOWN):
        form.refuse("shown", "unknown_choice")
    for name, choices in (("of_category", known.categories), ("of_year_group", words.YEAR_GROUPS)):
        if form.one(name) and form.one(name) not in choices:
            form.refuse(name, "unknown_choice")
    asked_for = {name: form.one(name) or None for name in ("of_category", "of_year_group") if name not in form.problems}
    return {
        **asked_for,
        "with_referral": form.has("with_referral", "yes"),
        "kind": form.one("kind"),
        "pupil_id": pupil.id if pupil else None,
        "since": form.as_day("since"),
        "until": form.as_day("until"),
        "class_codes": form.many("class_codes"),
        "leave_out": form.many("leave_out"),
        "reason": form.one("reason"),
        "readers": form.one("readers"),
        "to_school": form.one("to_school"),
        "shown": min(int(shown), MOST_SHOWN) if shown.isdecimal() and len(shown) < 4 else FIRST_SHOWN,
        "keep": form.many("keep"),
        "added": [line.strip() for line in form.one("added").split("\n") if line.strip()],
        "school_name": known.school.name,
        "category_names": {code: category.name for code, category in known.categories.items()},
        "staff_names": {person.person_id: person.name for person in known.staff.values()},
    }


def _suggested(kind: str) -> Form:
    if kind not in SUGGESTED:
        return Form({})
    classes, leave_out = SUGGESTED[kind]
    return Form({"kind": [kind], "class_codes": classes, "leave_out": leave_out})


def _pack(here: Here, pack_id: UUID) -> PackItem:
    found = next((item for item in rpc.ask(Packs(), token=here.token).items if item.id == pack_id and item.kind == "transfer"), None)
    if found is None:
        raise NotFound("pack")
    return found
