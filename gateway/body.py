"""The body map in the reader's language, and as a picture on a page."""

from typing import Any

from flask_babel import gettext, lazy_gettext, pgettext
from markupsafe import Markup, escape

from safekeep.body import picture
from safekeep.body.figures import SIZES, figure
from safekeep.body.marks import BodyMap, Mark
from safekeep.body.regions import REGIONS, shown
from safekeep.body.shapes import Shape

_ = lazy_gettext

AGES = {"younger": _("Under 5"), "middle": _("5 to 10"), "older": _("11 and over")}
TITLES = {
    "from_front": _("From the front"),
    "from_back": _("From behind"),
    "left_side": _("Left side"),
    "right_side": _("Right side"),
    "left_hand_back": _("Left hand, back"),
    "right_hand_back": _("Right hand, back"),
    "left_palm": _("Left palm"),
    "right_palm": _("Right palm"),
    "left_foot_top": _("Left foot, from above"),
    "right_foot_top": _("Right foot, from above"),
    "left_sole": _("Left sole"),
    "right_sole": _("Right sole"),
}
KINDS = {
    "bruise": _("Bruise"),
    "cut": _("Cut"),
    "burn": _("Burn"),
    "bite": _("Bite"),
    "scald": _("Scald"),
    "swelling": _("Swelling"),
    "scratch": _("Scratch"),
    "other": _("Other mark"),
}
SEEN = {
    "in_plain_sight": _("In plain sight, no clothing moved"),
    "child_showed": _("The child chose to show it"),
    "first_aid": _("While giving first aid"),
    "personal_care": _("During personal care the child needs"),
    "not_seen": _("Not seen: I was told of it"),
}
FORMS = {"point": _("Point"), "line": _("Line"), "area": _("Area")}
COLOURS = (_("red"), _("purple"), _("blue"), _("green"), _("yellow"), _("brown"), _("black"), _("pale"))
SHAPES = (_("round"), _("oval"), _("straight line"), _("curved line"), _("like fingertips"), _("like a hand"), _("like a loop"), _("no clear edge"))


def drawings() -> dict[str, str]:
    """Return what each drawing is called. The same words mean other things elsewhere."""
    return {
        "front": pgettext("body map", "Front"),
        "back": pgettext("body map", "Back"),
        "left": pgettext("body map", "Left"),
        "right": pgettext("body map", "Right"),
        "head": pgettext("body map", "Head"),
        "hands": pgettext("body map", "Hands"),
        "feet": pgettext("body map", "Feet"),
    }


def region(code: str) -> str:
    """Return what a region is called."""
    return str(gettext(REGIONS[code]))


def places() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return every place that can be chosen from a list, by drawing: (name of the drawing, [(value, name of the region)])."""
    return [(name, [(f"{drawing}.{code}", region(code)) for code in shown(drawing)]) for drawing, name in drawings().items()]


def kind(mark: Mark) -> str:
    """Return what a mark is."""
    return mark.what if mark.kind == "other" else str(KINDS[mark.kind])


def size(mark: Mark) -> str:
    """Return a mark's size in words, or ""."""
    if mark.length_mm and mark.width_mm:
        return str(gettext("%(length)s mm by %(width)s mm", length=mark.length_mm, width=mark.width_mm))
    return str(gettext("%(length)s mm", length=mark.length_mm or mark.width_mm)) if mark.length_mm or mark.width_mm else ""


def facts(mark: Mark) -> list[str]:
    """Return what else is known of a mark, each in a few words."""
    seen = str(SEEN[mark.seen]) if mark.seen else ""
    return [fact for fact in (mark.colour, size(mark), mark.shape, seen) if fact]


def count(body_map: BodyMap, drawing: str) -> int:
    """Return how many marks a drawing has."""
    return sum(mark.drawing == drawing for mark in body_map.marks)


def used(body_map: BodyMap) -> list[str]:
    """Return the drawings with marks."""
    return picture.used(body_map)


def image(body_map: BodyMap, drawing: str) -> Markup:
    """Return a drawing with its marks, to look at. What it shows stands in words beside it."""
    marks = "".join(picture.mark(m, number=n) for n, m in enumerate(body_map.marks, 1) if m.drawing == drawing)
    label = gettext("Body map, %(drawing)s, with numbered marks. They are described in the list.", drawing=drawings()[drawing])
    return _svg(drawing, f'role="img" aria-label="{escape(label)}"', _body(body_map.age, drawing) + marks)


def canvas(body_map: BodyMap, drawing: str, *, changing: int | None, address: str) -> Markup:
    """Return a drawing to mark on: each mark leads to where it is changed; regions are there to be felt for, and are not seen."""
    polygons = "".join(
        f'<polygon class="bm-region" data-region="{drawing}.{code}" data-name="{escape(region(code))}" points="{_pairs(polygon)}"/>'
        for code, polygon in figure(drawing=drawing, age=body_map.age).regions
    )
    marks = "".join(
        f'<a href="{escape(address)}?view={drawing}&amp;mark={n}#mark" aria-label="{escape(_named(m, n))}">'
        f"{picture.mark(m, number=n, classes='bm-mark--changing' if n == changing else '')}</a>"
        for n, m in enumerate(body_map.marks, 1)
        if m.drawing == drawing
    )
    label = gettext("Body map, %(drawing)s. To place a mark without pointing, choose the place from the list.", drawing=drawings()[drawing])
    return _svg(drawing, f'role="group" aria-label="{escape(label)}"', f"{_body(body_map.age, drawing)}{polygons}{marks}<g data-drawn></g>")


def _pairs(points: Shape) -> str:
    return " ".join(f"{x:.0f},{y:.0f}" for x, y in points)


def _named(mark: Mark, number: int) -> str:
    return str(gettext("Mark %(number)s: %(kind)s, %(region)s. Change it", number=number, kind=kind(mark), region=region(mark.region)))


def _body(age: str, drawing: str) -> str:
    return picture.body(drawing=drawing, age=age) + picture.titles(drawing=drawing, age=age, names=TITLES)


def _svg(drawing: str, attributes: str, inside: Any) -> Markup:
    wide, high = SIZES[drawing]
    return Markup(f'<svg class="bm" viewBox="0 0 {wide} {high}" data-drawing="{drawing}" {attributes}>{inside}</svg>')  # noqa: S704 - ours, each word in it escaped
