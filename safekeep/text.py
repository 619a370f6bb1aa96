"""What text people may send: everything a person can write, nothing that only deceives the eye or breaks storage."""

import re
import unicodedata

# Explicit embeddings, overrides and isolates (Unicode UAX 9): they can make a sentence read as another one.
_DIRECTION_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def problem_with(value: str) -> str | None:
    """Return the code of what is wrong with `value`, or None: control_characters, direction_override, surrogate."""
    for character in value:
        if character in _DIRECTION_CONTROLS:
            return "direction_override"
        category = unicodedata.category(character)
        if category == "Cs":
            return "surrogate"
        if category == "Cc" and character not in "\n\t":
            return "control_characters"
    return None


def search_tokens(name: str) -> list[str]:
    """Return the words of a name as they are searched for: case folded, and also without their diacritics.

    "Zoë O'Brien-Łuć" gives both "zoë" and "zoe", and each part on either side of an apostrophe or hyphen as well
    as the whole, so that a search may start anywhere a person would start it.
    """
    tokens: list[str] = []
    for word in unicodedata.normalize("NFC", name).casefold().split():
        plain = fold(word)
        joined = "".join(c for c in plain if c.isalnum())
        parts = "".join(c if c.isalnum() else " " for c in plain).split()
        tokens += [word, plain, joined, *parts]
    return sorted({t for t in tokens if t})


def fold(word: str) -> str:
    """Return `word` case folded and without diacritics, with one kind of apostrophe, for comparing."""
    swapped = word.casefold().translate(_PLAIN)
    decomposed = unicodedata.normalize("NFKD", swapped)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def listed(words: str) -> str:
    """Return words as a list of what was found says them: one space between, and not whose ("Ruby's friend" stays, "Ruby's" is "Ruby")."""
    return re.sub(r"['’ʼ]s$", "", " ".join(words.split()))


def place_code(kind: str, name: str) -> str:
    """Return the code of a year ("year", "Year 6") or a form ("form", "6 B"), the same however it is written: "year_6", "form_6b"."""
    plain = re.sub(r"[^a-z0-9]+", "", fold(name).removeprefix(kind))
    return f"{kind}_{plain or 'x'}"[:50]


# Letters that decomposition leaves as they are, and the apostrophes of phones.
_PLAIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ß": "ss", "’": "'", "‘": "'", "ʼ": "'"})
