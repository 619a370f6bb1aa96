"""The providers that the sign-in page offers beside the password: remembered some seconds in this process."""

import time
from typing import Final

from gateway import rpc
from safekeep.contracts.identity import ProviderOffer, ProviderOffers
from safekeep.errors import SafekeepError

_SECONDS: Final = 10.0
_SECONDS_AFTER_FAILURE: Final = 3.0
_remembered: tuple[list[ProviderOffer], float] = ([], 0.0)


def offered() -> list[ProviderOffer]:
    """Return the providers the sign-in page offers; none while identity does not answer, since the page itself must."""
    global _remembered
    found, ends = _remembered
    if ends < time.monotonic():
        lasts = _SECONDS
        try:
            found = rpc.ask(ProviderOffers(), token="", seconds=3.0).items
        except SafekeepError:
            lasts = _SECONDS_AFTER_FAILURE
        _remembered = (found, time.monotonic() + lasts)
    return found


def forget() -> None:
    """Ask again: a provider was added, changed or removed here."""
    global _remembered
    _remembered = ([], 0.0)
