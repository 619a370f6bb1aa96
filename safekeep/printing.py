"""Printing by typst: tagged, archive-quality PDF from strings alone. Nothing that is printed is read as markup."""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import typst

if TYPE_CHECKING:  # what prints a large document begins and ends for it alone: it takes in no more than it prints with
    from safekeep.contracts.incidents import Details

FONT_PACKAGES: Final = ("manimgx_fonts", "manimgx_fonts_cjk")
FONTS: Final = (
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans Bengali",
    "Noto Sans Gurmukhi",
    "Noto Sans Devanagari",
    "Noto Sans Gujarati",
    "Noto Sans Tamil",
    "Noto Sans Hebrew",
    "Noto Sans CJK SC",
    "Noto Sans Symbols",
    "DejaVu Sans",
    "Libertinus Serif",
)
"""In order of preference; the last one is built into typst."""
_Standard = Literal["a-2a", "ua-1"]
STANDARDS: Final[tuple[_Standard, ...]] = ("a-2a", "ua-1")
_TEMPLATES: Final = Path(__file__).parent
_ROUNDS: Final = 25


ACTIONS: Final = {
    "asked": "Asked of somebody",
    "outcome": "Outcome of what was asked",
    "reassigned": "What was asked, given to another",
    "referral": "Referral",
    "referral_outcome": "Outcome of a referral",
    "not_referred": "Decision not to refer",
    "parent_contact": "Contact with parents",
}
STATUSES: Final = {"open": "open", "monitoring": "monitoring", "closed": "closed"}


def said_of_action(details: "Details", *, names: Mapping[UUID, str], zone: str) -> tuple[list[str], str]:
    """Return an action's own fields in words: a line each, and the longer words that follow its text."""
    said, words = [ACTIONS.get(details.kind, details.kind)], ""
    if details.owner_id:
        said.append(f"Asked of {names.get(details.owner_id, 'a member of staff who wrote nothing here')}")
    if details.due_on:
        said.append(f"By {details.due_on:%A} {details.due_on.day} {details.due_on:%B %Y}")
    if details.kind in ("asked", "reassigned") and details.spoken:
        when = f", {details.spoken_when}" if details.spoken_when else ""
        said.append(f"Spoken to in person: {'yes' if details.spoken == 'yes' else 'not yet'}{when}")
    if details.kind == "parent_contact":
        said.append(f"Parents told: {'yes' if details.parent_told else 'no'}")
    if details.to:
        said.append(
            f"{'Not referred to' if details.kind == 'not_referred' else 'Who' if details.kind == 'parent_contact' else 'Referred to'}: {details.to}"
        )
    if details.at:
        local = details.at.astimezone(ZoneInfo(zone))
        clock = "" if details.precision == "day" else f" at {local:%H:%M}"
        said.append(f"When: {local:%A} {local.day} {local:%B %Y}{clock}")
    if details.answer:
        words = f"Their answer: {details.answer}"
    if details.kind == "referral":
        words = f"Outcome: {details.outcome}" if details.outcome else "Outcome: not known when this was recorded"
    return said, words


class NotPrinted(Exception):
    """Typst refused. Says nothing of why: its messages quote the text."""


def marked(text: str, spans: Sequence[tuple[int, int]] = ()) -> list[list[list[dict[str, Any]]]]:
    """Return a text as the document takes it: paragraphs of lines of pieces, each with whether it is a child's own words (`spans`)."""
    cuts = sorted({0, len(text), *(place for span in spans for place in span if 0 <= place <= len(text))})
    pieces = [(text[a:b], any(start <= a and b <= end for start, end in spans)) for a, b in pairwise(cuts)]
    paragraphs: list[list[list[dict[str, Any]]]] = [[[]]]
    for said, child in pieces:
        for number, paragraph in enumerate(said.split("\n\n")):
            if number:
                paragraphs.append([[]])
            for place, line in enumerate(paragraph.split("\n")):
                if place:
                    paragraphs[-1].append([])
                if line:
                    paragraphs[-1][-1].append({"said": line, "child": child})
    return paragraphs


def pdf(said: dict[str, Any], *, template: str = "document") -> bytes:
    """Return a document as PDF/A-2a and PDF/UA-1: title, facts, notes, months of entries (or `empty`), footer.

    A character that no font here has is written as its number, such as [U+1BC0], and the document says so: a rare letter
    in one name never keeps a whole record from being printed, and nothing is silently dropped. Raises NotPrinted.
    """
    told = _without_private(said)
    for _ in range(_ROUNDS):
        try:
            return _printed(told, template=template, standards=STANDARDS)
        except typst.TypstError as error:
            missing = _missing(str(error))
        if not missing:
            break
        told = _spelt_out(told, missing=missing)
    try:
        return _printed(
            {**told, "notes": [*told["notes"], "Some characters could not be printed: this file is not an archive-quality PDF."]},
            template=template,
            standards=(),
        )
    except typst.TypstError:
        raise NotPrinted from None


_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
"""Letters of Hebrew, Arabic and what is written with it: looked for by typst in the documents alone that have one."""


_LONG_WORD = re.compile(r"\S{66,}")
"""More than a line may hold; a hash of 64 letters stays whole."""


def _printed(said: dict[str, Any], *, template: str, standards: Sequence[_Standard]) -> bytes:
    source = str(_TEMPLATES / f"{template}.typ")
    strings = _strings(said)
    needs = {"right_to_left": any(map(_RIGHT_TO_LEFT.search, strings)), "long_words": any(map(_LONG_WORD.search, strings))}
    given = {"data": json.dumps({**said, **needs})}
    data = typst.compile(source, root=str(_TEMPLATES), font_paths=_fonts(), sys_inputs=given, pdf_standards=list(standards))
    assert isinstance(data, bytes)
    return data


@cache
def _fonts() -> typst.Fonts:
    """Scan for fonts once: those of the packages, then the system's, then typst's own."""
    found = [find_spec(package) for package in FONT_PACKAGES]
    return typst.Fonts(font_paths=[str(Path(spec.origin).parent) for spec in found if spec and spec.origin])


_NAMED = re.compile(r'the text `"((?:[^"\\]|\\.)+)"` could not be displayed')


def _missing(message: str) -> str:
    """Return the text that typst says no font can show, or nothing."""
    named = _NAMED.search(message)
    if named is None:
        return ""
    return re.sub(r"\\u\{([0-9a-f]+)\}", lambda m: chr(int(m.group(1), 16)), named.group(1))


_NOTE = "Characters for which no font is installed are written as their Unicode number, such as [U+1BC0]."


def _spelt_out(said: dict[str, Any], *, missing: str) -> dict[str, Any]:
    letters = {ord(c): f"[U+{ord(c):04X}]" for c in missing if not c.isascii()}
    spelt: dict[str, Any] = _each_string(said, lambda text: text.translate(letters))
    if _NOTE not in spelt["notes"]:
        spelt["notes"] = [*spelt["notes"], _NOTE]
    return spelt


def _without_private(said: dict[str, Any]) -> dict[str, Any]:
    """Spell out characters that archive PDFs refuse whatever the font: private use and unassigned."""
    refused = {c for text in _strings(said) for c in text if unicodedata.category(c) in {"Co", "Cn"}}
    return _spelt_out(said, missing="".join(refused)) if refused else said


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, bool | int):
        return []
    values = value.values() if isinstance(value, dict) else value
    return [text for item in values for text in _strings(item)]


def _each_string(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _each_string(item, change) for key, item in value.items()}
    if isinstance(value, bool | int):
        return value
    return [_each_string(item, change) for item in value]
