"""Letters about accounts: what they say, that their links work, and what becomes of one that cannot be written."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import clock
from safekeep.contracts.identity import LetterWanted, SignIn, UseLink
from safekeep.errors import SignInFailed
from safekeep.ids import new_id
from safekeep.rpc import Resources
from services.alerts import letters, service
from tests.services.alerts.smtp import Server, text_of
from tests.services.alerts.test_alerts import Alerts, smtp  # noqa: F401 - a fixture

PUBLIC = "https://safekeep.example"


@pytest.fixture
def world(resources: Callable[..., Resources], ask_service: Any, token_for: Any, service_token_for: Any, smtp: Server) -> Alerts:  # noqa: F811
    return Alerts(resources, ask_service, token_for, service_token_for, smtp.url)


def write(world: Alerts, kind: str, *, to: str = "teacher", about: UUID | None = None) -> None:
    """Hear that a letter is wanted, and send what is due."""
    world.hear(world.event(LetterWanted, subject=new_id(), person_id=world.people[to], kind=kind, about=about))
    world.send()


@pytest.mark.parametrize("kind", sorted(letters.KINDS))
def test_every_letter_goes_to_its_person_alone_and_says_what_to_do(world: Alerts, smtp: Server, kind: str) -> None:  # noqa: F811
    write(world, kind, about=world.people["dsl"])
    [mail] = smtp.taken
    text = text_of(mail)
    assert smtp.envelopes[0].rcpt_tos == ["teacher@one.example"]
    assert mail["From"] == "Safekeep, School One <safekeep@localhost>" or "School One" in str(mail["From"])
    assert mail["Subject"]
    assert re.search("Safekeep|at your school", mail["Subject"])
    assert "{" not in text + mail["Subject"]
    assert all(link.startswith(PUBLIC) for link in re.findall(r"https?://\S+", text))
    if kind in {"attack", "operator_helped", "role_asked", "role_confirmed"}:
        assert "Dee Lead" in text
    for other in ("Dan Deputy", "Sal Tee", "Pat Oral"):
        assert other not in text


@pytest.mark.parametrize("kind", ["welcome", "password_link"])
def test_a_letters_link_works_and_a_repeated_letter_holds_a_new_one(world: Alerts, smtp: Server, kind: str) -> None:  # noqa: F811
    smtp.answers.append("451 later")
    write(world, kind)
    world.send(minutes=10)
    [mail] = smtp.taken
    token = re.search(r"/link/(\S+)", text_of(mail))
    assert token
    write(world, kind)
    newer = re.search(r"/link/(\S+)", text_of(smtp.taken[-1]))
    assert newer
    with pytest.raises(SignInFailed):
        world._ask(world.identity, UseLink(token=token.group(1)), token="")
    assert world._ask(world.identity, UseLink(token=newer.group(1)), token="").stage == "password"


def test_no_link_is_kept_where_the_mail_waits(world: Alerts, smtp: Server) -> None:  # noqa: F811
    smtp.answers.append("451 later")
    write(world, "password_link")
    with world.resources.transaction(world.resources.worker_engine) as tx:
        kept = str(tx.execute(sa.text("select * from mails")).mappings().all()) + str(tx.execute(sa.text("select * from outbox")).mappings().all())
    assert "/link/" not in kept
    assert "teacher@one.example" not in kept


def test_a_new_device_is_named_with_its_time_in_the_schools_zone(world: Alerts, smtp: Server) -> None:  # noqa: F811
    summer = dt.datetime(2026, 7, 3, 8, 5, tzinfo=dt.UTC)
    with clock.set_to(summer):
        for device in ("Safari, iPhone", "Chrome, Windows"):
            request = SignIn(username="teacher@one.example", password="Plum teal harbour 1", in_steps=True, device=device)
            world._ask(world.identity, request, token="")
    with world.identity.host.worker_engine.connect() as connection:
        body = connection.execute(sa.text("select body from outbox where name = 'identity.letter.wanted'")).scalar_one()
    write(world, body["kind"], about=UUID(body["about"]))
    text = text_of(smtp.taken[0])
    assert "Chrome, Windows" in text
    assert "Friday 3 July at 9:05" in text


def test_a_password_that_is_due_says_the_day(world: Alerts, smtp: Server) -> None:  # noqa: F811
    write(world, "password_due")
    due = (clock.now() + dt.timedelta(days=60)).astimezone()
    assert re.search(rf"{due:%B}", text_of(smtp.taken[0]))


def test_a_letter_to_a_closed_account_or_of_a_newer_release_is_not_sent(world: Alerts, smtp: Server) -> None:  # noqa: F811
    write(world, "of_a_newer_release")
    with world.identity.host.transaction(world.identity.host.engine, scope="sign_in") as tx:
        tx.execute(sa.text("update people set closed_at = now() where id = :id"), {"id": world.people["teacher"]})
    write(world, "password_link")
    assert smtp.taken == []
    assert world.mails() == [("failed", 1)]
    assert service.HANDLERS[LetterWanted]
