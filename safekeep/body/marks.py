"""What a body map is, as data (schema 1): the marks with where they are, and the words it is read aloud and searched by."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from safekeep.body import figures
from safekeep.body.regions import REGIONS, middle_of, region_at, shown
from safekeep.contracts import Code, Contract, Line, Passage

VERSION: Final = 1
MOST_MARKS: Final = 40
MOST_POINTS: Final = 80

Age = Literal["younger", "middle", "older"]
Drawing = Literal["front", "back", "left", "right", "head", "hands", "feet"]
Form = Literal["point", "line", "area"]
MarkKind = Literal["bruise", "cut", "burn", "bite", "scald", "swelling", "scratch", "other"]
HowSeen = Literal["", "in_plain_sight", "child_showed", "first_aid", "personal_care", "not_seen"]

KINDS: Final[dict[str, str]] = {
    "bruise": "Bruise",
    "cut": "Cut",
    "burn": "Burn",
    "bite": "Bite",
    "scald": "Scald",
    "swelling": "Swelling",
    "scratch": "Scratch",
    "other": "Other mark",
}
SEEN: Final[dict[str, str]] = {
    "in_plain_sight": "seen in plain sight, no clothing moved",
    "child_showed": "the child chose to show it",
    "first_aid": "seen while giving first aid",
    "personal_care": "seen during personal care the child needs",
    "not_seen": "not seen, told of it",
}
FORMS: Final = {"point": "", "line": "drawn as a line", "area": "drawn as an area"}
FEWEST: Final = {"point": 1, "line": 2, "area": 3}
AGES: Final = {"younger": "a younger child", "middle": "a child of primary age", "older": "an older child"}

_Millimetres = Annotated[int, Field(ge=1, le=2000)]
_Point = tuple[Annotated[int, Field(ge=0, le=1000)], Annotated[int, Field(ge=0, le=1000)]]


class Mark(Contract):
    """One mark or injury. `region` is a name that is read aloud; `points` are in the drawing's own units (figures.SIZES)."""

    drawing: Drawing
    region: Code
    form: Form = "point"
    points: list[_Point] = Field(min_length=1, max_length=MOST_POINTS)
    kind: MarkKind
    what: Line = ""  # of the kind "other": what it is
    colour: Line = ""
    length_mm: _Millimetres | None = None
    width_mm: _Millimetres | None = None
    shape: Line = ""
    seen: HowSeen = ""
    said: Passage = ""


class BodyMap(Contract):
    """A body map, version 1: the figure's age and the marks, numbered from 1 in their order."""

    version: Literal[1] = 1
    age: Age = "middle"
    marks: list[Mark] = Field(default=[], max_length=MOST_MARKS)


class SealedBodyMap(BodyMap):
    """A body map as it was recorded, with the words it is read aloud by, a line a mark."""

    words: list[str]


def problems_of(body_map: BodyMap) -> dict[str, str]:
    """Return what is wrong with the marks, {"marks.<index>.<field>": code}: not on the drawing, too few points, or "other" and nothing said."""
    problems = {}
    for index, mark in enumerate(body_map.marks):
        wide, high = figures.SIZES[mark.drawing]
        if mark.region not in shown(mark.drawing):
            problems[f"marks.{index}.region"] = "unknown_choice"
        if len(mark.points) < FEWEST[mark.form] or any(x > wide or y > high for x, y in mark.points):
            problems[f"marks.{index}.points"] = "not_on_body"
        if mark.kind == "other" and not mark.what:
            problems[f"marks.{index}.what"] = "say_what"
    return problems


def sealed(body_map: BodyMap) -> dict[str, Any]:
    """Return what is committed to in the ledger and kept with the entry: JSON values, the words among them."""
    return {**body_map.wire(), "words": in_words(body_map)}


def in_words(body_map: BodyMap) -> list[str]:
    """Return a line a mark, as it is read aloud, searched and printed."""
    return [said_of(mark, number=number) for number, mark in enumerate(body_map.marks, 1)]


SAID: Final = "The child said: “"
"""What stands before the child's own words in a mark's line: what is before it says where the mark is, and how it looks."""


def said_of(mark: Mark, *, number: int) -> str:
    """Return "1. Bruise, left forearm, outer. Yellow, 20 mm by 15 mm, oval. …"."""
    kind = mark.what if mark.kind == "other" else KINDS[mark.kind]
    look = ", ".join(part for part in (mark.colour, size(mark), mark.shape, FORMS[mark.form]) if part)
    sentences = [f"{number}. {kind}, {REGIONS[mark.region]}", look, SEEN.get(mark.seen, ""), f"{SAID}{mark.said}”" if mark.said else ""]
    return " ".join(f"{_sentence(part)}" for part in sentences if part)


def size(mark: Mark) -> str:
    """Return "20 mm by 15 mm", "20 mm", or nothing."""
    return " by ".join(f"{n} mm" for n in (mark.length_mm, mark.width_mm) if n)


def region_of(points: list[tuple[int, int]], *, drawing: str, age: str) -> str | None:
    """Return the region in which most of a mark's points lie, or None for one drawn beside the body."""
    found = [region for point in points if (region := region_at(point, drawing=drawing, age=age))]
    return max(found, key=lambda region: (found.count(region), -found.index(region))) if found else None


def with_age(body_map: BodyMap, age: str) -> BodyMap:
    """Return the marks on a figure of another age, each where it was on the body: in the same region, as far from its middle."""
    return BodyMap.model_validate({"age": age, "marks": [_moved(mark, old=body_map.age, new=age) for mark in body_map.marks]})


def _moved(mark: Mark, *, old: str, new: str) -> Mark:
    (x1, y1), (x2, y2) = (middle_of(mark.region, drawing=mark.drawing, age=age) for age in (old, new))
    wide, high = figures.SIZES[mark.drawing]
    points = [(min(max(round(x + x2 - x1), 0), wide), min(max(round(y + y2 - y1), 0), high)) for x, y in mark.points]
    if region_of(points, drawing=mark.drawing, age=new) != mark.region and mark.form == "point":
        points = [(round(x2), round(y2))]
    return mark.model_copy(update={"points": points})


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "”")) else text + "."
