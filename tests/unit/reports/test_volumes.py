"""Where the parts of a long document begin: in order, each entry once, none too large, planned page by page."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safekeep.contracts.incidents import EntryLine
from safekeep.contracts.reports import part_name, stem_of, sums
from services.reports import volumes
from services.reports.volumes import Part, Plan
from tests.services.reports.test_chronology_pdf import a_line

LETTERS = st.integers(0, 20_000)


def planned(entries: list[EntryLine], *, page: int) -> Plan:
    plan = Plan()
    for number, start in enumerate(range(0, len(entries), page)):
        plan.add(entries[start : start + page], page=number, zone="Europe/London", by_occurred=True)
    plan.end()
    return plan


@given(lengths=st.lists(LETTERS, max_size=60), page=st.integers(1, 9), most=st.integers(1, 20), heaviest=st.integers(1_000, 60_000))
def test_every_entry_stands_in_one_part_in_order_and_no_part_is_too_large(lengths: list[int], page: int, most: int, heaviest: int) -> None:
    """Read again from the pages a part names, as the printing does; an entry that is too large by itself has a part of its own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(volumes, "MOST_ENTRIES", most)
        patched.setattr(volumes, "MOST_WEIGHT", heaviest)
        entries = [a_line(n, text="x" * length) for n, length in enumerate(lengths)]
        plan = Plan.receive(json.loads(json.dumps(planned(entries, page=page).wire())))
    pages = [entries[start : start + page] for start in range(0, len(entries), page)]
    seen = []
    for volume in plan.volumes:
        shown = [entry for each in pages[volume.first_page : volume.last_page + 1] for entry in each][volume.skip : volume.skip + volume.entries]
        assert len(shown) == volume.entries <= most
        assert sum(map(volumes.weight_of, shown)) <= heaviest or len(shown) == 1
        assert volume.first == len(seen)
        seen += shown
    assert seen == entries
    assert sum(count for _, count in plan.months) == len(entries)


def test_a_part_says_of_which_months_it_is() -> None:
    plan = planned([a_line(n) for n in range(1_500)], page=200)
    first, second = (Part(number, 2, plan) for number in (1, 2))
    assert [part.volume.entries for part in (first, second)] == [1_000, 500]
    assert (first.words, first.period) == ("part 1 of 2", "October 2023 to July 2026")
    assert (second.words, second.period) == ("part 2 of 2", "May 2022 to October 2023")
    assert (first.is_first, first.is_last, second.is_first, second.is_last) == (True, False, False, True)
    assert planned([a_line(1)], page=1).months == [("June 2026", 1)]


def test_what_files_are_called_sorts_as_they_are_read_and_the_list_of_hashes_is_one_that_programs_know() -> None:
    names = [part_name(stem="chronology", number=number, of=11, form="pdf") for number in range(1, 12)]
    assert names == sorted(names)
    assert names[1] == "chronology-part-02-of-11.pdf"
    assert part_name(stem=stem_of(kind="pack", pack="core_group"), number=1, of=1, form="docx") == "pack-core-group.docx"
    assert sums([("a.pdf", "0" * 64)]) == f"{'0' * 64}  a.pdf\n"
