"""Reading a form without losing a word of it: what was typed stays typed, and each problem lies beside its field."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from gateway import problems
from safekeep import clock, text

MAX_FIELDS = 2_000
WORDS: Final = frozenset(
    (
        *("narrative", "action_taken", "described_pupil", "place", "told_whom", "told_when"),
        *("text", "answer", "to", "outcome", "spoken_when", "keep_reason", "release_line"),
        *("reason", "should_say", "wrong", "close_reason", "more_reason", "scope", "note", "social_worker"),
        *("said", "what", "colour", "shape", "meanwhile", "added", "list"),
    )
)
"""Fields in which people write: where a form is not taken in, what stands in these is given back to be seen."""


class Form:
    """The fields as typed, and the problems found so far."""

    def __init__(self, fields: Mapping[str, Iterable[str]]) -> None:
        self.fields: dict[str, list[str]] = {name: list(values) for name, values in fields.items()}
        self.problems: dict[str, str] = {}
        self.notice: problems.Problem | None = None  # what stands above the form, about no one field

    @classmethod
    def sent(cls, form: "MultiDict[str, str]") -> "Form":
        """Return the form a browser sent, without its CSRF token and its buttons."""
        return cls({name: form.getlist(name) for name in form if name not in {"csrf_token", "do"}})

    def one(self, name: str) -> str:
        """Return a field's first value as typed, line ends as one character; "" when it was not sent."""
        values = self.fields.get(name) or [""]
        return values[0].replace("\r\n", "\n").replace("\r", "\n")

    def many(self, name: str) -> list[str]:
        """Return a field's values, each once."""
        return [value for value in dict.fromkeys(self.fields.get(name, [])) if value]

    def written(self) -> list[str]:
        """Return what stands in the fields of words, one after the other as they were sent."""
        return [value for name, values in self.fields.items() if name in WORDS for value in values if value.strip()]

    def has(self, name: str, value: str) -> bool:
        """Whether a checkbox or radio is chosen."""
        return value in self.fields.get(name, [])

    def has_text(self, name: str, text: str) -> bool:
        """Whether a checkbox whose value is a text is chosen: browsers send line ends in their own way."""
        return text in {value.replace("\r\n", "\n").replace("\r", "\n") for value in self.fields.get(name, [])}

    def put(self, name: str, *values: str) -> None:
        """Set a field."""
        self.fields[name] = list(values)

    def add(self, name: str, value: str) -> None:
        """Add a value to a field that has several."""
        if value not in self.fields.setdefault(name, []):
            self.fields[name].append(value)

    def remove(self, name: str, value: str) -> None:
        """Take a value off a field that has several."""
        self.fields[name] = [v for v in self.fields.get(name, []) if v != value]

    def refuse(self, name: str, code: str) -> None:
        """Note a problem; the first one of a field stands."""
        self.problems.setdefault(name, code)

    def refuse_broken(self, *names: str) -> None:
        """Note each of these fields that has half a character in it (a lone surrogate, bytes that are no text): it came as U+FFFD instead."""
        for name in names:
            if any("\ufffd" in value for value in self.fields.get(name, [])):
                self.refuse(name, "surrogate")

    def as_id(self, name: str) -> UUID | None:
        """Return a field as an id, or None; noted as a problem when it is something else."""
        return self._as_id(name, self.one(name))

    def as_ids(self, name: str) -> list[UUID]:
        """Return a field's values as ids, leaving out (and noting) what is none."""
        return [found for found in (self._as_id(name, value) for value in self.many(name)) if found]

    def as_day(self, name: str) -> date | None:
        """Return a field as a date, or None; noted as a problem when it is something else."""
        value = self.one(name).strip()
        if not value:
            return None
        try:
            found = date.fromisoformat(value)
        except ValueError:
            self.refuse(name, "not_a_date")
            return None
        if not 1900 <= found.year <= 2200:
            self.refuse(name, "not_a_date")
            return None
        return found

    def error(self, name: str) -> str:
        """Return the sentence beside a field, or ""."""
        return problems.sentence(name, self.problems[name]) if name in self.problems else ""

    def errors(self) -> list[tuple[str, str]]:
        """Return (field, sentence) for the summary, in the order found."""
        return [(name, problems.sentence(name, code)) for name, code in self.problems.items()]

    def _as_id(self, name: str, value: str) -> UUID | None:
        if not value.strip():
            return None
        try:
            return UUID(value.strip())
        except ValueError:
            self.refuse(name, "not_an_id")
            return None


def when(form: Form, *, zone: ZoneInfo) -> tuple[datetime | None, str]:
    """Return (occurred_at, precision) from the fields `when`, `now_at`, `when_date`, `when_time`, noting problems.

    "Now" is the moment the page showed it (`now_at`), so that the same page sent twice says the same.
    """
    choice = form.one("when")
    if choice == "not_known":
        return None, "not_known"
    if choice == "now":
        return now_at(form), "exact"
    if choice not in {"exact", "about", "day"}:
        form.refuse("when", "missing" if not choice else "unknown_choice")
        return None, "exact"
    day = form.as_day("when_date")
    if day is None:
        form.refuse("when_date", "missing")
        return None, choice
    hour = _time(form) if choice != "day" else time(0, 0)
    if hour is None:
        return None, choice
    moment = datetime.combine(day, hour, tzinfo=zone).astimezone(UTC)
    if moment > clock.now() + timedelta(minutes=2):
        form.refuse("when_date" if day > clock.now().astimezone(zone).date() else "when_time", "in_future")
    return moment, choice


def now_at(form: Form) -> datetime:
    """Return the moment that the page showed as now; this one where that is forged."""
    try:
        shown = datetime.fromisoformat(form.one("now_at"))
    except ValueError:
        shown = clock.now()
    if shown.tzinfo is None or shown > clock.now() or shown.year < 2000:
        shown = clock.now()
    return shown.astimezone(UTC).replace(microsecond=0)


def _time(form: Form) -> time | None:
    typed = form.one("when_time").strip().replace(".", ":")
    if not typed:
        form.refuse("when_time", "missing")
        return None
    try:
        hours, minutes = typed.split(":")[:2]
        return time(int(hours), int(minutes))
    except (ValueError, OverflowError):
        form.refuse("when_time", "not_a_time")
        return None


def clean(value: str) -> str:
    """Return what may be searched for: one line without control characters, 200 characters at most."""
    return value.replace("\n", " ")[:200] if text.problem_with(value) is None else ""


def plain(fields: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return fields as a draft keeps them: lists of strings, without what cannot be kept."""
    return {str(name): [str(v).replace("\0", "") for v in values][:400] for name, values in list(fields.items())[:MAX_FIELDS]}
