"""The proof, for DSLs: whether the record is unaltered and how that is known, who holds heads, and exports."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for

from gateway import console, rpc, schools, session, streams, words, zipping
from gateway.forms import Form
from gateway.session import Here
from safekeep import telemetry
from safekeep.contracts.incidents import (
    BeginExport,
    EndWitness,
    Export,
    ExportAnswer,
    ExportPiece,
    Incident,
    KeepWitness,
    Proof,
    Pupil,
)
from safekeep.errors import Conflict, NotFound
from safekeep.ids import new_id

pages = Blueprint("proof", __name__)

WAITS = 6.0
"""Seconds a page waits for an export: mostly it is there by then."""


@pages.route("/s/<slug>/proof", methods=["GET", "POST"])
def proof(slug: str) -> Any:
    """Show how the record stands; or add a witness."""
    here = session.here()
    form = Form.sent(request.form) if request.method == "POST" else Form({"kind": ["email"]})
    if request.method == "POST":
        kind = form.one("kind") or "email"
        wanted = {"id": form.as_id("id") or new_id(), "kind": kind, "name": form.one("name"), "address": form.one("address").strip()}
        if console.attempt(form, rpc.build(KeepWitness, **wanted)) is not None:
            return redirect(url_for("proof.proof", slug=slug, said="added", _anchor="witnesses"), 303)
    found = rpc.ask(Proof(), token=here.token)
    page = {"known": schools.known(here), "found": found, "new_id": new_id(), "said": request.args.get("said")}
    return render_template("proof/proof.html", form=form, **page), console.status(form)


@pages.post("/s/<slug>/proof/witnesses/<uuid:witness_id>/end")
def end_witness(slug: str, witness_id: UUID) -> Any:
    """Take a witness off."""
    rpc.ask(EndWitness(id=witness_id), token=session.here().token)
    return redirect(url_for("proof.proof", slug=slug, said="ended", _anchor="witnesses"), 303)


@pages.get("/s/<slug>/proof/heads/<uuid:head_id>.json")
def head(slug: str, head_id: UUID) -> Any:
    """Hand out a signed head, to be kept by somebody else."""
    found = next((h for h in rpc.ask(Proof(), token=session.here().token).heads if h.id == head_id), None)
    if found is None:
        raise NotFound("head")
    response = Response(found.text, mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="head-{found.size}.json"'
    return response


@pages.get("/s/<slug>/export/<scope>/<uuid:scope_id>")
def begin(slug: str, scope: str, scope_id: UUID) -> Any:
    """Make the export's id, and go to its form."""
    if scope not in words.EXPORTS:
        raise NotFound("page")
    return redirect(url_for("proof.form", slug=slug, scope=scope, scope_id=scope_id, export_id=new_id()), 303)


@pages.route("/s/<slug>/export/<scope>/<uuid:scope_id>/<uuid:export_id>", methods=["GET", "POST"])
def form(slug: str, scope: str, scope_id: UUID, export_id: UUID) -> Any:
    """Ask why, and for what goes with it; or have the export made."""
    console.prove_first()
    here = session.here()
    known, typed = schools.known(here), Form.sent(request.form)
    about = _about(here, scope, scope_id)
    session.lead()
    if request.method == "POST":
        asked = {"reason": typed.one("reason"), "with_linked": typed.has("with_linked", "yes"), "school_name": here.place.name}
        if not typed.one("reason").strip():
            typed.refuse("reason", "missing")
        elif console.attempt(typed, rpc.build(BeginExport, id=export_id, scope=scope, scope_id=scope_id, **asked)) is not None:
            _wait(here, export_id)
            return redirect(url_for("proof.export", slug=slug, export_id=export_id), 303)
    return render_template("proof/form.html", form=typed, known=known, scope=scope, scope_id=scope_id, about=about), console.status(typed)


@pages.get("/s/<slug>/exports/<uuid:export_id>")
def export(slug: str, export_id: UUID) -> Any:
    """Show how far an export is, and where to fetch it."""
    here = session.here()
    found = _wait(here, export_id)
    return render_template("proof/export.html", known=schools.known(here), found=found)


@pages.get("/s/<slug>/exports/<uuid:export_id>/export.zip")
def download(slug: str, export_id: UUID) -> Any:
    """Hand out the export, put together from its parts and the attachments while it is sent."""
    here = session.here()
    found = rpc.ask(Export(id=export_id), token=here.token)
    if found.item.again:
        raise Conflict("make_again")
    if found.item.state != "ready":
        raise Conflict("not_ready")
    response = Response(zipping.stream(_members(found, token=here.token)), mimetype="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="safekeep-{found.item.scope}-{export_id}.zip"'
    return response


def _members(found: ExportAnswer, *, token: str) -> Iterator[tuple[str, Iterator[bytes]]]:
    for part in found.parts:
        yield part.name, _pieces(found.item.id, part.pieces, token=token)
    for file_id in found.files:
        try:
            pieces = streams.receive(streams.open_file(file_id, token=token))
        except Conflict as refused:  # blocked, destroyed, or found infected since it was made: left out as it would be now
            telemetry.log().warning("export.file_left_out", export=str(found.item.id), file=str(file_id), reason=refused.reason)
            continue
        yield f"files/{file_id}", pieces


def _pieces(export_id: UUID, numbers: list[int], *, token: str) -> Iterator[bytes]:
    for number in numbers:
        yield rpc.ask(ExportPiece(id=export_id, number=number), token=token, seconds=15.0).data


def _wait(here: Here, export_id: UUID) -> ExportAnswer:
    """Return the export, waiting a little for one that is being made."""
    ends = time.monotonic() + WAITS
    while True:
        found = rpc.ask(Export(id=export_id), token=here.token)
        if found.item.state != "wanted" or time.monotonic() > ends:
            return found
        time.sleep(0.3)


def _about(here: Here, scope: str, scope_id: UUID) -> str:
    """Return what is exported, in words. Raises NotFound for what this person may not know of."""
    if scope == "pupil":
        return rpc.ask(rpc.build(Pupil, pupil_id=scope_id), token=here.token).pupil.name
    if scope == "incident":
        return rpc.ask(rpc.build(Incident, incident_id=scope_id), token=here.token).number
    if scope != "school" or scope_id != here.place.id:
        raise NotFound("school")
    return here.place.name
