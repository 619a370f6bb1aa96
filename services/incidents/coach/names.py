"""Names in an account: other pupils' full names, and adults of the school as those who did something."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from safekeep.text import fold
from services.incidents.coach.rules import listed

_WORD = re.compile(r"[^\W\d_]+(?:['’ʼ-][^\W\d_]+)*")
_TITLE = r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Sir|Madam|Coach|Rev|Fr)\.?\s+"


@dataclass(frozen=True, slots=True)
class PupilName:
    """A pupil of the school whose name may be in the text."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the text, where it stands, and as names are compared."""

    start: int
    end: int
    said: str
    plain: str


def words_of(text: str) -> list[Word]:
    """Return the words of a text; a possessive 's is not part of a name."""
    found = []
    for match in _WORD.finditer(text):
        said = re.sub(r"['’]s$", "", match[0])
        found.append(Word(match.start(), match.start() + len(said), said, fold(said)))
    return found


def full_names(text: str, *, pupils: Iterable[PupilName], adults: Iterable[str], but: UUID | None) -> list[tuple[int, int, str]]:
    """Return (start, end, initials) of each full name of a pupil other than `but`; not one that is an adult's too, or follows a title."""
    words = words_of(text)
    ours = {tuple(fold(name).split()) for name in adults}
    mine = {_key(p.name) for p in pupils if p.id == but}
    found = {}
    for pupil in pupils:
        key = _key(pupil.name)
        if pupil.id == but or key in mine or key in ours:
            continue
        for parts in {key, (key[0], key[-1])}:
            for start, end in _spans(words, parts):
                if not re.search(rf"{_TITLE}$", text[:start], re.IGNORECASE):
                    found[start, end] = initials(pupil.name)
    return [(start, end, letters) for (start, end), letters in sorted(found.items())]


def initials(name: str) -> str:
    """Return the first letters of the first and last word of a name."""
    parts = name.split()
    return "".join(part[0].upper() for part in ([parts[0], parts[-1]] if len(parts) > 1 else parts))


def _key(name: str) -> tuple[str, ...]:
    return tuple(fold(name).split())


def _spans(words: Sequence[Word], parts: tuple[str, ...]) -> Iterable[tuple[int, int]]:
    """Return where these words stand one after the other, one of them with a capital (or in a script that has none)."""
    if len(parts) == 1 and parts[0].isascii():
        return
    for at in range(len(words) - len(parts) + 1):
        here = words[at : at + len(parts)]
        if tuple(w.plain for w in here) == parts and any(w.said[0] == w.said[0].upper() for w in here):
            yield here[0].start, here[-1].end


# --- adults of the school ------------------------------------------------------------------------------------------

_SOMEBODY = rf"(?:{listed('somebody')})"
_DID = re.compile(
    rf"(?:[ ,]+(?:{listed('between')})\b){{0,5}}[ ,]+"
    rf"(?:(?:{listed('done_to_a_child')})\s+(?!(?:his|her|their) own\b){_SOMEBODY}|(?:{listed('done')}))(?![\w])",
    re.IGNORECASE,
)
_THEN_DID = re.compile(rf"(?:[ ,]+(?!(?i:{listed('others')})\b|[A-Z])[\w'’-]+){{0,8}}?[ ,]+(?:he|she)(?i:{_DID.pattern})")
"""The same with "he" or "she" for the adult, where nobody else is spoken of in between."""
_DONE_BY = re.compile(rf"\b(?:{listed('done_by')})(?: \w+){{0,5}}? by(?: (?:a|the|his|her|their|my|our))?\s*$", re.IGNORECASE)
_ROLES = rf"\b(?:my|his|her|their|the|a|our|another|one of the|one of our) (?:[\w-]+ ){{0,2}}?(?:{listed('adults')})\b"


def adults_doing(text: str, *, adults: Iterable[str]) -> list[tuple[int, int]]:
    """Return where the text names an adult of the school, or says "her teacher", as the one who did something to a child."""
    found = []
    for start, end in _mentions(text, adults):
        after = text[end : end + 120]
        if (
            _DID.match(re.split(r"[.!?\n]", after)[0])
            or _THEN_DID.match(re.split(r"[.!?\n]", after)[0])
            or _DONE_BY.search(text[max(0, start - 90) : start])
        ):
            found.append((start, end))
    return found


def _mentions(text: str, adults: Iterable[str]) -> list[tuple[int, int]]:
    """Return where an adult of the school stands: with a title and either name, by the full name, or by what they are."""
    parts = [re.escape(part) for name in adults for part in name.replace("’", "'").split()]
    wholes = [r"\s+".join(re.escape(p) for p in name.split()) for name in adults if " " in name.strip()]
    patterns = [_ROLES]
    if parts:
        patterns.append(rf"\b{_TITLE}(?:{'|'.join(sorted(set(parts), key=len, reverse=True))})\b")
    if wholes:
        patterns.append(rf"\b(?:{'|'.join(sorted(set(wholes), key=len, reverse=True))})\b")
    spans = [match.span() for match in re.finditer("|".join(f"(?:{p})" for p in patterns), text.replace("’", "'"), re.IGNORECASE)]
    return sorted(set(spans))
