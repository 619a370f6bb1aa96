"""The body map: its drawings, the names of its regions, its data and the words it is read aloud by."""

import xml.etree.ElementTree as ET

import pytest

from safekeep.body import figures, marks, picture, regions
from safekeep.body.marks import BodyMap, Mark, in_words, problems_of, region_of, with_age

EVERY = [(drawing, age) for drawing in figures.DRAWINGS for age in figures.AGES]
TITLES = {code: "T" for drawing in figures.DRAWINGS for code, _ in figures.figure(drawing=drawing, age="middle").titles}
BRUISE = Mark(drawing="front", region="left_forearm_inner", points=[(395, 420)], kind="bruise")


@pytest.mark.parametrize(("drawing", "age"), EVERY)
def test_every_region_of_every_drawing_has_a_name_and_a_place_on_the_body(drawing: str, age: str) -> None:
    """What is chosen from the list lands inside the outline, and in the region that was chosen, on a child of each age."""
    drawn = figures.figure(drawing=drawing, age=age)
    assert {name for name, _ in drawn.regions} == set(regions.shown(drawing)) <= set(regions.REGIONS)
    for region in regions.shown(drawing):
        x, y = regions.middle_of(region, drawing=drawing, age=age)
        assert regions.region_at((round(x), round(y)), drawing=drawing, age=age) == region
        assert regions._is_drawn(drawn, (x, y)), region


@pytest.mark.parametrize(("drawing", "age"), EVERY)
def test_every_drawing_stays_on_its_sheet_and_is_sound_svg(drawing: str, age: str) -> None:
    wide, high = figures.SIZES[drawing]
    for layer in figures.figure(drawing=drawing, age=age).layers:
        for x, y in (point for shape in layer for point in shape):
            assert 0 <= x <= wide
            assert 0 <= y <= high
    root = ET.fromstring(picture.printed(BodyMap(age=age), drawing=drawing, names=TITLES))  # noqa: S314 - our own
    assert root.attrib["viewBox"] == f"0 0 {wide} {high}"


def test_every_name_is_that_of_one_region_and_each_region_is_shown() -> None:
    assert len(set(regions.REGIONS.values())) == len(regions.REGIONS)
    assert {name for drawing in figures.DRAWINGS for name in regions.shown(drawing)} == set(regions.REGIONS)


@pytest.mark.parametrize("age", figures.AGES)
def test_left_and_right_are_the_childs_own(age: str) -> None:
    """In front the child's left is on the right of the picture, from behind on its left, and of what is large its title says it."""
    for drawing in ("front", "back"):
        middle = figures.SIZES[drawing][0] / 2
        for name in regions.shown(drawing):
            x, _ = regions.middle_of(name, drawing=drawing, age=age)
            if name.startswith(("left_", "right_")):
                assert (x > middle) == (name.startswith("left_") == (drawing == "front")), name
    for drawing in ("hands", "feet"):
        for name in regions.shown(drawing):
            assert (regions.middle_of(name, drawing=drawing, age=age)[0] < 500) == name.startswith("left_"), name


def test_a_tap_a_finger_beside_the_hand_is_the_hand_and_one_in_the_corner_is_nothing() -> None:
    x, y = regions.middle_of("left_palm", drawing="front", age="older")
    assert regions.region_at((x + 60, y), drawing="front", age="older") == "left_palm"
    assert regions.region_at((2, 998), drawing="front", age="older") is None


def test_a_drawn_mark_is_of_the_region_most_of_it_lies_in() -> None:
    (x1, y1), (x2, y2) = (regions.middle_of(r, drawing="back", age="middle") for r in ("left_calf", "left_knee_back"))
    drawn = [(round(x1), round(y1)), (round(x1), round(y1) + 9), (round(x2), round(y2))]
    assert region_of(drawn, drawing="back", age="middle") == "left_calf"
    assert region_of([(0, 1000)], drawing="back", age="middle") is None


def test_it_is_read_aloud_as_a_person_would_say_it() -> None:
    whole = BodyMap(
        marks=[
            BRUISE.model_copy(
                update={"colour": "yellow", "length_mm": 20, "width_mm": 15, "shape": "oval", "seen": "in_plain_sight", "said": "I fell"}
            ),
            Mark(drawing="hands", region="left_thumb_back", form="line", points=[(1, 1), (9, 9)], kind="other", what="Rope mark"),
        ]
    )
    assert in_words(whole) == [
        "1. Bruise, left forearm, inner. Yellow, 20 mm by 15 mm, oval. Seen in plain sight, no clothing moved. The child said: “I fell”",
        "2. Rope mark, left thumb, nail side. Drawn as a line.",
    ]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"region": "left_thumb_back"}, {"marks.0.region": "unknown_choice"}),
        ({"region": "no_such_place"}, {"marks.0.region": "unknown_choice"}),
        ({"points": [(521, 10)]}, {"marks.0.points": "not_on_body"}),
        ({"form": "line"}, {"marks.0.points": "not_on_body"}),
        ({"form": "area", "points": [(1, 1), (2, 2)]}, {"marks.0.points": "not_on_body"}),
        ({"kind": "other"}, {"marks.0.what": "say_what"}),
        ({}, {}),
    ],
)
def test_what_does_not_fit_the_drawing_is_said_by_its_field(changed: dict[str, object], problem: dict[str, str]) -> None:
    assert problems_of(BodyMap(marks=[BRUISE.model_copy(update=changed)])) == problem


def test_on_a_figure_of_another_age_each_mark_stays_where_it_was_on_the_body() -> None:
    moved = BodyMap(age="middle", marks=[Mark(drawing=d, region=r, points=[tuple(map(round, regions.middle_of(r, drawing=d, age="middle")))], kind="cut") for d in ("front", "left") for r in regions.shown(d)][:40])  # fmt: skip
    for age in ("younger", "older"):
        changed = with_age(moved, age)
        assert changed.age == age
        for before, mark in zip(moved.marks, changed.marks, strict=True):
            assert region_of(list(mark.points), drawing=mark.drawing, age=age) == mark.region == before.region


def test_what_is_sealed_is_the_data_and_the_words_and_a_word_is_never_markup() -> None:
    """What somebody typed stands in the words only: the picture holds numbers."""
    kept = marks.sealed(BodyMap(marks=[BRUISE.model_copy(update={"kind": "other", "what": "<script>"})]))
    assert kept["version"] == 1
    assert kept["words"] == ["1. <script>, left forearm, inner."]
    assert "script" not in picture.printed(BodyMap.receive({k: v for k, v in kept.items() if k != "words"}), drawing="front", names={})
