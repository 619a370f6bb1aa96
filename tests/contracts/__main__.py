"""Writes the snapshots of the events again: `python -m tests.contracts`. Refuses a change that is not additive."""

import json
import sys

from tests.contracts.test_contracts import SNAPSHOTS, events, not_additive, schema_of

for event in events():
    path, schema = SNAPSHOTS / f"{event.name}.json", schema_of(event)
    wrong = not_additive(json.loads(path.read_text()), schema) if path.exists() else []
    if wrong:
        sys.exit(f"{event.name}: {'; '.join(wrong)}. Add fields with a default, or raise the version.")
    path.write_text(json.dumps(schema, indent=2, sort_keys=True) + "\n")
