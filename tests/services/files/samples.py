"""Files as they arrive: good ones, and those that are refused, made here."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pikepdf
import pillow_heif
from PIL import Image

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STAN" + b"DARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""In two parts, so that no scanner takes this page for it."""

WORD = "word/document.xml"


def zipped(members: dict[str, bytes], *, locked: bool = False) -> bytes:
    """Return a zip; `locked` sets the flag that its files are encrypted."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    data = bytearray(out.getvalue())
    if locked:
        data[6] |= 1
        at = data.find(b"PK\x01\x02")
        while at >= 0:
            data[at + 8] |= 1
            at = data.find(b"PK\x01\x02", at + 4)
    return bytes(data)


def document(text: str = "Hello", **more: bytes) -> bytes:
    """Return a Word document of one paragraph; `more` adds members (a double underscore for a slash, a single one for a dot)."""
    body = f"<w:document xmlns:w='x'><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>"
    return zipped({"[Content_Types].xml": b"<Types/>", WORD: body.encode()} | _named(more))


def _named(more: dict[str, bytes]) -> dict[str, bytes]:
    return {name.replace("__", "/").replace("_", "."): data for name, data in more.items()}


def sheet(**more: bytes) -> bytes:
    cells = "<worksheet><sheetData><row><c t='s'><v>0</v></c><c><v>42</v></c></row></sheetData></worksheet>"
    strings = "<sst><si><t>Sarah</t></si></sst>"
    return zipped(
        {"[Content_Types].xml": b"<Types/>", "xl/sharedStrings.xml": strings.encode(), "xl/worksheets/sheet1.xml": cells.encode()} | _named(more)
    )


def slides() -> bytes:
    return zipped({"[Content_Types].xml": b"<Types/>", "ppt/slides/slide1.xml": b"<p xmlns:a='x'><a:p><a:t>A slide</a:t></a:p></p>"})


def open_document(*, locked: bool = False, **more: bytes) -> bytes:
    manifest = b"<manifest:encryption-data/>" if locked else b"<manifest/>"
    content = b"<office xmlns:text='x'><text:p>An open document</text:p></office>"
    return zipped({"mimetype": b"application/vnd.oasis.opendocument.text", "META-INF/manifest.xml": manifest, "content.xml": content} | _named(more))


def picture(kind: str = "JPEG", *, size: tuple[int, int] = (640, 480), placed: bool = False, **more: Any) -> bytes:
    """Return a picture; `placed`: with the facts a phone puts into it."""
    image = Image.radial_gradient("L").resize(size).convert("RGB")
    exif = Image.Exif()
    if placed:
        exif[0x010F], exif[0x0110] = "Apple", "iPhone 15"
        exif.get_ifd(0x8769)[0x9003] = "2026:03:10 12:47:00"
        exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 30.0, 26.0), 3: "W", 4: (0.0, 7.0, 39.0)})
    out = io.BytesIO()
    if kind == "HEIC":
        pillow_heif.from_pillow(image).save(out, **({"exif": exif.tobytes()} if placed else {}))
    else:
        image.save(out, kind, **({"exif": exif} if placed else {}), **more)
    return out.getvalue()


def pdf(
    pages: int = 2,
    *,
    attached: bytes | list[bytes] | None = None,
    pinned: bytes | None = None,
    opening: dict[str, str] | None = None,
    packed: bool = False,
) -> bytes:
    """Return a PDF. `pinned`: attached to a place on its last page, as a comment is; `opening`: what it does when it is opened; `packed`: that lies in a packed object."""
    made = pikepdf.new()
    for _ in range(pages):
        made.add_blank_page()
    if isinstance(attached, bytes):
        attached = [attached]
    for number, each in enumerate(attached or []):
        made.attachments[f"notes-{number:03}.bin"] = each
    if pinned is not None:
        spec = pikepdf.AttachedFileSpec(made, pinned, filename="pinned.bin").obj
        note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FileAttachment, Rect=[0, 0, 9, 9], FS=spec)
        made.pages[-1].Annots = pikepdf.Array([made.make_indirect(note)])
    if opening is not None:
        made.Root.OpenAction = made.make_indirect(
            pikepdf.Dictionary({name: pikepdf.Name(v) if v.startswith("/") else pikepdf.String(v) for name, v in opening.items()})
        )
    out = io.BytesIO()
    made.save(out, object_stream_mode=pikepdf.ObjectStreamMode.generate if packed else pikepdf.ObjectStreamMode.disable)
    return out.getvalue()


def mail(*, attached: bytes = b"", name: str = "notes.bin") -> bytes:
    from email.message import EmailMessage

    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@school.example", "b@school.example", "About caf\u00e9"
    message.set_content("He said he was fine.")
    if attached:
        message.add_attachment(attached, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def forwarded(data: bytes) -> bytes:
    """Return an e-mail to which another is attached as it was."""
    import email
    from email.message import EmailMessage

    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@school.example", "b@school.example", "Fwd"
    message.set_content("See below.")
    message.add_attachment(email.message_from_bytes(data))
    return message.as_bytes()


def old_word(*holding: str) -> bytes:
    """The beginning of an older office file, with names in it as its directory holds them."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + b"".join(name.encode("utf-16-le") + bytes(64) for name in holding) + bytes(2048)


def older(kind: str) -> bytes:
    """Return a document, a sheet or slides as programs saved them before 2007: our own words, written by LibreOffice 7.4 ("doc", "xls", "ppt")."""
    with zipfile.ZipFile(Path(__file__).with_name("older.zip")) as kept:
        return kept.read(f"older.{kind}")


def bomb() -> bytes:
    return zipped({"[Content_Types].xml": b"<Types/>", WORD: bytes(60_000_000)})


def nested(depth: int) -> bytes:
    data = zipped({"a.txt": b"a"})
    for _ in range(depth):
        data = zipped({"inner.zip": data})
    return data


FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(64)
RECORDING = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x44\xac\0\0\x88\x58\x01\0\x02\0\x10\0data\0\0\0\0"
DOS = b"!This program cannot be run in DOS mode.\r\r\n$"
PROGRAM = b"MZ" + b"\0" * 58 + b"\x80\0\0\0" + b"\0" * 64 + b"PE\0\0L\x01"
RUNS = {"/S": "/JavaScript", "/JS": "app.alert(1)"}

REFUSED: dict[str, tuple[str, bytes, str]] = {
    "a program": ("holiday.jpg", PROGRAM, "program"),
    "a program in Java": ("a.zip", zipped({"META-INF/MANIFEST.MF": b"Main-Class: A"}), "program"),
    "a program in an archive": ("a.zip", zipped({"readme.txt": b"r", "setup.exe": b"MZ"}), "program"),
    "a script": ("notes.txt", b"#!/bin/sh\nrm x", "script"),
    "a web page": ("notes.txt", b"<!DOCTYPE html><script>alert(1)</script>", "page"),
    "a drawing that runs": ("a.png", b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "page"),
    "macros by their part": ("a.docx", document(word__vbaProject_bin=b"x"), "macros"),
    "macros by the type": (
        "a.docx",
        zipped({"[Content_Types].xml": b"<T x='application/vnd.ms-word.document.macroEnabled'/>", WORD: b"<a/>"}),
        "macros",
    ),
    "macros by the name": ("a.docm", document(), "macros"),
    "macros in an older document": ("a.doc", old_word("WordDocument", "_VBA_PROJECT"), "macros"),
    "an object in rich text": ("a.rtf", rb"{\rtf1 {\object\objemb{\*\objdata 0105}}}", "macros"),
    "a locked archive": ("a.zip", zipped({"a.txt": b"secret"}, locked=True), "locked"),
    "a locked document": ("a.docx", old_word("EncryptionInfo", "EncryptedPackage"), "locked"),
    "a locked open document": ("a.odt", open_document(locked=True), "locked"),
    "a locked archive in an archive": ("a.zip", zipped({"inner.zip": zipped({"a.txt": b"secret"}, locked=True)}), "locked"),
    "a picture and an archive": ("a.jpg", picture() + zipped({"a.txt": b"a"}), "two_kinds"),
    "a picture and a script": ("a.gif", picture("GIF") + b"<script>alert(1)</script>", "two_kinds"),
    "a picture and a server's page": ("a.jpg", picture(comment=b"<?php system('id');"), "two_kinds"),
    "a picture and a program": ("a.png", picture("PNG") + b"MZ\x90\0" + b"This program cannot be run in DOS mode", "two_kinds"),
    "a PDF and an archive": ("a.pdf", pdf() + zipped({"a.txt": b"a"}), "two_kinds"),
    "a picture and another archive": ("a.jpg", picture() + b"Rar!\x1a\x07\x01\x00" + bytes(50), "two_kinds"),
    "a bomb": ("a.docx", bomb(), "bomb"),
    "archives in archives in archives": ("a.zip", nested(3), "bomb"),
    "a program that an archive calls a picture": ("a.zip", zipped({"readme.txt": b"r", "photo.jpg": PROGRAM}), "program"),
    "a script that an archive calls a note": ("a.zip", zipped({"note": b"#!/bin/sh\nrm x"}), "script"),
    "macros in an archive": ("a.zip", zipped({"a.docx": document(word__vbaProject_bin=b"x")}), "macros"),
    "a program in an archive in an archive": ("a.zip", zipped({"inner.zip": zipped({"photo.jpg": PROGRAM})}), "program"),
    "a program attached to an e-mail": ("a.eml", mail(attached=PROGRAM, name="holiday.jpg"), "attached"),
    "a program by its name, attached": ("a.eml", mail(attached=b"words", name="invoice.pdf.exe"), "attached"),
    "a web page attached to an e-mail": ("a.eml", mail(attached=b"<html><script>alert(1)</script>", name="a.html"), "attached"),
    "macros attached to an e-mail": ("a.eml", mail(attached=document(word__vbaProject_bin=b"x"), name="a.docx"), "attached"),
    "something locked attached to an e-mail": ("a.eml", mail(attached=zipped({"a.txt": b"s"}, locked=True), name="a.zip"), "attached"),
    "a program in an archive attached to an e-mail": ("a.eml", mail(attached=zipped({"photo.jpg": PROGRAM}), name="a.zip"), "attached"),
    "a program attached to an e-mail that is attached": ("a.eml", forwarded(mail(attached=PROGRAM, name="a.jpg")), "attached"),
    "e-mails in e-mails in e-mails": ("a.eml", forwarded(forwarded(forwarded(mail()))), "attached"),
    "a program in an older e-mail": ("a.msg", old_word("__nameid_version1.0") + b"This program cannot be run in DOS mode", "program"),
    "a PDF that runs code": ("a.pdf", pdf(opening=RUNS), "active"),
    "a PDF that runs code from a packed object": ("a.pdf", pdf(opening=RUNS, packed=True), "active"),
    "a PDF that runs code by another spelling": ("a.pdf", pdf(opening=RUNS).replace(b"/JavaScript", b"/J#61va#53cript"), "active"),
    "a PDF that starts a program": ("a.pdf", pdf(opening={"/S": "/Launch", "/F": "calc.exe"}), "active"),
    "a PDF that holds a program": ("a.pdf", pdf(attached=PROGRAM), "program"),
    "a PDF that holds macros": ("a.pdf", pdf(attached=document(word__vbaProject_bin=b"x")), "macros"),
    "macros in an open document": ("a.odt", open_document(Basic__Standard__Module1_xml=b"<a/>"), "macros"),
    "a control of its own": ("a.docx", document(word__activeX__activeX1_bin=b"x"), "macros"),
    "macros of an older kind in a sheet": ("a.xlsx", sheet(xl__macrosheets__sheet1_xml=b"<a/>"), "macros"),
    "a program in a Word document": ("a.docx", document(word__embeddings__oleObject1_bin=PROGRAM), "program"),
    "a program in a sheet, called a picture": ("a.xlsx", sheet(xl__media__image1_png=PROGRAM), "program"),
    "a program in an open document": ("a.odt", open_document(Pictures__100_png=PROGRAM), "program"),
    "a program in an older document in a newer one": ("a.docx", document(word__embeddings__a_bin=old_word("WordDocument") + DOS), "program"),
    "macros in a sheet in a Word document": ("a.docx", document(word__embeddings__a_xlsx=sheet(xl__vbaProject_bin=b"x")), "macros"),
    "a PDF that runs code in a Word document": ("a.docx", document(word__embeddings__a_pdf=pdf(opening=RUNS)), "active"),
    "a film that is an archive too": ("a.mp4", FILM + zipped({"a.txt": b"a"}), "two_kinds"),
    "a film that is a RAR too": ("a.mp4", FILM + b"Rar!\x1a\x07\x01\0" + bytes(60), "two_kinds"),
    "a recording that is a program too": ("a.wav", RECORDING + DOS, "two_kinds"),
    "a recording that is a PDF too": ("a.wav", RECORDING + pdf(), "two_kinds"),
    "a locked archive of the 7z kind": ("a.7z", b"7z\xbc\xaf\x27\x1c\0\x04" + bytes(24) + b"\x06\xf1\x07\x01" + bytes(20), "locked"),
    "a locked archive of the RAR kind": ("a.rar", b"Rar!\x1a\x07\x01\0" + bytes(4) + b"\x21\x04" + bytes(40), "locked"),
    "a locked archive of the older RAR kind": ("a.rar", b"Rar!\x1a\x07\0" + bytes(2) + b"\x73\x80" + bytes(40), "locked"),
    "an archive of the RAR kind": ("a.rar", b"Rar!\x1a\x07\x01\0" + bytes(4) + b"\x21\x01" + bytes(40), "archive"),
    "an archive": ("a.zip", zipped({"a.txt": b"a"}), "archive"),
    "another archive": ("a.7z", b"7z\xbc\xaf\x27\x1c\0\x04" + bytes(60), "archive"),
    "a broken zip": ("a.docx", document()[:-40], "damaged"),
    "nobody knows what": ("a.bin", b"\x93\x81\xfa\x00\xc1" * 200, "kind_unknown"),
}
"""What is refused: name, content, and the code of the sentence."""

TAKEN: dict[str, tuple[str, bytes, str]] = {
    "a photograph": ("a.jpg", picture(placed=True), "pictures"),
    "a photograph of a telephone": ("a.heic", picture("HEIC", placed=True), "pictures"),
    "a picture": ("a.png", picture("PNG"), "pictures"),
    "a moving picture": ("a.gif", picture("GIF"), "pictures"),
    "a picture of a web page": ("a.webp", picture("WEBP"), "pictures"),
    "a scan": ("a.tiff", picture("TIFF"), "pictures"),
    "a PDF": ("a.pdf", pdf(), "documents"),
    "a Word document": ("a.docx", document(), "documents"),
    "a spreadsheet": ("a.xlsx", sheet(), "documents"),
    "slides": ("a.pptx", slides(), "documents"),
    "an open document": ("a.odt", open_document(), "documents"),
    "an older document": ("a.doc", old_word("WordDocument"), "documents"),
    "a document of 1997": ("a.doc", older("doc"), "documents"),
    "a sheet of 1997": ("a.xls", older("xls"), "documents"),
    "slides of 1997": ("a.ppt", older("ppt"), "documents"),
    "words": ("a.txt", "Dŵr, he said.\n".encode(), "documents"),
    "a list": ("a.csv", b"name,year\nSarah,5\n", "documents"),
    "rich text": ("a.rtf", rb"{\rtf1 Hello}", "documents"),
    "an e-mail": ("a.eml", mail(), "email"),
    "an e-mail with a picture": ("a.eml", mail(attached=picture(), name="drawing.jpg"), "email"),
    "an e-mail with something nobody knows": ("a.eml", mail(attached=b"\x93\x81\xfa\x00\xc1" * 200, name="winmail.dat"), "email"),
    "an e-mail with an archive that is well": ("a.eml", mail(attached=zipped({"a.txt": b"a"}), name="a.zip"), "email"),
    "an e-mail that was passed on": ("a.eml", forwarded(mail(attached=picture(), name="drawing.jpg")), "email"),
    "an e-mail written in HTML": (
        "a.eml",
        b"From: a@b.example\nTo: c@d.example\nContent-Type: text/html\n\n<html><body>Hello</body></html>\n",
        "email",
    ),
    "a PDF in packed objects": ("a.pdf", pdf(packed=True), "documents"),
    "a PDF with a picture in it": ("a.pdf", pdf(attached=picture()), "documents"),
    "a Word document with a sheet, a picture, a drawing and a printer's settings in it": (
        "a.docx",
        document(
            word__embeddings__a_xlsx=sheet(), word__media__a_png=picture("PNG"), word__media__a_svg=b"<svg xmlns='x'/>", word__a_bin=b"\x93\x81" * 9
        ),
        "documents",
    ),
    "a Word document with an older one in it": ("a.docx", document(word__embeddings__a_bin=old_word("WordDocument")), "documents"),
    "an open document with a picture in it": ("a.odt", open_document(Pictures__100_png=picture("PNG"), layout_cache=b"\x93\x81" * 9), "documents"),
    "a recording": ("a.wav", RECORDING, "audio"),
    "a film": ("a.mp4", FILM, "video"),
}
"""What is taken, and as which kind."""
