"""A broker that takes nothing is started again: after a while, when there is room, and not again and again."""

import pytest

from deploy.local import broker_watch
from deploy.local.broker_watch import AGAIN, LOOK_EVERY, PATIENCE, BrokerWatch
from deploy.local.servers import free_port
from safekeep import telemetry


class Stage:
    """A relay's inner port, a disk, and how often the broker was started."""

    def __init__(self) -> None:
        self.ready = {"database": True, "broker": True, "queues": True}
        self.port, self.has_room, self.started = free_port(), True, 0
        telemetry.serve_inner(host="127.0.0.1", port=self.port, ready=lambda: self.ready)
        self.watch = BrokerWatch([free_port(), self.port], start_again=self._start, has_room=lambda: self.has_room)
        self.now = 0.0

    def _start(self) -> None:
        self.started += 1

    def after(self, seconds: float) -> int:
        ends = self.now + seconds
        while self.now < ends:
            self.now += LOOK_EVERY / 2
            self.watch.look(self.now)
        return self.started


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_while_events_are_taken_or_the_broker_is_away_nothing_is_started(stage: Stage) -> None:
    assert stage.after(60) == 0
    stage.ready = {"database": False, "broker": False, "queues": True}
    assert stage.after(60) == 0
    assert not broker_watch.is_refused(free_port()), "a relay that is not there says nothing"


def test_a_broker_that_takes_nothing_is_started_once_and_after_a_long_while_again(stage: Stage) -> None:
    stage.ready["queues"] = False
    assert stage.after(PATIENCE - LOOK_EVERY) == 0
    assert stage.after(2 * LOOK_EVERY) == 1
    assert stage.after(AGAIN - 2 * LOOK_EVERY) == 1
    assert stage.after(PATIENCE) == 2


def test_what_passes_by_itself_is_left_alone(stage: Stage) -> None:
    for _ in range(10):
        stage.ready["queues"] = False
        stage.after(PATIENCE - LOOK_EVERY)
        stage.ready["queues"] = True
        stage.after(LOOK_EVERY)
    assert stage.started == 0


def test_on_a_full_disk_it_is_not_started_before_there_is_room(stage: Stage) -> None:
    """It could not start, and what dies again and again ends everything."""
    stage.ready["queues"], stage.has_room = False, False
    assert stage.after(60) == 0
    stage.has_room = True
    assert stage.after(LOOK_EVERY) == 1
