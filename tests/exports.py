"""Makes ledgers and exports without a database: for the tests of `safekeep verify`, and its bench."""

import base64
import datetime as dt
import json
import os
import random
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safekeep.proof import export, heads
from safekeep.proof.heads import Head, Signed
from safekeep.proof.merkle import Tree, leaf_hash
from services.incidents import exporting, ledger
from services.incidents.exporting import Kept, Wanted
from tests.make import GOOD_EXAMPLE

START = dt.datetime(2026, 1, 5, 8, 30, tzinfo=dt.UTC)


@dataclass
class MadeLedger:
    """A school's ledger as the database would hold it, an entry an hour."""

    school: UUID = field(default_factory=uuid4)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    rows: list[Kept] = field(default_factory=list)
    threads: dict[UUID, tuple[int, str]] = field(default_factory=dict)
    heads: list[Signed] = field(default_factory=list)
    pupils: list[UUID] = field(default_factory=lambda: [uuid4() for _ in range(5)])
    attachment: bytes = b"a photograph"

    def grow(self, count: int) -> "MadeLedger":
        """Add that many entries: two in three are incidents, the others actions below the last one; now and then a pupil is linked."""
        dice = random.Random(len(self.rows))  # noqa: S311 - made-up records
        for _ in range(count):
            number = len(self.rows) + 1
            kind = "action" if number % 3 == 0 else "incident"
            about = [dice.choice(self.pupils)] if kind == "incident" else self._last
            if kind == "incident" and number % 4 == 0:
                about = list(dict.fromkeys([*about, dice.choice(self.pupils)]))
            self._last = about
            incident = uuid4() if kind == "incident" else self._incident
            self._incident = incident
            self._append(number=number, kind=kind, about=about, incident=incident, entry=incident if kind == "incident" else uuid4())
        return self

    def _append(self, *, number: int, kind: str, about: Sequence[UUID], incident: UUID, entry: UUID) -> None:
        facts: dict[str, Any] = {"kind": "conversation", "place": "", "action_taken": "Told the DSL in person.", "described_pupil": ""}
        facts |= {"told": {"whom": "", "when": "", "not_yet": False}, "at_risk_now": False, "body_map_id": None}
        files = []
        if number == 2:
            files = [{"id": str(uuid4()), "sha256": export.digest(self.attachment), "size": len(self.attachment), "media_type": "image/jpeg"}]
        fields = ledger.entry_fields(
            author_name="Test Person",
            author_role="teacher",
            number=f"2026-{number:04d}",
            class_code="safeguarding",
            categories=["safeguarding_concern"],
            text=f"{number}. {GOOD_EXAMPLE}",
            occurred_at=START + dt.timedelta(hours=number - 1),
            occurred_precision="exact",
            recipients=[{"person_id": str(self.school), "because": ["safeguarding_team"]}],
            files=files,
            facts=facts if kind == "incident" else {},
        )
        threads = [ledger.PupilThread(p, "witness" if at else "pupil", *self.threads.get(p, (0, ledger.BEGINNING))) for at, p in enumerate(about)]
        place = self._place(number, kind=kind, incident=incident, entry=entry, fields=fields, threads=threads)
        for thread in threads:
            self.threads[thread.pupil_id] = thread.count + 1, place.hash
        happened, at = START + dt.timedelta(hours=number - 1), START + dt.timedelta(hours=number)
        when = {"recorded_at": at, "occurred_at": happened, "placed_at": happened, "ledger_sequence": number}
        row = {"id": entry, "incident_id": incident, "author_id": self.school, "kind": kind} | when
        self.rows.append(Kept(number, place.canonical, place.hash, place.openings["fields"], place.openings["pupils"], fields, row=row))

    def say(self, kind: str, fields: dict[str, Any]) -> None:
        """Add an entry without a row of its own, in nobody's thread."""
        number, id_ = len(self.rows) + 1, uuid4()
        place = self._place(number, kind=kind, incident=id_, entry=id_, fields=fields, threads=[])
        self.rows.append(Kept(number, place.canonical, place.hash, place.openings["fields"], place.openings["pupils"], fields))

    def _place(
        self, number: int, *, kind: str, incident: UUID, entry: UUID, fields: dict[str, Any], threads: list[ledger.PupilThread]
    ) -> ledger.LedgerEntry:
        """Return the next place in the ledger, an hour after the one before."""
        return ledger.append(
            school_id=self.school,
            sequence=number,
            at=START + dt.timedelta(hours=number),
            author_id=self.school,
            kind=kind,
            incident_id=incident,
            entry_id=entry,
            fields=fields,
            pupils=threads,
            previous=self.rows[-1].hash if self.rows else ledger.BEGINNING,
            salts=[base64.b64encode(os.urandom(16)).decode() for _ in range(len(fields) + len(threads))],
        )

    def sign(self, *, key: Ed25519PrivateKey | None = None, minutes: int = 1, name: str = "ledger-1") -> Signed:
        """Sign a head over all there is, some minutes after the last entry."""
        at = START + dt.timedelta(hours=len(self.rows), minutes=minutes)
        root = self.tree().root().hex()
        head = Head(school=str(self.school), size=len(self.rows), root=root, last=self.rows[-1].hash, at=_stamp(at))
        self.heads.append(heads.sign(head=head, key=name, private=key or self.key))
        return self.heads[-1]

    def tree(self) -> Tree:
        return Tree([leaf_hash(row.canonical) for row in self.rows])

    def export(self, path: Path, *, scope: str = "school", scope_id: UUID | None = None, withhold: Sequence[int] = (), tables: bool = True) -> Path:
        """Write an export as of the last head signed; without `tables` as exports were that did not say what the record's pages show."""
        wanted = Wanted(scope=scope, scope_id=scope_id or self.school, made_by=self.school, made_at=self.heads[-1].head.at)
        rows = [row for row in self.rows if _belongs(row, wanted)]
        rows = [replace(r, shown=r.sequence not in withhold, row=r.row if tables else None) for r in rows]
        own = {str(p): thread for p, thread in self.threads.items() if scope == "school" or p == scope_id}
        files = {f"files/{f['id']}": f["sha256"] for r in rows if r.shown for f in _files(r)}
        parts: dict[str, list[bytes]] = {}
        exporting.make(
            wanted=wanted,
            rows=rows,
            tree=self.tree(),
            heads=self.heads,
            threads=own if scope != "incident" else {},
            keys={"ledger-1": heads.public_of(self.key)},
            names={"school": "Hillside Primary"},
            others={export.README: b"How to read this.\n", export.SUMMARY: b"%PDF-1.7\n"},
            files=files,
            sign=self._sign,
            write=lambda name, data: parts.setdefault(name, []).append(data),
        )
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, held in parts.items():
                with archive.open(name, "w") as part:
                    for data in held:
                        part.write(data)
            for name in files:
                archive.writestr(name, self.attachment)
        return path

    def _sign(self, data: bytes) -> tuple[str, str]:
        return "ledger-1", base64.b64encode(self.key.sign(data)).decode()


def _belongs(row: Kept, wanted: Wanted) -> bool:
    if wanted.scope == "pupil":
        return any(p["pupil"] == str(wanted.scope_id) for p in row.pupils)
    return wanted.scope == "school" or json.loads(row.canonical)["incident"] == str(wanted.scope_id)


def _files(row: Kept) -> list[dict[str, Any]]:
    return [value for name, value in (row.values or {}).items() if name.startswith("file:")]


def _stamp(at: dt.datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rewritten(path: Path, to: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Copy an export, its parts changed by a function."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return to
