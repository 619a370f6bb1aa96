"""What identity answers, and what it says has happened: schools, staff, sign-in, sessions."""

from typing import ClassVar, Literal
from uuid import UUID

from safekeep.contracts import Code, Contract, Event, Line, Moment, Name, Nothing, Request, Zone

# --- sign-in and sessions ------------------------------------------------------------------------------------------


class SchoolPlace(Contract):
    """A school (or, with `is_trust`, a trust) where a person has roles. `slug` is its place in page addresses."""

    id: UUID
    slug: Code
    name: str
    roles: list[Code]
    is_trust: bool = False


class SignedIn(Contract):
    """A new session. `session_token` is the cookie or bearer value; only its hash is stored."""

    session_token: str
    person_id: UUID
    name: str
    places: list[SchoolPlace]


class SignIn(Request[SignedIn]):
    """Sign in with e-mail address and password. Raises SignInFailed, SecondFactorNeeded, TooManyAttempts."""

    method: ClassVar[str] = "identity.sign_in"
    answer: ClassVar[type[Contract]] = SignedIn

    username: str
    password: str
    code: str | None = None
    device: Line = ""
    address: Line = ""


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


class Session(Request[SessionAnswer]):
    """Turn a session into an actor token at the place with that slug (None: no place yet).

    A session that ran out (not one that was signed out) answers with `expired` and a token that only saves drafts.
    Raises NotSignedIn for an unknown or ended session, NotFound("school") when the person has no role there.
    """

    method: ClassVar[str] = "identity.session"
    answer: ClassVar[type[Contract]] = SessionAnswer

    session_token: str
    slug: str | None = None


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
    """An alert group: from roles (`safeguarding_team`, `slt`) or the school's own, with `members`."""

    code: Code
    name: Name
    members: list[UUID]


class DutyItem(Contract):
    """Somebody to find in person now: a DSL or deputy, with room and telephone."""

    person_id: UUID
    name: Name
    role: Code
    room: Line
    telephone: Line


class ContactItem(Contract):
    """Whom to tell about an adult, and out of hours: head, chair_of_governors, local_authority_officer, out_of_hours."""

    kind: Literal["head", "chair_of_governors", "local_authority_officer", "out_of_hours"]
    name: Name
    telephone: Line
    note: Line = ""


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


class Addresses(Request[AddressesAnswer]):
    """Names and e-mail addresses of people at the token's school. Only for alerts, to write mail."""

    method: ClassVar[str] = "identity.addresses"
    answer: ClassVar[type[Contract]] = AddressesAnswer

    person_ids: list[UUID]


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

    zone: Zone
    day_ends_minute: int
    trust_id: UUID
    categories: list[CategoryState]
    groups: list[GroupState]
