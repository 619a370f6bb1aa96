"""Lists written so that a spreadsheet runs nothing in them."""

import csv
import io
from collections.abc import Iterable, Sequence

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a list for a spreadsheet (UTF-8 with its mark, as Excel wants it). A cell that would be a formula is text instead."""
    out = io.StringIO(newline="")
    csv.writer(out).writerow(headings)
    return out.getvalue().encode("utf-8-sig") + more(rows)


def more(rows: Iterable[Sequence[str]]) -> bytes:
    """Return further rows of such a list, to follow what was written before."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for row in rows:
        writer.writerow([f"'{cell}" if cell.startswith(_STARTS_A_FORMULA) else cell for cell in row])
    return out.getvalue().encode()
