"""What dies again and again is told from what a full disk ended."""

from typing import Any

import pytest

from deploy.local.deaths import ALLOWED, FULL_FOR, WITHIN, Deaths


class Stage:
    def __init__(self) -> None:
        self.deaths, self.now, self.pid, self.has_room = Deaths(), 1000.0, 1, True

    def look(self, statename: str = "RUNNING", **more: Any) -> tuple[list[str], list[str]]:
        self.now += 0.5
        process = {"name": "rabbitmq", "pid": self.pid, "statename": statename} | more
        return self.deaths.look([process], has_room=self.has_room, now=self.now)

    def dies(self, times: int, *, seconds: float = 1.0) -> list[str]:
        for _ in range(times):
            self.look()
            self.pid += 1
            self.now += seconds
        return self.look()[0]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_five_deaths_in_a_minute_are_borne_and_the_sixth_is_not(stage: Stage) -> None:
    assert stage.dies(ALLOWED) == []
    assert stage.dies(1) == ["rabbitmq"]


def test_deaths_that_lie_apart_are_borne(stage: Stage) -> None:
    assert stage.dies(20, seconds=WITHIN / ALLOWED) == []


def test_what_a_full_disk_ends_may_end_as_often_as_it_likes_until_there_is_room(stage: Stage) -> None:
    """RabbitMQ ends each time it cannot write, and once more where it starts meanwhile: that stopped all of `./run`."""
    stage.has_room = False
    assert stage.dies(30) == []
    stage.has_room = True
    assert stage.dies(3) == [], "it had just been full"
    stage.now += FULL_FOR
    assert stage.dies(ALLOWED) == []
    assert stage.dies(1) == ["rabbitmq"]


def test_what_the_process_manager_gave_up_is_started_again_only_where_the_disk_was_full(stage: Stage) -> None:
    stage.pid = 0
    assert stage.look("FATAL") == (["rabbitmq"], [])
    stage.has_room = False
    assert stage.look("FATAL") == ([], ["rabbitmq"])


def test_a_start_of_our_own_is_no_death(stage: Stage) -> None:
    for _ in range(ALLOWED + 2):
        stage.look()
        stage.deaths.was_meant("rabbitmq")
        stage.pid += 1
    assert stage.look() == ([], [])
