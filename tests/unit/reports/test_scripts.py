"""Names in the scripts of the families of a school, in every document that is given to anybody: printed, tagged, and read out as they are written.

Words of a script written from right to left stand in the file in the order they are read, each with its language, which is what a screen reader
follows (checked by pypdf, which takes text out in that order). Who reads a page by where its letters are (PDFium) turns a line round that has
such a word: the words are in order there too, and the English beside them is not where it was.
"""

import datetime as dt
import io
import unicodedata
from typing import Any

import docx
import pikepdf
import pypdf
import pypdfium2
import pytest

from safekeep.contracts.incidents import Chronology
from safekeep.ids import new_id
from services.reports import chronology, disclosing, packs, papers, word
from services.reports.disclosing import Text
from services.reports.packs import Choice, Gathered
from tests.services.reports.test_chronology_pdf import a_line, a_pupil, is_tagged_archive

NAMES = {
    "Arabic": "محمد",
    "Arabic of three words": "محمد سعد عمر",
    "Hebrew": "שרה כהן",
    "Bengali": "মোহাম্মদ রহমান",
    "Gurmukhi": "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ",
    "Chinese": "王小明",
    "Polish": "Łukasz Żółć",
}
RIGHT_TO_LEFT = {"Arabic": "ar", "Arabic of three words": "ar", "Hebrew": "he"}
AT = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)


def asked(name: str) -> chronology.Asked:
    return chronology.Asked(by=name, at=AT, school_name="Elm Tree", zone="Europe/London", category_names={})


def a_chronology(name: str) -> dict[str, Any]:
    entries = [a_line(1, author_name=name, text=f"I met {name}.")]
    return chronology.content(pupil=a_pupil(name), entries=entries, request=Chronology(pupil_id=new_id(), reason=name), asked=asked(name))


def a_pack(name: str) -> dict[str, Any]:
    gathered = Gathered(pupil=a_pupil(name), flags=[], entries=[a_line(1, author_name=name, text=f"I met {name}.")], follow_ups=[])
    choice = Choice(kind="transfer", request=Chronology(pupil_id=new_id()), to_school=name)
    return packs.content(gathered, choice=choice, asked=asked(name))


def a_record(name: str) -> dict[str, Any]:
    texts = [Text("Incident 2026-1", "about", f"Recorded by {name}"), Text("Incident 2026-1", "account", f"I met {name}.")]
    return disclosing.document(texts, title=f"Record of {name}", school="Elm Tree", facts={"Asked for by": name}, at=AT)


def a_report(name: str) -> dict[str, Any]:
    content = {
        "approved_at": AT.isoformat(),
        "year": 2026,
        "number": 1,
        "title": "Safeguarding report",
        "school": "Elm Tree",
        "period": "September to November 2026",
        "meeting": "Wednesday 2 December 2026",
        "approved_by": name,
        "rule": "Counts below five are not shown.",
        "words": f"I met {name}.",
        "sections": [],
    }
    return papers.governors(content, sha256="0" * 64, places=[("", 1, "1" * 64)])


MADE = {"chronology": a_chronology, "pack": a_pack, "record": a_record, "governors' report": a_report}


def read_out(data: bytes) -> str:
    """Return a PDF's text as a reader of PDF gives it to whoever copies it."""
    pdf = pypdfium2.PdfDocument(data)
    try:
        return unicodedata.normalize("NFC", " ".join(" ".join(page.get_textpage().get_text_range() for page in pdf).split()))
    finally:
        pdf.close()


def in_order(data: bytes) -> str:
    """Return a PDF's text in the order in which it stands in the file."""
    said = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)
    return unicodedata.normalize("NFC", " ".join(said.split()))


@pytest.mark.parametrize("script", NAMES)
@pytest.mark.parametrize("kind", MADE)
def test_a_name_is_printed_and_read_out_in_every_document(kind: str, script: str) -> None:
    """With a glyph for each letter (archive PDF allows none that is missing), none spelt out, in order, wherever it stands."""
    name, said = NAMES[script], MADE[kind](NAMES[script])
    data = papers.pdf(said) if kind == "governors' report" else chronology.pdf(said)
    assert is_tagged_archive(data)
    text = read_out(data)
    assert "U+" not in text
    seen = unicodedata.normalize("NFC", name)
    if script in RIGHT_TO_LEFT:
        text = in_order(data)
        with pikepdf.open(io.BytesIO(data)) as pdf:
            assert any(f"/Lang({RIGHT_TO_LEFT[script]})".encode() in page.Contents.read_bytes() for page in pdf.pages)
    assert text.count(seen) >= 2
    assert f"I met {seen}." in text


def test_dotted_letters_of_arabic_are_printed_right_and_read_out_twice() -> None:
    """How it stands: the packaged font sets the dots of a letter as glyphs of their own, and typst says the letter of each (decision 31).

    When this fails, the font or typst has become better: put such a name into NAMES, and take the sentence out of the decision.
    """
    name = "فاطمة خان"
    data = chronology.pdf(a_chronology(name))
    assert is_tagged_archive(data)
    said = in_order(data)
    assert name not in said
    assert sorted(set(said) & set(name)) == sorted(set(name)), "no letter is missing"


@pytest.mark.parametrize("script", NAMES)
@pytest.mark.parametrize("kind", ["chronology", "pack", "record"])
def test_a_name_stands_in_word_with_the_font_and_the_languages_it_is_shown_in(kind: str, script: str) -> None:
    """Word takes a font for each kind of script: each is named, so that no name becomes boxes where Noto is installed."""
    name = NAMES[script]
    made = docx.Document(io.BytesIO(word.docx(MADE[kind](name), at=AT)))
    assert f"I met {name}." in "\n".join(paragraph.text for paragraph in made.paragraphs)
    style = made.styles["Normal"].element.xml
    for kind_of_script, font in (("ascii", "Noto Sans"), ("hAnsi", "Noto Sans"), ("eastAsia", "Noto Sans CJK SC"), ("cs", "Noto Sans Arabic")):
        assert f'w:{kind_of_script}="{font}"' in style, kind_of_script
    for language in ('w:val="en-GB"', 'w:eastAsia="zh-CN"', 'w:bidi="ar-SA"'):
        assert language in style


def test_the_reading_finds_what_a_font_says_wrongly() -> None:
    """Else it would prove nothing: with another name looked for, it is not there."""
    assert "I met Zofia." not in read_out(chronology.pdf(a_chronology("Łukasz Żółć")))
