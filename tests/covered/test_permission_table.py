"""The written table, docs/permissions.md, names every method and every address; what they answer is tried in tests/matrix."""

import importlib
import inspect

from safekeep.database import SERVICES
from tests.matrix.samples import requests
from tests.matrix.table import METHODS


def test_every_method_has_a_row_and_every_row_a_method() -> None:
    """Found in the services themselves, in the contracts and in the table: the three name the same methods."""
    answered = {
        m.request.method
        for service in SERVICES
        for _, m in inspect.getmembers(importlib.import_module(f"services.{service}.service").Service)
        if hasattr(m, "request")
    }
    assert answered == set(requests())
    missing, gone = answered - set(METHODS), set(METHODS) - answered
    assert not missing, f"write in docs/permissions.md who may call: {sorted(missing)}"
    assert not gone, f"take out of docs/permissions.md: {sorted(gone)}"
