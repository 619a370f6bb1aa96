"""A chronology of 2,000 entries is read as fast at its end as at its beginning."""

import datetime as dt
import statistics
import time
from collections.abc import Callable
from typing import Any

from safekeep.contracts.incidents import Chronology, SeedEntries, SeedEntry
from safekeep.ids import new_id
from safekeep.rpc import Resources
from tests.make import a_record, create_pupil, create_school

ENTRIES, PAGE = 2_000, 50
BEGINNING = dt.datetime(2020, 1, 6, 9, 0, tzinfo=dt.UTC)


def test_every_page_of_two_thousand_entries_is_as_fast_as_the_first(
    resources: Callable[..., Resources], ask_service: Any, token_for: Any, service_token_for: Any
) -> None:
    from services.incidents.service import Service

    service = Service()
    service.host = held = resources("incidents")
    school = create_school(resources=held)
    pupil, other = create_pupil(resources=held, school=school), create_pupil(resources=held, school=school)
    writer, demo = school.people["teacher"], service_token_for("demo", school.id)
    for start in range(0, ENTRIES, 200):
        entries = []
        for number in range(start, start + 200):
            at = BEGINNING + dt.timedelta(hours=number)
            for about in (pupil, *([other] if number < 40 else [])):
                record = a_record(pupil_id=about, id=new_id(), occurred_at=at)
                entries.append(SeedEntry(author_id=writer, author_name="Tea Cher", roles=["teacher"], at=at, record=record))
        for part in (entries[:200], entries[200:]):
            ask_service(service, SeedEntries(entries=part), token=demo)
    token = token_for(roles=["dsl"], school_id=school.id, person_id=school.people["dsl"])

    def read(who: Any, cursor: str | None = None) -> tuple[Any, float]:
        started = time.perf_counter()
        page = ask_service(service, Chronology(pupil_id=who, limit=PAGE, cursor=cursor), token=token)
        return page, time.perf_counter() - started

    for _ in range(5):
        read(pupil)
        read(other)
    short = statistics.median(read(other)[1] for _ in range(9))
    seen, times, cursor = set(), [], None
    while True:
        page, took = read(pupil, cursor)
        seen |= {item.id for item in page.items}
        times.append(took)
        cursor = page.next
        if cursor is None:
            break
    assert len(seen) == page.total == ENTRIES
    first, last = statistics.median(times[:8]), statistics.median(times[-8:])
    print(
        f"a page of {PAGE}: {short * 1000:.1f} ms of 40 entries, {first * 1000:.1f} ms at the beginning of {ENTRIES}, {last * 1000:.1f} ms at the end"
    )
    assert last < 2 * first
    assert first < 0.25
