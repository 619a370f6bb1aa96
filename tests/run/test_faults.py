"""The short form of `./bench faults`, and the checker's own proof: builds that break a promise on purpose are found out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from tests.faults import nemesis, victim
from tests.faults.__main__ import KINDS, Outcome, run
from tests.faults.history import Verdict
from tests.faults.nemesis import Fault

pytestmark = pytest.mark.timeout(900)
SEED = 20


def test_nothing_is_lost_doubled_or_torn_whatever_is_killed_cut_or_frozen() -> None:
    """A full disk among it, where a small one can be mounted."""
    small_disk = victim.may_mount()
    kinds = [kind for kind in KINDS if kind != "disk"]
    full = [Fault("disk", "", 2.5, 0.5, False)] * small_disk
    faults = [
        *full,
        *nemesis.schedule(SEED, 30, kinds=kinds, pace=0.2),
        *full,
        Fault("kill", "postgres", 0, 0, True),
        Fault("kill", "rabbitmq", 0, 0, False),
    ]
    with victim.running(small_disk=small_disk) as on:
        outcome = run(on, seed=SEED, faults=faults, minutes=3.0, writers=6, pause=0.5)
    print(*outcome.lines(), sep="\n")
    assert outcome.verdict.wrong() == {}
    assert outcome.nemesis.done.total() > 20
    assert outcome.nemesis.done["disk"] == 2 * small_disk
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


def test_a_build_that_publishes_apart_from_what_it_tells_of_is_caught() -> None:
    found = hurt(["backend incidents"] * 16, broken={"incidents": "outside"}).wrong()
    assert "told_of_nothing" in found, "somebody was told of what was never recorded"


def test_builds_that_answer_acknowledge_or_take_without_their_transaction_are_caught() -> None:
    """Alerts has no part in `no_inbox`: one a person and entry is its table's rule besides."""
    broken = {"incidents": "answer_first", "alerts": "ack_first", "reports": "no_inbox", "relay-incidents": "twice"}
    verdict = hurt(["kill alerts", "kill incidents"] * 3, broken=broken)
    found = verdict.wrong()
    assert "lost" in found, "answer_first: what was answered is not there"
    assert any(": alerts [0" in each for each in found.get("torn", [])), "ack_first: somebody was never alerted"
    counted = [re.findall("[0-9]+", each) for each in found.get("torn", []) if each.startswith("counted")]
    assert any(int(actions) > int(are) for _, actions, _, are in counted), "no_inbox: something was counted twice"
