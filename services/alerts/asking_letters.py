"""What mail says that asks again. Whose role does not open the entry learns the school and the number, and whom to reach; no more."""

from typing import Final

KINDS: Final = frozenset({"asked_unread", "asked_unled", "asked_unread_trust", "asked_unled_trust", "asked_lead"})


def for_reader(kind: str, *, school_name: str, number: str, link: str) -> tuple[str, str]:
    """Return subject and text for somebody who may open it."""
    if kind == "asked_lead":
        said = f"A DSL asks you to take over concern {number} at {school_name}. Nothing changes before you press “I am leading this”."
        return "You are asked to lead a concern", f"{said}\n\n{link}\n"
    if kind == "asked_unread":
        said = f"Concern {number} at {school_name} has waited unread, or something added to it has. Please read it now."
        return "A concern has waited unread", f"{said}\n\n{link}\n"
    said = (
        f"Nobody is leading concern {number} at {school_name}. If you take it on, press “I am leading this”. You are asked again until somebody does."
    )
    return "Nobody is leading a concern", f"{said}\n\n{link}\n"


def for_other(kind: str, *, school_name: str, number: str) -> tuple[str, str]:
    """Return subject and text for somebody who may not open it: the head of a school, the trust's safeguarding lead."""
    what = "has waited unread" if kind.startswith("asked_unread") else "has been read, and nobody is leading it"
    said = f"Concern {number} at {school_name} {what}.\nReach a DSL now, in person or by telephone. You cannot open it from here."
    return "A concern is waiting: reach a DSL", f"{said}\n"
