"""A chronology that is read for a document: where the ledger stood, and the attachments of what is about the pupil."""

from pathlib import Path
from uuid import UUID

import pytest

from safekeep import receipts
from safekeep.contracts.incidents import BlockFile, Chronology, LinkedPupil
from safekeep.errors import NotFound
from safekeep.ids import new_id
from safekeep.keys import Keys
from safekeep.receipts import Receipt
from tests.make import create_pupil
from tests.services.incidents.desk import Desk


@pytest.fixture
def attach(desk: Desk, keys_folder: Path) -> "Attach":
    return Attach(desk, keys_folder)


class Attach:
    """Makes receipts of the teacher's."""

    def __init__(self, desk: Desk, keys_folder: Path) -> None:
        self.desk, self.signing = desk, Keys.load(keys_folder / "process" / "files.json")

    def __call__(self) -> tuple[UUID, str]:
        whose = {"author_id": self.desk.school.people["teacher"], "school_id": self.desk.school.id}
        file_id = new_id()
        receipt = Receipt(file_id=file_id, sha256="0" * 64, size=3, media_type="text/plain", **whose)
        return file_id, receipts.sign_receipt(keys=self.signing, receipt=receipt)


def test_an_export_says_where_the_ledger_stood_and_lists_files_with_a_pass_to_their_names_only(desk: Desk, attach: Attach, keys_folder: Path) -> None:
    (shown, first), (blocked, second) = attach(), attach()
    desk.record(receipts=[first, second])
    desk.ask(BlockFile(file_id=blocked, reason="Not to be seen"), role="dsl")
    last = desk.record()
    answer = desk.ask(Chronology(pupil_id=desk.pupil, use="export", reason="A core group"), role="dsl")
    assert answer.head is not None
    assert answer.head.entry_hash == last.entry_hash
    states = {file.id: file.state for item in answer.items for file in item.files}
    assert states == {shown: "kept", blocked: "blocked"}
    assert set(answer.passes) == {shown}
    keys = Keys.load(keys_folder / "process" / "files.json")
    whose = {"keys": keys, "token": answer.passes[shown], "file_id": shown, "school_id": desk.school.id}
    receipts.verify_pass(**whose, person_id=desk.school.people["dsl"], name_only=True)
    for more in ({"person_id": desk.school.people["dsl"]}, {"person_id": desk.school.people["slt"], "name_only": True}):
        with pytest.raises(NotFound):
            receipts.verify_pass(**whose, **more)


@pytest.mark.parametrize("use", ["read", "print"])
def test_reading_on_a_page_hands_out_no_pass(use: str, desk: Desk, attach: Attach) -> None:
    desk.record(receipts=[attach()[1]])
    answer = desk.ask(Chronology(pupil_id=desk.pupil, use=use), role="dsl")  # type: ignore[arg-type]
    assert (answer.head, answer.passes, [item.files for item in answer.items]) == (None, {}, [[]])


def test_another_pupils_files_do_not_go_along_where_this_one_is_only_linked(desk: Desk, attach: Attach) -> None:
    other = create_pupil(resources=desk.resources, school=desk.school)
    desk.record(receipts=[attach()[1]], linked_pupils=[LinkedPupil(pupil_id=other, part="witness")])
    of_both = [desk.ask(Chronology(pupil_id=pupil, use="export"), role="dsl") for pupil in (desk.pupil, other)]
    assert [(len(a.items), sum(len(i.files) for i in a.items), len(a.passes)) for a in of_both] == [(1, 1, 1), (1, 0, 0)]
