"""Mail about reports to governors: who is told what, with a link and not a number of it."""

import datetime as dt

from safekeep import clock
from safekeep.contracts.reports import DocumentDone, ReportPublished, ReportWaiting, RequestDue
from safekeep.ids import new_id
from tests.services.alerts.smtp import Server, text_of
from tests.services.alerts.test_alerts import Alerts, alerts, smtp  # noqa: F401 - fixtures

NOW = dt.datetime(2026, 3, 9, 10, 0, tzinfo=dt.UTC)


def test_dsls_are_told_of_a_draft_and_of_its_lateness_and_not_of_what_goes_to_governors(alerts: Alerts, smtp: Server) -> None:  # noqa: F811 - fixtures
    meeting, report = new_id(), new_id()
    told: dict[str, list[str]] = {}
    with clock.set_to(NOW):
        for name, event in (
            ("made", alerts.event(ReportWaiting, subject=meeting, report_id=report, step="made")),
            ("late", alerts.event(ReportWaiting, subject=meeting, report_id=report, step="late")),
            ("chair", alerts.event(ReportWaiting, subject=meeting, report_id=report, step="chair")),
            ("published", alerts.event(ReportPublished, subject=meeting, report_id=report)),
        ):
            smtp.taken.clear()
            alerts.hear(event)
            alerts.service.send_mail()
            told[name] = sorted(str(mail["To"].addresses[0].addr_spec).partition("@")[0] for mail in smtp.taken)
            text = text_of(smtp.taken[0]) if smtp.taken else ""
            where = f"/s/one/meetings/reports/{report}" if name in {"made", "late"} else "/s/one/governors"
            assert where in text or not smtp.taken, name
    assert told["made"] == told["late"] == ["deputy_dsl", "dsl"]
    assert not {"dsl", "deputy_dsl"} & {*told["chair"], *told["published"]}


def test_dsls_are_told_of_a_request_that_is_due_with_a_link_and_no_name(alerts: Alerts, smtp: Server) -> None:  # noqa: F811 - fixtures
    asked = new_id()
    with clock.set_to(NOW):
        for step, said in (("soon", "is due soon"), ("today", "is due today"), ("late", "is overdue")):
            smtp.taken.clear()
            alerts.hear(alerts.event(RequestDue, subject=asked, step=step))
            alerts.service.send_mail()
            assert sorted(str(mail["To"].addresses[0].addr_spec).partition("@")[0] for mail in smtp.taken) == ["deputy_dsl", "dsl"]
            assert all(said in str(mail["Subject"]) for mail in smtp.taken)
            assert f"/s/one/reports/requests/{asked}" in text_of(smtp.taken[0])


def test_who_asked_for_a_long_document_and_nobody_else_is_sent_a_link_to_it(alerts: Alerts, smtp: Server) -> None:  # noqa: F811 - fixtures
    """When it is ready, and when it failed; whose record it is about is not said."""
    teacher = alerts.people["teacher"]
    with clock.set_to(NOW):
        for outcome in ("ready", "failed"):
            smtp.taken.clear()
            document = new_id()
            alerts.hear(alerts.event(DocumentDone, subject=document, person_id=teacher, outcome=outcome))
            alerts.service.send_mail()
            (mail,) = smtp.taken
            assert str(mail["To"].addresses[0].addr_spec).partition("@")[0] == "teacher"
            assert f"/s/one/documents/{document}" in text_of(mail)
            assert ("could not be made" in text_of(mail)) == (outcome == "failed")
