"""Trusts: add one, with the first person of its IT."""

import argparse

from deploy.cli import CannotDo, Place, Said, verb
from safekeep.contracts.identity import AddTrust
from safekeep.errors import Conflict


def install(noun: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    add = verb(noun, "add", _add, "Add a trust; its administrator is sent a link to set a password.")
    add.add_argument("slug", help="the trust's part of page addresses: small letters, digits and _")
    add.add_argument("--name", required=True, help="what the trust is called")
    add.add_argument("--admin-name", required=True, help="the name of its first administrator (trust IT)")
    add.add_argument("--admin-email", required=True, help="where the link is sent")


def _add(chosen: argparse.Namespace, place: Place) -> Said:
    wanted = {"name": chosen.name, "slug": chosen.slug, "admin_name": chosen.admin_name, "admin_email": chosen.admin_email}
    try:
        made = place.ask(AddTrust.receive(wanted))
    except Conflict:
        raise CannotDo(f"There is a trust at the address {chosen.slug} already: choose another.") from None
    text = f"Trust added: {chosen.name}, at /t/{made.slug}/.\nA link to set a password is on its way to {chosen.admin_email}."
    return Said(text, {"id": made.id, "slug": made.slug, "name": chosen.name, "link_sent_to": chosen.admin_email})
