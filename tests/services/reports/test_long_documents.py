"""A long chronology is made in the background: step by step, in its asker's name, once; sealed, for who asked, for a day."""

import datetime as dt
import hashlib
import io
from collections.abc import Callable, Iterator
from typing import Any

import pypdf
import pytest
import sqlalchemy as sa

from safekeep import clock, printing
from safekeep.contracts.incidents import Chronology
from safekeep.contracts.reports import ChronologyPdf, DocumentItem, DocumentPiece, MyDocuments
from safekeep.errors import NotAllowed, NotFound, TooMuchRead, Unavailable
from safekeep.ids import new_id
from safekeep.rpc import Resources
from services.reports import chronology, press, volumes
from services.reports.service import Service, long_documents, printing_apart
from tests.bench.reports import measured
from tests.identity_beside import change_roles, identity_beside
from tests.make import MadeSchool
from tests.services.reports.test_chronology_pdf import A_FILE, Files, Incidents, a_line, a_pupil, is_tagged_archive, words_of

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

    def part(self, number: int) -> bytes:
        item = self.item()
        part = item.parts[number - 1]
        pieces = range(part.first_piece, part.first_piece + part.pieces)
        return b"".join(self.ask(DocumentPiece(document_id=item.id, number=piece)).data for piece in pieces)

    def told(self) -> list[str]:
        with self.host.transaction(self.host.worker_engine) as tx:
            return list(tx.execute(sa.text("select body->>'outcome' from outbox where name = 'reports.document.done'")).scalars())

    def kept(self) -> str:
        """Everything that the database holds of documents, as text."""
        with self.host.transaction(self.host.engine, school_id=SCHOOL.id) as tx:
            tables = ("documents", "document_parts", "document_pieces", "document_turns")
            return "\n".join(str(row) for table in tables for row in tx.execute(sa.text(f"select {table}::text from {table}")))


@pytest.fixture
def desk(
    resources: Callable[..., Resources], ask_service: Callable[..., Any], token_for: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.setattr(long_documents, "PAGE", PAGE)
    monkeypatch.setattr(long_documents, "AT_ONCE", ENTRIES - 1)
    monkeypatch.setattr(long_documents, "PIECE", 1_000)
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
    monkeypatch.setattr(long_documents, "AT_ONCE", ENTRIES)
    at_once = desk.ask(wanted.model_copy(update={"id": new_id()}))
    assert desk.fetched() == at_once.data
    if form == "csv":
        assert all(f"{SECRET} {n}" in at_once.data.decode() for n in range(ENTRIES))
        assert at_once.data.decode().count("scan ") == ENTRIES, "each file is named"


@pytest.mark.parametrize("form", ["pdf", "docx", "csv"])
def test_a_long_one_says_too_whether_all_that_was_read_for_it_is_unaltered(form: str, desk: Desk) -> None:
    """One page of five was not compared yet: of the whole no more is said."""
    desk.incidents.states = ["unaltered", "unaltered", "checking", "unaltered", "unaltered"]
    desk.ask(desk.wants(form).model_copy(update={"proof_address": "https://safekeep.test/s/elm/proof"}))
    desk.service.make_documents()
    said = "".join(words_of(form, desk.fetched()).split())
    assert "Beingverified:noteveryentryhere" in said
    assert "https://safekeep.test/s/elm/proof" in said


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
    with later(long_documents.CLAIMED_FOR):
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
        make = long_documents.printed_chronology

        def made(**named: Any) -> Any:
            monkeypatch.setattr(long_documents, "printed_chronology", make)
            quick.do_step(**here)
            return make(**named)

        monkeypatch.setattr(long_documents, "printed_chronology", made)
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
    monkeypatch.setattr(long_documents, "printed_chronology", refuses)
    desk.service.make_documents()
    assert (desk.item().state, desk.item().why) == ("failed", "not_printed")
    with later(dt.timedelta(hours=1)):
        desk.ask(desk.wants())
    with later(dt.timedelta(hours=25)):
        desk.service.make_documents()  # the first one is over
        desk.service.make_documents()
        assert (desk.item().state, desk.item().why, desk.told()) == ("failed", "too_late", ["failed", "failed"])


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of four entries: of the nine, three parts, none of which begins where a page does but the second."""
    monkeypatch.setattr(volumes, "MOST_ENTRIES", 4)


@pytest.mark.usefixtures("short_parts")
@pytest.mark.parametrize("form", ["pdf", "docx"])
def test_a_long_one_comes_in_parts_each_a_whole_document_that_says_which_it_is(form: str, desk: Desk) -> None:
    """Every entry once, in order; the first says what is in all of them; each page of a PDF which part it is of; each an archive, tagged."""
    desk.ask(desk.wants(form))
    desk.service.make_documents()
    item = desk.item()
    assert (item.state, item.parts_wanted, item.parts_printed, [part.entries for part in item.parts]) == ("ready", 3, 3, [4, 4, 1])
    assert [(str(part.earliest), str(part.latest)) for part in item.parts] == [
        ("2026-06-28", "2026-07-01"),
        ("2026-06-24", "2026-06-27"),
        ("2026-06-23", "2026-06-23"),
    ]
    parts = [desk.part(number) for number in (1, 2, 3)]
    assert b"".join(parts) == desk.fetched()
    assert [hashlib.sha256(data).hexdigest() for data in parts] == [part.sha256 for part in item.parts]
    said = [words_of(form, data) for data in parts]
    assert [[n for n in range(ENTRIES) if f"{SECRET} {n}" in words] for words in said] == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    for number, (words, period, shown) in enumerate(
        zip(said, ("June 2026 to July 2026", "June 2026", "June 2026"), ("1 to 4 of 9", "5 to 8 of 9", "9 to 9 of 9"), strict=True), start=1
    ):
        assert f"Chronology of Sarah Example, part {number} of 3: {period}" in words
        assert f"Chronology of Sarah Example, part {number} of 3, printed" in words, "at the foot"
        assert f"{shown}, newest first" in words
        assert ("Entries by month" in words, "Part Months Entries" in words) == (number == 1, number == 1)
    assert "June 2026 8 " in said[0].replace("Entries by month Month Entries As a bar ", "").replace("Month Entries ", "")
    if form == "pdf":
        assert all(is_tagged_archive(data) for data in parts)
        for number, data in enumerate(parts, start=1):
            pages = [" ".join(page.extract_text().split()) for page in pypdf.PdfReader(io.BytesIO(data)).pages]
            assert all(f"part {number} of 3" in page and f"page {n} of {len(pages)}" in page for n, page in enumerate(pages, start=1))


@pytest.mark.usefixtures("short_parts")
def test_a_list_for_a_spreadsheet_is_one_file_however_long_it_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = desk.wants("csv")
    desk.ask(wanted)
    desk.service.make_documents()
    item = desk.item()
    assert (item.parts_wanted, [(part.entries, str(part.earliest), part.size) for part in item.parts]) == (3, [(9, "2026-06-23", item.size)])
    monkeypatch.setattr(long_documents, "AT_ONCE", ENTRIES)
    assert desk.fetched() == desk.ask(wanted.model_copy(update={"id": new_id()})).data


@pytest.mark.usefixtures("short_parts")
def test_what_is_left_out_is_left_out_before_parts_are_planned(desk: Desk) -> None:
    """Of nine entries six are of a class that was not asked for: one part, which says nothing of parts."""
    desk.incidents.entries = [e.model_copy(update={"class_code": "protection"}) if n % 3 else e for n, e in enumerate(desk.incidents.entries)]
    for class_codes, counts in ((["welfare"], [3]), (["general"], [0])):
        desk.ask(desk.wants("pdf").model_copy(update={"class_codes": class_codes}))
        desk.service.make_documents()
        item = max(desk.ask(MyDocuments()).items, key=lambda each: each.id)
        assert (item.state, [part.entries for part in item.parts]) == ("ready", counts)
        data = b"".join(desk.ask(DocumentPiece(document_id=item.id, number=number)).data for number in range(item.pieces))
        assert ("part 1" in words_of("pdf", data), "No entries that you may read" in words_of("pdf", data)) == (False, counts == [0])


@pytest.mark.usefixtures("short_parts")
def test_a_worker_that_is_killed_over_a_part_leaves_it_to_another_which_prints_no_part_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the parts are the bytes they would have been: a day of a month on every page is that of the asking."""
    print_, numbers = long_documents.printed_chronology, list[int]()

    def dies(**named: Any) -> bytes:
        numbers.append(named["part"].number)
        if len(numbers) == 2:
            raise Killed
        return print_(**named)

    monkeypatch.setattr(long_documents, "printed_chronology", dies)
    wanted = desk.wants("pdf")
    desk.ask(wanted)
    with pytest.raises(Killed):
        desk.service.make_documents()
    assert (desk.item().parts_printed, desk.item().parts_wanted, desk.item().state) == (1, 3, "wanted")
    other = desk.worker()
    with later(long_documents.CLAIMED_FOR):
        other.make_documents()
        assert (numbers, desk.item().state, desk.told()) == ([1, 2, 2, 3], "ready", ["ready"])
        resumed = [desk.part(number) for number in (1, 2, 3)]
    with desk.host.transaction(desk.host.engine, school_id=SCHOOL.id) as tx:
        tx.execute(sa.text("delete from documents"))
    desk.ask(wanted)
    desk.service.make_documents()
    assert [desk.part(number) for number in (1, 2, 3)] == resumed


@pytest.mark.usefixtures("short_parts")
def test_who_loses_their_role_between_two_parts_gets_none_of_them(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    print_ = long_documents.printed_chronology

    def leaves(**named: Any) -> bytes:
        change_roles(desk.identity, school=SCHOOL, person=SCHOOL.people["dsl"], roles=["governor"])
        return print_(**named)

    monkeypatch.setattr(long_documents, "printed_chronology", leaves)
    desk.ask(desk.wants("pdf"))
    desk.service.make_documents()
    item = desk.item()
    assert (item.state, item.why, item.parts, item.size) == ("failed", "role", [], 0)
    assert "|made|" not in desk.kept()
    assert ",made," not in desk.kept()


def test_printing_that_is_ended_from_outside_is_begun_again_and_after_three_times_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory may be short for a moment only; what kills the printer each time is not tried for ever."""
    print_, calls = long_documents.printed_chronology, list[int]()
    for times, state in ((2, "ready"), (9, "failed")):

        def ended(**named: Any) -> bytes:
            calls.append(1)
            if len(calls) <= times:  # noqa: B023 - called within this turn
                raise printing_apart.PressEnded
            return print_(**named)

        monkeypatch.setattr(long_documents, "printed_chronology", ended)
        calls.clear()
        wanted = desk.wants("pdf")
        desk.ask(wanted)
        for turn in range(4):
            with later(turn * long_documents.LATER):
                desk.service.make_documents()
        item = next(each for each in desk.ask(MyDocuments()).items if each.id == wanted.id)
        assert (item.state, len(calls)) == (state, 3)
        assert item.why == ("" if state == "ready" else "not_printed")


def test_a_large_document_is_printed_by_a_child_that_is_told_nothing_but_what_it_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes as here; no setting of the service's in its environment; what cannot be printed is said to be so, what ends it too."""
    said = a_document(200)
    here = press.printed(said, form="pdf")
    begun = list[dict[str, Any]]()
    open_ = printing_apart.subprocess.Popen

    def child(command: list[str], **how: Any) -> Any:
        begun.append(how)
        return open_(command, **how)

    monkeypatch.setattr(printing_apart.subprocess, "Popen", child)
    assert printing_apart.printed(said, form="pdf") == here
    assert printing_apart.printed(said, form="docx", at=NOW) == press.printed(said, form="docx", at=NOW)
    assert [how["env"] for how in begun] == [{"LANG": "C.UTF-8"}] * 2
    assert printing_apart.printed(a_document(2), form="pdf")
    assert len(begun) == 2, "a small one is printed here"
    with pytest.raises(printing.NotPrinted):
        printing_apart.printed(said | {"summary": [{"name": "a month without its count"}]}, form="pdf")
    with pytest.raises(printing_apart.PressEnded):
        printing_apart.printed(said | {"notes": None}, form="pdf")
    monkeypatch.setattr(printing_apart, "SECONDS", 0.01)
    with pytest.raises(printing_apart.PressEnded):
        printing_apart.printed(said, form="pdf")


def a_document(entries: int) -> dict[str, Any]:
    pupil = a_pupil()
    asked = chronology.Asked(by="Dee Lead", at=NOW, school_name="Elm Tree", zone="Europe/London", category_names={})
    made = [a_line(n, text="A long account of a day. " * 40) for n in range(entries)]
    return chronology.content(pupil=pupil, entries=made, request=Chronology(pupil_id=pupil.id), asked=asked)


def test_what_is_short_in_number_and_long_in_words_is_made_in_the_background_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_documents, "AT_ONCE", ENTRIES)
    monkeypatch.setattr(long_documents, "MOST_WEIGHT", 1_000)
    assert desk.ask(desk.wants()).later
    assert (desk.item().entries_read, len(desk.incidents.calls)) == (ENTRIES, 5)
    desk.service.make_documents()
    assert (desk.item().state, len(desk.incidents.calls)) == ("ready", 5), "what was read is not read again"


def test_three_thousand_entries_take_no_more_memory_than_one_thousand_do() -> None:
    """In a process of its own, and what it prints with: together under 400 MiB more than at rest (they took 700 in one piece)."""
    took = measured("pdf", 3_000)
    assert not isinstance(took, str), took
    assert took["parts"] == 3
    assert took["apart"] > 50, "else nothing was measured"
    assert took["more"] < 400, took
