"""What identity answers, and what it says has happened: schools, staff, sign-in, sessions."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from safekeep.contracts import Code, Contract, Event, Line, Moment, Name, Narrative, Nothing, Request, Zone

# --- sign-in and sessions ------------------------------------------------------------------------------------------


class SchoolPlace(Contract):
    """A school (or, with `is_trust`, a trust) where a person has roles. `slug` is its place in page addresses.

    `waiting`: roles that were given and do nothing before a DSL (or, for the first, the head's code) confirms them.
    """

    id: UUID
    slug: Code
    name: str
    roles: list[Code]
    is_trust: bool = False
    waiting: list[Code] = []


Stage = Literal["full", "second_factor", "enrol", "password"]
"""How far a sign-in has come: full; a second factor is asked for; one has to be set up first; a new password is needed."""


class SignedIn(Contract):
    """A session. `session_token` is the cookie or bearer value; only its hash is stored. `device_token`: to be kept by the browser."""

    session_token: str
    person_id: UUID
    name: str
    places: list[SchoolPlace]
    stage: Stage = "full"
    device_token: str = ""


class SignIn(Request[SignedIn]):
    """Sign in with e-mail address and password, and for programs the code.

    A browser (`in_steps`) gets a session that says at which `stage` it is; a program gets a whole one, or
    SecondFactorNeeded, NotAllowed("enrol_first" | "password_expired"). Raises SignInFailed, TooManyAttempts.
    """

    method: ClassVar[str] = "identity.sign_in"
    answer: ClassVar[type[Contract]] = SignedIn

    username: Line
    password: str
    code: str | None = None
    in_steps: bool = False
    device: Line = ""
    device_tokens: list[Line] = Field(default=[], max_length=10)  # of everybody who has signed in with this browser
    address: Line = ""


class KeyOptions(Contract):
    """What the browser's `navigator.credentials` is asked, as JSON (WebAuthn); "" when the person has no hard key."""

    options: str


class BeginProof(Request[KeyOptions]):
    """Begin proving with a hard key or passkey: a challenge, good for five minutes and for one use."""

    method: ClassVar[str] = "identity.begin_proof"
    answer: ClassVar[type[Contract]] = KeyOptions

    session_token: str


class Prove(Request[SignedIn]):
    """Prove again who is there: finishes a sign-in, unlocks, or steps up. The session gets a new token; the old one ends.

    One of: `code` (from the app, or a recovery code), `key` (the browser's WebAuthn answer, as JSON), or, to unlock only,
    `password`. Raises SignInFailed, TooManyAttempts, NotSignedIn.
    """

    method: ClassVar[str] = "identity.prove"
    answer: ClassVar[type[Contract]] = SignedIn

    session_token: str
    code: str = ""
    key: str = ""
    password: str = ""


class SessionAnswer(Contract):
    """A live session at one place: the actor token to call services with, and what the banner shows."""

    actor_token: str
    token_ends: Moment
    person_id: UUID
    name: str
    email: str
    place: SchoolPlace | None
    places: list[SchoolPlace]
    demo: bool
    expired: bool = False  # the session has ended: the token may only save a draft
    locked: bool = False  # nobody was there for a while: the token may only save a draft
    stage: Stage = "full"  # anything else: the token opens nothing
    session_id: UUID
    form_key: str  # what the forms of this session are signed with; the same when the session's token changes
    lock_minutes: int
    second_factor_at: Moment | None = None


class Session(Request[SessionAnswer]):
    """Turn a session into an actor token at the place with that slug (None: no place yet).

    A session that ran out (not one that was signed out) answers with `expired` and a token that only saves drafts.
    `active`: a person did this; what a page asks by itself does not keep the session from locking.
    Raises NotSignedIn for an unknown or ended session, NotFound("school") when the person has no role there.
    """

    method: ClassVar[str] = "identity.session"
    answer: ClassVar[type[Contract]] = SessionAnswer

    session_token: str
    slug: str | None = None
    active: bool = True


class SeenItem(Contract):
    """Somebody was at their session so many milliseconds ago. Its actor token, from identity's last answer, is the proof that it is theirs."""

    actor_token: str
    milliseconds_ago: int = Field(ge=0, le=60_000)


class Seen(Request[Nothing]):
    """Who was there while the gateway answered from what it remembers: they are not locked for being quiet. Refuses nobody; takes what is true."""

    method: ClassVar[str] = "identity.seen"
    answer: ClassVar[type[Contract]] = Nothing

    items: list[SeenItem] = Field(max_length=5_000)


class Lock(Request[Nothing]):
    """Lock a session until Prove. Locking a locked one changes nothing."""

    method: ClassVar[str] = "identity.lock"
    answer: ClassVar[type[Contract]] = Nothing

    session_token: str


class SignOut(Request[Nothing]):
    """End a session. Ending one that has ended already is no error."""

    method: ClassVar[str] = "identity.sign_out"
    answer: ClassVar[type[Contract]] = Nothing

    session_token: str


# --- the school ----------------------------------------------------------------------------------------------------


class CategoryItem(Contract):
    """A category of the school: `class_code` general, welfare, safeguarding or protection."""

    code: Code
    name: Name
    class_code: Code
    groups: list[Code]
    leads_only: bool


class GroupItem(Contract):
    """An alert group: from roles (`safeguarding_team`, `slt`) or the school's own, with `members`.

    One of the school's own may be called for by the pupil as well as by a category: by a flag they have, their year, or their form.
    """

    code: Code
    name: Name
    members: list[UUID]
    flags: list[Code] = Field(default=[], max_length=20)
    years: list[Name] = Field(default=[], max_length=100)
    forms: list[Name] = Field(default=[], max_length=300)


class DutyItem(Contract):
    """Somebody to find in person now: a DSL or deputy, with room and telephone."""

    person_id: UUID
    name: Name
    role: Code
    room: Line
    telephone: Line
    away_until: date | None = None  # the last day of an absence that holds today
    on_duty: bool = True  # by the school's setting, here or away


class ContactItem(Contract):
    """Whom to tell about an adult, and out of hours: head, chair_of_governors, local_authority_officer, out_of_hours."""

    kind: Literal["head", "chair_of_governors", "local_authority_officer", "out_of_hours"]
    name: Name
    telephone: Line
    note: Line = ""


class TemplateItem(Contract):
    """What an account may be started from: headings and questions, and the category chosen with it. Not `offered`: kept, and not shown to choose."""

    code: Code
    name: Name
    category_code: Code | None = None
    text: Narrative
    offered: bool = True


class SchoolAnswer(Contract):
    """A school as its staff see it. `zone` is an IANA time zone; `day_ends` is local "15:30"."""

    id: UUID
    slug: Code
    name: Name
    phase: Code
    trust_id: UUID
    trust_name: Name
    zone: Zone
    day_ends: str
    hide_names: bool
    categories: list[CategoryItem]
    groups: list[GroupItem]
    duty: list[DutyItem]
    contacts: list[ContactItem]
    leads: list[DutyItem] = []  # every DSL and deputy, on duty or not, away or not
    sender_name: Line = ""  # who mail is from; empty: the school's name with "Safekeep"
    templates: list[TemplateItem] = []


class School(Request[SchoolAnswer]):
    """The actor's school."""

    method: ClassVar[str] = "identity.school"
    answer: ClassVar[type[Contract]] = SchoolAnswer


class StaffItem(Contract):
    """A member of staff. `active` false: has left; still named on what they wrote."""

    person_id: UUID
    name: Name
    job: Line
    roles: list[Code]
    active: bool
    waiting: list[Code] = []
    away_until: date | None = None  # the last day of an absence that holds today


class StaffAnswer(Contract):
    """All staff of the school, leavers included, in order of name."""

    items: list[StaffItem]


class Staff(Request[StaffAnswer]):
    """The staff of the actor's school. The gateway searches in it; it is small."""

    method: ClassVar[str] = "identity.staff"
    answer: ClassVar[type[Contract]] = StaffAnswer


class Address(Contract):
    """Where to write to a person, and their name."""

    person_id: UUID
    name: Name
    email: str
    active: bool


class AddressesAnswer(Contract):
    """The addresses of those who were found, the school's sender name and slug, and its categories' names."""

    items: list[Address]
    school_name: Name
    school_slug: Code
    categories: dict[str, str]
    sender_name: Line = ""
    telephone: Line = ""  # of whoever is to be found at the school now


class Addresses(Request[AddressesAnswer]):
    """Names and e-mail addresses of people at the token's school. Only for alerts, to write mail. `trust_it`: also those of its trust's IT.

    `trust_leads`: also those of its safeguarding leads.
    """

    method: ClassVar[str] = "identity.addresses"
    answer: ClassVar[type[Contract]] = AddressesAnswer

    person_ids: list[UUID]
    trust_it: bool = False
    trust_leads: bool = False


# --- the own account: each call carries the session's token, since an account belongs to a person and to no school ----


class AskPassword(Request[Nothing]):
    """Ask for a link by e-mail to set a password: one use, 24 hours. Answers the same whether or not the address is known.

    Raises TooManyAttempts for an `address` (of the network) that asks for many.
    """

    method: ClassVar[str] = "identity.ask_password"
    answer: ClassVar[type[Contract]] = Nothing

    email: Line
    address: Line = ""


class UseLink(Request[SignedIn]):
    """Use a one-time link: a session that may set a password (after the second factor, where the person has one).

    Raises SignInFailed when it was used, replaced, or is too old.
    """

    method: ClassVar[str] = "identity.use_link"
    answer: ClassVar[type[Contract]] = SignedIn

    token: str
    device: Line = ""


class PasswordRules(Contract):
    """What a password has to be, for the words on the page: the strictest of the person's schools."""

    min_length: int
    all_kinds: bool
    deny_common: bool
    change_days: int
    remembered: int


class SetPassword(Request[SignedIn]):
    """Set the password: in stage "password", or with the old one. Ends the person's other sessions; this one's token changes.

    Raises Invalid({"password": …}) by the school's policy, SignInFailed when the old one is wrong, NotSignedIn.
    """

    method: ClassVar[str] = "identity.set_password"
    answer: ClassVar[type[Contract]] = SignedIn

    session_token: str
    old: str = ""
    password: str


class FactorItem(Contract):
    """A second factor of the person: `totp` (an app) or `key` (a hard key or passkey).

    `met`: somebody who knows them vouched for it, by a pass at its setting up or when a role was confirmed.
    """

    id: UUID
    kind: Literal["totp", "key"]
    name: Name
    created_at: Moment
    last_used_at: Moment | None
    met: bool = False


class DeviceItem(Contract):
    """A place where the person is signed in. `here`: the session that asks."""

    id: UUID
    device: Line
    created_at: Moment
    last_seen_at: Moment
    here: bool


class AccountAnswer(Contract):
    """The person's own account."""

    person_id: UUID
    name: Name
    email: str
    factors: list[FactorItem]
    recovery_left: int
    needs_factor: bool
    pass_needed: bool = False  # setting up a key takes a person who knows them
    has_had_factor: bool = False  # it would be in place of one they had
    devices: list[DeviceItem]
    rules: PasswordRules
    password_until: Moment | None


class Account(Request[AccountAnswer]):
    """The own account: keys, places signed in, password rules. Works in the stages "enrol" and "password" too."""

    method: ClassVar[str] = "identity.account"
    answer: ClassVar[type[Contract]] = AccountAnswer

    session_token: str


class EndSession(Request[Nothing]):
    """End one of the person's sessions, or (None) all but this one."""

    method: ClassVar[str] = "identity.end_session"
    answer: ClassVar[type[Contract]] = Nothing

    session_token: str
    session_id: UUID | None = None


class NewTotp(Contract):
    """A secret for an authenticator app, not yet counted: as text and as the address a QR code shows."""

    factor_id: UUID
    secret: str
    address: str


class BeginTotp(Request[NewTotp]):
    """Begin with an authenticator app.

    Raises NotAllowed("step_up") when the person has factors and used none of late, NotAllowed("pass_needed") when they
    lost the one they had.
    """

    method: ClassVar[str] = "identity.begin_totp"
    answer: ClassVar[type[Contract]] = NewTotp

    session_token: str


class BeginKey(Request[KeyOptions]):
    """Begin registering a hard key or passkey. Raises NotAllowed("step_up" | "pass_needed")."""

    method: ClassVar[str] = "identity.begin_key"
    answer: ClassVar[type[Contract]] = KeyOptions

    session_token: str


class FactorAdded(Contract):
    """A factor counts now. With a person's first one come ten recovery codes, shown this once; the session's token changes."""

    session_token: str
    stage: Stage
    recovery_codes: list[str]


class AddTotp(Request[FactorAdded]):
    """The code the app shows proves that it holds the secret. Raises Invalid({"code": "wrong_code"}), NotFound("factor")."""

    method: ClassVar[str] = "identity.add_totp"
    answer: ClassVar[type[Contract]] = FactorAdded

    session_token: str
    factor_id: UUID
    code: Line
    name: Name


class AddKey(Request[FactorAdded]):
    """The browser's answer to BeginKey, as JSON. Raises Invalid({"key": "invalid"}), NotAllowed("step_up")."""

    method: ClassVar[str] = "identity.add_key"
    answer: ClassVar[type[Contract]] = FactorAdded

    session_token: str
    key: str
    name: Name


class RecoveryCodes(Contract):
    """Ten new codes, shown this once; the old ones are void."""

    codes: list[str]


class NewRecoveryCodes(Request[RecoveryCodes]):
    """Make new recovery codes. Raises NotAllowed("step_up")."""

    method: ClassVar[str] = "identity.new_recovery_codes"
    answer: ClassVar[type[Contract]] = RecoveryCodes

    session_token: str


class DisableFactor(Request[Nothing]):
    """Disable an own key, such as a lost one: it and every session made with it end. Raises NotFound("factor")."""

    method: ClassVar[str] = "identity.disable_factor"
    answer: ClassVar[type[Contract]] = Nothing

    session_token: str
    factor_id: UUID


class UsePass(Request[FactorAdded]):
    """Use the pass a DSL gave in person, or a recovery code, in place of a lost key: the session may then enrol another.

    Raises SignInFailed when it is wrong, used, or older than ten minutes; TooManyAttempts.
    """

    method: ClassVar[str] = "identity.use_pass"
    answer: ClassVar[type[Contract]] = FactorAdded

    session_token: str
    code: Line


class ConfirmOwnRole(Request[Nothing]):
    """The head's printed code, typed by the school's first DSL (deputy, SLT). Raises SignInFailed, TooManyAttempts."""

    method: ClassVar[str] = "identity.confirm_own_role"
    answer: ClassVar[type[Contract]] = Nothing

    session_token: str
    slug: str
    code: Line


# --- trusts, schools, staff: the console -------------------------------------------------------------------------------
# A DSL's token names the school; trust IT's token names the trust, and `school_id` says which of its schools.


class FirstLink(Contract):
    """The one-time link's token for the first administrator."""

    token: str


class FirstAdministrator(Request[FirstLink]):
    """Make the link for the first administrator of an empty installation. Raises Conflict("not_empty")."""

    method: ClassVar[str] = "identity.first_administrator"
    answer: ClassVar[type[Contract]] = FirstLink


class Begin(Request[SignedIn]):
    """Use the first administrator's link: makes the trust and the account (trust IT), in stage "password".

    Raises SignInFailed when the link is used or too old, Invalid, Conflict("not_empty").
    """

    method: ClassVar[str] = "identity.begin"
    answer: ClassVar[type[Contract]] = SignedIn

    token: str
    trust_name: Name
    name: Name
    email: Line
    device: Line = ""


class Made(Contract):
    """The id of what was made; `slug` its part of page addresses, where it has one."""

    id: UUID
    slug: str = ""


class AddTrust(Request[Made]):
    """Make a trust. Only the operator. Raises Conflict("slug_taken")."""

    method: ClassVar[str] = "identity.add_trust"
    answer: ClassVar[type[Contract]] = Made

    name: Name
    slug: Code
    admin_name: Name
    admin_email: Line


class AddSchool(Request[Made]):
    """Make a school with the first categories, groups and policy. Trust IT, or the operator with `trust_slug`.

    Raises Conflict("slug_taken"), NotFound("trust").
    """

    method: ClassVar[str] = "identity.add_school"
    answer: ClassVar[type[Contract]] = Made

    name: Name
    slug: Code
    phase: Literal["primary", "secondary", "all_through", "special", "nursery", "other"]
    zone: Zone = "Europe/London"
    trust_slug: Line = ""


class TrustSchool(Contract):
    """A school of the trust, as trust IT sees it."""

    id: UUID
    slug: Code
    name: Name
    phase: Code
    has_dsl: bool
    staff: int


class TrustSchoolsAnswer(Contract):
    """The trust's schools in order of name."""

    items: list[TrustSchool]


class TrustSchools(Request[TrustSchoolsAnswer]):
    """The schools of the actor's trust."""

    method: ClassVar[str] = "identity.trust_schools"
    answer: ClassVar[type[Contract]] = TrustSchoolsAnswer


class TrustPerson(Contract):
    """Somebody of the trust: its IT, its safeguarding lead. `waiting`: a role that does nothing before a DSL confirms it."""

    person_id: UUID
    name: Name
    email: str
    roles: list[Code]
    waiting: list[Code]
    factors: list[FactorItem]
    has_password: bool
    last_seen_at: Moment | None


class TrustPeopleAnswer(Contract):
    """The people of the actor's trust, or of the trust of the actor's school, in order of name."""

    items: list[TrustPerson]


class TrustPeople(Request[TrustPeopleAnswer]):
    """Who has a role at the trust. A DSL sees them too: one role there waits for a DSL, and a lost key needs a DSL's pass."""

    method: ClassVar[str] = "identity.trust_people"
    answer: ClassVar[type[Contract]] = TrustPeopleAnswer


class TrustPersonKept(Contract):
    """Who was added or changed, how (made, joined: the account was there, changed), and which role waits for a DSL."""

    person_id: UUID
    outcome: Literal["made", "joined", "changed"]
    waiting: list[Code] = []


class KeepTrustPerson(Request[TrustPersonKept]):
    """Give somebody these roles at the trust, and no others; whoever has no account yet is sent a link.

    Raises Invalid, NotAllowed("own_role" | "last_it" | "step_up").
    """

    method: ClassVar[str] = "identity.keep_trust_person"
    answer: ClassVar[type[Contract]] = TrustPersonKept

    name: Name
    email: Line
    roles: list[Code]


class CloseTrustPerson(Request[Nothing]):
    """Somebody leaves the trust: their sessions end; without another place, their keys are disabled too.

    Raises NotFound("person"), NotAllowed("own_role" | "last_it" | "step_up").
    """

    method: ClassVar[str] = "identity.close_trust_person"
    answer: ClassVar[type[Contract]] = Nothing

    person_id: UUID


class ConfirmTrustRole(Request[Nothing]):
    """A DSL of one of the trust's schools confirms, or declines, a role at the trust. Raises NotFound("role"), NotAllowed("own_role" | "step_up").

    `factor_ids`: as for a role at a school.
    """

    method: ClassVar[str] = "identity.confirm_trust_role"
    answer: ClassVar[type[Contract]] = Nothing

    person_id: UUID
    accept: bool
    factor_ids: list[UUID] = Field(default=[], max_length=50)


class NewStaff(Contract):
    """A line of an import, or the form: who, and in which roles. DSL, deputy and SLT given by trust IT wait for a DSL."""

    name: Name
    email: Line
    job: Line = ""
    roles: list[Code]
    room: Line = ""
    telephone: Line = ""


class LineFate(Contract):
    """What becomes of one line: made, joined (the account was there), changed, unchanged, or refused with codes by field."""

    line: int
    outcome: Literal["made", "joined", "changed", "unchanged", "refused"]
    problems: dict[str, str] = {}
    waiting: list[Code] = []
    person_id: UUID | None = None


class AddStaffAnswer(Contract):
    """Every line's fate, in order. `head_code`: to print for the head, where a school's first DSL waits for it."""

    items: list[LineFate]
    head_code: str = ""
    head_code_for: UUID | None = None


class AddStaff(Request[AddStaffAnswer]):
    """Make or change accounts at a school; with `dry_run` nothing is done and every line's fate is told.

    New people are sent a link to set their password. Raises NotFound("school"), NotAllowed("step_up").
    """

    method: ClassVar[str] = "identity.add_staff"
    answer: ClassVar[type[Contract]] = AddStaffAnswer

    school_id: UUID | None = None
    people: list[NewStaff] = Field(max_length=500)
    dry_run: bool = False


class MemberItem(Contract):
    """One person on the staff, as the console shows them."""

    person_id: UUID
    name: Name
    email: str
    job: Line
    roles: list[Code]
    waiting: list[Code]
    room: Line
    telephone: Line
    on_duty: bool
    active: bool
    factors: list[FactorItem]
    has_password: bool
    last_seen_at: Moment | None


class MembersAnswer(Contract):
    """The staff of a school, leavers last."""

    school_id: UUID
    school_name: Name
    school_slug: Code
    items: list[MemberItem]


class Members(Request[MembersAnswer]):
    """The staff with what administering accounts needs. `person_id`: only that one. Raises NotFound("school")."""

    method: ClassVar[str] = "identity.members"
    answer: ClassVar[type[Contract]] = MembersAnswer

    school_id: UUID | None = None
    person_id: UUID | None = None


class ChangeMember(Request[AddStaffAnswer]):
    """Change a person's roles and place at the school. Never leaves it without a DSL, never raises one's own role.

    Raises NotFound("person"), NotAllowed("own_role" | "last_dsl" | "step_up").
    """

    method: ClassVar[str] = "identity.change_member"
    answer: ClassVar[type[Contract]] = AddStaffAnswer

    school_id: UUID | None = None
    person_id: UUID
    roles: list[Code]
    job: Line = ""
    room: Line = ""
    telephone: Line = ""
    on_duty: bool = False
    factor_ids: list[UUID] = Field(default=[], max_length=50)


class CloseMember(Request[Nothing]):
    """A leaver: closes their place at this school. Their sessions end; without another place, their keys are disabled too.

    Raises NotFound("person"), NotAllowed("last_dsl" | "step_up" | "own_role").
    """

    method: ClassVar[str] = "identity.close_member"
    answer: ClassVar[type[Contract]] = Nothing

    school_id: UUID | None = None
    person_id: UUID


class ConfirmRole(Request[Nothing]):
    """A DSL confirms, or declines, a role that waits. Raises NotFound("role"), NotAllowed("own_role" | "step_up").

    `factor_ids`: which of the keys set up before the role the person has shown to be theirs; the others are disabled.
    """

    method: ClassVar[str] = "identity.confirm_role"
    answer: ClassVar[type[Contract]] = Nothing

    person_id: UUID
    accept: bool
    factor_ids: list[UUID] = Field(default=[], max_length=50)


class SendLink(Request[Nothing]):
    """Send a person the link to set their password again; trust IT naming no school: one of the trust's own. Raises NotFound("person")."""

    method: ClassVar[str] = "identity.send_link"
    answer: ClassVar[type[Contract]] = Nothing

    school_id: UUID | None = None
    person_id: UUID


class DisableFactors(Request[Nothing]):
    """The help desk: disable a lost key of somebody else. Raises NotFound("factor"), NotAllowed("step_up")."""

    method: ClassVar[str] = "identity.disable_factors"
    answer: ClassVar[type[Contract]] = Nothing

    school_id: UUID | None = None
    person_id: UUID
    factor_id: UUID


class Pass(Contract):
    """A pass of ten minutes and one use, to be read out face to face, or to a number already held."""

    code: str


class OperatorPass(Contract):
    """What an operator reads out to somebody who lost every key: a pass of ten minutes. `disabled`: how many keys stopped working."""

    code: str
    disabled: int


class HelpLostKeys(Request[OperatorPass]):
    """The operator helps somebody whom no DSL can: a school's only DSL, or trust IT, who lost every key. In the audit log; the DSLs are told.

    Raises NotFound("person").
    """

    method: ClassVar[str] = "identity.help_lost_keys"
    answer: ClassVar[type[Contract]] = OperatorPass

    email: Line
    how: Literal["in_person", "known_number"]


class GivePass(Request[Pass]):
    """A DSL gives somebody of the school a pass in place of a lost key. `how` is kept: in_person or known_number.

    Raises NotFound("person"), NotAllowed("own_role" | "step_up").
    """

    method: ClassVar[str] = "identity.give_pass"
    answer: ClassVar[type[Contract]] = Pass

    person_id: UUID
    how: Literal["in_person", "known_number"]


class Policy(Contract):
    """A school's sign-in policy. `change_days` 0: no forced change. `factor_roles`: who needs a second factor."""

    min_length: int
    all_kinds: bool
    change_days: int
    remembered: int
    deny_common: bool
    lock_minutes: int
    factor_roles: list[Code]


class DutyPlace(Contract):
    """Where a DSL or deputy is found, and whether they are to be found now."""

    person_id: UUID
    on_duty: bool
    room: Line
    telephone: Line


class KeepSchool(Request[Nothing]):
    """Set whom the recording page says to find, when the school day ends, and whether names are hidden before something is opened.

    `contacts` are all there are. Raises Invalid({"duty": "choose_one" | "unknown_choice"}), NotAllowed("step_up").
    """

    method: ClassVar[str] = "identity.keep_school"
    answer: ClassVar[type[Contract]] = Nothing

    duty: list[DutyPlace]
    contacts: list[ContactItem]
    day_ends_minute: int = Field(ge=0, lt=24 * 60)
    hide_names: bool
    sender_name: Line = ""


class SignInPolicy(Request[Policy]):
    """The policy of the actor's school."""

    method: ClassVar[str] = "identity.sign_in_policy"
    answer: ClassVar[type[Contract]] = Policy


class SetPolicy(Request[Policy]):
    """Change it. DSL, deputy, SLT and trust roles always need a second factor. Raises Invalid, NotAllowed("step_up")."""

    method: ClassVar[str] = "identity.set_policy"
    answer: ClassVar[type[Contract]] = Policy

    policy: Policy


class KeepCategory(Request[Nothing]):
    """Change or add a category. Its class and groups are the school's to set; `protection` stays with DSLs to allocate.

    Raises Invalid, NotAllowed("step_up").
    """

    method: ClassVar[str] = "identity.keep_category"
    answer: ClassVar[type[Contract]] = Nothing

    category: CategoryItem
    is_new: bool = False


class KeepTemplate(Request[Nothing]):
    """Change or add a template. It opens nothing to anybody. Raises Invalid."""

    method: ClassVar[str] = "identity.keep_template"
    answer: ClassVar[type[Contract]] = Nothing

    template: TemplateItem
    is_new: bool = False


class KeepGroup(Request[Nothing]):
    """Change or add a group of the school's own. Raises Invalid({"code": "role_group"}), NotAllowed("step_up").

    A flag that is not known is Invalid({"flags": "unknown_choice"}); years and forms are matched without regard to case and spaces.
    """

    method: ClassVar[str] = "identity.keep_group"
    answer: ClassVar[type[Contract]] = Nothing

    group: GroupItem
    is_new: bool = False


class AbsenceItem(Contract):
    """Somebody is away from the first to the last day, both included; `cover_id`: who is told too meanwhile."""

    id: UUID
    person_id: UUID
    since: date
    until: date
    cover_id: UUID | None = None


class AbsencesAnswer(Contract):
    """Absences that hold now or later, soonest first."""

    items: list[AbsenceItem]


class Absences(Request[AbsencesAnswer]):
    """Who is away, now or later: the actor's own, for a DSL everybody's."""

    method: ClassVar[str] = "identity.absences"
    answer: ClassVar[type[Contract]] = AbsencesAnswer


class KeepAbsence(Request[Nothing]):
    """Mark oneself (or, as a DSL, somebody: who is ill cannot) away by dates. It adds who is told; it takes nobody off.

    `who_id` None: oneself. Raises NotFound("person"), Invalid({"until": "before_start" | "over" | "too_long"; "cover_id": "unknown_choice" |
    "another_person"}).
    """

    method: ClassVar[str] = "identity.keep_absence"
    answer: ClassVar[type[Contract]] = Nothing

    id: UUID
    who_id: UUID | None = None
    since: date
    until: date
    cover_id: UUID | None = None


class EndAbsence(Request[Nothing]):
    """Take an absence back: they are here. One's own, for a DSL anybody's; of any other nothing happens, as of one that is over."""

    method: ClassVar[str] = "identity.end_absence"
    answer: ClassVar[type[Contract]] = Nothing
    makes: ClassVar[str] = "absence"

    absence: UUID


class AuditItem(Contract):
    """One line of the audit log: what (`kind`), whose account (`person_id`), by whom, and codes that say more."""

    id: UUID
    at: Moment
    kind: Code
    person_id: UUID | None
    by: UUID | None
    facts: dict[str, str]


class AuditAnswer(Contract):
    """A page of the audit log, newest first."""

    items: list[AuditItem]
    next: str | None = None


class Audit(Request[AuditAnswer]):
    """The school's audit log: sign-ins, failures, keys, grants, roles, policy, exports.

    `person_id`: what concerns this person, or what they did. `until` itself is left out. Raises Invalid({"until": "before_start"}).
    """

    method: ClassVar[str] = "identity.audit"
    answer: ClassVar[type[Contract]] = AuditAnswer

    kind: Line = ""
    person_id: UUID | None = None
    since: Moment | None = None
    until: Moment | None = None
    cursor: str | None = None
    limit: int = 100


class ExportAudit(Request[AuditAnswer]):
    """The same, to be taken away: asks for the second factor again, and its first page writes a line of its own."""

    method: ClassVar[str] = "identity.export_audit"
    answer: ClassVar[type[Contract]] = AuditAnswer

    kind: Line = ""
    person_id: UUID | None = None
    since: Moment | None = None
    until: Moment | None = None
    cursor: str | None = None
    limit: int = 500


class LetterAnswer(Contract):
    """What alerts needs to write a letter about an account. `link_token`: made now, kept as a hash; "" where there is none.

    `at`: when the device signed in, or when the password is due; else now. `about_name`: whose account or role it is.
    """

    to_name: Name
    to_email: str
    sender_name: str
    link_token: str
    device: str
    at: Moment
    zone: Zone = "Europe/London"
    slug: str = ""
    about_name: str = ""


class Letter(Request[LetterAnswer]):
    """Only for alerts: the address and, for a link, a token made at this moment. Raises NotFound("person")."""

    method: ClassVar[str] = "identity.letter"
    answer: ClassVar[type[Contract]] = LetterAnswer

    person_id: UUID
    kind: Code
    about: UUID | None = None


# --- jobs for a person ----------------------------------------------------------------------------------------------------


class BeginJob(Request[Nothing]):
    """Asked by a service with the person's own token, when they ask for work that goes on without them: it is kept who asked, for a day.

    Raises NotAllowed("role") for a kind their roles do not open, NotFound("job") for an id that is somebody else's.
    """

    method: ClassVar[str] = "identity.begin_job"
    answer: ClassVar[type[Contract]] = Nothing

    id: UUID
    kind: Literal["export", "chronology", "file_names", "pack", "record"]


class ActForAnswer(Contract):
    """A token for one step of the job: a minute, one audience, these methods."""

    token: str


class ActFor(Request[ActForAnswer]):
    """Asked by the service that does the job, before each step. The person's roles are looked up anew.

    Raises NotFound("job"): there is none of this service at this school, or its day is over; NotAllowed("role"): their roles no longer
    open it, or they have left.
    """

    method: ClassVar[str] = "identity.act_for"
    answer: ClassVar[type[Contract]] = ActForAnswer

    job_id: UUID


# --- single sign-on ------------------------------------------------------------------------------------------------------

ProviderKind = Literal["microsoft", "google", "other"]


class ProviderOffer(Contract):
    """A way to sign in that the sign-in page offers: "Sign in with …"."""

    id: UUID
    name: Name


class ProviderOffersAnswer(Contract):
    """All of them, in order of name."""

    items: list[ProviderOffer]


class ProviderOffers(Request[ProviderOffersAnswer]):
    """What the sign-in page offers beside the password."""

    method: ClassVar[str] = "identity.provider_offers"
    answer: ClassVar[type[Contract]] = ProviderOffersAnswer


class SignOnBegun(Contract):
    """Where to send the browser, and what it keeps: only the browser that began may finish."""

    address: str
    browser_token: str


class BeginSignOn(Request[SignOnBegun]):
    """Begin signing in with a provider: state, nonce and PKCE are made and kept for ten minutes.

    Raises NotFound("provider"), SignOnFailed("provider_down").
    """

    method: ClassVar[str] = "identity.begin_sign_on"
    answer: ClassVar[type[Contract]] = SignOnBegun

    provider_id: UUID


class FinishSignOn(Request[SignedIn]):
    """What the provider sent the browser back with. Each state works once, in the browser that began.

    Links the provider's subject to the account of the same verified e-mail address, the first time. Raises SignOnFailed.
    """

    method: ClassVar[str] = "identity.finish_sign_on"
    answer: ClassVar[type[Contract]] = SignedIn

    state: str
    browser_token: str
    code: str = ""
    error: str = ""
    issuer: str = ""
    device: Line = ""
    device_tokens: list[Line] = Field(default=[], max_length=10)


class MappedRole(Contract):
    """A value of the provider's claim, and the role it gives."""

    value: Name
    role: Code


class LinkedPerson(Contract):
    """Somebody who signs in with the provider."""

    person_id: UUID
    name: Name
    email: str
    linked_at: Moment
    last_used_at: Moment


class ProviderItem(Contract):
    """A provider as the console shows it. Its secret is never shown again.

    `school_id` None: of the whole trust. `own`: the caller may change it.
    """

    id: UUID
    school_id: UUID | None
    name: Name
    kind: ProviderKind
    issuer: str
    client_id: str
    accepts_factor: bool
    factor_levels: list[Line]
    role_claim: Line
    roles: list[MappedRole]
    active: bool
    own: bool
    people: list[LinkedPerson]


class ProvidersAnswer(Contract):
    """Those of the trust and its schools (to trust IT), or those that people of the school may use (to a DSL)."""

    items: list[ProviderItem]
    redirect_address: str


class Providers(Request[ProvidersAnswer]):
    """The providers the caller looks after, and the address to register with them."""

    method: ClassVar[str] = "identity.providers"
    answer: ClassVar[type[Contract]] = ProvidersAnswer


class KeepProvider(Request[Made]):
    """Add or change a provider. Its discovery is read at once, so that a wrong address is found here and not by staff.

    `secret` "": as it was. What trust IT alone may set (`accepts_factor`, `factor_levels`, `role_claim`, `roles`) a DSL
    leaves as it was. Raises Invalid, NotFound("provider" | "school"), NotAllowed("role" | "step_up").
    """

    method: ClassVar[str] = "identity.keep_provider"
    answer: ClassVar[type[Contract]] = Made

    id: UUID | None = None
    school_id: UUID | None = None
    name: Name
    kind: ProviderKind
    issuer: Line
    client_id: Name
    secret: Line = ""
    accepts_factor: bool = False
    factor_levels: list[Line] = []
    role_claim: Line = ""
    roles: list[MappedRole] = []


class RemoveProvider(Request[Nothing]):
    """Nobody signs in with it any more; every session made with it ends. Raises NotFound("provider"), NotAllowed("step_up")."""

    method: ClassVar[str] = "identity.remove_provider"
    answer: ClassVar[type[Contract]] = Nothing

    id: UUID


class UnlinkPerson(Request[Nothing]):
    """Forget which of the provider's accounts is a person's, such as after their account there was made anew."""

    method: ClassVar[str] = "identity.unlink_person"
    answer: ClassVar[type[Contract]] = Nothing

    provider_id: UUID
    person_id: UUID


# --- changing an account's e-mail address --------------------------------------------------------------------------------


class AddressStateAnswer(Contract):
    """The address now, the one that waits for a DSL ("" where none does), and whether the caller may confirm it."""

    email: str
    waiting: str
    may_confirm: bool


class AddressState(Request[AddressStateAnswer]):
    """A person's address, for the console. Raises NotFound("person")."""

    method: ClassVar[str] = "identity.address_state"
    answer: ClassVar[type[Contract]] = AddressStateAnswer

    school_id: UUID | None = None
    person_id: UUID


class AddressChanged(Contract):
    """`waiting`: it is used when a DSL has confirmed it."""

    waiting: bool


class ChangeAddress(Request[AddressChanged]):
    """Change a person's address, and with it their user name. The old address and the new one are told.

    That of a DSL, deputy, SLT or trust role waits for a DSL's word, other than of who asked.
    Raises Invalid, NotFound("person"), NotAllowed("elsewhere" | "step_up").
    """

    method: ClassVar[str] = "identity.change_address"
    answer: ClassVar[type[Contract]] = AddressChanged

    school_id: UUID | None = None
    person_id: UUID
    email: Line


class ConfirmAddress(Request[Nothing]):
    """A DSL confirms, or declines, an address that waits.

    Raises NotFound("address"), NotAllowed("own_role" | "step_up"), Conflict("address_taken").
    """

    method: ClassVar[str] = "identity.confirm_address"
    answer: ClassVar[type[Contract]] = Nothing

    person_id: UUID
    accept: bool


# --- machines --------------------------------------------------------------------------------------------------------------


class MachineItem(Contract):
    """A program with credentials of its own at one school or trust: an import from the school's office system, business intelligence."""

    id: UUID
    name: Name
    scopes: list[str]
    made_at: Moment
    ends_at: Moment
    revoked_at: Moment | None
    last_used_at: Moment | None


class MachinesAnswer(Contract):
    """The machines of a school, or a trust's own, newest first."""

    items: list[MachineItem]


class Machines(Request[MachinesAnswer]):
    """The machines of a school."""

    method: ClassVar[str] = "identity.machines"
    answer: ClassVar[type[Contract]] = MachinesAnswer

    school_id: UUID | None = None


class NewMachine(Contract):
    """The credentials (RFC 6749): shown this once, the secret is kept as a hash."""

    client_id: UUID
    client_secret: str


class AddMachine(Request[NewMachine]):
    """Make credentials for a machine, for `days` (1 to 366). Raises Invalid, NotFound("school"), NotAllowed("step_up")."""

    method: ClassVar[str] = "identity.add_machine"
    answer: ClassVar[type[Contract]] = NewMachine

    school_id: UUID | None = None
    name: Name
    scopes: list[str]
    days: int


class RevokeMachine(Request[Nothing]):
    """Its credentials, and every token made with them, are void from the next call on. Raises NotFound("machine")."""

    method: ClassVar[str] = "identity.revoke_machine"
    answer: ClassVar[type[Contract]] = Nothing

    school_id: UUID | None = None
    machine_id: UUID


class TrustMachines(Request[MachinesAnswer]):
    """The machines of the actor's trust itself, not those of its schools. For trust IT. Raises NotFound("trust")."""

    method: ClassVar[str] = "identity.trust_machines"
    answer: ClassVar[type[Contract]] = MachinesAnswer


class AddTrustMachine(Request[NewMachine]):
    """Make credentials for a machine of the actor's trust, for `days` (1 to 366), with scopes of a trust. For trust IT.

    Raises Invalid, NotFound("trust"), NotAllowed("step_up"). Each of the trust's schools has a line of it in its audit log.
    """

    method: ClassVar[str] = "identity.add_trust_machine"
    answer: ClassVar[type[Contract]] = NewMachine

    name: Name
    scopes: list[str]
    days: int


class RevokeTrustMachine(Request[Nothing]):
    """As `RevokeMachine`, of the actor's trust. Raises NotFound("machine"), also for one of a school."""

    method: ClassVar[str] = "identity.revoke_trust_machine"
    answer: ClassVar[type[Contract]] = Nothing

    machine_id: UUID


class AccessToken(Contract):
    """An access token (RFC 6749, 5.1)."""

    access_token: str
    expires_in: int
    scopes: list[str]


class GiveAccessToken(Request[AccessToken]):
    """Client credentials for a token of an hour. `scopes` empty: all it has.

    Raises SignInFailed (unknown, wrong, revoked and run out answer alike), Invalid({"scope": …}), TooManyAttempts.
    """

    method: ClassVar[str] = "identity.give_access_token"
    answer: ClassVar[type[Contract]] = AccessToken

    client_id: str
    client_secret: str
    scopes: list[str] = []
    address: Line = ""


class MachineSessionAnswer(Contract):
    """The actor token of a machine, to call services with; and the school, or the trust, it is of."""

    actor_token: str
    machine_id: UUID
    school_id: UUID | None = None
    trust_id: UUID | None = None


class MachineSession(Request[MachineSessionAnswer]):
    """Turn an access token into an actor token. Raises NotSignedIn when it has ended, or its machine was revoked."""

    method: ClassVar[str] = "identity.machine_session"
    answer: ClassVar[type[Contract]] = MachineSessionAnswer

    access_token: str


# --- the demonstration ---------------------------------------------------------------------------------------------


class SeedPerson(Contract):
    """A made-up account of the demonstration, with its password."""

    id: UUID
    name: Name
    email: str
    password: str
    job: Line = ""
    roles: list[Code]
    room: Line = ""
    telephone: Line = ""
    on_duty: bool = False
    totp_secret: str = ""


class SeedSchool(Contract):
    """A made-up school and its staff."""

    id: UUID
    slug: Code
    name: Name
    phase: Code
    people: list[SeedPerson]
    contacts: list[ContactItem]
    groups: list[GroupItem] = []


class Seed(Request[Nothing]):
    """Make the demonstration's trust, schools and accounts. Repeating it changes nothing.

    Raises NotAllowed("real_school_exists") once the installation has a school that is not a demonstration.
    """

    method: ClassVar[str] = "identity.seed"
    answer: ClassVar[type[Contract]] = Nothing

    trust_id: UUID
    trust_name: Name
    trust_slug: Code
    trust_people: list[SeedPerson]
    schools: list[SeedSchool]


# --- events: the whole new state each time, so that any copy can be fed from the last one alone ---------------------


class StaffChanged(Event):
    """A person's roles at a school are now these. `subject` is the person's membership of the school."""

    name: ClassVar[str] = "identity.staff.changed"
    version: ClassVar[int] = 1

    person_id: UUID
    roles: list[Code]
    active: bool


class LetterWanted(Event):
    """Somebody has to be told something about an account, by mail. `about` is the session, key or person it concerns."""

    name: ClassVar[str] = "identity.letter.wanted"
    version: ClassVar[int] = 1

    person_id: UUID
    kind: Code
    about: UUID | None = None


class SchoolChanged(Event):
    """A school's settings that other services need are now these. `subject` is the school."""

    name: ClassVar[str] = "identity.school.changed"
    version: ClassVar[int] = 1

    class CategoryState(Contract):
        code: Code
        class_code: Code
        groups: list[Code]
        leads_only: bool

    class GroupState(Contract):
        code: Code
        members: list[UUID]
        called_by: list[Code] = []  # flag_looked_after, year_6, form_6b: what of a pupil calls for it

    zone: Zone
    day_ends_minute: int
    trust_id: UUID
    categories: list[CategoryState]
    groups: list[GroupState]


class AbsenceChanged(Event):
    """Somebody is away from one day to another, both included; or (`ended`) is not after all. `subject` is the absence."""

    name: ClassVar[str] = "identity.absence.changed"
    version: ClassVar[int] = 1

    person_id: UUID
    since: date
    until: date
    cover_id: UUID | None = None
    ended: bool = False
