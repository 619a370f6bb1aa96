"""Forms are read without losing a word, and each problem lies beside its field."""

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from werkzeug.datastructures import MultiDict

from gateway.forms import Form, clean, plain, when
from safekeep import clock

GATEWAY = Path(__file__).resolve().parents[3] / "gateway"
LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 6, 10, 11, 47, tzinfo=UTC)  # 12:47 in London


def sent(**fields: str) -> Form:
    return Form({name: [value] for name, value in fields.items()})


@pytest.mark.parametrize(
    ("fields", "moment", "precision"),
    [
        ({"when": "now", "now_at": "2026-06-10T11:40:00.000Z"}, datetime(2026, 6, 10, 11, 40, tzinfo=UTC), "exact"),
        ({"when": "exact", "when_date": "2026-06-10", "when_time": "12:30"}, datetime(2026, 6, 10, 11, 30, tzinfo=UTC), "exact"),
        ({"when": "about", "when_date": "2026-01-10", "when_time": "9.05"}, datetime(2026, 1, 10, 9, 5, tzinfo=UTC), "about"),
        ({"when": "day", "when_date": "2026-06-09"}, datetime(2026, 6, 8, 23, 0, tzinfo=UTC), "day"),
        ({"when": "day", "when_date": "2026-06-10", "when_time": "23:59"}, datetime(2026, 6, 9, 23, 0, tzinfo=UTC), "day"),
        ({"when": "not_known"}, None, "not_known"),
    ],
)
def test_when_it_happened_is_read_in_the_schools_zone(fields: dict[str, str], moment: datetime | None, precision: str) -> None:
    with clock.set_to(NOW):
        form = sent(**fields)
        assert when(form, zone=LONDON) == (moment, precision)
        assert form.problems == {}


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({}, {"when": "missing"}),
        ({"when": "sometime"}, {"when": "unknown_choice"}),
        ({"when": "exact"}, {"when_date": "missing"}),
        ({"when": "exact", "when_date": "2026-06-10"}, {"when_time": "missing"}),
        ({"when": "exact", "when_date": "10/06/2026", "when_time": "12:00"}, {"when_date": "not_a_date"}),
        ({"when": "exact", "when_date": "0026-06-10", "when_time": "12:00"}, {"when_date": "not_a_date"}),
        ({"when": "exact", "when_date": "2026-06-10", "when_time": "noon"}, {"when_time": "not_a_time"}),
        ({"when": "exact", "when_date": "2026-06-10", "when_time": "25:00"}, {"when_time": "not_a_time"}),
        ({"when": "exact", "when_date": "2026-06-10", "when_time": "99999999999:00"}, {"when_time": "not_a_time"}),
        ({"when": "exact", "when_date": "2026-06-10", "when_time": "13:30"}, {"when_time": "in_future"}),
        ({"when": "day", "when_date": "2026-06-11"}, {"when_date": "in_future"}),
    ],
)
def test_what_is_wrong_with_when_lies_beside_its_field(fields: dict[str, str], problems: dict[str, str]) -> None:
    with clock.set_to(NOW):
        form = sent(**fields)
        when(form, zone=LONDON)
        assert form.problems == problems


def test_now_is_the_moment_the_page_showed_so_that_sending_twice_says_the_same() -> None:
    form = sent(when="now", now_at="2026-06-10T11:40:00.123Z")
    answers = set()
    for minute in (47, 48):
        with clock.set_to(NOW.replace(minute=minute)):
            answers.add(when(form, zone=LONDON))
    assert len(answers) == 1


@pytest.mark.parametrize("forged", ["", "nonsense", "2999-01-01T00:00:00Z", "2026-06-10T11:40:00"])
def test_a_forged_now_is_the_servers_now(forged: str) -> None:
    with clock.set_to(NOW):
        assert when(sent(when="now", now_at=forged), zone=LONDON)[0] == NOW


def test_what_was_typed_stays_typed_line_ends_aside() -> None:
    form = Form.sent(MultiDict([("narrative", "  one\r\ntwo\u202e<b>\x00 "), ("csrf_token", "x"), ("do", "record")]))
    assert form.one("narrative") == "  one\ntwo\u202e<b>\x00 "
    assert "csrf_token" not in form.fields
    assert "do" not in form.fields


def test_a_value_that_is_no_id_is_noted_and_left_out() -> None:
    form = Form({"staff_ids": ["nonsense", "0197f3b0-0000-7000-8000-000000000000"]})
    assert [str(found) for found in form.as_ids("staff_ids")] == ["0197f3b0-0000-7000-8000-000000000000"]
    assert form.problems == {"staff_ids": "not_an_id"}


def test_the_first_problem_of_a_field_stands() -> None:
    form = Form({})
    form.refuse("place", "too_long")
    form.refuse("place", "missing")
    assert form.problems == {"place": "too_long"}


def test_a_search_takes_no_control_characters_and_not_more_than_a_line() -> None:
    assert clean("sarah\x00") == ""
    assert clean("\u202esarah") == ""
    assert clean("a" * 500) == "a" * 200


def test_a_draft_keeps_every_field_but_what_a_database_cannot_hold() -> None:
    assert plain({"narrative": ["a\0b"], "groups": ["x", "y"]}) == {"narrative": ["ab"], "groups": ["x", "y"]}


def test_whatever_says_an_error_beside_a_field_has_a_control_that_names_it() -> None:
    """By the templates themselves: a screen reader says with a field only what `aria-describedby` names, so a page with `f.error` has its `f.described`."""
    said, named, written_out = set(), set(), []
    for path in sorted((GATEWAY / "templates").rglob("*.html")):
        text, name = path.read_text(), str(path.relative_to(GATEWAY / "templates"))
        said |= {(name, field.strip()) for field in re.findall(r"\berror\(form, ([^()]+?)\) \}\}", text)}
        named |= {(name, field.strip()) for field in re.findall(r"\bdescribed\(form, ([^,]+), ", text)}
        written_out += [(name, found) for found in re.findall(r'aria-describedby="[^"]*-error[^"]*"', text) if "{{ name }}-error" not in found]
    assert said
    assert said - named == set()
    assert written_out == [], "by the macro alone, so that this test sees it"
