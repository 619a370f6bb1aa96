"""Which files are taken, by their content and their name: no programs, no scripts, no macros, nothing locked, nothing that is two things.

Each refusal is a code the gateway has a sentence for. Nothing here decides by the name alone what a file is, and nothing trusts it.
"""

import email
import email.message
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, NoReturn, cast

import magic

from safekeep.contracts.files import Kind
from safekeep.errors import Invalid

START: Final = 64 * 1024
"""Bytes looked at for what a file is."""
END: Final = 66 * 1024
"""A zip's end stands within so many bytes of the file's end."""
SEARCHED: Final = 60 * 1024 * 1024
"""Pictures and documents longer than this are not searched through for what is hidden in them (and have no preview)."""
MOST_MEMBERS: Final = 5_000
MOST_UNPACKED: Final = 1024 * 1024 * 1024
MOST_RATIO: Final = 200
"""Times that a zip may grow when unpacked, once it is larger than `SMALL`: real documents stay under 50."""
SMALL: Final = 20 * 1024 * 1024
MOST_DIRECTORY: Final = 2 * 1024 * 1024
"""Bytes of a zip's list of what is in it: it is read whole."""
DEEPEST: Final = 2
"""Archives within archives, and e-mails within e-mails."""
MOST_MAIL: Final = 40 * 1024 * 1024
"""E-mails longer than this are not taken: they cannot be looked through. Servers carry 35 MB at most."""
MOST_PARTS: Final = 500

_PROGRAMS: Final = (
    "application/x-dosexec",
    "application/x-executable",
    "application/x-pie-executable",
    "application/x-sharedlib",
    "application/x-object",
    "application/x-mach-binary",
    "application/vnd.microsoft.portable-executable",
    "application/java-archive",
    "application/x-java-applet",
    "application/wasm",
    "application/x-ms-shortcut",
    "application/x-msi",
    "application/vnd.android.package-archive",
    "application/x-iso9660-image",
    "application/vnd.ms-cab-compressed",
    "application/x-rpm",
    "application/vnd.debian.binary-package",
    "application/x-shockwave-flash",
)
_PAGES: Final = ("text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml")
_SCRIPTS: Final = ("application/javascript", "text/javascript", "application/x-httpd-php", "application/postscript")
_ARCHIVES: Final = (
    "application/zip",
    "application/gzip",
    "application/x-7z-compressed",
    "application/x-rar",
    "application/vnd.rar",
    "application/x-tar",
    "application/x-bzip2",
    "application/x-xz",
    "application/zstd",
    "application/x-archive",
    "application/x-lzma",
)
_OLE: Final = (
    "application/CDFV2",
    "application/x-ole-storage",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.ms-office",
    "application/encrypted",
)
_OUTLOOK: Final = "application/vnd.ms-outlook"
_DOCUMENTS: Final = ("application/pdf", "text/plain", "text/csv", "text/rtf", "application/rtf")
_WORDS: Final = ("text/plain", "text/csv", "application/csv", "application/json", "message/news", "text/x-Algol68", "text/x-affix", "text/x-setext")
_MAIL: Final = ("message/rfc822",)
_MAY_HIDE_MARKUP: Final = ("text/plain", "application/octet-stream")

_MARKUP: Final = re.compile(
    rb"\s*<(?:[!?]|/?(?:html|head|title|meta|link|base|body|script|style|iframe|frame|frameset|object|embed|applet|form|input|button|img|image|svg|math"
    rb"|video|audio|a|b|i|u|p|br|hr|h[1-6]|div|span|font|table|ul|ol|li|pre|center|marquee|xml|xsl:\w+|xhtml:\w+|\w+:svg)(?=[\s/>]))",
    re.IGNORECASE,
)
"""How HTML, SVG and XML begin, however much blank stands before. A note may begin with "<Sarah>": that is no element."""


def _name(word: str) -> bytes:
    """Return a pattern of a PDF's name, each letter of which may be written as its number."""
    letters = (f"(?:{letter}|#{ord(letter):02x}|#{ord(letter):02X})" for letter in word)
    return f"/{''.join(letters)}(?![A-Za-z0-9])".encode()


_ACTIVE: Final = re.compile(_name("JavaScript") + b"|" + _name("Launch"))
"""What a PDF names, to run code of its own or to start a program."""
_STREAM: Final = re.compile(rb"stream\r?\n")
_OBJECT_STREAM: Final = re.compile(_name("ObjStm"))
_EMBEDDED: Final = re.compile(_name("EmbeddedFile"))
_UNKNOWN: Final = frozenset({"kind_unknown"})
_HARMLESS_WITHIN: Final = _UNKNOWN | {"archive", "damaged"}
"""Refused by itself, and let be as something attached: nobody opens it from here, and the scanner sees it."""
_HARMLESS_IN_OFFICE: Final = _HARMLESS_WITHIN | {"page"}
"""An office document keeps its drawings and what was pasted from the web as pages: its own program runs nothing in them."""

_HIDDEN_CODE: Final = re.compile(rb"<\?php\b|<script[\s>]|<%@\s*page|<svg[\s>][^>]*\sonload=", re.IGNORECASE)
"""What a server or a browser would run, were a picture ever taken for a page."""

_RUN_BY_A_NAME: Final = re.compile(
    r"\.(?:ade|adp|app|appx|apk|bat|cer|chm|cmd|com|cpl|dll|dmg|exe|gadget|hlp|hta|htm|html|inf|ins|iso|isp|jar|js|jse|lnk|mde|msc|msh\w*|msi|msp|mst|pif"
    r"|ps1\w*|ps2\w*|psc[12]|psd1|psm1|reg|scf|scr|sct|settingcontent-ms|sh|shb|svg|sys|url|vb|vbe|vbs|vhd|vhdx|vxd|ws|wsc|wsf|wsh|xbap|xht|xhtml|xll)"
    r"[\s.]*$",
    re.IGNORECASE,
)
"""Names that a computer runs, or a browser shows as a page, when somebody opens the download, whatever is inside: script is text to the library."""
_MACROS_BY_NAME: Final = re.compile(r"\.(?:do[ct]m|xl[st]m|xlsb|xlam|pp[tsa]m|potm|sldm)[\s.]*$", re.IGNORECASE)
_MACRO_PARTS: Final = re.compile(
    r"(?:^|/)(?:vbaProject\w*\.bin|vbaData\.xml|macrosheets/.*)$|^(?:Basic|Scripts)/.+|(?:^|/)activeX\d*\.bin$", re.IGNORECASE
)
_MAIL_HEADER: Final = re.compile(rb"(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\r?\n(?:[ \t][^\n]*\r?\n)*){2,}")
_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_OFFICE: Final = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}


_STREAMS: Final = {"PowerPoint Document": "application/vnd.ms-powerpoint", "Workbook": "application/vnd.ms-excel"}
"""What older office files are by the name of what they hold, where the library says no more than that they are some container."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a file is."""

    kind: Kind
    media_type: str


def examine(file: Any, *, name: str, size: int, taken: Collection[str]) -> Found:
    """Return what a file is. `file`: a seekable stream of its content; `taken`: the kinds the school takes.

    What is attached to an e-mail or a PDF and what is packed in an archive is looked at as a file by itself.
    Raises Invalid({"file": code}): program, script, page, macros, active, locked, two_kinds, bomb, archive, attached, mail_too_long, damaged,
    kind_not_taken, kind_unknown.
    """
    found = _examine(file, name=name, size=size, depth=0)
    if found.kind not in taken:
        _refuse("archive" if found.kind == "archives" else "kind_not_taken")
    return found


def _examine(file: Any, *, name: str, size: int, depth: int) -> Found:
    """Return what a file is, of which kind ever. `depth`: how many files it lies within."""
    if depth > DEEPEST:
        _refuse("bomb")
    start = _at(file, 0, START)
    type_ = media_type(start)
    if type_ in _PROGRAMS:
        _refuse("program")
    if type_ in _PAGES:
        _refuse("page")
    if type_ in _SCRIPTS or (type_.startswith("text/x-") and not _is_words(type_)):
        _refuse("script")
    if match := _RUN_BY_A_NAME.search(name):
        _refuse("page" if re.search(r"htm|svg|xht", match[0], re.IGNORECASE) else "program")
    if _MACROS_BY_NAME.search(name):
        _refuse("macros")
    listed = _zip(file, size=size)
    if start.startswith(b"PK") or type_ in _ARCHIVES or listed is not None:
        return _packed(file, listed, start=start, type_=type_, size=size, depth=depth)
    return _plain(file, start=start, type_=type_, size=size, name=name, depth=depth)


def media_type(start: bytes) -> str:
    """Return the type the content has, whatever its name says. `start`: the first piece.

    Markup that the library takes for plain text (behind a comment, blanks or a byte order mark) is told from it here.
    """
    found: str = magic.from_buffer(start[:8192], mime=True)
    if found == "application/octet-stream" and _reads_as_words(start):
        found = "text/plain"  # too short for the library
    return "text/xml" if found in _MAY_HIDE_MARKUP and _MARKUP.match(_without_mark(start)) else found


# --- what is one file ------------------------------------------------------------------------------------------------


def _plain(file: Any, *, start: bytes, type_: str, size: int, name: str, depth: int) -> Found:
    if type_ in _OLE or type_ == _OUTLOOK or start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _ole(file, type_=type_, size=size, name=name)
    if type_.startswith("image/"):
        if _HIDDEN_CODE.search(start) or _HIDDEN_CODE.search(_at(file, max(0, size - END), END)) or start.startswith(b"GIF89a/*"):
            _refuse("two_kinds")
        _refuse_hidden(file, start=start, size=size, allowed=())
        return Found("pictures", type_)
    if type_ == "application/pdf":
        _refuse_hidden(file, start=start, size=size, allowed=(b"%PDF-",))
        _refuse_active(file, size=size, depth=depth)
        return Found("documents", type_)
    if type_ in ("text/rtf", "application/rtf"):
        if _contains(file, (rb"\objdata", rb"\objupdate", rb"\objocx"), size=size):
            _refuse("macros")
        return Found("documents", "application/rtf")
    if type_.startswith("audio/"):
        _refuse_hidden(file, start=start, size=size, allowed=())
        return Found("audio", type_)
    if type_.startswith("video/") or type_ in ("application/ogg", "application/vnd.rn-realmedia"):
        _refuse_hidden(file, start=start, size=size, allowed=())
        return Found("audio" if name.lower().endswith((".m4a", ".ogg", ".oga", ".opus", ".amr", ".3ga")) else "video", type_)
    if type_ in _MAIL or (name.lower().endswith(".eml") and _is_words(type_) and _MAIL_HEADER.match(_without_mark(start))):
        _refuse_attached(file, size=size, depth=depth)
        return Found("email", "message/rfc822")
    if type_ not in _DOCUMENTS and not _is_words(type_) and not _reads_as_words(start):
        _refuse("kind_unknown")
    if start.startswith(b"#!"):
        _refuse("script")
    return Found("documents", "text/csv" if type_ in ("text/csv", "application/csv") else "text/plain")


def _is_words(type_: str) -> bool:
    """Whether the library found plain words, though it may guess at more: a list of scores is no program's source."""
    return type_ in _WORDS


def _refuse_hidden(file: Any, *, start: bytes, size: int, allowed: tuple[bytes, ...]) -> None:
    """Refuse what is a picture, a PDF, a film or a recording and something else too."""
    for sign in (b"%PDF-", b"MZ\x90\x00", b"\x7fELF"):
        if sign not in allowed and sign in start[:1024]:
            _refuse("two_kinds")
    if _contains(file, (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"This program cannot be run in DOS mode"), size=size):
        _refuse("two_kinds")


def _ole(file: Any, *, type_: str, size: int, name: str) -> Found:
    """The older office formats, and what newer ones become when they are locked: looked through for macros and locks."""
    if _contains(file, ("EncryptedPackage".encode("utf-16-le"), "EncryptionInfo".encode("utf-16-le")), size=size) or type_ == "application/encrypted":
        _refuse("locked")
    if _contains(file, ("_VBA_PROJECT".encode("utf-16-le"), b"Attribut\x00e VB_", "Macros".encode("utf-16-le")), size=size):
        _refuse("macros")
    if _contains(file, (b"This program cannot be run in DOS mode",), size=size):
        _refuse("program")
    if _contains(file, ("__nameid_version1.0".encode("utf-16-le"),), size=size) or type_ == _OUTLOOK:
        return Found("email", _OUTLOOK)
    if name.lower().endswith(".msi"):
        _refuse("program")
    if type_ in _OLE[2:5]:
        return Found("documents", type_)
    named = (type_ for stream, type_ in _STREAMS.items() if _contains(file, (stream.encode("utf-16-le"),), size=size))
    return Found("documents", next(named, "application/msword"))


# --- what is attached ------------------------------------------------------------------------------------------------


def _refuse_attached(file: Any, *, size: int, depth: int) -> None:
    """Refuse an e-mail to which something is attached that is not kept, or that nobody could look at. What it says itself is let be."""
    if size > MOST_MAIL:
        _refuse("mail_too_long")
    _refuse_parts(email.message_from_bytes(_at(file, 0, size)), depth=depth, seen=[0])


def _refuse_parts(message: email.message.Message, *, depth: int, seen: list[int]) -> None:
    seen[0] += 1
    if depth > DEEPEST or seen[0] > MOST_PARTS:
        _refuse("attached")
    parts = message.get_payload()
    if isinstance(parts, list):
        for part in cast(list[email.message.Message], parts):
            _refuse_parts(part, depth=depth + (message.get_content_type() == "message/rfc822"), seen=seen)
        return
    is_said = message.get_content_type() in ("text/plain", "text/html") and not message.get_filename() and "attachment" not in _disposition(message)
    data = b"" if is_said else message.get_payload(decode=True)
    if isinstance(data, bytes) and data:
        name = message.get_filename() or ""  # an e-mail is no archive: what is attached to it may be as deep as by itself
        _refuse_within(data, name=name, depth=depth - 1, let_be=_HARMLESS_WITHIN, code="attached")


def _disposition(message: email.message.Message) -> str:
    return str(message.get("Content-Disposition", "")).lower()


def _refuse_within(data: bytes, *, name: str, depth: int, let_be: frozenset[str], code: str = "") -> None:
    """Refuse what holds this when it would be refused by itself, other than as one of `let_be`. `code`: said in its place."""
    try:
        _examine(io.BytesIO(data), name=name, size=len(data), depth=depth + 1)
    except Invalid as refused:
        if (why := refused.problems["file"]) not in let_be:
            raise Invalid({"file": code or why}) from None


def _refuse_active(file: Any, *, size: int, depth: int) -> None:
    """Refuse a PDF that would run code or start a program, or in which something lies that is not kept.

    Names may lie in packed objects: they are unpacked and searched, in files of up to `SMALL` and as far as `MOST_DIRECTORY` each.
    What a PDF hides by encrypting it is not seen.
    """
    if size > SEARCHED:
        return
    before = b""
    file.seek(0)
    while data := file.read(1024 * 1024):
        if _ACTIVE.search(before + data):
            _refuse("active")
        before = data[-64:]
    if size > SMALL:
        return
    whole = _at(file, 0, size)
    for match in _STREAM.finditer(whole):
        begins = max(whole.rfind(b"obj", 0, match.start()), match.start() - 4096, 0)
        about = whole[begins : match.start()]
        is_objects, is_file = _OBJECT_STREAM.search(about), _EMBEDDED.search(about)
        if not is_objects and not is_file:
            continue
        ends = whole.find(b"endstream", match.end())
        held = _unpacked(whole[match.end() : ends if ends > 0 else size], most=SMALL if is_file else MOST_DIRECTORY)
        if is_objects and _ACTIVE.search(held):
            _refuse("active")
        if is_file and held:
            _refuse_within(held, name="", depth=depth, let_be=_HARMLESS_WITHIN)


def _unpacked(data: bytes, *, most: int) -> bytes:
    """Return what a stream of a PDF holds, as far as that can be unpacked; as it is where it is not packed."""
    try:
        return zlib.decompressobj().decompress(data, most)
    except zlib.error:
        return data[:most]


# --- what is packed --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Listing:
    """A zip's own list of what is in it."""

    members: list[zipfile.ZipInfo]
    begins: int  # where in the file the zip begins: 0, unless something stands before it


def _packed(file: Any, listed: _Listing | None, *, start: bytes, type_: str, size: int, depth: int) -> Found:
    if listed is None:
        if start.startswith(b"PK\x03\x04"):
            _refuse("damaged")
        if type_ == "application/x-7z-compressed" and _contains(file, (b"\x06\xf1\x07\x01",), size=size):
            _refuse("locked")
        if type_ in ("application/x-rar", "application/vnd.rar") and _rar_is_locked(start):
            _refuse("locked")
        _refuse("archive")  # one that cannot be looked into is taken nowhere
    if not start.startswith(b"PK") or listed.begins > 0:
        _refuse("two_kinds")
    names = [member.filename for member in listed.members]
    if any(member.flag_bits & 0x1 for member in listed.members):
        _refuse("locked")
    _refuse_bombs(file, listed.members, depth=depth + 1)
    if any(_MACRO_PARTS.search(each) for each in names):
        _refuse("macros")
    is_office, is_open = "[Content_Types].xml" in names, bool(names) and names[0] == "mimetype"
    if is_office or is_open:
        found = _office(file, names, is_open=is_open)
        _refuse_members(file, listed.members, depth=depth, in_office=True)
        return found
    if "META-INF/MANIFEST.MF" in names or "AndroidManifest.xml" in names or any(_RUN_BY_A_NAME.search(each) for each in names):
        _refuse("program")
    _refuse_members(file, listed.members, depth=depth)
    return Found("archives", "application/zip")


def _refuse_members(file: Any, members: list[zipfile.ZipInfo], *, depth: int, in_office: bool = False) -> None:
    """Refuse an archive for what is in it, whatever that is called: each member by how it begins, one that may hold others whole.

    Of an office document (`in_office`) its own parts, markup and pictures, are let be.
    """
    with zipfile.ZipFile(cast(BinaryIO, file)) as opened:
        for member in members:
            if member.is_dir():
                continue
            start = _member(opened, member.filename, most=START, cut=True)
            if in_office and (_without_mark(start).lstrip().startswith(b"<") or media_type(start).startswith(("image/", "audio/", "video/"))):
                continue
            if start.startswith((b"PK", b"\xd0\xcf\x11\xe0", b"%PDF-")) or media_type(start) in (*_MAIL, *_ARCHIVES):  # these may hold others
                if member.file_size > MOST_MAIL:
                    _refuse("archive")
                start = _member(opened, member.filename, most=MOST_MAIL)
            _refuse_within(start, name=member.filename, depth=depth, let_be=_HARMLESS_IN_OFFICE if in_office else _UNKNOWN)


def _office(file: Any, names: list[str], *, is_open: bool) -> Found:
    with zipfile.ZipFile(cast(BinaryIO, file)) as opened:
        if is_open:
            said = _member(opened, "mimetype", most=200).decode("ascii", "replace").strip()
            manifest = _member(opened, "META-INF/manifest.xml", most=SMALL) if "META-INF/manifest.xml" in names else b""
            if b"manifest:encryption-data" in manifest or b":encryption-data" in manifest:
                _refuse("locked")
            if not said.startswith("application/vnd.oasis.opendocument."):
                _refuse("archive")
            return Found("documents", said[:100])
        types = _member(opened, "[Content_Types].xml", most=SMALL)
    if b"macroEnabled" in types or b"vbaProject" in types:
        _refuse("macros")
    found = next((type_ for folder, type_ in _OFFICE.items() if any(name.startswith(folder) for name in names)), None)
    if found is None:
        _refuse("archive")
    return Found("documents", found)


def _refuse_bombs(file: Any, members: list[zipfile.ZipInfo], *, depth: int) -> None:
    """Refuse what would grow beyond measure. What the list says is checked against what really comes out, for archives within it."""
    packed, unpacked = sum(m.compress_size for m in members), sum(m.file_size for m in members)
    if len(members) > MOST_MEMBERS or unpacked > MOST_UNPACKED or (unpacked > SMALL and unpacked > MOST_RATIO * max(packed, 1)):
        _refuse("bomb")
    inner = [m for m in members if m.filename.lower().endswith((".zip", ".7z", ".rar", ".gz", ".bz2", ".xz", ".tar", ".tgz", ".cab"))]
    if not inner:
        return
    if depth >= DEEPEST or len(inner) > 50:
        _refuse("bomb")
    with zipfile.ZipFile(cast(BinaryIO, file)) as opened:
        for member in inner:
            if not member.filename.lower().endswith(".zip"):
                _refuse("archive")
            content = _member(opened, member.filename, most=SMALL)
            within = io.BytesIO(content)
            listed = _zip(within, size=len(content))
            if listed is None:
                _refuse("damaged")
            else:
                if any(m.flag_bits & 0x1 for m in listed.members):
                    _refuse("locked")
                if any(_RUN_BY_A_NAME.search(m.filename) for m in listed.members):
                    _refuse("program")
                _refuse_bombs(within, listed.members, depth=depth + 1)


def _member(opened: zipfile.ZipFile, name: str, *, most: int, cut: bool = False) -> bytes:
    """Return what is in a zip under a name, but never more than `most` bytes of it, whatever its list says: more is refused, or cut off."""
    try:
        with opened.open(name) as member:
            data = member.read(most + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, KeyError):
        _refuse("damaged")
    if len(data) > most and not cut:
        _refuse("bomb")
    return data[:most]


def _zip(file: Any, *, size: int) -> _Listing | None:
    """Return what is in a zip, where the file ends as one: also one that begins as something else."""
    tail = _at(file, max(0, size - END), END)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return None
    count, length, offset = struct.unpack("<HII", tail[at + 10 : at + 20])
    end = max(0, size - END) + at
    is_large = 0xFFFFFFFF in (length, offset) or count == 0xFFFF
    begins = end - length - offset
    if not is_large and (begins < 0 or (count and _at(file, end - length, 4) != b"PK\x01\x02")):
        return None  # four bytes that happened to be there
    if is_large or length > MOST_DIRECTORY or count > MOST_MEMBERS:
        _refuse("bomb")
    try:
        with zipfile.ZipFile(cast(BinaryIO, file)) as opened:
            return _Listing(opened.infolist(), begins)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error):
        return None


def _rar_is_locked(start: bytes) -> bool:
    """Whether a RAR says that its list is locked, or its first file is."""
    if start.startswith(b"Rar!\x1a\x07\x01\x00"):
        return len(start) > 14 and start[13:15].find(b"\x04") >= 0
    return len(start) > 24 and bool(start[10] & 0x80 or start[23] & 0x04)


# --- reading ---------------------------------------------------------------------------------------------------------


def _at(file: Any, offset: int, size: int) -> bytes:
    file.seek(offset)
    found = bytearray()
    while len(found) < size and (data := file.read(size - len(found))):
        found += data
    return bytes(found)


def _contains(file: Any, signs: tuple[bytes, ...], *, size: int) -> bool:
    """Whether one of these stands anywhere in a file that is not too long to be searched."""
    if size > SEARCHED:
        return False
    longest, before = max(map(len, signs)), b""
    file.seek(0)
    while data := file.read(1024 * 1024):
        whole = before + data
        if any(sign in whole for sign in signs):
            return True
        before = whole[-longest:]
    return False


def _reads_as_words(start: bytes) -> bool:
    try:
        text = start[:8192].decode()
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\r\n\t" for c in text)


def _without_mark(start: bytes) -> bytes:
    mark = next((mark for mark in _BYTE_ORDER_MARKS if start.startswith(mark)), b"")
    two_bytes_a_letter = len(mark) == 2
    return start[2:].replace(b"\0", b"") if two_bytes_a_letter else start[len(mark) :]


def _refuse(code: str) -> NoReturn:
    raise Invalid({"file": code})
