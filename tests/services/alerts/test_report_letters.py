"""Mail about reports to governors: who is told what, with a link and not a number of it."""

import datetime as dt
from typing import Any

from safekeep import clock
from safekeep.contracts.reports import DocumentDone, ReportPublished, ReportWaiting, RequestDue
from safekeep.ids import new_id
from tests.services.alerts.smtp import Server, text_of
from tests.services.alerts.test_alerts import Alerts, alerts, smtp  # noqa: F401 - fixtures

NOW = dt.datetime(2026, 3, 9, 10, 0, tzinfo=dt.UTC)


def test_each_step_of_a_report_is_mailed_to_whom_it_concerns_with_a_link(alerts: Alerts, smtp: Server) -> None:  # noqa: F811 - fixtures
    """Drafts and lateness to the DSLs, who read it; a late approval to the chair alone, or to all governors where no chair is there; what is
    published to all governors.
    """
    meeting, report = new_id(), new_id()
    for governor in ("slt", "pastoral"):
        alerts.staff(governor, roles=["governor"])
    chair = alerts.people["pastoral"]
    waiting: dict[str, Any] = {"subject": meeting, "report_id": report}
    leads, governors = ["deputy_dsl", "dsl"], ["pastoral", "slt"]
    with clock.set_to(NOW):
        for event, told, where in (
            (alerts.event(ReportWaiting, **waiting, step="made"), leads, f"/s/one/meetings/reports/{report}"),
            (alerts.event(ReportWaiting, **waiting, step="late"), leads, f"/s/one/meetings/reports/{report}"),
            (alerts.event(ReportWaiting, **waiting, step="chair", chair_id=chair), ["pastoral"], "/s/one/governors"),
            (alerts.event(ReportWaiting, **waiting, step="chair", chair_id=new_id()), governors, "/s/one/governors"),  # who has left
            (alerts.event(ReportWaiting, **waiting, step="chair"), governors, "/s/one/governors"),
            (alerts.event(ReportPublished, **waiting), governors, "/s/one/governors"),
        ):
            smtp.taken.clear()
            alerts.hear(event)
            alerts.service.send_mail()
            assert sorted(str(mail["To"].addresses[0].addr_spec).partition("@")[0] for mail in smtp.taken) == told
            assert all(where in text_of(mail) for mail in smtp.taken)


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
