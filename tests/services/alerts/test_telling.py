"""Who was told why and who may know it, who was dropped, what reached nobody, and what the mail looks like to whoever takes it in."""

from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from safekeep import telemetry
from safekeep.contracts.alerts import Readers, Watch
from safekeep.contracts.incidents import IncidentRecorded, ReadableAnswer, Recipient, RecipientMissed
from safekeep.contracts.reports import TrustReportWaiting
from safekeep.errors import NotSignedIn
from safekeep.ids import new_id
from safekeep.rpc import Resources
from services.alerts import mail
from services.identity import store as identity_store
from tests.services.alerts.smtp import Server, text_of
from tests.services.alerts.test_alerts import NOON, Alerts


class Reads:
    """Incidents, as far as alerts asks it here: whoever asks may read every entry. That it says so rightly is shown by the matrix."""

    def readable(self, envelope: Any) -> Any:
        return ReadableAnswer(entry_ids=envelope["body"]["entry_ids"]).wire()


@pytest.fixture
def smtp() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def alerts(resources: Callable[..., Resources], ask_service: Any, token_for: Any, service_token_for: Any, smtp: Server) -> Alerts:
    return Alerts(resources, ask_service, token_for, service_token_for, smtp.url)


def told(alerts: Alerts, *recipients: Recipient, **more: Any) -> Any:
    incident = new_id()
    said = alerts._said(incident, incident, (), "welfare") | {"recipients": list(recipients)}
    event = alerts.event(IncidentRecorded, subject=incident, occurred_at=NOON, **said, **more)
    alerts.hear(event)
    return incident


def seen(alerts: Alerts, role: str, incident: Any) -> dict[Any, list[str]]:
    alerts.service.incidents = Reads()  # type: ignore[assignment] - see above
    return {item.person_id: item.because for item in alerts.ask(role, Readers(incident_id=incident)).items}


def test_why_each_was_told_is_kept_and_a_group_that_a_flag_called_for_is_shown_to_those_who_may_see_the_flag(alerts: Alerts) -> None:
    people = alerts.people
    incident = told(
        alerts,
        Recipient(person_id=people["dsl"], because=["safeguarding_team", "designated_teacher"], flagged={"designated_teacher": "welfare"}),
        Recipient(person_id=people["pastoral"], because=["designated_teacher"], flagged={"designated_teacher": "welfare"}),
    )
    everything = {people["dsl"]: ["safeguarding_team", "designated_teacher"], people["pastoral"]: ["designated_teacher"]}
    assert seen(alerts, "deputy_dsl", incident) == everything
    assert seen(alerts, "slt", incident) == everything, "their role opens the flag's class"
    assert seen(alerts, "teacher", incident) == {people["dsl"]: ["safeguarding_team"]}
    assert seen(alerts, "pastoral", incident) == {people["dsl"]: ["safeguarding_team"], people["pastoral"]: ["designated_teacher"]}


def test_a_flag_of_a_closer_class_is_kept_from_slt_too(alerts: Alerts) -> None:
    secret = Recipient(person_id=alerts.people["pastoral"], because=["cp_group"], flagged={"cp_group": "protection"})
    incident = told(alerts, secret)
    assert seen(alerts, "slt", incident) == {}
    assert seen(alerts, "dsl", incident) == {alerts.people["pastoral"]: ["cp_group"]}


def test_who_was_dropped_is_shown_as_not_sent_and_has_nothing_in_their_inbox(alerts: Alerts, smtp: Server) -> None:
    alerts.staff("slt", roles=["governor"])
    incident = alerts.recorded("dsl", "slt", class_code="welfare")
    alerts.service.incidents = Reads()  # type: ignore[assignment] - see above
    items = {i.person_id: i for i in alerts.ask("dsl", Readers(incident_id=incident)).items}
    assert {person: item.dropped for person, item in items.items()} == {alerts.people["dsl"]: False, alerts.people["slt"]: True}
    alerts.send()
    assert [message["To"] for message in smtp.taken] == ["Dee Lead <dsl@one.example>"]


def test_the_safeguarding_team_is_mailed_who_was_not_sent_it(alerts: Alerts, smtp: Server) -> None:
    incident = new_id()
    said = {"incident_id": incident, "entry_id": incident, "person_id": alerts.people["slt"]}
    alerts.hear(alerts.event(RecipientMissed, subject=incident, people=[alerts.people["dsl"], alerts.people["deputy_dsl"]], **said))
    alerts.send()
    assert {message["To"] for message in smtp.taken} == {"Dee Lead <dsl@one.example>", "Dan Deputy <deputy_dsl@one.example>"}
    text = plain(smtp.taken[0])
    assert "Sal Tee was to be sent something" in text
    assert f"https://safekeep.example/s/one/incidents/{incident}" in text
    assert "Zoë" not in text


def trust_lead(alerts: Alerts) -> None:
    """Give the school's trust a safeguarding lead."""
    with alerts.identity.host.transaction(alerts.identity.host.engine, scope="sign_in") as tx:
        person = {"id": new_id(), "name": "Tess Lead", "email": "lead@trust.example", "demo": False}
        identity_store.keep(tx, identity_store.people, [person])
    with alerts.identity.host.transaction(alerts.identity.host.engine, school_id=alerts.school) as tx:
        school = identity_store.school_with(tx, school_id=alerts.school)
        assert school is not None
    with alerts.identity.host.transaction(alerts.identity.host.engine, scope="sign_in", trust_id=str(school.trust_id)) as tx:
        row = {"trust_id": school.trust_id, "person_id": person["id"], "roles": ["trust_safeguarding_lead"], "waiting_roles": []}
        identity_store.keep(tx, identity_store.trust_memberships, [row])


def test_what_reaches_nobody_reaches_the_trusts_safeguarding_lead_with_school_and_number_and_raises_the_alarm(alerts: Alerts, smtp: Server) -> None:
    trust_lead(alerts)
    before = telemetry.REACHED_NOBODY._value.get()
    told(alerts, reached_nobody=True)
    alerts.send()
    assert telemetry.REACHED_NOBODY._value.get() == before + 1
    (message,) = smtp.taken
    assert message["To"] == "Tess Lead <lead@trust.example>"
    text = plain(message)
    assert "School One" in text
    assert "01632 960002" in text
    assert not any(word in text for word in ("Zoë", "safeguarding_concern", "Safeguarding concern", "/s/one"))


def test_where_everybody_was_dropped_it_has_reached_nobody_either(alerts: Alerts, smtp: Server) -> None:
    trust_lead(alerts)
    alerts.staff("slt", roles=["governor"])
    alerts.recorded("slt", class_code="welfare")
    alerts.send()
    assert [message["To"] for message in smtp.taken] == ["Tess Lead <lead@trust.example>"]


def test_a_demonstrations_past_reaches_nobody_quietly(alerts: Alerts, smtp: Server) -> None:
    trust_lead(alerts)
    told(alerts, reached_nobody=True, past=True)
    alerts.send()
    assert smtp.taken == []


# --- the mail itself ---------------------------------------------------------------------------------------------------


def plain(message: EmailMessage) -> str:
    return text_of(message).replace("\r\n", "\n")


def test_an_alerts_mail_says_who_recorded_it_the_category_and_a_link_in_text_and_in_html_and_nothing_else(alerts: Alerts, smtp: Server) -> None:
    alerts.recorded("dsl")
    alerts.send()
    (message,) = smtp.taken
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    link = next(word for word in plain(message).split() if word.startswith("https://"))
    assert plain(message) == f"Recorded by: Zoë O’Cher\nCategory: Safeguarding concern\n\n{link}\n"
    html = message.get_body(preferencelist=("html",))
    assert html is not None
    said = str(html.get_content())
    assert f'<a href="{link}">{link}</a>' in said
    assert "Zoë O’Cher" in said
    assert "src=" not in said, "nothing is fetched: opening a mail tells nobody"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["Message-ID"]
    assert message["Date"]


def test_mail_is_from_the_name_that_the_school_gave(alerts: Alerts, smtp: Server) -> None:
    with alerts.identity.host.transaction(alerts.identity.host.engine, school_id=alerts.school) as tx:
        identity_store.change_school(tx, school_id=alerts.school, sender_name="Hillside – safeguarding, “One”")
    alerts.recorded("dsl")
    alerts.send()
    assert smtp.taken[0]["From"].addresses[0].display_name == "Hillside – safeguarding, “One”"


@pytest.mark.parametrize("name", ["<b>", 'a "quote"', "& more", "https://evil.example/x y"])
def test_a_name_is_a_name_in_html_too(name: str) -> None:
    letter = mail.Letter(
        id=new_id(), kind="alert", to_name="T", to_address="t@x.example", from_name="S", recorded_by=name, category="C", link="https://x.example/a"
    )
    html = mail.write(letter, sender="s@x.example", now=NOON).get_payload()[1].get_payload(decode=True).decode()  # type: ignore[index, union-attr]
    assert html.count("<a ") == 1
    assert "<b>" not in html


@pytest.mark.parametrize("name", ["Gail Mason", "Şahinoğlu, Gül", "王小明", "O'Hegarty-Ünal " * 9, "Long Plain Name " * 9, "two\nlines", "tab\there"])
def test_a_mails_headers_and_body_are_written_as_the_library_writes_them_but_for_the_ends_of_lines(name: str) -> None:
    letter = mail.Letter(
        id=new_id(),
        kind="alert",
        to_name=name.replace("\n", " "),
        to_address="gail@hill.example",
        from_name=name.replace("\n", " "),
        recorded_by=name,
        category="Emotional wellbeing",
        link="https://safekeep.example/s/hill/alerts/1",
    )
    written = mail.write(letter, sender="safekeep@hill.example", now=NOON)
    assert mail.as_sent(written).replace(b"\r\n", b"\n").rstrip(b"\n") == written.as_bytes().rstrip(b"\n")
    assert mail.as_sent(written).count(b"\n") == mail.as_sent(written).count(b"\r\n") == mail.as_sent(written).count(b"\r")


def test_signed_mail_is_taken_for_the_domains_own_and_an_altered_one_is_not(
    resources: Callable[..., Resources], ask_service: Any, token_for: Any, service_token_for: Any, smtp: Server, tmp_path: Path
) -> None:
    """DKIM, held against the key that the domain publishes, by the library's verifier: which reads what the server took in."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path / "dkim.pem"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()))
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    import base64

    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)

    def published(name: bytes, timeout: int = 5) -> bytes:
        return record if name == b"autumn._domainkey.school.example." else b""

    alerts = Alerts(resources, ask_service, token_for, service_token_for, smtp.url)
    settings = alerts.resources.settings.model_copy(
        update={"mail_domain_key": ("school.example", "autumn", str(path)), "mail_from": "safekeep@school.example"}
    )
    alerts.resources.settings = settings
    alerts.recorded("dsl")
    alerts.send()
    taken = smtp.envelopes[0].content
    assert dkim.verify(taken, dnsfunc=published) is True
    assert dkim.verify(taken.replace(b"Something to read", b"Something to send"), dnsfunc=published) is False
    assert dkim.verify(taken.replace(b"Recorded by", b"Rewritten by"), dnsfunc=published) is False


# --- watching ----------------------------------------------------------------------------------------------------------


def test_one_call_says_of_many_whether_their_inbox_is_another(alerts: Alerts, token_for: Any) -> None:
    def tokens(*roles: str) -> list[str]:
        return [token_for(roles=[role], school_id=alerts.school, person_id=alerts.people[role]) for role in roles]

    asked = Watch(actor_tokens=[*tokens("dsl", "slt"), "no token", *tokens("dsl")])
    before = alerts._ask(alerts.service, asked, token="").items
    assert [item.unread for item in before] == [0, 0, 0, 0]
    assert before[2].mark == ""
    alerts.recorded("dsl")
    after = alerts._ask(alerts.service, asked, token="").items
    assert [item.unread for item in after] == [1, 0, 0, 1]
    assert [one.mark == other.mark for one, other in zip(before, after, strict=True)] == [False, True, True, False]
    with pytest.raises(NotSignedIn):
        alerts._ask(alerts.service, Watch(actor_tokens=[]), token="")


@pytest.mark.parametrize(("step", "said"), [("made", "A report of the trust waits for you"), ("late", "A report of the trust is not approved yet")])
def test_a_trusts_report_that_waits_is_told_to_its_lead_with_a_link_below_the_trusts_address(
    alerts: Alerts, smtp: Server, step: str, said: str
) -> None:
    trust_lead(alerts)
    with alerts.identity.host.transaction(alerts.identity.host.engine, school_id=alerts.school) as tx:
        school = identity_store.school_with(tx, school_id=alerts.school)
    with alerts.identity.host.transaction(alerts.identity.host.engine, scope="sign_in") as tx:
        trust = identity_store.trust_with(tx, id=school.trust_id)  # type: ignore[union-attr]
    assert trust is not None
    event: Any = alerts.event(TrustReportWaiting, subject=new_id(), report_id=new_id(), step=step)
    alerts.hear(event.model_copy(update={"school_id": trust.id}))
    alerts.send()
    (message,) = smtp.taken
    assert (message["To"], message["Subject"]) == ("Tess Lead <lead@trust.example>", said)
    assert f"https://safekeep.example/t/{trust.slug}/meetings/reports/{event.report_id}" in plain(message)
