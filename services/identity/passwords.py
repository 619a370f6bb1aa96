"""Passwords: Argon2id, the school's policy, and the slow-down of guessing. Parameters follow OWASP's password storage advice."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from safekeep import settings, text


def hasher(chosen: settings.PasswordSettings) -> PasswordHasher:
    """Return what hashes passwords at this cost."""
    return PasswordHasher(time_cost=chosen.time_cost, memory_cost=chosen.memory_kib, parallelism=1)


_HASHER: Final = hasher(settings.password_settings())

_NOBODY: Final = _HASHER.hash("nobody has this password")
"""Made when the module is loaded: made at the first unknown address, that answer would take twice as long."""

FAILURES_ALLOWED: Final = 10
"""For one account from one address, or from one browser its person has used before."""
FROM_ANYWHERE_ALLOWED: Final = 50
"""For one account from everywhere: one attacker does not slow its owner down at another address, many together do."""
FROM_ADDRESS_ALLOWED: Final = 60
"""A school's staff sign in from one address, so many more are let through from it."""
LINKS_ALLOWED: Final = 5
"""Links by mail an hour for one account, and four times as many asked for from one address: nobody's mailbox is flooded."""
WINDOW: Final = timedelta(minutes=15)
LONGEST_PAUSE: Final = 60
"""Seconds. Longer would let anybody keep a DSL out by guessing; a device known before is paused for its own failures only."""
REMIND: Final = timedelta(days=7)
"""So long before a password has to be changed its owner is told."""

MAX_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Rules:
    """What a password has to be. `all_kinds`: lower, upper, digit and symbol. `change_days` 0: no forced change."""

    min_length: int = 8
    all_kinds: bool = True
    change_days: int = 60
    remembered: int = 5
    deny_common: bool = False


NATIONAL_GUIDANCE: Final = Rules(min_length=12, all_kinds=False, change_days=0, remembered=5, deny_common=True)
"""The National Cyber Security Centre's advice: length, three random words, a deny list, no forced change."""


def strictest(rules: Collection[Rules]) -> Rules:
    """Return rules that satisfy all of the person's schools; the first setting for somebody at none."""
    if not rules:
        return Rules()
    days = [r.change_days for r in rules if r.change_days]
    return Rules(
        min_length=max(r.min_length for r in rules),
        all_kinds=any(r.all_kinds for r in rules),
        change_days=min(days, default=0),
        remembered=max(r.remembered for r in rules),
        deny_common=any(r.deny_common for r in rules),
    )


def problem_with(password: str, *, rules: Rules, local_words: Collection[str]) -> str:
    """Return the code of what is wrong with a new password, or "". `local_words`: the person's and the school's names."""
    if len(password) < rules.min_length:
        return "too_short"
    if len(password) > MAX_LENGTH:
        return "too_long"
    kinds = any(c.islower() for c in password), any(c.isupper() for c in password), any(c.isdigit() for c in password)
    if rules.all_kinds and not (all(kinds) and any(not c.isalnum() for c in password)):
        return "kinds_missing"
    if rules.deny_common and _is_easy(password, local_words):
        return "too_common"
    return ""


def is_due(*, set_at: datetime | None, rules: Rules, now: datetime) -> bool:
    """Whether the password has to be changed at this sign-in."""
    return set_at is None or bool(rules.change_days and now >= set_at + timedelta(days=rules.change_days))


def due_at(*, set_at: datetime | None, rules: Rules) -> datetime | None:
    """Return when the password has to be changed, or None when it never has."""
    return set_at + timedelta(days=rules.change_days) if set_at and rules.change_days else None


def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password. Takes about 20 ms of CPU: call it off the event loop."""
    return _HASHER.hash(password)


def verify(*, stored: str | None, password: str) -> bool:
    """Whether the password is right. With no stored hash (unknown address) it takes the same time and answers False."""
    try:
        _HASHER.verify(stored or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_any_of(*, stored: Collection[str], password: str) -> bool:
    """Whether the password is one of those before."""
    found = [verify(stored=each, password=password) for each in stored]  # all of them, so that the time says nothing
    return any(found)


def needs_rehash(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


def wait_needed(*, failures: int, latest: datetime | None, now: datetime, allowed: int = FAILURES_ALLOWED) -> int:
    """Return for how many seconds a further attempt has to wait, 0 for none: after `allowed` failures, longer with each."""
    if failures < allowed or latest is None:
        return 0
    ends = latest + timedelta(seconds=min(2 ** (failures - allowed), LONGEST_PAUSE))
    return int((ends - now).total_seconds()) + 1 if ends > now else 0


@cache
def _common() -> frozenset[str]:
    return frozenset(FREQUENCY_LISTS["passwords"])


def _is_easy(password: str, local_words: Collection[str]) -> bool:
    """Whether it is a known password, or a local word, with at most a few characters added."""
    bare = text.fold(password)
    core = bare.strip("0123456789!?.*-_ #@&")
    if bare in _common() or core in _common() or len(set(bare)) < 5:
        return True
    local = {word for words in local_words for word in text.fold(words).replace("@", " ").replace(".", " ").split() if len(word) > 3}
    left = bare
    for word in local | {"safekeep", "password", "school"}:
        left = left.replace(word, "")
    return len(left) < 8 and left != bare
