"""Lists as people have them in a spreadsheet: read from what was pasted or uploaded, written so that a spreadsheet runs nothing in them."""

import csv
import io
from collections.abc import Collection
from dataclasses import dataclass, field

from flask import Response
from werkzeug.datastructures import FileStorage

from gateway.forms import Form

MOST_BYTES = 1024 * 1024


@dataclass(slots=True)
class Row:
    """One line: its number in what was sent, its cells by column, and what is wrong with it so far."""

    line: int
    cells: dict[str, str]
    problems: dict[str, str] = field(default_factory=dict)


def sent(form: Form, file: FileStorage | None) -> str:
    """Return the list that was sent, from a file or the field `list`, and keep it in the field so that the page gives it back."""
    if file is not None and file.filename:
        data = file.stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            form.refuse("list", "list_too_large")
            return ""
        form.put("list", _decoded(data))
    if "\0" in form.one("list"):
        form.put("list", "")
        form.refuse("list", "not_a_list")
    elif not form.one("list").strip():
        form.refuse("list", "list_missing")
    return form.one("list")


def read(text: str, *, columns: dict[str, tuple[str, ...]], by_heading: Collection[str] = ()) -> list[Row]:
    """Return the lines of a list with their cells by column.

    `columns`: each column with the headings it goes by, in the order they have when there is no line of headings. Those `by_heading` are read
    under a heading only: what happens to stand in their place in a list without is not what they mean.
    Commas, semicolons or tabs, whichever the first line holds most of.
    """
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    names = {heading.casefold(): column for column, headings in columns.items() for heading in (column, *headings)}
    order: list[str | None] = [column for column in columns if column not in by_heading]
    rows, reader = [], csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    before, is_first = 0, True
    try:
        for cells in reader:
            number, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if is_first and sum(cell.strip().casefold() in names for cell in cells) >= 2:
                order = [names.get(cell.strip().casefold()) for cell in cells]
            else:
                rows.append(Row(number, {name: cell.strip() for name, cell in zip(order, cells, strict=False) if name}))
            is_first = False
    except csv.Error:
        rows.append(Row(before + 1, {}, {"list": "not_a_list"}))
    return rows


def _decoded(data: bytes) -> str:
    """Return the text of a file: UTF-8 where it is, else what Excel writes on Windows."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def download(data: bytes, name: str) -> Response:
    """Return the list as a file to keep."""
    response = Response(data, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
