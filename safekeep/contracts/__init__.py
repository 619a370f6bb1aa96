"""What services say to each other and to the gateway: one module an owner. Pure: no framework, no I/O.

A `Request` names the RPC method it is for and the answer it gets; an `Event` says what has happened, in ids, codes and
times, never in names or narratives. Publishers are strict; receivers ignore fields they do not know, so that a field
can be added while the old and the new release run side by side.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from safekeep import clock, text
from safekeep.errors import Invalid


class Contract(BaseModel):
    """The base of everything on the wire: frozen, nothing extra, and errors that never echo what was sent."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        ser_json_bytes="base64",
        val_json_bytes="base64",
        defer_build=True,  # when first used: no process uses all, and building them was a quarter of its start
    )

    @classmethod
    def receive(cls, data: Any) -> Self:
        """Build from a decoded message, ignoring fields that a newer sender added.

        Raises Invalid with field paths and codes, never the values.
        """
        try:
            return cls.model_validate(data, extra="ignore")
        except ValidationError as error:
            raise Invalid(problems_of(error)) from None

    def wire(self) -> dict[str, Any]:
        """Return the plain JSON values that travel."""
        return self.model_dump(mode="json")


Answer = TypeVar("Answer", bound=Contract)


class Request(Contract, Generic[Answer]):
    """What is asked of a service. A subclass sets `method` ("incidents.record") and `answer`, the class it gets back."""

    method: ClassVar[str]
    answer: ClassVar[type[Contract]]
    makes: ClassVar[str] = "id"
    """The field with the id of what it makes or changes, where a call can come with an Idempotency-Key."""


class Nothing(Contract):
    """The answer that only says: done."""


class Event(Contract):
    """Something that has happened. `sequence` counts the events of one `subject` from 1, so that consumers can keep order.

    A subclass sets `name` ("incidents.incident.recorded") and an integer `version`, raised when the meaning changes.
    """

    name: ClassVar[str]
    version: ClassVar[int]

    id: UUID
    at: "Moment"
    school_id: UUID
    subject: UUID
    sequence: int

    @property
    def owner(self) -> str:
        """The service that publishes it."""
        return self.name.partition(".")[0]


def problems_of(error: ValidationError) -> dict[str, str]:
    """Return {dotted field path: code} of a validation error, without any of the input."""
    problems: dict[str, str] = {}
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        path = ".".join(str(part) for part in item["loc"] if part != "function-after") or "form"
        problems.setdefault(path, _CODES.get(item["type"], item["type"]))
    return problems


# Pydantic's own codes, said in ours, so that the gateway's table of sentences stays short.
_CODES = {
    "string_too_long": "too_long",
    "string_too_short": "missing",
    "string_type": "not_text",
    "string_unicode": "surrogate",
    "too_long": "too_many",
    "too_short": "missing",
    "missing": "missing",
    "enum": "unknown_choice",
    "literal_error": "unknown_choice",
    "uuid_parsing": "not_an_id",
    "uuid_type": "not_an_id",
    "datetime_parsing": "not_a_time",
    "datetime_from_date_parsing": "not_a_time",
    "datetime_type": "not_a_time",
    "timezone_aware": "not_a_time",
    "date_parsing": "not_a_date",
    "date_from_datetime_parsing": "not_a_date",
    "date_type": "not_a_date",
    "extra_forbidden": "unknown_field",
}


def _newlines(value: Any) -> Any:
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value


def _clean(value: str) -> str:
    problem = text.problem_with(value)
    if problem:
        raise PydanticCustomError(problem, "not acceptable text")
    return value


def _one_line(value: str) -> str:
    if "\n" in value or "\t" in value:
        raise PydanticCustomError("control_characters", "not one line")
    return value


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise PydanticCustomError("not_a_time", "a time needs its zone")
    return value.astimezone(UTC)


def _not_blank(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("missing", "nothing in it")
    return value


Moment = Annotated[datetime, AfterValidator(_in_utc), PlainSerializer(clock.stamp, return_type=str, when_used="json")]
"""A point in time: with its zone on the way in, in UTC inside, RFC 3339 with milliseconds and Z on the way out."""

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
"""A short code from a closed or school-kept list; never free text."""

Zone = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_+-]{1,30}(/[A-Za-z_+-]{1,30}){0,2}$")]
"""An IANA time zone, such as Europe/London."""

Narrative = Annotated[str, StringConstraints(max_length=20_000), BeforeValidator(_newlines), AfterValidator(_clean), AfterValidator(_not_blank)]
"""A long account, kept as written (line ends aside); not blank; 20,000 characters at most."""

OptionalNarrative = Annotated[str, StringConstraints(max_length=20_000), BeforeValidator(_newlines), AfterValidator(_clean)]
"""The same, and may be empty."""

Passage = Annotated[str, StringConstraints(max_length=1_000), BeforeValidator(_newlines), AfterValidator(_clean)]
"""A few sentences, 1,000 characters at most; may be empty."""

Line = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True), AfterValidator(_clean), AfterValidator(_one_line)]
"""One line of text, 200 characters at most; may be empty."""

Name = Annotated[Line, AfterValidator(_not_blank)]
"""One line that is not blank."""
