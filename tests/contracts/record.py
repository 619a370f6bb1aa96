"""Keeps the messages of this release as files, so that the next one's code is tried on them: `python -m tests.contracts.record READY VERSION`.

READY is the ready file of a running copy with its demonstration. From each owner's outbox come whole subjects, chosen so
that every kind of event is there; a kind that did not happen there is written as this release writes it.
"""

import json
import sys
from pathlib import Path
from typing import Any

import psycopg

from safekeep.contracts import Event
from safekeep.ids import new_id
from tests.contracts.test_contracts import events, sample

RELEASED = Path(__file__).with_name("released")


def main(ready: str, version: str) -> None:
    """Write tests/contracts/released/VERSION.json: a list of messages, in the order they were published."""
    urls = json.loads(Path(ready).read_text())["admin_urls"]
    kept: list[dict[str, Any]] = []
    school = None
    for owner in ("identity", "incidents", "alerts", "files"):
        with psycopg.connect(urls[owner]) as database:
            rows = database.execute("select id, school_id, name, version, body from outbox order by id").fetchall()
        if school is None:
            school = next(row[1] for row in rows if row[2] == "identity.school.changed")
        mine = [row for row in rows if row[1] == school]
        wanted, seen = set(), set()
        for _, _, name, _, body in sorted(mine, key=lambda row: row[4]["sequence"]):
            if name not in seen:
                seen.add(name)
                wanted.add(body["subject"])
        people = owner == "identity"  # everybody of the school: others name them
        kept += [{"name": n, "version": v, "event": b} for _, _, n, v, b in mine if people or b["subject"] in wanted]
    kept += [_written(event, like=kept) for event in events() if event.name not in {m["name"] for m in kept}]
    RELEASED.mkdir(exist_ok=True)
    (RELEASED / f"{version}.json").write_text(json.dumps(kept, indent=0, sort_keys=True) + "\n")
    print(f"{len(kept)} messages, {len({m['name'] for m in kept})} kinds")


def _written(event: type[Event], *, like: list[dict[str, Any]]) -> dict[str, Any]:
    """Return an event of a kind that did not happen, about people and an incident that are there."""
    person = next(m["event"]["person_id"] for m in like if m["name"] == "identity.staff.changed" and "teacher" in m["event"]["roles"])
    incident = next(m["event"] for m in like if m["name"] == "incidents.incident.recorded")
    body = sample(event, full=True).model_dump(mode="json")
    known = {name: incident[name] for name in ("incident_id", "entry_id", "school_id", "class_code", "category") if name in body}
    known |= {name: person for name in ("person_id", "author_id", "given_by") if name in body}
    return {"name": event.name, "version": event.version, "event": body | known | {"id": str(new_id()), "subject": str(new_id()), "sequence": 1}}


if __name__ == "__main__":
    main(*sys.argv[1:])
