"""Schools: add one to a trust."""

import argparse

from deploy.cli import CannotDo, Place, Said, verb
from safekeep.contracts.identity import AddSchool
from safekeep.errors import Conflict, NotFound


def install(noun: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    add = verb(noun, "add", _add, "Add a school, with the first categories, groups and sign-in policy.")
    add.add_argument("slug", help="the school's part of page addresses: small letters, digits and _")
    add.add_argument("--name", required=True, help="what the school is called")
    add.add_argument("--trust", required=True, help="the slug of its trust")
    add.add_argument("--phase", required=True, help="primary, secondary, all_through, special, nursery or other")
    add.add_argument("--zone", default="Europe/London", help="the time zone its times are shown in")


def _add(chosen: argparse.Namespace, place: Place) -> Said:
    wanted = {"name": chosen.name, "slug": chosen.slug, "phase": chosen.phase, "zone": chosen.zone, "trust_slug": chosen.trust}
    try:
        made = place.ask(AddSchool.receive(wanted))
    except Conflict:
        raise CannotDo(f"There is a school at the address {chosen.slug} already: choose another.") from None
    except NotFound:
        raise CannotDo(f"There is no trust at the address {chosen.trust}: add it first, with safekeep trust add.") from None
    text = f"School added: {chosen.name}, at /s/{made.slug}/ (id {made.id}).\nNext, trust IT adds its staff; its first DSL needs the head's code."
    return Said(text, {"id": made.id, "slug": made.slug, "name": chosen.name, "trust": chosen.trust})
