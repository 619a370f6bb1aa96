"""A record before it is given: what is proposed to be left out, decided by one person, confirmed by another, and the file."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for

from gateway import console, request_words, rpc, schools, session
from gateway.forms import Form
from gateway.pages import documents, requests
from gateway.session import Here
from safekeep import text as written
from safekeep.contracts.reports import (
    ConfirmRedactions,
    KeepRedactions,
    ProposeRedactions,
    RecordFile,
    RecordFound,
    RecordList,
    RecordMark,
    RecordPage,
    RecordPageAnswer,
    RecordPlace,
    RecordText,
    RedactedRecord,
    TakeBackRedactions,
    Undecided,
)
from safekeep.errors import Invalid
from safekeep.ids import new_id

pages = Blueprint("disclosures", __name__)

MEDIA = {"pdf": "pdf", "docx": "docx"}
SHOWN = 60
"""Characters of a found place that the list shows; the page shows all."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words of a text: plain, or a place with its number on the page."""

    words: str
    mark: RecordMark | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """A place in the list below its text: its number, the field it is decided in, and its words, shortened."""

    number: int
    key: str
    words: str
    mark: RecordMark


@pages.route("/s/<slug>/reports/requests/<uuid:information_request_id>/record", methods=["GET", "POST"])
def record(slug: str, information_request_id: UUID) -> Any:
    """Show a page of the record with what is proposed; save what is decided; propose the whole."""
    here = session.lead()
    form = Form.sent(request.form)
    cursor = (form.one("cursor") if request.method == "POST" else request.args.get("cursor", "")) or None
    waiting: list[Undecided] = []
    if request.method == "POST":
        at: dict[str, Any] = {"slug": slug, "information_request_id": information_request_id}
        if _keep(form, information_request_id=information_request_id, cursor=cursor, here=here):
            if request.form.get("do") == "next":
                return redirect(url_for("disclosures.record", **at, cursor=form.one("next") or None, said="saved"), 303)
            if request.form.get("do") == "list":
                return redirect(url_for("disclosures.found", **at), 303)
            if request.form.get("do") != "propose":
                return redirect(url_for("disclosures.record", **at, cursor=cursor, said="saved"), 303)
            answer = console.send(form, ProposeRedactions, information_request_id=information_request_id, staff_names=_staff(here))
            if answer is not None and not answer.undecided:
                return redirect(url_for("requests.detail", **at, said="proposed"), 303)
            waiting = answer.undecided if answer else []
    return _show(here, information_request_id, form, cursor=cursor, waiting=waiting), 422 if waiting else console.status(form)


@pages.get("/s/<slug>/reports/requests/<uuid:information_request_id>/record/found")
def found(slug: str, information_request_id: UUID) -> Any:
    """Show all that was found in the record, by kind, each words once with a link to every place."""
    here = session.lead()
    cursor = request.args.get("cursor", "") or None
    wanted: dict[str, Any] = {"information_request_id": information_request_id, "staff_names": _staff(here), "cursor": cursor}
    answer = rpc.ask(rpc.build(RecordList, **wanted), token=here.token, seconds=60.0)
    kinds = [(kind, [each for each in answer.found if (each.found_by or "by_hand") == kind]) for kind in request_words.FOUND_KINDS]
    return render_template(
        "requests/found.html",
        answer=answer,
        kinds=[(kind, some) for kind, some in kinds if some],
        left=sum(_not_decided(each) for each in answer.found),
        not_decided=_not_decided,
        by_text=_by_text,
        key=_key,
        cursor=cursor,
        information_request_id=information_request_id,
        request_words=request_words,
    )


def _not_decided(each: RecordFound) -> int:
    return sum(place.accepted is None for place in each.places)


def _by_text(each: RecordFound) -> list[list[RecordPlace]]:
    """Return the places text by text, in order: where one text has several, they are counted."""
    return [list(some) for _, some in groupby(each.places, key=lambda place: (place.entry_id, place.part))]


@pages.post("/s/<slug>/reports/requests/<uuid:information_request_id>/record/confirm")
def confirm(slug: str, information_request_id: UUID) -> Any:
    """Confirm what somebody else proposed."""
    here, form = session.lead(), Form.sent(request.form)
    given: dict[str, Any] = {"information_request_id": information_request_id, "proposed_at": form.one("proposed_at"), "staff_names": _staff(here)}
    try:
        wanted = rpc.build(ConfirmRedactions, **given)
    except Invalid:  # the hidden field was not ours
        form.refuse("note", "invalid")
        return _show(here, information_request_id, form, cursor=form.one("cursor") or None), 422
    if console.attempt(form, wanted, seconds=30.0):
        return redirect(url_for("requests.detail", slug=slug, information_request_id=information_request_id, said="confirmed"), 303)
    return _show(here, information_request_id, form, cursor=form.one("cursor") or None), console.status(form)


@pages.post("/s/<slug>/reports/requests/<uuid:information_request_id>/record/back")
def back(slug: str, information_request_id: UUID) -> Any:
    """Go back to deciding, with what is to be thought of again."""
    here, form = session.lead(), Form.sent(request.form)
    if console.send(form, TakeBackRedactions, information_request_id=information_request_id, note=form.one("note")):
        return redirect(url_for("disclosures.record", slug=slug, information_request_id=information_request_id, said="back"), 303)
    return _show(here, information_request_id, form, cursor=form.one("cursor") or None), console.status(form)


@pages.post("/s/<slug>/reports/requests/<uuid:information_request_id>/document")
def document(slug: str, information_request_id: UUID) -> Any:
    """Send the record without what is left out, as PDF or Word."""
    here, form = session.lead(), Form.sent(request.form)
    kind = MEDIA.get(form.one("form"), "pdf")
    given: dict[str, Any] = {"information_request_id": information_request_id, "school_name": here.place.name, "staff_names": _staff(here)}
    id_ = new_id()
    made = console.attempt(form, rpc.build(RedactedRecord, id=id_, **given, form=kind), seconds=60.0)
    if made is None:
        return requests.page(here, information_request_id, form), console.status(form)
    if made.later:
        return redirect(url_for("documents.document", slug=slug, document_id=id_), 303)
    if made.files:
        sha256 = hashlib.sha256(made.data).hexdigest()
        return documents.zipped([(f"record.{kind}", sha256, [made.data])], files=made.files, stem="record", token=here.token)
    response = Response(made.data, mimetype=made.media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="record.{kind}"'
    return response


def _staff(here: Here) -> dict[UUID, str]:
    return {person.person_id: person.name for person in schools.known(here).staff.values()}


def _show(here: Here, information_request_id: UUID, form: Form, *, cursor: str | None, waiting: list[Undecided] | None = None) -> str:
    given: dict[str, Any] = {"information_request_id": information_request_id, "staff_names": _staff(here), "cursor": cursor}
    found = rpc.ask(rpc.build(RecordPage, **given), token=here.token, seconds=20.0)
    said = request.args.get("said", "")
    number, texts = 0, []
    for text in found.texts:
        pieces, listed = _laid_out(text, first=number + 1)
        number += len(listed)
        texts.append((text, f"{text.entry_id}.{text.part}", pieces, listed))
        for each in listed:
            _fill(form, each, fresh=request.method == "GET" or found.stage != "deciding")
    for file in found.files:
        if file.given is not None and (request.method == "GET" or found.stage != "deciding"):
            form.put(f"f.{file.file_id}", "give" if file.given else "withhold")
        if f"fr.{file.file_id}" not in form.fields:
            form.put(f"fr.{file.file_id}", file.reason or "third_party")
    return render_template(
        "requests/record.html",
        form=form,
        found=found,
        texts=texts,
        in_one_list=in_one_list(each for *_, listed in texts for each in listed),
        left=_left(found),
        first=_first_left(texts, found),
        cursor=cursor or "",
        waiting=waiting or [],
        information_request_id=information_request_id,
        said=said,
        request_words=request_words,
        known=schools.known(here),
    )


def in_one_list(listed: Iterable[Listed]) -> list[tuple[str, list[Listed]]]:
    """Return all that was found, by its words, whatever their capitals and whose ever ("Ruby's"), each with its places on the page."""
    by_words: dict[str, tuple[str, list[Listed]]] = {}
    for each in listed:
        plain = written.listed(each.words)
        by_words.setdefault(plain.casefold(), (plain, []))[1].append(each)
    return [by_words[words] for words in sorted(by_words)]


def _left(found: RecordPageAnswer) -> int:
    return sum(mark.accepted is None for text in found.texts for mark in text.marks) + len(_files_left(found))


def _files_left(found: RecordPageAnswer) -> list[RecordFile]:
    return [file for file in found.files if file.state == "kept" and file.given is None]


def _first_left(texts: list[tuple[RecordText, str, list[Piece], list[Listed]]], found: RecordPageAnswer) -> str:
    """Return where on the page the first stands that is not decided."""
    places = (f"at.{each.key}" for *_, listed in texts for each in listed if each.mark.accepted is None)
    return next(chain(places, (f"file-{file.file_id}" for file in _files_left(found))), "")


def _laid_out(text: RecordText, *, first: int) -> tuple[list[Piece], list[Listed]]:
    """Return the text in pieces, and its list; of places that overlap the first stands on the page, and all in the list."""
    pieces, listed, at = [], [], 0
    for number, mark in enumerate(text.marks, first):
        words = text.written[mark.start : mark.stop]
        key = _key(text, mark)
        listed.append(Listed(number, key, words if len(words) <= SHOWN else f"{words[:SHOWN]}…", mark))
        if mark.start >= at:
            pieces += [Piece(text.written[at : mark.start]), Piece(words, mark, number)]
            at = mark.stop
    return [piece for piece in [*pieces, Piece(text.written[at:])] if piece.words], listed


def _key(text: RecordText | RecordPlace, place: RecordMark | RecordPlace) -> str:
    """Return by what a place is known on the page of the record: the same on the list, which leads to it."""
    return f"{text.entry_id}.{text.part}.{place.start}.{place.stop}"


def _fill(form: Form, each: Listed, *, fresh: bool) -> None:
    """Put what is decided into the form, where nothing else was typed."""
    if fresh and each.mark.accepted is not None:
        form.put(f"d.{each.key}", "out" if each.mark.accepted else "keep")
    if f"r.{each.key}" not in form.fields:
        form.put(f"r.{each.key}", each.mark.reason or "third_party")


def _keep(form: Form, *, information_request_id: UUID, cursor: str | None, here: Here) -> bool:
    """Save what is decided on a page. What cannot be is said beside its field."""
    digests = {name.removeprefix("g."): form.one(name) for name in form.fields if name.startswith("g.")}
    decided = {name.removeprefix("r."): form.one(f"d.{name.removeprefix('r.')}") for name in form.fields if name.startswith("r.")}
    if request.form.get("do") == "rest":
        decided = {key: choice or "out" for key, choice in decided.items()}
    decisions = [_decision(form, key, choice, digests=digests) for key, choice in decided.items() if choice]
    named = [name.removeprefix("w.") for name in form.fields if name.startswith("w.")]
    added = [key for key in named if form.one(f"w.{key}").strip() or form.has(f"all.{key}", "yes")]
    additions = [_addition(form, key) for key in added]
    files = [file for file in (_file(form, name.removeprefix("fr.")) for name in form.fields if name.startswith("fr.")) if file]
    if not decisions and not additions and not files:
        return True
    given: dict[str, Any] = {"information_request_id": information_request_id, "staff_names": _staff(here), "cursor": cursor}
    fields = {f"additions.{number}.words": f"w.{key}" for number, key in enumerate(added)}
    return console.send(form, KeepRedactions, fields, **given, decisions=decisions, additions=additions, files=files) is not None


def _file(form: Form, file_id: str) -> dict[str, Any] | None:
    """Return what is decided of an attached file; None where nothing is."""
    choice = form.one(f"f.{file_id}") or ("withhold" if request.form.get("do") == "rest" else "")
    if choice not in {"give", "withhold"}:
        return None
    return {"file_id": file_id, "given": choice == "give", "reason": form.one(f"fr.{file_id}") if choice == "withhold" else None}


def _decision(form: Form, key: str, choice: str, *, digests: Mapping[str, str]) -> dict[str, Any]:
    entry_id, part, start, stop = [*key.split("."), "", "", ""][:4]
    place = {"entry_id": entry_id, "part": part, "start": start, "stop": stop, "digest": digests.get(f"{entry_id}.{part}", "")}
    return place | {"accepted": choice == "out", "reason": form.one(f"r.{key}") if choice == "out" else None}


def _addition(form: Form, key: str) -> dict[str, Any]:
    entry_id, part = [*key.split("."), ""][:2]
    words = {"words": form.one(f"w.{key}"), "whole": form.has(f"all.{key}", "yes")}
    return {"entry_id": entry_id, "part": part, "reason": form.one(f"why.{key}"), **words}
