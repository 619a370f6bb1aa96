"""Charts as plain SVG: bars beside the words of a table that says the same. Pure.

The libraries looked at (pygal, matplotlib, leather, Altair) write style sheets or style attributes into what they draw, which our pages' security
policy refuses, and none of them can draw in the dark. A bar is a rectangle: classes for the page's theme, attributes for paper.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

WIDTH: Final = 640
_NAMES, _VALUES = 210, 110
_BAR, _GAP, _ROW = 14, 3, 14
_FILLS: Final = ("#0b5e63", "#7a8f91", "#b9c4c5")
"""The first column of the table, and those it is compared with."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A count as it may be drawn: how long, in which words; `sure` False where it is a range: drawn as an outline."""

    length: int
    words: str
    sure: bool


def bars(rows: Sequence[tuple[str, Sequence[Bar]]], *, title: str, columns: Sequence[str], id: str) -> str:
    """Return an SVG picture: a group of bars for each row, the words beside each bar. Its text alternative is its title."""
    most = max((bar.length for _, group in rows for bar in group), default=0) or 1
    parts: list[str] = []
    y = 4
    for number, column in enumerate(columns if len(columns) > 1 else []):  # which bar is of which days
        fill = _FILLS[min(number, len(_FILLS) - 1)]
        parts.append(f'<rect class="sk-drawn sk-drawn--{min(number, 2)}" x="{_NAMES}" y="{y}" width="{_BAR}" height="{_BAR}" fill="{fill}"/>')
        parts.append(f'<text class="sk-chart__text" x="{_NAMES + _BAR + 6}" y="{y + 11}" font-size="11">{escape(column)}</text>')
        y += _BAR + _GAP
    y += _ROW if len(columns) > 1 else 0
    for name, group in rows:
        height = len(group) * (_BAR + _GAP)
        parts.append(
            f'<text class="sk-chart__text" x="{_NAMES - 8}" y="{y + height / 2 + 4:g}" text-anchor="end" font-size="13">{escape(name)}</text>'
        )
        for number, bar in enumerate(group):
            length = round((WIDTH - _NAMES - _VALUES) * bar.length / most)
            fill = _FILLS[min(number, len(_FILLS) - 1)]
            place = f'x="{_NAMES}" y="{y}" width="{max(length, 1)}" height="{_BAR}"'
            drawn = f'fill="{fill}"' if bar.sure else f'fill="none" stroke="{fill}" stroke-dasharray="3 2"'
            kind = "sk-drawn" if bar.sure else "sk-drawn sk-drawn--range"
            parts.append(f'<rect class="{kind} sk-drawn--{min(number, 2)}" {place} {drawn}/>')
            parts.append(f'<text class="sk-chart__text" x="{_NAMES + length + 6}" y="{y + 11}" font-size="11">{escape(bar.words)}</text>')
            y += _BAR + _GAP
        y += _ROW
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="sk-bars" role="img" aria-labelledby="{id}" viewBox="0 0 {WIDTH} {y}">'
    return f'{head}<title id="{id}">{escape(title)}</title>{"".join(parts)}</svg>'


def bar_of(kind: str, number: int, words: str) -> Bar:
    """Return how a published count is drawn: "fewer than" as an outline up to what it stays below, what is not shown as nothing."""
    if kind == "few":
        return Bar(number - 1, words, sure=False)
    return Bar(number if kind == "about" else 0, words, sure=kind in {"about", "none"})


def section(told: Mapping[str, Any], *, id: str = "chart") -> str:
    """Return the bars of a report's section as SVG, of its first two columns; "" where there is nothing to compare."""
    rows = [row for row in told["rows"] if not row["total"]]
    if len(rows) < 2:
        return ""
    drawn = [
        (row["name"], [bar_of(kind, number, words) for (kind, number), words in zip(row["forms"][:2], row["cells"][:2], strict=True)]) for row in rows
    ]
    return bars(drawn, title=told["heading"], columns=told["columns"][:2], id=id)
