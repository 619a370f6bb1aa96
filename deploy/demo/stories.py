"""Made-up incidents and actions of three years: facts, exact words and initials, as staff are taught to write."""

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from deploy.demo.people import TODAY, School, id_of
from safekeep.contracts.identity import SeedPerson
from safekeep.contracts.incidents import AddAction, Alert, Details, LinkedPupil, Record, SeedEntry, SeedPupil, SetFlag, SetStatus, Status, Told

LONDON = ZoneInfo("Europe/London")

# Category → how often (of a hundred) and what is written. {f} first name, {o} initials of another pupil, {t} a time, {p} a place, {d} a weekday.
STORIES: dict[str, tuple[int, tuple[str, ...]]] = {
    "behaviour": (
        19,
        (
            "At {t} in {p} {f} pushed a table over when asked to start the task. {f} said, \"I'm not doing it, you can't make me.\" No one was hurt.",
            '{f} left the lesson without asking at {t} and was found in {p}. When I asked why, {f} said, "It was too loud."',
            'I saw {f} and {o} shouting at each other near {p} at {t}. I did not hear how it began. {f} said, "{o} took my bag."',
        ),
    ),
    "attendance": (
        9,
        (
            '{f} arrived at {t} for the fourth time this half term. {f} said, "Mum was asleep so I got myself up."',
            "No call had been received by {t}. I rang the first contact twice and the second contact once. The second contact said {f} was at an aunt's.",
        ),
    ),
    "bullying": (
        8,
        (
            '{f} told me in {p} at {t} that {o} has been sending messages. {f} showed me one that read, "nobody wants you here".',
            'During {p} {f} sat alone and told me, "They said I can\'t sit there any more." {f} named {o}.',
        ),
    ),
    "medical": (
        6,
        (
            '{f} came to the office at {t} with a stomach ache, the third time this week. Temperature was normal. {f} said, "It hurts on school mornings."',
            "{f} used the inhaler at {t} after running in {p}. Better after ten minutes.",
        ),
    ),
    "send": (
        5,
        (
            "{f} found the change of room at {t} hard and covered both ears for about ten minutes in {p}. A quiet space helped.",
            'Support plan reviewed in {p}. {f} said, "I like it when you tell me before it changes."',
        ),
    ),
    "parental_contact": (
        9,
        (
            "{f}'s mother rang at {t}. She said, \"Things are hard at the moment, we've had to leave the flat.\" I asked if she would like a call back and she agreed.",
            "I spoke to {f}'s father at the gate at {t}. He said {f} had not slept. He asked that nobody tells {f} that he said so.",
        ),
    ),
    "significant_event": (3, ("{f} told the class at {t} that a grandparent had died on {d}. {f} was quiet afterwards and stayed with me in {p}.",)),
    "welfare": (
        16,
        (
            "{f} had no coat again today; it was raining. At {t} in {p} {f} said, \"It doesn't fit any more and we've not got another.\"",
            '{f} asked for seconds twice at lunch and put bread in a pocket. I asked if everything was all right. {f} said, "It\'s for later."',
            '{f} fell asleep in {p} at {t}. When woken {f} said, "I was up with the baby."',
        ),
    ),
    "home_domestic": (
        8,
        (
            '{f} told me at {t}, "They were shouting so loud the neighbours came round." I asked nothing further. {f} went back to {p}.',
            'Walking to {p} {f} said, "Dad\'s not allowed in the house now but he came on {d}." {f} seemed calm.',
        ),
    ),
    "out_of_school": (
        4,
        ("{f} said at {t} that older boys, whom {f} did not know, waited by the park on {d} and asked for a phone number. {f} did not give it.",),
    ),
    "safeguarding_concern": (
        9,
        (
            'At {t} I noticed a mark about 3 cm long on {f}\'s left forearm, yellow and green. I asked, "How did that happen?" {f} said, "I fell off my bike," and looked at the floor.',
            '{f} said to me in {p}, "I don\'t want to go to his house at the weekend." I asked whose house. {f} said, "It doesn\'t matter," and went to class.',
        ),
    ),
    "not_sure": (2, ("{f} drew a picture in {p} at {t} of a person in a cage and said, \"That's me when I'm bad.\" I have kept the picture.",)),
    "child_protection": (1, ("Core group held at {t}. Plan reviewed with the social worker. {f}'s views were read out as {f} wrote them.",)),
    "child_in_need": (1, ("Child in need meeting at {t}. Actions agreed for the family support worker and the school.",)),
}
PLACES = (
    "the playground",
    "the library",
    "the corridor by the hall",
    "the dining hall",
    "Room 7",
    "the changing rooms",
    "the front gate",
    "the quiet room",
)
FIRST_ACTIONS = (
    "Told the DSL in person.",
    "Passed this on to the Safeguarding team straight away.",
    "Stayed with {f} until the next lesson, then told the office.",
    "",
)
ACTIONS = (
    'Spoke to {f} with a member of staff {f} chose. {f} said things were "a bit better". Agreed to meet again on {d}.',
    "Rang home at {t} and spoke to the first contact. They had noticed it too and thanked us for ringing.",
    "Read and discussed with the deputy DSL. Form tutor has been asked, face to face, to watch how {f} arrives in the morning.",
    "Rang children's services for advice at {t}. Advised that this does not meet the threshold; early help offered to the family.",
    "Referred to children's services at {t}. Reference received. The family was told beforehand.",
    "Food and a coat were given quietly through the pastoral room.",
    "Met {f}'s family in school. They agreed to an early help assessment.",
)
REASONS = (
    "Nothing more has been seen or said since. The family and the class teacher know whom to tell.",
    "Early help has taken over, and has told us that it is in place.",
    "Six weeks without concern. Reviewed with the deputy DSL.",
)
ASKED = (
    "Please watch how {f} arrives in the morning, and write what you see.",
    "Please ring home about the coat, and write what they say.",
    "Please ask the club whether {f} has been there this week.",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FLAGS = ("child_protection_plan", "child_in_need", "looked_after", "early_help", "send", "young_carer")


def flags_of(school: School) -> list[SetFlag]:
    """Return flags for some pupils."""
    dice = random.Random(f"flags/{school.seed.slug}")  # noqa: S311 - made-up records
    flagged = dice.sample(school.pupils[:-1], len(school.pupils) // 12)
    return [
        SetFlag(
            id=id_of("flag", school.seed.slug, n),
            pupil_id=pupil.id,
            kind=dice.choices(FLAGS, (1, 2, 3, 5, 8, 3))[0],  # type: ignore[arg-type]
            started=TODAY - dt.timedelta(days=dice.randrange(30, 700)),
            review=TODAY + dt.timedelta(days=dice.randrange(10, 120)),
        )
        for n, pupil in enumerate(flagged)
    ]


def entries_of(school: School, *, incidents: int) -> list[SeedEntry]:
    """Return incidents and the actions below them, in order of time. About one action and a half for each incident."""
    dice = random.Random(f"stories/{school.seed.slug}")  # noqa: S311 - made-up records
    days = list(_school_days())
    pupils = school.pupils[:-1]
    worried_about = dice.sample(pupils, max(12, len(pupils) // 20))
    made: list[SeedEntry] = []
    for number in range(incidents):
        pupil = dice.choice(worried_about) if dice.random() < 0.5 else dice.choice(pupils)
        made += _story(school, dice=dice, number=number, pupil=pupil, pupils=pupils, day=dice.choice(days))
    return sorted(made, key=lambda entry: entry.at)


def _story(school: School, *, dice: random.Random, number: int, pupil: SeedPupil, pupils: list[SeedPupil], day: dt.date) -> Iterator[SeedEntry]:
    code = dice.choices(list(STORIES), [often for often, _ in STORIES.values()])[0]
    writers = (
        school.staff("dsl", "deputy_dsl") if code.startswith("child_") else school.staff("teacher", "teacher", "pastoral", "admin", "sports_coach")
    )
    writer = dice.choice([w for w in writers if w.id not in pupil.relatives])
    at = dt.datetime.combine(day, dt.time(8, 30), LONDON) + dt.timedelta(minutes=dice.randrange(0, 420), seconds=dice.randrange(60))
    other = dice.choice([p for p in pupils if p.id != pupil.id])
    incident = id_of(school.seed.slug, "incident", number)
    words = _words(dice, pupil=pupil, other=other, at=at)
    text = dice.choice(STORIES[code][1])
    linked = (
        [LinkedPupil(pupil_id=other.id, part=dice.choice(("witness", "friend", "may_have_caused_harm")), initials=_initials(other))]
        if "{o}" in text
        else []
    )
    groups = ["slt"] if code in {"behaviour", "send", "attendance", "medical"} else ["safeguarding_team"]
    record = Record(
        id=incident,
        pupil_id=pupil.id,
        occurred_at=at - dt.timedelta(minutes=dice.randrange(2, 25)),
        occurred_precision=dice.choice(("exact", "about")),
        kind="phone_call" if "rang" in text else "conversation" if "said" in text else "observation",
        place=words["p"].removeprefix("the ").capitalize(),
        narrative=text.format(**words),
        told=Told(whom=school.staff("dsl")[0].name, when="straight away") if groups == ["safeguarding_team"] else Told(not_yet=True),
        action_taken=dice.choice(FIRST_ACTIONS).format(**words),
        category_codes=[code],
        linked_pupils=linked,
        alert=Alert(groups=groups),
    )
    yield _by(writer, at, record=record)
    lead = [p for p in school.staff("dsl", "deputy_dsl") if p.id != writer.id]
    steps = dice.choices((0, 1, 2, 3, 4), (22, 34, 25, 13, 6))[0]
    followed = groups == ["safeguarding_team"]
    ended = followed and day < TODAY - dt.timedelta(days=45)
    for step in range(max(steps, 1) if followed else steps):
        at = _at_work(at + dt.timedelta(hours=dice.randrange(1, 60), minutes=dice.randrange(60)))
        if at.date() >= TODAY:
            return
        here: dict[str, Any] = {"id": id_of(school.seed.slug, "action", number, step), "incident_id": incident}
        if ended and step >= steps - 1:
            status: Status = "monitoring" if dice.random() < 0.15 else "closed"
            yield _by(dice.choice(lead), at, status=SetStatus(**here, pupil_id=pupil.id, status=status, reason=dice.choice(REASONS)))
            return
        text = dice.choice(ACTIONS).format(**words)
        yield _by(dice.choice(lead), at, action=AddAction(**here, text=text, details=_details(text, at=at), alert=Alert()))
    if followed and not ended and writer.id not in other.relatives and dice.random() < 0.5:
        asked = Details(
            kind="asked", owner_id=writer.id, due_on=TODAY + dt.timedelta(days=dice.randrange(-2, 6)), spoken="yes", spoken_when="at break"
        )
        at = _at_work(at + dt.timedelta(hours=1))
        action = AddAction(id=id_of(school.seed.slug, "asked", number), incident_id=incident, text=dice.choice(ASKED).format(**words), details=asked)
        if at.date() < TODAY:
            yield _by(dice.choice(lead), at, action=action)


def _details(text: str, *, at: dt.datetime) -> Details | None:
    """Return the own fields of an action that is a referral, or contact with parents."""
    if text.startswith("Referred"):
        return Details(kind="referral", to="Children’s services", at=at, precision="about", outcome="Being assessed.")
    if text.startswith("Rang home"):
        return Details(kind="parent_contact", parent_told=True, to="First contact, by telephone", at=at, precision="about", answer="They thanked us.")
    return None


def _at_work(at: dt.datetime) -> dt.datetime:
    """Return the moment, or the same minute of the next working morning when nobody is in school."""
    if at.hour >= 17:
        at += dt.timedelta(days=1)
    if not 8 <= at.hour < 17:
        at = at.replace(hour=8)
    while at.weekday() >= 5:
        at += dt.timedelta(days=1)
    return at


def _by(
    person: SeedPerson, at: dt.datetime, *, record: Record | None = None, action: AddAction | None = None, status: SetStatus | None = None
) -> SeedEntry:
    return SeedEntry(author_id=person.id, author_name=person.name, roles=person.roles, at=at, record=record, action=action, status=status)


def _words(dice: random.Random, *, pupil: SeedPupil, other: SeedPupil, at: dt.datetime) -> dict[str, Any]:
    return {"f": pupil.name.split()[0], "o": _initials(other), "t": f"{at.hour}:{at.minute:02d}", "p": dice.choice(PLACES), "d": dice.choice(DAYS)}


def _initials(pupil: SeedPupil) -> str:
    return "".join(part[0] for part in pupil.name.split())[:4]


def _school_days() -> Iterator[dt.date]:
    """Weekdays of the last three years outside the long holidays."""
    day = TODAY - dt.timedelta(days=3 * 365)
    while day < TODAY - dt.timedelta(days=4):
        holiday = (
            day.month == 8
            or (day.month == 7 and day.day > 22)
            or (day.month == 12 and day.day > 19)
            or (day.month == 1 and day.day < 4)
            or (day.month == 4 and day.day < 15)
        )
        if day.weekday() < 5 and not holiday:
            yield day
        day += dt.timedelta(days=1)
