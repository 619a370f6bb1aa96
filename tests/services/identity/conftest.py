"""The office every test of identity works in."""

from typing import Any

import pytest

from tests.services.identity.office import Office


@pytest.fixture
def office(resources: Any, ask_service: Any, token_for: Any, service_token_for: Any) -> Office:
    return Office(resources("identity", public_url="http://localhost:8000"), ask_service, token_for, service_token_for)
