"""Charts of reports: what is drawn says what the table says, to the eye and to a screen reader, and no more."""

import re
from xml.etree import ElementTree

from safekeep import charts

SVG = "{http://www.w3.org/2000/svg}"
TOLD = {
    "heading": "Concerns by <category>",
    "columns": ["Autumn 2026", "Autumn 2025", "Autumn 2024"],
    "rows": [
        {"name": "Bullying & more", "total": False, "cells": ["about 25", "about 10", "0"], "forms": [["about", 25], ["about", 10], ["none", 0]]},
        {"name": "Welfare", "total": False, "cells": ["fewer than 5", "not shown", "0"], "forms": [["few", 5], ["withheld", 0], ["none", 0]]},
        {"name": "Other", "total": False, "cells": ["0", "about 5", "0"], "forms": [["none", 0], ["about", 5], ["none", 0]]},
        {"name": "All", "total": True, "cells": ["about 30", "about 15", "0"], "forms": [["about", 30], ["about", 15], ["none", 0]]},
    ],
}


def test_a_chart_is_one_picture_with_a_title_and_a_bar_with_the_tables_words_for_each_of_two_columns() -> None:
    drawn = ElementTree.fromstring(charts.section(TOLD, id="c1"))  # noqa: S314 - drawn by ourselves
    assert (drawn.get("role"), drawn.get("aria-labelledby")) == ("img", "c1")
    title = drawn.find(f"{SVG}title")
    assert title is not None
    assert (title.get("id"), title.text) == ("c1", "Concerns by <category>"), "names are words, never markup"
    words = [each.text for each in drawn.iter(f"{SVG}text")]
    cells = [cell for row in TOLD["rows"] if not row["total"] for cell in (row["name"], *row["cells"][:2])]  # type: ignore[index]
    assert words == ["Autumn 2026", "Autumn 2025", *cells]
    assert len(list(drawn.iter(f"{SVG}rect"))) == 2 + 6
    assert not re.search("style=|<style", charts.section(TOLD)), "the pages' policy refuses styles"


def test_a_bar_is_as_long_as_what_is_shown_and_what_is_hidden_has_no_length_of_its_own() -> None:
    """Every "fewer than 5" is drawn alike, as an outline up to what it stays below; what is not shown is drawn as nothing."""
    drawn = ElementTree.fromstring(charts.section(TOLD))  # noqa: S314 - drawn by ourselves
    bars = list(drawn.iter(f"{SVG}rect"))[2:]
    width = [int(each.get("width", "")) for each in bars]
    most = width[0]
    assert [round(each * 25 / most) for each in width] == [25, 10, 4, 0, 0, 5]
    outlined = [each.get("fill") == "none" for each in bars]
    assert outlined == [False, False, True, True, False, False]


def test_nothing_is_drawn_where_there_is_nothing_to_compare() -> None:
    assert charts.section({**TOLD, "rows": TOLD["rows"][:1]}) == ""  # type: ignore[index]
