"""What somebody may not know of answers like what does not exist: the same refusal after the same statements to the database."""

from collections.abc import Iterator

import pytest

from safekeep.permissions import Class, Role
from tests.matrix import samples, table
from tests.matrix.samples import REQUESTS
from tests.matrix.table import METHODS
from tests.matrix.test_methods import Outcome, readers
from tests.matrix.world import Undo, World

ASKED = sorted(m for m, r in METHODS.items() if r.whose in ("reader", "author", "recipient"))
"""Every method that names a thing which some of those who may call it may not know of: found in the table, which names every method."""


@pytest.fixture
def undo(world: World) -> Iterator[Undo]:
    with world.undoing() as held:
        yield held


@pytest.mark.parametrize("method", ASKED)
def test_hidden_and_absent_are_answered_after_the_same_statements(world: World, undo: Undo, method: str) -> None:
    """As somebody who may call it but not know of the thing: statement by statement the same as for ids of nothing."""
    row, request, here = METHODS[method], REQUESTS[method], world.own
    about = samples.ABOUT.get(method, "child")
    made = here.made[about, Class.SAFEGUARDING]
    tried = 0
    for place, names in ((here, readers(here, about) if about == "child" else []), (world.sibling, list(Role))):
        for name in names:
            if name not in place.people or not table.may(row, world.role_of(name)) or name.startswith("author"):
                continue
            token = world.as_(place, name)
            said = []
            for real in (True, False):
                wanted = samples.sample(request, place=here, made=made, real=real)
                with undo.cell():
                    undo.statements.clear()
                    found = Outcome(world, wanted, token)
                    said.append((repr(found), found.text, list(undo.statements)))
            hidden, absent = said
            assert hidden[:2] == absent[:2], f"{name} at {place.slug}"
            assert hidden[2] == absent[2], f"{name} at {place.slug}: {len(hidden[2])} statements for what is hidden, {len(absent[2])} for nothing"
            assert absent[2], "the databases were asked"
            tried += 1
    assert tried, f"nobody was found from whom a thing of {method} is hidden"
