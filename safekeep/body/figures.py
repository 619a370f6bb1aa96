"""The drawings by their names."""

from collections.abc import Callable
from functools import cache
from typing import Final

from safekeep.body.aside import aside
from safekeep.body.closer import feet, hands, heads
from safekeep.body.measures import AGES, DRAWINGS, MEASURES, SIZES, Figure, Measures
from safekeep.body.upright import upright

__all__ = ["AGES", "DRAWINGS", "SIZES", "Figure", "figure"]


_DRAWN: Final[dict[str, Callable[[Measures, str], Figure]]] = {
    "front": upright,
    "back": upright,
    "left": aside,
    "right": aside,
    "head": heads,
    "hands": hands,
    "feet": feet,
}


@cache
def figure(*, drawing: str, age: str) -> Figure:
    """Return a drawing of a child of an age."""
    return _DRAWN[drawing](MEASURES[age], drawing)
