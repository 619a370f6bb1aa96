"""What stands in quotation marks: somebody's words, on which the coach says nothing. When in doubt, they are somebody's words."""

import re
from dataclasses import dataclass

_DOUBLE_OPEN, _DOUBLE_CLOSE = "“„«", "”»"
_ELISIONS = re.compile(r"(?:cause|cos|coz|cuz|em|til|till|tis|twas|bout|round|ere|n|\d0s)\b", re.IGNORECASE)
"""What an apostrophe begins without opening a quotation: 'cause, 'em, '90s."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A passage in quotation marks: [start, end) with its marks, [inner_start, inner_end) without. An unclosed one runs to the end."""

    start: int
    end: int
    inner_start: int
    inner_end: int


def quotes_in(text: str) -> list[Quote]:
    """Return the passages in quotation marks, in order: straight or curly, double or single, marks inside marks as part of the outer ones."""
    found, at = [], 0
    while at < len(text):
        close = None
        if text[at] in _DOUBLE_OPEN or text[at] == '"':
            close = _double_close(text, at)
        elif text[at] in "‘'" and _opens_single(text, at):
            close = _single_close(text, at)
        if close is None:
            at += 1
            continue
        found.append(Quote(at, min(close + 1, len(text)), at + 1, close))
        at = close + 1
    return found


def masked(text: str, found: list[Quote]) -> str:
    """Return the text with every quotation as blanks that no pattern matches, at the same places."""
    parts, at = [], 0
    for quote in found:
        parts += [text[at : quote.start], re.sub(r"[^\n]", "\0", text[quote.start : quote.end])]
        at = quote.end
    return "".join([*parts, text[at:]])


def _double_close(text: str, start: int) -> int:
    """Return where a double quotation ends: at its closing mark; one that looks as if it opened another opens one inside it.

    Where the one before was only never closed, that is silent for longer than it need be.
    """
    depth = 1
    for at in range(start + 1, len(text)):
        if text[at] in _DOUBLE_OPEN:
            depth += 1
        elif text[at] in _DOUBLE_CLOSE:
            depth -= 1
        elif text[at] == '"':
            depth += 1 if _only_opens(text, at) else -1
        if depth <= 0:
            return at
    return len(text)


def _only_opens(text: str, at: int) -> bool:
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    return (before.isspace() or before in "([—–-") and bool(after) and after.isalnum()


def _opens_single(text: str, at: int) -> bool:
    before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    is_start = not before or before.isspace() or before in "([—–-:,"
    return is_start and bool(after) and not after.isspace() and _ELISIONS.match(text, at + 1) is None


def _single_close(text: str, start: int) -> int:
    """Return where a single quotation ends. An apostrophe may look like its end (the boys’ bags): then the last that fits before another opens."""
    last = None
    for at in range(start + 1, len(text)):
        if text[at] == "‘" or (text[at] == "'" and _opens_single(text, at)):
            if last is not None:
                return last
            continue
        if text[at] not in "’'" or text[at + 1 : at + 2].isalnum() or text[at - 1].isspace():
            continue
        if text[at - 1] in ".,!?…;-–—":  # no apostrophe stands after one of these
            return at
        if last is not None and "\n" in text[last:at]:
            return last
        last = at
    return len(text) if last is None else last
