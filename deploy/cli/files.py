"""Files: what has to be done after a backup was restored."""

import argparse

from deploy.cli import Place, Said, verb
from safekeep.contracts.files import DestroyAgain

SECONDS = 900.0
"""Every recorded file of every school is asked about, five hundred at a time."""


def install(noun: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verb(noun, "destroy-again", _destroy_again, "After files' database was restored: destroy again the keys of the files that were destroyed since.")


def _destroy_again(chosen: argparse.Namespace, place: Place) -> Said:
    done = place.ask(DestroyAgain(), seconds=SECONDS)
    found = {"compared": done.compared, "destroyed": done.destroyed}
    if not done.destroyed:
        return Said(f"Of {done.compared} recorded files with a key none had been destroyed: nothing was changed.", found)
    return Said(f"Of {done.compared} recorded files with a key {done.destroyed} had been destroyed. They are again.", found)
