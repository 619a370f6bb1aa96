"""What is given to somebody who asked: the words left out are gone from the file, whatever it is read with."""

import datetime as dt
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import docx
import pikepdf
import pypdf
import pypdfium2
import pytest

from safekeep.body.marks import BodyMap, Mark, SealedBodyMap, sealed
from safekeep.contracts.reports import LawReason
from safekeep.ids import new_id
from services.reports import disclosing, volumes
from services.reports.disclosing import Attached, Decision, LeftOut, Text

WRITTEN = "Amelia said that Żaklina Quixworth hit her. Amelia was calm. Żaklina ran off."
WORDS = ("Żaklina", "Quixworth")
AT = dt.datetime(2026, 9, 20, 9, tzinfo=dt.UTC)


def a_text(*words: str, reason: LawReason = "third_party", written: str = WRITTEN, entry: str = "Incident 2026-14") -> Text:
    sha256 = disclosing.hash_of(written)
    places = [(match.start(), match.end()) for word in words for match in re.finditer(word, written)]
    return Text(entry, "account", written, tuple(Decision(first, end, reason, sha256) for first, end in places))


def a_pdf(*texts: Text) -> bytes:
    return disclosing.pdf(
        disclosing.document(texts, title="Record of a pupil", school="Hillside", facts={"Pupil": "Amelia Okafor"}, withheld=["1 photograph"])
    )


def everything(file: bytes) -> tuple[bytes, str]:
    """Return every byte of the file's streams and strings, unpacked, and the text as readers of PDF take it out of it (tags' own text as well)."""
    raw = [file]
    with pikepdf.open(io.BytesIO(file)) as opened:
        assert not opened.attachments
        for thing in opened.objects:
            if isinstance(thing, pikepdf.Stream):
                raw.append(thing.read_bytes())
            raw.append(thing.unparse(resolved=False))
            if isinstance(thing, pikepdf.Dictionary):
                raw += [str(value).encode() for value in thing.values() if isinstance(value, pikepdf.String)]
    reader = pypdf.PdfReader(io.BytesIO(file))
    said = "\n".join(page.extract_text() for page in reader.pages)
    return b"\n".join(raw), f"{said}\n{reader.metadata}"


def holds(file: bytes, word: str) -> bool:
    raw, said = everything(file)
    forms = (word.encode(), word.encode("utf-16-be"), word.encode("utf-16-be").hex().encode(), word.encode("utf-16-be").hex().upper().encode())
    return word in re.sub(r"\s", "", said) or any(form in raw for form in forms)


def letters_of(file: bytes) -> set[str]:
    """Return the letters that the fonts' own tables (ToUnicode) can say."""
    raw, _ = everything(file)
    return {chr(int(code, 16)) for code in re.findall(rb"<[0-9a-fA-F]{4}> ?<([0-9a-fA-F]{4})>", raw)}


def test_words_left_out_are_in_no_text_tag_string_stream_attachment_or_earlier_revision_of_the_file() -> None:
    file = a_pdf(a_text(*WORDS, "Amelia was calm"))
    assert not [word for word in (*WORDS, "calm") if holds(file, word)]
    assert file.count(b"%%EOF") == 1
    assert file.count(b"startxref") == 1
    with pikepdf.open(io.BytesIO(file)) as opened:
        assert "/Prev" not in opened.trailer


def test_the_same_search_finds_the_words_where_they_were_not_left_out() -> None:
    whole = a_pdf(a_text())
    assert [word for word in WORDS if holds(whole, word)] == list(WORDS)


def test_fonts_hold_no_letter_that_only_a_word_left_out_had() -> None:
    assert {"Ż", "Q"} <= letters_of(a_pdf(a_text()))
    assert not {"Ż", "Q"} & letters_of(a_pdf(a_text(*WORDS)))


def test_the_schedule_numbers_each_place_and_says_where_and_why_without_a_word() -> None:
    made, schedule = disclosing.given([a_text(*WORDS), a_text("calm", reason="serious_harm", written="She was calm.", entry="Incident 2026-15")])
    assert made[0].written == "Amelia said that [left out, 1] [left out, 2] hit her. Amelia was calm. [left out, 3] ran off."
    assert made[1].written == "She was [left out, 4]."
    assert schedule[2:] == [LeftOut(3, "Incident 2026-14, account", ("third_party",)), LeftOut(4, "Incident 2026-15, account", ("serious_harm",))]


def test_a_childs_own_words_are_shown_as_such_and_what_stays_of_them_where_some_are_left_out() -> None:
    written = 'She said "Żaklina hit me and ran". I asked no more. "I want to go home." Then we went in.'
    said = [written.index("Żaklina hit me"), written.index("I want"), written.index("home")]
    passages = ((said[0], said[0] + len("Żaklina hit me and ran")), (said[1], said[1] + len("I want to go home.")))
    text = replace(a_text("Żaklina", "hit", written=written), child=passages)
    (made,), _ = disclosing.given([text])
    assert [made.written[start:stop] for start, stop in made.child] == [" ", " me and ran", "I want to go home."]
    for child in (passages, ()):
        entry = disclosing.document([replace(text, child=child)], title="A", school="B", facts={})["months"][0]["entries"][0]
        pieces = [piece for paragraph in entry["text"] for line in paragraph for piece in line]
        assert [piece["said"] for piece in pieces if piece["child"]] == ([" ", " me and ran", "I want to go home."] if child else [])
        assert entry["child"] is bool(child)
        assert "".join(piece["said"] for piece in pieces) == made.written
    shown = disclosing.document([replace(text, child=passages)], title="A", school="B", facts={})
    runs = [run for paragraph in docx.Document(io.BytesIO(disclosing.docx(shown, at=AT))).paragraphs for run in paragraph.runs]
    assert [run.text for run in runs if run.bold and run.underline] == [" ", " me and ran", "I want to go home."]
    assert "In bold, underlined: the child’s own words." in [run.text for run in runs]


def test_places_that_overlap_are_one_with_every_reason() -> None:
    sha256 = disclosing.hash_of(WRITTEN)
    text = Text("Incident 2026-14", "account", WRITTEN, (Decision(0, 9, "third_party", sha256), Decision(5, 20, "crime", sha256)))
    assert disclosing.given([text])[1] == [LeftOut(1, "Incident 2026-14, account", ("third_party", "crime"))]


def test_a_text_that_changed_since_is_not_given() -> None:
    text = a_text(*WORDS)
    changed = Text(text.entry, text.part, "Sorry: " + text.written, text.decisions)
    with pytest.raises(ValueError, match=r"^text_changed$"):
        disclosing.document([changed], title="Record", school="Hillside", facts={})


def test_nothing_held_is_a_document_too() -> None:
    file = a_pdf()
    assert "Nothing is held." in everything(file)[1]


def a_file(number: int, *, given: bool, state: str = "kept", reason: LawReason | None = None, media_type: str = "image/jpeg") -> Attached:
    return Attached(new_id(), number, "Incident 2026-14", f"{number}" * 64, 1_400_000, media_type, state, given, reason)


def test_each_attached_file_is_listed_by_number_with_what_was_decided_and_its_hash() -> None:
    files = [
        a_file(1, given=True),
        a_file(2, given=False, reason="third_party"),
        a_file(3, given=True, state="blocked"),
        a_file(4, given=False, reason="crime", state="destroyed"),
        a_file(5, given=True, media_type="application/x-nobody-knows"),
    ]
    said = disclosing.document([a_text(*WORDS)], title="Record", school="Hillside", facts={}, files=files)
    table = said["closing"][-1]
    assert [row[:2] for row in table["rows"]] == [
        ["1", "given whole: file-1.jpg"],
        ["2", "withheld: another person"],
        ["3", "not given: nobody can open it"],
        ["4", "not given: it was destroyed"],
        ["5", "given whole: file-5.bin"],
    ]
    assert all(f"SHA-256{file.sha256}" in row[2].replace("\n", "") and "1.4 MB" in row[2] for file, row in zip(files, table["rows"], strict=True))
    assert table["words"] == ["Another person: Information about another person (Data Protection Act 2018, Schedule 2, paragraph 16)"]
    assert "Attached files: 2 of 5 are given with it." in " ".join(said["notes"])
    assert [file.is_given for file in files] == [True, False, False, False, True]


def test_of_a_part_each_number_begins_with_the_parts_in_the_text_and_in_the_schedule() -> None:
    plan = volumes.Plan(entries=2, volumes=[volumes.Volume(n, 1, n, 0, n, 0, "2026-07-01", "2026-07-01") for n in range(2)])
    said = disclosing.document([a_text("calm")], title="Record", school="Hillside", facts={}, share=volumes.Part(2, 2, plan))
    assert "[left out, 2.1]" in str(said["months"])
    assert said["closing"][0]["rows"][0][0] == "2.1"
    assert said["title"] == "Record, part 2 of 2: July 2026"


def test_no_hash_of_a_file_runs_off_the_page() -> None:
    """As wide as a hash can be, and below the longest name that an entry has."""
    file = replace(
        a_file(1, given=False, reason="child_abuse_data"), sha256="d" * 64, entry="Correction, 30 September 2026 at 12:47, below incident 2026-1014"
    )
    data = disclosing.pdf(disclosing.document([a_text()], title="Record", school="Hillside", facts={}, files=[file], at=AT))
    pdf = pypdfium2.PdfDocument(data)
    try:
        text = pdf[0].get_textpage()
        right = max(text.get_charbox(number)[2] for number in range(text.count_chars()))
        assert text.get_text_range().count("d" * 32) == 2
        assert right <= pdf[0].get_width() - 60
    finally:
        pdf.close()


THREE_MARKS = SealedBodyMap.model_validate(
    sealed(
        BodyMap(
            marks=[
                Mark(drawing="front", region="left_forearm_inner", points=[(400, 470)], kind="bruise", said="Quixworth\nheld me"),
                Mark(drawing="front", region="left_chest", points=[(300, 300)], kind="other", what="Mark like Quixworth's ring"),
                Mark(drawing="hands", region="right_palm", points=[(700, 720)], kind="scald"),
            ]
        )
    )
)


@pytest.mark.parametrize(
    ("left_out", "drawn", "note"),
    [
        ((), {"The front": ["1", "2"], "Hands": ["3"]}, "every mark is drawn."),
        (("Quixworth(?=\n)",), {"The front": ["1", "2"], "Hands": ["3"]}, "every mark is drawn."),  # what the child said shows in no drawing
        (("Quixworth",), {"The front": ["1"], "Hands": ["3"]}, "1 of 3 marks is not drawn"),  # what the mark is
        (("right palm",), {"The front": ["1", "2"]}, "1 of 3 marks is not drawn"),  # where it is: no drawing of hands without a mark
        (("(?s)1\\. .*",), {}, "3 of 3 marks are not drawn"),
    ],
)
def test_a_body_map_is_drawn_anew_from_the_marks_whose_words_stay_and_keep_their_numbers(
    left_out: tuple[str, ...], drawn: dict[str, list[str]], note: str
) -> None:
    written = "\n".join(THREE_MARKS.words)
    about = replace(a_text(*left_out, written=written), part="body_map", body_map=THREE_MARKS)
    said = disclosing.document([about], title="Record of a pupil", school="Hillside", facts={})
    entry = said["months"][0]["entries"][0]
    found = {each["name"]: re.findall(r">(\d+)</text></g>", each["svg"]) for each in entry["body_map"]["drawings"]}
    assert found == drawn
    assert note in said["notes"][1]
    if "Quixworth" in left_out:
        assert not holds(disclosing.pdf(said), "Quixworth"), "neither in the drawing's words for a screen reader"


def test_each_reason_of_the_law_says_where_it_was_read_or_that_it_could_not_be() -> None:
    told = (Path(__file__).parents[3] / "docs" / "law.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", told, re.MULTILINE))
    assert set(rows) == set(disclosing.REASONS) == set(get_args(LawReason)) == set(get_args(LawReason))
    assert all(re.search(r"[Rr]ead|Told|told|Not reached", said) for said in rows.values())
