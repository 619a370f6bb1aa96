"""The short form of `./bench faults`, and the checker's own proof: builds that break a promise on purpose are found out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from tests.faults import nemesis, victim
from tests.faults.__main__ import KINDS, Outcome, run
from tests.faults.history import Verdict
from tests.faults.nemesis import Fault

pytestmark = pytest.mark.timeout(900)
SEED = 20


def test_nothing_is_lost_doubled_or_torn_whatever_is_killed_cut_frozen_or_full() -> None:
    small_disk = victim.may_mount()
    kinds = [kind for kind in KINDS if kind != "disk" or small_disk]
    last = [Fault("disk", "", 1, 0, False)] if small_disk else []
    faults = [
        *nemesis.schedule(SEED, 30, kinds=kinds, pace=0.2),
        Fault("kill", "postgres", 0, 0, True),
        Fault("kill", "rabbitmq", 0, 0, False),
        *last,
    ]
    with victim.running(small_disk=small_disk) as on:
        outcome = run(on, seed=SEED, faults=faults, minutes=3.0, writers=6, pause=0.5)
    print(*outcome.lines(), sep="\n")
    assert outcome.verdict.wrong() == {}
    assert outcome.nemesis.done.total() > 20
    assert sum(each.recorded for each in outcome.asked) > 50


def hurt(faults: Sequence[str], *, broken: Mapping[str, str]) -> Verdict:
    """Do this harm to a build broken on purpose, while much is written. " + " joins what is done together."""
    schedule = []
    for group in faults:
        parts = [Fault(*fault.split(maxsplit=1), 1.0, 1.0, True) for fault in group.split(" + ")]  # type: ignore[misc]
        schedule += [*parts[:-1], replace(parts[-1], together=False)]
    with victim.running(broken=broken) as on:
        outcome: Outcome = run(on, seed=SEED, faults=schedule, minutes=3.0, writers=8, pause=0.4, settles=15.0)
    print(*outcome.lines(), outcome.verdict.wrong(), sep="\n")
    return outcome.verdict


def test_builds_that_publish_apart_take_twice_or_acknowledge_too_early_are_caught() -> None:
    broken = {"incidents": "outside", "alerts": "no_inbox", "reports": "ack_first"}
    twice = ["slow alerts broker + slam alerts broker", "slow relay-incidents broker + slam relay-incidents broker"]
    found = hurt([*twice, "backend incidents", *twice, "kill reports"] * 3, broken=broken).wrong()
    assert "told_of_nothing" in found, "outside: somebody was told of what was never recorded"
    assert any("alerts" in each for each in found.get("doubled", [])), "no_inbox: somebody was alerted twice"
    assert any(each.startswith("counted") for each in found.get("torn", [])), "ack_first: something was never counted"


def test_a_build_that_answers_before_it_has_committed_is_caught() -> None:
    found = hurt(["kill incidents", "backend incidents"] * 2, broken={"incidents": "answer_first"}).wrong()
    assert "lost" in found
