"""Looking at a file in a process of its own, which can reach nothing: previews as pictures, and what a picture says of itself.

Parsers of pictures and PDF are where a hostile file does its work. So they run in a child (looker.py) that has no network, opens no
file, starts no program, and ends after seconds or too much memory; and nothing comes back but pictures made anew and a few facts.
"""

import json
import sys
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import eventlet
from eventlet.green import subprocess

_CHILD: Final = Path(__file__).with_name("looker.py")
SECONDS: Final = 30.0
MOST_PAGES: Final = 20
MOST_BACK: Final = 48 * 1024 * 1024
"""Bytes that are taken from a child: twenty pages, and what was attached to a PDF."""
_LINE: Final = 64 * 1024
"""Bytes of them that are kept for what a child says in words."""
MOST_PAGE: Final = 1024 * 1024
_SHOWN: Final = (
    "image/",
    "application/pdf",
    "text/plain",
    "text/csv",
    "message/rfc822",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.",
    "application/vnd.oasis.opendocument.",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in a file: its pages as JPEG, facts, and files attached inside it (for the scanner).

    `has_all_attached`: nothing more is attached to the PDF. Where it could not be looked at, or not to its end, nobody knows that.
    """

    pages: list[bytes] = field(default_factory=list, repr=False)
    facts: dict[str, Any] = field(default_factory=dict)
    attachments: list[bytes] = field(default_factory=list, repr=False)
    has_all_attached: bool = False


NOTHING: Final = Seen()


def can_show(media_type: str) -> bool:
    """Whether there are previews of this type at all."""
    return media_type.startswith(_SHOWN)


def look(memory: int, *, media_type: str) -> Seen:
    """Return what is seen in the file in `memory` (a descriptor). What cannot be shown, or takes too long, gives nothing."""
    most = str(MOST_PAGES), str(MOST_BACK - _LINE)
    command = [sys.executable, "-I", "-S", str(_CHILD), str(memory), media_type, *most, _packages(), _font()]
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    child = subprocess.Popen(command, pass_fds=(memory,), env={"LANG": "C.UTF-8"}, cwd="/", close_fds=True, **quiet)
    answer = bytearray()
    try:
        with eventlet.Timeout(SECONDS):
            while len(answer) <= MOST_BACK and (data := child.stdout.read(256 * 1024)):
                answer += data
    except eventlet.Timeout:
        return NOTHING
    finally:
        child.kill()
        child.stdout.close()
        child.wait()
    return _read(bytes(answer))


def _read(answer: bytes) -> Seen:
    """Take an answer apart, trusting nothing of it: a line of JSON with sizes and facts, then the bytes."""
    line, _, rest = answer.partition(b"\n")
    try:
        said = json.loads(line)
        sizes, attached = [int(n) for n in said["pages"]], [int(n) for n in said["attachments"]]
        facts = {str(name)[:20]: str(value)[:200] if not isinstance(value, bool) else value for name, value in said["facts"].items()}
        has_all = said["has_all_attached"] is True
    except (ValueError, KeyError, TypeError, AttributeError):
        return NOTHING
    if len(answer) > MOST_BACK or min(sizes + attached + [0]) < 0 or sum(sizes) + sum(attached) != len(rest):
        return NOTHING
    found = []
    for size in sizes + attached:
        found.append(rest[:size])
        rest = rest[size:]
    pages = [page for page in found[: len(sizes)] if len(page) <= MOST_PAGE and page.startswith(b"\xff\xd8\xff")]
    return Seen(pages=pages[:MOST_PAGES], facts=facts, attachments=found[len(sizes) :], has_all_attached=has_all)


@cache
def _packages() -> str:
    import PIL

    return str(Path(PIL.__file__).parent.parent)


@cache
def _font() -> str:
    spec = find_spec("manimgx_fonts")
    return str(Path(spec.origin).parent / "NotoSans[wght].ttf") if spec and spec.origin else ""
