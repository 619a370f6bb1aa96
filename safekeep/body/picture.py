"""A body map as SVG: the same picture on the page and in print. On the page the colours come from the style sheet, in print from here."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from html import escape
from typing import Any, Final

from safekeep.body import figures
from safekeep.body.figures import SIZES
from safekeep.body.marks import AGES, BodyMap, Mark, SealedBodyMap
from safekeep.body.shapes import Point, path

PRINTED: Final = (
    ".bm-edge{fill:#5b5366;stroke:#5b5366}.bm-skin{fill:#f6f3f8}.bm-line{stroke:#a79fb3}.bm-dot{fill:#857c93}.bm-title{fill:#44403a}"
    ".bm-draw{stroke:#a8141e;fill:none}.bm-draw--area{fill:#a8141e;fill-opacity:.2}.bm-badge{fill:#a8141e;stroke:#fff}.bm-number{fill:#fff}"
)
BADGE: Final = {"front": 17.0, "back": 17.0, "left": 17.0, "right": 17.0, "head": 26.0, "hands": 26.0, "feet": 26.0}
"""How large a mark's number is, in the drawing's units."""


@cache
def body(*, drawing: str, age: str) -> str:
    """Return the drawing alone, as what goes into an svg element."""
    figure, heavy = figures.figure(drawing=drawing, age=age), "4.5" if figures.SIZES[drawing][0] < 1000 else "6"
    said = []
    for number, layer in enumerate(figure.layers):
        outline = "".join(path(shape) for shape in layer)
        said.append(f'<path class="bm-edge" d="{outline}" stroke-width="{heavy}" stroke-linejoin="round"/>')
        said.append(f'<path class="bm-skin" data-skin="{number}" d="{outline}"/>')
    said += [f'<path class="bm-line" d="{path(line, closed=False)}" fill="none" stroke-width="2.4" stroke-linecap="round"/>' for line in figure.lines]
    said += [f'<path class="bm-dot" d="{path(dot)}"/>' for dot in figure.dots]
    return "".join(said)


def titles(*, drawing: str, age: str, names: Mapping[str, str]) -> str:
    """Return what stands above each of several figures in one drawing."""
    placed = figures.figure(drawing=drawing, age=age).titles
    return "".join(
        f'<text class="bm-title" x="{x:g}" y="{y:g}" font-size="30" text-anchor="middle">{escape(str(names[code]))}</text>' for code, (x, y) in placed
    )


def mark(mark: Mark, *, number: int, classes: str = "") -> str:
    """Return one mark with its number."""
    radius = BADGE[mark.drawing]
    x, y = map(float, mark.points[0])
    drawn = ""
    if mark.form != "point":
        outline = "M" + "L".join(f"{px} {py}" for px, py in mark.points) + ("Z" if mark.form == "area" else "")
        drawn = f'<path class="bm-draw bm-draw--{mark.form}" d="{outline}" stroke-width="6" stroke-linejoin="round" stroke-linecap="round"/>'
        x, y = _beside(mark.points, drawing=mark.drawing, radius=radius)
    number_size: float = radius * (1.25 if number < 10 else 1.05)
    return (
        f'<g class="bm-mark {classes}">{drawn}<circle class="bm-badge" cx="{x:g}" cy="{y:g}" r="{radius:g}" stroke-width="3"/>'
        f'<text class="bm-number" x="{x:g}" y="{y + number_size * 0.36:g}" font-size="{number_size:g}" font-weight="700" text-anchor="middle">{number}</text></g>'
    )


def printed(body_map: BodyMap, *, drawing: str, names: Mapping[str, str], only: Collection[int] | None = None) -> str:
    """Return a drawing with its marks as an SVG of its own, with its colours; `only` those of these numbers, which they keep."""
    wide, high = figures.SIZES[drawing]
    marks = "".join(mark(m, number=n) for n, m in enumerate(body_map.marks, 1) if m.drawing == drawing and (only is None or n in only))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" font-family="Noto Sans">'
        f"<style>{PRINTED}</style>{body(drawing=drawing, age=body_map.age)}{titles(drawing=drawing, age=body_map.age, names=names)}{marks}</svg>"
    )


def used(body_map: BodyMap, *, only: Collection[int] | None = None) -> list[str]:
    """Return the drawings that have a mark, in their order; `only` marks of these numbers."""
    on = {m.drawing for n, m in enumerate(body_map.marks, 1) if only is None or n in only}
    return [drawing for drawing in figures.DRAWINGS if drawing in on]


def _beside(points: Sequence[tuple[int, int]], *, drawing: str, radius: float) -> Point:
    """Return where the number of a line or an area goes: just above its highest point, on the drawing."""
    x, y = min(points, key=lambda p: p[1])
    wide, _ = figures.SIZES[drawing]
    return min(max(x, radius), wide - radius), max(y - radius * 1.25, radius)


NAMES: Final = {
    "front": "The front",
    "back": "The back",
    "left": "Left side",
    "right": "Right side",
    "head": "The head",
    "hands": "Hands",
    "feet": "Feet",
}
TITLES: Final = {
    "from_front": "From the front",
    "from_back": "From behind",
    "left_side": "Left side",
    "right_side": "Right side",
    "left_hand_back": "Left hand, back",
    "right_hand_back": "Right hand, back",
    "left_palm": "Left palm",
    "right_palm": "Right palm",
    "left_foot_top": "Left foot, from above",
    "right_foot_top": "Right foot, from above",
    "left_sole": "Left sole",
    "right_sole": "Right sole",
}


def for_document(body_map: SealedBodyMap, *, only: Collection[int] | None = None, words: Sequence[str] | None = None) -> dict[str, Any]:
    """Return what a printed document says of a body map (safekeep/document.typ): its drawings, each with what it shows in words, and the words.

    `only` marks of these numbers are drawn; `words` stand in place of its own, a line a mark.
    """
    words, drawings = body_map.words if words is None else words, []
    for drawing in used(body_map, only=only):
        on = [n for n, mark in enumerate(body_map.marks, 1) if mark.drawing == drawing and (only is None or n in only)]
        alt = f"{NAMES[drawing]} of {AGES[body_map.age]}, with numbered marks: {' '.join(words[n - 1] for n in on)}"
        svg = printed(body_map, drawing=drawing, names=TITLES, only=only)
        drawings.append({"name": NAMES[drawing], "svg": svg, "alt": alt, "wide": "wide" if SIZES[drawing][0] == 1000 else ""})
    return {"drawings": drawings, "words": list(words)}
