"""Packs: previewed, made as they were previewed, entered in the ledger, listed, and confirmed by the next school."""

import datetime as dt
import hashlib
import io
from collections.abc import Callable
from typing import Any

import pypdf
import pytest
import sqlalchemy as sa

from safekeep import clock
from safekeep.contracts.files import FileName, Names, NamesAnswer
from safekeep.contracts.incidents import Alert, PupilOpenings, SetFlag
from safekeep.contracts.reports import (
    ConfirmReceipt,
    DocumentItem,
    DocumentPiece,
    MakePack,
    MyDocuments,
    PackMade,
    PackPreview,
    Packs,
    PreviewPack,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, Unavailable
from safekeep.ids import new_id
from safekeep.rpc import Resources
from services.reports import volumes
from services.reports.service import long_documents
from tests.identity_beside import change_roles, identity_beside
from tests.make import a_record, create_pupil, create_school
from tests.services.reports.test_chronology_pdf import is_tagged_archive
from tests.services.reports.test_chronology_pdf import words_of as documents_words_of
from tests.services.reports.test_counts import Reports, a_school, below, recorded

NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)
CLASSES = ["general", "welfare", "safeguarding", "protection"]


class Files:
    """Stands where the RPC proxy stands, with no file."""

    def names(self, call: dict[str, Any]) -> dict[str, Any]:
        return NamesAnswer(items=[FileName(file_id=id_, name="a file") for id_ in Names.receive(call["body"]).passes]).wire()


class Office:
    """A school with two DSLs and one pupil, and reports that asks incidents as over the bus."""

    def __init__(self, resources: Callable[..., Resources], token_for: Callable[..., str], ask: Callable[..., Any]) -> None:
        self.reports = Reports(resources)
        self.reports.service.files = Files()
        self.incidents = self.reports.incidents
        self.school = create_school(resources=self.incidents.host)
        self.pupil = create_pupil(resources=self.incidents.host, school=self.school)
        self.reports.hear(a_school(school_id=self.school.id))
        self._ask, self._token_for = ask, token_for

    def ask(self, request: Any, *, role: str = "dsl", at: Any = None, **more: Any) -> Any:
        token = self._token_for(roles=[role], school_id=self.school.id, person_id=self.school.people[role], **more)
        return self._ask(at or self.reports.service, request, token=token)

    def record(self, text: str = "She was hungry", category: str = "welfare", *, year_group: str = "", what: str = "", **more: Any) -> Any:
        """Record an incident, and have reports hear of it: of a pupil of that year group, and with an action that is something."""
        request = a_record(pupil_id=self.pupil, narrative=text, category_codes=[category], occurred_at=clock.now(), **more)
        done = self.ask(request, role="teacher", at=self.incidents)
        event = recorded(
            school_id=self.school.id, categories=[category], class_code=category if category == "welfare" else "safeguarding", at=clock.now()
        )
        about = {"subject": done.id, "incident_id": done.id, "entry_id": done.id} | ({"year_group": year_group} if year_group else {})
        self.reports.hear(event.model_copy(update=about))
        if what:
            self.reports.hear(below(event.model_copy(update=about), what=what))
        return done

    def wanted(self, kind: str = "conference", **more: Any) -> dict[str, Any]:
        about = {} if kind == "ofsted" else {"pupil_id": self.pupil, "class_codes": CLASSES}
        to = {"to_school": "Oak School"} if kind == "transfer" else {}
        return {"kind": kind, "reason": "A meeting on 1 December", "school_name": "Elm Tree"} | about | to | more

    def preview(self, kind: str = "conference", **more: Any) -> PackPreview:
        found = self.ask(PreviewPack(**self.wanted(kind, **more)))
        assert isinstance(found, PackPreview)
        return found

    def make(self, kind: str = "conference", *, id: Any = None, sha256: str = "", form: str = "pdf", **more: Any) -> PackMade:
        sha256 = sha256 or self.preview(kind, **more).sha256
        made = self.ask(MakePack(id=id or new_id(), form=form, sha256=sha256, **self.wanted(kind, **more)))  # type: ignore[arg-type]
        assert isinstance(made, PackMade)
        return made

    def ledger(self) -> list[Any]:
        with self.incidents.host.transaction(self.incidents.host.engine, school_id=self.school.id) as tx:
            return list(tx.execute(sa.text("select kind, sha256, sequence, entry_hash from documents")))


@pytest.fixture
def office(resources: Callable[..., Resources], token_for: Callable[..., str], ask_service: Callable[..., Any]) -> Office:
    with clock.set_to(NOW):
        return Office(resources, token_for, ask_service)


def words_of(data: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages).split())


@pytest.mark.parametrize("form", ["pdf", "docx"])
@pytest.mark.parametrize("kind", ["core_group", "conference", "pep", "transfer", "ofsted"])
def test_a_pack_is_made_as_previewed_and_its_hash_stands_in_the_ledger_and_nothing_of_it_is_kept(kind: str, form: str, office: Office) -> None:
    with clock.set_to(NOW):
        office.record("She was hungry")
        made = office.make(kind, form=form)
        (document,) = office.ledger()
        assert hashlib.sha256(made.data).hexdigest() == made.item.sha256 == document.sha256
        assert (document.kind, document.sequence, document.entry_hash) == ("pack", made.item.sequence, made.item.entry_hash)
        (listed,) = office.ask(Packs()).items
        assert listed == made.item
        assert (listed.kind, listed.form, listed.reason, listed.asked_at) == (kind, form, "A meeting on 1 December", NOW)
        host = office.reports.resources
        with host.transaction(host.engine, school_id=office.school.id) as tx:
            kept = str(tx.execute(sa.text("select packs::text from packs")).all())
    assert "hungry" not in kept
    assert "1 December" not in kept, "why is sealed"


def test_what_was_recorded_since_the_preview_is_looked_at_before_a_pack_is_made(office: Office) -> None:
    with clock.set_to(NOW):
        office.record()
        sha256 = office.preview().sha256
        office.record("And again")
        with pytest.raises(Conflict) as refused:
            office.make(sha256=sha256)
        assert (refused.value.reason, office.ledger(), office.ask(Packs()).items) == ("pack_changed", [], [])
        assert "And again" in words_of(office.make().data)


def test_time_that_passes_and_other_childrens_records_do_not_change_what_was_previewed(office: Office) -> None:
    with clock.set_to(NOW):
        office.record()
        sha256 = office.preview().sha256
        other = create_pupil(resources=office.incidents.host, school=office.school)
        office.ask(a_record(pupil_id=other, category_codes=["welfare"]), role="teacher", at=office.incidents)
    with clock.set_to(NOW + dt.timedelta(minutes=10)):
        assert office.make(sha256=sha256).item.asked_at == NOW + dt.timedelta(minutes=10)


def test_who_dies_over_a_pack_makes_the_same_one_again_and_it_stands_once(office: Office) -> None:
    """After its hash was entered and before that was kept; an hour later, when the ledger has grown: the same bytes, the same place."""
    id_ = new_id()
    with clock.set_to(NOW):
        office.record()
        sha256, service = office.preview().sha256, office.reports.service
        incidents = service.incidents

        class Dies:
            def __getattr__(self, name: str) -> Any:
                return self.enter if name == "enter_document" else getattr(incidents, name)

            def enter(self, call: dict[str, Any]) -> dict[str, Any]:
                incidents.enter_document(call)
                raise Unavailable("incidents", "unknown")

        service.incidents = Dies()
        with pytest.raises(Unavailable):
            office.make(id=id_, sha256=sha256)
        service.incidents = incidents
        (document,) = office.ledger()
        assert office.ask(Packs()).items == [], "it was not handed out"
    with clock.set_to(NOW + dt.timedelta(minutes=5)):
        made = office.make(id=id_, sha256=sha256)
        again = office.make(id=id_, sha256=sha256)
        assert made.data == again.data
        assert (made.item.sha256, made.item.sequence) == (document.sha256, document.sequence)
        assert (len(office.ledger()), len(office.ask(Packs()).items), made.item.asked_at) == (1, 1, NOW)
        with pytest.raises(Conflict):
            office.make("pep", id=id_)


def test_a_preview_shows_flags_and_what_goes_in_and_enters_nothing(office: Office) -> None:
    with clock.set_to(NOW):
        office.record()
        office.record("He shouts", "safeguarding_concern")
        flag = SetFlag(id=new_id(), pupil_id=office.pupil, kind="looked_after", started=dt.date(2026, 1, 1), social_worker="Sam Worker")
        office.ask(flag, at=office.incidents)
        found = office.preview("pep", class_codes=["welfare"])
        assert (found.entries, [(c.class_code, c.inside, c.left_out) for c in found.counts]) == (1, [("welfare", 1, 0), ("safeguarding", 0, 1)])
        assert "Sam Worker" in str(found.told["opening"])
        assert "hungry" not in str(found.told), "the words are read on the pupil's own page"
        assert office.ledger() == []


def test_reading_for_a_pack_is_kept_with_its_reason_as_taken_out_only_when_it_is_made(office: Office) -> None:
    def kinds() -> set[tuple[str, str]]:
        return {(item.kind, item.reason) for item in office.ask(PupilOpenings(pupil_id=office.pupil), at=office.incidents).items}

    with clock.set_to(NOW):
        office.record()
        office.preview()
        assert kinds() == {("chronology", "A meeting on 1 December")}
    with clock.set_to(NOW + dt.timedelta(minutes=2)):
        office.make()
        assert ("export", "A meeting on 1 December") in kinds()


def test_an_inspections_records_name_nobody_and_are_chosen_by_the_rule(office: Office) -> None:
    """One of each class before a second of any; the DSL lets a word stand and adds one, and what was previewed is what is made."""
    with clock.set_to(NOW):
        for number in range(3):
            office.record(f"Sarah Example said that Quillon shouts. Number {number}.")
        office.record("Sarah Example was hit by the lodger.", "safeguarding_concern")
        first = office.preview("ofsted", shown=2)
        assert [month["name"].split(":")[1].split(",")[0].strip() for month in first.told["months"]] == ["safeguarding", "welfare"]
        assert {found.words for found in first.found} >= {"Sarah Example", "Quillon"}
        chosen = {"shown": 2, "keep": ["Quillon"], "added": ["the lodger"]}
        second = office.preview("ofsted", **chosen)
        assert second.sha256 != first.sha256
        with pytest.raises(Conflict):
            office.make("ofsted", sha256=first.sha256, **chosen)
        said = words_of(office.make("ofsted", sha256=second.sha256, **chosen).data)
    assert "Sarah" not in said
    assert "[Pupil A] said that Quillon shouts" in said
    assert "was hit by [left out]" in said
    assert "4 incidents were recorded" in said
    assert office.preview("ofsted", shown=0).told["months"] == []
    named = office.preview("ofsted", shown=5, of_category="safeguarding_concern").told
    assert len(named["months"]) == 1, "what the inspector named, and nothing else"
    assert any("of the category" in note and "chosen among those" in note for note in named["notes"])
    assert "4 incidents were recorded" in str(named["opening"]), "the numbers are of all"
    for nothing in ({"with_referral": True}, {"of_year_group": "year_13"}, {"of_category": "bullying"}):
        assert office.preview("ofsted", shown=5, **nothing).told["months"] == []
    with clock.set_to(NOW):
        referred = office.record("of Year 9 and referred", year_group="year_9", what="referral")
    assert referred
    for named in ({"with_referral": True}, {"of_year_group": "year_9"}, {"with_referral": True, "of_year_group": "year_9", "of_category": "welfare"}):
        (only,) = office.preview("ofsted", shown=5, **named).told["months"]
        assert "of Year 9 and referred" in str(only), named


def told_of(preview: PackPreview) -> dict[str, Any]:
    """What a pack says, but for how far the ledger has grown."""
    return {name: said for name, said in preview.told.items() if name not in {"footer", "facts"}}


def test_of_a_dsls_own_child_no_record_is_shown_and_nothing_is_counted_and_the_pack_says_so(office: Office) -> None:
    """A count of one would open what they may not read. Another DSL's pack is whole; and it is said whether there is anything or not."""
    with clock.set_to(NOW):
        own = create_pupil(resources=office.incidents.host, school=office.school, relatives=(office.school.people["dsl"],))
        office.record("About another child")
        before = told_of(office.preview("ofsted", shown=2))
        mine, office.pupil = office.pupil, own
        office.record("About the DSL's own child", "safeguarding_concern")
        office.pupil = mine
        found = told_of(office.preview("ofsted", shown=2))
        assert found == before
        assert any("parent of, a pupil of the school" in note for note in found["notes"])
        assert "1 incident was recorded" in str(found["opening"])
        whole = office.ask(PreviewPack(**office.wanted("ofsted", shown=2)), role="deputy_dsl").told  # type: ignore[arg-type]
        assert len(whole["months"]) == 2
        assert "2 incidents were recorded" in str(whole["opening"])
        assert not any("parent of" in note for note in whole["notes"])


def test_an_inspections_pack_says_at_its_foot_where_the_ledger_stood(office: Office) -> None:
    with clock.set_to(NOW):
        office.record("About another child")
        made = office.make("ofsted", shown=1)
    (document,) = office.ledger()
    assert f"Ledger at entry {document.sequence - 1}, " in words_of(made.data)


def test_a_pupil_of_the_school_who_is_in_no_entry_by_id_is_found_in_an_inspections_records(office: Office) -> None:
    """By the register, as for disclosure: also by what they are called."""
    create_pupil(resources=office.incidents.host, school=office.school, name="Rhiannon Thistlewood", known_as="Nonny")
    with clock.set_to(NOW):
        office.record("she hid behind nonny, and thistlewood laughed.")
        said = words_of(office.make("ofsted", shown=1).data)
    assert "she hid behind [another pupil], and [another pupil] laughed." in said


BAD: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("conference", {"pupil_id": None}, {"pupil_id": "missing"}),
    ("conference", {"class_codes": []}, {"class_codes": "missing"}),
    ("transfer", {"to_school": ""}, {"to_school": "missing"}),
    ("pep", {"since": dt.date(2026, 2, 1), "until": dt.date(2026, 1, 1)}, {"until": "before_start"}),
    ("ofsted", {"since": dt.date(2026, 2, 1), "until": dt.date(2026, 1, 1)}, {"until": "before_start"}),
    ("ofsted", {"until": dt.date(2026, 11, 25)}, {"until": "in_future"}),
]


@pytest.mark.parametrize(("kind", "more", "problems"), BAD)
def test_what_makes_no_sense_is_said_beside_its_field(kind: str, more: dict[str, Any], problems: dict[str, str], office: Office) -> None:
    with clock.set_to(NOW), pytest.raises(Invalid) as refused:
        office.preview(kind, **more)
    assert refused.value.problems == problems


class Long:
    """A record of seven entries where a pack looks at four, read two at a time and printed three to a part; identity beside it."""

    def __init__(self, office: Office, identity: Any) -> None:
        self.office = office
        office.reports.service.identity = self.identity = identity
        for number in range(7):
            with clock.set_to(NOW - dt.timedelta(days=7 - number)):
                office.record(f"Account number {number}")

    def make(self, kind: str = "conference", form: str = "pdf", *, id: Any = None) -> PackMade:
        sha256 = self.office.preview(kind).sha256
        made = self.office.ask(MakePack(id=id or new_id(), form=form, sha256=sha256, **self.office.wanted(kind)))  # type: ignore[arg-type]
        assert isinstance(made, PackMade)
        return made

    def item(self) -> DocumentItem:
        (found,) = self.office.ask(MyDocuments()).items
        assert isinstance(found, DocumentItem)
        return found

    def parts(self) -> list[bytes]:
        item = self.item()
        pieces = [self.office.ask(DocumentPiece(document_id=item.id, number=number)).data for number in range(item.pieces)]
        return [b"".join(pieces[part.first_piece : part.first_piece + part.pieces]) for part in item.parts]


@pytest.fixture
def long(office: Office, resources: Callable[..., Resources], monkeypatch: pytest.MonkeyPatch) -> Long:
    monkeypatch.setattr(long_documents, "AT_ONCE", 4)
    monkeypatch.setattr(long_documents, "PAGE", 2)
    monkeypatch.setattr(volumes, "MOST_ENTRIES", 3)
    return Long(office, identity_beside(resources=resources("identity"), school=office.school))


def test_of_a_long_record_the_preview_counts_and_lists_the_newest_and_says_how_many_there_are(long: Long) -> None:
    with clock.set_to(NOW):
        preview = long.office.preview()
        assert (preview.long, preview.looked_at, preview.total, preview.entries) == (True, 4, 7, 4)
        assert sum(len(month["entries"]) for month in preview.told["months"]) == 4
        assert "Entries" not in {fact["name"] for fact in preview.told["facts"]}, "it would be the number that was looked at"
        assert not long.office.preview(since=NOW.date() - dt.timedelta(days=3)).long


@pytest.mark.parametrize("form", ["pdf", "docx"])
def test_a_long_pack_is_made_in_the_background_in_parts_and_stands_in_the_ledger_by_the_list_of_their_hashes(form: str, long: Long) -> None:
    """What was gathered once (flags, what is open, the receipt to sign) stands once; every entry stands once; asked for twice, it is one pack."""
    flag = SetFlag(id=new_id(), pupil_id=long.office.pupil, kind="looked_after", started=NOW.date())
    with clock.set_to(NOW):
        long.office.ask(flag, at=long.office.incidents)
        id_ = new_id()
        assert [(made.later, made.data, made.item) for made in (long.make("transfer", form, id=id_) for _ in range(2))] == [(True, b"", None)] * 2
        assert (long.item().kind, long.item().pack, long.office.ask(Packs()).items) == ("pack", "transfer", [])
    with clock.set_to(NOW + dt.timedelta(minutes=2)):
        long.office.reports.service.make_documents()
        item, parts = long.item(), long.parts()
        assert (item.state, [part.entries for part in item.parts]) == ("ready", [3, 3, 1])
        (listed,), (document,) = long.office.ask(Packs()).items, long.office.ledger()
    names = [f"pack-transfer-part-{number}-of-3.{form}" for number in (1, 2, 3)]
    hashes = [hashlib.sha256(data).hexdigest() for data in parts]
    assert [part.sha256 for part in item.parts] == hashes
    assert listed.sha256 == hashlib.sha256("".join(f"{h}  {n}\n" for h, n in zip(hashes, names, strict=True)).encode()).hexdigest() == document.sha256
    assert (listed.id, listed.entries, listed.parts, listed.sequence) == (id_, 7, 3, document.sequence)
    assert listed.asked_at == NOW, "when it was asked for, not when it was printed"
    said = [read_as(form, data) for data in parts]
    assert [[n for n in range(7) if f"Account number {n}" in words] for words in said] == [[4, 5, 6], [1, 2, 3], [0]]
    assert ["What holds for the pupil now" in words for words in said] == [True, False, False]
    assert ["Looked after" in words for words in said] == [True, False, False]
    assert ["I have received the child protection file" in words for words in said] == [False, False, True]
    assert "7 entries in 3 parts" in said[2]
    if form == "pdf":
        assert all(is_tagged_archive(data) for data in parts)


def test_what_is_chosen_of_a_long_record_may_fit_one_file_which_stands_in_the_ledger_itself(long: Long, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volumes, "MOST_ENTRIES", 7)
    with clock.set_to(NOW):
        assert long.make().later
        long.office.reports.service.make_documents()
        (listed,), (data,) = long.office.ask(Packs()).items, long.parts()
    assert (listed.parts, listed.sha256) == (1, hashlib.sha256(data).hexdigest())
    assert "part 1" not in words_of(data)


def test_a_long_pack_is_made_as_it_was_previewed_or_not_at_all(long: Long) -> None:
    with clock.set_to(NOW):
        sha256 = long.office.preview().sha256
        long.office.record("And again")
        with pytest.raises(Conflict) as refused:
            long.office.ask(MakePack(id=new_id(), form="pdf", sha256=sha256, **long.office.wanted()))
        assert (refused.value.reason, long.office.ask(MyDocuments()).items) == ("pack_changed", [])
        long.make()
        long.office.record("And once more, while it is being made")
        long.office.reports.service.make_documents()
        assert "while it is being made" not in "".join(map(words_of, long.parts()))
        assert sum(part.entries for part in long.item().parts) == 8


def test_who_is_no_dsl_any_more_while_a_long_pack_is_made_gets_none_and_nothing_is_entered(long: Long) -> None:
    """A teacher may have a chronology of their own words made; a pack that was begun as a DSL is not finished as one."""
    with clock.set_to(NOW):
        long.make()
        change_roles(long.identity, school=long.office.school, person=long.office.school.people["dsl"], roles=["teacher"])
        long.office.reports.service.make_documents()
        assert (long.item().state, long.item().why) == ("failed", "role")
        assert (long.office.ledger(), long.office.ask(Packs()).items) == ([], [])


def test_who_dies_after_a_long_pack_was_entered_leaves_it_to_another_and_it_stands_once(long: Long) -> None:
    """The hash is entered, the worker ends before that is kept: the next one is answered with the same place."""
    with clock.set_to(NOW):
        long.make()
        service = long.office.reports.service
        end = service._end

        def dies(**_: Any) -> None:
            raise KeyboardInterrupt

        service._end = dies  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            service.make_documents()
        service._end = end  # type: ignore[method-assign]
        assert (len(long.office.ledger()), long.office.ask(Packs()).items) == (1, [])
    with clock.set_to(NOW + long_documents.CLAIMED_FOR):
        service.make_documents()
        (listed,), (document,) = long.office.ask(Packs()).items, long.office.ledger()
        assert (listed.sha256, listed.sequence) == (document.sha256, document.sequence)


def read_as(form: str, data: bytes) -> str:
    return words_of(data) if form == "pdf" else documents_words_of(form, data)


def test_only_dsls_make_packs_with_their_second_factor_and_of_pupils_they_may_know_of(office: Office) -> None:
    with clock.set_to(NOW):
        office.record(alert=Alert(groups=["safeguarding_team"]))
        sha256 = office.preview().sha256
        request = MakePack(id=new_id(), sha256=sha256, **office.wanted())
        for role in ("slt", "teacher", "governor"):
            with pytest.raises(NotAllowed):
                office.ask(request, role=role)
        with pytest.raises(NotAllowed) as refused:
            office.ask(request, second_factor_at=NOW - dt.timedelta(minutes=16))
        assert refused.value.reason == "step_up"
        with pytest.raises(NotFound):
            office.preview(pupil_id=new_id())
        made = office.ask(request)
        with pytest.raises(NotFound):
            office.ask(request, role="deputy_dsl")  # an id of somebody else's
        assert office.ask(Packs(), role="deputy_dsl").items == [made.item]


def test_the_next_schools_confirmation_is_kept_and_can_be_put_right(office: Office) -> None:
    with clock.set_to(NOW):
        office.record()
        pack, meeting = office.make("transfer").item, office.make("pep").item
        for day, problem in ((dt.date(2026, 11, 25), "in_future"), (dt.date(2026, 11, 23), "before_start")):
            with pytest.raises(Invalid) as refused:
                office.ask(ConfirmReceipt(pack_id=pack.id, on_day=day, by="Next DSL"))
            assert refused.value.problems == {"on_day": problem}
        for pack_id in (meeting.id, new_id()):
            with pytest.raises(NotFound):
                office.ask(ConfirmReceipt(pack_id=pack_id, on_day=NOW.date(), by="Next DSL"))
        for by in ("Wrong Name", "Next DSL, Oak School"):
            office.ask(ConfirmReceipt(pack_id=pack.id, on_day=NOW.date(), by=by))
        listed = {item.id: item for item in office.ask(Packs()).items}
    assert (listed[pack.id].received_on, listed[pack.id].received_by) == (NOW.date(), "Next DSL, Oak School")
    assert (listed[pack.id].reason, listed[pack.id].to_school) == ("A meeting on 1 December", "Oak School")
    assert listed[meeting.id].received_on is None
