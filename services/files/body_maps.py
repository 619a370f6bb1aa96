"""The rules of a body map that is being drawn: it is its author's alone, and its last changes can be undone. Pure."""

from collections.abc import Sequence
from typing import Any, Final

STEPS: Final = 20
"""How many changes can be undone."""


def changed(*, now: Any, before: Any, earlier: Sequence[Any]) -> list[Any]:
    """Return what there is to go back to once `before` has become `now`. What is saved again as it was is no change."""
    return list(earlier) if before is None or before == now else [*earlier, before][-STEPS:]
