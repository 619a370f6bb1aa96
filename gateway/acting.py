"""Kinds of action on a form: which there are for whom, what each asks, and what is sent of it."""

from datetime import datetime
from typing import Any, Final

from flask_babel import gettext

from gateway import forms
from gateway.forms import Form
from gateway.schools import Known
from gateway.session import Here
from safekeep import permissions
from safekeep.contracts.identity import StaffItem
from safekeep.contracts.incidents import FollowUpItem, IncidentAnswer
from safekeep.errors import NotFound

OFFERED: Final = ("done", "asked", "parent_contact", "referral", "not_referred")
"""Kinds that are chosen on the form; the others are come to from what they are of."""
OF_SOMETHING: Final = ("outcome", "reassigned", "referral_outcome")
GIVES: Final = ("asked", "reassigned")
FIELDS: Final = {"owner_id": "owner_id", "at": "when_date", "kind": "kind"}
"""The form's fields by the contract's, where they are called otherwise."""

OWN: Final = {
    "asked": ("owner_id", "due_on", "spoken", "spoken_when"),
    "parent_contact": ("parent_told", "to", "when_date", "when_time", "answer"),
    "referral": ("to", "when_date", "when_time", "outcome"),
    "not_referred": ("to",),
}
"""What the form asks of each kind that is chosen on it, beside its text."""


def kind_of(form: Form) -> str:
    """Return the kind the form is for."""
    kind = form.one("kind")
    return kind if kind in OFFERED + OF_SOMETHING else "done"


def offered(incident: IncidentAnswer) -> list[str]:
    """Return the kinds this person may choose."""
    return [kind for kind in OFFERED if kind != "not_referred" or incident.may_decide]


def carried(form: Form) -> list[tuple[str, str]]:
    """Return what was typed for other kinds than the one the form is for: it goes with the form, for who chooses that kind again."""
    shown = OWN.get(kind_of(form), ())
    others = dict.fromkeys(name for names in OWN.values() for name in names if name not in shown)
    return [(name, form.one(name)) for name in others if form.one(name)]


def begin(form: Form, *, kind: str, of: str, here: Here, known: Known, incident: IncidentAnswer) -> None:
    """Fill in a form that is new: what it is of, and that who asked (and who was asked before) is told. Raises NotFound("follow_up")."""
    form.put("kind", kind)
    if kind not in OF_SOMETHING:
        return
    form.put("of_id", of)
    asked = follow_up(form, incident)
    if asked is None:
        return
    told = {asked.asked_by: gettext("They asked for it")}
    if asked.owner_id and kind == "reassigned":
        told[asked.owner_id] = gettext("It was asked of them until now")
    for person, reason in told.items():
        if person != here.answer.person_id and person in known.staff and known.staff[person].active:
            form.add("staff_ids", str(person))
            form.put(f"reason_{person}", reason)
    form.put("due_on", asked.due_on.isoformat() if kind == "reassigned" else "")


def follow_up(form: Form, incident: IncidentAnswer) -> FollowUpItem | None:
    """Return what the form closes or gives to another; None where it is of nothing that was asked. Raises NotFound("follow_up")."""
    if kind_of(form) not in ("outcome", "reassigned"):
        return None
    of_id = form.as_id("of_id")
    found = next((item for item in incident.follow_ups if item.id == of_id), None)
    if found is None:
        raise NotFound("follow_up")
    return found


def choices(known: Known, *, here: Here) -> list[tuple[str, str]]:
    """Return whom something can be asked of, by id and name with job: everybody who records, who asks first."""

    def label(person: StaffItem) -> str:
        if person.person_id == here.answer.person_id:
            return str(gettext("%(name)s (you)", name=person.name))
        return ", ".join(filter(None, (person.name, person.job)))

    able = [p for p in known.staff.values() if p.active and permissions.may_record(p.roles)]
    able.sort(key=lambda p: (p.person_id != here.answer.person_id, p.name))
    return [("", gettext("Choose a person")), *((str(p.person_id), label(p)) for p in able)]


def put_owner_in(form: Form, *, here: Here) -> None:
    """Have who is asked among those who are told, and who was chosen before them no longer."""
    owner = form.one("owner_id").strip() if kind_of(form) in GIVES else ""
    seen = form.one("owner_seen")
    if seen and seen != owner:
        form.remove("staff_ids", seen)
    if owner and owner != str(here.answer.person_id):
        form.add("staff_ids", owner)
        if not form.one(f"reason_{owner}").strip():
            form.put(f"reason_{owner}", gettext("They are asked to do something about it"))
    form.put("owner_seen", owner)


def details_of(form: Form, *, known: Known) -> dict[str, Any] | None:
    """Return what the form says of its kind, as the contract has it; problems are noted beside their fields."""
    kind = kind_of(form)
    if kind == "done":
        return None
    said: dict[str, Any] = {"kind": kind}
    if kind in OF_SOMETHING:
        said["of_id"] = form.as_id("of_id")
    if kind in GIVES:
        spoken = form.one("spoken")
        said |= {"owner_id": form.as_id("owner_id"), "due_on": form.as_day("due_on"), "spoken_when": form.one("spoken_when")}
        said["spoken"] = spoken if spoken in ("yes", "not_yet") else None
        if spoken == "not_yet":
            _refuse_words(form, "spoken_when")
    if kind in ("referral", "not_referred", "parent_contact"):
        said["to"] = form.one("to")
    if kind == "referral":
        said["outcome"] = form.one("outcome")
    if kind == "parent_contact":
        told = form.one("parent_told")
        said |= {"parent_told": {"yes": True, "no": False}.get(told), "answer": form.one("answer")}
        if told == "no":
            _refuse_words(form, "to", "when_date", "when_time", "answer")
    if kind == "referral" or (kind == "parent_contact" and form.one("parent_told") == "yes"):
        said["at"], said["precision"] = _when(form, known=known)
    return said


def _refuse_words(form: Form, *names: str) -> None:
    """Note each of these fields that has words in it: they follow from another answer than the one given, and would not be kept."""
    for name in names:
        if form.one(name).strip():
            form.refuse(name, "against_answer")


def _when(form: Form, *, known: Known) -> tuple[datetime | None, str]:
    """Return when it was: a day, with its time where that was given."""
    asked = Form({**form.fields, "when": ["exact" if form.one("when_time").strip() else "day"]})
    moment, precision = forms.when(asked, zone=known.zone)
    for name, code in asked.problems.items():
        form.refuse(name, code)
    return moment, precision


def field_of(path: str) -> str:
    """Return beside which field of the page a problem with the details stands."""
    name = path.removeprefix("details.").partition(".")[0]
    return FIELDS.get(name, name)


def due_now(items: list[FollowUpItem]) -> list[FollowUpItem]:
    """Return what is due today, overdue, or nobody's."""
    return [item for item in items if item.state in ("due", "overdue") or (item.owner_id is None and item.state != "done")]
