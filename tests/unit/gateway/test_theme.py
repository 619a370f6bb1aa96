"""The theme's colours can be told apart: text 4.5 : 1, graphical things 3 : 1, in light and in dark."""

import re
from pathlib import Path

import pytest

import gateway

CSS = (Path(gateway.__file__).parent / "static" / "theme.css").read_text()
TEXT = [
    ("text", "page"), ("text", "card"), ("text", "risk"), ("text", "ask"), ("quiet", "page"), ("quiet", "card"), ("quiet", "risk"), ("quiet", "ask"),
    ("link", "page"), ("link", "card"), ("link", "risk"), ("link", "ask"), ("on-plum", "plum"), ("on-button", "button"), ("page", "text"), ("page", "link"),
    ("on-focus", "focus"), ("error", "page"), ("error", "card"), ("error", "risk"),
    ("general", "page"), ("general", "card"), ("welfare", "page"), ("welfare", "card"),
    ("safeguarding", "page"), ("safeguarding", "card"), ("protection", "page"), ("protection", "card"),
]  # fmt: skip
GRAPHICAL = [("field-edge", "card"), ("field-edge", "page"), ("button", "page"), ("welfare", "page"), ("accent", "page"), ("accent", "card")]


def tokens(*, dark: bool) -> dict[str, str]:
    blocks = re.findall(r":root \{([^}]*)\}", CSS)
    found: dict[str, str] = {}
    for block in blocks[: 2 if dark else 1]:
        found |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    return found


def contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_pair_of_colours_can_be_told_apart(dark: bool) -> None:
    colours = tokens(dark=dark)
    weak = [(a, b, round(contrast(colours[a], colours[b]), 2)) for a, b in TEXT if contrast(colours[a], colours[b]) < 4.5]
    weak += [(a, b, round(contrast(colours[a], colours[b]), 2)) for a, b in GRAPHICAL if contrast(colours[a], colours[b]) < 3]
    assert weak == []
