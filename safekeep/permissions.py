"""Who may do what: the permission table of the design, written once.

`Reading` is evaluated in Python for one entry (`may_read`) and compiled to SQL by the store of `incidents` for lists;
a property test holds the two together. Everything here is pure.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from uuid import UUID

from safekeep.actor import Actor


class Class(IntEnum):
    """How closely an entry is kept. The highest class among its categories wins."""

    GENERAL = 1
    WELFARE = 2
    SAFEGUARDING = 3
    PROTECTION = 4

    @property
    def code(self) -> str:
        """The word on the wire: "general" to "protection"."""
        return self.name.lower()

    @classmethod
    def of(cls, code: str) -> "Class":
        """Return the class with that code. Raises KeyError when there is none."""
        return cls[code.upper()]


class Role(StrEnum):
    """The roles of the permission table."""

    DSL = "dsl"
    DEPUTY_DSL = "deputy_dsl"
    SLT = "slt"
    TEACHER = "teacher"
    ADMIN = "admin"
    PASTORAL = "pastoral"
    SPORTS_COACH = "sports_coach"
    GOVERNOR = "governor"
    TRUST_SAFEGUARDING_LEAD = "trust_safeguarding_lead"
    TRUST_IT = "trust_it"


SAFEGUARDING_LEADS = frozenset({Role.DSL, Role.DEPUTY_DSL})
WRITE_ONLY = frozenset({Role.TEACHER, Role.ADMIN, Role.PASTORAL, Role.SPORTS_COACH})
CONFIRMED_ROLES = SAFEGUARDING_LEADS | {Role.SLT}
"""Roles that open records by themselves: given by trust IT they wait for a DSL, and their second factor is always Safekeep's own."""
TRUST_ROLES = frozenset({Role.TRUST_IT, Role.TRUST_SAFEGUARDING_LEAD})
CONFIRMED_AT_TRUST = frozenset({Role.TRUST_SAFEGUARDING_LEAD})
"""The trust's role that is meant to open a record in an emergency: given by trust IT it waits for a DSL of one of the trust's schools."""
KNOWN_IN_PERSON = CONFIRMED_ROLES | CONFIRMED_AT_TRUST
"""Even their first key takes a person who knows them: whoever owns the mailboxes could use a new account's link before they do."""
FACTOR_ROLES = CONFIRMED_ROLES | TRUST_ROLES
"""Always need a second factor; a school may require it of more."""
RECORDERS = SAFEGUARDING_LEADS | WRITE_ONLY | {Role.SLT}
"""Who records: everybody who works in the school. Governors and the trust's people do not."""

_READS = {
    Role.DSL: Class.PROTECTION,
    Role.DEPUTY_DSL: Class.PROTECTION,
    Role.SLT: Class.WELFARE,
}
"""The highest class a role reads because it is that role; other roles read none."""

SAFEGUARDING_TEAM = "safeguarding_team"
SLT_GROUP = "slt"
ROLE_GROUPS: dict[str, frozenset[Role]] = {
    SAFEGUARDING_TEAM: SAFEGUARDING_LEADS,
    SLT_GROUP: frozenset({Role.SLT}),
}
"""Groups that follow from roles. A school's own groups have members instead."""


@dataclass(frozen=True, slots=True)
class Category:
    """A category as permissions see it: its code, class, the groups it calls for, and who may allocate it."""

    code: str
    class_: Class
    groups: tuple[str, ...]
    leads_only: bool


_BOTH = (SAFEGUARDING_TEAM, SLT_GROUP)
FIRST_CATEGORIES: tuple[Category, ...] = (
    Category("behaviour", Class.GENERAL, (SLT_GROUP,), False),
    Category("send", Class.GENERAL, (SLT_GROUP,), False),
    Category("attendance", Class.GENERAL, (SLT_GROUP,), False),
    Category("medical", Class.GENERAL, (SLT_GROUP,), False),
    Category("parental_contact", Class.GENERAL, _BOTH, False),
    Category("significant_event", Class.GENERAL, _BOTH, False),
    Category("bullying", Class.GENERAL, _BOTH, False),
    Category("welfare", Class.WELFARE, (SAFEGUARDING_TEAM,), False),
    Category("home_domestic", Class.WELFARE, (SAFEGUARDING_TEAM,), False),
    Category("out_of_school", Class.WELFARE, (SAFEGUARDING_TEAM,), False),
    Category("safeguarding_concern", Class.SAFEGUARDING, (SAFEGUARDING_TEAM,), False),
    Category("safeguarding_meeting", Class.SAFEGUARDING, (SAFEGUARDING_TEAM,), False),
    Category("not_sure", Class.SAFEGUARDING, (SAFEGUARDING_TEAM,), False),
    Category("child_protection", Class.PROTECTION, (SAFEGUARDING_TEAM,), True),
    Category("child_in_need", Class.PROTECTION, (SAFEGUARDING_TEAM,), True),
)
"""The first setting of a new school's categories (the design's permission table)."""


def is_lead(roles: Collection[str]) -> bool:
    """Whether one of the roles is DSL or deputy DSL."""
    return not SAFEGUARDING_LEADS.isdisjoint(roles)


def highest_class_read(roles: Collection[str]) -> Class | None:
    """Return the highest class these roles open by themselves, or None when they open none."""
    return max((_READS[role] for role in map(Role, roles) if role in _READS), default=None)


def may_record(roles: Collection[str]) -> bool:
    """Whether these roles record incidents and add actions."""
    return not RECORDERS.isdisjoint(roles)


def may_allocate(roles: Collection[str], category: Category) -> bool:
    """Whether these roles may give an entry this category."""
    return is_lead(roles) if category.leads_only else may_record(roles)


def class_of(categories: Iterable[Category]) -> Class:
    """Return the highest class among the categories. Raises ValueError when there are none."""
    return max(category.class_ for category in categories)


def groups_called_for(categories: Collection[Category]) -> frozenset[str]:
    """Return the groups preselected for these categories, leaving out role groups whose role does not read the class."""
    class_ = class_of(categories)
    return frozenset(group for category in categories for group in category.groups if group_opens(group, class_))


def group_opens(group: str, class_: Class) -> bool:
    """Whether a group that follows from roles has roles that read the class; a school's own groups are judged by member."""
    roles = ROLE_GROUPS.get(group)
    return roles is None or any((highest_class_read({role}) or 0) >= class_ for role in roles)


def groups_required(class_: Class) -> frozenset[str]:
    """Return the groups that cannot be taken off an alert of this class: the Safeguarding team from welfare up."""
    return frozenset({SAFEGUARDING_TEAM}) if class_ >= Class.WELFARE else frozenset()


class Telling(StrEnum):
    """Whether a person may be sent an alert to an entry."""

    ALLOWED = "allowed"
    NEED_TO_KNOW = "need_to_know"  # allowed; the page asks why they need to know
    ASK_A_DSL = "ask_a_dsl"  # their role does not open it: a DSL may grant it, others ask one
    NEVER = "never"  # governors, the trust's people, leavers, and those the entry concerns


def may_be_told(*, roles: Collection[str], class_: Class, concerned: bool) -> Telling:
    """Whether a person with these roles may be sent an alert to an entry of this class.

    `concerned` says that they or their child are the pupil or linked: then never, whatever their role.
    """
    if concerned or not may_record(roles):
        return Telling.NEVER
    if (highest_class_read(roles) or 0) >= class_:
        return Telling.ALLOWED
    if class_ <= Class.WELFARE and not WRITE_ONLY.isdisjoint(roles):
        return Telling.NEED_TO_KNOW
    return Telling.ASK_A_DSL


def reasons_seen(because: Iterable[str], *, flagged: Mapping[str, str], opens: Class | None) -> list[str]:
    """Return for which reasons somebody was told, as who reads up to a class may know: nothing that gives away a flag they may not see.

    None at all: that this person was told is not for them to know either.
    """
    return [reason for reason in because if reason not in flagged or Class.of(flagged[reason]) <= (opens or 0)]


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """What reading depends on. `rights` maps a person to the highest class their alert or grant to it covers.

    `kept_to` are those who alone read an entry about an adult of the school, recorded here by mistake and restricted; else None.
    `left_to` holds who stands in for the DSLs (by a grant made beforehand), where it concerns every one of them; else nobody.
    """

    author_id: UUID
    class_: Class
    concerned: frozenset[UUID]
    rights: dict[UUID, Class]
    kept_to: frozenset[UUID] | None = None
    left_to: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Reading:
    """The reading rule for one person, as data: own words; or not concerned and (role's class, a right, or standing in); or kept to them.

    The rule: `author = person OR (NOT concerned AND (class <= role_class OR class <= the person's right to the entry OR it is left to them))`,
    of what is restricted `author = person OR (NOT concerned AND kept to the person)`. Who records nothing reads only what is kept to them.
    """

    person_id: UUID
    role_class: Class | None
    records: bool = True

    def covers(self, entry: EntryFacts) -> bool:
        """Whether the person may read this entry."""
        return (self.records and entry.author_id == self.person_id) or self.opens(entry)

    def opens(self, entry: EntryFacts) -> bool:
        """Whether they may read it whoever wrote it. Who reads it only as its author is told nothing that came to it later."""
        if self.person_id in entry.concerned:
            return False
        if entry.kept_to is not None:
            return self.person_id in entry.kept_to
        if not self.records:
            return False
        if self.person_id in entry.left_to:
            return True
        if self.role_class is not None and entry.class_ <= self.role_class:
            return True
        right = entry.rights.get(self.person_id)
        return right is not None and entry.class_ <= right


def reading(actor: Actor) -> Reading:
    """Return the reading rule of the actor. Roles that record nothing (governors, trust) read no entry but one kept to the chair."""
    assert actor.person_id is not None, "a service reads no entry"
    return Reading(person_id=actor.person_id, role_class=highest_class_read(actor.roles), records=may_record(actor.roles))


SCOPES: tuple[str, ...] = ("pupils.import", "counts.read")
"""What a machine of a school may be let do: a row of `METHODS` names it as `machine:<scope>`."""
TRUST_SCOPES: tuple[str, ...] = ("trust.counts.read",)
"""What a machine of a trust may be let do. No scope is of both."""

ANYONE = frozenset({"anyone"})
"""May be called without a token: the call itself carries its proof (a password, a session)."""

_MEMBERS = frozenset(Role) - TRUST_ROLES
_SCHOOL = frozenset(RECORDERS)
_LEADS = frozenset(SAFEGUARDING_LEADS)
KEEPERS = frozenset({Role.SLT, Role.GOVERNOR})
"""Whose roles the head, and the chair of governors, have: to one of them an entry about an adult of the school is kept."""
_READERS = _SCHOOL | {Role.GOVERNOR}
_KEEPERS = _LEADS | KEEPERS
_CONSOLE = _LEADS | {Role.TRUST_IT}
_PLANNERS = _LEADS | {Role.TRUST_SAFEGUARDING_LEAD}
"""Who keeps meetings and approves the reports to them: a school's DSLs the school's, a trust's safeguarding lead the trust's own."""

METHODS: dict[str, frozenset[str]] = {
    # identity
    "identity.sign_in": ANYONE,
    "identity.session": ANYONE,
    "identity.seen": ANYONE,
    "identity.sign_out": ANYONE,
    "identity.lock": ANYONE,
    "identity.begin_proof": ANYONE,
    "identity.prove": ANYONE,
    "identity.ask_password": ANYONE,
    "identity.use_link": ANYONE,
    "identity.set_password": ANYONE,
    "identity.account": ANYONE,
    "identity.end_session": ANYONE,
    "identity.begin_totp": ANYONE,
    "identity.add_totp": ANYONE,
    "identity.begin_key": ANYONE,
    "identity.add_key": ANYONE,
    "identity.new_recovery_codes": ANYONE,
    "identity.disable_factor": ANYONE,
    "identity.use_pass": ANYONE,
    "identity.confirm_own_role": ANYONE,
    "identity.first_administrator": frozenset({"service:operator"}),
    "identity.begin": ANYONE,
    "identity.add_trust": frozenset({"service:operator"}),
    "identity.help_lost_keys": frozenset({"service:operator"}),
    "identity.add_school": frozenset({"service:operator", Role.TRUST_IT}),
    "identity.trust_schools": frozenset({Role.TRUST_IT, Role.TRUST_SAFEGUARDING_LEAD}),
    "identity.trust_people": _CONSOLE,
    "identity.keep_trust_person": frozenset({Role.TRUST_IT}),
    "identity.close_trust_person": frozenset({Role.TRUST_IT}),
    "identity.confirm_trust_role": _LEADS,
    "identity.add_staff": _CONSOLE,
    "identity.members": _CONSOLE,
    "identity.change_member": _CONSOLE,
    "identity.close_member": _CONSOLE,
    "identity.send_link": _CONSOLE,
    "identity.disable_factors": _CONSOLE,
    "identity.confirm_role": _LEADS,
    "identity.give_pass": _LEADS,
    "identity.sign_in_policy": _LEADS,
    "identity.set_policy": _LEADS,
    "identity.keep_school": _LEADS,
    "identity.keep_category": _LEADS,
    "identity.keep_group": _LEADS,
    "identity.keep_template": _LEADS,
    "identity.absences": _SCHOOL,
    "identity.keep_absence": _SCHOOL,
    "identity.end_absence": _SCHOOL,
    "identity.audit": _LEADS,
    "identity.export_audit": _LEADS,
    "identity.provider_offers": ANYONE,
    "identity.begin_sign_on": ANYONE,
    "identity.finish_sign_on": ANYONE,
    "identity.providers": _CONSOLE,
    "identity.keep_provider": _CONSOLE,
    "identity.remove_provider": _CONSOLE,
    "identity.unlink_person": _CONSOLE,
    "identity.address_state": _CONSOLE,
    "identity.change_address": _CONSOLE,
    "identity.confirm_address": _LEADS,
    "identity.machines": _CONSOLE,
    "identity.add_machine": _CONSOLE,
    "identity.revoke_machine": _CONSOLE,
    "identity.trust_machines": frozenset({Role.TRUST_IT}),
    "identity.add_trust_machine": frozenset({Role.TRUST_IT}),
    "identity.revoke_trust_machine": frozenset({Role.TRUST_IT}),
    "identity.give_access_token": ANYONE,
    "identity.machine_session": ANYONE,
    "identity.begin_job": _SCHOOL,
    "identity.act_for": frozenset({"service:incidents", "service:reports"}),
    "identity.letter": frozenset({"service:alerts"}),
    "identity.school": _MEMBERS,
    "identity.staff": _SCHOOL,
    "identity.addresses": frozenset({"service:alerts"}),
    "identity.seed": frozenset({"service:demo"}),
    # incidents
    "incidents.search_pupils": _SCHOOL,
    "incidents.pupil": _SCHOOL,
    "incidents.preview_alert": _SCHOOL,
    "incidents.coach": _SCHOOL,
    "incidents.years_and_forms": _LEADS,
    "incidents.register": _LEADS,
    "incidents.record": _SCHOOL,
    "incidents.outcome": _SCHOOL,
    "incidents.add_action": _SCHOOL,
    "incidents.set_status": _LEADS,
    "incidents.follow_ups": _SCHOOL,
    "incidents.quiet": _LEADS,
    "incidents.led": _LEADS,
    "incidents.add_correction": _LEADS,
    "incidents.assign_pupil": _LEADS,
    "incidents.ask_correction": _SCHOOL,
    "incidents.decline_correction": _LEADS,
    "incidents.open_correction_requests": _LEADS,
    "incidents.my_correction_requests": _SCHOOL,
    "incidents.restrict": _LEADS,
    "incidents.lift_restriction": _KEEPERS,
    "incidents.waiting": _LEADS,
    "incidents.take_lead": _LEADS,
    "incidents.hand_lead": _LEADS,
    "incidents.number_of": frozenset({"service:alerts"}),
    "incidents.incident": _READERS,
    "incidents.summaries": _READERS,
    "incidents.my_entries": _SCHOOL,
    "incidents.chronology": _SCHOOL,
    "incidents.set_flag": _LEADS,
    "incidents.set_relatives": _LEADS,
    "incidents.answer_ask": _LEADS,
    "incidents.open_asks": _LEADS,
    "incidents.stand_ins": _LEADS,
    "incidents.keep_stand_in": _LEADS,
    "incidents.end_stand_in": _LEADS,
    "incidents.releases": _SCHOOL,
    "incidents.mark_release_read": _SCHOOL,
    "incidents.permit_file": _READERS,
    "incidents.block_file": _LEADS,
    "incidents.decide_file": _LEADS,
    "incidents.propose_destruction": _LEADS,
    "incidents.decide_destruction": _LEADS,
    "incidents.attached": frozenset({"service:files"}),
    "incidents.pupil_openings": _LEADS,
    "incidents.person_openings": _LEADS,
    "incidents.readers_of_records": _LEADS,
    "incidents.add_pupils": _LEADS | {"machine:pupils.import"},
    "incidents.proof": _LEADS,
    "incidents.keep_witness": _LEADS,
    "incidents.end_witness": _LEADS,
    "incidents.begin_export": _LEADS,
    "incidents.export": _LEADS,
    "incidents.export_piece": _LEADS,
    "incidents.enter_document": _LEADS,
    "incidents.enter_trust_report": frozenset({Role.TRUST_SAFEGUARDING_LEAD}),
    "incidents.break_glass": frozenset({Role.TRUST_SAFEGUARDING_LEAD}),
    "incidents.witnessed_head": frozenset({"service:alerts"}),
    "incidents.readable": _READERS,  # the chair marks as read what is kept to them
    "incidents.concerning": frozenset({"service:reports"}),
    "incidents.history": frozenset({"service:reports"}),
    "incidents.import_pupils": frozenset({"service:demo"}),
    "incidents.seed": frozenset({"service:demo"}),
    # alerts
    "alerts.inbox": _READERS,
    "alerts.unread": _READERS,
    "alerts.watch": ANYONE,
    "alerts.mark_read": _READERS,
    "alerts.readers": _SCHOOL,
    "alerts.calendar": _LEADS | {"service:reports"},
    "alerts.keep_calendar": _LEADS,
    "alerts.keep_subscription": _LEADS,
    "alerts.read_calendar": _LEADS,
    "alerts.escalation": _LEADS,
    "alerts.keep_escalation": _LEADS,
    "alerts.meanwhile": _SCHOOL,
    "alerts.unled": _LEADS,
    "alerts.askings": _LEADS,
    "alerts.notifications": _READERS,
    "alerts.keep_device": _READERS,
    "alerts.drop_device": _READERS,
    "alerts.try_device": _READERS,
    "alerts.first_readings": frozenset({"service:reports"}),
    # files
    "files.save_draft": _SCHOOL,
    "files.draft": _SCHOOL,
    "files.drafts": _SCHOOL,
    "files.discard_draft": _SCHOOL,
    "files.left_drafts": _LEADS,
    "files.save_body_map": _SCHOOL,
    "files.undo_body_map": _SCHOOL,
    "files.body_map": _SCHOOL,
    "files.papers": _LEADS,
    "files.add_paper": _LEADS,
    "files.drop_paper": _LEADS,
    "files.begin_upload": _SCHOOL,
    "files.finish_upload": _SCHOOL,
    "files.receipts": _SCHOOL,
    "files.names": _READERS,
    "files.read": _READERS,
    "files.kinds": _SCHOOL,
    "files.keep_kinds": _LEADS,
    "files.destroy_again": frozenset({"service:operator"}),
    # reports
    "reports.counts": _LEADS | {"machine:counts.read"},
    "reports.trust_counts": frozenset({Role.TRUST_SAFEGUARDING_LEAD, "machine:trust.counts.read"}),
    "reports.trust_reports": frozenset({Role.TRUST_SAFEGUARDING_LEAD}),
    "reports.trust_report": frozenset({Role.TRUST_SAFEGUARDING_LEAD}),
    "reports.trust_report_pdf": frozenset({Role.TRUST_SAFEGUARDING_LEAD}),
    "reports.rebuild": frozenset({"service:operator"}),
    "reports.chronology_pdf": _SCHOOL,
    "reports.my_documents": _SCHOOL,
    "reports.document_piece": _SCHOOL,
    # reports: packs
    "reports.preview_pack": _LEADS,
    "reports.make_pack": _LEADS,
    "reports.packs": _LEADS,
    "reports.confirm_receipt": _LEADS,
    # reports: meetings of governors, and a trust's own
    "reports.meetings": _PLANNERS,
    "reports.keep_cycle": _PLANNERS,
    "reports.keep_meeting": _PLANNERS,
    "reports.cancel_meeting": _PLANNERS,
    "reports.read_meetings": _PLANNERS,
    "reports.follow_calendar": _PLANNERS,
    "reports.make_draft": _PLANNERS,
    "reports.report_draft": _PLANNERS,
    "reports.keep_words": _PLANNERS,
    "reports.approve_report": _PLANNERS,
    "reports.published_reports": _PLANNERS | {Role.GOVERNOR},
    "reports.published_report": _PLANNERS | {Role.GOVERNOR},
    "reports.published_report_pdf": _PLANNERS | {Role.GOVERNOR},
    # reports: requests for information
    "reports.information_requests": _LEADS,
    "reports.information_request": _LEADS,
    "reports.enter_request": _LEADS,
    "reports.check_identity": _LEADS,
    "reports.take_more_time": _LEADS,
    "reports.nothing_held": _LEADS,
    "reports.request_letter": _LEADS,
    "reports.close_request": _LEADS,
    # reports: what is left out of a record before it is given
    "reports.record_page": _LEADS,
    "reports.record_list": _LEADS,
    "reports.keep_redactions": _LEADS,
    "reports.propose_redactions": _LEADS,
    "reports.confirm_redactions": _LEADS,
    "reports.take_back_redactions": _LEADS,
    "reports.redacted_record": _LEADS,
}
"""Which roles may call each RPC method at all; the service then decides about the thing itself.

A method that is not here cannot be called; a test finds methods and routes without a row.
"""

STEP_UP: frozenset[str] = frozenset(
    {
        "identity.begin_job",
        "identity.add_school",
        "identity.keep_trust_person",
        "identity.close_trust_person",
        "identity.confirm_trust_role",
        "identity.add_staff",
        "identity.change_member",
        "identity.close_member",
        "identity.confirm_role",
        "identity.send_link",
        "identity.disable_factors",
        "identity.give_pass",
        "identity.set_policy",
        "identity.keep_school",
        "identity.keep_category",
        "identity.keep_group",
        "identity.export_audit",
        "identity.keep_provider",
        "identity.remove_provider",
        "identity.unlink_person",
        "identity.change_address",
        "identity.confirm_address",
        "identity.add_machine",
        "identity.revoke_machine",
        "identity.add_trust_machine",
        "identity.revoke_trust_machine",
        "alerts.keep_calendar",
        "alerts.keep_subscription",
        "reports.follow_calendar",
        "alerts.keep_escalation",
        "incidents.add_pupils",
        "incidents.set_relatives",
        "incidents.answer_ask",
        "incidents.keep_stand_in",
        "incidents.end_stand_in",
        "incidents.begin_export",
        "incidents.break_glass",
        "incidents.export",
        "incidents.keep_witness",
        "incidents.end_witness",
        "incidents.restrict",
        "incidents.decide_file",
        "incidents.propose_destruction",
        "incidents.decide_destruction",
        "files.keep_kinds",
        "incidents.lift_restriction",
        "reports.chronology_pdf",
        "reports.nothing_held",
        "reports.propose_redactions",
        "reports.confirm_redactions",
        "reports.redacted_record",
        "reports.document_piece",
        "reports.make_pack",
    }
)
"""Administration, grants and exports: their second factor must have been used within `FRESH`."""


@dataclass(frozen=True, slots=True)
class Job:
    """Work for a person that goes on after, or beside, their call: whoever may call `asked_with` may have it done.

    `by` is the service that does it, with tokens for the process `audience` and these `methods`.
    """

    asked_with: str
    by: str
    audience: str
    methods: frozenset[str] = frozenset()


JOBS: dict[str, Job] = {
    "export": Job("incidents.begin_export", by="incidents", audience="ledger"),
    "chronology": Job("reports.chronology_pdf", by="reports", audience="incidents", methods=frozenset({"incidents.chronology"})),
    "pack": Job("reports.make_pack", by="reports", audience="incidents", methods=frozenset({"incidents.chronology", "incidents.enter_document"})),
    "record": Job(
        "reports.redacted_record", by="reports", audience="incidents", methods=frozenset({"incidents.chronology", "incidents.enter_document"})
    ),
    "file_names": Job("reports.chronology_pdf", by="reports", audience="files", methods=frozenset({"files.names"})),
}
"""Each step of a job gets a token of its own from identity, after roles are checked again (`identity.act_for`)."""


def may_have_done(roles: Collection[str], job: Job) -> bool:
    """Whether these roles may have such a job done."""
    return not METHODS[job.asked_with].isdisjoint(roles)


FRESH = timedelta(minutes=15)


def must_step_up(actor: Actor, method: str, *, now: datetime) -> bool:
    """Whether the second factor has to be used again first. People who need none and used none have nothing to step up to."""
    if method not in STEP_UP or actor.service is not None:
        return False
    if actor.second_factor_at is None:
        return not FACTOR_ROLES.isdisjoint(actor.roles)
    return now - actor.second_factor_at > FRESH


DRAFT_METHODS = frozenset({"files.save_draft", "identity.school"})
"""All that a session which has expired or is locked may still do: save its own author's draft, and show whom to find in person."""


def may_call(actor: Actor, method: str) -> bool:
    """Whether the actor may call the method at all. Unknown methods: nobody."""
    allowed = METHODS.get(method, frozenset())
    if actor.service is not None:
        return f"service:{actor.service}" in allowed and method in actor.methods
    if actor.machine_id is not None:
        of_its_place = actor.scopes.intersection(SCOPES if actor.school_id is not None else TRUST_SCOPES)
        return any(f"machine:{scope}" in allowed for scope in of_its_place)
    if actor.job_id is not None and method not in actor.methods:
        return False
    if actor.drafts_only and method not in DRAFT_METHODS:
        return False
    return not allowed.isdisjoint(actor.roles)
