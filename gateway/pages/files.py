"""An attachment: looked at as pictures made anew, downloaded, blocked, and what became of it. And files that come in parts."""

from itertools import islice
from typing import Any
from urllib.parse import quote
from uuid import UUID

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from gateway import console, problems, rpc, schools, session, streams, uploads
from gateway.forms import Form
from gateway.session import Here
from safekeep.contracts.files import PIECE, FileName, Names, Opened
from safekeep.contracts.incidents import BlockFile, DecideFile, FileItem, Incident, IncidentAnswer, PermitFile
from safekeep.errors import Conflict, Invalid, NotFound, SafekeepError

pages = Blueprint("files", __name__)

PART: int = 8 * 1024 * 1024
"""Bytes that the page sends at a time (upload.js)."""

NAMES_AT_ONCE: int = 100
"""Of so many files `files` says the names in one answer."""


# --- looking and downloading -----------------------------------------------------------------------------------------


@pages.get("/s/<slug>/incidents/<uuid:incident_id>/files/<uuid:file_id>")
def show(slug: str, incident_id: UUID, file_id: UUID) -> Any:
    """Show what is known of an attachment, and its pages as pictures."""
    here = session.here()
    incident, item = _attached(here, incident_id, file_id)
    known, passed = FileName(file_id=file_id, name="-"), ""
    if item.state == "kept":
        passed = rpc.ask(rpc.build(PermitFile, file_id=file_id), token=here.token).token
        named = rpc.ask(rpc.build(Names, passes={file_id: passed}), token=here.token).items
        known = named[0] if named else known
    page = {"incident": incident, "file": item, "about": known, "passed": passed, "known": schools.known(here)}
    return render_template("files/file.html", **page)


@pages.get("/s/<slug>/files/<uuid:file_id>/pages/<int:number>")
def preview(slug: str, file_id: UUID, number: int) -> Any:
    """Hand out a page as a picture that was made anew. The page that shows it holds a pass for minutes, for this person alone."""
    here = session.here()
    page = max(1, min(number, 100))
    try:
        opened = streams.open_file(file_id, token=here.token, page=page, passed=request.args.get("pass", ""))
    except NotFound:  # the pass ran out while they read: incidents is asked anew
        opened = streams.open_file(file_id, token=here.token, page=page)
    response = Response(b"".join(streams.receive(opened)), mimetype="image/jpeg")
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


@pages.get("/s/<slug>/files/<uuid:file_id>")
def download(slug: str, file_id: UUID) -> Any:
    """Hand a file over, always as a download: nothing that was uploaded runs on our pages."""
    return send(file_id=file_id, token=session.here().token)


def send(*, file_id: UUID, token: str) -> Response:
    """Return the file, or the part of it that was asked for, as an attachment. Raises NotFound("file"), Conflict, RequestedRangeNotSatisfiable."""
    opened = streams.open_file(file_id, token=token)
    tag = f'"{file_id}"'  # what has this id never changes
    asked = request.range if request.headers.get("If-Range", tag) == tag else None
    offset, size, status = _wanted(asked, opened)
    if status == 416:
        raise RequestedRangeNotSatisfiable(length=opened.size)
    body = b"" if request.method == "HEAD" else streams.receive(opened, offset=offset, size=size)
    response = Response(body, status, mimetype=opened.media_type or "application/octet-stream")
    if status == 206:
        response.headers["Content-Range"] = f"bytes {offset}-{offset + size - 1}/{opened.size}"
    response.headers["Content-Length"] = str(size)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = tag
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in opened.name)
    response.headers["Content-Disposition"] = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(opened.name, safe='')}"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def _wanted(asked: Any, opened: Opened) -> tuple[int, int, int]:
    """Return which bytes are asked for, and the status. Several ranges at once are answered with the whole."""
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return 0, opened.size, 200
    within = asked.range_for_length(opened.size)
    return (within[0], within[1] - within[0], 206) if within is not None else (0, 0, 416)


# --- what must not be seen -------------------------------------------------------------------------------------------


@pages.route("/s/<slug>/incidents/<uuid:incident_id>/files/<uuid:file_id>/block", methods=["GET", "POST"])
def block(slug: str, incident_id: UUID, file_id: UUID) -> Any:
    """One DSL says why nobody may open a file any more; from then on nobody does."""
    here = session.lead()
    incident, item = _attached(here, incident_id, file_id)
    typed = Form.sent(request.form)
    if request.method == "POST" and console.send(typed, BlockFile, file_id=file_id, reason=typed.one("reason")):
        return redirect(url_for("files.show", slug=slug, incident_id=incident_id, file_id=file_id), 303)
    page = {"incident": incident, "file": item, "known": schools.known(here)}
    return render_template("files/block.html", form=typed, **page), console.status(typed)


@pages.route("/s/<slug>/incidents/<uuid:incident_id>/files/<uuid:file_id>/decide", methods=["GET", "POST"])
def decide(slug: str, incident_id: UUID, file_id: UUID) -> Any:
    """A second DSL has a blocked file destroyed, or gives it back."""
    here = session.lead()
    console.prove_first()
    incident, item = _attached(here, incident_id, file_id)
    typed = Form.sent(request.form)
    if request.method == "POST":
        wanted: dict[str, Any] = {"file_id": file_id, "decision": typed.one("decision"), "reason": typed.one("reason")}
        if not wanted["decision"]:
            typed.refuse("decision", "choose_one")
        if not wanted["reason"].strip():
            typed.refuse("reason", "missing")
        if not typed.problems and console.send(typed, DecideFile, **wanted):
            return redirect(url_for("files.show", slug=slug, incident_id=incident_id, file_id=file_id), 303)
    page = {"incident": incident, "file": item, "known": schools.known(here)}
    return render_template("files/decide.html", form=typed, **page), console.status(typed)


# --- in parts --------------------------------------------------------------------------------------------------------


@pages.post("/s/<slug>/uploads")
def begin(slug: str) -> Any:
    """Begin a file that the page sends in parts, or say how much of it has arrived."""
    here = session.recorder()
    typed = Form.sent(request.form)
    thing = typed.as_id("thing_id")
    if thing is None:
        raise Invalid({"file": "not_whole"})
    size = int(typed.one("size")) if typed.one("size").isdecimal() and len(typed.one("size")) < 16 else 0
    try:
        begun = uploads.begin(thing_id=thing, name=typed.one("name"), size=size, mark=typed.one("mark"), token=here.token)
    except Invalid as error:
        return _refused(error)
    return jsonify(id=str(begun.file_id), arrived=begun.arrived, finished=begun.finished, ticket=begun.ticket, part=PART)


@pages.post("/s/<slug>/uploads/<uuid:file_id>/part")
def part(slug: str, file_id: UUID) -> Any:
    """Take the next part, from `at` on; what has arrived whole when the connection drops is kept."""
    session.recorder()
    at = request.args.get("at", -1, type=int)
    arrived = streams.send(iter(lambda: request.stream.read(PIECE), b""), ticket=request.headers.get("Upload-Ticket", ""), at=at)
    return jsonify(arrived=arrived)


@pages.post("/s/<slug>/uploads/<uuid:file_id>/finish")
def finish(slug: str, file_id: UUID) -> Any:
    """Have the file looked at and kept; or say in a sentence why it is not."""
    here = session.recorder()
    try:
        kept = uploads.finish(file_id, token=here.token)
    except Invalid as error:
        return _refused(error)
    return jsonify(id=str(kept.file_id), name=kept.name, size=kept.size, receipt=kept.receipt)


def _refused(error: Invalid) -> Any:
    return jsonify(sentence=str(problems.sentence("files", next(iter(error.problems.values()))))), 422


# --- shared ----------------------------------------------------------------------------------------------------------


def _attached(here: Here, incident_id: UUID, file_id: UUID) -> tuple[IncidentAnswer, FileItem]:
    """Return an incident and one of its attachments. Raises NotFound("file")."""
    incident = rpc.ask(rpc.build(Incident, incident_id=incident_id), token=here.token)
    for entry in incident.entries:
        for item in entry.files:
            if item.id == file_id:
                return incident, item
    raise NotFound("file")


def of_incident(here: Here, found: IncidentAnswer) -> dict[UUID, FileName]:
    """Return what is known of the attachments of entries this person reads, as far as `files` can be asked just now."""
    wanted = [file.id for entry in found.entries for file in entry.files if file.state == "kept"][:100]
    passes: dict[UUID, str] = {}
    try:
        for file_id in wanted:
            try:
                passes[file_id] = rpc.ask(rpc.build(PermitFile, file_id=file_id, name_only=True), token=here.token, seconds=3.0).token
            except (NotFound, Conflict):  # blocked since the page was asked for
                continue
    except SafekeepError:
        return {}
    return names_of(passes, here=here)


def names_of(passes: dict[UUID, str], *, here: Here) -> dict[UUID, FileName]:
    """Return what is known of the attachments that these passes are to, as far as `files` can be asked just now."""
    left, found = iter(passes.items()), dict[UUID, FileName]()
    try:
        while some := dict(islice(left, NAMES_AT_ONCE)):
            found |= {item.file_id: item for item in rpc.ask(rpc.build(Names, passes=some), token=here.token, seconds=3.0).items}
    except SafekeepError:
        return {}
    return found
