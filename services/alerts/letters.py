"""What mail about an account says: what has happened, whose account, what to do if it was not you. Never a word of a record."""

from typing import Final
from zoneinfo import ZoneInfo

from safekeep.contracts.identity import LetterAnswer

_NOT_YOU: Final = "Was it not you? Then tell a DSL at your school in person today."

_LETTERS: Final[dict[str, tuple[str, str]]] = {
    "welcome": (
        "You have an account at Safekeep",
        "{school} uses Safekeep to record concerns about children. You have an account.\n"
        "Your user name is this e-mail address. Choose your password here:\n\n{link}\n\n"
        "The link works once, for 24 hours. If it is over, ask for a new one: {again}",
    ),
    "password_link": (
        "Your link to set a Safekeep password",
        "Somebody asked for a link to set your Safekeep password. Here it is:\n\n{link}\n\n"
        "It works once, for 24 hours, and it is void when a newer one is sent.\n"
        "Was it not you? Then you need do nothing: your password stays as it is.",
    ),
    "password_changed": ("Your Safekeep password was changed", "Your Safekeep password was changed.\n" + _NOT_YOU),
    "password_due": (
        "Your Safekeep password is due for a change",
        "Your Safekeep password is good until {day}. You can change it now:\n\n{account}\n\n"
        "After that day the next sign-in asks you for a new one. Nothing that you are writing is lost by it.",
    ),
    "new_device": (
        "A new device signed in to your Safekeep account",
        "Your Safekeep account was signed in to from a device that was not used before, {time}:\n\n{device}\n\n"
        "Was it you? Then there is nothing to do. If not, end it here and change your password, and tell a DSL today:\n\n{account}",
    ),
    "attack": (
        "Somebody is trying to sign in to a Safekeep account",
        "Somebody has failed ten times in a row to sign in to the Safekeep account of {about}.\n"
        "They are slowed down. A device that {about} has used before is not.\n"
        "Was it not {about} themselves? Then talk to each other, and to whoever looks after your computers.",
    ),
    "provider_linked": (
        "Your Safekeep account was signed in to with your school's own sign-in",
        "Your Safekeep account was signed in to with your school's own sign-in for the first time, and is linked with it now.\n" + _NOT_YOU,
    ),
    "address_asked": (
        "A change of e-mail address at your school waits for a DSL",
        "The e-mail address of {about} is to be changed. Nothing changes before a DSL has confirmed it.\n"
        "Ask {about} face to face, or on a number you already had, whether it is right:\n\n{place}",
    ),
    "address_gone": (
        "Your Safekeep account has another e-mail address now",
        "Letters about your Safekeep account no longer go to this address, and you no longer sign in with it.\n" + _NOT_YOU,
    ),
    "address_changed": (
        "This is your Safekeep account's e-mail address now",
        "Sign in to Safekeep with this e-mail address from now on. Your password is as it was.\n" + _NOT_YOU,
    ),
    "factor_added": ("A second factor was added to your Safekeep account", "An app or a key was added to your Safekeep account.\n" + _NOT_YOU),
    "factor_disabled": (
        "A second factor of your Safekeep account was disabled",
        "An app or a key of your Safekeep account was disabled, and every place signed in with it has ended.\n" + _NOT_YOU,
    ),
    "recovery_used": (
        "A recovery code of your Safekeep account was used",
        "A recovery code was used to sign in to your Safekeep account. It does not work again.\n" + _NOT_YOU,
    ),
    "recovery_voided": (
        "The recovery codes of your Safekeep account are void",
        "You now have a role that reads records, so the recovery codes you had before no longer work: nobody could say who else has them. "
        "Make new ones on your account's page, and keep them where only you find them.\n\n{account}",
    ),
    "pass_given": (
        "A DSL gave you a pass for your Safekeep account",
        "A DSL gave you a pass to set up a new app or key. It works once, for ten minutes.\n" + _NOT_YOU,
    ),
    "operator_helped": (
        "Keys of a Safekeep account were disabled by those who run Safekeep",
        "{about} has lost every app and key, and asked those who run Safekeep for help. The old ones are disabled, and {about} was told a pass "
        "to set up a new one. It works once, for ten minutes. Did {about} not ask for it? Then tell a DSL, and your IT, at once.\n\n{place}",
    ),
    "role_asked": (
        "A role at your school waits for a DSL",
        "{about} was given a role that reads records. It does nothing before a DSL has confirmed it. Do you know them, and is it right?\n\n{place}",
    ),
    "role_confirmed": (
        "A role at your school was confirmed",
        "{about} now has a role that reads records. Is that not right? Then take it away, or talk to the other DSLs.\n\n{place}",
    ),
}

KINDS: Final = frozenset(_LETTERS)


def subject_and_text(kind: str, known: LetterAnswer, *, public_url: str) -> tuple[str, str]:
    """Return the subject and the text of a letter."""
    subject, text = _LETTERS[kind]
    local = known.at.astimezone(ZoneInfo(known.zone))
    said = text.format(
        school=known.sender_name,
        link=f"{public_url}/link/{known.link_token}",
        again=f"{public_url}/forgot",
        account=f"{public_url}/account",
        place=f"{public_url}/s/{known.slug}/" if known.slug else public_url,
        about=known.about_name,
        device=known.device or "a program",
        day=f"{local:%A} {local.day} {local:%B}",
        time=f"{local:%A} {local.day} {local:%B} at {local.hour}:{local:%M}",
    )
    return subject, said + "\n"
