"""Adding pupils: from a list (each line's fate first), or one by one."""

import re
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request

from gateway import console, rpc, schools, session, sheets
from gateway.forms import Form
from safekeep import spreadsheet
from safekeep.contracts.identity import Members
from safekeep.contracts.incidents import AddPupils, AddPupilsAnswer, NewPupil, PupilFate
from safekeep.errors import Invalid

pages = Blueprint("enrolment", __name__)

MOST_LINES = 3000
COLUMNS = {
    "name": ("full name", "pupil", "pupil name", "student"),
    "year": ("year group", "yr"),
    "form": ("class", "registration", "reg", "tutor group"),
    "born": ("date of birth", "dob", "birth date", "d.o.b."),
    "known_as": ("known as", "preferred name"),
    "left_on": ("left", "left on", "date left", "leaving date", "date of leaving"),
    "relatives": ("family on the staff", "family on staff", "staff family"),
}
BY_HEADING = ("relatives",)  # it takes a record away from somebody: not by what stands seventh in a list
READ_HERE = ("born", "left_on", "relatives")


@pages.route("/s/<slug>/pupils/add", methods=["GET", "POST"])
def add(slug: str) -> Any:
    """Add pupils, or change their year and form. The list stays on the page throughout."""
    here = session.lead()
    console.prove_first()
    form, rows, answer, done = Form.sent(request.form), list[sheets.Row](), None, False
    if request.method == "POST" and request.form.get("do") == "one":
        rows = [sheets.Row(1, {name: form.one(name).strip() for name in COLUMNS if name not in BY_HEADING})]
        answer = _carry_out(form, rows, really=True, whole=False)
        fate = answer.items[0] if answer else None
        for field, code in (fate.problems if fate else {}).items():
            form.refuse(field, code)
        if form.problems:
            answer = None
        elif answer:
            done, form = True, Form({"year": form.many("year"), "form": form.many("form")})
    elif request.method == "POST":
        rows = sheets.read(sheets.sent(form, request.files.get("file")), columns=COLUMNS, by_heading=BY_HEADING) if not form.problems else []
        if len(rows) > MOST_LINES:
            form.refuse("list", "pupils_too_long")
        elif not rows:
            form.refuse("list", "list_missing")
        if not form.problems:
            really = request.form.get("do") == "add"
            answer = _carry_out(form, rows, really=really, whole=form.one("whole") == "yes")
            done = really and answer is not None
    page = {"form": form, "rows": rows, "answer": answer, "done": done, "known": schools.known(here)}
    return render_template("enrolment/add.html", **page), console.status(form)


@pages.get("/s/<slug>/pupils/list.csv")
def example(slug: str) -> Any:
    """An empty list with the headings an import knows, and one made-up line."""
    headings = [COLUMNS[name][0] if name in BY_HEADING else name for name in COLUMNS]
    return sheets.download(spreadsheet.write(headings, [["Alex Example", "Year 5", "5A", "29/02/2016", "", "", ""]]), "pupils.csv")


def _carry_out(form: Form, rows: list[sheets.Row], *, really: bool, whole: bool) -> AddPupilsAnswer | None:
    good: list[tuple[sheets.Row, NewPupil]] = []
    fates: dict[int, PupilFate] = {}
    staff = _by_address() if any(row.cells.get("relatives") for row in rows) else {}
    for row in rows:
        problems = dict(row.problems)
        for field in ("name", "year", "born"):
            if not row.cells.get(field):
                problems.setdefault(field, "missing")
        born = _day(row.cells.get("born", ""))
        if born is None:
            problems.setdefault("born", "not_a_date")
        left_on = _day(row.cells.get("left_on", ""))
        if left_on is None and row.cells.get("left_on"):
            problems.setdefault("left_on", "not_a_date")
        addresses = re.split(r"[\s,;]+", row.cells.get("relatives", "").casefold().strip(" ,;"))
        relatives = [staff.get(address) for address in addresses if address]
        if None in relatives:
            problems["relatives"] = "unknown_address"
        try:
            fields = {name: row.cells.get(name, "") for name in COLUMNS if name not in READ_HERE}
            named = [person for person in relatives if person]
            pupil = rpc.build(NewPupil, **fields, born=born or date.today(), left_on=left_on, relatives=named)
        except Invalid as error:
            problems = error.problems | problems
        if problems:
            fates[row.line] = PupilFate(line=row.line, outcome="refused", problems=problems)
        else:
            good.append((row, pupil))
    whole = whole and not fates  # who stands on a line that cannot be read would be taken for gone
    wanted = rpc.build(AddPupils, pupils=[pupil for _, pupil in good], dry_run=not really, whole=whole)
    answer = console.attempt(form, wanted, seconds=60.0)
    if answer is None:
        return None
    for (row, _), fate in zip(good, answer.items, strict=True):
        fates[row.line] = fate.model_copy(update={"line": row.line})
    return AddPupilsAnswer(items=[fates[row.line] for row in rows], leaving=answer.leaving)


def _by_address() -> dict[str, UUID]:
    """Return who works at the school by the address they sign in with. Identity tells it to those who look after accounts."""
    members = rpc.ask(Members(), token=session.here().token).items
    return {member.email.casefold(): member.person_id for member in members if member.active}


def _day(typed: str) -> date | None:
    """Return a date as a list has it: 29/02/2016, 29.2.2016, 2016-02-29; None for anything else."""
    found = re.fullmatch(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})", typed) or re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", typed)
    if found is None:
        return None
    first, month, last = (int(part) for part in found.groups())
    try:
        return date(first, month, last) if first > 31 else date(last, month, first)
    except ValueError:
        return None
