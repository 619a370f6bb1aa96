"""The first administrator: make the one-time link that begins an empty installation."""

import argparse

from deploy.cli import CannotDo, Place, Said, does_this
from safekeep.contracts.identity import FirstAdministrator
from safekeep.errors import Conflict


def install(noun: argparse.ArgumentParser) -> None:
    """It is one verb by itself."""
    does_this(noun, _link)


def _link(chosen: argparse.Namespace, place: Place) -> Said:
    link = first_link(place)
    return Said(
        f"Open this once, within 24 hours, to name the trust and its first administrator:\n{link}\nA link made before is void.", {"link": link}
    )


def first_link(place: Place) -> str:
    """Return the address that begins an empty installation. Raises CannotDo where somebody has an account already."""
    try:
        token = place.ask(FirstAdministrator()).token
    except Conflict:
        raise CannotDo("This installation has an administrator already: nothing was made.") from None
    return f"{place.setting('PUBLIC_URL').rstrip('/')}/begin/{token}"
