"""The export, format 1: what is in the zip, and how its parts are written (docs/export.md)."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from safekeep.proof.chain import canonical

TYPE: Final = "safekeep-export"
VERSION: Final = 1

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.signature.json"
KEYS: Final = "keys.json"
ENTRIES: Final = "entries.jsonl"
INDEX: Final = "index.txt"
HEADS: Final = "heads.json"
NAMES: Final = "names.json"
SHOWN: Final = "shown.jsonl"
SUMMARY: Final = "summary.pdf"
README: Final = "README.txt"

PARTS: Final = (README, SUMMARY, KEYS, HEADS, INDEX, NAMES, ENTRIES)
"""What every export has besides the manifest and its signature; attached files stand under `files/`. Of some, SHOWN too: older ones have none."""

WITH_WORDS: Final = frozenset({"incident", "action", "correction", "status"})
"""Kinds that stand for a row of the record's own tables: what its pages show."""

STAYS: Final = frozenset({"author_name", "author_role", "number", "class", "categories", "occurred_at", "occurred_precision", "recipients"}) | {
    f"fact:{name}"
    for name in ("corrects", "hides_earlier", "assigned_to", "was_another", "called", "kept", "pupil", "status", "action", "of", "owner", "due")
}
"""The fields that stay when an entry's content is lawfully destroyed: codes, days and ids that who may read it, counts and the entry's place
rest on. All others, what anybody wrote or drew among them, go with their salts.
"""

SCOPES: Final = ("pupil", "incident", "school")
FILE: Final = re.compile(r"files/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LATITUDE_SECONDS: Final = 300
"""How far a clock may have been put back before an entry counts as backdated."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry in an export: its bytes, what opens its commitments as far as they are shown, and its place in the tree."""

    entry: str  # canonical, as hashed
    fields: Mapping[str, tuple[str, Any]]  # name → salt and value
    pupils: Sequence[Mapping[str, Any]]  # openings
    withheld: bool  # what it says is left out on purpose
    proof: Sequence[str] | None = None  # hashes in hexadecimal; none where all entries are there and the tree can be built

    def write(self) -> bytes:
        """Return its line. Salts and values stand as a pair, so that a member of a value is never taken for one of ours."""
        fields = {name: list(pair) for name, pair in self.fields.items()}
        line: dict[str, Any] = {"entry": self.entry, "fields": fields, "pupils": list(self.pupils), "withheld": self.withheld}
        if self.proof is not None:
            line["proof"] = list(self.proof)
        return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def index_line(*, sequence: int, kind: str, hash: str) -> bytes:
    """Return an entry's line in the index: number, kind, hash."""
    return f"{sequence} {kind} {hash}\n".encode()


def manifest(
    *,
    scope: str,
    scope_id: str,
    made_at: str,
    made_by: str,
    head: Mapping[str, Any],
    entries: int,
    threads: Mapping[str, tuple[int, str]],
    parts: Mapping[str, str],
) -> bytes:
    """Return the manifest, in its canonical form, to be signed: what the export is of, its head, and the SHA-256 of every other part.

    `threads`: pupil → how many entries their thread has, and the hash of the last.
    """
    return canonical(
        {
            "type": TYPE,
            "v": VERSION,
            "school": head["school"],
            "scope": {"kind": scope, "id": scope_id},
            "made_at": made_at,
            "made_by": made_by,
            "head": dict(head),
            "entries": entries,
            "threads": {pupil: {"count": count, "last": last} for pupil, (count, last) in threads.items()},
            "parts": dict(parts),
        }
    )


def digest(data: bytes) -> str:
    """Return the SHA-256 of a part in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
