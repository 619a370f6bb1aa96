"""Fixtures of the journeys that are used here too, with systems of these tests' own."""

from tests.journeys.conftest import browser, finds_nothing_wrong, playwright, pytest_runtest_makereport, sign_in

__all__ = ["browser", "finds_nothing_wrong", "playwright", "pytest_runtest_makereport", "sign_in"]
