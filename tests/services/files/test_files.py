"""Drafts and attachments: whose they are, when somebody is reminded, what is refused, and what outlives what."""

import base64
import datetime as dt
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import clock, inbox, receipts
from safekeep.body.marks import BodyMap, Mark
from safekeep.bus import Sealed
from safekeep.contracts import Event
from safekeep.contracts.files import (
    PIECE,
    AddPaper,
    BeginUpload,
    DiscardDraft,
    Draft,
    Drafts,
    DropPaper,
    FinishUpload,
    LeftDrafts,
    Names,
    Papers,
    Read,
    ReadBodyMap,
    Receipts,
    SaveBodyMap,
    SaveDraft,
    UndoBodyMap,
)
from safekeep.contracts.identity import SchoolChanged
from safekeep.contracts.incidents import ActionAdded, IncidentRecorded
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound
from safekeep.ids import new_id
from safekeep.keys import Keys
from safekeep.rpc import Resources
from services.files import objects, service
from services.files.service import background, drafts, filing
from services.files.service import streaming as stream_of_service
from tests import streaming

MORNING = dt.datetime(2026, 3, 10, 9, 0, tzinfo=dt.UTC)  # a Tuesday; London is on UTC
PDF = b"%PDF-1.7\n" + b"a page of it\n" * 120_000  # two pieces


class Files:
    """The service over a fresh database and a folder of its own, at one school."""

    def __init__(self, resources: Resources, ask: Any, token: Any) -> None:
        self.resources, self._ask, self._token = resources, ask, token
        self.service = service.Service()
        self.service.host = resources
        self.school, self.author = new_id(), new_id()
        self.referred: set[UUID] = set()

    @property
    def kept(self) -> objects.Objects:
        return objects.opened(self.resources.settings.object_store_url)

    @property
    def folder(self) -> Path:
        return Path(self.resources.settings.object_store_url.removeprefix("file://"))

    def blobs(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def ask(self, request: Any, *, role: str = "teacher", person: UUID | None = None, school: UUID | None = None, **more: Any) -> Any:
        token = self._token(roles=[role], school_id=school or self.school, person_id=person or self.author, **more)
        return self._ask(self.service, request, token=token)

    def save(self, *, draft: UUID | None = None, at: dt.datetime = MORNING, **more: Any) -> UUID:
        id_ = draft or new_id()
        with clock.set_to(at):
            self.ask(SaveDraft(draft_id=id_, kind="incident", fields={"narrative": ["Half a sentence"]}), **more)
        return id_

    def upload(self, data: bytes = PDF, *, file: UUID | None = None, name: str = "note.pdf", at: dt.datetime = MORNING) -> Any:
        id_ = file or new_id()
        with clock.set_to(at):
            self.send(id_, data, name=name)
            return self.ask(FinishUpload(file_id=id_))

    def send(self, file: UUID, data: bytes, *, name: str = "note.pdf", size: int | None = None) -> int:
        """Begin a file, or go on with it, and send these bytes."""
        begun = self.ask(BeginUpload(file_id=file, name=name, size=len(data) if size is None else size))
        return streaming.send(self.resources, ticket=begun.ticket, data=data)

    def read(self, file: UUID, *, offset: int = 0, size: int | None = None, pass_token: str = "", page: int = 0, **more: Any) -> bytes:
        opened = self.ask(Read(file_id=file, pass_token=pass_token, page=page), **more)
        return streaming.receive(self.resources, ticket=opened.ticket, offset=offset, size=size)

    def hear(self, event: Event) -> None:
        message = Sealed({"name": event.name, "version": event.version, "event": event.wire()})
        message.header = {"id": str(event.id), "type": event.name}
        inbox.Inbox(engine=self.resources.engine, handlers=service.HANDLERS).take(message)

    def said_at(self, at: dt.datetime) -> list[str]:
        """Let the timer run at a moment; return what drafts are now said, in all, to be left for."""
        with clock.set_to(at):
            drafts.remind_due(self.resources)
        with self.resources.transaction(self.resources.worker_engine) as tx:
            return list(tx.execute(sa.text("select body->>'left_for' from outbox order by id")).scalars())

    def sweep(self, at: dt.datetime) -> None:
        with clock.set_to(at):
            background.sweep(self.resources, referred=lambda school, ids: self.referred)

    def column(self, name: str) -> list[Any]:
        with self.resources.transaction(self.resources.engine, school_id=self.school) as tx:
            return [
                bytes(x) if isinstance(x, memoryview) else x for x in tx.execute(sa.text(f"select {name} from files order by begun_at, id")).scalars()
            ]

    def stored(self, draft: UUID) -> Any:
        with self.resources.transaction(self.resources.engine, school_id=self.school) as tx:
            return tx.execute(sa.text("select * from drafts where id = :id"), {"id": draft}).first()


@pytest.fixture
def files(resources: Callable[..., Resources], ask_service: Any, token_for: Any, tmp_path: Path) -> Files:
    made = resources("files")
    made.settings = made.settings.model_copy(update={"object_store_url": f"file://{tmp_path}/objects"})
    return Files(made, ask_service, token_for)


@pytest.fixture
def pass_for(keys_folder: Path) -> Callable[..., str]:
    """Sign a pass as incidents would."""
    keys = Keys.load(keys_folder / "process" / "incidents.json")
    return lambda *, file_id, person_id, school_id: receipts.sign_pass(keys=keys, file_id=file_id, person_id=person_id, school_id=school_id)


def recorded(files: Files, *, entry: UUID, file_ids: tuple[UUID, ...] = (), author: UUID | None = None, past: bool = False) -> IncidentRecorded:
    return IncidentRecorded(**_entry(files, entry=entry, incident=entry, file_ids=file_ids, author=author, past=past), occurred_at=MORNING)


def _entry(files: Files, *, entry: UUID, incident: UUID, file_ids: tuple[UUID, ...] = (), author: UUID | None = None, past: bool = False) -> Any:
    given: dict[str, Any] = {"id": new_id(), "at": MORNING, "school_id": files.school, "subject": incident, "sequence": 1, "incident_id": incident}
    given |= {"entry_id": entry, "author_id": author or files.author, "category": "welfare", "categories": ["welfare"], "class_code": "welfare"}
    return given | {"pupil_ids": [new_id()], "recipients": [], "file_ids": list(file_ids), "past": past}


def a_day_ending(files: Files, *, minute: int, zone: str = "Europe/London") -> SchoolChanged:
    given: dict[str, Any] = {"id": new_id(), "at": MORNING, "school_id": files.school, "subject": files.school, "sequence": 1}
    return SchoolChanged(**given, zone=zone, day_ends_minute=minute, trust_id=new_id(), categories=[], groups=[])


# --- drafts: whose ---------------------------------------------------------------------------------------------------


def test_a_draft_comes_back_as_it_was_typed_to_its_author(files: Files) -> None:
    fields = {"narrative": ["  <b>Sarah</b> said \u201cno\u201d 😀 "], "pupil": ["", "two"]}
    draft = new_id()
    files.ask(SaveDraft(draft_id=draft, kind="action", incident_id=new_id(), fields=fields))
    assert files.ask(Draft(draft_id=draft)).fields == fields
    assert [item.id for item in files.ask(Drafts()).items] == [draft]


@pytest.mark.parametrize("role", ["dsl", "deputy_dsl", "slt", "teacher"])
def test_nobody_else_reads_lists_overwrites_or_ends_a_draft(files: Files, role: str) -> None:
    """Not even a DSL, and the answer is that of a draft that never was."""
    draft, other = files.save(), new_id()
    assert files.ask(Drafts(), role=role, person=other).items == []
    for request in (Draft(draft_id=draft), SaveDraft(draft_id=draft, kind="incident", fields={})):
        with pytest.raises(NotFound, match="draft"):
            files.ask(request, role=role, person=other)
    files.ask(DiscardDraft(draft_id=draft), role=role, person=other)
    assert files.ask(Draft(draft_id=draft)).fields == {"narrative": ["Half a sentence"]}


def test_another_school_has_its_own_drafts_even_for_the_same_person(files: Files) -> None:
    draft = files.save()
    with pytest.raises(NotFound):
        files.ask(Draft(draft_id=draft), school=new_id())


def test_an_expired_session_may_save_a_draft_and_read_none(files: Files) -> None:
    draft = files.save(drafts_only=True)
    with pytest.raises(NotAllowed):
        files.ask(Draft(draft_id=draft), drafts_only=True)


@pytest.mark.parametrize("text", ["x" * 200_001, "\u5c0f" * 70_000], ids=["letters", "bytes"])
def test_more_than_two_hundred_thousand_bytes_are_refused(files: Files, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        files.ask(SaveDraft(draft_id=new_id(), kind="incident", fields={"narrative": [text]}))
    assert caught.value.problems == {"form": "too_long"}
    assert files.ask(Drafts()).items == []


# --- drafts: their end -----------------------------------------------------------------------------------------------


def test_recording_ends_the_draft_deletes_its_words_and_refuses_a_late_save(files: Files) -> None:
    draft = files.save()
    files.hear(recorded(files, entry=draft))
    assert files.stored(draft).fields is None
    assert files.ask(Drafts()).items == []
    with pytest.raises(Conflict, match="draft_ended"):
        files.save(draft=draft)


def test_an_action_ends_its_draft_too(files: Files) -> None:
    draft = files.save()
    files.hear(ActionAdded(**_entry(files, entry=draft, incident=new_id())))
    with pytest.raises(NotFound):
        files.ask(Draft(draft_id=draft))


def test_a_save_that_arrives_after_its_recording_is_refused_even_when_it_is_the_first(files: Files) -> None:
    draft = new_id()
    files.hear(recorded(files, entry=draft))
    with pytest.raises(Conflict, match="draft_ended"):
        files.save(draft=draft)


def test_an_entry_of_another_author_does_not_end_a_draft(files: Files) -> None:
    draft = files.save()
    files.hear(recorded(files, entry=draft, author=new_id()))
    assert files.ask(Draft(draft_id=draft)).fields


def test_discarding_twice_is_the_same_and_final(files: Files) -> None:
    draft = files.save()
    files.ask(DiscardDraft(draft_id=draft))
    files.ask(DiscardDraft(draft_id=draft))
    assert files.stored(draft).fields is None
    with pytest.raises(Conflict, match="draft_ended"):
        files.save(draft=draft)


def test_drafts_go_after_seven_days_of_every_school(files: Files) -> None:
    old, newer = files.save(), files.save(at=MORNING + dt.timedelta(days=1))
    elsewhere = files.save(school=new_id())
    files.sweep(MORNING + dt.timedelta(days=7, seconds=1))
    assert files.stored(old) is None
    assert files.stored(newer) is not None
    with files.resources.transaction(files.resources.worker_engine) as tx:
        assert tx.execute(sa.text("select count(*) from drafts where id = :id"), {"id": elsewhere}).scalar() == 0


def test_the_mark_of_an_ended_draft_stays_seven_days_from_its_end(files: Files) -> None:
    """A draft ended on its last day is not brought back by a save that comes an hour later."""
    draft = files.save()
    with clock.set_to(MORNING + dt.timedelta(days=6, hours=23)):
        files.hear(recorded(files, entry=draft))
    later = MORNING + dt.timedelta(days=7, hours=1)
    files.sweep(later)
    with pytest.raises(Conflict, match="draft_ended"):
        files.save(draft=draft, at=later)
    files.sweep(MORNING + dt.timedelta(days=14))
    assert files.stored(draft) is None


# --- reminders -------------------------------------------------------------------------------------------------------


def test_an_hour_half_an_hour_before_the_day_ends_and_a_day_each_once(files: Files) -> None:
    files.hear(a_day_ending(files, minute=15 * 60 + 30))
    files.save()
    moments = [(MORNING.replace(minute=59), 0), (MORNING.replace(hour=10), 1), (MORNING.replace(hour=14, minute=59), 1)]
    moments += [(MORNING.replace(hour=15), 2), (MORNING + dt.timedelta(hours=23), 2), (MORNING + dt.timedelta(hours=24), 3)]
    for at, how_many in [*moments, (MORNING + dt.timedelta(days=6), 3)]:
        assert files.said_at(at) == ["hour", "day", "a_day"][:how_many]


def test_the_end_of_the_day_is_the_schools_own(files: Files) -> None:
    """15:30 in the Azores in March is 16:30 UTC."""
    files.hear(a_day_ending(files, minute=15 * 60 + 30, zone="Atlantic/Azores"))
    files.save()
    assert files.said_at(MORNING.replace(hour=15, minute=59)) == ["hour"]
    assert files.said_at(MORNING.replace(hour=16)) == ["hour", "day"]


def test_a_draft_saved_after_the_day_ended_has_no_reminder_for_it(files: Files) -> None:
    files.hear(a_day_ending(files, minute=15 * 60 + 30))
    files.save(at=MORNING.replace(hour=18))
    assert files.said_at(MORNING + dt.timedelta(hours=20)) == ["hour"]
    assert files.said_at(MORNING + dt.timedelta(hours=20)) == ["hour"]


@pytest.mark.parametrize(
    ("saved", "first", "second"),
    [
        ((14, 20), ((15, 0), "day"), ((15, 20), "hour")),  # the hour is over after the reminder before the day's end: both come
        ((14, 45), ((15, 0), "day"), ((15, 45), "hour")),
        ((14, 58), ((15, 13), "day"), ((15, 58), "hour")),  # still writing at 15:00: not while they are
        ((14, 5), ((15, 5), "hour"), None),  # five minutes apart: one is enough
        ((15, 20), ((16, 20), "hour"), None),  # too close to the end
    ],
)
def test_late_in_the_day_both_reminders_come_in_the_order_of_their_times(files: Files, saved: Any, first: Any, second: Any) -> None:
    files.hear(a_day_ending(files, minute=15 * 60 + 30))
    files.save(at=MORNING.replace(hour=saved[0], minute=saved[1]))
    said: list[str] = []
    for due in filter(None, (first, second)):
        (hour, minute), kind = due
        moment = MORNING.replace(hour=hour, minute=minute)
        assert files.said_at(moment - dt.timedelta(seconds=1)) == said
        said.append(kind)
        assert files.said_at(moment) == said
    assert files.said_at(MORNING.replace(hour=23)) == said


def test_a_reminder_that_fails_does_not_keep_those_behind_it_from_being_given(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = files.save(), files.save(at=MORNING.replace(minute=1))
    plain = drafts._remind

    def fail_once(host: Any, *, school_id: UUID, draft_id: UUID) -> int:
        if draft_id == first:
            raise RuntimeError("whatever it is")
        return plain(host, school_id=school_id, draft_id=draft_id)

    monkeypatch.setattr(drafts, "_remind", fail_once)
    assert files.said_at(MORNING.replace(hour=10, minute=30)) == ["hour"]
    assert files.stored(second).reminded == "hour"
    assert files.stored(first).reminded is None, "and it is tried again"


def test_a_school_day_learnt_late_reminds_nobody_early(files: Files) -> None:
    """Saved while nothing was known of the school: due at 15:00, until it says that its day ends at 17:30."""
    files.save()
    assert files.said_at(MORNING.replace(hour=10)) == ["hour"]
    files.hear(a_day_ending(files, minute=17 * 60 + 30))
    assert files.said_at(MORNING.replace(hour=15)) == ["hour"]
    assert files.said_at(MORNING.replace(hour=17)) == ["hour", "day"]


def test_saving_again_starts_the_hour_again_and_an_ended_draft_reminds_nobody(files: Files) -> None:
    draft = files.save()
    files.save(draft=draft, at=MORNING.replace(minute=50))
    assert files.said_at(MORNING.replace(hour=10, minute=10)) == []
    files.ask(DiscardDraft(draft_id=draft))
    assert files.said_at(MORNING + dt.timedelta(days=2)) == []


def test_a_dsl_learns_that_a_draft_was_left_and_never_its_words(files: Files) -> None:
    files.save()
    with clock.set_to(MORNING + dt.timedelta(hours=25)):
        (left,) = files.ask(LeftDrafts(), role="dsl", person=new_id()).items
    assert left.wire().keys() == {"author_id", "saved_at"}
    assert left.author_id == files.author
    with pytest.raises(NotAllowed):
        files.ask(LeftDrafts())


# --- uploads ---------------------------------------------------------------------------------------------------------


def test_a_file_in_pieces_is_signed_for_and_read_back_by_its_author(files: Files) -> None:
    kept = files.upload()
    assert (kept.sha256, kept.size, kept.media_type) == (hashlib.sha256(PDF).hexdigest(), len(PDF), "application/pdf")
    receipt = receipts.verify_receipt(keys=files.resources.keys, token=kept.receipt)
    assert receipt == receipts.Receipt(kept.file_id, kept.sha256, len(PDF), "application/pdf", files.author, files.school)
    assert files.read(kept.file_id) == PDF
    assert files.ask(Read(file_id=kept.file_id)).name == "note.pdf"


@pytest.mark.parametrize(("offset", "size"), [(0, 1), (5, 10), (PIECE - 3, 6), (PIECE, 1), (len(PDF) - 4, None), (len(PDF) - 4, 900)])
def test_any_part_of_a_file_is_read_by_itself(files: Files, offset: int, size: int | None) -> None:
    file = files.upload().file_id
    assert files.read(file, offset=offset, size=size) == PDF[offset : None if size is None else offset + size]


def test_what_is_kept_is_noise_and_each_file_has_a_key_of_its_own(files: Files) -> None:
    """Not even the same content twice looks alike, in the store or beside its key."""
    files.upload(name="one.pdf")
    files.upload(name="two.pdf")
    blobs = [path.read_bytes() for path in files.blobs()]
    assert len(set(blobs)) == len(blobs) == 4
    assert not any(b"a page of it" in blob for blob in blobs)
    assert len(set(files.column("wrapped_key"))) == 2


def test_a_piece_that_was_changed_moved_or_put_from_another_file_is_not_handed_out(files: Files) -> None:
    file, other = files.upload().file_id, files.upload(PDF + b"more", name="other.pdf").file_id
    first, second = (files.folder / str(files.school) / str(file) / name for name in ("s000000", "s000001"))
    good = first.read_bytes()
    for bad in (good[:-1] + bytes([good[-1] ^ 1]), second.read_bytes(), (files.folder / str(files.school) / str(other) / "s000000").read_bytes()):
        first.write_bytes(bad)
        with pytest.raises(Conflict, match="file_damaged"):
            files.read(file)
    first.write_bytes(good)
    assert files.read(file) == PDF


def test_finishing_or_beginning_again_changes_nothing(files: Files) -> None:
    file = files.upload().file_id
    begun = files.ask(BeginUpload(file_id=file, name="note.pdf", size=len(PDF)))
    assert (begun.arrived, begun.finished, begun.ticket) == (len(PDF), True, "")
    assert files.ask(FinishUpload(file_id=file)).sha256 == hashlib.sha256(PDF).hexdigest()


def test_an_upload_whose_connection_drops_goes_on_from_its_last_whole_piece(files: Files) -> None:
    """Also in another process, which has not hashed what came before."""
    file = new_id()
    begun = files.ask(BeginUpload(file_id=file, name="note.pdf", size=len(PDF)))
    with streaming.Wire(files.resources, {"ticket": begun.ticket}) as wire:
        assert wire.said() == {"error": None, "arrived": 0}
        wire.stream.send(PDF[: PIECE + 1000])
    begun = files.ask(BeginUpload(file_id=file, name="note.pdf", size=len(PDF)))
    assert begun.arrived == PIECE
    stream_of_service._digests.clear()
    assert streaming.send(files.resources, ticket=begun.ticket, data=PDF[PIECE:]) == len(PDF)
    assert files.ask(FinishUpload(file_id=file)).sha256 == hashlib.sha256(PDF).hexdigest()
    assert files.read(file) == PDF


def test_a_file_is_finished_only_whole(files: Files) -> None:
    file = new_id()
    files.send(file, PDF[:PIECE], size=len(PDF))
    with pytest.raises(Invalid) as caught:
        files.ask(FinishUpload(file_id=file))
    assert caught.value.problems == {"file": "not_whole"}
    with pytest.raises(Invalid):
        files.ask(BeginUpload(file_id=file, name="note.pdf", size=5))


def test_no_more_is_kept_than_was_announced(files: Files) -> None:
    """Else one upload of a byte could fill the store, piece after piece, with what no sweep would find."""
    with pytest.raises((Invalid, OSError)):
        files.send(new_id(), b"x" * (3 * PIECE), size=1)
    assert files.blobs() == []


def test_two_connections_cannot_write_one_file_at_a_time(files: Files) -> None:
    """Whose piece is kept is hashed; the other is told to look where the file ends."""
    file = new_id()
    begun = files.ask(BeginUpload(file_id=file, name="note.pdf", size=len(PDF)))
    with streaming.Wire(files.resources, {"ticket": begun.ticket}) as slow:
        slow.said()
        slow.stream.send(b"X" * PIECE)
        assert streaming.send(files.resources, ticket=begun.ticket, data=PDF) == len(PDF)
        slow.stream.send(b"X" * (len(PDF) - PIECE), last=True)
        with pytest.raises((Conflict, OSError)):
            slow.said()
    files.ask(FinishUpload(file_id=file))
    assert files.read(file) == PDF


@pytest.mark.parametrize("ticket", ["", "bm9uZQ==", "x"])
def test_a_stream_without_a_ticket_of_files_own_is_refused(files: Files, ticket: str) -> None:
    with pytest.raises(NotFound):
        streaming.send(files.resources, ticket=ticket, data=b"x")
    with pytest.raises(NotFound):
        streaming.receive(files.resources, ticket=ticket)


def test_a_ticket_is_for_one_way_and_for_minutes(files: Files) -> None:
    file = files.upload().file_id
    opened = files.ask(Read(file_id=file))
    with clock.set_to(clock.now() + dt.timedelta(minutes=5, seconds=1)), pytest.raises(NotFound):
        streaming.receive(files.resources, ticket=opened.ticket)
    sealed = base64.urlsafe_b64decode(opened.ticket)
    for place in (10, 80, len(sealed) - 1):
        forged = base64.urlsafe_b64encode(sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]).decode()
        with pytest.raises(NotFound):
            streaming.receive(files.resources, ticket=forged)


REFUSED = {
    "html": b"<!DOCTYPE html><script>alert(1)</script>",
    "html behind blanks": b" " * 9000 + b"<html><body>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>',
    "svg declared": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    "svg behind a comment": b"<!-- " + b"x" * 300 + b' --><svg xmlns="http://www.w3.org/2000/svg"/>',
    "svg behind a mark": b'\xef\xbb\xbf<svg xmlns="http://www.w3.org/2000/svg"/>',
    "svg in two bytes a letter": '<svg xmlns="http://www.w3.org/2000/svg"/>'.encode("utf-16"),
    "shell": b"#!/bin/sh\nrm x",
    "python": b"#!/usr/bin/env python3\nimport os\n",
    "batch": b"@echo off\r\ndel x\r\n",
    "php": b"<?php echo 1;",
    "linux": b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x02\0\x3e\0\x01" + b"\0" * 60,
    "windows": b"MZ" + b"\0" * 58 + b"\x80\0\0\0" + b"\0" * 64 + b"PE\0\0L\x01",
    "java": bytes.fromhex("cafebabe00000034") + b"\0" * 50,
    "wasm": b"\0asm\1\0\0\0",
    "shortcut": bytes.fromhex("4c0000000114020000000000c000000000000046") + b"\0" * 80,
}
TAKEN = {
    "text": b"Notes < 3 pages, as <agreed>.\n",
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 20,
    "a heart": b"<3 from Sarah\n",
    "a note that begins with a name": b"<Sarah> said no. <Ben> laughed.\n",
    "a note that begins with a letter": b"<Ab> is how I call her here.\n",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_programs_scripts_and_what_a_browser_runs_are_refused_whatever_the_name(files: Files, data: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        files.upload(data, name="holiday.jpg")
    assert caught.value.problems["file"] in {"program", "script", "page"}


SCRIPTS = {
    "clean.ps1": b"Remove-Item -Recurse $HOME\r\n",
    "Clean.PS1 ": b"Remove-Item -Recurse $HOME\r\n",
    "notes.js": b'new ActiveXObject("WScript.Shell").Run("calc")\r\n',
    "notes.txt.vbs": b'CreateObject("WScript.Shell").Run "calc"\r\n',
    "photo.jpg.hta": b"x",
    "pupils.bat": b"del x\r\n",
    "link.url": b"[InternetShortcut]\r\nURL=https://school.example\r\n",
    "page.html": b"only words\n",
}


@pytest.mark.parametrize(("name", "data"), SCRIPTS.items(), ids=SCRIPTS.keys())
def test_a_name_that_a_computer_would_run_is_refused_though_its_content_is_text(files: Files, name: str, data: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        files.upload(data, name=name)
    assert caught.value.problems["file"] in {"program", "script", "page"}
    assert files.upload(data, name=f"about {name.strip()}.txt").size == len(data)


@pytest.mark.parametrize("data", TAKEN.values(), ids=TAKEN.keys())
def test_other_content_is_taken(files: Files, data: bytes) -> None:
    assert files.upload(data).size == len(data)


def test_a_name_from_outside_is_in_no_path(files: Files) -> None:
    kept = files.upload(b"text", name="../../etc/passwd")
    (blob,) = files.blobs()
    assert blob == files.folder / str(files.school) / str(kept.file_id) / "s000000"


def test_nobody_else_continues_finishes_reads_or_gets_receipts_of_a_file(files: Files) -> None:
    file, other = files.upload(b"text").file_id, new_id()
    for request in (BeginUpload(file_id=file, name="n", size=4), FinishUpload(file_id=file), Read(file_id=file)):
        with pytest.raises(NotFound, match="file"):
            files.ask(request, role="dsl", person=other)
    assert files.ask(Receipts(file_ids=[file]), role="dsl", person=other).items == []
    assert [found.file_id for found in files.ask(Receipts(file_ids=[file])).items] == [file]


def test_the_name_of_a_file_is_told_with_a_pass_of_ones_own_and_not_otherwise(files: Files, pass_for: Callable[..., str]) -> None:
    file, unpermitted, reader, other = files.upload(b"text", name="letter.txt").file_id, files.upload(b"more").file_id, new_id(), new_id()
    token = pass_for(file_id=file, person_id=reader, school_id=files.school)
    told = files.ask(Names(passes={file: token, unpermitted: token}), role="slt", person=reader).items
    assert [(found.file_id, found.name) for found in told] == [(file, "letter.txt")]
    for wrong in (token, "", "forged"):
        assert files.ask(Names(passes={file: wrong}), role="slt", person=other).items == []
    assert files.ask(Names(passes={file: token}), role="slt", person=reader, school=new_id()).items == []


# --- sealed ----------------------------------------------------------------------------------------------------------


def test_a_sealed_file_is_read_with_a_pass_of_ones_own_and_not_otherwise(files: Files, pass_for: Callable[..., str]) -> None:
    """Its author too; and a pass is for one file, person and school, for minutes."""
    file, other = files.upload(b"text").file_id, new_id()
    files.hear(recorded(files, entry=new_id(), file_ids=(file,)))
    mine = pass_for(file_id=file, person_id=other, school_id=files.school)
    assert files.read(file, pass_token=mine, person=other) == b"text"
    wrong = ["", "forged", mine, pass_for(file_id=new_id(), person_id=files.author, school_id=files.school)]
    for token in [*wrong, pass_for(file_id=file, person_id=files.author, school_id=new_id())]:
        with pytest.raises(NotFound, match="file"):
            files.ask(Read(file_id=file, pass_token=token))
    with clock.set_to(clock.now() + receipts.PASS_LIFETIME), pytest.raises(NotFound):
        files.ask(Read(file_id=file, pass_token=mine), person=other)


def test_a_sealed_file_never_changes_and_is_never_swept(files: Files) -> None:
    file, entry = files.upload(b"text").file_id, new_id()
    files.hear(recorded(files, entry=entry, file_ids=(file,)))
    files.hear(recorded(files, entry=new_id(), file_ids=(file,)))
    for request in (BeginUpload(file_id=file, name="n", size=4), FinishUpload(file_id=file)):
        with pytest.raises(NotFound):
            files.ask(request)
    files.sweep(MORNING + dt.timedelta(days=400))
    assert len(files.blobs()) == 1
    with files.resources.transaction(files.resources.engine, school_id=files.school) as tx:
        assert tx.execute(sa.text("select entry_id from files")).scalar() == entry


def test_files_nothing_refers_to_are_swept_whole(files: Files) -> None:
    file = files.upload().file_id
    files.sweep(MORNING + dt.timedelta(days=7, hours=23))
    assert len(files.blobs()) == 2
    files.sweep(MORNING + dt.timedelta(days=8, seconds=1))
    assert files.blobs() == []
    with pytest.raises(NotFound):
        files.ask(Read(file_id=file))


def test_a_file_stays_while_its_author_still_has_a_draft(files: Files) -> None:
    """A draft saved on its sixth day lives to its thirteenth, and what was attached to it must too."""
    files.upload(b"text")
    draft = files.save(at=MORNING + dt.timedelta(days=6))
    files.sweep(MORNING + dt.timedelta(days=9))
    assert len(files.blobs()) == 1
    with clock.set_to(MORNING + dt.timedelta(days=9)):
        files.ask(DiscardDraft(draft_id=draft))
    files.sweep(MORNING + dt.timedelta(days=9))
    assert files.blobs() == []


def test_the_database_itself_shows_no_school_when_none_is_set(files: Files) -> None:
    files.save()
    files.upload(b"text")
    with files.resources.transaction(files.resources.engine) as tx:
        assert tx.execute(sa.text("select (select count(*) from drafts) + (select count(*) from files)")).scalar() == 0


def test_a_blob_half_written_is_not_there(tmp_path: Path) -> None:
    kept = objects.Directory(tmp_path)
    kept.put("school/file/000000", b"whole")
    (tmp_path / "school/file/000001.part").write_bytes(b"ha")
    assert kept.get("school/file/000000", offset=2, length=2) == b"ol"
    with pytest.raises(KeyError):
        kept.get("school/file/000001", offset=0, length=2)
    kept.delete("school/file/000001")


# --- body maps -------------------------------------------------------------------------------------------------------

BRUISE = Mark(drawing="front", region="left_forearm_inner", points=[(395, 420)], kind="bruise", said="I fell")


def drawn(files: Files, *marks: Mark, id: UUID | None = None, draft: UUID | None = None, at: dt.datetime = MORNING, **more: Any) -> UUID:
    body_map = id or new_id()
    with clock.set_to(at):
        files.ask(SaveBodyMap(body_map_id=body_map, draft_id=draft, body_map=BodyMap(marks=list(marks))), **more)
    return body_map


def test_a_body_map_comes_back_to_its_author_as_it_was_drawn_and_each_change_can_be_undone(files: Files) -> None:
    cut = BRUISE.model_copy(update={"kind": "cut"})
    id_ = drawn(files)
    drawn(files, BRUISE, id=id_)
    drawn(files, BRUISE, id=id_)  # sent again: no change
    drawn(files, BRUISE, cut, id=id_)
    assert files.ask(ReadBodyMap(body_map_id=id_)).body_map.marks == [BRUISE, cut]
    undone = [files.ask(UndoBodyMap(body_map_id=id_, steps=steps)) for steps in (2, 2, 1, 0)]  # the first one twice
    assert [(answer.body_map.marks, answer.steps) for answer in undone] == [([BRUISE], 1), ([BRUISE], 1), ([], 0), ([], 0)]


@pytest.mark.parametrize("role", ["dsl", "slt", "teacher"])
def test_nobody_else_reads_changes_or_undoes_a_body_map(files: Files, role: str) -> None:
    id_ = drawn(files, BRUISE)
    for request in (ReadBodyMap(body_map_id=id_), UndoBodyMap(body_map_id=id_, steps=0), SaveBodyMap(body_map_id=id_, body_map=BodyMap())):
        with pytest.raises(NotFound, match="body_map"):
            files.ask(request, role=role, person=new_id())
    with pytest.raises(NotFound):
        files.ask(ReadBodyMap(body_map_id=id_), school=new_id())
    assert files.ask(ReadBodyMap(body_map_id=id_)).body_map.marks == [BRUISE]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"region": "left_thumb_back"}, {"marks.0.region": "unknown_choice"}),
        ({"points": [(900, 1)]}, {"marks.0.points": "not_on_body"}),
        ({"kind": "other"}, {"marks.0.what": "say_what"}),
    ],
)
def test_a_mark_that_is_not_on_the_drawing_is_not_kept(files: Files, changed: Any, problem: Any) -> None:
    id_ = drawn(files, BRUISE)
    with pytest.raises(Invalid) as caught:
        drawn(files, BRUISE.model_copy(update=changed), id=id_)
    assert caught.value.problems == problem
    assert files.ask(ReadBodyMap(body_map_id=id_)).body_map.marks == [BRUISE]


@pytest.mark.parametrize("by", ["its draft", "its own id"])
def test_once_its_incident_is_recorded_it_is_forgotten_here_and_never_changed_again(files: Files, by: str) -> None:
    entry = new_id()
    id_ = drawn(files, BRUISE, draft=entry if by == "its draft" else None)
    files.hear(recorded(files, entry=entry).model_copy(update={"body_map_id": None if by == "its draft" else id_}))
    with pytest.raises(NotFound):
        files.ask(ReadBodyMap(body_map_id=id_))
    with pytest.raises(Conflict, match="draft_ended"):
        drawn(files, id=id_)
    with files.resources.transaction(files.resources.engine, school_id=files.school) as tx:
        assert tx.execute(sa.text("select data, earlier from body_maps")).one() == (None, [])


def test_who_records_another_persons_body_map_ends_only_their_own(files: Files) -> None:
    id_ = drawn(files, BRUISE)
    files.hear(recorded(files, entry=new_id(), author=new_id()).model_copy(update={"body_map_id": id_}))
    assert files.ask(ReadBodyMap(body_map_id=id_)).body_map.marks == [BRUISE]


def test_it_goes_with_its_draft_and_after_seven_days_without_one(files: Files) -> None:
    draft = files.save()
    with_draft, alone = drawn(files, BRUISE, draft=draft), drawn(files, BRUISE)
    files.ask(DiscardDraft(draft_id=draft))
    with pytest.raises(NotFound):
        files.ask(ReadBodyMap(body_map_id=with_draft))
    files.sweep(MORNING + dt.timedelta(days=6, hours=23))
    assert files.ask(ReadBodyMap(body_map_id=alone)).body_map.marks == [BRUISE]
    files.sweep(MORNING + dt.timedelta(days=7, seconds=1))
    with pytest.raises(NotFound):
        files.ask(ReadBodyMap(body_map_id=alone))


# --- paper forms -----------------------------------------------------------------------------------------------------


def noted(files: Files, line: str = "Mrs Jones, midday, a boy in 4B", *, at: dt.datetime = MORNING) -> UUID:
    paper = new_id()
    with clock.set_to(at):
        files.ask(AddPaper(paper_id=paper, line=line), role="dsl")
    return paper


def waiting(files: Files) -> list[UUID]:
    return [item.id for item in files.ask(Papers(), role="deputy_dsl").items]


def reminded(files: Files, at: dt.datetime) -> int:
    with clock.set_to(at):
        return filing.remind_of_papers(files.resources)


def test_forms_handed_in_wait_the_longest_first_until_scanned_or_taken_off(files: Files) -> None:
    """Its incident, recorded under the same id, takes it off; so does a DSL, and twice is as once."""
    second, first = noted(files), noted(files, at=MORNING - dt.timedelta(hours=1))
    third = noted(files, at=MORNING + dt.timedelta(hours=1))
    assert waiting(files) == [first, second, third]
    files.hear(recorded(files, entry=second))
    for _ in range(2):
        files.ask(DropPaper(paper_id=third), role="dsl")
    assert waiting(files) == [first]
    files.ask(AddPaper(paper_id=second, line="Sent again"), role="dsl")
    assert waiting(files) == [first]


def test_the_dsls_are_reminded_of_a_form_after_an_hour_and_each_day_until_it_is_scanned(files: Files) -> None:
    paper = noted(files)
    hours = {hour: reminded(files, MORNING + dt.timedelta(hours=hour)) for hour in (0.9, 1, 1.1, 24, 25.1, 30, 49.2)}
    assert hours == {0.9: 0, 1: 1, 1.1: 0, 24: 0, 25.1: 1, 30: 0, 49.2: 1}
    files.hear(recorded(files, entry=paper))
    assert reminded(files, MORNING + dt.timedelta(days=9)) == 0
    with files.resources.transaction(files.resources.worker_engine) as tx:
        bodies = [str(body) for body in tx.execute(sa.text("select body from outbox where name = 'files.paper.waiting'")).scalars()]
    assert len(bodies) == 3
    assert all(str(paper) in body and "Jones" not in body for body in bodies)


@pytest.mark.parametrize("line", ["", "   ", "x" * 201, "two\nlines", "a\x00b"])
def test_a_line_that_is_none_is_not_noted(line: str) -> None:
    with pytest.raises(Invalid):
        AddPaper.receive({"paper_id": str(new_id()), "line": line})


@pytest.mark.parametrize("role", ["slt", "teacher", "governor"])
def test_only_dsls_see_or_change_the_list(files: Files, role: str) -> None:
    paper = noted(files)
    for request in (Papers(), AddPaper(paper_id=new_id(), line="A line"), DropPaper(paper_id=paper)):
        with pytest.raises(NotAllowed):
            files.ask(request, role=role)
    assert waiting(files) == [paper]
