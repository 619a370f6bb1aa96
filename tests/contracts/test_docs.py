"""The page about events says what the contracts say."""

from deploy import docs


def test_the_page_about_events_is_the_one_the_contracts_give() -> None:
    """If not: `python -m deploy.docs`."""
    assert docs.PAGE.read_text() == docs.page()
