"""English and Welsh: which one a page is in, and where its sentences come from.

Welsh stands in `translations/cy/LC_MESSAGES/messages.po` and is read once, when the gateway starts: nothing is compiled
into the repository. A sentence that has no translation yet is shown in English.
"""

from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, Response, request
from flask_babel import Babel, Domain, get_locale

LANGUAGES: Final = {"en_GB": "English", "cy": "Cymraeg"}
"""Code → what its speakers call it."""

COOKIE: Final = "safekeep-language"
CATALOGUES: Final = Path(__file__).with_name("translations")
_YEAR: Final = 365 * 86_400


class Catalogue(Domain):
    """Sentences by language, from the catalogues beside this module."""

    def __init__(self) -> None:
        super().__init__()
        self._read = {path.parent.parent.name: read(path) for path in CATALOGUES.glob("*/LC_MESSAGES/messages.po")}

    def get_translations(self) -> NullTranslations:
        """Return those of this request's language; where it has none, each sentence is as it stands in the code: English."""
        return self._read.get(str(get_locale()), _ENGLISH)


def read(path: Path) -> Translations:
    """Return a catalogue. What is not translated, or marked fuzzy (nobody sure of it yet), is left out, so it is shown in English."""
    with path.open("rb") as file:
        found = read_po(file, locale=path.parent.parent.name)
    for message in list(found):
        strings = [message.string] if isinstance(message.string, str) else list(message.string or ())
        if message.id and not all(strings or [""]):
            found.delete(message.id)
    compiled = BytesIO()
    write_mo(compiled, found)
    compiled.seek(0)
    return Translations(compiled)


_ENGLISH: Final = NullTranslations()


def install(app: Flask) -> None:
    """Give the application its languages."""
    babel = Babel(app, locale_selector=chosen)
    babel.domain_instance = Catalogue()


def chosen() -> str:
    """Return the language this person chose here, or else the one their browser asks for."""
    picked = request.cookies.get(COOKIE, "")
    return picked if picked in LANGUAGES else request.accept_languages.best_match(list(LANGUAGES)) or "en_GB"


def other() -> tuple[str, str]:
    """Return the code and name of the language the page is not in."""
    code = "en_GB" if chosen() == "cy" else "cy"
    return code, LANGUAGES[code]


def tag() -> str:
    """Return the language for the page's `lang`: "en-GB" or "cy"."""
    return chosen().replace("_", "-")


def choose(response: Response, code: str) -> None:
    """Remember a language in this browser, for a year. Nothing else is in the cookie."""
    if code in LANGUAGES:
        response.set_cookie(COOKIE, code, max_age=_YEAR, httponly=True, samesite="Lax", path="/", secure=request.is_secure)
