"""The page of a long document: how far it is, and the file when it is ready; by a phone and without JavaScript."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from safekeep import keys
from safekeep.ids import new_id
from services.reports import store
from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_afterwards import pupils

DATA = b"%PDF-1.7 a long document"


class Kept:
    """A long document of the DSL's, as the service keeps it, in the running system's own database."""

    def __init__(self, system: dict[str, Any], *, pupil: str) -> None:
        self.system, self.id = system, new_id()
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
