"""What is written to somebody who asked for information. Pure; printed by safekeep.printing."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from safekeep import printing
from services.reports.requests import Kind

_OWN: Final = (
    "If you think this is wrong, complain to us: within 30 days we say that we have your complaint. You may also complain to the "
    "Information Commissioner (ico.org.uk), or ask a court."
)
RIGHTS: Final[Mapping[Kind, str]] = {
    "subject_access_parent": _OWN,
    "subject_access_pupil": _OWN,
    "freedom_of_information": (
        "If you think this is wrong, ask us to look at it again. If you are not content then, you may complain to the "
        "Information Commissioner (ico.org.uk)."
    ),
    "court": "",
    "police": "",
}
"""What whoever asked may do next (UK GDPR art. 12(4), Data Protection Act 2018 s. 164A and 167; Freedom of Information Act 2000 s. 17(7), s. 50)."""


def nothing_held(*, kind: Kind, school: str, asker: str, reference: str, received: date, on: date, by: str, scope: str) -> dict[str, str]:
    """Return what the letter says that nothing is held, as it is kept."""
    return {
        "kind": kind,
        "school": school,
        "asker": asker,
        "reference": reference,
        "received": received.isoformat(),
        "on": on.isoformat(),
        "by": by,
        "scope": scope,
    }


def document(kept: Mapping[str, str]) -> dict[str, Any]:
    """Return all that the letter says, in strings."""
    received, on = date.fromisoformat(kept["received"]), date.fromisoformat(kept["on"])
    facts = {
        "From": kept["school"],
        "To": kept["asker"],
        "Date": _day(on),
        "Our reference": kept["reference"],
        "You asked on": _day(received),
        "For": kept["scope"],
    }
    title = "Your request for information"
    return {
        "title": title,
        "description": f"{title}: answer of {kept['school']}",
        "footer": f"{kept['school']}, reference {kept['reference']}",
        "facts": [{"name": name, "value": value} for name, value in facts.items() if value],
        "notes": [
            "We have looked through the school’s safeguarding record for what you asked for. Nothing is held.",
            *([RIGHTS[kept["kind"]]] if RIGHTS[kept["kind"]] else []),  # type: ignore[index]
        ],
        "empty": f"{kept['by']}, for {kept['school']}",
        "months": [],
        "made": {"year": on.year, "month": on.month, "day": on.day, "hour": 12, "minute": 0, "second": 0},  # the same letter is the same file
        "fonts": list(printing.FONTS),
    }


def pdf(kept: Mapping[str, str]) -> bytes:
    """Return the letter as PDF/A-2a and PDF/UA-1. Raises printing.NotPrinted."""
    return printing.pdf(document(kept))


def _day(value: date) -> str:
    return f"{value.day} {value:%B %Y}"
