"""The table of problems is complete, and says nothing it must not."""

import ast
import inspect
from pathlib import Path

import pytest
from flask import Flask

from gateway import problems
from safekeep import contracts, errors, text
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn, SafekeepError, StorageError, Unavailable

ROOT = Path(__file__).resolve().parent.parent.parent.parent
CLASSES = [e for e in vars(errors).values() if inspect.isclass(e) and issubclass(e, SafekeepError) and e is not SafekeepError]


def raised(name: str) -> set[str]:
    """Return the codes that services and contracts raise `name` with, as their source says them."""
    found: set[str] = set()
    for path in [*ROOT.glob("services/**/*.py"), *ROOT.glob("safekeep/**/*.py"), *ROOT.glob("gateway/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name and node.args:
                argument = node.args[0]
                values = argument.values if isinstance(argument, ast.Dict) else [argument]
                found |= {v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)}
    return found


def noted() -> set[str]:
    """Return the codes put beside fields: `problems["x"] = "code"`, `form.refuse("x", "code")`."""
    found: set[str] = set()
    for path in [*ROOT.glob("services/**/*.py"), *ROOT.glob("gateway/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Subscript)
                and ast.unparse(node.targets[0].value).endswith("problems")
            ):
                found |= {n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "refuse" and len(node.args) == 2:
                found |= {n.value for n in ast.walk(node.args[1]) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return {code for code in found if code.isidentifier()}


@pytest.mark.parametrize("error", CLASSES, ids=lambda e: e.__name__)
def test_every_error_has_a_row_that_is_not_our_own_failure(error: type[SafekeepError]) -> None:
    assert error in problems._BY_CLASS
    assert problems._BY_CLASS[error].status != 500


@pytest.mark.parametrize("error", [NotAllowed, Conflict, NotSignedIn], ids=lambda e: e.__name__)
def test_every_reason_that_is_raised_has_a_sentence_of_its_own(error: type[SafekeepError]) -> None:
    assert raised(error.__name__) - problems._BY_REASON[error].keys() == set()


def test_every_code_beside_a_field_has_a_sentence() -> None:
    known = set(problems.FIELD) | {code for _, code in problems.BY_FIELD}
    texts = {text.problem_with(sample) for sample in ("\x00", "\u202e", "\ud800")}
    wanted = raised("Invalid") | noted() | set(contracts._CODES.values()) | {code for code in texts if code}
    assert wanted - known == set()


def test_pydantics_own_codes_are_said_in_ours_or_have_a_sentence(app: Flask) -> None:
    """Whatever pydantic may refuse a field with ends in a sentence, never in an empty place beside the field."""
    with app.test_request_context():
        for code in ("string_pattern_mismatch", "int_parsing", "less_than_equal", "greater_than_equal", "bool_parsing", "list_type", "something_new"):
            assert problems.sentence("limit", contracts._CODES.get(code, code))


def test_what_may_not_be_known_answers_like_what_does_not_exist() -> None:
    assert {problems.problem_of(NotFound(what)) for what in ("incident", "pupil", "file", "school")} == {problems.NOT_FOUND}


def test_an_unforeseen_error_is_a_500_without_its_text() -> None:
    problem = problems.problem_of(ValueError("Sarah was crying"))
    assert problem.status == 500
    assert "Sarah" not in f"{problem.title}{problem.detail}"


def test_an_outage_says_honestly_whether_it_was_done() -> None:
    not_done, unknown = problems.problem_of(Unavailable("incidents", "not_done")), problems.problem_of(Unavailable("incidents", "unknown"))
    assert (not_done.status, unknown.status, problems.problem_of(StorageError("08006", "")).status) == (503, 503, 503)
    assert not_done.detail != unknown.detail


def test_a_dotted_path_is_named_by_its_last_word(app: Flask) -> None:
    with app.test_request_context():
        assert problems.sentence("linked_pupils.0.part", "missing") == str(problems.BY_FIELD[("part", "missing")])


def test_invalid_shows_the_code_and_never_the_value() -> None:
    assert problems.problem_of(Invalid({"narrative": "too_long"})).status == 422
