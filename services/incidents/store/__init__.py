"""The tables of incidents, and every query. Each function takes the transaction first; the school is in every query."""

from services.incidents.store.asks import add_asks, answer_ask, open_asks, was_answered
from services.incidents.store.blocks import attached, blocks_of, decide_block, keep_block
from services.incidents.store.chain import Head, append_to_ledger, head_of, lock_head, threads_of
from services.incidents.store.corrections import (
    add_request,
    answer_request,
    assignments_to,
    corrections_of,
    move_incident,
    request_with,
    requests_of,
    set_correction,
)
from services.incidents.store.destructions import (
    add_destruction,
    all_destructions,
    decide_destruction,
    destroy_content,
    destroyed_after,
    destroyed_among,
    destroyed_numbers,
    destruction_with,
    destructions_in_ledger,
    destructions_of,
    exclusive_files,
    wait_for_exports,
)
from services.incidents.store.documents import add_document, document_with
from services.incidents.store.entries import (
    add_entry,
    add_incident,
    entry_with,
    held_by,
    raise_class,
    recorded_with,
    seen_in,
    situation,
    waiting,
)
from services.incidents.store.following import (
    add_follow_up,
    change_follow_up,
    done_follow_ups,
    first_due,
    follow_up_with,
    follow_ups_in,
    leave_to_nobody,
    led,
    open_follow_ups,
    quiet,
    set_status,
    to_do,
)
from services.incidents.store.history import all_flags, born, enrolled, entries_in, incidents_after, moves_in, pupils_in
from services.incidents.store.imports import forget_imports, import_with, keep_import
from services.incidents.store.leads import end_leads, keep_lead, lead_of, offer_lead
from services.incidents.store.openings import add_opening, openings_about, openings_by, readers_since, tell_of_reading, volume_of
from services.incidents.store.proof import (
    PERMIT,
    about_now,
    add_alterations,
    add_export,
    add_piece,
    add_signed_head,
    add_witness,
    alterations_of,
    change_export,
    check_of,
    children_of,
    done,
    drop_pieces,
    end_alterations,
    end_witness,
    ends,
    export_with,
    exports_of,
    flags_set,
    hidden_from,
    is_flag_altered,
    keep_check,
    kept,
    latest_heads,
    leaves_of,
    opened,
    outside_the_ledger,
    permits_due,
    piece_of,
    pieces_of,
    pupils_named,
    put_off,
    signed_head,
    signed_heads_of,
    standing_rows,
    want,
    witness_with,
    witnesses_of,
    work_due,
    zone_of,
)
from services.incidents.store.pupils import (
    all_pupils,
    all_relatives,
    calls_of,
    children_at_school,
    concerned_staff,
    find_pupils,
    flag_with,
    flags_of,
    incidents_concerning,
    incidents_with,
    keep_flag,
    keep_pupil,
    keep_relatives,
    leave,
    named_in,
    pupils_with,
    siblings_of,
)
from services.incidents.store.reading import (
    Filters,
    altered_of,
    beside,
    chronology,
    entries_of,
    entry_of_file,
    incident_numbered,
    incident_with,
    lines_by,
    lines_with,
    linked_of,
    months_of,
    readable,
    readable_of,
    sees,
)
from services.incidents.store.releases import mark_release_read, release, releases_to
from services.incidents.store.restrictions import add_restriction, entries_under, keepers, lift_restriction, restriction_with, restrictions_of
from services.incidents.store.rights import Right, give_right_to_one, give_rights, keep_sight, rights_in, take_right, take_rights
from services.incidents.store.school import keep_absence, keep_school, keep_staff, school_state, years_and_forms
from services.incidents.store.seals import (
    add_seal,
    all_initials,
    all_openings,
    last_seal,
    sealed_of,
    seals_of,
    unsealed_initials,
    unsealed_openings,
)
from services.incidents.store.stand_ins import add_stand_in, end_stand_in, is_stand_in, stand_ins_of
from services.incidents.store.tables import metadata
