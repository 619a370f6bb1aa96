"""The page of a long document: how far it is, and the file when it is ready; by a phone and without JavaScript."""

import datetime as dt
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pypdf
import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from safekeep import keys
from safekeep.contracts.incidents import Chronology, PupilItem
from safekeep.contracts.reports import ChronologyPdf
from safekeep.ids import new_id
from services.reports import store
from tests.bench.reports import kept_pages
from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_afterwards import pupils

DATA = b"%PDF-1.7 a long document"


class Kept:
    """A long document of the DSL's, as the service keeps it, in the running system's own database."""

    def __init__(self, system: dict[str, Any], *, pupil: str, id: UUID | None = None) -> None:
        self.system, self.id = system, id or new_id()
        with self.inside("identity") as tx:
            address = next(x["username"] for x in system["logins"] if (x["role"], x["school"]) == ("dsl", "Hillside Primary"))
            self.person: UUID = tx.execute(sa.text("select id from people where email = :at"), {"at": address}).scalar_one()
            self.school: UUID = tx.execute(sa.text("select school_id from schools where slug = 'hillside'")).scalar_one()
        self.here: dict[str, Any] = {"school_id": self.school, "id": self.id}
        now = dt.datetime.now(dt.UTC)
        whose = {"asked_by": self.person, "asked_name": "A DSL", "asked_at": now, "roles": ["dsl"], "pupil_id": pupil, "form": "pdf", "request": ""}
        far = {"entries": 2_400, "entries_read": 600, "size": 0, "pieces": 0, "steps": 3, "cursor": "x", "state": "wanted", "why": ""}
        with self.inside("reports") as tx:
            later = now + dt.timedelta(days=1)
            store.add_document(tx, **self.here, **whose, **far, expires_at=later, turn_at=later)

    def change(self, **values: Any) -> None:
        with self.inside("reports") as tx:
            store.change_document(tx, **self.here, **values)

    def is_ready(self) -> None:
        ring = keys.Keys.load(Path(self.system["data"]) / "keys" / "process" / "reports.json")
        about = f"document|{self.school}|{self.id}|made|0"
        with self.inside("reports") as tx:
            sealed = keys.wrap(keys=ring, purpose="documents", secret=DATA, about=about)
            store.keep_piece(tx, **self.here, part="made", number=0, sealed=sealed)
            store.change_document(tx, **self.here, state="ready", size=len(DATA), pieces=1, entries_read=2_400)

    def is_ready_in_parts(self) -> list[bytes]:
        """Have it ready in two parts, of which the first has two pieces."""
        ring = keys.Keys.load(Path(self.system["data"]) / "keys" / "process" / "reports.json")
        pieces, parts = [b"%PDF-1.7 the newest", b" entries", b"%PDF-1.7 the oldest"], [b"%PDF-1.7 the newest entries", b"%PDF-1.7 the oldest"]
        days = [(dt.date(2019, 9, 3), dt.date(2020, 3, 4)), (dt.date(2018, 2, 1), dt.date(2019, 9, 2))]
        with self.inside("reports") as tx:
            for number, data in enumerate(pieces):
                sealed = keys.wrap(keys=ring, purpose="documents", secret=data, about=f"document|{self.school}|{self.id}|made|{number}")
                store.keep_piece(tx, **self.here, part="made", number=number, sealed=sealed)
            for number, (data, (earliest, latest), first, count) in enumerate(zip(parts, days, (0, 2), (2, 1), strict=True), start=1):
                of = {"earliest": earliest, "latest": latest, "size": len(data), "first_piece": first, "pieces": count}
                store.add_part(tx, **self.here, number=number, entries=1_200, sha256=hashlib.sha256(data).hexdigest(), **of)
            store.change_document(tx, **self.here, state="ready", size=sum(map(len, parts)), pieces=3, entries_read=2_400, parts=2, printed=2)
        return parts

    def is_read(self, number: int, *, pupil: str) -> None:
        """Have so many made-up entries read for it, by 200, so that the running system plans its parts and prints them."""
        ring, about = keys.Keys.load(Path(self.system["data"]) / "keys" / "process" / "reports.json"), f"document|{self.school}|{self.id}"
        who = PupilItem(id=UUID(pupil), name="Sarah Example", year="Year 5", form="5A", born=dt.date(2016, 2, 29))
        request = ChronologyPdf(id=self.id, chronology=Chronology(pupil_id=who.id), school_name="Hillside", category_names={})
        pages = kept_pages(number, pupil=who)
        with self.inside("reports") as tx:
            for n, page in enumerate(pages):
                sealed = keys.wrap(keys=ring, purpose="documents", secret=page, about=f"{about}|read|{n}")
                store.keep_piece(tx, **self.here, part="read", number=n, sealed=sealed)
            wanted = keys.wrap(keys=ring, purpose="documents", secret=json.dumps(request.wire()).encode(), about=f"{about}|request|0")
            read = {"request": wanted, "cursor": None, "steps": len(pages), "entries": number, "entries_read": number}
            store.change_document(tx, **self.here, **read)
            store.set_turn(tx, **self.here, at=dt.datetime.now(dt.UTC))

    @contextmanager
    def inside(self, service: str) -> Iterator[sa.Connection]:
        engine = sa.create_engine(sa.make_url(self.system["admin_urls"][service]).set(drivername="postgresql+psycopg"))
        try:
            with engine.begin() as tx:
                yield tx
        finally:
            engine.dispose()


@pytest.mark.parametrize(("viewport", "javascript"), [(PHONE, True), (DESKTOP, False)], ids=["phone", "desk without JavaScript"])
def test_who_asked_sees_how_far_it_is_and_fetches_it_when_it_is_ready(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], system: dict[str, Any], viewport: Any, javascript: bool
) -> None:
    """With JavaScript the page changes by itself; without, by looking again. To another DSL it is not there."""
    person = sign_in("dsl", viewport=viewport, javascript=javascript, fresh=True)
    looks: Callable[[Page], None] = finds_nothing_wrong if javascript else lambda _: None  # axe is a script
    page = person.go("pupils")
    kept = Kept(system, pupil=pupils(page, "sarah")[0]["id"])
    person.go(f"documents/{kept.id}")
    main = page.get_by_role("main")
    expect(main).to_contain_text("600 of 2400 entries are read")
    looks(page)
    kept.is_ready()
    if not javascript:
        main.get_by_role("link", name="Look again").click()
    expect(main).to_contain_text("It is ready.")
    looks(page)
    with page.expect_download() as waiting:
        main.get_by_role("link", name="Download the document").click()
    assert (waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()) == ("chronology.pdf", DATA)
    other = sign_in("deputy_dsl").page
    assert other.request.get(f"{person.base}s/hillside/documents/{kept.id}").status == 404
    assert other.request.get(f"{person.base}s/hillside/documents/{kept.id}/file").status == 404


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desk"])
def test_one_of_several_parts_is_fetched_part_by_part_or_as_a_zip_with_the_list_of_their_hashes(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], system: dict[str, Any], viewport: Any
) -> None:
    """While it is made the page says how many parts are printed; the list in the zip says what is in it, hash by hash."""
    person = sign_in("dsl", viewport=viewport, fresh=True)
    page = person.go("pupils")
    kept = Kept(system, pupil=pupils(page, "sarah")[0]["id"])
    kept.change(parts=2, printed=1, entries_read=2_400)
    person.go(f"documents/{kept.id}")
    main = page.get_by_role("main")
    expect(main).to_contain_text("1 of 2 parts are printed")
    finds_nothing_wrong(page)
    parts = kept.is_ready_in_parts()
    expect(main).to_contain_text("It has 2 parts")
    expect(main).to_contain_text("3 September 2019 to 4 March 2020")
    finds_nothing_wrong(page)
    names = ["chronology-part-1-of-2.pdf", "chronology-part-2-of-2.pdf"]
    for number, (name, data) in enumerate(zip(names, parts, strict=True), start=1):
        with page.expect_download() as waiting:
            main.get_by_role("link", name=f"Part {number} of 2").click()
        assert (waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()) == (name, data)
    with page.expect_download() as waiting:
        main.get_by_role("link", name="Download all parts (zip)").click()
    assert waiting.value.suggested_filename == "chronology.zip"
    with zipfile.ZipFile(waiting.value.path()) as archive:
        assert archive.namelist() == [*names, "SHA256SUMS.txt"]
        assert [archive.read(name) for name in names] == parts
        listed = archive.read("SHA256SUMS.txt").decode()
    assert listed == "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in zip(names, parts, strict=True))
    assert page.request.get(f"{person.base}s/hillside/documents/{kept.id}/parts/3").status == 404
    other = sign_in("deputy_dsl").page
    assert other.request.get(f"{person.base}s/hillside/documents/{kept.id}/parts/1").status == 404


def test_the_running_system_prints_a_long_one_in_parts(sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], system: Any) -> None:
    """1,200 entries that were read: planned, printed one part after another by a process that ends, and handed out as a zip of whole PDFs."""
    person = sign_in("dsl", viewport=DESKTOP, fresh=True)
    page = person.go("pupils")
    pupil = pupils(page, "sarah")[0]["id"]
    assert page.request.get(f"{person.base}s/hillside/pupils/{pupil}/chronology.pdf").status == 200, "so that identity knows of a job of theirs"
    kept = Kept(system, pupil=pupil)
    with kept.inside("identity") as tx:
        newest = sa.text("select id from jobs where kind = 'chronology' and person_id = :me order by begun_at desc limit 1")
        job: UUID = tx.execute(newest, {"me": kept.person}).scalar_one()
    kept = Kept(system, pupil=pupil, id=job)
    kept.is_read(1_200, pupil=pupil)
    person.go(f"documents/{kept.id}")
    expect(page.get_by_role("main")).to_contain_text("It has 2 parts", timeout=60_000)
    finds_nothing_wrong(page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download all parts (zip)").click()
    with zipfile.ZipFile(waiting.value.path()) as archive:
        parts = [archive.read(name) for name in archive.namelist() if name.endswith(".pdf")]
    assert [data[:5] for data in parts] == [b"%PDF-"] * 2
    said = [" ".join(pypdf.PdfReader(io.BytesIO(data)).pages[0].extract_text().split()) for data in parts]
    assert ["1 to 1,000 of 1,200" in said[0], "1,001 to 1,200 of 1,200" in said[1]] == [True, True]


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("role", "Your role at the school has changed"),
        ("gone", "no longer open to you"),
        ("too_late", "within a day"),
        ("not_printed", "Choose fewer"),
    ],
)
def test_why_there_is_none_is_said(why: str, said: str, sign_in: Callable[..., Any], system: dict[str, Any]) -> None:
    person = sign_in("dsl")
    page = person.go("pupils")
    kept = Kept(system, pupil=pupils(page, "sarah")[0]["id"])
    kept.change(state="failed", why=why)
    person.go(f"documents/{kept.id}")
    expect(page.get_by_role("main")).to_contain_text(said)
    assert page.request.get(f"{person.base}s/hillside/documents/{kept.id}/file").status == 503
