"""Which servers the tests run against."""

from pathlib import Path

import pytest

from tests import containers


@pytest.mark.parametrize(("script", "answers"), [("exit 0", True), ("exit 1", False), (None, False)])
def test_containers_are_used_where_an_engine_answers_and_not_where_only_a_client_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, answers: bool
) -> None:
    if script:
        (tmp_path / "docker").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    containers.engine_answers.cache_clear()
    try:
        assert containers.engine_answers() is answers
    finally:
        containers.engine_answers.cache_clear()


@pytest.mark.parametrize("name", ["postgres", "rabbitmq"])
def test_their_versions_are_those_the_servers_run(name: str) -> None:
    assert containers.image(name).startswith(f"{name}:")
    with pytest.raises(LookupError):
        containers.image("nothing")
