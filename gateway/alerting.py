"""The part of a form that says who will be sent an alert: groups preselected, people added, and what comes of it."""

from dataclasses import dataclass, field
from uuid import UUID

from gateway import rpc
from gateway.forms import Form
from gateway.schools import Known
from gateway.session import Here
from safekeep.contracts.identity import StaffItem
from safekeep.contracts.incidents import Alert, AlertPreview, EntryItem, LosingItem, PreviewAlert


@dataclass(slots=True)
class Alerting:
    """What the page shows of the alert. `preview` is None where incidents could not say."""

    preview: AlertPreview | None
    people: list[UUID]
    found: list[StaffItem] = field(default_factory=list)
    was_shown: bool = False
    entries: dict[UUID, EntryItem] = field(default_factory=dict)  # of the incident it is about, for saying which are meant
    unread: set[UUID] = field(default_factory=set)  # who loses sight with an alert that they have not read

    @property
    def count(self) -> int:
        """How many people will be sent it."""
        return len(self.preview.recipients) if self.preview else 0

    @property
    def shown(self) -> str:
        """Who is shown as being sent it, and as losing sight, as one value: so that the page can tell whether the writer has seen it."""
        return " ".join(_shown(self.preview)) if self.preview else ""

    def why_not(self, person_id: UUID) -> str:
        """Return why a person added by name cannot be sent it, or ""."""
        return next((u.why for u in self.preview.untold if u.person_id == person_id), "") if self.preview else ""

    def is_granted(self, person_id: UUID) -> bool:
        """Whether their role does not open it, so that sending it is a DSL's grant."""
        return self.preview is not None and any(item.person_id == person_id for item in self.preview.opens)

    def opened(self, person_id: UUID) -> list[EntryItem]:
        """Return which entries that are there already the grant opens to them."""
        items = self.preview.opens if self.preview else []
        return [self.entries[id_] for item in items if item.person_id == person_id for id_ in item.entry_ids if id_ in self.entries]

    def lost(self, item: LosingItem) -> list[EntryItem]:
        """Return which entries somebody loses sight of."""
        return [self.entries[id_] for id_ in item.entry_ids if id_ in self.entries]

    def needs_reason(self, person_id: UUID) -> bool:
        """Whether the page asks why this person needs to know."""
        return self.preview is not None and person_id in self.preview.need_reason


def work_out(form: Form, *, here: Here, known: Known, pupil_ids: list[UUID], category_codes: list[str], incident_id: UUID | None = None) -> Alerting:
    """Ask incidents what the alert comes to. Groups newly called for are chosen, once; those no longer called for are let go.

    Raises Unavailable, and what incidents refuses.
    """
    codes = [code for code in category_codes if code in known.categories]
    offered = {group.code for group in known.school.groups}
    people = [person for person in form.as_ids("staff_ids") if person in known.staff]
    preview = _ask(form, here=here, pupil_ids=pupil_ids, codes=codes, incident_id=incident_id, people=people, offered=offered)
    seen, called = set(form.one("groups_seen").split()), set(preview.groups_called_for)
    required = [group for group in preview.groups_required if not form.has("groups", group)]
    if called - seen or seen - called or required:
        for group in sorted(called - seen) + required:
            form.add("groups", group)
        for group in seen - called:
            form.remove("groups", group)
        form.put("groups_seen", " ".join(sorted(called)))
        preview = _ask(form, here=here, pupil_ids=pupil_ids, codes=codes, incident_id=incident_id, people=people, offered=offered)
    shown = form.fields.get("shown")
    return Alerting(preview, people, was_shown=shown is not None and set(shown[0].split()) == set(_shown(preview)))


def _shown(preview: AlertPreview) -> list[str]:
    return [str(r.person_id) for r in preview.recipients] + [f"not-{person}" for person in preview.loses_sight]


def alert_of(form: Form) -> Alert:
    """Return the alert as the form asks for it. Raises Invalid."""
    asked = form.as_ids("ask_dsl")
    people = [person for person in form.as_ids("staff_ids") if person not in asked]
    reasons = {str(person): form.one(f"reason_{person}") for person in people if form.one(f"reason_{person}").strip()}
    return rpc.build(Alert, groups=form.many("groups"), staff_ids=people, reasons=reasons, ask_dsl=asked)


_FIELD_OF = {
    "alert.groups": "groups",
    "alert.staff_ids": "staff_q",
    "alert.ask_dsl": "staff_q",
    "staff_ids": "staff_q",
    "ask_dsl": "staff_q",
    "receipts": "files",
    "file_ids": "files",
}


def field_of(path: str) -> str:
    """Return beside which field of the page a problem stands, by its path in what was sent; some fields nobody sees, some have another name there."""
    parts = path.split(".")
    if "reasons" in parts and len(parts) > 1:
        return f"reason_{parts[-1]}"
    return _FIELD_OF.get(path, _FIELD_OF.get(".".join(parts[:2]), parts[0]))


def refuse_without_reasons(form: Form, alerting: Alerting) -> None:
    """Note a problem for each person of whom the page asks why they need to know, and no answer was given."""
    for person in alerting.people:
        if alerting.needs_reason(person) and not form.one(f"reason_{person}").strip() and not form.has("ask_dsl", str(person)):
            form.refuse(f"reason_{person}", "reason_needed")


def refuse_undecided(form: Form, alerting: Alerting) -> None:
    """Note a problem for each person who loses sight of whom it is not said whether they keep it, and where those who do have no reason."""
    losing = alerting.preview.losing if alerting.preview else []
    for item in losing:
        if form.one(f"sight_{item.person_id}") not in {"keep", "let_go"}:
            form.refuse(f"sight_{item.person_id}", "keep_or_let_go")
    if kept(form, alerting) and not form.one("keep_reason").strip():
        form.refuse("keep_reason", "reason_needed")


def kept(form: Form, alerting: Alerting) -> list[UUID]:
    """Return who of those who would lose sight keeps it."""
    losing = alerting.preview.losing if alerting.preview else []
    return [item.person_id for item in losing if form.one(f"sight_{item.person_id}") == "keep"]


def _ask(
    form: Form, *, here: Here, pupil_ids: list[UUID], codes: list[str], incident_id: UUID | None, people: list[UUID], offered: set[str]
) -> AlertPreview:
    """Ask incidents. Only what the school has is asked about: what else was sent is refused when it is to be recorded, beside its field."""
    request = rpc.build(
        PreviewAlert,
        pupil_ids=pupil_ids[:51],
        category_codes=codes[:15],
        incident_id=incident_id,
        alert={"groups": [group for group in form.many("groups") if group in offered][:30], "staff_ids": people[:300]},
    )
    return rpc.ask(request, token=here.token)
