"""The drawings' source: a child of three ages, front, back, from both sides, and the head, hands and feet larger.

Drawn for this project. A figure is 1,000 high; each age is a row of measures, and each part a few points in units of those measures.
Nothing of a face is more than is needed to see which way it looks, and the figure has no sex, hair or clothes.
"""

from dataclasses import dataclass, field
from typing import Final

from safekeep.body.shapes import Line, Point, Shape

AGES: Final = ("younger", "middle", "older")
DRAWINGS: Final = ("front", "back", "left", "right", "head", "hands", "feet")
SIZES: Final[dict[str, tuple[int, int]]] = {
    **dict.fromkeys(("front", "back"), (520, 1000)),
    **dict.fromkeys(("left", "right"), (420, 1000)),
    **dict.fromkeys(("head", "hands", "feet"), (1000, 1000)),
}
"""How wide and high each drawing is, in its own units."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What makes a figure the age it is. Lengths in thousandths of its height; `half` is from the middle line outwards."""

    head: float
    face: float  # half the head's width
    cheek: float  # how full the lower face is, 1 for an adult's
    neck: float
    neck_half: float
    shoulder_half: float
    chest_half: float
    waist_half: float
    hip_half: float
    crotch: float  # from the crown down
    arm: float  # half the upper arm's thickness
    leg: float  # half the thigh's
    hand: float
    foot: float
    lean: float  # degrees by which the arms stand off

    @property
    def shoulder(self) -> float:
        return TOP + self.head + self.neck

    @property
    def reach(self) -> float:
        """From the shoulder's joint to the wrist."""
        return (self.crotch - self.shoulder) * 0.93


TOP: Final = 14.0
SOLE: Final = 978.0
MEASURES: Final = {
    "younger": Measures(212, 88, 1.07, 4, 41, 112, 86, 88, 88, 648, 29, 46, 76, 74, 17),
    "middle": Measures(172, 68, 1.03, 20, 33, 110, 80, 73, 79, 580, 24, 40, 78, 80, 13),
    "older": Measures(145, 56, 1.0, 30, 28, 114, 82, 68, 79, 530, 23, 40, 79, 78, 11),
}


@dataclass(slots=True)
class Figure:
    """A drawing: layers of shapes, each layer with one outline round all of it; fine lines on top; and the polygons of its regions.

    The polygons only divide: what shows of a region is inside the outline. Of two that overlap the later one counts.
    """

    layers: list[list[Shape]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    dots: list[Shape] = field(default_factory=list)
    regions: list[tuple[str, Shape]] = field(default_factory=list)
    titles: list[tuple[str, Point]] = field(default_factory=list)  # which of several in one drawing, and where it is said


def down(m: Measures, part: float) -> float:
    """Return how far down a part of the way from the shoulders to the crotch is."""
    return m.shoulder + (m.crotch - m.shoulder) * part


def shank(m: Measures, part: float) -> float:
    """Return how far down a part of the way from the crotch to the ankle is."""
    return m.crotch + (ankle(m) - m.crotch) * part


def ankle(m: Measures) -> float:
    return SOLE - m.foot * 0.52
