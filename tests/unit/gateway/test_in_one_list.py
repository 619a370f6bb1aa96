"""The workbench's one list of all that was found in a record."""

from gateway.pages.disclosures import Listed, in_one_list
from safekeep.contracts.reports import RecordMark


def test_what_was_found_stands_once_by_its_words_with_every_place() -> None:
    mark = RecordMark(start=0, stop=4, found_by="name", accepted=None, reason=None)
    found = [Listed(n, f"key.{n}", words, mark) for n, words in enumerate(("Ruby", "her uncle", "ruby", "Ruby’s", "Abel\nAdams"), start=1)]
    assert [(words, [each.number for each in places]) for words, places in in_one_list(found)] == [
        ("Abel Adams", [5]),
        ("her uncle", [2]),
        ("Ruby", [1, 3, 4]),
    ]
