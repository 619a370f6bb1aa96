"""All that was found in a record, in one list."""

from safekeep.ids import new_id
from services.reports.listing import SHOWN, Found, Place, Where
from services.reports.reviewing import Mark, Text

ENTRY = new_id()


def found(*texts: tuple[str, list[Mark]]) -> Found:
    made = Found()
    for number, (written, marks) in enumerate(texts):
        made.add(Text(ENTRY, "account", f"Incident {number}", written, None), marks, cursor=None if number == 0 else f"page {number}")
    return made


def test_words_stand_once_by_what_they_were_surest_found_by_with_each_place_in_turn() -> None:
    listed = found(
        ("Ruby said so. Then Bertold left.", [Mark(0, 4, "guess"), Mark(19, 26, "relation", accepted=True)]),
        (
            "the zoo. RUBY’s coat and\nruby",
            [Mark(4, 7, None, accepted=True, by_hand=True), Mark(9, 15, "name"), Mark(25, 29, "initials", accepted=False)],
        ),
    ).in_order()
    assert [(each.words, each.why) for each in listed] == [("Ruby", "name"), ("Bertold", "relation"), ("zoo", None)]
    first, second = Where(ENTRY, "account", "Incident 0"), Where(ENTRY, "account", "Incident 1")
    assert listed[0].places == [Place(first, 0, 4, None, None), Place(second, 9, 15, "page 1", None), Place(second, 25, 29, "page 1", False)]
    assert [place.accepted for place in listed[2].places] == [True]


def test_words_of_two_lines_are_one_and_long_ones_are_shortened_but_not_taken_for_each_other() -> None:
    long, longer = "x" * (SHOWN + 1), "x" * (SHOWN + 2)
    listed = found((f"Abel\n Adams {long}", [Mark(0, 11, "name"), Mark(12, 12 + len(long), None)]), (longer, [Mark(0, len(longer), None)])).in_order()
    assert [each.words for each in listed] == ["Abel Adams", "x" * SHOWN + "…", "x" * SHOWN + "…"]
    assert [len(each.places) for each in listed] == [1, 1, 1]


def test_within_a_kind_it_goes_by_the_alphabet() -> None:
    marks = [Mark(0, 4, "name"), Mark(5, 9, "name"), Mark(10, 14, "title")]
    assert [each.words for each in found(("zara Adam Anna", marks)).in_order()] == ["Adam", "zara", "Anna"]
