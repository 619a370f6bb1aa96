"""An attachment that must not be seen: one DSL blocks it at once, a second decides what becomes of it, and the ledger keeps that and why."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import receipts
from safekeep.contracts.incidents import Attached, BlockFile, DecideFile, PermitFile
from safekeep.errors import Conflict, NotAllowed, NotFound
from safekeep.ids import new_id
from safekeep.keys import Keys
from safekeep.permissions import Role
from services.incidents import ledger, store
from tests.make import create_person, create_pupil, create_school
from tests.services.incidents.desk import Desk


@pytest.fixture
def attached(desk: Desk, keys_folder: Path) -> Callable[..., UUID]:
    """Record an incident with a file, as the teacher; return the file's id."""
    signing = Keys.load(keys_folder / "process" / "files.json")

    def attach(**fields: Any) -> UUID:
        file = new_id()
        receipt = receipts.Receipt(file, "0" * 64, 9, "image/jpeg", desk.school.people["teacher"], desk.school.id)
        desk.record(receipts=[receipts.sign_receipt(keys=signing, receipt=receipt)], **fields)
        return file

    return attach


def block(desk: Desk, file: UUID, *, role: str = "dsl", **who: Any) -> None:
    desk.ask(BlockFile(file_id=file, reason="It should not have been taken"), role=role, **who)


def decide(desk: Desk, file: UUID, decision: str, *, role: str = "deputy_dsl", **who: Any) -> None:
    desk.ask(DecideFile(file_id=file, decision=decision, reason="DC Jones advised it, ref 123"), role=role, **who)


def opens(desk: Desk, file: UUID, *, role: str) -> str:
    """Return what somebody who asks for a pass to the file is answered: "yes", or the refusal's code."""
    try:
        desk.ask(PermitFile(file_id=file), role=role)
    except (Conflict, NotFound) as refused:
        return str(refused.args[0])
    return "yes"


def rows(desk: Desk, query: str) -> list[Any]:
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        return list(tx.execute(sa.text(query)))


def entered(desk: Desk, file: UUID) -> list[tuple[str, UUID, str]]:
    """Return what the ledger keeps of a file: what happened, who did it, and why, each held against what the chain commits to."""
    query = "select canonical, openings from ledger join ledger_openings using (school_id, sequence) order by sequence"
    found = [(json.loads(bytes(row.canonical)), row.openings) for row in rows(desk, query)]
    steps = [(entry, openings) for entry, openings in found if openings.get("values", {}).get("file") == str(file)]
    for entry, openings in steps:
        for name, value in openings["values"].items():
            assert entry["fields"][name] == ledger.field_commitment(name=name, salt=openings["fields"][name], value=value)
    return [(entry["kind"], UUID(entry["author"]), openings["values"]["reason"]) for entry, openings in steps]


def test_one_dsl_blocks_it_at_once_and_a_second_destroys_it_for_good(desk: Desk, attached: Callable[..., UUID]) -> None:
    """Nobody gets a pass from the moment it is blocked: not its author, not the DSL who blocked it. That it was there stays kept."""
    file, other = attached(), attached()
    assert {opens(desk, file, role=role) for role in ("dsl", "deputy_dsl", "teacher")} == {"yes"}
    block(desk, file)
    assert {opens(desk, file, role=role) for role in ("dsl", "deputy_dsl", "teacher")} == {"file_blocked"}
    assert opens(desk, other, role="teacher") == "yes"
    with pytest.raises(NotAllowed, match="second_person"):
        decide(desk, file, "destroy", role="dsl")
    assert opens(desk, file, role="dsl") == "file_blocked"
    decide(desk, file, "destroy")
    assert {opens(desk, file, role=role) for role in ("dsl", "deputy_dsl", "teacher")} == {"file_destroyed"}
    for role in ("dsl", "deputy_dsl"):
        with pytest.raises(Conflict, match="file_destroyed"):
            decide(desk, file, "give_back", role=role)
    assert entered(desk, file) == [
        ("file_blocked", desk.school.people["dsl"], "It should not have been taken"),
        ("file_destroyed", desk.school.people["deputy_dsl"], "DC Jones advised it, ref 123"),
    ]
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        assert store.attached(tx, school_id=desk.school.id, file_ids=[file]) == [file], "the entry still says that it had a file"


def test_files_is_told_of_each_step_once_and_of_no_reason(desk: Desk, attached: Callable[..., UUID]) -> None:
    file = attached()
    for _ in range(2):
        block(desk, file)
    for _ in range(2):
        decide(desk, file, "destroy")
    said = [(row.name, row.body) for row in rows(desk, "select name, body from outbox where name like 'incidents.file.%' order by id")]
    assert [name for name, _ in said] == ["incidents.file.blocked", "incidents.file.decided"]
    assert [body["file_id"] for _, body in said] == [str(file)] * 2
    assert said[1][1]["decision"] == "destroy"
    assert not any("reason" in body or "DC Jones" in str(body) for _, body in said)
    assert [kind for kind, _, _ in entered(desk, file)] == ["file_blocked", "file_destroyed"]


def test_what_was_given_back_is_as_before_and_can_be_blocked_again_by_whoever_gave_it_back(desk: Desk, attached: Callable[..., UUID]) -> None:
    file = attached()
    decide(desk, file, "give_back")  # what is not blocked is nobody's to give back: nothing happens
    with pytest.raises(Conflict, match="not_blocked"):
        decide(desk, file, "destroy")
    block(desk, file)
    decide(desk, file, "give_back")
    assert opens(desk, file, role="teacher") == "yes"
    block(desk, file, role="deputy_dsl")
    with pytest.raises(NotAllowed, match="second_person"):
        decide(desk, file, "destroy")
    decide(desk, file, "destroy", role="dsl")
    assert [kind for kind, _, _ in entered(desk, file)] == ["file_blocked", "file_given_back", "file_blocked", "file_destroyed"]


def test_who_may_not_read_the_entry_finds_no_file_and_other_roles_decide_nothing(desk: Desk, attached: Callable[..., UUID]) -> None:
    """A DSL whose own child it is about is answered as for a file that is not."""
    file = attached()
    parent = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    create_pupil(resources=desk.resources, school=desk.school, id=desk.pupil, relatives=(parent,))
    for unknown, who in ((file, {"person": parent}), (new_id(), {})):
        with pytest.raises(NotFound):
            block(desk, unknown, **who)
        with pytest.raises(NotFound):
            decide(desk, unknown, "destroy", role="dsl", **who)
    for role in ("teacher", "slt", "admin", "governor"):
        for step in (lambda role=role: block(desk, file, role=role), lambda role=role: decide(desk, file, "destroy", role=role)):
            with pytest.raises(NotAllowed, match="role"):
                step()
    assert opens(desk, file, role="teacher") == "yes"
    assert entered(desk, file) == []


def test_files_asks_which_of_its_files_an_entry_refers_to_and_which_were_destroyed(
    desk: Desk, attached: Callable[..., UUID], service_token_for: Any
) -> None:
    """Of these the sweep deletes none, and a restored backup's keys of those are destroyed again; nobody but files may ask, nor of another school."""
    kept, blocked, destroyed, unknown = attached(), attached(), attached(), new_id()
    for file in (blocked, destroyed):
        block(desk, file)
    decide(desk, destroyed, "destroy")
    request = Attached(file_ids=[kept, blocked, destroyed, unknown])
    answer = desk._ask(desk.service, request, token=service_token_for("files", desk.school.id))
    assert (set(answer.file_ids), answer.destroyed) == ({kept, blocked, destroyed}, [destroyed])
    elsewhere = desk._ask(desk.service, request, token=service_token_for("files", create_school(resources=desk.resources).id))
    assert (elsewhere.file_ids, elsewhere.destroyed) == ([], [])
    with pytest.raises(NotAllowed):
        desk.ask(request, role="dsl")
