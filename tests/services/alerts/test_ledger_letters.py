"""Mail about the ledger: heads for witnesses, as they can be compared later; and what the self-check found, for DSLs and trust IT."""

from pathlib import Path
from typing import Any

import pytest

from safekeep import clock, database
from safekeep.contracts.incidents import EndWitness, HeadSigned, KeepWitness, RecordAltered
from safekeep.ids import new_id
from safekeep.keys import Keys
from safekeep.permissions import FIRST_CATEGORIES
from safekeep.proof import heads
from services.incidents import store
from services.incidents.keeper import Keeper
from services.incidents.keeper import heads as signing
from tests.make import MadeSchool, a_record, create_pupil
from tests.services.alerts.smtp import Server, text_of
from tests.services.alerts.test_alerts import Alerts, alerts, smtp  # noqa: F401 - fixtures


@pytest.fixture
def incidents(alerts: Alerts, resources: Any, ask_service: Any, token_for: Any) -> Any:  # noqa: F811 - a fixture
    """The real incidents beside alerts, asked as over the bus; its DSL has chosen a witness, and a teacher recorded something."""
    from services.incidents.service import Service

    class Incidents:
        chair = new_id()

        def __init__(self) -> None:
            self.service = Service()
            self.service.host = resources("incidents")
            self.school = MadeSchool(alerts.school, alerts.people)
            with self.service.host.transaction(self.service.host.engine, school_id=alerts.school) as tx:
                store.keep_school(tx, school_id=alerts.school, zone="Europe/London", category_rows=FIRST_CATEGORIES, group_rows=[])
                for role, person in alerts.people.items():
                    store.keep_staff(tx, school_id=alerts.school, person_id=person, roles=[role], active=True)
            self.ask("teacher", a_record(pupil_id=create_pupil(resources=self.service.host, school=self.school)))
            self.ask("dsl", KeepWitness(id=self.chair, kind="email", name="Chair of governors", address="chair@example.org"))

        def ask(self, role: str, request: Any) -> Any:
            return ask_service(self.service, request, token=token_for(roles=[role], school_id=alerts.school, person_id=alerts.people[role]))

    found = Incidents()
    alerts.service.incidents = found.service
    return found


@pytest.fixture
def signed(incidents: Any, alerts: Alerts, keys_folder: Path, tmp_path: Path) -> heads.Signed:  # noqa: F811 - a fixture
    """A head that the ledger's process signed, and that alerts has heard of."""
    settings = incidents.service.host.settings
    keys = Keys.load(keys_folder / "process" / "ledger.json")
    engine = database.engine(settings.database_url, snapshot=True)
    keeper = Keeper(keys=keys, engine=engine, worker_engine=engine, folder=tmp_path)
    with keeper.school(alerts.school) as tx:
        found = signing.sign(keeper, tx, school_id=alerts.school, now=clock.now(), mails="mailed")
        head_id = store.latest_heads(tx, school_id=alerts.school, limit=1)[0][0]
    engine.dispose()
    assert found is not None
    alerts.hear(alerts.event(HeadSigned, subject=head_id, head_id=head_id, size=1, witness_ids=[incidents.chair]))
    return found[0]


def test_a_witness_is_mailed_a_head_that_can_be_compared_as_it_came(signed: heads.Signed, alerts: Alerts, smtp: Server) -> None:  # noqa: F811
    alerts.send()
    [mail] = smtp.taken
    assert mail["To"] == "Chair of governors <chair@example.org>"
    text = text_of(mail)
    assert heads.read_text(text) == signed
    assert heads.read_text(smtp.envelopes[0].content.decode()) == signed, "saved as it travelled"
    assert heads.fingerprint(signed.public) in text
    for word in ("Sarah", "crying", "safeguarding_concern"):
        assert word not in text


def test_a_witness_taken_off_meanwhile_is_mailed_nothing(signed: heads.Signed, alerts: Alerts, incidents: Any, smtp: Server) -> None:  # noqa: F811
    incidents.ask("dsl", EndWitness(id=incidents.chair))
    alerts.send()
    assert smtp.taken == []
    assert alerts.mails() == [("failed", 1)]


def test_dsls_and_trust_it_are_told_of_an_altered_record_and_of_no_word_of_it(alerts: Alerts, smtp: Server) -> None:  # noqa: F811
    alerts.hear(alerts.event(RecordAltered, subject=alerts.school, found=2, incident_ids=[new_id()]))
    alerts.send()
    told = {mail["To"].partition("<")[2].strip(">"): text_of(mail) for mail in smtp.taken}
    assert set(told) == {"dsl@one.example", "deputy_dsl@one.example", "it@trust.example"}
    assert "https://safekeep.example/s/one/proof" in told["dsl@one.example"]
    assert "/s/one/" not in told["it@trust.example"], "trust IT may not read the record"
