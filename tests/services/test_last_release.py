"""What the last release published may still be in a queue when this one starts: each of its messages is taken by today's code."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from safekeep import bus
from safekeep.bus import Sealed
from safekeep.inbox import Inbox
from safekeep.rpc import Resources

RELEASED = Path(__file__).resolve().parents[1] / "contracts" / "released"


def messages(path: Path) -> list[Sealed]:
    """The messages of a release as they are unsealed."""
    found = []
    for kept in json.loads(path.read_text()):
        message = Sealed(kept)
        message.header = {"id": kept["event"]["id"], "type": kept["name"], "owner": kept["name"].partition(".")[0]}
        found.append(message)
    return found


@pytest.mark.parametrize("path", sorted(RELEASED.glob("*.json")), ids=lambda path: path.stem)
@pytest.mark.parametrize("service", bus.CONSUMES)
def test_every_message_of_a_release_before_is_taken_and_none_is_left_for_later(resources: Callable[..., Resources], service: str, path: Path) -> None:
    process = resources(service)
    box = Inbox(engine=process.engine, handlers=importlib.import_module(f"services.{service}.service").HANDLERS)
    heard = [m for m in messages(path) if any(m["name"].startswith(key.removesuffix("#")) for key in bus.CONSUMES[service])]
    assert heard or (service, path.stem) == ("identity", "0.1.0"), "identity heard nothing then"
    for message in heard:
        box.take(message)
    with process.transaction(process.worker_engine) as tx:
        left = [tuple(row) for row in tx.execute(sa.text("select body->>'name', cause from retries"))]
        taken = tx.execute(sa.text("select count(*) from inbox")).scalar_one()
    assert left == []
    assert taken == len(heard)


def test_a_release_is_kept_whole() -> None:
    """Every kind of event there was."""
    from tests.contracts.test_contracts import events

    newest = max(RELEASED.glob("*.json"), key=lambda path: tuple(map(int, path.stem.split("."))))
    kinds: set[Any] = {m["name"] for m in messages(newest)}
    assert kinds <= {event.name for event in events()}
    assert len(kinds) >= 9
