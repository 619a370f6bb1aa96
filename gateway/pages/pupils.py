"""Pupils: finding one, the page of one with flags and siblings, the chronology, its print view and documents, files, body maps, family."""

from calendar import monthrange
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask_babel import gettext

from gateway import console, rpc, schools, session, words
from gateway.forms import Form, clean
from gateway.pages import files as attached
from gateway.session import Here
from safekeep import permissions
from safekeep.contracts.incidents import Chronology, ChronologyAnswer, Flag, Pupil, PupilAnswer, PupilsAnswer, SearchPupils, SetFlag, SetRelatives
from safekeep.contracts.reports import ChronologyPdf
from safekeep.errors import Invalid, NotAllowed, NotFound
from safekeep.ids import new_id

pages = Blueprint("pupils", __name__)


@pages.route("/s/<slug>/pupils", methods=["GET", "POST"])
def search(slug: str) -> Any:
    """Find a pupil. Posted, so that no name stands in an address, a history or a log."""
    here = session.here()
    if not here.may_record:
        raise NotAllowed("role")
    form = Form.sent(request.form)
    found: PupilsAnswer | None = None
    q = clean(form.one("q")).strip()
    if request.method == "POST":
        if len(q.replace(" ", "")) < 2 and q.isascii():
            form.refuse("q", "two_letters")
        else:
            found = rpc.ask(rpc.build(SearchPupils, q=q, cursor=form.one("cursor") or None, limit=25), token=here.token)
    return render_template("pupils/search.html", form=form, found=found), 422 if form.problems else 200


@pages.get("/s/<slug>/pupils/<uuid:pupil_id>")
def pupil(slug: str, pupil_id: UUID) -> Any:
    """Show one pupil: flags, siblings, the last entries this person may read."""
    here = session.here()
    found = _pupil(pupil_id, opened=True)
    return render_template("pupils/pupil.html", known=schools.known(here), found=found, tab="summary")


@pages.route("/s/<slug>/pupils/<uuid:pupil_id>/flags/<uuid:flag_id>", methods=["GET", "POST"])
def flag(slug: str, pupil_id: UUID, flag_id: UUID) -> Any:
    """A DSL adds a flag or changes one."""
    session.lead()
    found = _pupil(pupil_id)
    existing = next((f for f in found.flags if f.id == flag_id), None)
    form = Form.sent(request.form) if request.method == "POST" else _form_of(existing)
    if request.method == "POST" and _set_flag(form, pupil_id=pupil_id, flag_id=flag_id, existing=existing):
        return redirect(url_for("pupils.pupil", slug=slug, pupil_id=pupil_id), 303)
    page = render_template("pupils/flag.html", form=form, found=found, existing=existing, tab="summary")
    return page, 422 if form.problems else 200


@pages.get("/s/<slug>/pupils/<uuid:pupil_id>/flags/new")
def begin_flag(slug: str, pupil_id: UUID) -> Any:
    """Make the flag's id, and go to its form."""
    return redirect(url_for("pupils.flag", slug=slug, pupil_id=pupil_id, flag_id=new_id()), 303)


@pages.get("/s/<slug>/pupils/<uuid:pupil_id>/files")
def files(slug: str, pupil_id: UUID) -> Any:
    """List the files of this pupil's entries, the newest first, as far as this person may read the entries."""
    here = session.here()
    found = _only("files", pupil_id=pupil_id, order="recorded", with_files=True)
    held = [(line, file) for line in found.items for file in line.files]
    names = attached.names_of(found.passes, here=here)
    return render_template("pupils/files.html", known=schools.known(here), found=found, held=held, names=names, tab="files")


@pages.get("/s/<slug>/pupils/<uuid:pupil_id>/body-maps")
def body_maps(slug: str, pupil_id: UUID) -> Any:
    """Show the body maps of this pupil, the newest first, as far as this person may read the entries."""
    here = session.here()
    found = _only("body_maps", pupil_id=pupil_id, limit=10)
    drawn = [line for line in found.items if line.body_map]
    return render_template("pupils/body_maps.html", known=schools.known(here), found=found, drawn=drawn, tab="body_maps")


@pages.get("/s/<slug>/pupils/<uuid:pupil_id>/family")
def family(slug: str, pupil_id: UUID) -> Any:
    """Show a pupil's brothers and sisters here, and to a DSL who on the staff is family."""
    here = session.here()
    found = _pupil(pupil_id, opened=True)
    if found.pupil.holding:
        raise NotFound("pupil")
    return render_template("pupils/family.html", known=schools.known(here), found=found, tab="family")


@pages.route("/s/<slug>/pupils/<uuid:pupil_id>/family/change", methods=["GET", "POST"])
def change_family(slug: str, pupil_id: UUID) -> Any:
    """A DSL says which staff are a pupil's parents or carers, or the pupil."""
    here = session.lead()
    console.prove_first()
    found, known = _pupil(pupil_id), schools.known(here)
    if found.relatives is None or found.pupil.holding:
        raise NotFound("pupil")
    form = Form.sent(request.form) if request.method == "POST" else Form({})
    if request.method == "POST":
        entered = form.as_id("entered")
        wanted: dict[str, Any] = {"entered": [entered] if entered else [], "ended": form.as_ids("ended")}
        if not form.problems and console.send(form, SetRelatives, pupil_id=pupil_id, **wanted):
            return redirect(url_for("pupils.family", slug=slug, pupil_id=pupil_id), 303)
    there = [(str(person), known.name(person) or gettext("Somebody who has left")) for person in found.relatives]
    able = [p for p in known.staff.values() if p.active and p.person_id not in found.relatives]
    mine = here.answer.person_id  # a DSL is entered by themselves alone
    choices = [(str(p.person_id), f"{p.name}, {words.roles(p.roles)}") for p in able if p.person_id == mine or not permissions.is_lead(p.roles)]
    page = {"found": found, "there": there, "choices": sorted(choices, key=lambda c: c[1])}
    return render_template("pupils/change_family.html", form=form, **page), console.status(form)


@pages.route("/s/<slug>/pupils/<uuid:pupil_id>/chronology", methods=["GET", "POST"])
def chronology(slug: str, pupil_id: UUID) -> Any:
    """Show a pupil's entries, newest first, by month, with filters; `print` shows up to 500 on one sheet.

    Filters stand in the address, so that a page can be kept and gone back to, but for words: they are posted, so that no
    name or account stands in an address or a browser's history.
    """
    here = session.here()
    form = _filters()
    if request.method == "POST":
        if request.form.get("do") == "document":
            if made := _asked_for(here, form, pupil_id=pupil_id):
                return made
        elif not form.one("words").strip():
            return redirect(url_for("pupils.chronology", slug=slug, pupil_id=pupil_id, **_open(form)), 303)
        if request.form.get("do") == "pdf":
            return _document(here, form, pupil_id=pupil_id)
    printing = form.has("print", "1") or request.form.get("do") == "print"
    wanted = _wanted(form, pupil_id=pupil_id, limit=500 if printing else 25, use="print" if printing else "read")
    found = rpc.ask(wanted, token=here.token, seconds=10.0)
    known = schools.known(here)
    page = render_template(
        "pupils/print.html" if printing else "pupils/chronology.html",
        known=known,
        form=form,
        found=found,
        filters=_open(form),
        words_used=bool(form.one("words").strip()),
        months=_plot(found.months),
        by_recorded=wanted.order == "recorded",
        grouped=_by_month(found.items, known, by_recorded=wanted.order == "recorded"),
        tab="chronology",
        proof_address=_proof_address(here) if printing else "",
    )
    return page, 422 if form.problems and request.form.get("do") == "document" else 200


@pages.get("/s/<slug>/pupils/<uuid:pupil_id>/chronology.pdf")
def pdf(slug: str, pupil_id: UUID) -> Any:
    """The chronology as a tagged PDF, with the same filters."""
    return _document(session.here(), _filters(), pupil_id=pupil_id)


def _filters() -> Form:
    """Return the filters as sent. Words in an address are not looked at: no page of ours puts them there."""
    if request.method == "POST":
        return Form.sent(request.form)
    return Form({name: request.args.getlist(name) for name in request.args if name not in {"words", "reason"}})


def _open(form: Form) -> dict[str, Any]:
    """Return the filters that may stand in an address."""
    kept = {name: form.fields[name] for name in ("order", "category", "author", "since", "until") if any(form.fields.get(name, []))}
    if kept.get("order") == ["occurred"]:
        kept.pop("order")  # as it is without asking
    return kept


def _asked_for(here: Here, form: Form, *, pupil_id: UUID) -> Any:
    """Return the document as the form asks for it; None where it asks for what cannot be, which then stands beside the field."""
    if form.one("form") not in {"pdf", "docx", "csv"}:
        form.refuse("form", "choose_one")
    if not clean(form.one("reason")).strip():
        form.refuse("reason", "missing")
    _wanted(form, pupil_id=pupil_id, limit=500)
    return None if form.problems else _document(here, form, pupil_id=pupil_id, kind=form.one("form"))


def _document(here: Here, form: Form, *, pupil_id: UUID, kind: str = "pdf") -> Any:
    known = schools.known(here)
    wanted = rpc.build(
        ChronologyPdf,
        id=new_id(),
        chronology=_wanted(form, pupil_id=pupil_id, limit=500),
        school_name=known.school.name,
        category_names={code: category.name for code, category in known.categories.items()},
        staff_names={person.person_id: person.name for person in known.staff.values()},
        form=kind,
        leave_out=[name for name in ("actions", "linked", "body_maps", "files", "flags") if form.has("leave_out", name)],
        class_codes=[code for code in words.CLASSES if form.has("class", code)],
        proof_address=_proof_address(here),
    )
    made = rpc.ask(wanted, token=here.token, seconds=30.0)
    if made.later:
        return redirect(url_for("documents.document", slug=here.slug, document_id=wanted.id), 303)
    response = Response(made.data, mimetype=made.media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="chronology.{kind}"'
    return response


def _proof_address(here: Here) -> str:
    """Return where it is said how one knows that the record is unaltered, as it is read from paper."""
    return f"{current_app.config['PUBLIC_URL']}{url_for('proof.proof', slug=here.slug)}"


def _pupil(pupil_id: UUID, *, opened: bool = False) -> PupilAnswer:
    return rpc.ask(rpc.build(Pupil, pupil_id=pupil_id, opened=opened), token=session.here().token)


def _only(what: str, *, pupil_id: UUID, **how: Any) -> ChronologyAnswer:
    wanted = rpc.build(Chronology, pupil_id=pupil_id, only=what, cursor=request.args.get("cursor"), **how)
    return rpc.ask(wanted, token=session.here().token, seconds=10.0)


def _wanted(form: Form, *, pupil_id: UUID, limit: int, use: str = "read") -> Chronology:
    """Return what to ask for; a filter that makes no sense is noted beside its field and left out."""
    author = form.as_id("author")
    since, until = form.as_day("since"), form.as_day("until")
    order = form.one("order") if form.one("order") in {"occurred", "recorded"} else "occurred"
    fields: dict[str, Any] = {
        "pupil_id": pupil_id,
        "order": order,
        "category_codes": form.many("category"),
        "author_id": author,
        "since": since,
        "until": until,
        "words": form.one("words"),
        "reason": form.one("reason"),
        "cursor": form.one("cursor") or None,
        "limit": limit,
        "use": use,
    }
    try:
        return rpc.build(Chronology, **fields)
    except Invalid as error:
        for path, code in error.problems.items():
            name = path.split(".")[0]
            form.refuse({"category_codes": "category"}.get(name, name), code)
            fields.pop(name, None)
        if "pupil_id" not in fields:
            raise NotFound("pupil") from None
        return rpc.build(Chronology, **fields)


def _plot(months: list[Any]) -> list[dict[str, Any]]:
    """Return each month with its height of 1 to 10 (a class, because the policy allows no inline style)."""
    most = max((m.count for m in months), default=1)
    return [
        {
            "month": m.month,
            "count": m.count,
            "height": max(1, round(10 * m.count / most)),
            "name": words.month(m.month),
            "last": monthrange(int(m.month[:4]), int(m.month[5:7]))[1],
        }
        for m in months
    ]


def _by_month(items: list[Any], known: schools.Known, *, by_recorded: bool) -> list[tuple[str, list[Any]]]:
    grouped: dict[str, list[Any]] = {}
    for line in items:
        moment = known.local(line.recorded_at if by_recorded else (line.occurred_at or line.recorded_at))
        grouped.setdefault(words.month(f"{moment:%Y-%m}"), []).append(line)
    return list(grouped.items())


def _form_of(flag: Flag | None) -> Form:
    if flag is None:
        return Form({})
    days = {name: [value.isoformat() if value else ""] for name, value in (("started", flag.started), ("ended", flag.ended), ("review", flag.review))}
    return Form({"kind": [flag.kind], "social_worker": [flag.social_worker], "note": [flag.note], **days})


def _set_flag(form: Form, *, pupil_id: UUID, flag_id: UUID, existing: Flag | None) -> bool:
    started, ended, review = form.as_day("started"), form.as_day("ended"), form.as_day("review")
    if started is None:
        form.refuse("started", "missing")
    kind = existing.kind if existing else form.one("kind")
    if not kind:
        form.refuse("kind", "choose_one")
    fields = {
        "social_worker": form.one("social_worker"),
        "note": form.one("note"),
        "started": started or date.today(),
        "ended": ended,
        "review": review,
    }
    try:
        wanted = rpc.build(SetFlag, id=flag_id, pupil_id=pupil_id, kind=kind or "send", **fields)
        if not form.problems:
            rpc.ask(wanted, token=session.here().token)
    except Invalid as error:
        for field, code in error.problems.items():
            form.refuse(field, code)
    return not form.problems
