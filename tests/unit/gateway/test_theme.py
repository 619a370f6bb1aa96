"""The theme: colours that can be told apart (text 4.5 : 1, graphical things 3 : 1, light and dark), no font or name of GOV.UK, one frame for all pages."""

import re
from pathlib import Path

import pytest

import gateway
from gateway import assets

ROOT = Path(gateway.__file__).parent
CSS = (ROOT / "static" / "theme.css").read_text()
TEXT = [
    ("text", "page"), ("text", "card"), ("text", "risk"), ("text", "ask"), ("quiet", "page"), ("quiet", "card"), ("quiet", "risk"), ("quiet", "ask"),
    ("link", "page"), ("link", "card"), ("link", "risk"), ("link", "ask"), ("on-plum", "plum"), ("on-button", "button"), ("on-warning", "warning"), ("page", "text"), ("page", "link"),
    ("on-focus", "focus"), ("error", "page"), ("error", "card"), ("error", "risk"),
    ("general", "page"), ("general", "card"), ("welfare", "page"), ("welfare", "card"),
    ("safeguarding", "page"), ("safeguarding", "card"), ("protection", "page"), ("protection", "card"), ("bm-on-mark", "bm-mark"),
]  # fmt: skip
GRAPHICAL = [
    ("field-edge", "card"),
    ("field-edge", "page"),
    ("button", "page"),
    ("warning", "page"),
    ("warning", "card"),
    ("welfare", "page"),
    ("accent", "page"),
    ("accent", "card"),
    ("bm-line", "bm-skin"),
    ("bm-edge", "bm-skin"),
    ("bm-edge", "card"),
    ("bm-mark", "bm-skin"),
    ("bm-mark", "card"),
]


def tokens(*, dark: bool) -> dict[str, str]:
    blocks = re.findall(r":root \{([^}]*)\}", CSS)
    assert len(blocks) == 4, "the page's and the body map's, each light and dark"
    found: dict[str, str] = {}
    for block in blocks if dark else blocks[::2]:
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


def test_the_four_class_labels_have_four_different_shapes() -> None:
    """General none, welfare a dot, safeguarding a triangle, protection a filled square: told apart without colour."""
    shapes = dict(re.findall(r"^\.sk-class--(\w+)::before \{ content: \"\"; ([^}]*)\}", CSS, re.MULTILINE))
    assert set(shapes) == {"welfare", "safeguarding", "protection"}
    assert "border-radius: 50%; background: currentColor" in shapes["welfare"]
    assert "width: 0; height: 0; border: 7px solid transparent; border-top: 0; border-bottom: 13px solid currentColor" in shapes["safeguarding"]
    assert re.search("width: (\\d+px); height: \\1; background: currentColor", shapes["protection"])
    assert "radius" not in shapes["protection"]


def test_the_page_of_the_lock_is_plum_in_either_theme_and_its_colours_can_be_told_apart() -> None:
    (own,) = re.findall(r"^\.sk-body--locked \{([^}]*)\}", CSS, re.MULTILINE)
    locked = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", own))
    assert locked["page"] == locked["card"] == tokens(dark=False)["plum"] == tokens(dark=True)["plum"]
    pairs = [(a, b) for a, b in TEXT if {a, b} <= set(locked)]
    assert {"text", "quiet", "link", "error", "on-button"} <= {a for a, _ in pairs}
    assert [(a, b) for a, b in pairs if contrast(locked[a], locked[b]) < 4.5] == []
    assert [(a, b) for a, b in GRAPHICAL if {a, b} <= set(locked) and contrast(locked[a], locked[b]) < 3] == []
    for dark in (False, True):
        assert set(locked) <= set(tokens(dark=dark))


def test_the_dark_changes_colours_and_nothing_else() -> None:
    """So a page that axe held against every rule in the one theme is held against the rules of colours alone in the other (tests/journeys/conftest.py)."""
    dark = re.findall(r"@media \(prefers-color-scheme: dark\) \{\s*:root \{([^}]*)\}\s*\}", CSS)
    assert len(dark) == CSS.count("prefers-color-scheme") == 2
    said = [declaration.strip() for block in dark for declaration in block.split(";") if declaration.strip()]
    assert len(said) > 20
    assert [each for each in said if not re.fullmatch(r"--[\w-]+: #[0-9a-f]{6}", each)] == []
    lengths = re.findall(
        r"(?<!-)\b(?:width|height|padding|margin|display|font-size|border-width|position|content)[\w-]*:[^;{}]*var\(--([\w-]+)\)", CSS
    )
    assert {each.partition(":")[0].removeprefix("--") for each in said}.isdisjoint(lengths)
    others = [path for folder in ("templates", "static") for path in (ROOT / folder).rglob("*") if path.suffix in {".html", ".js", ".css"}]
    assert len(others) > 100
    assert [path.name for path in others if path.name != "theme.css" and re.search("prefers-color-scheme|light-dark\\(", path.read_text())] == []


# --- GOV.UK's components, without its font, crown or name ----------------------------------------------------------------


def test_every_rule_of_the_components_that_sets_their_font_is_overruled_by_ours() -> None:
    """A class of theirs alone is as strong as our `[class*="govuk-"]`, which comes later; what is stronger is named in our rule."""
    rule = re.search(r'^(body, [^{]*)\{ font-family: "Atkinson Hyperlegible Next"', CSS, re.MULTILINE)
    assert rule
    ours = [selector.strip() for selector in rule[1].split(",")]
    assert '[class*="govuk-"]' in ours
    theirs = (assets._ROOT / assets.VENDOR["govuk-frontend.min.css"]).read_text()
    setting = re.findall(r"([^{}]+)\{[^{}]*font-family:GDS Transport", theirs.replace("@font-face{font-family:GDS Transport", ""))
    selectors = {selector.strip() for each in setting for selector in each.split(",")}
    assert len(selectors) > 20
    assert {selector for selector in selectors if not re.fullmatch(r"\.govuk-[\w-]+", selector)} <= set(ours)
    pages = (ROOT / "templates" / "base.html").read_text()
    assert pages.index("govuk-frontend.min.css") < pages.index("theme.css")


def test_every_kind_of_link_has_a_colour_of_ours() -> None:
    """Theirs are dark in the dark too: a link back was all but invisible there."""
    pages = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    kinds = {kind for kind in re.findall(r'<a [^>]*class="(govuk-[a-z-]+)', pages) if kind not in {"govuk-button", "govuk-skip-link"}}
    assert {"govuk-link", "govuk-back-link"} <= kinds
    (coloured,) = re.findall(r"^(a, [^{]*)\{ color: var\(--link\); \}", CSS, re.MULTILINE)
    assert [kind for kind in sorted(kinds) if f".{kind}:link" not in coloured] == []


def test_nothing_of_their_crown_font_or_name_is_served_or_shown() -> None:
    assert [name for name in assets.VENDOR if not re.fullmatch(r"govuk-frontend\.min\.css|atkinson-[\w-]+\.woff2", name)] == []
    shown = [path for folder in ("templates", "static") for path in (ROOT / folder).rglob("*") if path.suffix in {".html", ".js", ".svg"}]
    assert len(shown) > 100
    for path in shown:
        assert "data-module" not in path.read_text(), f"{path.name}: their scripts are not loaded, so it does nothing"
        assert not re.search(r"govuk-(header|footer|crest)|gov\.uk|crown", path.read_text(), re.IGNORECASE), path.name


def test_add_incident_stands_in_the_banner_of_every_page_of_a_school_for_who_may_record() -> None:
    """It is in the one frame of all pages, in no part of it that a page may replace, and the only condition is that one."""
    frame = (ROOT / "templates" / "base.html").read_text()
    for _ in range(5):
        frame = re.sub(r"\{% block \w+ %\}((?!\{% block).)*?\{% endblock %\}", "", frame, flags=re.DOTALL)
    assert "{% block" not in frame
    banner = frame[frame.index("<header") : frame.index("</header>")]
    asked = "{% set adds_at = here.adds_at if here else [] %}"  # the schools where they may record: session.py
    leads = "{% set add = url_for('recording.begin', slug=adds_at[0].slug) if adds_at | length == 1 else url_for('session.places') %}"
    assert frame.index(asked) < frame.index(leads) < frame.index("<header")
    assert [frame.count(f"set {name} =") for name in ("adds_at", "add")] == [1, 1]
    offered = re.search(
        r"\{% if adds_at %\}\s*<nav class=\"sk-banner__nav\"(.*?)\"\{{ add \}}\">\{\{ _\('Add incident'\) \}\}</a>\s*</nav>",
        banner,
        re.DOTALL,
    )
    assert offered
    assert offered[1].count("{% if") == offered[1].count("{% endif"), "and under no other"
    pieces = {"form.html", "recording/coach.html", "recording/preview.html"}  # of a page: macros, and what scripts ask for
    for path in (ROOT / "templates").rglob("*.html"):
        name = path.relative_to(ROOT / "templates").as_posix()
        if not path.name.startswith("_") and name not in pieces | {"base.html"}:
            assert path.read_text().startswith('{% extends "base.html" %}'), name


def test_the_banner_of_the_demonstration_is_shown_to_its_made_up_people_alone() -> None:
    """By its one condition, which identity answers for the account; nothing else in any page says it."""
    said = {path.name: path.read_text() for path in (ROOT / "templates").rglob("*.html") if "sk-demo" in path.read_text()}
    assert set(said) == {"base.html"}
    before, _, _ = said["base.html"].partition('<aside class="sk-demo"')
    assert re.findall(r"\{% .*? %\}", before)[-1] == "{% if here and here.answer.demo %}"


NOT_IN_STEPS = {
    ".bm-": "the body map and its tools have to fit beside one another on a telephone",
    ".sk-tag": "stands in a line of text",
    ".sk-count": "stands in a line of text",
    ".sk-class": "a shape beside its word",
    ".sk-banner__link": "links of the banner, which have to fit in a line",
    ".sk-view": "tabs, which have to fit in a line on a telephone",
    ".govuk-": "as GOV.UK Frontend has its buttons and fields, with the edge that ours have besides",
    ".sk-foot .govuk-button": "the same, where three have to fit on a telephone",
    ".sk-line": "room for the line downwards in time",
    ".sk-body--bar": "room for the bar at a telephone's foot",
    ".sk-asked": "ends with a paragraph that has a margin of its own",
}
HAIRLINE = 2


def test_space_is_in_steps_of_five_pixels_but_where_there_is_a_reason() -> None:
    """As in GOV.UK Frontend : what is further apart belongs less together, and the eye can tell."""
    css = re.sub(r"/\*.*?\*/", "", CSS, flags=re.DOTALL)
    odd = set()
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
        for name, value in re.findall(r"(?<![\w-])((?:padding|margin|gap|row-gap|column-gap)[a-z-]*):\s*([^;]+)", body):
            sizes = [int(size) for size in re.findall(r"(?<![\w.])-?(\d+)px", value)]
            if any(size % 5 and size > HAIRLINE for size in sizes):
                odd.add((selectors.strip().split(",")[0].strip(), name))
    without = {(selector, name) for selector, name in odd if not any(part in selector for part in NOT_IN_STEPS)}
    assert without == set()
    assert {part for part in NOT_IN_STEPS if not any(part in selector for selector, _ in odd)} == set(), "an exception that is none any more"
