"""Errors cross the bus as themselves."""

import inspect
import json

import pytest
from nameko.exceptions import deserialize, serialize

import safekeep.rpc  # noqa: F401 - registers the errors with nameko
from safekeep import errors
from safekeep.errors import Invalid, SafekeepError, StorageError, TooManyAttempts, TooMuchRead, Unavailable

SAMPLES: dict[type[SafekeepError], SafekeepError] = {
    Invalid: Invalid({"alert.staff_ids": "unknown_choice"}),
    StorageError: StorageError("23505", "incidents_pkey"),
    TooManyAttempts: TooManyAttempts(30),
    TooMuchRead: TooMuchRead(30),
    Unavailable: Unavailable("incidents", "unknown"),
}


def every_error() -> list[type[SafekeepError]]:
    return [e for e in vars(errors).values() if inspect.isclass(e) and issubclass(e, SafekeepError) and e is not SafekeepError]


def sample(error: type[SafekeepError]) -> SafekeepError:
    parameters = len(inspect.signature(error).parameters)
    return SAMPLES.get(error) or error(*["code"] * parameters)


@pytest.mark.parametrize("error", every_error(), ids=lambda e: e.__name__)
def test_an_error_is_the_same_on_the_other_side(error: type[SafekeepError]) -> None:
    """Class, arguments and attributes come through nameko's JSON as they went in: none of them silently becomes a RemoteError."""
    before = sample(error)
    after = deserialize(json.loads(json.dumps(serialize(before))))
    assert type(after) is error
    assert (after.args, vars(after)) == (before.args, vars(before))


@pytest.mark.parametrize(
    ("state", "outage", "repeatable"),
    [
        ("", True, False),
        ("08006", True, False),
        ("57P01", True, False),
        ("53300", True, False),
        ("40001", False, True),
        ("40P01", False, True),
        ("23505", False, False),
    ],
)
def test_which_database_errors_are_waited_for_and_which_run_again(state: str, outage: bool, repeatable: bool) -> None:
    error = StorageError(state, "")
    assert (error.is_outage, error.is_repeatable) == (outage, repeatable)
