"""Every kind of document as pictures: no page is empty, and nothing is printed into the margin or cut off by the edge.

With `SAFEKEEP_PICTURES=DIR` each page is also written there as a PNG, to be looked at.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest

from safekeep.contracts.incidents import Chronology
from services.reports import chronology, disclosing, governing, inspecting, letters, packs, papers, together
from services.reports.governing import Counted
from services.reports.inspecting import Nameless
from services.reports.packs import Choice, Gathered
from tests.services.reports.test_chronology_pdf import A_BODY_MAP, a_check, a_flag, a_line, a_pupil
from tests.unit.reports.test_disclosing import THREE_MARKS, a_text
from tests.unit.reports.test_governing import report, some_concerns
from tests.unit.reports.test_inspecting import SINCE, STAFF, UNTIL, a_record
from tests.unit.reports.test_letters import a_letter
from tests.unit.reports.test_packs import an_asked
from tests.unit.reports.test_scripts import AT, a_report, asked
from tests.unit.reports.test_together import TODAY, made, school

MARGINS_CM = (1.2, 1.2, 0.5, 1.2)
"""Top, left, bottom (where the footer is) and right: less than every document's own, so what is nearer to the edge was pushed there."""
LONG = "She told me about the party, the cans, and the man who was there. " * 12 + "A word withoutanyspace" + "x" * 120


def entries() -> list[Any]:
    from safekeep.body.marks import SealedBodyMap, sealed

    drawn = SealedBodyMap.receive(sealed(A_BODY_MAP))
    return [a_line(n, text=f"{n}. {LONG}", body_map=drawn if n == 3 else None) for n in range(0, 60, 3)]


def a_chronology() -> dict[str, Any]:
    who: dict[str, Any] = {"by": "Dee Lead", "at": AT, "school_name": "Elm Tree", "zone": "Europe/London", "category_names": {}}
    known: dict[str, Any] = {"flags": [a_flag("medical")], "check": a_check("unaltered"), "proof_address": "https://safekeep.test/s/elm-tree/proof"}
    about = chronology.Asked(**who, **known)
    pupil = a_pupil()
    return chronology.content(pupil=pupil, entries=entries(), request=Chronology(pupil_id=pupil.id, reason="A core group"), asked=about)


def a_pack() -> dict[str, Any]:
    gathered = Gathered(pupil=a_pupil(), flags=[a_flag("medical")], entries=entries(), follow_ups=[])
    choice = Choice(kind="transfer", request=Chronology(pupil_id=gathered.pupil.id), to_school="Oak Lane")
    return packs.content(gathered, choice=choice, asked=asked("Dee Lead"))


def a_disclosure() -> dict[str, Any]:
    texts = [a_text("party", written=f"{n}. {LONG}", entry=f"Incident 2026-{n}") for n in range(12)]
    drawn = disclosing.Text("Incident 2026-11", "body_map", "\n".join(THREE_MARKS.words), body_map=THREE_MARKS)
    return disclosing.document([*texts, drawn], title="Record of a pupil", school="Elm Tree", facts={"Pupil": "Sarah Example"}, at=AT)


def a_governors_report() -> dict[str, Any]:
    told = governing.told(report(some_concerns(1, about=900))[0], names={}, words={"opening": LONG, "months": LONG})
    return {**a_report("Dee Lead"), **papers.governors({**_content(), **told}, sha256="0" * 64, places=[("", 1, "1" * 64)])}


def a_trusts_report() -> dict[str, Any]:
    schools = [school(number, made(some_concerns(number, about=300), known=None)[0]) for number in range(12)]
    names = {each.code: f"School {each.id.int}" for each in schools}
    tables = together.made(schools, period=governing.period_of(TODAY), threshold=5)
    content = {**_content(), **governing.told(tables, names=names, words={"opening": LONG})}
    return papers.governors(content, sha256="0" * 64, places=[(name, 1, "1" * 64) for name in names.values()])


def an_inspection() -> dict[str, Any]:
    about, record = an_asked(head=None), a_record()
    groups = [inspecting.record_of(n, record, nameless=Nameless(record, staff=STAFF), asked=about) for n in range(1, 9)]
    return inspecting.content(Counted(some_concerns(1, about=300), {}, 0), groups, since=SINCE, until=UNTIL, reason="An inspection", asked=about)


def _content() -> dict[str, Any]:
    names = ("approved_at", "year", "number", "school", "meeting", "approved_by")
    return dict(zip(names, (AT.isoformat(), 2026, 1, "Elm Tree", "Wednesday 2 December 2026", "Dee Lead"), strict=True))


MADE = {
    "chronology": a_chronology,
    "pack": a_pack,
    "record": a_disclosure,
    "governors' report": a_governors_report,
    "trust's report": a_trusts_report,
    "inspection": an_inspection,
    "letter": lambda: letters.document(a_letter()),
}
OF_GOVERNORS = {"governors' report", "trust's report"}


def pages(data: bytes, *, named: str) -> Iterator[Any]:
    """Yield each page as grey values, and keep it as a picture where that is asked for."""
    folder = os.environ.get("SAFEKEEP_PICTURES")
    pdf = pypdfium2.PdfDocument(data)
    try:
        for number, page in enumerate(pdf, start=1):
            picture = page.render(scale=1.5).to_pil().convert("L")
            if folder:
                Path(folder).mkdir(parents=True, exist_ok=True)
                picture.save(Path(folder) / f"{named.replace(' ', '-')}-{number}.png")
            yield np.asarray(picture)
    finally:
        pdf.close()


@pytest.mark.parametrize("kind", MADE)
def test_no_page_is_empty_and_nothing_is_printed_into_the_margin(kind: str) -> None:
    said = MADE[kind]()
    data = papers.pdf(said) if kind in OF_GOVERNORS else chronology.pdf(said)
    shown = list(pages(data, named=kind))
    assert len(shown) > 1 or kind == "letter", "long enough to break over pages"
    for number, grey in enumerate(shown, start=1):
        ink = np.argwhere(grey < 200)
        assert len(ink) > 2_000, f"page {number} of {len(shown)} is all but empty"
        (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0)
        high, wide = grey.shape
        free = [float(pixels) / 1.5 / 72 * 2.54 for pixels in (top, left, high - bottom, wide - right)]
        assert all(each > least for each, least in zip(free, MARGINS_CM, strict=True)), f"page {number}: {free} cm are free"
