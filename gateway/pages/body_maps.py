"""Drawing a body map below an incident that is being written: tap, or choose the place from a list; each press keeps it."""

from typing import Any
from uuid import UUID, uuid5

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import body, drafts, rpc, schools, session
from gateway.forms import Form
from gateway.session import Here
from safekeep import clock
from safekeep.body.figures import DRAWINGS
from safekeep.body.marks import MOST_MARKS, MOST_POINTS, BodyMap, Mark, problems_of, region_of, with_age
from safekeep.body.regions import middle_of, shown
from safekeep.contracts.files import BodyMapAnswer, ReadBodyMap, SaveBodyMap, UndoBodyMap
from safekeep.errors import Invalid, NotFound

pages = Blueprint("body_maps", __name__)

AGE_OF_PHASE = {"nursery": "younger", "secondary": "older"}
"""Which figure a school begins with."""

TYPED = ("place", "placed_as", "points", "form", "kind", "what", "colour", "length_mm", "width_mm", "shape", "seen", "said")
"""The fields of one mark."""


def id_of(incident_id: UUID) -> UUID:
    """Return the id of the body map of an incident that is being written: it has one at most."""
    return uuid5(incident_id, "body map")


def read(typed: Form, *, token: str) -> BodyMapAnswer | None:
    """Return the body map a form refers to, or None where it has none (any more). Raises Unavailable."""
    body_map_id = typed.as_id("body_map_id")
    if body_map_id is None:
        return None
    try:
        return rpc.ask(rpc.build(ReadBodyMap, body_map_id=body_map_id), token=token)
    except NotFound:
        return None


@pages.get("/s/<slug>/incidents/new/<uuid:incident_id>/body-map")
def form(slug: str, incident_id: UUID) -> Any:
    """Show the body map as it is, and one of its marks when it is asked for."""
    here = session.recorder()
    drawn = _drawn(here, incident_id) or BodyMapAnswer(body_map_id=id_of(incident_id), body_map=_first(here), saved_at=clock.now(), steps=0)
    number = request.args.get("mark", 0, type=int)
    typed = _typed_of(drawn.body_map, number)
    return _show(typed, here=here, incident_id=incident_id, drawn=drawn, view=request.args.get("view", ""))


@pages.post("/s/<slug>/incidents/new/<uuid:incident_id>/body-map")
def change(slug: str, incident_id: UUID) -> Any:
    """Add, change or take off a mark, undo, turn to another drawing, or go back to the incident."""
    here = session.recorder()
    typed = Form.sent(request.form)
    drawn = _drawn(here, incident_id) or _keep(_first(here), here=here, incident_id=incident_id)  # looking at it kept nothing
    pressed, _, which = request.form.get("do", "add").partition(":")
    view = typed.one("view")
    if pressed == "view":
        return _show(typed, here=here, incident_id=incident_id, drawn=drawn, view=which)
    if pressed == "edit":
        return _back(slug, incident_id, view=view, mark=which)
    if pressed == "undo":
        if drawn.steps:
            rpc.ask(rpc.build(UndoBodyMap, body_map_id=id_of(incident_id), steps=drawn.steps), token=here.token)
        return _back(slug, incident_id, view=view)
    if pressed == "age":
        changed = with_age(drawn.body_map, which) if which in body.AGES else drawn.body_map
        drawn = _keep(changed, here=here, incident_id=incident_id)
        for name in ("points", "placed_as"):
            typed.put(name)  # they were of the other figure; the place by its name stays
        return _show(typed, here=here, incident_id=incident_id, drawn=drawn, view=view)
    if pressed == "remove":
        marks = [mark for number, mark in enumerate(drawn.body_map.marks, 1) if str(number) != which]
        _keep(drawn.body_map.model_copy(update={"marks": marks}), here=here, incident_id=incident_id)
        return _back(slug, incident_id, view=view)
    if pressed == "add" or _is_begun(typed, drawn.body_map):
        mark = _mark(typed, age=drawn.body_map.age, full=len(drawn.body_map.marks) >= MOST_MARKS)
        if mark is None:
            return _show(typed, here=here, incident_id=incident_id, drawn=drawn, view=view, status=422)
        number = _number(typed, drawn.body_map)
        marks = list(drawn.body_map.marks)
        marks[number - 1 if number else len(marks) :] = [mark, *(marks[number:] if number else [])]
        _keep(drawn.body_map.model_copy(update={"marks": marks}), here=here, incident_id=incident_id)
        view = mark.drawing
    if pressed == "done":
        return _to_incident(slug, incident_id, here=here)
    return _back(slug, incident_id, view=view)


def _to_incident(slug: str, incident_id: UUID, *, here: Here) -> Any:
    """Go back to the form, which refers to the body map from now on, also where this page was opened by its address."""
    typed = drafts.load(draft_id=incident_id, token=here.token) or Form({})
    if not typed.one("body_map_id"):
        typed.put("body_map_id", str(id_of(incident_id)))
        drafts.save(typed, draft_id=incident_id, token=here.token)
    return redirect(url_for("recording.form", slug=slug, incident_id=incident_id, _anchor="marks"), 303)


def _drawn(here: Here, incident_id: UUID) -> BodyMapAnswer | None:
    """Return the body map, once something was pressed."""
    return read(Form({"body_map_id": [str(id_of(incident_id))]}), token=here.token)


def _first(here: Here) -> BodyMap:
    """Return the figure a school begins with, without a mark."""
    found: BodyMap = rpc.build(BodyMap, age=AGE_OF_PHASE.get(schools.known(here).school.phase, "middle"))
    return found


def _keep(body_map: BodyMap, *, here: Here, incident_id: UUID) -> BodyMapAnswer:
    return rpc.ask(rpc.build(SaveBodyMap, body_map_id=id_of(incident_id), draft_id=incident_id, body_map=body_map), token=here.token)


def _back(slug: str, incident_id: UUID, *, view: str, mark: str = "") -> Any:
    return redirect(url_for("body_maps.form", slug=slug, incident_id=incident_id, view=view or None, mark=mark or None, _anchor="map"), 303)


def _number(typed: Form, body_map: BodyMap) -> int:
    """Return the number of the mark that is being changed, or 0 for a new one."""
    number = typed.one("mark")
    return int(number) if number.isdecimal() and len(number) < 5 and int(number) <= len(body_map.marks) else 0


def _is_begun(typed: Form, body_map: BodyMap) -> bool:
    """Whether anything of a mark stands in the form that is not kept yet."""
    as_kept = _typed_of(body_map, _number(typed, body_map))
    return any(typed.one(name).strip() != as_kept.one(name) for name in TYPED if name != "form")


def _typed_of(body_map: BodyMap, number: int) -> Form:
    """Return the fields of one of the marks; empty for none."""
    if not 0 < number <= len(body_map.marks):
        return Form({})
    mark = body_map.marks[number - 1]
    place = f"{mark.drawing}.{mark.region}"
    typed = Form({name: [str(getattr(mark, name) or "")] for name in TYPED if name in Mark.model_fields and name != "points"})
    typed.put("mark", str(number))
    typed.put("view", mark.drawing)
    typed.put("place", place)
    typed.put("placed_as", place)
    typed.put("points", " ".join(f"{x},{y}" for x, y in mark.points))
    return typed


def _mark(typed: Form, *, age: str, full: bool) -> Mark | None:
    """Return the mark as typed, or None with the problems noted."""
    drawing, _, region = typed.one("place").partition(".")
    points = _points(typed)
    form = typed.one("form") or "point"
    if full and not typed.one("mark"):
        typed.refuse("place", "too_many_marks")
    elif not typed.one("place"):
        typed.refuse("place", "place_missing")
    elif drawing not in DRAWINGS or region not in shown(drawing):
        typed.refuse("place", "unknown_choice")
    elif points and typed.one("placed_as") == typed.one("place"):
        region = region_of(points, drawing=drawing, age=age) or ""
        if not region:
            typed.refuse("place", "not_on_body")
    else:  # by the list alone
        x, y = middle_of(region, drawing=drawing, age=age)
        points, form = [(round(x), round(y))], "point"
    if not typed.one("kind"):
        typed.refuse("kind", "kind_missing")
    if typed.one("kind") == "other" and not typed.one("what").strip():
        typed.refuse("what", "say_what")
    length, width = _millimetres(typed, "length_mm"), _millimetres(typed, "width_mm")
    if typed.problems:
        return None
    words = {name: typed.one(name) for name in ("kind", "colour", "shape", "seen", "said")} | {
        "what": typed.one("what") if typed.one("kind") == "other" else ""
    }
    try:
        mark = rpc.build(Mark, drawing=drawing, region=region, form=form, points=points[:MOST_POINTS], length_mm=length, width_mm=width, **words)
    except Invalid as error:
        problems = error.problems
    else:
        problems = problems_of(BodyMap(marks=[mark]))
    for path, code in problems.items():
        field = path.rpartition(".")[2] if path.startswith("marks.") else path.split(".")[0]
        typed.refuse(field if field in typed.fields and field != "points" else "place", code)
    return None if typed.problems else mark


def _points(typed: Form) -> list[tuple[int, int]]:
    """Return the points that were drawn; what cannot be read is as if nothing had been."""
    try:
        pairs = [pair.split(",") for pair in typed.one("points").split()]
        return [(round(float(x)), round(float(y))) for x, y in pairs]
    except (ValueError, OverflowError):
        return []


def _millimetres(typed: Form, name: str) -> int | None:
    value = typed.one(name).strip().lower().removesuffix("mm").strip()
    if not value:
        return None
    if not (value.isascii() and value.isdigit()):
        typed.refuse(name, "not_a_number")
        return None
    number = int(value[:9])
    if number < 1:
        typed.refuse(name, "too_small")
    elif number > 2000:
        typed.refuse(name, "too_large")
    return number


def _show(typed: Form, *, here: Here, incident_id: UUID, drawn: BodyMapAnswer, view: str, status: int = 200) -> Any:
    number = _number(typed, drawn.body_map)
    view = view or typed.one("view") or "front"
    page = {
        "form": typed,
        "incident_id": incident_id,
        "drawn": drawn,
        "number": number,
        "view": view if view in DRAWINGS else "front",
        "points": _points(typed) if typed.one("placed_as") == typed.one("place") else [],
    }
    return render_template("body_maps/form.html", **page), status
