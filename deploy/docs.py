"""Writes docs/events.md from the contracts: `python -m deploy.docs`. A test compares."""

import importlib
import inspect
from pathlib import Path
from typing import Any

from safekeep import bus
from safekeep.contracts import Event
from safekeep.database import SERVICES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "events.md"

_HEAD = """# Events

What the services tell each other, written by `python -m deploy.docs` from `safekeep/contracts/`. Every event also has `id`, `at`, `school_id`,
`subject` (what it is about) and `sequence` (1, 2, 3 … of its subject). Events hold ids, codes and times; never a name, a narrative or a file name.
They reach a consumer at least once and in any order: `safekeep/inbox.py` makes that exactly one effect, in order.
"""


def events() -> list[type[Event]]:
    """Return every event, in order of name."""
    modules = [importlib.import_module(f"safekeep.contracts.{owner}") for owner in SERVICES]
    found = {c for m in modules for c in vars(m).values() if inspect.isclass(c) and issubclass(c, Event) and "name" in vars(c)}
    return sorted(found, key=lambda c: c.name)


def hearers(event: type[Event]) -> list[str]:
    """Return the services that carry the event out (others may receive it only to keep count of its sequence)."""
    heard = []
    for service, keys in bus.CONSUMES.items():
        if any(event.name.startswith(key.removesuffix("#")) for key in keys):
            handlers = importlib.import_module(f"services.{service}.service").HANDLERS
            heard += [service] if event in handlers else []
    return heard


def page() -> str:
    """Return the page."""
    return _HEAD + "".join(f"\n{_section(event)}" for event in events())


def _section(event: type[Event]) -> str:
    schema = event.model_json_schema(mode="serialization")
    needed = set(schema.get("required", []))
    rows = [
        f"| `{name}` | {_kind(schema['properties'][name], schema.get('$defs', {}))}{'' if name in needed else ', may be missing'} |\n"
        for name in event.model_fields
        if name not in Event.model_fields
    ]
    says = inspect.cleandoc(event.__doc__ or "")
    carried = ", ".join(hearers(event)) or "nobody yet"
    return f"## {event.name}\n\n{says}\n\nVersion {event.version}; carried out by: {carried}.\n\n| field | holds |\n| --- | --- |\n{''.join(rows)}"


def _kind(node: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in node:
        inner = definitions[node["$ref"].rpartition("/")[2]]
        return "{" + ", ".join(f"{k}: {_kind(v, definitions)}" for k, v in inner["properties"].items()) + "}"
    if "anyOf" in node:
        return " or ".join(_kind(option, definitions) for option in node["anyOf"])
    if "enum" in node:
        return " or ".join(f"`{choice}`" for choice in node["enum"])
    if node.get("type") == "array":
        return f"list of {_kind(node['items'], definitions)}"
    if node.get("type") == "object":
        values = node.get("additionalProperties") or next(iter(node["patternProperties"].values()))
        return f"{{code: {_kind(values, definitions)}}}"
    if node.get("type") == "string":
        return {"uuid": "id", "date-time": "time", "date": "date"}.get(node.get("format", ""), "code")
    return {"integer": "number", "boolean": "yes or no", "null": "nothing"}[node["type"]]


if __name__ == "__main__":
    PAGE.write_text(page())
