"""When whom is asked again: by the first setting, in school hours and outside, and against a count of every minute."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from safekeep import calendar as calendars
from safekeep.calendar import Calendar, Span
from services.alerts import escalation as e
from services.alerts.escalation import FIRST, Policy, Step

LONDON = ZoneInfo("Europe/London")
HALF_TERM = Calendar(
    spans=(
        Span("term", dt.date(2026, 9, 2), dt.date(2026, 12, 18)),
        Span("holiday", dt.date(2026, 10, 26), dt.date(2026, 10, 30)),
        Span("inset", dt.date(2026, 11, 2), dt.date(2026, 11, 2)),
    )
)


def local(day: int, hour: int, minute: int = 0, *, month: int = 10) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, minute, tzinfo=LONDON).astimezone(dt.UTC)


def asked(code: str, begun: dt.datetime, until: dt.datetime, calendar: Calendar = HALF_TERM) -> list[tuple[str, set[str], bool]]:
    found = e.missed(FIRST[code], calendar, begun=begun, after=begun - dt.timedelta(microseconds=1), now=until, always=code == e.AT_RISK)
    return [(f"{ask.at.astimezone(LONDON):%a %H:%M}", set(ask.who), ask.if_unread) for ask in found]


def test_a_child_at_risk_now_all_dsls_at_once_the_head_after_five_minutes_and_both_again_until_somebody_leads() -> None:
    night = local(25, 0, 50)  # the clocks go back at two, and nothing of it waits an hour longer
    assert asked(e.AT_RISK, night, night + dt.timedelta(minutes=40)) == [
        ("Sun 00:50", {"leads"}, False),
        ("Sun 00:55", {"head"}, False),
        ("Sun 01:10", {"leads", "head"}, False),
        ("Sun 01:25", {"leads", "head"}, False),
    ]
    assert len(asked(e.AT_RISK, night, night + dt.timedelta(hours=5))) == 2 + 19


def test_after_an_hour_in_school_every_dsl_then_the_head_then_the_trust_and_before_the_end_of_the_day_what_is_unread() -> None:
    assert asked("safeguarding", local(22, 9), local(22, 15, 29)) == [
        ("Thu 10:00", {"leads"}, False),
        ("Thu 11:00", {"head"}, False),
        ("Thu 12:00", {"trust_lead"}, False),
        ("Thu 14:45", {"leads"}, True),
    ]
    assert asked("welfare", local(22, 14, 40), local(23, 8, 39)) == [("Thu 14:45", {"leads"}, True)]


def test_in_the_evening_its_own_policy_holds_and_the_hour_in_school_goes_on_in_the_morning() -> None:
    assert asked("protection", local(22, 15, 10), local(23, 9, 30)) == [
        ("Thu 16:30", {"leads"}, False),
        ("Fri 09:10", {"leads"}, False),
    ]


def test_over_half_term_dsls_are_asked_once_a_day_and_school_begins_after_the_inset_day() -> None:
    found = asked("protection", local(23, 16), local(3, 9, 30, month=11))
    assert [at for at, _, _ in found] == [
        "Fri 17:00",
        "Sat 17:00",
        "Sun 16:00",
        *(f"{day} 16:00" for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Mon")),
        "Tue 09:30",
    ]  # fmt: skip - a day is 24 hours, so the clocks' change moves it by the school's clock


def test_a_class_without_a_policy_and_a_policy_without_steps_ask_nobody() -> None:
    assert e.policy_for(FIRST, class_code="general", at_risk_now=False) is None
    assert e.policy_for(FIRST, class_code="general", at_risk_now=True) == FIRST[e.AT_RISK]
    empty: dict[str, Any] = {"begun": local(22, 9), "after": local(22, 9), "always": False}
    assert e.next_asks(Policy(steps=()), HALF_TERM, **empty) == []
    assert e.next_asks(FIRST["welfare"], Calendar(weekdays=frozenset()), **empty) == []


def test_who_is_asked_first_and_when_is_said_before_it_happens() -> None:
    def ahead(code: str, begun: dt.datetime) -> list[tuple[str, set[str]]]:
        asks = e.first_asks(FIRST[code], HALF_TERM, begun=begun, always=code == e.AT_RISK)
        return [(f"{ask.at.astimezone(LONDON):%a %H:%M}", set(ask.who)) for ask in asks]

    assert ahead(e.AT_RISK, local(25, 0, 50)) == [("Sun 00:50", {"leads"}), ("Sun 00:55", {"head"})]
    assert ahead("safeguarding", local(22, 9)) == [("Thu 10:00", {"leads"}), ("Thu 11:00", {"head"}), ("Thu 12:00", {"trust_lead"})]
    assert ahead("safeguarding", local(22, 18)) == [("Thu 19:00", {"leads"}), ("Fri 10:30", {"head"}), ("Fri 11:30", {"trust_lead"})]
    assert ahead("welfare", local(22, 18))[0] == ("Fri 09:30", {"leads"}), "it has no policy for the evening"
    assert ahead("protection", local(23, 16)) == [("Fri 17:00", {"leads"}), ("Tue 10:30", {"head"}), ("Tue 11:30", {"trust_lead"})]


MINUTE = dt.timedelta(minutes=1)
whos = st.sampled_from(e.WHO)
steps = st.lists(st.builds(Step, st.integers(0, 300), whos), min_size=1, max_size=4, unique=True).map(
    lambda some: tuple(sorted(some, key=lambda s: s.minutes))
)
policies = st.builds(
    Policy, steps=steps, again=st.sampled_from([0, 30, 240]), outside=st.one_of(st.just(()), steps), outside_again=st.sampled_from([0, 90]), before_end=st.sampled_from([0, 45])
)  # fmt: skip


@settings(deadline=None, max_examples=25)
@given(policies, st.integers(0, 6 * 24 * 60))
def test_what_is_asked_is_what_counting_every_minute_finds(policy: Policy, offset: int) -> None:
    """From the Wednesday before half term over the night on which the clocks go back, for two days from any minute."""
    begun = local(21, 0) + dt.timedelta(minutes=offset)
    until = begun + dt.timedelta(days=2)
    expected, passed, since, last = set(), 0, begun, max(step.minutes for step in policy.steps)
    for n in range(2 * 24 * 60):
        at = begun + n * MINUTE
        inside = calendars.in_school_hours(HALF_TERM, at)
        before = n > 0 and calendars.in_school_hours(HALF_TERM, at - MINUTE)
        passed += before
        if before and not inside:
            since = at
        new = n == 0 or before  # a minute of school has just ended: the count is another
        if n == 0 and not inside:
            new = False
        who = {s.who for s in policy.steps if s.minutes == passed} if new or (passed == 0 and inside and not before) else set()
        if new and policy.again and passed > last and (passed - last) % policy.again == 0:
            who |= {s.who for s in policy.steps}
        if not inside:
            out, outs = (at - since) // MINUTE, [s.minutes for s in policy.outside]
            who |= {s.who for s in policy.outside if s.minutes == out}
            if outs and policy.outside_again and out > max(outs) and (out - max(outs)) % policy.outside_again == 0:
                who |= {s.who for s in policy.outside}
        expected |= {(at, each) for each in who}
    found = e.missed(policy, HALF_TERM, begun=begun, after=begun - dt.timedelta(microseconds=1), now=until - MINUTE, always=False)
    assert len(found) < e.CATCH_UP
    assert {(ask.at, each) for ask in found if not ask.if_unread for each in ask.who} == expected
    first = {each: min(at for at, who in expected if who == each) for _, each in expected}
    ahead = [ask for ask in e.first_asks(policy, HALF_TERM, begun=begun, always=False) if ask.at < until]
    assert {each: ask.at for ask in ahead for each in ask.who} == first, "what a recorder is told of it: each once"
    assert [ask.at for ask in ahead] == sorted(set(first.values()))
