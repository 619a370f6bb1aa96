"""What codes, times and counts are called. Every sentence is a catalogue entry (Babel)."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date
from flask_babel import gettext, lazy_gettext, ngettext

from safekeep import clock

_ = lazy_gettext

ROLES = {
    "dsl": _("DSL"),
    "deputy_dsl": _("Deputy DSL"),
    "slt": _("SLT"),
    "teacher": _("Teacher"),
    "admin": _("Admin"),
    "pastoral": _("Pastoral"),
    "sports_coach": _("Sports coach"),
    "governor": _("Governor"),
    "trust_safeguarding_lead": _("Trust safeguarding lead"),
    "trust_it": _("Trust IT"),
}
CLASSES = {"general": _("General"), "welfare": _("Welfare"), "safeguarding": _("Safeguarding"), "protection": _("Protection")}
KINDS = {
    "conversation": _("A conversation with a child"),
    "phone_call": _("A phone call"),
    "observation": _("Something seen or heard"),
    "other": _("Something else"),
}
PARTS = {
    "may_have_been_harmed": _("May have been harmed"),
    "may_have_caused_harm": _("May have caused harm"),
    "witness": _("Witness"),
    "sibling": _("Brother or sister"),
    "friend": _("Friend"),
    "other": _("Other"),
    "not_sure": _("Not sure"),
}
WHEN = {
    "now": _("Just now"),
    "exact": _("At a time I know"),
    "about": _("At about a time"),
    "day": _("On a day, time not known"),
    "not_known": _("Not known"),
}
FLAGS = {
    "child_protection_plan": _("Child protection plan"),
    "child_in_need": _("Child in need"),
    "looked_after": _("Looked after"),
    "early_help": _("Early help"),
    "send": _("SEND"),
    "young_carer": _("Young carer"),
    "medical": _("Medical"),
}
CONTACTS = {
    "head": _("Head"),
    "chair_of_governors": _("Chair of governors"),
    "local_authority_officer": _("Local authority designated officer"),
    "out_of_hours": _("Out of hours"),
}
ENTRY_KINDS = {"incident": _("Incident"), "action": _("Action"), "correction": _("Correction")}


def role(code: str) -> str:
    """Return what a role is called."""
    return str(ROLES.get(code, code))


def roles(codes: list[str]) -> str:
    """Return what roles are called, as one phrase."""
    return ", ".join(role(code) for code in codes)


def _clock(moment: datetime) -> str:
    return f"{moment.hour}:{moment.minute:02}"


def day(value: date, *, today: date) -> str:
    """Return a day as people say it: "today", "yesterday", "Tuesday 3 March" or, in another year, "3 March 2024"."""
    distance = (today - value).days
    if distance == 0:
        return gettext("today")
    if distance == 1:
        return gettext("yesterday")
    if value.year == today.year:
        return f"{format_date(value, 'EEEE', locale=_locale())} {value.day} {format_date(value, 'MMMM', locale=_locale())}"
    return f"{value.day} {format_date(value, 'MMMM', locale=_locale())} {value.year}"


def at(moment: datetime | None, zone: ZoneInfo, precision: str = "exact") -> str:
    """Return a time as people say it: "today at 12:47", "Tuesday 3 March at about 9:05", "on a day"; "not known"."""
    if moment is None or precision == "not_known":
        return gettext("time not known")
    local, today = moment.astimezone(zone), clock.now().astimezone(zone).date()
    said = day(local.date(), today=today)
    if precision == "day":
        return gettext("%(day)s, time not known", day=said)
    if precision == "about":
        return gettext("%(day)s at about %(time)s", day=said, time=_clock(local))
    return gettext("%(day)s at %(time)s", day=said, time=_clock(local))


def exact(moment: datetime, zone: ZoneInfo) -> str:
    """Return the exact time, for hovering and screen readers: "Tuesday 3 March 2026, 12:47:05"."""
    local = moment.astimezone(zone)
    return f"{format_date(local, 'EEEE', locale=_locale())} {local.day} {format_date(local, 'MMMM', locale=_locale())} {local.year}, {local:%H:%M:%S}"


def long_day(value: date) -> str:
    """Return a date of birth, a review: "3 March 2016"."""
    return f"{value.day} {format_date(value, 'MMMM', locale=_locale())} {value.year}"


def month(code: str) -> str:
    """Return "March 2026" for "2026-03"."""
    value = date(int(code[:4]), int(code[5:7]), 1)
    return f"{format_date(value, 'MMMM', locale=_locale())} {value.year}"


def ago(moment: datetime) -> str:
    """Return how long ago: "just now", "5 minutes ago", "3 hours ago", "2 days ago"."""
    minutes = int((clock.now() - moment).total_seconds() // 60)
    if minutes < 1:
        return gettext("just now")
    if minutes < 60:
        return ngettext("%(num)s minute ago", "%(num)s minutes ago", minutes)
    if minutes < 60 * 24:
        return ngettext("%(num)s hour ago", "%(num)s hours ago", minutes // 60)
    return ngettext("%(num)s day ago", "%(num)s days ago", minutes // 60 // 24)


def submit_label(count: int) -> str:
    """Return what the button that records says it does."""
    if count == 0:
        return gettext("Add incident")
    return ngettext("Add incident and alert %(num)s person", "Add incident and alert %(num)s people", count)


def action_label(count: int) -> str:
    """Return what the button that adds an action says it does."""
    if count == 0:
        return gettext("Add action")
    return ngettext("Add action and alert %(num)s person", "Add action and alert %(num)s people", count)


def size(count: int) -> str:
    """Return a file's size: "812 KB", "3.4 MB"."""
    return f"{max(1, round(count / 1024))} KB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MB"


def _locale() -> str:
    from flask_babel import get_locale

    return str(get_locale() or "en_GB")


_BROWSERS = [("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"), ("FxiOS", "Firefox")]
_BROWSERS += [("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari")]
_SYSTEMS = [("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS"), ("Mac OS", "Mac")]
_SYSTEMS += [("Linux", "Linux")]


def device(user_agent: str) -> str:
    """Return "Chrome, Windows" for what a browser says of itself: names, so no catalogue; "" when it says nothing that is known."""
    found = [next((name for part, name in known if part in user_agent), "") for known in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, found))
