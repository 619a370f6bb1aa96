# ruff: noqa: F811 - a fixture is named as its parameters are
"""Keys that are turned and destroyed, scanning, previews, and what a DSL has blocked or destroyed."""

import datetime as dt
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
import sqlalchemy as sa
from minio.error import S3Error
from PIL import Image

from safekeep import clock, keys
from safekeep.contracts.files import DestroyAgain, KeepKinds, Kinds, Names, Read
from safekeep.contracts.incidents import AttachedAnswer, FileBlocked, FileDecided
from safekeep.errors import Conflict, Invalid, NotFound, Unavailable
from safekeep.ids import new_id
from services.files import accepting, looker, looking, scanning
from services.files.objects import Bucket
from services.files.service import background, keeping
from tests import streaming
from tests.services.files import samples
from tests.services.files.conftest import WithoutLock
from tests.services.files.samples import EICAR
from tests.services.files.test_files import MORNING, PDF, Files, files, pass_for, recorded  # noqa: F401 - its fixtures

YEAR = dt.timedelta(days=366)


def look(files: Files, *, at: dt.datetime = MORNING) -> int:
    with clock.set_to(at):
        return background.look(files.resources)


def known(files: Files, file: UUID, pass_for: Callable[..., str], *, role: str = "dsl") -> Any:
    reader = new_id()
    token = pass_for(file_id=file, person_id=reader, school_id=files.school)
    (found,) = files.ask(Names(passes={file: token}), role=role, person=reader).items
    return found


# --- keys ------------------------------------------------------------------------------------------------------------


def test_after_the_rings_key_was_exchanged_schools_keys_are_wrapped_again_and_content_is_not_touched(files: Files, keys_folder: Path) -> None:
    before, keys.LOOK_EVERY = keys.LOOK_EVERY, 0.0  # type: ignore[misc]
    try:
        file = files.upload().file_id
        blobs = {path: path.read_bytes() for path in files.blobs()}
        retired, new = keys.rotate(keys_folder, purposes=["files"], now=clock.now())["files"]
        assert keeping.turn_keys(files.resources) == 1
        assert keeping.turn_keys(files.resources) == 0
        with files.resources.transaction(files.resources.engine, school_id=files.school) as tx:
            assert tx.execute(sa.text("select wrapped_by from school_keys")).scalars().all() == [new] != [retired]
        assert {path: path.read_bytes() for path in files.blobs()} == blobs
        assert files.read(file) == PDF
    finally:
        keys.LOOK_EVERY = before  # type: ignore[misc]


def test_after_a_year_a_school_gets_a_new_key_and_the_old_one_goes_when_nothing_is_under_it(files: Files) -> None:
    kept = [files.upload(b"one", name="a.txt").file_id, files.upload(b"two", name="b.txt").file_id]
    files.hear(recorded(files, entry=new_id(), file_ids=(kept[0],)))
    (old,) = set(files.column("school_key_id"))
    with clock.set_to(clock.now() + YEAR):
        assert keeping.turn_keys(files.resources, limit=1) == 1
        assert keeping.turn_keys(files.resources, limit=5) == 1
        assert keeping.turn_keys(files.resources) == 0
    (new,) = set(files.column("school_key_id"))
    assert new != old
    with files.resources.transaction(files.resources.engine, school_id=files.school) as tx:
        assert tx.execute(sa.text("select id from school_keys")).scalars().all() == [new]
    assert files.read(kept[1]) == b"two"


def test_a_wrapped_key_put_beside_another_file_opens_nothing(files: Files) -> None:
    one, two = files.upload(b"one", name="a.txt").file_id, files.upload(b"two", name="b.txt").file_id
    with files.resources.transaction(files.resources.engine, school_id=files.school) as tx:
        tx.execute(sa.text("update files set wrapped_key = (select wrapped_key from files where id = :a) where id = :b"), {"a": one, "b": two})
    with pytest.raises(Conflict, match="file_damaged"):
        files.read(two)


# --- blocked and destroyed -------------------------------------------------------------------------------------------


def test_a_blocked_file_is_nobodys_and_given_back_it_is_as_before(files: Files, pass_for: Callable[..., str]) -> None:
    """Also for who holds a pass of a minute ago, and for a download that has begun."""
    file, entry, reader = files.upload().file_id, new_id(), new_id()
    files.hear(recorded(files, entry=entry, file_ids=(file,)))
    token = pass_for(file_id=file, person_id=reader, school_id=files.school)
    opened = files.ask(Read(file_id=file, pass_token=token), person=reader)
    files.hear(FileBlocked(**about(files, entry, file)))
    with pytest.raises(Conflict, match="file_blocked"):
        files.ask(Read(file_id=file, pass_token=token), person=reader)
    with pytest.raises(Conflict, match="file_blocked"):
        streaming.receive(files.resources, ticket=opened.ticket)
    assert known(files, file, pass_for).previews == 0
    files.hear(FileDecided(**about(files, entry, file), decision="give_back"))
    assert files.read(file, pass_token=token, person=reader) == PDF


def test_a_destroyed_file_is_noise_wherever_its_pieces_still_lie(files: Files, pass_for: Callable[..., str]) -> None:
    """Its key and its name are gone at once; its pieces are swept, and a copy of them opens nothing."""
    file, entry, reader = files.upload(name="what it shows.pdf").file_id, new_id(), new_id()
    files.hear(recorded(files, entry=entry, file_ids=(file,)))
    copies = {path: path.read_bytes() for path in files.blobs()}
    files.hear(FileBlocked(**about(files, entry, file)))
    files.hear(FileDecided(**about(files, entry, file), decision="destroy"))
    assert (files.column("wrapped_key"), files.column("name")) == ([None], ["-"])
    token = pass_for(file_id=file, person_id=reader, school_id=files.school)
    with pytest.raises(Conflict, match="file_destroyed"):
        files.ask(Read(file_id=file, pass_token=token), person=reader)
    assert files.ask(Names(passes={file: token}), person=reader).items == []
    files.sweep(MORNING)
    assert files.blobs() == []
    for path, data in copies.items():  # as a backup of the store would put them back
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with pytest.raises(Conflict, match="file_destroyed"):
        files.ask(Read(file_id=file, pass_token=token), person=reader)


def test_what_a_restored_backup_brings_back_is_destroyed_again(
    files: Files, monkeypatch: pytest.MonkeyPatch, token_for: Any, service_token_for: Any
) -> None:
    """The operator's verb asks incidents of every recorded file of every school; what nobody destroyed is left alone."""
    ids = [files.upload(f"words {n}".encode(), name=f"{n}.txt").file_id for n in range(3)]
    entry = new_id()
    files.hear(recorded(files, entry=entry, file_ids=tuple(ids)))
    with files.resources.transaction(files.resources.engine, school_id=files.school) as tx:
        key = tx.execute(sa.text("select wrapped_key, school_key_id from files where id = :id"), {"id": ids[1]}).one()
    files.hear(FileBlocked(**about(files, entry, ids[1])))
    files.hear(FileDecided(**about(files, entry, ids[1]), decision="destroy"))
    with files.resources.transaction(files.resources.engine, school_id=files.school) as tx:
        back = "update files set wrapped_key = :wrapped, school_key_id = :under, destroyed_at = null, blocked_at = null, name = :name where id = :id"
        tx.execute(sa.text(back), {"wrapped": key.wrapped_key, "under": key.school_key_id, "name": "1.txt", "id": ids[1]})
    asked = []

    def attached(school: UUID, file_ids: list[UUID]) -> AttachedAnswer:
        asked.append((school, set(file_ids)))
        return AttachedAnswer(file_ids=file_ids, destroyed=[ids[1]] if ids[1] in file_ids else [])

    monkeypatch.setattr(files.service, "_attached", attached)
    operator = service_token_for("operator", None)
    done = files._ask(files.service, DestroyAgain(), token=operator)
    assert (done.compared, done.destroyed, asked) == (3, 1, [(files.school, set(ids))])
    assert [name for name, key in zip(files.column("name"), files.column("wrapped_key"), strict=True) if key is None] == ["-"]
    files.sweep(clock.now())
    assert len(files.blobs()) == 2, "its pieces go with the next sweep"
    done = files._ask(files.service, DestroyAgain(), token=operator)
    assert (done.compared, done.destroyed) == (2, 0)
    assert background.destroy_again(files.resources, of=lambda school, these: [], at_once=1) == (2, 0), (
        "also where there are more than are asked about at once"
    )


def about(files: Files, entry: UUID, file: UUID) -> dict[str, Any]:
    told: dict[str, Any] = {"id": new_id(), "at": MORNING, "school_id": files.school, "subject": entry, "sequence": 2 + _told.count(file)}
    _told.append(file)
    return told | {"incident_id": entry, "entry_id": entry, "file_id": file}


_told: list[UUID] = []


def test_what_incidents_refers_to_is_not_swept_though_its_event_has_not_come(files: Files) -> None:
    lost, wanted = files.upload(b"lost", name="a.txt").file_id, files.upload(b"wanted", name="b.txt").file_id
    files.referred = {wanted}
    files.sweep(MORNING + dt.timedelta(days=9))
    with pytest.raises(NotFound):
        files.read(lost)
    assert files.read(wanted) == b"wanted"


def test_while_incidents_cannot_be_asked_nothing_is_swept(files: Files) -> None:
    def away(school: UUID, ids: list[UUID]) -> list[UUID]:
        raise Unavailable("incidents", "not_done")

    lost = files.upload(b"lost", name="a.txt").file_id
    later = MORNING + dt.timedelta(days=9)
    with clock.set_to(later), pytest.raises(Unavailable):
        background.sweep(files.resources, referred=away)
    assert len(files.blobs()) == 1
    assert files.read(lost) == b"lost"
    files.sweep(later)
    assert files.blobs() == [], "and goes once it can"


# --- scanning --------------------------------------------------------------------------------------------------------

INFECTED: dict[str, tuple[str, bytes]] = {
    "plain": ("a.txt", EICAR),
    "in a zip": ("a.zip", samples.zipped({"a.txt": EICAR})),
    "in a document": ("a.docx", samples.document(word__media__a_txt=EICAR)),
    "in a mail": ("a.eml", samples.mail(attached=EICAR)),
    "in a zip in a mail": ("a.eml", samples.mail(attached=samples.zipped({"inner.zip": samples.zipped({"a.txt": EICAR})}), name="a.zip")),
    "attached to a PDF": ("a.pdf", samples.pdf(attached=EICAR)),
    "among what is attached to a PDF": ("a.pdf", samples.pdf(attached=[b"words", EICAR, b"more words"])),
    "pinned to a page of a PDF": ("a.pdf", samples.pdf(23, pinned=EICAR)),
}


@pytest.mark.parametrize(("name", "data"), INFECTED.values(), ids=INFECTED.keys())
def test_a_virus_is_found_wherever_it_hides_and_the_file_is_nobodys(files: Files, clamd: str, name: str, data: bytes) -> None:
    """Held from the moment it is kept, and for good once it is known."""
    files.resources.settings = files.resources.settings.model_copy(update={"clamd_url": clamd})
    files.ask(KeepKinds(kinds=["documents", "email", "archives"]), role="dsl")
    file = files.upload(data, name=name).file_id
    with pytest.raises(Conflict, match="file_held"):
        files.read(file)
    look(files)
    assert files.column("scan") == ["infected"]
    with pytest.raises(Conflict, match="file_infected"):
        files.read(file)
    assert files.column("previews") == [0]


NOT_ALL_SEEN: dict[str, Callable[[], bytes]] = {
    "the last of 21": lambda: samples.pdf(attached=[b"words %d" % n for n in range(20)] + [EICAR]),
    "pinned, where 20 are attached": lambda: samples.pdf(attached=[b"words"] * 20, pinned=EICAR),
    "behind more than is handed on": lambda: samples.pdf(attached=[bytes(3 * 1024 * 1024)] * 17 + [EICAR]),
    "behind what fills the memory": lambda: samples.pdf(attached=[bytes(700 * 1024 * 1024), EICAR]),
    "where the child fails": lambda: samples.pdf(attached=EICAR)[:-400],
}


@pytest.mark.parametrize("hidden", NOT_ALL_SEEN.values(), ids=NOT_ALL_SEEN.keys())
def test_a_pdf_is_clean_only_where_all_that_is_attached_to_it_was_scanned(files: Files, clamd: str, hidden: Callable[[], bytes]) -> None:
    """What is attached is packed: in the PDF itself the scanner finds nothing. What it was not given is not called clean."""
    files.resources.settings = files.resources.settings.model_copy(update={"clamd_url": clamd})
    data = hidden()
    assert not scanning.is_infected(clamd, [data])
    file = files.upload(data, name="a.pdf").file_id
    look(files)
    assert files.ask(Read(file_id=file)).scan == "not_scanned"


def test_a_pdf_longer_than_is_looked_at_is_not_clean(files: Files, clamd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files.resources.settings = files.resources.settings.model_copy(update={"clamd_url": clamd})
    file = files.upload(samples.pdf(attached=EICAR), name="a.pdf").file_id
    monkeypatch.setattr(accepting, "SEARCHED", 500)
    look(files)
    assert files.ask(Read(file_id=file)).scan == "not_scanned"


def test_a_pdf_whose_child_does_not_end_is_not_clean(files: Files, clamd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files.resources.settings = files.resources.settings.model_copy(update={"clamd_url": clamd})
    files.upload(samples.pdf(attached=EICAR), name="a.pdf")
    monkeypatch.setattr(looking, "SECONDS", 0.01)
    look(files)
    assert files.column("scan") == ["not_scanned"]


def test_a_pdf_with_nothing_or_little_attached_is_clean_and_shown(files: Files, clamd: str) -> None:
    files.resources.settings = files.resources.settings.model_copy(update={"clamd_url": clamd})
    for data in (samples.pdf(), samples.pdf(attached=[bytes(1_000_000), b"words"], pinned=b"a comment's"), samples.pdf(attached=[b"w"] * 20)):
        files.upload(data, name="a.pdf")
    look(files)
    assert (files.column("scan"), files.column("previews")) == (["clean"] * 3, [2] * 3)


def test_a_clean_file_is_held_until_it_is_scanned(files: Files, clamd: str) -> None:
    files.resources.settings = files.resources.settings.model_copy(update={"clamd_url": clamd})
    file = files.upload(b"words", name="a.txt").file_id
    with pytest.raises(Conflict, match="file_held"):
        files.read(file)
    look(files)
    assert (files.column("scan"), files.read(file)) == (["clean"], b"words")


def test_while_the_scanner_is_away_a_file_is_held_and_after_a_day_it_is_not_scanned(files: Files) -> None:
    files.resources.settings = files.resources.settings.model_copy(update={"clamd_url": "unix:///nowhere/at/all"})
    file = files.upload(b"words", name="a.txt").file_id
    look(files, at=MORNING + dt.timedelta(hours=23))
    assert files.column("scan") == ["waiting"]
    look(files, at=MORNING + dt.timedelta(hours=25))
    assert (files.column("scan"), files.read(file)) == (["not_scanned"], b"words")


def test_longer_than_the_scanner_takes_is_not_scanned(files: Files, clamd: str) -> None:
    files.resources.settings = files.resources.settings.model_copy(update={"clamd_url": clamd})
    files.upload(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(9_000_000), name="a.mp4")
    look(files)
    assert files.column("scan") == ["not_scanned"]


def test_without_a_scanner_it_is_said_that_it_is_not_scanned(files: Files) -> None:
    file = files.upload(b"words", name="a.txt").file_id
    assert files.ask(Read(file_id=file)).scan == "not_scanned"


# --- previews --------------------------------------------------------------------------------------------------------

SHOWN: dict[str, tuple[str, bytes, int]] = {
    "a photograph": ("a.jpg", samples.picture(placed=True), 1),
    "a photograph of a telephone": ("a.heic", samples.picture("HEIC", placed=True), 1),
    "a PDF": ("a.pdf", samples.pdf(3), 3),
    "a Word document": ("a.docx", samples.document(), 1),
    "a spreadsheet": ("a.xlsx", samples.sheet(), 1),
    "slides": ("a.pptx", samples.slides(), 1),
    "an open document": ("a.odt", samples.open_document(), 1),
    "a mail": ("a.eml", samples.mail(), 1),
    "a document of 1997": ("a.doc", samples.older("doc"), 1),
    "a sheet of 1997": ("a.xls", samples.older("xls"), 1),
    "slides of 1997": ("a.ppt", samples.older("ppt"), 1),
    "words": ("a.txt", b"He said he was fine.\n", 1),
}


@pytest.mark.parametrize(("name", "data", "pages"), SHOWN.values(), ids=SHOWN.keys())
def test_a_preview_is_a_picture_made_anew_with_nothing_in_it_but_pixels(files: Files, name: str, data: bytes, pages: int) -> None:
    file = files.upload(data, name=name).file_id
    look(files)
    assert files.column("previews") == [pages]
    shown = files.read(file, page=1)
    assert shown.startswith(b"\xff\xd8\xff")
    with Image.open(io.BytesIO(shown)) as picture:
        assert dict(picture.getexif()) == {}
        assert max(picture.size) <= 1414
    assert files.read(file) == data, "and the original stays as it was"
    with pytest.raises(Conflict, match="no_preview"):
        files.ask(Read(file_id=file, page=pages + 1))


@pytest.mark.parametrize("kind", ["JPEG", "HEIC"])
def test_where_a_picture_was_taken_is_a_fact_for_dsls_alone(files: Files, pass_for: Callable[..., str], kind: str) -> None:
    file = files.upload(samples.picture(kind, placed=True), name="a.jpg").file_id
    look(files)
    seen = known(files, file, pass_for)
    assert (seen.taken_at, seen.taken_where, seen.taken_with) == ("2026:03:10 12:47:00", "51.50722, -0.12750", "Apple iPhone 15")
    seen = known(files, file, pass_for, role="teacher")
    assert (seen.taken_at, seen.taken_where, seen.taken_with) == ("", "", "")


def test_a_pixel_bomb_is_kept_and_never_opened_up(files: Files) -> None:
    out = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(out, "PNG")
    file = files.upload(out.getvalue(), name="a.png").file_id
    look(files)
    assert files.column("previews") == [0]
    assert files.read(file) == out.getvalue()


@pytest.mark.parametrize(
    "data", [b"%PDF-1.7 nonsense", samples.picture()[:2000], samples.pdf()[:300]], ids=["no PDF", "half a picture", "half a PDF"]
)
def test_what_cannot_be_shown_is_looked_at_once_and_kept(files: Files, data: bytes) -> None:
    files.upload(data, name="a.pdf")
    assert (look(files), look(files)) == (1, 0)


def test_who_looks_at_a_file_can_reach_nothing(tmp_path: Any) -> None:
    """The child's own lock, tried from within: no file, socket, program or other process, no more memory or time; threads are let be."""
    import subprocess
    import sys

    (tmp_path / "kept").write_bytes(b"kept")
    tried = f"""
import importlib.util, os, socket, subprocess, sys, threading
spec = importlib.util.spec_from_file_location("looker", {str(looking._CHILD)!r})
looker = importlib.util.module_from_spec(spec); spec.loader.exec_module(looker)
ran = []
assert looker.lock_in()
def refused(what):
    try:
        what()
    except (PermissionError, OSError) as error:
        return True
    return False
print([refused(what) for what in (
    lambda: open("/etc/hostname"), lambda: open({str(tmp_path / "new")!r}, "w"), lambda: os.mkdir({str(tmp_path / "folder")!r}),
    socket.socket, lambda: socket.socketpair(), lambda: os.fork(), lambda: os.execv("/bin/true", ["true"]), lambda: os.kill(os.getppid(), 0),
    lambda: os.truncate({str(tmp_path / "kept")!r}, 0), lambda: os.rmdir({str(tmp_path)!r}), lambda: os.mkdir("new", dir_fd=0),
)])
threading.Thread(target=lambda: ran.append(1)).start()
print(ran)
try:
    bytearray(looker.MEMORY + 1)
except MemoryError:
    print("no more memory")
import resource
print(resource.getrlimit(resource.RLIMIT_CPU), resource.getrlimit(resource.RLIMIT_AS))
"""
    done = subprocess.run([sys.executable, "-I", "-c", tried], capture_output=True, text=True, timeout=60)
    limits = f"({looker.SECONDS}, {looker.SECONDS}) ({looker.MEMORY}, {looker.MEMORY})"
    assert done.stdout.splitlines() == [str([True] * 11), "[1]", "no more memory", limits], done.stderr
    assert (looker.SECONDS, looker.MEMORY) == (20, 2**30)
    assert (tmp_path / "kept").read_bytes() == b"kept"


@pytest.mark.parametrize("does", ["sleeps", "works without end"])
def test_who_looks_too_long_is_ended_and_gives_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, does: str) -> None:
    child = tmp_path / "child.py"
    pid = tmp_path / "pid"
    lasts = (
        "import time; time.sleep(60)" if does == "sleeps" else "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass"
    )
    child.write_text(f"import os, pathlib; pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\n{lasts}\n")
    monkeypatch.setattr(looking, "_CHILD", child)
    monkeypatch.setattr(looking, "SECONDS", 2.0 if does == "sleeps" else 30.0)
    memory = os.memfd_create("file")
    try:
        assert looking.look(memory, media_type="text/plain") is looking.NOTHING
    finally:
        os.close(memory)
    assert not psutil.pid_exists(int(pid.read_text())), "nothing is left of it"


WORDS: dict[str, tuple[str, bytes, str]] = {
    "a document": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", samples.document("He said no."), "He said no."),
    "a spreadsheet": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", samples.sheet(), "Sarah   42"),
    "slides": ("application/vnd.openxmlformats-officedocument.presentationml.presentation", samples.slides(), "A slide"),
    "an open document": ("application/vnd.oasis.opendocument.text", samples.open_document(), "An open document"),
    "a mail": (
        "message/rfc822",
        samples.mail(attached=b"x"),
        "From: a@school.example\nTo: b@school.example\nSubject: About caf\u00e9\nAttached: notes.bin\n\nHe said he was fine.",
    ),
    "words": ("text/plain", "Dŵr, he said.".encode(), "Dŵr, he said."),
    "words of an older machine": ("text/plain", "Café, he said.".encode("cp1252"), "Café, he said."),
}


@pytest.mark.parametrize(("media_type", "data", "said"), WORDS.values(), ids=WORDS.keys())
def test_the_words_that_are_drawn_are_those_of_the_document(media_type: str, data: bytes, said: str) -> None:
    seen = looker.Looker(media_type=media_type, most=20, room=0, font=looking._font())
    drawn: list[str] = []
    seen._words = lambda text: drawn.append(text) or []  # type: ignore[method-assign, func-returns-value]
    seen.look(data)
    assert "\n".join(line.rstrip() for line in drawn[0].strip().splitlines()) == said
    assert seen.facts == {"of_words": True}


# --- an object store that holds what is sealed -------------------------------------------------------------------------


def test_what_is_sealed_is_held_by_a_store_that_can_once_and_is_noise_there_when_its_key_is_destroyed(
    files: Files, s3: str, pass_for: Callable[..., str]
) -> None:
    files.resources.settings = files.resources.settings.model_copy(update={"object_store_url": s3})
    waits, file = files.upload(b"not recorded", name="a.txt").file_id, files.upload(b"evidence", name="b.txt").file_id
    entry, part = new_id(), f"{files.school}/{file}/{keeping.content(0)}"
    files.hear(recorded(files, entry=entry, file_ids=(file,)))
    assert [background.hold(files.resources) for _ in range(2)] == [1, 0]
    store = files.kept
    assert isinstance(store, Bucket)
    client, bucket = store._client, store._bucket

    def versions(key: str) -> list[str]:
        return [str(each.version_id) for each in client.list_objects(bucket, prefix=key, include_version=True) if not each.is_delete_marker]

    (held,), (free,) = versions(part), versions(f"{files.school}/{waits}/{keeping.content(0)}")
    with pytest.raises(S3Error, match="AccessDenied"):
        client.remove_object(bucket, part, version_id=held)
    client.remove_object(bucket, f"{files.school}/{waits}/{keeping.content(0)}", version_id=free)
    files.hear(FileBlocked(**about(files, entry, file)))
    files.hear(FileDecided(**about(files, entry, file), decision="destroy"))
    files.sweep(clock.now())
    assert versions(part) == [held], "the lock keeps the bytes"
    assert b"evidence" not in client.get_object(bucket, part, version_id=held).read()
    assert files.column("wrapped_key").count(None) == 1
    reader = new_id()
    with pytest.raises(Conflict, match="file_destroyed"):
        files.ask(Read(file_id=file, pass_token=pass_for(file_id=file, person_id=reader, school_id=files.school)), person=reader)


def test_a_store_without_lock_is_asked_to_hold_nothing_and_what_it_has_goes_when_its_key_is_destroyed(
    files: Files, s3_without_lock: WithoutLock, pass_for: Callable[..., str]
) -> None:
    files.resources.settings = files.resources.settings.model_copy(
        update={"object_store_url": s3_without_lock.url.replace("/evidence?", "/unlocked?")}
    )
    file, entry, reader = files.upload(b"evidence", name="b.txt").file_id, new_id(), new_id()
    files.hear(recorded(files, entry=entry, file_ids=(file,)))
    assert background.hold(files.resources) == 0
    assert files.column("locked_at") == [None]
    assert not [path for _, path in s3_without_lock.asked if "legal-hold" in path]
    assert files.read(file, pass_token=pass_for(file_id=file, person_id=reader, school_id=files.school), person=reader) == b"evidence"
    files.hear(FileBlocked(**about(files, entry, file)))
    files.hear(FileDecided(**about(files, entry, file), decision="destroy"))
    files.sweep(MORNING)
    with pytest.raises(KeyError):
        files.kept.get(f"{files.school}/{file}/{keeping.content(0)}", offset=0, length=10)


# --- kinds -----------------------------------------------------------------------------------------------------------


def test_which_kinds_are_taken_is_the_schools_setting(files: Files) -> None:
    assert files.ask(Kinds()).kinds == ["pictures", "documents", "audio", "video", "email"]
    files.ask(KeepKinds(kinds=["documents", "documents"]), role="dsl")
    assert files.ask(Kinds()).kinds == ["documents"]
    with pytest.raises(Invalid) as caught:
        files.upload(samples.picture(), name="a.jpg")
    assert caught.value.problems == {"file": "kind_not_taken"}
    assert files.upload(b"words", name="a.txt").size == 5
