"""Keys: exchange them while everything runs."""

import argparse
from pathlib import Path

from cryptography.exceptions import InvalidTag

from deploy.cli import CannotDo, Place, Said, verb
from safekeep import clock, keys


def install(noun: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    rotate = verb(noun, "rotate", _rotate, "Make new keys; every process uses them within a second or two, without a restart.")
    rotate.add_argument("purposes", nargs="*", metavar="purpose", help=f"which ones (usually all): {', '.join(keys.ROTATED)}")
    rotate.add_argument("--at-once", action="store_true", help="the old ones have leaked: what they signed counts no longer from now on")


def _rotate(chosen: argparse.Namespace, place: Place) -> Said:
    folder = Path(place.setting("KEYS_FOLDER"))
    try:
        done = keys.rotate(folder, purposes=chosen.purposes or tuple(keys.ROTATED), now=clock.now(), at_once=chosen.at_once)
    except ValueError as wrong:
        raise CannotDo(f"Nothing was changed: {wrong}. Those that are: {', '.join(keys.ROTATED)}.") from None
    except InvalidTag:
        raise CannotDo("Nothing was changed: the master key is not this ring's (master.key, or SAFEKEEP_MASTER_KEY).") from None
    except OSError as error:
        raise CannotDo(f"Nothing was changed: the key ring in {folder} cannot be used ({error.strerror}).") from None
    lines = [f"{purpose}: {old} retired, {new} is used" for purpose, (old, new) in done.items()]
    ends = "What the retired ones signed counts no longer." if chosen.at_once else "What the retired ones signed counts for ten more minutes."
    facts = {purpose: {"retired": old, "current": new} for purpose, (old, new) in done.items()}
    return Said("\n".join([*lines, ends, "Copy ring.json to where the ring is kept safe."]), {"rotated": facts, "at_once": chosen.at_once})
