"""A desk for each test about incidents."""

from typing import Any

import pytest

from tests.services.incidents.desk import Desk


@pytest.fixture
def desk(resources: Any, ask_service: Any, token_for: Any) -> Desk:
    return Desk(resources("incidents"), ask_service, token_for)
