"""The rules of the coach, read from rules.toml."""

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

SENTENCE = re.compile(r"(?:[^.!?\n]|\.(?=\d))*[.!?\n]*")
"""A sentence, as far as rules need it; a decimal point ends none."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it looks for, and what a keeper of the rules needs to know of it. `times` and `places` give way to the page's own fields."""

    code: str
    name: str
    explanation: str
    fields: frozenset[str]
    found: re.Pattern[str] | None
    times: re.Pattern[str] | None
    places: re.Pattern[str] | None
    excused: re.Pattern[str] | None
    unless: re.Pattern[str] | None
    allowed: frozenset[str]
    poor: tuple[str, ...] = field(default=())
    good: tuple[str, ...] = field(default=())


@cache
def _read() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("rules.toml").read_text(encoding="utf-8"))


def listed(name: str) -> str:
    """Return one of the lists as the alternatives of a regular expression."""
    return "|".join(_read()["lists"][name])


@cache
def rules() -> dict[str, Rule]:
    """Return every rule by its code, in the order they are said."""
    return {item["code"]: _rule(item) for item in _read()["rule"]}


def _rule(item: dict[str, Any]) -> Rule:
    def lines(name: str) -> list[str]:
        return [str(each) for each in item.get(name, [])]

    words = sorted(lines("words"), key=len, reverse=True)
    listed = [rf"\b(?:{'|'.join(_word(w) for w in words)})(?![\w'’])"] if words else []
    unless = [str(item["unless"])] if "unless" in item else []
    return Rule(
        code=str(item["code"]),
        name=str(item["name"]),
        explanation=str(item["explanation"]),
        fields=frozenset(lines("fields")),
        found=_any(listed + lines("patterns")),
        times=_any(lines("times")),
        places=_any(lines("places")),
        excused=_any(lines("excused")),
        unless=_any(unless),
        allowed=frozenset(lines("allowed")),
        poor=tuple(lines("poor")),
        good=tuple(lines("good")),
    )


def _word(word: str) -> str:
    plain = re.escape(word).replace("'", "['’]").replace(r"\ ", r"\s+")
    return f"(?-i:{plain})" if word.isupper() else plain


def _any(patterns: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE) if patterns else None
