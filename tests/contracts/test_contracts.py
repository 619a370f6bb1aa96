"""What travels: every event, request and answer goes there and back, and events only ever gain fields."""

import importlib
import inspect
import json
import subprocess
import sys
import types
import typing
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import AwareDatetime, BaseModel
from pydantic_core import PydanticUndefined

from safekeep.contracts import Contract, Event, Request
from safekeep.errors import Invalid

OWNERS = ("identity", "incidents", "alerts", "files", "reports")
SNAPSHOTS = Path(__file__).with_name("snapshots")
ROOT = Path(__file__).resolve().parent.parent.parent


def contracts() -> list[type[Contract]]:
    """Every contract of every owner, nested ones too."""
    found: dict[str, type[Contract]] = {}  # by module too: two owners may call something alike

    def look(holder: Any) -> None:
        for value in vars(holder).values():
            if (
                inspect.isclass(value)
                and issubclass(value, Contract)
                and value.__module__ == holder_module
                and "[" not in value.__name__
                and f"{value.__module__}.{value.__qualname__}" not in found
            ):
                found[f"{value.__module__}.{value.__qualname__}"] = value
                look(value)

    for owner in OWNERS:
        module = importlib.import_module(f"safekeep.contracts.{owner}")
        holder_module = module.__name__
        look(module)
    return sorted(found.values(), key=lambda c: (c.__module__, c.__qualname__))


def events() -> list[type[Event]]:
    return [c for c in contracts() if issubclass(c, Event) and "name" in vars(c)]


def requests() -> list[type[Request[Any]]]:
    return [c for c in contracts() if issubclass(c, Request)]


# --- samples: one filled in everywhere, one with only what must be there -----------------------------------------------

PATTERNS = {
    "^[a-z]": "a_code",
    "^[A-Za-z_+-]": "Europe/London",
    "^[0-9a-f]{64}": "0f" * 32,
    "^[A-Za-z0-9_.:-]": "7",
    "^[0-9]{4}-": "2026-0001",
    "^[0-9a-f]": "00ff",
}


def sample(kind: type[BaseModel], *, full: bool) -> BaseModel:
    kind.model_rebuild()  # contracts that name a later one
    values = {}
    for name, field in kind.model_fields.items():
        if full or field.is_required():
            values[name] = value_of(field.annotation, field.metadata, full=full)
        elif field.default is not PydanticUndefined:
            values[name] = field.default
    return kind(**values)


def value_of(annotation: Any, metadata: list[Any], *, full: bool) -> Any:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return value_of(arguments[0], [*arguments[1:], *metadata], full=full)
    if origin is typing.Literal:
        return arguments[-1]
    if origin in (typing.Union, types.UnionType):
        some = next(a for a in arguments if a is not type(None))
        return value_of(some, metadata, full=full) if full else None
    if origin is list:
        return [value_of(arguments[0], [], full=full)] if full or _least(metadata) else []
    if origin is tuple:
        return tuple(value_of(argument, [], full=full) for argument in arguments)
    if origin is dict:
        return {value_of(arguments[0], [], full=full): value_of(arguments[1], [], full=full)} if full else {}
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return sample(annotation, full=full)
    if annotation is str:
        pattern = next((p for m in _flat(metadata) if (p := getattr(m, "pattern", None))), None)
        return next(v for start, v in PATTERNS.items() if pattern.startswith(start)) if pattern else "Zoë O’Brien 王小明"
    plain = {
        UUID: UUID("0190f5a0-0000-7000-8000-000000000001"),
        datetime: (moment := datetime(2026, 3, 1, 12, 47, 1, 250_000, tzinfo=UTC)),
        AwareDatetime: moment,
        date: date(2026, 3, 1),
        int: 7,
        bool: True,
        bytes: b"\x00\xff%PDF",
        Any: ["what a page shows"],
    }
    return plain[annotation]


def _flat(metadata: list[Any]) -> Iterator[Any]:
    for item in metadata:
        yield item
        yield from getattr(item, "metadata", [])


def _least(metadata: list[Any]) -> bool:
    return any(getattr(m, "min_length", 0) for m in _flat(metadata))


@pytest.mark.parametrize("full", [True, False], ids=["full", "least"])
@pytest.mark.parametrize("contract", contracts(), ids=lambda c: f"{c.__module__.rpartition('.')[2]}.{c.__qualname__}")
def test_every_contract_goes_there_and_back(contract: type[Contract], full: bool) -> None:
    """Through plain JSON, as both sides see it; and once more with a field that a newer release has added."""
    before = sample(contract, full=full)
    assert isinstance(before, Contract)
    travelled = json.loads(json.dumps(before.wire()))
    assert contract.receive(travelled) == before
    assert contract.receive({**travelled, "added_in_a_newer_release": 1}) == before


@pytest.mark.parametrize("contract", contracts(), ids=lambda c: f"{c.__module__.rpartition('.')[2]}.{c.__qualname__}")
def test_what_cannot_be_read_is_refused_without_an_echo(contract: type[Contract]) -> None:
    """Each field in turn holds a secret of the wrong type: the error names the field, never the value."""
    good = json.loads(json.dumps(sample(contract, full=True).model_dump(mode="json")))
    secret = [["Sarah said no"]]
    for field in good:
        with pytest.raises(Invalid) as refused:
            contract.receive({**good, field: secret})
        assert "Sarah" not in repr(refused.value.args)
        assert any(path.split(".")[0] == field for path in refused.value.problems), field


@pytest.mark.parametrize("request_class", requests(), ids=lambda c: c.method)
def test_a_request_names_its_method_and_its_answer(request_class: type[Request[Any]]) -> None:
    """The method is the owner's, and the answer it gets is the one of its type parameter."""
    assert request_class.method.partition(".")[0] == request_class.__module__.rpartition(".")[2]
    parameter = request_class.__mro__[1].__pydantic_generic_metadata__["args"][0]
    assert request_class.answer is parameter


NEVER_ASKED_A_DATABASE_WITH = {
    "session_token": "hashed first",
    "access_token": "hashed first",
    "token": "hashed first",
    "state": "hashed first",
    "browser_token": "hashed first",
    "pass_token": "signed: read when its signature is right",
    "key": "JSON of the browser's key, which a library reads",
    "code": "compared or hashed; a provider's own is handed back to the provider",
    "password": "hashed",
    "old": "hashed",
    "client_id": "of a program: read as an id, or as nobody's",
    "client_secret": "hashed",
    "error": "of a provider: only whether there is one",
    "issuer": "of a provider: compared",
    "slug": "of a role that waits: compared with the places that wait",
    "school_name": "printed on what the gateway asks for",
}
"""Texts of requests that may hold anything, and why: PostgreSQL takes no text with a NUL, and the caller would read that we cannot reach the records."""


@pytest.mark.parametrize("request_class", requests(), ids=lambda c: c.method)
def test_a_text_that_may_hold_anything_is_never_what_a_database_is_asked_with(request_class: type[Request[Any]]) -> None:
    anything = {name for name, field in request_class.model_fields.items() if field.annotation is str and not field.metadata}
    assert anything - NEVER_ASKED_A_DATABASE_WITH.keys() == set()


# --- events only gain --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", events(), ids=lambda e: e.name)
def test_an_event_is_as_its_snapshot_says(event: type[Event]) -> None:
    """A change shows as a difference of a file: `python -m tests.contracts` writes them again, and refuses what is not additive."""
    kept = SNAPSHOTS / f"{event.name}.json"
    assert kept.exists(), f"run python -m tests.contracts: {event.name} is new"
    assert json.loads(kept.read_text()) == schema_of(event), "run python -m tests.contracts"


def test_no_event_has_been_taken_away() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*.json")} == {event.name for event in events()}


def schema_of(event: type[Event]) -> dict[str, Any]:
    """Return an event's JSON schema with its name and version, without prose."""
    schema: dict[str, Any] = _without_prose(event.model_json_schema(mode="serialization"))
    return {"name": event.name, "version": event.version, **schema}


def _without_prose(node: Any) -> Any:
    if isinstance(node, dict):
        return {k: _without_prose(v) for k, v in node.items() if k not in {"description", "title"} or isinstance(v, dict)}
    return [_without_prose(item) for item in node] if isinstance(node, list) else node


def not_additive(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return what an older consumer, or an older event in a queue, could not live with. Raising the version allows it."""
    if after["version"] > before["version"]:
        return []
    return _not_additive(before, after, defs=(before.get("$defs", {}), after.get("$defs", {})), path="")


def _not_additive(before: dict[str, Any], after: dict[str, Any], *, defs: tuple[Any, Any], path: str) -> list[str]:
    wrong = []
    old, new = before.get("properties", {}), after.get("properties", {})
    for field in old:
        if field not in new:
            wrong.append(f"{path}{field} is gone")
        elif {k: v for k, v in old[field].items() if k != "default"} != {k: v for k, v in new[field].items() if k != "default"}:
            wrong.append(f"{path}{field} means something else")
    wrong += [f"{path}{field} is new and has no default" for field in new if field not in old and "default" not in new[field]]
    if not path:
        for name in defs[0]:
            wrong += [f"{name} is gone"] if name not in defs[1] else _not_additive(defs[0][name], defs[1][name], defs=({}, {}), path=f"{name}.")
    return wrong


BEFORE = {"version": 1, "properties": {"a": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("after", "refused"),
    [
        ({"version": 1, "properties": {"a": {"type": "integer"}, "b": {"type": "integer", "default": 0}}}, False),
        ({"version": 1, "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}, True),
        ({"version": 1, "properties": {"a": {"type": "string"}}}, True),
        ({"version": 1, "properties": {}}, True),
        ({"version": 2, "properties": {}}, False),
    ],
)
def test_only_additions_with_a_default_pass_without_a_new_version(after: dict[str, Any], refused: bool) -> None:
    assert bool(not_additive(BEFORE, after)) == refused


BUILDING = """
import sys, threading
from pydantic import ValidationError
from tests.contracts.test_contracts import contracts
sys.setswitchinterval(1e-5)
kinds, wrong = contracts(), []
def build():
    for kind in kinds:
        try:
            kind.model_validate({"not a field": 1})
            wrong.append((kind.__name__, "took what it must not"))
        except ValidationError:
            pass
        except Exception as error:
            wrong.append((kind.__name__, repr(error)))
threads = [threading.Thread(target=build) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
assert not wrong, wrong
"""


def test_a_contract_that_many_threads_use_first_at_once_is_built_whole() -> None:
    """The gateway's threads do, since a contract is built when it is first used, which pydantic does under a lock."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", BUILDING], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
