"""Times as people say them: with the exact one on hover, and to a screen reader where "today" or "5 minutes ago" does not say it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

import gateway
from gateway import languages, templating
from safekeep import clock

TEMPLATES = sorted((Path(gateway.__file__).parent / "templates").rglob("*.html"))
NOW = datetime(2026, 11, 24, 12, 47, 5, tzinfo=UTC)
ITSELF = {
    "pupils/print.html": ["words.exact(found.check.whole_at,", "words.exact(found.check.checked_at,"],
    "recording/form.html": ["words.at(now_at,"],
}
"""What is exact itself, since nobody can hover over paper; and the moment in which the page is made, which the browser then keeps right: reveal.js."""


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An application that speaks, on a Tuesday."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    app = Flask("gateway", static_folder=None)
    languages.install(app)
    return app


@pytest.mark.parametrize(
    ("before", "precision", "said", "exact", "is_read"),
    [
        (timedelta(0), "exact", "today at 12:47", "Tuesday 24 November 2026, 12:47:05", True),
        (timedelta(days=1), "about", "yesterday at about 12:47", "Monday 23 November 2026 at about 12:47", True),
        (timedelta(days=-1), "day", "tomorrow, time not known", "Wednesday 25 November 2026", True),
        (timedelta(days=7), "exact", "Tuesday 17 November at 12:47", "Tuesday 17 November 2026, 12:47:05", False),
        (timedelta(days=7), "day", "Tuesday 17 November, time not known", "Tuesday 17 November 2026", False),
    ],
)
def test_the_exact_time_is_on_hover_and_read_out_where_the_words_name_no_day(
    spoken: Flask, before: timedelta, precision: str, said: str, exact: str, is_read: bool
) -> None:
    """Never more exactly than it is known, and not twice."""
    with spoken.test_request_context():
        shown = templating.time(NOW - before, precision)
    assert re.fullmatch(r'<time datetime="[^"]+" title="([^"]+)">([^<]+)(.*)</time>', shown).groups() == (  # type: ignore[union-attr]
        exact,
        said,
        f'<span class="govuk-visually-hidden"> ({exact})</span>' if is_read else "",
    )


def test_how_long_ago_says_when_too_and_what_is_not_known_says_no_time(spoken: Flask) -> None:
    with spoken.test_request_context():
        shown = templating.ago(NOW - timedelta(days=9))
        assert templating.time(None) == templating.time(NOW, "not_known") == "<span>time not known</span>"
    assert shown == (
        '<time datetime="2026-11-15T12:47:05+00:00" title="Sunday 15 November 2026, 12:47:05">9 days ago'
        '<span class="govuk-visually-hidden"> (Sunday 15 November 2026, 12:47:05)</span></time>'
    )


def test_no_page_says_a_time_in_bare_words() -> None:
    """Every time of a page comes from `time` or `ago`, which say the exact one too."""
    bare = {
        path.relative_to(TEMPLATES[0].parents[1]).as_posix(): found
        for path in TEMPLATES
        if (found := re.findall(r"words\.(?:at|ago|exact)\([\w.]*,?", path.read_text()))
    }
    assert bare == ITSELF
    said = "".join(path.read_text() for path in TEMPLATES)
    assert len(re.findall(r"\b(?:time|ago)\(", said)) > 80
    assert re.findall(r"strftime|isoformat\(\) \}\}<|format_datetime", said) == []
