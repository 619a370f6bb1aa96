"""The child that looks at one file: `looker.py DESCRIPTOR TYPE PAGES BYTES PACKAGES FONT`. Started by looking.py, and by nobody else.

It loads what it needs, locks itself in, and only then reads the file: no socket, no file opened, no program started, no other process
touched (seccomp), no network at all where the kernel lets it leave it, 20 seconds of processor time, 1 GiB of memory, nothing written.
Where it cannot lock itself in it looks at nothing.
"""

import ctypes
import json
import mmap
import os
import platform
import resource
import struct
import sys
import time
from collections.abc import Iterator
from typing import Any

MOST_PIXELS = 80_000_000
WIDE = 1400
SECONDS = 20
MEMORY = 1024 * 1024 * 1024
WORDS = 60_000
MOST_ATTACHED = 20

# --- locking in ------------------------------------------------------------------------------------------------------

_CODINGS = (
    "ascii utf-8 utf-8-sig utf-16 utf-16-le utf-16-be utf-7 latin-1 iso8859-2 iso8859-15 cp437 cp1250 cp1251 cp1252 koi8-r mac-roman idna"
).split()
_OLDER = {"application/msword": "doc", "application/vnd.ms-excel": "xls", "application/vnd.ms-powerpoint": "ppt"}
_CLONE = {"x86_64": 56, "aarch64": 220}
"""Threads are let be, which some decoders of pictures need; processes are not."""
_CLONE3, _CLONE_THREAD = 435, 0x00010000
_DENIED = {
    # open openat openat2 creat · sockets · fork vfork execve execveat · ptrace, memory and signals of other processes
    # unlink rename mkdir rmdir link symlink chmod chown mknod, and their …at forms · truncate, attributes · tgkill, sigqueueinfo
    # mount umount chroot pivot_root setns unshare · bpf io_uring perf keys modules handles
    "x86_64": (
        0xC000003E,
        "2 257 437 85 41 42 43 44 45 46 47 49 50 53 288 307 57 58 59 322 101 310 311 62 200 434 438 424 "
        "76 84 92 94 129 188 189 197 198 234 258 259 260 265 266 268 297 452 "
        "87 263 82 264 316 83 86 88 90 133 165 166 161 155 308 272 321 425 298 250 248 249 323 175 313 246 303 304",
    ),
    "aarch64": (
        0xC00000B7,
        "56 437 198 199 200 201 202 203 206 207 211 212 242 269 221 281 117 270 271 129 130 434 438 424 "
        "5 6 14 15 45 54 131 138 240 452 "
        "35 38 276 34 37 36 53 33 40 39 51 41 268 97 280 425 241 219 217 218 282 105 273 104 264 265",
    ),
}


def lock_in() -> bool:
    """Give up everything that looking does not need. Returns whether the kernel agreed."""
    for limit, most in (
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    libc = ctypes.CDLL(None, use_errno=True)
    for everything in (0x10000000 | 0x40000000 | 0x08000000, 0x10000000 | 0x40000000, 0x40000000):  # user, network, IPC; as many as are allowed
        if libc.unshare(everything) == 0:
            break
    libc.prctl(4, 0, 0, 0, 0)  # not dumpable: nobody attaches to it
    return libc.prctl(38, 1, 0, 0, 0) == 0 and _filter(libc)


def _filter(libc: Any) -> bool:
    found = _DENIED.get(platform.machine())
    if found is None:
        return False
    architecture, denied = found
    load, equal, at_least, has, answer = 0x20, 0x15, 0x35, 0x45, 0x06
    kill, refuse, unknown, allow = 0x80000000, 0x00050000 | 1, 0x00050000 | 38, 0x7FFF0000
    program = [(load, 0, 0, 4), (equal, 1, 0, architecture), (answer, 0, 0, kill), (load, 0, 0, 0)]
    program += [(at_least, 0, 1, 0x40000000), (answer, 0, 0, kill)] if platform.machine() == "x86_64" else []
    for number in map(int, denied.split()):
        program += [(equal, 0, 1, number), (answer, 0, 0, refuse)]
    # clone3 hides its flags, so it is not there, and the C library uses clone; that makes threads only
    program += [(equal, 0, 1, _CLONE3), (answer, 0, 0, unknown), (equal, 0, 4, _CLONE[platform.machine()]), (load, 0, 0, 16)]
    program += [(has, 0, 1, _CLONE_THREAD), (answer, 0, 0, allow), (answer, 0, 0, refuse)]
    program += [(answer, 0, 0, allow)]
    code = b"".join(struct.pack("<HBBI", *step) for step in program)
    held = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    said = Program(len(program), ctypes.addressof(held))
    return bool(libc.prctl(22, 2, ctypes.byref(said), 0, 0) == 0)


# --- looking ---------------------------------------------------------------------------------------------------------


class Looker:
    """What is loaded before locking in, and what is seen after it."""

    def __init__(self, *, media_type: str, most: int, room: int, font: str) -> None:
        import io

        from PIL import ExifTags, Image, ImageDraw, ImageFont, ImageOps, JpegImagePlugin

        self.io, self.Image, self.ImageOps, self.ImageDraw, self.tags = io, Image, ImageOps, ImageDraw, ExifTags
        self.type, self.most, self.room, self.jpeg = media_type, most, room, JpegImagePlugin
        self.facts: dict[str, Any] = {}
        self.attachments: list[bytes] = []
        self.has_all_attached = False
        self.font: Any = None
        self.pdf: Any = None
        self.older: Any = None
        Image.MAX_IMAGE_PIXELS = MOST_PIXELS
        if media_type == "application/pdf":
            import pypdfium2
            import pypdfium2.raw

            self.pdf = pypdfium2
        elif media_type.startswith("image/"):
            Image.init()
            if media_type in ("image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence"):
                import pillow_heif

                pillow_heif.register_heif_opener(thumbnails=False)
                pillow_heif.options.DECODE_THREADS = 1
            if media_type == "image/avif":
                from PIL import AvifImagePlugin

                AvifImagePlugin.DECODE_CODEC_CHOICE = "auto"
        else:
            import email
            import email.policy
            import xml.parsers.expat
            import zipfile

            self.mail, self.policy, self.zipfile, self.expat = email, email.policy, zipfile, xml.parsers.expat
            for coding in _CODINGS:
                "a".encode(coding).decode(coding)  # loaded now: nothing can be opened later

            sample = b"Date: Tue, 10 Mar 2026 12:47:00 +0000\nTo: a@b.c\nSubject: =?utf-8?b?YQ==?=\n\na"
            email.message_from_bytes(sample, policy=email.policy.default).get_body()
            if media_type in _OLDER:
                import office_oxide

                self.older = office_oxide
            if font:
                with open(font, "rb") as file:
                    self.font = ImageFont.truetype(io.BytesIO(file.read()), 22)
        canvas = Image.new("RGB", (8, 8), "white")
        canvas.save(io.BytesIO(), "JPEG")
        if self.font is not None:
            ImageDraw.Draw(canvas).text((0, 0), "warm", font=self.font)

    def look(self, data: Any) -> list[bytes]:
        """Return the pages of a file as JPEG."""
        if self.type == "application/pdf":
            return self._pdf(data)
        if self.type.startswith("image/"):
            return self._picture(data)
        self.facts["of_words"] = True
        return self._words(self._text(data))

    def _picture(self, data: Any) -> list[bytes]:
        with self.Image.open(self.io.BytesIO(data)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return []
            self._facts(picture)
            picture.draft("RGB", (WIDE, WIDE))
            return [self._jpeg(self.ImageOps.exif_transpose(picture))]

    def _facts(self, picture: Any) -> None:
        """When, where and with what a picture says that it was taken."""
        try:
            exif = picture.getexif()
            inner, place = exif.get_ifd(self.tags.IFD.Exif), exif.get_ifd(self.tags.IFD.GPSInfo)
        except Exception:
            return
        if taken := inner.get(self.tags.Base.DateTimeOriginal) or exif.get(self.tags.Base.DateTime):
            self.facts["taken_at"] = _line(taken)
        camera = " ".join(_line(exif[tag]) for tag in (self.tags.Base.Make, self.tags.Base.Model) if exif.get(tag))
        if camera:
            self.facts["taken_with"] = camera
        try:
            where = [_degrees(place[value], place[sign]) for value, sign in ((2, 1), (4, 3))]
            self.facts["taken_where"] = f"{where[0]:.5f}, {where[1]:.5f}"
        except (KeyError, ValueError, TypeError, ZeroDivisionError, IndexError):
            pass

    def _pdf(self, data: Any) -> list[bytes]:
        document = self.pdf.PdfDocument(bytes(data))
        pages = []
        for number in range(min(len(document), self.most)):
            page = document[number]
            longest = max(page.get_width(), page.get_height(), 1.0)
            pages.append(self._jpeg(page.render(scale=min(2.5, WIDE / longest), may_draw_forms=False).to_pil()))
        try:
            self.has_all_attached = self._take_attached(document, room=self.room - sum(map(len, pages)))
        except Exception:  # what cannot be unpacked, or takes all the memory there is
            self.has_all_attached = False
        return pages

    def _take_attached(self, document: Any, *, room: int) -> bool:
        """Take what is attached to a PDF, as far as there is room and time for it. Returns whether that was all."""
        for each in self._attached(document):
            data = bytes(each.get_data())
            room -= len(data)
            if len(self.attachments) == MOST_ATTACHED or room < 0 or time.process_time() > SECONDS / 2:
                return False
            self.attachments.append(data)
        return True

    def _attached(self, document: Any) -> Iterator[Any]:
        """What is attached to a PDF as a whole, and to places on its pages."""
        for number in range(document.count_attachments()):
            yield document.get_attachment(number)
        raw = self.pdf.raw
        for number in range(len(document)):
            if time.process_time() > SECONDS / 2:  # what was seen until now is shown
                raise TimeoutError
            page = document[number]
            for index in range(raw.FPDFPage_GetAnnotCount(page)):
                note = raw.FPDFPage_GetAnnot(page, index)
                if raw.FPDFAnnot_GetSubtype(note) == raw.FPDF_ANNOT_FILEATTACHMENT:
                    yield self.pdf.PdfAttachment(raw.FPDFAnnot_GetFileAttachment(note), document)
                raw.FPDFPage_CloseAnnot(note)
            page.close()

    def _jpeg(self, picture: Any) -> bytes:
        """Return a picture made anew: its pixels, smaller, and nothing else that came with it."""
        picture.thumbnail((WIDE, WIDE))
        if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
            alpha = picture.convert("RGBA")
            picture = self.Image.new("RGBA", alpha.size, "white")
            picture.alpha_composite(alpha)
        plain = self.Image.new("RGB", picture.size)
        plain.paste(picture.convert("RGB"))
        out = self.io.BytesIO()
        plain.save(out, "JPEG", quality=80)
        return out.getvalue()

    # --- words

    def _text(self, data: Any) -> str:
        whole = bytes(data)
        if self.type == "message/rfc822":
            return self._mail(whole)
        if self.older is not None:
            words: str = self.older.Document.from_bytes(whole, _OLDER[self.type]).plain_text()
            return words
        if not self.type.startswith("application/"):
            return _decoded(whole[: 4 * WORDS])
        with self.zipfile.ZipFile(self.io.BytesIO(whole)) as opened:
            names = opened.namelist()
            if "content.xml" in names:
                parts, ends = ["content.xml"], {"p", "h", "table-row"}
            elif "word/document.xml" in names:
                parts, ends = ["word/document.xml"], {"p", "tr", "br"}
            elif any(name.startswith("xl/") for name in names):
                return self._sheets(opened, names)
            else:
                parts = sorted((n for n in names if n.startswith("ppt/slides/slide") and n.endswith(".xml")), key=lambda n: (len(n), n))
                ends = {"p"}
            return "\n".join(self._said(opened, part, ends=ends) for part in parts[: self.most])

    def _said(self, opened: Any, part: str, *, ends: set[str]) -> str:
        said: list[str] = []

        def end(name: str) -> None:
            local = name.rpartition(":")[2]
            said.append("\n" if local in ends else "\t" if local in ("tab", "tc", "table-cell") else "")

        words: dict[str, int] = {"in": 0}
        holds = {"t", "p", "h", "span", "a"} if part == "content.xml" else {"t"}

        def begin(name: str, _attributes: Any) -> None:
            words["in"] += name.rpartition(":")[2] in holds

        def close(name: str) -> None:
            words["in"] -= name.rpartition(":")[2] in holds
            end(name)

        self._parse(opened, part, begin=begin, close=close, data=lambda text: said.append(text) if words["in"] else None)
        return "".join(said)

    def _sheets(self, opened: Any, names: list[str]) -> str:
        shared: list[str] = []
        if "xl/sharedStrings.xml" in names:
            shared = self._said(opened, "xl/sharedStrings.xml", ends={"si"}).split("\n")
        rows: list[str] = []
        for part in sorted((n for n in names if n.startswith("xl/worksheets/sheet")), key=lambda n: (len(n), n))[: self.most]:
            row: list[str] = []
            cell = {"kind": "", "text": "", "in": ""}

            def begin(name: str, attributes: Any, cell: Any = cell) -> None:
                if name == "c":
                    cell.update(kind=attributes.get("t", ""), text="")
                cell["in"] = name

            def close(name: str, cell: Any = cell, row: Any = row) -> None:
                cell["in"] = ""
                if name == "c":
                    known = cell["kind"] == "s" and cell["text"].isdigit() and int(cell["text"]) < len(shared)
                    row.append(shared[int(cell["text"])] if known else cell["text"])
                elif name == "row":
                    rows.append("   ".join(row))
                    row.clear()

            def text(data: str, cell: Any = cell) -> None:
                if cell["in"] in ("v", "t"):
                    cell["text"] += data

            self._parse(opened, part, begin=begin, close=close, data=text)
            rows.append("")
        return "\n".join(rows)

    def _parse(self, opened: Any, part: str, *, begin: Any, close: Any, data: Any) -> None:
        """Read XML without entities of its own, so that nothing in it grows."""
        parser = self.expat.ParserCreate()

        def refuse(*_: Any) -> None:
            raise ValueError("a document type of its own")

        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
        parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, close, data
        with opened.open(part) as member:
            parser.Parse(member.read(20 * 1024 * 1024), False)

    def _mail(self, whole: bytes) -> str:
        message = self.mail.message_from_bytes(whole, policy=self.policy.default)
        lines = [f"{name}: {message[name]}" for name in ("From", "To", "Cc", "Date", "Subject") if message[name]]
        lines += [f"Attached: {part.get_filename() or 'without a name'}" for part in message.iter_attachments()]
        body = message.get_body(preferencelist=("plain",))
        return "\n".join([*lines, "", str(body.get_content()) if body is not None else ""])

    def _words(self, text: str) -> list[bytes]:
        """Draw words onto pages, wrapped, as plainly as can be."""
        if self.font is None or not text.strip():
            return []
        lines: list[str] = []
        for line in text[:WORDS].replace("\r", "").split("\n"):
            clean = "".join(c if c.isprintable() else " " for c in line.replace("\t", "    ")).rstrip()
            lines += self._wrapped(clean) or [""]
        pages = []
        for first in range(0, min(len(lines), self.most * 48), 48):
            page = self.Image.new("RGB", (1000, 1414), "white")
            self.ImageDraw.Draw(page).multiline_text((60, 50), "\n".join(lines[first : first + 48]), fill="#111111", font=self.font, spacing=4)
            pages.append(self._jpeg(page))
        return pages

    def _wrapped(self, line: str) -> list[str]:
        out: list[str] = []
        while line:
            fits = len(line) if len(line) <= 40 or self.font.getlength(line) <= 880 else 0
            if not fits:
                fits = next((n for n in range(min(len(line), 120), 0, -1) if self.font.getlength(line[:n]) <= 880), 1)
                space = line.rfind(" ", 0, fits + 1)
                fits = space + 1 if space > fits // 2 else fits
            out.append(line[:fits].rstrip())
            line = line[fits:]
        return out


def _decoded(data: bytes) -> str:
    for mark, coding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(mark):
            return data.decode(coding, "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _line(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "".join(c for c in text if c.isprintable()).strip()[:100]


def _degrees(parts: Any, sign: Any) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return (degrees + minutes / 60 + seconds / 3600) * (-1 if _line(sign).upper().startswith(("S", "W")) else 1)


def main() -> None:
    memory, media_type, most, room, packages, font = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], sys.argv[6]
    sys.path.append(packages)
    sys.dont_write_bytecode = True
    looker = Looker(media_type=media_type, most=most, room=room, font=font)
    size = os.fstat(memory).st_size
    if not lock_in():
        sys.exit(3)
    with mmap.mmap(memory, size, prot=mmap.PROT_READ) as data:
        pages = looker.look(data)
    said = {
        "pages": [len(page) for page in pages],
        "attachments": [len(a) for a in looker.attachments],
        "has_all_attached": looker.has_all_attached,
        "facts": looker.facts,
    }
    out = sys.stdout.buffer
    out.write(json.dumps(said).encode() + b"\n")
    for part in (*pages, *looker.attachments):
        out.write(part)
    out.flush()


if __name__ == "__main__":
    main()
