"""What a provider's word is worth: whose address it has verified, whether it proves a second factor, which roles it may give.

Whoever runs an issuer can make it say anything. So it speaks only for people of its own trust or school, opens only their
places there, and never stands in for the second factor of somebody who opens records or runs accounts.
"""

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Final

from safekeep.permissions import CONFIRMED_ROLES, FACTOR_ROLES

BEGUN_LASTS: Final = timedelta(minutes=10)
GOOGLE: Final = "https://accounts.google.com"
_TENANT: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
_MICROSOFT: Final = "https://login.microsoftonline.com/{tenant}/v2.0"


def issuer_of(*, kind: str, typed: str) -> str | None:
    """Return the issuer that the console's form means, or None where it means none.

    Microsoft's is made of the directory's id alone: its shared issuers (`common`, `organizations`) let any directory of
    the world say who somebody is.
    """
    typed = typed.strip().rstrip("/")
    if kind == "google":
        return GOOGLE
    if kind == "microsoft":
        found = _TENANT.search(typed)
        return _MICROSOFT.format(tenant=found.group().lower()) if found else None
    return typed if re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#@]*)?", typed) else None


def verified_email(*, kind: str, claims: Mapping[str, Any]) -> str | None:
    """Return the address the issuer vouches for, in small letters; None where it vouches for none.

    Microsoft says so with `xms_edov` (the address's domain is the directory's own), Google with `hd` (the address is of
    the organisation's own domain), everybody else with `email_verified`.
    """
    email = str(claims.get("email") or "").strip().casefold()
    if email.count("@") != 1:
        return None
    vouched = _is_true(claims.get("xms_edov" if kind == "microsoft" else "email_verified"))
    if kind == "google":
        vouched = vouched and str(claims.get("hd") or "").casefold() == email.partition("@")[2]
    return email if vouched else None


def proves_factor(*, claims: Mapping[str, Any], accepts: bool, levels: Collection[str]) -> bool:
    """Whether the issuer proves a second factor (`amr` "mfa", RFC 8176, or an agreed `acr`) and the trust takes its word."""
    methods = claims.get("amr")
    is_proved = isinstance(methods, list) and "mfa" in methods
    return accepts and (is_proved or claims.get("acr") in set(levels))


def is_guarded(roles: Collection[str]) -> bool:
    """Whether the second factor has to be Safekeep's own: whoever runs the issuer could otherwise sign in as them."""
    return not FACTOR_ROLES.isdisjoint(roles)


def roles_given(*, claims: Mapping[str, Any], claim: str, mapping: Mapping[str, str]) -> frozenset[str]:
    """Return the roles that trust IT has mapped the claim's values to; with no mapping a claim gives none."""
    values = claims.get(claim) if claim else None
    said = values if isinstance(values, list) else [values]
    return frozenset(mapping[value] for value in said if isinstance(value, str) and value in mapping)


def roles_after(*, wanted: Collection[str], given: Collection[str], held: Collection[str], waiting: Collection[str]) -> set[str]:
    """Return the roles somebody has after a sign-in: what claims gave before and give no more goes; what people gave stays.

    A role that a DSL confirmed (it counts, though a claim's word for it only waits) was given by the DSL.
    """
    gone = set(given) - set(wanted)
    kept = {role for role in held if role not in gone or role in CONFIRMED_ROLES}
    return kept | {role for role in waiting if role not in gone} | set(wanted)


def _is_true(value: Any) -> bool:
    return value is True or value == 1 or (isinstance(value, str) and value.casefold() in {"true", "1"})
