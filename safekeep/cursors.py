"""Where a list goes on: the place of the last row, which a caller brings back. Until it is read it is a stranger's text."""

import base64
import json
from collections.abc import Callable
from typing import Any

from safekeep.errors import Invalid


def write(*place: Any) -> str:
    """Return a place (what JSON can hold) as a cursor."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def read(cursor: str | None, *reads: Callable[[Any], Any]) -> Any:
    """Return the place, each part read by its own of `reads` in turn; None at the beginning. Raises Invalid({"cursor": "invalid"})."""
    if cursor is None:
        return None
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor))
        return tuple(reading(part) for reading, part in zip(reads, place, strict=True))
    except (ValueError, TypeError, AttributeError, RecursionError):  # UUID takes a number for a text; JSON may be as deep as it is long
        raise Invalid({"cursor": "invalid"}) from None
