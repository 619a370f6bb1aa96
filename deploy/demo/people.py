"""Made-up people: staff of every role, pupils with the names a real school has. Seeded: the same each time."""

import datetime as dt
import os
import random
import unicodedata
from dataclasses import dataclass
from uuid import UUID, uuid5

from safekeep.contracts.identity import ContactItem, SeedPerson, SeedSchool
from safekeep.contracts.incidents import SeedPupil
from safekeep.permissions import FACTOR_ROLES

SPACE = UUID("6b1f0f8e-53a4-5d2b-9a56-1d1f5afe0001")
"""Every id of the demonstration is derived from this, so that making it twice makes the same."""

TODAY = dt.date.fromisoformat(os.environ.get("DEMO_DAY") or dt.date.today().isoformat())
"""The day everything made up ends before: the one on which making it was begun, so that a start that was cut short goes on as it began."""

GIVEN = [
    "Amelia",
    "Noah",
    "Olivia",
    "George",
    "Isla",
    "Arthur",
    "Ava",
    "Leo",
    "Mia",
    "Oscar",
    "Freya",
    "Theo",
    "Ivy",
    "Jack",
    "Lily",
    "Harry",
    "Florence",
    "Archie",
    "Willow",
    "Henry",
    "Rosie",
    "Ibrahim",
    "Aisha",
    "Yusuf",
    "Maryam",
    "Zara",
    "Hamza",
    "Priya",
    "Arjun",
    "Anaya",
    "Rohan",
    "Jasleen",
    "Harpreet",
    "Mei",
    "Jun",
    "Wei",
    "Hana",
    "Sofia",
    "Mateo",
    "Zofia",
    "Jakub",
    "Oliwia",
    "Kacper",
    "Łucja",
    "Zuzanna",
    "Chloé",
    "Zoë",
    "Siân",
    "Rhys",
    "Niamh",
    "Ciarán",
    "Aoife",
    "Tomás",
    "Kwame",
    "Adwoa",
    "Chidi",
    "Ngozi",
    "Temi",
    "Femi",
    "Amara",
    "Kofi",
    "Elif",
    "Emir",
    "Ayşe",
    "Deniz",
    "Ioana",
    "Andrei",
    "Daria",
    "Tadeo",
    "Nia",
    "Owen",
    "Ffion",
    "Ellis",
    "Poppy",
    "Reuben",
    "Maisie",
    "Toby",
    "Erin",
    "Caleb",
    "Phoebe",
    "Isaac",
    "Hallie",
    "Jude",
    "Edith",
    "Rory",
    "Martha",
    "Felix",
    "Sarah",
    "Daniel",
    "Grace",
    "Samuel",
    "Hannah",
]
FAMILY = [
    "Ashdown",
    "Birchall",
    "Calloway",
    "Denholm",
    "Eastlake",
    "Fairweather",
    "Garstang",
    "Hollins",
    "Inskip",
    "Jessop",
    "Kettlewell",
    "Langthorne",
    "Marwood",
    "Netherby",
    "Oakshott",
    "Penrose",
    "Quillfeather",
    "Ravenhill",
    "Stanbridge",
    "Thistlewood",
    "Underhay",
    "Venning",
    "Whitlock",
    "Yarwood",
    "O'Dorrell",
    "O'Kinsale",
    "D'Averne",
    "Mac-Lorne",
    "Smythe-Barrow",
    "Hart-Ellison",
    "Okonedu",
    "Adeyanju",
    "Mensahene",
    "Rahmanpur",
    "Choudhuree",
    "Patelwala",
    "Sandhurai",
    "Gillhara",
    "Kaurvale",
    "Bhattisen",
    "Chenwick",
    "Liangford",
    "Nguyenby",
    "Kowalszczyk",
    "Wiśniowska",
    "Łukaszyn",
    "Żuraw",
    "Novákov",
    "Şahinoğlu",
    "Yıldızer",
    "Popescua",
    "Garciález",
    "Ferreirão",
    "Björkholm",
    "Sørdahl",
    "Llewelfryn",
    "Gwynedd-Puw",
    "Farooqan",
    "Malikzai",
    "Warsamee",
    "Abdihassan",
    "Tesfalem",
    "Habtemar",
]
OTHER_SCRIPTS = ("محمد الأمين", "فاطمة الزهراني", "রহিমা খাতুনী", "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘਵਾਲ", "李小明", "王美玲", "Олена Коваленчук")
WORDS = [
    "plum",
    "teal",
    "harbour",
    "lantern",
    "meadow",
    "copper",
    "willow",
    "pebble",
    "saffron",
    "orchard",
    "thistle",
    "kettle",
    "velvet",
    "marble",
    "puffin",
    "bramble",
    "cobalt",
    "juniper",
]

LEADERS = (
    ("dsl", "Deputy head and designated safeguarding lead", 1),
    ("deputy_dsl", "Deputy designated safeguarding lead", 2),
    ("slt", "Head of school", 1),
    ("slt", "Assistant head", 2),
    ("pastoral", "Pastoral lead", 2),
    ("admin", "School office", 3),
    ("sports_coach", "Sports coach", 2),
    ("governor", "Safeguarding governor", 2),
)


@dataclass(frozen=True)
class School:
    """One school of the demonstration."""

    seed: SeedSchool
    pupils: list[SeedPupil]
    phase: str

    def staff(self, *roles: str) -> list[SeedPerson]:
        """Return the staff with one of the roles."""
        return [p for p in self.seed.people if set(p.roles) & set(roles)]


def id_of(*parts: object) -> UUID:
    """Return the id of a thing of the demonstration."""
    return uuid5(SPACE, "/".join(map(str, parts)))


def password_of(*parts: object) -> str:
    """Return a made-up password that can be read aloud; it protects nothing."""
    dice = random.Random(f"password/{parts}")  # noqa: S311 - a demonstration's password, printed on the terminal
    return "-".join(w.capitalize() for w in dice.sample(WORDS, 3)) + f"-{dice.randint(10, 99)}"


def totp_secret_of(role: str, *parts: object) -> str:
    """Return a made-up authenticator secret for a role that needs a second factor, "" for others; it protects nothing."""
    if role not in FACTOR_ROLES:
        return ""
    dice = random.Random(f"app/{role}/{parts}")  # noqa: S311 - a demonstration's secret, printed on the terminal
    return "".join(dice.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(32))


def trust_people() -> list[SeedPerson]:
    """Return the trust's own people."""
    named = (("trust_safeguarding_lead", "Marianne Ravenhill", "Trust safeguarding lead"), ("trust_it", "Devon Inskip", "Trust IT"))
    return [
        SeedPerson(
            id=id_of("trust", role),
            name=name,
            email=f"{name.split()[0].lower()}@heathland.example",
            password=password_of(role),
            job=job,
            roles=[role],
            totp_secret=totp_secret_of(role),
        )
        for role, name, job in named
    ]


def make_school(*, slug: str, name: str, phase: str, pupils: int, teachers: int) -> School:
    """Return a school with its staff and pupils."""
    dice = random.Random(f"school/{slug}")  # noqa: S311 - made-up people, the same each time
    people = _staff(slug=slug, dice=dice, teachers=teachers)
    head = next(p for p in people if p.job == "Head of school")
    contacts = [
        ContactItem(kind="head", name=head.name, telephone=head.telephone),
        ContactItem(kind="chair_of_governors", name="Rosalind Oakshott", telephone="01632 960170", note="If it is about the head"),
        ContactItem(
            kind="local_authority_officer", name="Local authority designated officer", telephone="01632 960180", note="Within one working day"
        ),
        ContactItem(kind="out_of_hours", name="Children's services, out of hours", telephone="01632 960190"),
    ]
    school_id = id_of("school", slug)
    seed = SeedSchool(id=school_id, slug=slug, name=name, phase=phase, people=people, contacts=contacts)
    parent = next(p for p in people if p.roles == ["teacher"])
    return School(seed, _pupils(slug=slug, school_id=school_id, phase=phase, dice=dice, count=pupils, parent=parent.id), phase)


def _staff(*, slug: str, dice: random.Random, teachers: int) -> list[SeedPerson]:
    wanted = [(role, job) for role, job, count in LEADERS for _ in range(count)] + [("teacher", "Teacher")] * teachers
    used: set[str] = set()
    people = []
    for index, (role, job) in enumerate(wanted):
        while True:
            name = f"{dice.choice(GIVEN)} {dice.choice(FAMILY)}"
            email = f"{_ascii(name)}@{slug}.example"
            if email not in used:
                used.add(email)
                break
        people.append(
            SeedPerson(
                id=id_of(slug, "staff", index),
                name=name,
                email=email,
                password=password_of(slug, index),
                job=job,
                roles=[role],
                room=f"Room {index + 1}" if role != "governor" else "",
                telephone=f"01632 960{100 + index % 70}",
                on_duty=role in {"dsl", "deputy_dsl"},
                totp_secret=totp_secret_of(role, slug, index),
            )
        )
    return people


def _pupils(*, slug: str, school_id: UUID, phase: str, dice: random.Random, count: int, parent: UUID) -> list[SeedPupil]:
    years = [("Reception", 4), *((f"Year {n}", n + 4) for n in range(1, 7))] if phase == "primary" else [(f"Year {n}", n + 4) for n in range(7, 14)]
    pupils: list[SeedPupil] = []
    family_name, family = "", id_of(slug, "family", 0)
    for index in range(count):
        if index == 0 or dice.random() > 0.28:
            family_name, family = dice.choice(FAMILY), id_of(slug, "family", index)
        name = f"{dice.choice(GIVEN)} {family_name}"
        if index % (count // len(OTHER_SCRIPTS)) == 11:
            name = OTHER_SCRIPTS[min(index // (count // len(OTHER_SCRIPTS)), len(OTHER_SCRIPTS) - 1)]
        if index in {20, 200, count - 30}:
            name = "Sarah Fairweather"
        year, age = years[dice.randrange(len(years))]
        september = TODAY.year if TODAY.month >= 9 else TODAY.year - 1
        born = dt.date(september - age - 1, 9, 1) + dt.timedelta(days=dice.randrange(365))
        form = f"{year.split()[-1][0] if year == 'Reception' else year.split()[-1]}{dice.choice('ABCD' if phase == 'primary' else 'HKLMNR')}"
        pupils.append(
            SeedPupil(
                id=id_of(slug, "pupil", index), name=name, year=year, form=form, born=born, family=family, relatives=[parent] if index == 5 else []
            )
        )
    holding = uuid5(school_id, "holding")
    pupils.append(SeedPupil(id=holding, name="Not listed, or not sure who", year="", form="", born=dt.date(2000, 1, 1), family=holding))
    return pupils


_LETTERS = str.maketrans("łŁøığŻ", "lLoigZ")


def _ascii(name: str) -> str:
    swapped = name.translate(_LETTERS)
    plain = unicodedata.normalize("NFKD", swapped).encode("ascii", "ignore").decode().lower()
    given, _, family = plain.partition(" ")
    return f"{given[0]}.{''.join(c for c in family if c.isalnum())}"
