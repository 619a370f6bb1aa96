"""A record that is given to somebody who asked: what two people have confirmed of it, held against what it says now, and what is printed of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import sqlalchemy as sa

from safekeep.contracts.incidents import EntryLine, PupilItem
from safekeep.contracts.reports import GivenFile, RedactedRecord
from services.reports import disclosing, reviewing, store
from services.reports.reviewing import Decided, FileDecided, FileShown
from services.reports.volumes import Part


@dataclass(frozen=True, slots=True)
class Decisions:
    """What is decided of a request's record: of places in texts, and of attached files."""

    places: list[Decided]
    files: dict[UUID, FileDecided]

    @classmethod
    def of(cls, tx: sa.Connection, *, school_id: UUID, id: UUID) -> Self:
        """Read it."""
        names = ("entry_id", "part", "start", "stop", "digest", "accepted", "by_hand", "reason")
        rows = store.redactions_of(tx, school_id=school_id, request_id=id)
        places = (Decided(**{name: getattr(row, name) for name in names}) for row in rows)
        files = store.file_decisions_of(tx, school_id=school_id, request_id=id)
        in_order = sorted(places, key=lambda d: (d.entry_id, d.part, d.start, d.stop))
        return cls(in_order, {row.file_id: FileDecided(row.file_id, row.given, row.reason) for row in files})


def file_key(shown: FileShown) -> str:
    """Return by what the digest of an attached file is kept, beside those of the texts."""
    return f"{shown.entry_id}:file:{shown.file.id}"


def digests_of(entries: Sequence[EntryLine], *, salt: str, staff: Mapping[UUID, str], zone: str) -> dict[str, str]:
    """Return the digest of every text of entries, and of every file that is attached to them."""
    texts = {
        f"{text.entry_id}:{text.part}": reviewing.digest_of(text.written, salt=salt)
        for entry in entries
        for text in reviewing.texts_of(entry, names=staff, zone=zone)
    }
    files = reviewing.files_of(entries, decided={}, zone=zone)
    return texts | {file_key(each): reviewing.file_digest(each.file, salt=salt) for each in files}


def said_of(
    entries: Sequence[EntryLine],
    *,
    pupil: PupilItem,
    row: Any,
    reference: str,
    decisions: Decisions,
    request: RedactedRecord,
    zone: str,
    share: Part | None = None,
) -> dict[str, Any]:
    """Return what is printed of a record, or of one part of it (`share`), from texts that hold nothing of what is left out."""
    texts = [text for entry in entries for text in reviewing.texts_of(entry, names=request.staff_names, zone=zone)]
    with_digest = [(text, reviewing.digest_of(text.written, salt=row.salt)) for text in texts]
    files = reviewing.files_of(entries, decided=decisions.files, zone=zone)
    return disclosing.document(
        reviewing.redacted(with_digest, decided=decisions.places),
        title=f"Record of {pupil.name}",
        school=request.school_name,
        facts={"School": request.school_name, "Pupil": pupil.name, "Asked for by": row.asker, "Our reference": reference},
        files=reviewing.attached(files, first=share.volume.files_before + 1 if share else 1),
        at=row.confirmed_at,
        share=share,
    )


def given_files(files: Sequence[FileShown], *, first: int = 1) -> list[GivenFile]:
    """Return the files that go with a record, under the names that its list says."""
    return [GivenFile(file_id=each.id, name=each.name, sha256=each.sha256) for each in reviewing.attached(files, first=first) if each.is_given]
