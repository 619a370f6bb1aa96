"""A long chronology is made in the background: step by step, in its asker's name, once; sealed, for who asked, for a day."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from safekeep import clock, printing
from safekeep.contracts.incidents import Chronology
from safekeep.contracts.reports import ChronologyPdf, DocumentItem, DocumentPiece, MyDocuments
from safekeep.errors import NotAllowed, NotFound, TooMuchRead, Unavailable
from safekeep.ids import new_id
from safekeep.rpc import Resources
from services.reports.service import Service, documents
from tests.identity_beside import change_roles, identity_beside
from tests.make import MadeSchool
from tests.services.reports.test_chronology_pdf import A_FILE, Files, Incidents, a_line

SCHOOL = MadeSchool(new_id(), {"dsl": new_id(), "teacher": new_id()})
NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)
ENTRIES = 9
PAGE = 2
SECRET = "She said that the lodger shouts"


class Desk:
    """Reports with identity itself, and incidents that has one pupil's nine entries; a worker of it can be another process."""

    def __init__(self, resources: Callable[..., Resources], ask: Callable[..., Any], token_for: Callable[..., str]) -> None:
        self.host, self._ask, self._token_for = resources("reports"), ask, token_for
        self.identity = identity_beside(resources=resources("identity"), school=SCHOOL)
        self.pupil = new_id()
        entries = [a_line(n, text=f"{SECRET} {n}", files=[A_FILE.model_copy(update={"id": new_id()})]) for n in range(ENTRIES)]
        self.incidents, self.files = Incidents(entries=entries, known=self.pupil), Files()
        self.service = self.worker()

    def worker(self) -> Service:
        made = Service()
        made.host, made.identity, made.incidents, made.files = self.host, self.identity, self.incidents, self.files
        return made

    def ask(self, request: Any, *, role: str = "dsl", **more: Any) -> Any:
        token = self._token_for(roles=[role], school_id=SCHOOL.id, person_id=SCHOOL.people[role], **more)
        return self._ask(self.service, request, token=token)

    def wants(self, form: str = "csv", **chosen: Any) -> ChronologyPdf:
        about = Chronology(pupil_id=self.pupil, reason="About the lodger", **chosen)
        return ChronologyPdf(id=new_id(), chronology=about, school_name="Elm Tree", category_names={}, form=form)  # type: ignore[arg-type]

    def item(self) -> DocumentItem:
        (found,) = self.ask(MyDocuments()).items
        assert isinstance(found, DocumentItem)
        return found

    def fetched(self) -> bytes:
        item = self.item()
        return b"".join(self.ask(DocumentPiece(document_id=item.id, number=number)).data for number in range(item.pieces))

    def told(self) -> list[str]:
        with self.host.transaction(self.host.worker_engine) as tx:
            return list(tx.execute(sa.text("select body->>'outcome' from outbox where name = 'reports.document.done'")).scalars())

    def kept(self) -> str:
        """Everything that the database holds of documents, as text."""
        with self.host.transaction(self.host.engine, school_id=SCHOOL.id) as tx:
            tables = ("documents", "document_pieces", "document_turns")
            return "\n".join(str(row) for table in tables for row in tx.execute(sa.text(f"select {table}::text from {table}")))


@pytest.fixture
def desk(
    resources: Callable[..., Resources], ask_service: Callable[..., Any], token_for: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.setattr(documents, "PAGE", PAGE)
    monkeypatch.setattr(documents, "AT_ONCE", ENTRIES - 1)
    monkeypatch.setattr(documents, "PIECE", 1_000)
    with clock.set_to(NOW):
        yield Desk(resources, ask_service, token_for)


def later(by: dt.timedelta) -> Any:
    return clock.set_to(NOW + by)


@pytest.mark.parametrize("form", ["pdf", "docx", "csv"])
def test_a_long_one_is_made_after_the_answer_and_is_the_same_as_one_made_at_once(form: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read a page at a time by the same filters, handed out in pieces, and its asker told once."""
    wanted = desk.wants(form, words="lodger")
    answer = desk.ask(wanted)
    assert (answer.later, answer.data, len(desk.incidents.calls)) == (True, b"", 1)
    waiting = desk.item()
    assert (waiting.state, waiting.entries, waiting.entries_read, waiting.form) == ("wanted", ENTRIES, PAGE, form)
    desk.service.make_documents()
    done = desk.item()
    assert (done.state, done.entries_read, done.pieces > 1) == ("ready", ENTRIES, True)
    assert {(c["body"]["words"], c["body"]["use"], c["body"]["reason"]) for c in desk.incidents.calls} == {("lodger", "export", "About the lodger")}
    assert desk.told() == ["ready"]
    monkeypatch.setattr(documents, "AT_ONCE", ENTRIES)
    at_once = desk.ask(wanted.model_copy(update={"id": new_id()}))
    assert desk.fetched() == at_once.data
    if form == "csv":
        assert all(f"{SECRET} {n}" in at_once.data.decode() for n in range(ENTRIES))
        assert at_once.data.decode().count("scan ") == ENTRIES, "each file is named"


def test_asking_twice_under_one_id_makes_one_document(desk: Desk) -> None:
    wanted = desk.wants()
    desk.ask(wanted)
    desk.ask(wanted)
    desk.service.make_documents()
    desk.service.make_documents()
    assert (desk.item().state, desk.told()) == ("ready", ["ready"])


class Killed(BaseException):
    """The worker's process ends here."""


def test_a_worker_that_is_killed_between_two_steps_leaves_it_to_another_which_goes_on_there(desk: Desk) -> None:
    """Killed over the third page: what was read before is not read again, and the document comes once."""
    desk.ask(desk.wants())
    read = desk.incidents.chronology

    def dies(call: dict[str, Any]) -> dict[str, Any]:
        if len(desk.incidents.calls) == 2:
            raise Killed
        return read(call)

    desk.incidents.chronology = dies
    with pytest.raises(Killed):
        desk.service.make_documents()
    desk.incidents.chronology = read
    other = desk.worker()
    other.make_documents()
    assert (desk.item().state, desk.item().entries_read) == ("wanted", 2 * PAGE), "it is somebody's until they have said nothing for two minutes"
    with later(documents.CLAIMED_FOR):
        other.make_documents()
        assert desk.item().state == "ready"
        assert [int(c["body"]["cursor"] or 0) for c in desk.incidents.calls] == [0, 2, 4, 6, 8]
        assert desk.told() == ["ready"]
        text = desk.fetched().decode()
    assert [text.count(f"{SECRET} {n}") for n in range(ENTRIES)] == [1] * ENTRIES


@pytest.mark.parametrize("at", ["a page", "the document"])
def test_two_workers_over_the_same_step_do_it_once(at: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One is so slow that it is taken for dead, and ends after the other has: every entry stands there once, and its asker is told once."""
    wanted = desk.wants()
    desk.ask(wanted)
    slow, quick, here = desk.service, desk.worker(), {"school_id": SCHOOL.id, "id": wanted.id}
    if at == "a page":
        read = desk.incidents.chronology

        def overtaken(call: dict[str, Any]) -> dict[str, Any]:
            desk.incidents.chronology = read
            while quick.do_step(**here):
                pass
            return read(call)

        desk.incidents.chronology = overtaken
    else:
        make = documents.made

        def made(*given: Any, **named: Any) -> Any:
            monkeypatch.setattr(documents, "made", make)
            quick.do_step(**here)
            return make(*given, **named)

        monkeypatch.setattr(documents, "made", made)
    slow.make_documents()
    text = desk.fetched().decode()
    assert [text.count(f"{SECRET} {n}") for n in range(ENTRIES)] == [1] * ENTRIES
    assert desk.told() == ["ready"]


@pytest.mark.parametrize(("roles", "active"), [(["governor"], True), (["dsl"], False)], ids=["another role", "left the school"])
def test_whoever_loses_their_role_meanwhile_gets_none_and_nothing_of_it_is_kept(roles: list[str], active: bool, desk: Desk) -> None:
    desk.ask(desk.wants())
    change_roles(desk.identity, school=SCHOOL, person=SCHOOL.people["dsl"], roles=roles, active=active)
    desk.service.make_documents()
    assert (desk.item().state, desk.item().why, desk.told()) == ("failed", "role", ["failed"])
    assert "read" not in desk.kept().replace("entries_read", "")
    with pytest.raises(NotFound):
        desk.ask(DocumentPiece(document_id=desk.item().id, number=0))


def test_who_has_fewer_roles_than_when_they_asked_cannot_fetch_it(desk: Desk) -> None:
    """It holds what they read as a DSL: as a teacher they would read less. With more roles they can."""
    desk.ask(desk.wants())
    desk.service.make_documents()
    id_ = desk.item().id
    assert desk.fetched()
    mine = {"school_id": SCHOOL.id, "person_id": SCHOOL.people["dsl"]}
    for roles, opens in ((["teacher"], False), (["dsl", "teacher"], True)):
        token = desk._token_for(roles=roles, **mine)
        if opens:
            assert desk._ask(desk.service, DocumentPiece(document_id=id_, number=0), token=token).data
        else:
            with pytest.raises(NotFound):
                desk._ask(desk.service, DocumentPiece(document_id=id_, number=0), token=token)


def test_nobody_else_sees_or_fetches_it_nor_who_asked_without_their_second_factor(desk: Desk) -> None:
    desk.ask(desk.wants())
    desk.service.make_documents()
    piece = DocumentPiece(document_id=desk.item().id, number=0)
    assert desk.ask(MyDocuments(), role="teacher").items == []
    with pytest.raises(NotFound):
        desk.ask(piece, role="teacher")
    with pytest.raises(NotAllowed) as refused:
        desk.ask(piece, second_factor_at=NOW - dt.timedelta(minutes=16))
    assert refused.value.reason == "step_up"
    with pytest.raises(NotFound):
        desk.ask(DocumentPiece(document_id=piece.document_id, number=desk.item().pieces))


def test_the_database_holds_no_word_of_it_and_after_a_day_nothing(desk: Desk) -> None:
    """Neither while it is made nor when it is ready; and a control: the words are there once it is opened."""
    desk.ask(desk.wants(words="lodger"))
    while_made = desk.kept()
    desk.service.make_documents()
    ready = desk.kept()
    for said in (SECRET, "lodger", "scan ", "Ann Writer", "Sarah Example"):
        assert said not in while_made + ready, said
    assert SECRET in desk.fetched().decode()
    with later(dt.timedelta(days=1, seconds=1)):
        assert desk.ask(MyDocuments()).items == []
        desk.service.make_documents()
        assert desk.kept() == ""


@pytest.mark.parametrize(
    ("error", "waits"), [(Unavailable("incidents", "not_done"), 15), (TooMuchRead(1_200), 1_200)], ids=["a service is away", "too much was read"]
)
def test_what_passes_is_waited_for_and_gone_on_after(error: Exception, waits: int, desk: Desk) -> None:
    desk.ask(desk.wants())
    read = desk.incidents.chronology

    def refuses(call: dict[str, Any]) -> dict[str, Any]:
        raise error

    desk.incidents.chronology = refuses
    desk.service.make_documents()
    desk.incidents.chronology = read
    with later(dt.timedelta(seconds=waits - 1)):
        desk.service.make_documents()
        assert desk.item().state == "wanted"
    with later(dt.timedelta(seconds=waits)):
        desk.service.make_documents()
        assert (desk.item().state, desk.told()) == ("ready", ["ready"])


def test_what_cannot_be_printed_and_what_takes_longer_than_a_day_is_said_to_have_failed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any, **__: Any) -> Any:
        raise printing.NotPrinted

    desk.ask(desk.wants())
    monkeypatch.setattr(documents, "made", refuses)
    desk.service.make_documents()
    assert (desk.item().state, desk.item().why) == ("failed", "not_printed")
    with later(dt.timedelta(hours=1)):
        desk.ask(desk.wants())
    with later(dt.timedelta(hours=25)):
        desk.service.make_documents()  # the first one is over
        desk.service.make_documents()
        assert (desk.item().state, desk.item().why, desk.told()) == ("failed", "too_late", ["failed", "failed"])
