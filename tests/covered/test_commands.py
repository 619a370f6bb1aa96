"""A call may run twice (its caller gave up, its service died between commit and answer): every command has one effect."""

from typing import Any

import pytest

from safekeep import permissions
from safekeep.contracts import Request
from tests.covered.test_nothing_is_forgotten import requests

READS = frozenset(
    """
    alerts.first_readings alerts.inbox alerts.readers alerts.unread alerts.calendar alerts.read_calendar alerts.escalation alerts.meanwhile alerts.unled alerts.askings
    files.body_map files.draft files.drafts files.kinds files.left_drafts files.names files.papers files.read files.receipts
    alerts.notifications alerts.watch identity.absences incidents.years_and_forms
    identity.account identity.address_state identity.addresses identity.audit identity.export_audit identity.letter identity.machines identity.trust_machines identity.members
    identity.provider_offers identity.providers identity.school identity.session identity.sign_in_policy identity.staff identity.trust_people identity.trust_schools
    incidents.attached incidents.break_glass incidents.chronology incidents.coach incidents.concerning incidents.history incidents.readable incidents.incident incidents.my_entries incidents.open_asks incidents.outcome
    incidents.permit_file incidents.person_openings
    incidents.preview_alert incidents.pupil incidents.pupil_openings incidents.readers_of_records incidents.search_pupils incidents.summaries
    incidents.my_correction_requests incidents.open_correction_requests
    incidents.follow_ups incidents.quiet incidents.led
    incidents.export incidents.export_piece incidents.proof incidents.releases incidents.stand_ins incidents.waiting incidents.witnessed_head incidents.number_of
    reports.my_documents reports.document_piece reports.preview_pack reports.packs
    reports.counts reports.trust_counts reports.trust_reports reports.trust_report reports.trust_report_pdf
    reports.meetings reports.report_draft reports.published_reports reports.published_report reports.published_report_pdf
    reports.information_requests reports.information_request reports.request_letter reports.record_page reports.record_list incidents.register
    """.split()
)
"""Change nothing but the record of who read what, in which a repeated reading is a reading."""

BY_ID = frozenset(
    """
    alerts.keep_device identity.begin_job identity.keep_absence
    files.add_paper files.begin_upload files.finish_upload files.save_body_map files.save_draft files.undo_body_map
    incidents.add_action incidents.add_correction incidents.assign_pupil incidents.record incidents.set_flag incidents.seed
    incidents.ask_correction incidents.propose_destruction incidents.restrict incidents.set_status
    reports.chronology_pdf reports.make_pack reports.keep_meeting reports.enter_request incidents.begin_export incidents.enter_document incidents.enter_trust_report incidents.import_pupils incidents.keep_stand_in incidents.keep_witness identity.seed
    """.split()
)
"""Make something whose id the caller has chosen: the same again answers the same, or Conflict. Undoing names how many steps there were."""

SETS = frozenset(
    """
    alerts.keep_calendar alerts.keep_escalation alerts.keep_subscription incidents.hand_lead incidents.take_lead
    alerts.mark_read files.discard_draft files.drop_paper files.keep_kinds files.destroy_again incidents.block_file incidents.decide_file incidents.decide_destruction
    alerts.drop_device alerts.try_device identity.end_absence
    identity.add_staff identity.change_address identity.change_member identity.close_member identity.confirm_address identity.confirm_own_role identity.confirm_role
    identity.close_trust_person identity.confirm_trust_role identity.disable_factor identity.keep_trust_person
    identity.disable_factors identity.end_session identity.keep_category identity.keep_group identity.keep_provider identity.keep_school
    identity.keep_template
    identity.lock identity.seen identity.remove_provider identity.revoke_machine identity.revoke_trust_machine identity.set_policy identity.sign_out identity.unlink_person
    incidents.add_pupils incidents.answer_ask incidents.decline_correction incidents.end_stand_in incidents.end_witness incidents.lift_restriction
    incidents.mark_release_read incidents.set_relatives
    reports.confirm_receipt reports.keep_cycle reports.cancel_meeting reports.read_meetings reports.follow_calendar reports.make_draft reports.keep_words reports.approve_report
    reports.rebuild
    reports.check_identity reports.take_more_time reports.nothing_held reports.close_request
    reports.keep_redactions reports.propose_redactions reports.confirm_redactions reports.take_back_redactions reports.redacted_record
    """.split()
)
"""Say how something shall be: twice is as once."""

BY_NAME = frozenset("identity.add_machine identity.add_trust_machine identity.add_school identity.add_trust identity.first_administrator".split())
"""Make something under a name that can be there once: the second is refused or finds the first."""

ONE_TIME = frozenset(
    """
    identity.add_key identity.add_totp identity.begin identity.begin_key identity.begin_proof identity.begin_sign_on identity.begin_totp
    identity.finish_sign_on identity.prove identity.set_password identity.use_link identity.use_pass
    """.split()
)
"""Use up a one-time code, link or challenge, or make one that takes the place of the one before."""

ANOTHER = frozenset(
    """
    identity.act_for identity.ask_password identity.give_access_token identity.give_pass identity.help_lost_keys identity.machine_session identity.new_recovery_codes identity.send_link
    identity.sign_in
    """.split()
)
"""Give out another session, letter or secret; nothing of a school's record is made. (`/sign-in` takes no Idempotency-Key.)"""

KINDS = (READS, BY_ID, SETS, BY_NAME, ONE_TIME, ANOTHER)


@pytest.mark.parametrize("request_class", requests(), ids=lambda c: c.method)
def test_it_is_said_of_every_method_why_running_twice_does_no_harm(request_class: type[Request[Any]]) -> None:
    """A new method: put its name into the set above that is true of it."""
    assert sum(request_class.method in kind for kind in KINDS) == 1


def test_no_method_is_listed_that_is_not_there() -> None:
    assert frozenset().union(*KINDS) <= set(permissions.METHODS)


@pytest.mark.parametrize("request_class", [r for r in requests() if r.method in BY_ID], ids=lambda c: c.method)
def test_what_is_made_is_made_under_an_id_of_the_callers(request_class: type[Request[Any]]) -> None:
    fields = str(request_class.model_json_schema())
    assert any(f"'{name}': {{'format': 'uuid'" in fields for name in ("id", "file_id", "draft_id", "body_map_id", "paper_id", "trust_id")), (
        request_class.method
    )
