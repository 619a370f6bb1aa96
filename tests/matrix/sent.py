"""What each address is sent in the matrix, where an empty form would not come as far as the question who may."""

from typing import Any

SENT: dict[str, dict[str, Any]] = {
    "POST /s/<slug>/asks/<uuid:ask_id>": {"answer": "accept", "incident": "incident_id"},  # but no reason: nothing is answered
    "POST /s/<slug>/incidents/<uuid:incident_id>/lead/hand": {"person_id": "dsl_id"},
    "POST /account/devices/end": {"session_id": "session_id"},
    "POST /api/v1/incidents": {
        "pupil_id": "spare_id",
        "occurred_at": None,
        "occurred_precision": "not_known",
        "kind": "observation",
        "narrative": "N",
        "category_codes": ["behaviour"],
    },
    "POST /api/v1/incidents/<incident_id>/actions": {"text": "Done.", "category_codes": ["no_such_category"]},
    "POST /api/v1/incidents/<incident_id>/status": {"pupil_id": "pupil_id", "status": "monitoring", "reason": "R"},
    "POST /api/v1/incidents/<incident_id>/corrections": {"entry_id": "entry_id", "reason": "R", "should_say": "account"},
    "POST /api/v1/correction-requests": {"entry_id": "entry_id", "text": "W"},
    "POST /api/v1/correction-requests/<request_id>/decline": {"reason": "R"},
    "POST /api/v1/restrictions": {  # but who it is about cannot keep it: nothing is restricted
        "entry_id": "entry_id",
        "about_id": "person_id",
        "keeper_id": "person_id",
        "dsl_id": "person_id",
        "reason": "R",
    },
    "POST /api/v1/restrictions/<restriction_id>/lift": {"reason": "R"},
    "POST /api/v1/incidents/<incident_id>/pupil": {"pupil_id": "pupil_id"},
    "POST /api/v1/pupils": {"pupils": [{"name": "New Pupil", "year": "Year 1", "born": "2020-01-01"}], "dry_run": True},
    **{f"POST /s/<slug>/incidents/<uuid:incident_id>/destruction/<uuid:destruction_id>{last}": {"reason": "R"} for last in ("", "/decide")},
    "POST /api/v1/body-maps": {"age": "middle", "marks": []},
    "POST /s/<slug>/proof": {"name": "A Solicitor", "address": "witness@solicitor.example"},
    "POST /s/<slug>/pupils": {"q": "zqname"},
    "POST /s/<slug>/pupils/<uuid:pupil_id>/chronology": {"words": "zq"},
    "GET /s/<slug>/pupils/<uuid:pupil_id>/chronology": {"print": "1"},
    "GET /api/v1/pupils/<pupil_id>/chronology": {"limit": "100"},
    "GET /api/v1/counts": {"since": "2026-01-01", "until": "2026-02-01"},
    "GET /api/v1/trust/counts": {"since": "2026-01-01", "until": "2026-02-01"},
}
"""By the row's name. A value that is the name of an id (or `account`) stands for what the world holds under it."""

NOTHING_OF_OURS = frozenset(
    {
        "GET /s/<slug>/proof/heads/<uuid:head_id>.json",  # the ledger's own process signs heads, in its own time
        "POST /api/v1/correction-requests/<request_id>/decline",
        "POST /api/v1/restrictions/<restriction_id>/lift",
        *(f"{verb} /s/<slug>/incidents/<uuid:incident_id>/restriction/<uuid:restriction_id>/lift" for verb in ("GET", "POST")),
        "POST /s/<slug>/incidents/<uuid:incident_id>/actions/new/<uuid:action_id>/draft",  # a draft names what its author says it is for
        "POST /s/<slug>/uploads/<uuid:file_id>/part",  # its ticket, and a file that nobody sealed: tests/services/files, tests/journeys/test_files.py
        "POST /s/<slug>/uploads/<uuid:file_id>/finish",
        "GET /s/<slug>/settings/groups/<code>",
        "POST /s/<slug>/settings/groups/<code>",
        "GET /s/<slug>/settings/templates/<code>",
        "POST /s/<slug>/settings/templates/<code>",
        "POST /account/keys/<uuid:factor_id>/disable",
        "POST /s/<slug>/proof/witnesses/<uuid:witness_id>/end",
        "POST /s/<slug>/meetings/<uuid:meeting_id>/cancel",
        "POST /t/<slug>/meetings/<uuid:meeting_id>/cancel",
        "POST /t/<slug>/programs/<uuid:machine_id>/revoke",
        *(
            f"POST {at}/{what}"
            for at in ("/s/<slug>", "/t/<slug>/schools/<school>")
            for what in (
                "programs/<uuid:machine_id>/revoke",
                "staff/<uuid:person_id>/close",
                "staff/<uuid:person_id>/link",
                "staff/<uuid:person_id>/keys/<uuid:factor_id>/disable",
            )
        ),
        *(
            f"POST {at}/sign-in-providers/<uuid:provider_id>/{what}"
            for at in ("/s/<slug>", "/t/<slug>")
            for what in ("remove", "unlink/<uuid:person_id>")
        ),
        "POST /s/<slug>/staff/<uuid:person_id>/role",
        "POST /s/<slug>/trust-people/<uuid:trust_person_id>/role",
        *(f"POST /t/<slug>/people/<uuid:trust_person_id>/{what}" for what in ("close", "link", "keys/<uuid:factor_id>/disable")),
        "POST /s/<slug>/staff/<uuid:person_id>/address/confirm",
    }
)
"""Those that would take away what later cells need, or name what the world has not: whoever may is let in, to ids of nothing."""
