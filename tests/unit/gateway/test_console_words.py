"""The words of the console: each kind of the audit log has them; lists are read however a spreadsheet writes them and run nothing."""

import ast
import csv
import io
from pathlib import Path

import pytest

from gateway import sheets, words
from gateway.forms import Form
from gateway.pages import enrolment
from gateway.pages.enrolment import _day
from gateway.pages.staff import COLUMNS, _roles
from safekeep import spreadsheet

ROOT = Path(__file__).resolve().parent.parent.parent.parent


def kinds() -> set[str]:
    """Return the kinds of lines that identity writes into the audit log, as its source says them."""
    found: set[str] = set()
    for path in (ROOT / "services" / "identity" / "service").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr == "_audit" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
                    found.add(str(node.args[1].value))
                if node.func.attr in ("_turn", "_grant_roles", "_note_failure"):
                    said = [k.value for k in node.keywords if k.arg == "kind"]
                    found |= {str(v.value) for k in said for v in ast.walk(k) if isinstance(v, ast.Constant)}
    return found


def test_every_line_of_the_audit_log_has_its_words() -> None:
    assert kinds() >= {"signed_in", "roles_given", "role_confirmed", "account_closed", "exported"}
    assert kinds() - words.AUDIT.keys() == set()


@pytest.mark.parametrize(
    "text",
    [
        "Ann Example,ann@one.example,teacher,Art,12,01632 960001",
        "name,email,role,job,room,phone\nAnn Example,ann@one.example,teacher,Art,12,01632 960001",
        "Room;E-mail address;Roles;Full name;Job title;Telephone\r\n12;ann@one.example;Teacher;Ann Example;Art;01632 960001\r\n\r\n",
        "email\tname\troles\tjob\troom\ttelephone\tnotes\nann@one.example\tAnn Example\tTEACHER\tArt\t12\t01632 960001\tnobody reads this",
        '"Ann Example", "ann@one.example", "teacher", "Art", "12", "01632 960001"',
    ],
    ids=["no headings", "headings", "semicolons in another order", "tabs and a column too many", "quoted"],
)
def test_a_list_is_read_however_a_spreadsheet_writes_it(text: str) -> None:
    rows = sheets.read(text, columns=COLUMNS)
    assert [row.cells for row in rows] == [
        {"name": "Ann Example", "email": "ann@one.example", "roles": rows[0].cells["roles"], "job": "Art", "room": "12", "telephone": "01632 960001"}
    ]
    assert _roles(rows[0]) == ["teacher"]


def test_lines_keep_the_number_they_have_in_the_list() -> None:
    rows = sheets.read('name,email\n\nA,a@x.example\n"B\nb",b@x.example\nC,c@x.example', columns=COLUMNS)
    assert [(row.line, row.cells["name"]) for row in rows] == [(3, "A"), (4, "B\nb"), (6, "C")]


@pytest.mark.parametrize(
    ("cell", "roles"),
    [
        ("DSL", ["dsl"]),
        ("Deputy DSL / teacher", ["deputy_dsl", "teacher"]),
        ("deputy_dsl+sports coach", ["deputy_dsl", "sports_coach"]),
        ("SLT and Pastoral", ["slt", "pastoral"]),
        ("Head", [None]),
        ("trust_it", [None]),
        ("", []),
    ],
)
def test_roles_are_understood_however_they_are_written(cell: str, roles: list[str | None]) -> None:
    assert _roles(sheets.Row(1, {"roles": cell})) == roles


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("29/02/2016", "2016-02-29"),
        ("1.9.2015", "2015-09-01"),
        ("2016-02-29", "2016-02-29"),
        ("30/02/2016", None),
        ("02/29/2016", None),
        ("yesterday", None),
        ("29/02/16", None),
        ("", None),
        ("9" * 30, None),
    ],
)
def test_dates_of_birth_are_read_as_they_are_written_here(typed: str, said: str | None) -> None:
    found = _day(typed)
    assert (found.isoformat() if found else None) == said


def test_a_cell_that_would_be_a_formula_is_text() -> None:
    """A name is typed by people: a spreadsheet that opens the list must run nothing in it."""
    written = spreadsheet.write(["who"], [["=cmd|' /C calc'!A0"], ["+44"], ["@x"], ["-1"], ["Ann"]]).decode("utf-8-sig")
    assert [row[0] for row in csv.reader(io.StringIO(written))] == ["who", "'=cmd|' /C calc'!A0", "'+44", "'@x", "'-1", "Ann"]


class File:
    def __init__(self, data: bytes) -> None:
        self.filename, self.stream = "list.csv", io.BytesIO(data)


@pytest.mark.parametrize(
    ("data", "text", "problem"),
    [
        ("Zoë".encode("utf-8-sig"), "Zoë", None),
        ("Zoë".encode("cp1252"), "Zoë", None),
        (b"a\0b", "", "not_a_list"),
        (b"   ", "   ", "list_missing"),
        (b"a" * (sheets.MOST_BYTES + 1), "", "list_too_large"),
    ],
    ids=["utf-8", "windows", "not text", "empty", "too large"],
)
def test_a_file_is_read_as_what_it_is(data: bytes, text: str, problem: str | None) -> None:
    form = Form({})
    assert sheets.sent(form, File(data)) == text  # type: ignore[arg-type]
    assert form.problems.get("list") == problem


def test_family_is_read_under_its_heading_and_not_from_the_seventh_place() -> None:
    """An export without headings whose seventh column holds a contact's address enters nobody."""
    born = "Ann,Year 5,5A,29/02/2016,,,a@x.example"
    headed = "family on the staff,Name,year,born\na@x.example; b@x.example,Ann,Year 5,29/02/2016"
    found = [sheets.read(text, columns=enrolment.COLUMNS, by_heading=enrolment.BY_HEADING)[0].cells.get("relatives") for text in (born, headed)]
    assert found == [None, "a@x.example; b@x.example"]
