"""People: help somebody who lost every key, and whom no DSL can help."""

import argparse

from deploy.cli import CannotDo, Place, Said, verb
from safekeep.contracts.identity import HelpLostKeys
from safekeep.errors import NotFound


def install(noun: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    lost = verb(noun, "lost-keys", _lost_keys, "Disable every app and key of somebody, and make a pass with which they set up a new one.")
    lost.add_argument("email", help="the e-mail address they sign in with")
    lost.add_argument("--how", required=True, choices=("in-person", "known-number"), help="how you made sure who asks, and will tell them the pass")


def _lost_keys(chosen: argparse.Namespace, place: Place) -> Said:
    wanted = {"email": chosen.email, "how": chosen.how.replace("-", "_")}
    try:
        made = place.ask(HelpLostKeys.receive(wanted))
    except NotFound:
        raise CannotDo(f"Nobody signs in as {chosen.email}: nothing was done.") from None
    keys = "They had no app or key." if not made.disabled else f"Disabled: {made.disabled}, with every place signed in with them."
    mailed = "They are sent an e-mail, and so are the DSLs; it is in the audit log."
    text = f"{keys}\nThe pass, once, within ten minutes, after their password: {made.code}\n{mailed}"
    return Said(text, {"code": made.code, "disabled": made.disabled, "email": chosen.email})
