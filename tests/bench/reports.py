"""What a chronology costs as a page and as a document, at 10, 100, 1,000 and 10,000 entries: ./bench reports [--entries N …] [--forms …].

Documents are made each in a process of its own, as the service makes them, from accounts of about 600 letters: its time, its memory at most beside what
it had before, and the memory of the process it prints with. Pages are read from a database of their own, with every right looked at, through incidents itself.
"""

import argparse
import datetime as dt
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safekeep import clock, keys
from safekeep.contracts.incidents import Chronology, ChronologyAnswer, EntryLine, EntrySealed, PupilItem, SeedEntries, SeedEntry
from safekeep.ids import new_id
from services.reports.service.long_documents import AT_ONCE, PAGE, _opened, printed_chronology
from services.reports.volumes import Part, Plan

SIZES = (10, 100, 1_000, 10_000)
FORMS = ("pdf", "docx", "csv")
LIMITS = {("pdf", 1_000): (3.0, 300), ("pdf", 10_000): (60.0, 400)}
"""Seconds and MiB more than at rest: what so many entries as PDF may take, in the service and in what it prints with together."""
FIRST = dt.datetime(2016, 9, 5, 11, 47, tzinfo=dt.UTC)
ACCOUNT = (
    "At morning break she sat by the fence and would not join in. I asked whether she was all right. She said that it was loud at home again and "
    "that she had slept at her nan’s. She had no lunch with her and ate what we gave her quickly.\n\nShe asked me not to tell anybody. I said that "
    "I would have to tell the people who keep children safe, and why. She nodded, and played with the younger ones until the bell went. "
    "Her coat was thin for the day and her shoes were wet through; the office found her some dry socks. "
)


def lines(number: int) -> list[EntryLine]:
    """Return made-up entries, newest first: two of three with an action below."""
    kinds = ("incident", "action", "incident")
    return [
        EntryLine(
            id=new_id(),
            incident_id=new_id(),
            number=f"2026-{n}",
            kind=kinds[n % 3],  # type: ignore[arg-type]
            class_code=("general", "welfare", "safeguarding")[n % 3],
            categories=["welfare"],
            pupil_id=new_id(),
            pupil_name="Sarah Example",
            author_id=new_id(),
            author_name=f"Writer {n % 17}",
            author_role="teacher",
            recorded_at=FIRST + dt.timedelta(hours=8 * (number - n)),
            occurred_at=None if n % 3 == 1 else FIRST + dt.timedelta(hours=8 * (number - n)),
            occurred_precision="exact",
            text=ACCOUNT,
            action_taken="Told the DSL in person." if n % 3 != 1 else "",
        )
        for n in range(number)
    ]


def one(form: str, number: int) -> None:
    """Make one document here as the service does, and print what it took: as JSON, for the process that asked."""
    from safekeep.contracts.reports import ChronologyPdf
    from services.reports.chronology import Asked
    from services.reports.service.documents import Whole, document_of

    pupil = PupilItem(id=new_id(), name="Sarah Example", year="Year 5", form="5A", born=dt.date(2016, 2, 29))
    asked = Asked(by="Dee Lead", at=clock.now(), school_name="Elm Tree", zone="Europe/London", category_names={"welfare": "Welfare"})
    about = Chronology(pupil_id=pupil.id, reason="A core group")
    request = ChronologyPdf(id=new_id(), chronology=about, school_name="Elm Tree", category_names={}, form=form)  # type: ignore[arg-type]
    document_of(request, whole=Whole(pupil, lines(10), None, {}), by="Dee Lead", zone="Europe/London")  # libraries and fonts are there in a service
    head, read = EntrySealed(sequence=1, entry_hash="0" * 64), kept_pages(number, pupil=pupil)
    before, begun = _most(), time.perf_counter()
    if number <= AT_ONCE:
        entries = [entry for packed in read for entry in _opened(packed)[0].items]
        sizes = [len(document_of(request, whole=Whole(pupil, entries, head, {}), by="Dee Lead", zone="Europe/London").data)]
    else:
        plan = Plan()
        for page, packed in enumerate(read):
            plan.add(_opened(packed)[0].items, page=page, zone=asked.zone, by_occurred=True)
        plan.end()
        sizes = [len(data) for data in in_parts(plan, read, pupil=pupil, asked=asked, request=about, form=form)]
    spent = time.perf_counter() - begun
    apart = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(json.dumps({"seconds": spent, "before": before, "most": _most(), "apart": apart, "size": sum(sizes), "parts": len(sizes)}))


def kept_pages(number: int, *, pupil: PupilItem) -> list[bytes]:
    """Return what is read, as reports keeps it: packed page by page."""
    made = lines(number)
    pages = [made[start : start + PAGE] for start in range(0, number, PAGE)]
    answers = (ChronologyAnswer(pupil=pupil, items=items, next=None, total=number, months=[]) for items in pages)
    return [zlib.compress(json.dumps({"page": answer.wire(), "names": {}}).encode()) for answer in answers]


def in_parts(plan: Plan, read: list[bytes], *, form: str, **about: Any) -> Iterator[bytes]:
    """Print part after part, each of the pages it stands on, as the background job does."""
    for number, volume in enumerate(plan.volumes, start=1):
        entries = [entry for packed in read[volume.first_page : volume.last_page + 1] for entry in _opened(packed)[0].items]
        entries = entries[volume.skip : volume.skip + volume.entries]
        yield printed_chronology(entries=entries, form=form, part=Part(number, len(plan.volumes), plan), **about)


def _most() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(form: str, number: int) -> dict[str, Any] | str:
    """Return what one document takes, in a process of its own; or its last word where it could not."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.reports", "--one", form, str(number)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        return ran.stderr.strip().splitlines()[-1] if ran.stderr.strip() else str(ran.returncode)
    took: dict[str, Any] = json.loads(ran.stdout)
    return took | {"more": took["most"] - took["before"] + took["apart"]}


def documents(sizes: list[int], forms: list[str]) -> None:
    print("as           entries   parts   seconds   MiB more: the service itself + what prints = together   files")
    for form in forms:
        for number in sizes:
            took = measured(form, number)
            if isinstance(took, str):
                print(f"{form:10} {number:9}   failed: {took}")
                continue
            beside = ""
            if (form, number) in LIMITS:
                seconds, memory = LIMITS[form, number]
                within = took["seconds"] < seconds and took["more"] < memory
                beside = f"   limit {seconds:.0f} s and {memory} MiB: {'met' if within else 'not met'}"
            memory = f"{took['most'] - took['before']:.0f} + {took['apart']:.0f} = {took['more']:.0f}"
            print(f"{form:10} {number:9} {took['parts']:7} {took['seconds']:9.2f} {memory:>40} {took['size'] / 1e6:12.1f} MB{beside}")


def pages(sizes: list[int]) -> None:
    """Read the first page of 25, and all of it by 200, from a database of their own."""
    from safekeep import actor
    from safekeep.rpc import Resources, envelope
    from safekeep.settings import ServiceSettings
    from services.incidents.service import Service
    from tests import servers
    from tests.make import a_record, create_pupil, create_school
    from tests.servers import Postgres

    folder = Path(tempfile.mkdtemp(prefix="safekeep-bench-"))
    folder.chmod(0o711)
    described, end = servers.start_postgres(folder / "pg")
    try:
        keys.ensure_ring(folder / "keys")
        urls = Postgres(described).clone("incidents", "bench")
        settings = ServiceSettings(
            database_url=urls["INCIDENTS_DATABASE_URL"],
            worker_database_url=urls["INCIDENTS_WORKER_DATABASE_URL"],
            keys_file=str(folder / "keys" / "process" / "incidents.json"),
            inner_port=0,
            broker_url="amqp://unused",
        )
        service = Service()
        service.host = Resources(settings, "incidents")
        school = create_school(resources=service.host)
        signing = {name: keys.Keys.load(folder / "keys" / "process" / f"{name}.json") for name in ("identity", "demo")}

        def ask(request: Any, token: str) -> Any:
            answer = getattr(service, request.method.partition(".")[2])(envelope(request, token=token, seconds=60))
            return request.answer.receive(answer)

        print("page of a chronology: entries   25 of them: median of 9, MiB more at most   all of them, for a document, MiB more at most")
        for number in sizes:
            pupil, writer = create_pupil(resources=service.host, school=school), school.people["teacher"]
            demo = actor.service_token(keys=signing["demo"], service="demo", school_id=school.id, methods=[SeedEntries.method])
            for start in range(0, number, 200):
                moments = [FIRST + dt.timedelta(hours=8 * n) for n in range(start, min(start + 200, number))]
                records = [(at, a_record(pupil_id=pupil, id=new_id(), occurred_at=at, narrative=ACCOUNT)) for at in moments]
                some = [SeedEntry(author_id=writer, author_name="Tea Cher", roles=["teacher"], at=at, record=record) for at, record in records]
                ask(SeedEntries(entries=some), demo)

            def as_dsl() -> str:
                """A DSL of their own, so that the limit on what one person reads in an hour is not met."""
                person = new_id()
                whose = {"person_id": person, "school_id": school.id, "trust_id": None, "session_id": new_id()}
                return actor.person_token(keys=signing["identity"], name="Dee Lead", roles=frozenset({"dsl"}), **whose)

            took, token, rest = [], as_dsl(), _at_rest()
            for _ in range(9):
                begun = time.perf_counter()
                ask(Chronology(pupil_id=pupil), token)
                took.append(time.perf_counter() - begun)
            one_page = _most() - rest
            begun, cursor, token, rest = time.perf_counter(), None, as_dsl(), _at_rest()
            while True:
                page = ask(Chronology(pupil_id=pupil, limit=200, cursor=cursor, use="export"), token)
                cursor = page.next
                if cursor is None:
                    break
            seconds, whole = time.perf_counter() - begun, _most() - rest
            print(f"{number:30} {1000 * statistics.median(took):19.0f} ms {one_page:14.1f} MiB {seconds:24.2f} s {whole:14.1f} MiB")
    finally:
        end()
        shutil.rmtree(folder, ignore_errors=True)


def _at_rest() -> float:
    """Have the kernel forget the most memory this process has had, and return what it has now, in MiB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _of_process("VmRSS")


def _most() -> float:
    return _of_process("VmHWM")


def _of_process(line: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(each.split()[1]) / 1024 for each in lines if each.startswith(f"{line}:"))


def main() -> None:
    told = argparse.ArgumentParser()
    told.add_argument("--entries", type=int, nargs="+", default=list(SIZES))
    told.add_argument("--forms", nargs="*", choices=FORMS, default=list(FORMS))
    told.add_argument("--no-pages", action="store_true")
    told.add_argument("--one", nargs=2, metavar=("FORM", "N"))
    chosen = told.parse_args()
    if chosen.one:
        one(chosen.one[0], int(chosen.one[1]))
        return
    documents(chosen.entries, chosen.forms)
    if not chosen.no_pages:
        pages(chosen.entries)


if __name__ == "__main__":
    main()
