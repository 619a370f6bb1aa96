"""What every template can use: times and codes in words, where the person is, the school, the CSRF token."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, g
from markupsafe import Markup

from gateway import assets, body, coaching, languages, problems, schools, session, unread, words
from safekeep.contracts.identity import DutyItem
from safekeep.errors import SafekeepError


def install(app: Flask) -> None:
    """Give templates their globals and filters."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        asset=assets.address,
        words=words,
        body=body,
        languages=languages,
        csrf=csrf,
        time=time,
        ago=ago,
        csrf_token=session.csrf_token,
        sentence=problems.sentence,
        coaching=coaching,
    )
    app.context_processor(_about_here)


def csrf() -> Markup:
    """Return the hidden field every form carries."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(session.csrf_token())


def time(moment: datetime | None, precision: str = "exact") -> Markup:
    """Return a time as people say it, with the exact one on hover, for machines, and for screen readers where "today" does not say it."""
    zone = _zone()
    said = words.at(moment, zone, precision)
    if moment is None or precision == "not_known":
        return Markup("<span>{}</span>").format(said)
    machines = moment.astimezone(zone).date().isoformat() if precision == "day" else moment.isoformat()
    return _timed(said, machines=machines, exact=words.exact(moment, zone, precision), says_it=not words.is_near(moment, zone))


def ago(moment: datetime) -> Markup:
    """Return how long ago something was, with the exact time on hover, for machines and for screen readers."""
    return _timed(words.ago(moment), machines=moment.isoformat(), exact=words.exact(moment, _zone()), says_it=False)


def _timed(said: str, *, machines: str, exact: str, says_it: bool) -> Markup:
    read = Markup() if says_it else Markup('<span class="govuk-visually-hidden"> ({})</span>').format(exact)
    return Markup('<time datetime="{}" title="{}">{}{}</time>').format(machines, exact, said, read)


def _zone() -> ZoneInfo:
    here = g.get("here")
    if here is None or here.answer.place is None or here.answer.place.is_trust or here.held:
        return schools.FIRST_ZONE
    return schools.known(here).zone


def _about_here() -> dict[str, Any]:
    here: session.Here | None = g.get("here")
    if here is None or here.held or here.answer.stage != "full":
        return {"here": None, "unread": 0, "duty_now": []}
    return {"here": here, "unread": unread.count(here), "duty_now": _duty(here)}


def _duty(here: session.Here) -> list[DutyItem]:
    """Return whom to find in person, for the lock screen every page carries; nobody where it cannot be had."""
    if here.answer.place is None or here.answer.place.is_trust or not here.roles:
        return []
    try:
        return schools.duty(here).duty
    except SafekeepError:
        return []
