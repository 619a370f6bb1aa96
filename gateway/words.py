"""What codes, times and counts are called. Every sentence is a catalogue entry (Babel)."""

from datetime import date, datetime
from typing import Any
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
YEAR_GROUPS = {
    "nursery": _("Nursery"),
    "reception": _("Reception"),
    **{f"year_{number}": _("Year %(number)s", number=number) for number in range(1, 15)},
    "not_known": _("Not known"),
}
READ_WITHIN = {
    "hour": _("Within an hour"),
    "day": _("Within a day"),
    "later": _("Later"),
    "not_yet": _("Not read yet, or nobody had to"),
}
ANSWERED_WITHIN = {"day": _("Within a day"), "week": _("Within a week"), "later": _("Later"), "not_yet": _("Nothing yet")}
NOT_DONE = {"overdue": _("Overdue"), "due": _("Not due yet")}
REFERRALS = {"settled": _("Outcome known"), "waiting": _("Outcome not known yet")}
CONTACTS = {
    "head": _("Head"),
    "chair_of_governors": _("Chair of governors"),
    "local_authority_officer": _("Local authority designated officer"),
    "out_of_hours": _("Out of hours"),
}
PHASES = {
    "primary": _("Primary"),
    "secondary": _("Secondary"),
    "all_through": _("All-through"),
    "special": _("Special"),
    "nursery": _("Nursery"),
    "other": _("Other"),
}
FATES = {
    "made": _("will be added, and sent a link to set a password"),
    "joined": _("has an account already, and will be added to this school"),
    "changed": _("will be changed"),
    "unchanged": _("is here already, and stays as it is"),
    "refused": _("will not be added"),
}
FATES_DONE = {
    "made": _("added, and sent a link to set a password"),
    "joined": _("had an account already, and was added to this school"),
    "changed": _("changed"),
    "unchanged": _("was here already, and stays as it was"),
    "refused": _("was not added"),
}
PACKS = {
    "core_group": _("For a core group meeting"),
    "conference": _("For a child protection conference"),
    "pep": _("For a personal education plan (PEP) meeting"),
    "transfer": _("Child protection file for the next school"),
    "ofsted": _("For an inspection"),
}
POLICIES = {
    "at_risk_now": _("A child may be at risk now"),
    "protection": CLASSES["protection"],
    "safeguarding": CLASSES["safeguarding"],
    "welfare": CLASSES["welfare"],
}
ASKED = {
    "leads": _("every DSL and deputy"),
    "head": _("the head"),
    "trust_lead": _("the trust’s safeguarding lead"),
}
SPANS = {
    "term": _("Term"),
    "holiday": _("Holiday"),
    "inset": _("INSET day"),
    "bank_holiday": _("Bank holiday"),
    "closed": _("Closed"),
}
FEEDS = {
    "read": _("It was read."),
    "nothing_in_it": _("It could be read, and no event in it has a name that says what it is to a school."),
    "not_reached": _("It could not be reached. What was read before still counts."),
    "not_public": _("Its address is not a public one that begins with https://, so it was not asked. Your IT can help."),
    "refused": _("Nothing is there. Check the address. What was read before still counts."),
    "too_large": _("It is too large to be a school’s calendar."),
    "too_many": _("There are too many events in it."),
    "not_a_calendar": _("What is there is not a calendar. Check the address."),
}
PUPIL_FATES = FATES | {"made": _("will be added")}
PUPIL_FATES_DONE = FATES_DONE | {"made": _("added")}
AUDIT = {
    "signed_in": _("Signed in"),
    "proved": _("Second factor used"),
    "unlocked": _("Unlocked"),
    "sign_in_failed": _("Sign-in failed"),
    "password_failed": _("Password asked again: wrong"),
    "second_factor_failed": _("Second factor failed"),
    "attacked": _("Ten failed sign-ins in a row"),
    "link_asked": _("Asked for a link to set a password"),
    "link_sent": _("Sent a link to set a password"),
    "link_used": _("Link to set a password used"),
    "password_set": _("Password set"),
    "factor_added": _("App or key added"),
    "factor_disabled": _("App or key disabled"),
    "recovery_codes_made": _("New recovery codes"),
    "recovery_code_used": _("Recovery code used"),
    "recovery_codes_voided": _("Recovery codes from before the role made void"),
    "recovery_used": _("Recovery code used in place of a key"),
    "pass_given": _("One-time pass given"),
    "pass_used": _("One-time pass used"),
    "operator_helped": _("Keys disabled and a pass given by those who run Safekeep"),
    "head_code_used": _("The head's code used to set up a first app or key"),
    "roles_given": _("Roles given"),
    "role_confirmed": _("Role confirmed by a DSL"),
    "role_confirmed_by_head": _("Role confirmed with the head's code"),
    "role_declined": _("Role declined by a DSL"),
    "account_closed": _("Account closed"),
    "address_asked": _("New e-mail address asked for"),
    "address_changed": _("E-mail address changed"),
    "address_declined": _("New e-mail address declined by a DSL"),
    "policy_changed": _("Sign-in policy changed"),
    "category_changed": _("Category changed"),
    "group_changed": _("Group changed"),
    "template_changed": _("Template changed"),
    "school_changed": _("Whom to find, or the school's settings, changed"),
    "school_added": _("School added"),
    "trust_added": _("Trust added"),
    "first_administrator": _("First administrator"),
    "sign_on_failed": _("Single sign-on failed"),
    "provider_kept": _("Single sign-on set up or changed"),
    "provider_removed": _("Single sign-on removed"),
    "provider_linked": _("Account linked to single sign-on"),
    "provider_unlinked": _("Account unlinked from single sign-on"),
    "machine_added": _("Program given access"),
    "machine_revoked": _("Program's access taken away"),
    "machine_signed_in": _("Program signed in"),
    "trust_machine_added": _("Program of the trust given access to counts of its schools"),
    "trust_machine_revoked": _("Access of a program of the trust taken away"),
    "trust_machine_signed_in": _("Program of the trust signed in"),
    "right_granted": _("A record opened to somebody by a DSL"),
    "sight_kept": _("A record kept open to somebody whose role does not open its new class"),
    "class_raised": _("An incident's class raised by a DSL"),
    "stand_in_given": _("Chosen to stand in for the DSLs"),
    "stand_in_ended": _("No longer stands in for the DSLs"),
    "reading_unusual": _("Opened an unusual number of records within an hour"),
    "reading_stopped": _("Opened so many records that it was stopped for a while"),
    "glass_broken": _("A record opened by the trust’s safeguarding lead"),
    "destruction_proposed": _("Proposed that what a record says be destroyed"),
    "destruction_kept": _("What was proposed to be destroyed is kept, or was taken back"),
    "content_destroyed": _("What a record said was destroyed, as somebody had proposed"),
    "relative_entered": _("Entered as a pupil’s parent or carer, or as the pupil"),
    "relative_ended": _("No longer counts as a pupil’s parent or carer, or as the pupil"),
    "exported": _("Exported"),
}
"""The lines of the audit log, by kind."""
BASES = {
    "retention": _("Its time of keeping is over"),
    "order": _("By order"),
}
"""Why content is destroyed."""
AUDIT_FACTS = {
    "in_person": _("face to face"),
    "known_number": _("on a number already held"),
    "second_factor": _("second factor asked for next"),
    "enrol": _("second factor to be set up next"),
    "password": _("new password asked for next"),
    "audit_log": _("the audit log"),
    "chronology_pdf": _("a chronology as a document"),
    "export_pupil": _("one pupil"),
    "export_incident": _("one incident"),
    "export_school": _("the whole record"),
    "general": _("general"),
    "welfare": _("welfare"),
    "safeguarding": _("safeguarding"),
    "protection": _("protection"),
}
AUDIT_HEADINGS = {"at": _("When"), "what": _("What"), "whose": _("Whose account"), "by": _("By"), "more": _("More")}
SOMEBODY_ELSE = _("Somebody outside the school")
ALTERATIONS = {
    "changed": _("It was changed"),
    "dropped": _("Something is missing"),
    "added": _("It was put in without being recorded"),
    "reordered": _("It stands at another place"),
    "backdated": _("It was given an earlier date"),
    "head": _("The record is not the one that a seal was made of"),
}
EXPORTS = {"pupil": _("Export of one pupil"), "incident": _("Export of one incident"), "school": _("Export of the whole record")}
OPENINGS = {
    "incident": _("opened an incident"),
    "pupil": _("opened the pupil’s page"),
    "chronology": _("read the chronology"),
    "print": _("printed the chronology"),
    "export": _("took out the record"),
    "file": _("opened a file"),
    "break_glass": _("opened an incident for the trust"),
    "search": _("searched for pupils"),
}
UNUSUAL = {
    "own_child": _("Own child’s record"),
    "refused": _("Tried and was not let"),
    "out_of_hours": _("Out of hours"),
    "many": _("Very much in one hour"),
}
"""What stands out in who read what."""
ENTRY_KINDS = {"incident": _("Incident"), "action": _("Action"), "correction": _("Correction"), "status": _("How it stands")}
ACTIONS = {
    "done": _("Something done"),
    "asked": _("Asked of somebody"),
    "outcome": _("Outcome of what was asked"),
    "reassigned": _("Given to another"),
    "referral": _("Referral"),
    "referral_outcome": _("Outcome of a referral"),
    "not_referred": _("Decision not to refer"),
    "parent_contact": _("Contact with parents"),
}
"""Kinds of action, as they stand above an entry."""
ACTION_CHOICES = {
    "done": _("Something was done"),
    "asked": _("Ask somebody"),
    "parent_contact": _("Contact with parents"),
    "referral": _("Referral"),
    "not_referred": _("Decision not to refer"),
}
ACTION_HEADINGS = {
    "done": _("Add action"),
    "asked": _("Ask somebody to do something"),
    "outcome": _("What came of it?"),
    "reassigned": _("Give it to somebody else"),
    "referral": _("Add a referral"),
    "referral_outcome": _("Outcome of the referral"),
    "not_referred": _("Add a decision not to refer"),
    "parent_contact": _("Add contact with parents"),
}
STATUSES = {"open": _("Open"), "monitoring": _("Monitoring"), "closed": _("Closed")}
DUE = {"open": _("Due %(day)s"), "due": _("Due today"), "overdue": _("Overdue since %(day)s"), "done": _("Done")}
"""How something asked stands."""


SCANS = {
    "not_scanned": _("Not scanned for viruses"),
    "waiting": _("Being scanned for viruses: it can be opened when that is done"),
    "clean": _("Scanned for viruses: none were found"),
    "infected": _("A virus was found in it: nobody can open it"),
}
_SORTS = (
    ("image/", _("Picture")),
    ("audio/", _("Sound recording")),
    ("video/", _("Video")),
    ("application/pdf", _("PDF")),
    ("message/", _("E-mail")),
    ("application/vnd.ms-outlook", _("E-mail")),
    ("application/zip", _("Archive")),
)
"""How media types begin, and what such a file is. Any other is a document: what else is taken is text, or of an office."""
FILE_KINDS = {
    "pictures": _("Pictures (from any phone or camera)"),
    "documents": _("Documents (PDF, Word, Excel, PowerPoint, OpenDocument, text)"),
    "audio": _("Sound recordings"),
    "video": _("Videos"),
    "email": _("E-mail (.eml, .msg)"),
    "archives": _("Archives (zip): what is in them cannot be shown here"),
}


def role(code: str) -> str:
    """Return what a role is called."""
    return str(ROLES.get(code, code))


def roles(codes: list[str]) -> str:
    """Return what roles are called, as one phrase."""
    return ", ".join(role(code) for code in codes)


def spans() -> list[tuple[str, str]]:
    """Return what days of a calendar can be; "" is not chosen yet, "none" does not count."""
    return [("", gettext("Choose")), *((code, str(said)) for code, said in SPANS.items()), ("none", gettext("Does not count"))]


def asked() -> list[tuple[str, str]]:
    """Return whom a step of asking again can be for."""
    return [(code, str(said)) for code, said in ASKED.items()]


def weekdays() -> list[tuple[str, str]]:
    """Return the days of the week, Monday first, as "0" to "6"."""
    return [(str(n), format_date(date(2024, 1, 1 + n), "EEEE", locale=_locale())) for n in range(7)]


def reasons(codes: list[str], known: Any) -> str:
    """Return why somebody was told, as one phrase: the groups they are in, by name, or what else."""
    said = {"named": _("by name"), "covers": _("stands in for somebody who is away"), "nobody_here": _("everybody else is away")}
    return ", ".join(str(said.get(code) or known.group(code)) for code in codes)


def waits(said: str) -> str:
    """Return that roles wait for a DSL."""
    return gettext("waits: %(roles)s", roles=said)


def _clock(moment: datetime) -> str:
    return f"{moment.hour}:{moment.minute:02}"


def day(value: date, *, today: date) -> str:
    """Return a day as people say it: "today", "yesterday", "tomorrow", "Tuesday 3 March" or, in another year, "3 March 2024"."""
    distance = (today - value).days
    if distance == 0:
        return gettext("today")
    if distance == 1:
        return gettext("yesterday")
    if distance == -1:
        return gettext("tomorrow")
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


def exact(moment: datetime, zone: ZoneInfo, precision: str = "exact") -> str:
    """Return the time for hovering and screen readers, as exactly as it is known: "Tuesday 3 March 2026, 12:47:05", or to the day."""
    local = moment.astimezone(zone)
    said = f"{format_date(local, 'EEEE', locale=_locale())} {long_day(local.date())}"
    if precision == "about":
        return gettext("%(day)s at about %(time)s", day=said, time=_clock(local))
    return said if precision == "day" else f"{said}, {local:%H:%M:%S}"


def is_near(moment: datetime, zone: ZoneInfo) -> bool:
    """Whether a day is said as today, yesterday or tomorrow, which names no day."""
    return abs((clock.now().astimezone(zone).date() - moment.astimezone(zone).date()).days) <= 1


def taken(said: str) -> str:
    """Return when a picture says it was taken ("2026:03:10 12:47:00", no zone) as people say it; what reads otherwise, as it stands."""
    try:
        moment = datetime.strptime(said, "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return said
    return gettext("%(day)s at %(time)s", day=long_day(moment.date()), time=_clock(moment))


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


def due(state: str, day_due: date, *, zone: ZoneInfo) -> str:
    """Return how something asked stands: "Due Tuesday 3 March", "Due today", "Overdue since 3 March 2024", "Done"."""
    return str(DUE[state]) % {"day": day(day_due, today=clock.now().astimezone(zone).date())}


def follow_up_due(day_due: date, *, zone: ZoneInfo) -> tuple[str, bool]:
    """Return how the earliest follow-up of an incident stands, "Follow-up due Tuesday 3 March", and whether its day is past."""
    today = clock.now().astimezone(zone).date()
    if day_due < today:
        return gettext("Follow-up overdue since %(day)s", day=day(day_due, today=today)), True
    return gettext("Follow-up due %(day)s", day=day(day_due, today=today)), False


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


def sort_of_file(media_type: str) -> str:
    """Return what sort of file it is, in a word."""
    return next((str(word) for start, word in _SORTS if media_type.startswith(start)), gettext("Document"))


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
