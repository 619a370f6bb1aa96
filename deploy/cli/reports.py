"""Reports: make a school's counts anew from the record."""

import argparse
from uuid import UUID

from deploy.cli import Place, Said, verb
from safekeep.contracts.reports import Rebuild

SECONDS = 900.0
"""A school's whole record is read again; a small one takes seconds."""


def install(noun: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    rebuild = verb(noun, "rebuild", _rebuild, "Compare a school's counts with its record, and make anew what differs, while Safekeep runs.")
    rebuild.add_argument("--school", required=True, type=UUID, help="the school's id, as safekeep school add and the log say it")


def _rebuild(chosen: argparse.Namespace, place: Place) -> Said:
    done = place.ask(Rebuild(), school_id=chosen.school, seconds=SECONDS)
    found = {"school": chosen.school, "incidents": done.incidents, "differences": done.differences}
    if not done.differences:
        return Said(f"All {done.incidents} incidents count as the record says: nothing was changed.", found)
    return Said(f"Of {done.incidents} incidents {done.differences} did not count as the record says. They do now.", found)
