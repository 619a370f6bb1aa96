"""Prints one document and ends: typst keeps its memory for as long as its process runs, so a large document has a process of its own.

`python -m services.reports.press` takes what the document says as JSON from its standard input and gives the file to its standard output. It opens
no connection and keeps nothing; its code says how it went (0 made, 3 could not be printed). If memory is short, it is what the kernel ends first.
"""

import contextlib
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from safekeep import printing

NOT_PRINTED: Final = 3


def printed(said: dict[str, Any], *, form: str, at: datetime | None = None) -> bytes:
    """Return a document as PDF or for Word (`at`: when it was asked for). Raises printing.NotPrinted."""
    if form == "docx":
        from services.reports import word  # 30 MiB that a PDF does not need

        assert at is not None
        return word.docx(said, at=at)
    return printing.pdf(said)


def main() -> None:
    with contextlib.suppress(OSError):  # not on every system
        Path("/proc/self/oom_score_adj").write_text("1000")
    order = json.load(sys.stdin.buffer)
    try:
        data = printed(order["said"], form=order["form"], at=datetime.fromisoformat(order["at"]) if order["at"] else None)
    except printing.NotPrinted:
        sys.exit(NOT_PRINTED)
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
