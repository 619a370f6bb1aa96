"""The reading rule in Python and in SQL are one rule."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safekeep import clock
from safekeep.ids import new_id
from safekeep.permissions import Class, EntryFacts, Reading, Role, highest_class_read, may_record
from services.incidents.ledger import LedgerEntry
from tests.make import create_school


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_python_and_sql_agree_on_who_reads_what(resources: Any, data: st.DataObject) -> None:
    """Random entries, rights, relations, restrictions, DSLs and who stands in for them; every role: the list from SQL is the set Python gives."""
    import sqlalchemy as sa

    from services.incidents import store
    from services.incidents.store.tables import entries

    held = _held(resources)
    school = create_school(resources=held, roles=())
    people = [new_id() for _ in range(4)]
    leads, stand_ins = data.draw(st.sets(st.sampled_from(people), max_size=2)), data.draw(st.sets(st.sampled_from(people), max_size=2))
    facts: dict[Any, EntryFacts] = {}
    with held.transaction(held.engine, school_id=school.id) as tx:
        for person in leads:
            role = data.draw(st.sampled_from([Role.DSL, Role.DEPUTY_DSL]))
            store.keep_staff(tx, school_id=school.id, person_id=person, roles=[role], active=True)
        for person in stand_ins:
            store.add_stand_in(tx, school_id=school.id, id=new_id(), person_id=person, reason="The head", by=new_id(), now=clock.now())
        for number in range(data.draw(st.integers(1, 4))):
            pupil, entry = new_id(), new_id()
            concerned = frozenset(data.draw(st.sets(st.sampled_from(people), max_size=2)))
            class_ = data.draw(st.sampled_from(Class))
            rights = data.draw(st.dictionaries(st.sampled_from(people), st.sampled_from(Class), max_size=3))
            author = data.draw(st.sampled_from(people))
            kept_to = data.draw(st.none() | st.permutations(people).map(lambda order: frozenset(order[:2])))
            _write(tx, store, school.id, pupil, entry, number, class_, author, concerned, rights)
            if kept_to is not None:
                _restrict(tx, store, school.id, entry, kept_to)
            left_to = frozenset(stand_ins) if leads <= concerned else frozenset()
            facts[entry] = EntryFacts(author_id=author, class_=class_, concerned=concerned, rights=rights, kept_to=kept_to, left_to=left_to)
        for person in people:
            for role in Role:
                rule = Reading(person_id=person, role_class=highest_class_read({role}), records=may_record({role}))
                query = sa.select(entries.c.id).where(entries.c.school_id == school.id, store.readable(rule))
                assert set(tx.execute(query).scalars()) == {id_ for id_, entry_facts in facts.items() if rule.covers(entry_facts)}
                for id_, entry_facts in facts.items():
                    found = store.entries_of(tx, school_id=school.id, incident_id=id_, reading=rule)
                    assert [row.sees for row in found] == ([_seen(rule, entry_facts)] if rule.covers(entry_facts) else [])


def _seen(rule: Reading, facts: EntryFacts) -> str:
    """An account has its incident's class: who reads it but as its author sees all that became of it."""
    return "incident" if rule.opens(facts) else "words"


_kept: list[Any] = []


def _held(resources: Any) -> Any:
    """One database for all examples."""
    if not _kept:
        _kept.append(resources("incidents"))
    return _kept[0]


def _restrict(tx: Any, store: Any, school: Any, entry: Any, kept_to: Any) -> None:
    import datetime as dt

    keeper, dsl = sorted(kept_to)
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    who = {"keeper_id": keeper, "dsl_id": dsl, "about_id": new_id(), "by_id": dsl}
    store.add_restriction(tx, school_id=school, id=new_id(), incident_id=entry, entry_id=entry, at=at, reason="", fingerprint="", **who)


def _write(tx: Any, store: Any, school: Any, pupil: Any, entry: Any, number: int, class_: Class, author: Any, concerned: Any, rights: Any) -> None:
    import datetime as dt

    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    store.keep_pupil(tx, school_id=school, id=pupil, name="A B", known_as="", year="", form="", born=now.date(), family=pupil, holding=False)
    store.keep_relatives(tx, school_id=school, pupil_id=pupil, people=concerned)
    store.add_incident(tx, school_id=school, id=entry, year=2026, last=number, pupil_id=pupil, class_=class_, categories=[], linked=[])
    store.add_entry(
        tx,
        school_id=school,
        incident_id=entry,
        entry_id=entry,
        place=LedgerEntry(sequence=number + 1, canonical=b"", hash="", openings={}),
        pupil_ids=[],
        kind="incident",
        class_=class_,
        author=(author, "", ""),
        now=now,
        occurred=(now, "exact"),
        text="t",
        facts={},
        categories=[],
        recipients=[],
        files=[],
        fingerprint="",
        told=[],
    )
    for person, right in rights.items():
        store.give_rights(tx, school_id=school, incident_id=entry, entry_id=entry, class_=right, told=[store.Right(person)], now=now)
