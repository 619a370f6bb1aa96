"""Who read what, for DSLs: of one pupil, of one person, and who reads how much. What stands out is said in words."""

from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request

from gateway import rpc, schools, session
from safekeep.contracts.incidents import PersonOpenings, Pupil, PupilOpenings, ReadersOfRecords
from safekeep.errors import NotFound

pages = Blueprint("readers", __name__)


@pages.get("/s/<slug>/readers")
def everybody(slug: str) -> Any:
    """List everybody who opened anything lately, what stands out first."""
    here = session.lead()
    found = rpc.ask(ReadersOfRecords(), token=here.token, seconds=10.0)
    return render_template("readers/everybody.html", known=schools.known(here), found=found)


@pages.get("/s/<slug>/readers/<uuid:person_id>")
def person(slug: str, person_id: UUID) -> Any:
    """List what one person opened, newest first."""
    here = session.lead()
    known = schools.known(here)
    asked = rpc.build(PersonOpenings, person_id=person_id, cursor=request.args.get("cursor"))
    found = rpc.ask(asked, token=here.token, seconds=10.0)
    if person_id not in known.staff and not found.items:  # who has left, or is of the trust, has a page while there is something on it
        raise NotFound("person")
    return render_template("readers/person.html", known=known, found=found, person_id=person_id)


@pages.get("/s/<slug>/pupils/<uuid:pupil_id>/readers")
def of_pupil(slug: str, pupil_id: UUID) -> Any:
    """List who read of one pupil, newest first."""
    here = session.lead()
    of = rpc.ask(rpc.build(Pupil, pupil_id=pupil_id), token=here.token)
    found = rpc.ask(rpc.build(PupilOpenings, pupil_id=pupil_id, cursor=request.args.get("cursor")), token=here.token, seconds=10.0)
    return render_template("readers/pupil.html", known=schools.known(here), pupil=of.pupil, flags=of.flags, found=found, tab="readers")
