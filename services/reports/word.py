"""A document as Word takes it: real headings, a table whose first row is its heading, its language and its title set. Pure.

It says what the PDF says (chronology.content). The same content makes the same bytes: Word's own times are those of the asking.
"""

import io
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from docx import Document
from docx.document import Document as Docx
from docx.enum.text import WD_BREAK
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph

_STAMP: Final = (1980, 1, 1, 0, 0, 0)
"""When each part inside the file was changed: the earliest that a zip file can say, which is to say nothing."""
_NOT_IN_XML: Final = dict.fromkeys([*(n for n in range(32) if n not in (9, 10, 13)), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF], "\ufffd")


def docx(said: dict[str, Any], *, at: datetime) -> bytes:
    """Return the document; `at` is when it was asked for, which Word shows as when it was made."""
    made = Document()
    _properties(made, said=said, at=at)
    _heading(made, _clean(said["title"]), level=0)
    for fact in said["facts"]:
        line = _paragraph(made)
        line.add_run(f"{fact['name']}: ").bold = True
        line.add_run(_clean(fact["value"]))
    for note in said["notes"]:
        _paragraph(made, _clean(note))
    if said["summary"]:
        _heading(made, "Entries by month", level=1)
        _table(made, headings=("Month", "Entries"), rows=[(row["name"], row["count"]) for row in said["summary"]])
    for part in said.get("opening", ()):
        _part(made, part)
    if not said["months"] and said["empty"]:
        _paragraph(made, said["empty"])
    for month in said["months"]:
        _heading(made, month["name"], level=1)
        for entry in month["entries"]:
            _entry(made, entry)
    for part in said.get("closing", ()):
        _part(made, part)
    _footer(made, said["footer"])
    kept = io.BytesIO()
    made.save(kept)
    return _same_each_time(kept.getvalue())


def _properties(made: Docx, *, said: dict[str, Any], at: datetime) -> None:
    about, when = made.core_properties, at.astimezone(UTC).replace(tzinfo=None)
    about.title, about.subject, about.author, about.last_modified_by = _clean(said["title"])[:255], said["description"][:255], "Safekeep", "Safekeep"
    about.comments, about.language, about.created, about.modified = "", "en-GB", when, when
    style = made.styles["Normal"]
    style.font.name = "Noto Sans"  # Word takes another where it is not installed, letter by letter
    fonts = style.element.rPr.rFonts  # and one of its own for each kind of script, where none is named
    fonts.set(qn("w:eastAsia"), "Noto Sans CJK SC")
    fonts.set(qn("w:cs"), "Noto Sans Arabic")
    language = OxmlElement("w:lang")
    for name, code in (("w:val", "en-GB"), ("w:eastAsia", "zh-CN"), ("w:bidi", "ar-SA")):
        language.set(qn(name), code)
    style.element.get_or_add_rPr().append(language)


def _paragraph(made: Docx, text: str = "") -> Paragraph:
    """Add a paragraph at the end. (The library looks through all that stand there each time: of 10,000 entries that took five minutes.)"""
    element = OxmlElement("w:p")
    made.element.body[-1].addprevious(element)  # the last is what the page is like
    line = Paragraph(element, made._body)
    if text:
        line.add_run(text)
    return line


def _heading(made: Docx, text: str, *, level: int) -> None:
    """Add a heading by its style's id: looking the style up by name each time took two thirds of all the time."""
    _paragraph(made, text)._p.style = f"Heading{level}" if level else "Title"


def _entry(made: Docx, entry: dict[str, Any]) -> None:
    _heading(made, _clean(entry["heading"]), level=2)
    _lines(made, "\n".join(entry["about"])).paragraph_format.keep_with_next = True
    for paragraph in entry["text"]:
        line = _paragraph(made)
        for number, pieces in enumerate(paragraph):
            if number:
                line.add_run().add_break()
            for piece in pieces:
                run = line.add_run(_clean(piece["said"]))
                if piece["child"]:
                    run.bold = run.underline = True
    if entry["child"]:
        _paragraph(made, "In bold, underlined: the child’s own words.")
    if entry["action_taken"]:
        _heading(made, "Action taken", level=3)
        for part in entry["action_taken"].split("\n\n"):
            _lines(made, part)
    if entry["body_map"]:
        _heading(made, "Body map", level=3)
        for words in entry["body_map"]["words"]:
            _lines(made, words)
        _paragraph(made, "The drawings are in the PDF of this document.")
    if entry.get("files"):
        _heading(made, "Attached files", level=3)
        for file in entry["files"]:
            _lines(made, file)


def _part(made: Docx, said: dict[str, Any]) -> None:
    """Add a part of a pack: words, a table, lines to sign on."""
    if said["sign"]:
        _paragraph(made).add_run().add_break(WD_BREAK.PAGE)  # what is signed and sent back is a page of its own
    _heading(made, _clean(said["heading"]), level=1)
    for words in said["words"]:
        _lines(made, words)
    if said["rows"]:
        _table(made, headings=said["columns"], rows=said["rows"])
    for line in said["sign"]:
        _paragraph(made, "_" * 40).paragraph_format.keep_with_next = True
        _lines(made, line)


def _lines(made: Docx, text: str) -> Paragraph:
    return _paragraph(made, _clean(text))  # a line end becomes Word's own


def _table(made: Docx, *, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = made.add_table(rows=1, cols=len(headings), style="Table Grid")
    repeated = OxmlElement("w:tblHeader")  # read out as the columns' heading, and shown again on each page
    table.rows[0]._tr.get_or_add_trPr().append(repeated)
    for cell, text in zip(table.rows[0].cells, headings, strict=True):
        cell.paragraphs[0].add_run(text).bold = True
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = _clean(text)


def _footer(made: Docx, text: str) -> None:
    line = made.sections[0].footer.paragraphs[0]
    line.add_run(f"{_clean(text)}, page ")
    for number, field in enumerate(("PAGE", "NUMPAGES")):
        if number:
            line.add_run(" of ")
        counted = OxmlElement("w:fldSimple")
        counted.set(qn("w:instr"), field)
        line._p.append(counted)


def _clean(text: str) -> str:
    """Return a text without the characters that no XML file may hold, each written as the sign for what cannot be shown."""
    return text.translate(_NOT_IN_XML)


def _same_each_time(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in sorted(old.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            new.writestr(zipfile.ZipInfo(part, date_time=_STAMP), old.read(part), zipfile.ZIP_DEFLATED)
    return out.getvalue()
