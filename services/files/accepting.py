"""Which files are taken, by their content and their name. (The school's own list and scanning come with the evidence work.)"""

import re
from typing import Final

import magic

_MAY_HIDE_MARKUP: Final = ("text/plain", "application/octet-stream")
_REFUSED: Final = (
    "application/x-dosexec",
    "application/x-executable",
    "application/x-pie-executable",
    "application/x-sharedlib",
    "application/x-mach-binary",
    "application/vnd.microsoft.portable-executable",
    "application/java-archive",
    "application/x-java-applet",
    "application/wasm",
    "application/x-ms-shortcut",
    "application/x-msi",
    "text/html",
    "application/xhtml+xml",
    "image/svg+xml",
    "text/xml",
    "application/javascript",
    "text/javascript",
)

_MARKUP: Final = re.compile(
    rb"\s*<(?:[!?]|/?(?:html|head|title|meta|link|base|body|script|style|iframe|frame|frameset|object|embed|applet|form|input|button|img|image|svg|math"
    rb"|video|audio|a|b|i|u|p|br|hr|h[1-6]|div|span|font|table|ul|ol|li|pre|center|marquee|xml|xsl:\w+|xhtml:\w+|\w+:svg)(?=[\s/>]))",
    re.IGNORECASE,
)
"""How HTML, SVG and XML begin, however much blank stands before. A note may begin with "<Sarah>": that is no element."""

_RUN_BY_A_NAME: Final = re.compile(
    r"\.(?:ade|adp|app|appx|bat|cer|chm|cmd|com|cpl|dll|exe|gadget|hlp|hta|htm|html|inf|ins|iso|isp|jar|js|jse|lnk|mde|msc|msh\w*|msi|msp|mst|pif"
    r"|ps1\w*|ps2\w*|psc[12]|psd1|psm1|reg|scf|scr|sct|settingcontent-ms|sh|shb|svg|sys|url|vb|vbe|vbs|vhd|vhdx|vxd|ws|wsc|wsf|wsh|xbap|xht|xhtml|xll)"
    r"[\s.]*$",
    re.IGNORECASE,
)
"""Names that a computer runs, or a browser shows as a page, when somebody opens the download, whatever is inside: script is text to the library."""

_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def media_type(start: bytes) -> str:
    """Return the type the content has, whatever its name says. `start`: the first piece.

    Markup that the library takes for plain text (behind a comment, blanks or a byte order mark) is told from it here.
    """
    found: str = magic.from_buffer(start[:8192], mime=True)
    return "text/xml" if found in _MAY_HIDE_MARKUP and _MARKUP.match(_without_mark(start)) else found


def is_taken(type_: str, *, name: str) -> bool:
    """Whether a file of this type and name is kept: no programs, no scripts, nothing a computer or a browser would run."""
    return type_ not in _REFUSED and not type_.startswith("text/x-") and _RUN_BY_A_NAME.search(name) is None


def _without_mark(start: bytes) -> bytes:
    mark = next((mark for mark in _BYTE_ORDER_MARKS if start.startswith(mark)), b"")
    two_bytes_a_letter = len(mark) == 2
    return start[2:].replace(b"\0", b"") if two_bytes_a_letter else start[len(mark) :]
