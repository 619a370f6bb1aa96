"""A good request for every method: ids of what the world holds, by the names of the fields, and the rest as each method wants it."""

import datetime as dt
import importlib
import inspect
import types
import typing
from dataclasses import replace
from typing import Any
from uuid import UUID

from pydantic.fields import FieldInfo

from safekeep import permissions
from safekeep.body.marks import BodyMap
from safekeep.contracts import Request
from safekeep.contracts.identity import CategoryItem, GroupItem, Policy, TemplateItem
from safekeep.contracts.reports import CycleItem
from safekeep.database import SERVICES
from safekeep.ids import new_id
from safekeep.permissions import Class
from tests.matrix.world import Made, Place

IDS = (
    "incident_id",
    "entry_id",
    "pupil_id",
    "file_id",
    "draft_id",
    "body_map_id",
    "alert_id",
    "ask_id",
    "destruction_id",
    "release_id",
    "stand_in_id",
    "person_id",
    "school_id",
    "factor_id",
    "session_id",
    "machine_id",
    "provider_id",
    "meeting_id",
    "report_id",
    "information_request_id",
    "document_id",
    "pack_id",
)
"""Fields that name something that is there already: the matrix puts in the id of somebody else's, and one of nothing."""
LISTS = {f"{name}s": name for name in IDS}
NEW = {"id"}
"""The id of what is to be made."""

ABOUT = {"incidents.assign_pupil": "holding"}
"""Methods for an incident that is recorded of a pupil not listed."""
OTHER_IDS = {
    "files.finish_upload": {"file_id": "upload_id"},
    "identity.remove_provider": {"id": "provider_id"},
    "identity.close_trust_person": {"person_id": "trust_person_id"},
    "identity.confirm_trust_role": {"person_id": "trust_person_id"},
    "incidents.end_witness": {"id": "witness_id"},
    "incidents.begin_export": {"scope_id": "incident_id"},
    "incidents.export": {"id": "export_id"},
    "incidents.export_piece": {"id": "export_id"},
    "incidents.decline_correction": {"request_id": "request_id"},
    "incidents.restrict": {"about_id": "about_id", "keeper_id": "keeper_id", "dsl_id": "dsl_id"},
    "incidents.hand_lead": {"person_id": "dsl_id"},
    "reports.published_report": {"report_id": "published_id"},
    "reports.published_report_pdf": {"report_id": "published_id"},
    "reports.trust_report": {"report_id": "published_id"},
    "reports.trust_report_pdf": {"report_id": "published_id"},
}
"""Methods for a file that no entry has sealed yet, those whose `id` is of what is there, and one that asks for a DSL."""
NOT_MADE_HERE = {"incidents.export_piece", "incidents.lift_restriction"}
"""No restriction holds in the world: that one of the two lifts it is tried beside the service. The ledger's own process puts exports together: that their asker gets the pieces is tried beside it."""
NEEDS_ASK = {"incidents.answer_ask"}
FROM_SAFEGUARDING = frozenset({Class.SAFEGUARDING, Class.PROTECTION})
"""Below, nobody has to ask a DSL to tell somebody who records: there is no request to answer."""

A_POLICY = Policy(min_length=12, all_kinds=False, change_days=0, remembered=5, deny_common=True, lock_minutes=10, factor_roles=[])
A_CATEGORY = CategoryItem(code="uniform", name="Uniform", class_code="general", groups=[], leads_only=False)

GIVEN: dict[str, dict[str, Any]] = {
    "incidents.search_pupils": {"q": "zqname"},
    "incidents.record": {
        "occurred_at": dt.datetime(2026, 3, 1, tzinfo=dt.UTC),
        "kind": "observation",
        "narrative": "N",
        "category_codes": ["welfare"],
        "body_map_id": None,
    },
    "incidents.add_pupils": {"pupils": [{"name": "New Pupil", "year": "Year 1", "born": dt.date(2020, 1, 1)}]},
    "incidents.break_glass": {"number": lambda: f"{dt.datetime.now(dt.UTC).year}-0001"},
    "incidents.enter_document": {"kind": "pack", "sha256": "0" * 64},
    "incidents.enter_trust_report": {"sha256": "0" * 64},
    "incidents.begin_export": {"scope": "incident", "reason": "A conference", "school_name": "School One"},
    "incidents.keep_witness": {"kind": "email", "name": "A Solicitor", "address": "witness@solicitor.example"},
    "incidents.preview_alert": {"alert": {}, "category_codes": ["welfare"], "pupil_ids": []},
    "incidents.add_action": {"text": "Done."},
    "incidents.set_status": {"status": "monitoring", "reason": "R"},
    "incidents.coach": {"text": "She seemed upset."},
    "incidents.add_correction": {"reason": "R", "should_say": "S"},
    "incidents.ask_correction": {"text": "W"},
    "incidents.decline_correction": {"reason": "R"},
    "incidents.restrict": {"reason": "R"},
    "incidents.set_flag": {"kind": "send", "started": dt.date(2026, 1, 1)},
    "incidents.keep_stand_in": {"reason": "R"},
    "incidents.answer_ask": {"accept": False, "reason": "R"},
    "alerts.keep_calendar": {"opens_minute": 510, "weekdays": [0, 1, 2, 3, 4]},
    "alerts.keep_escalation": {
        "policies": [{"code": c, "steps": [{"minutes": 5, "who": "leads"}]} for c in ("at_risk_now", "protection", "safeguarding", "welfare")]
    },
    "alerts.keep_subscription": {"address": ""},
    "alerts.read_calendar": {"content": b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"},
    "files.save_draft": {"kind": "incident", "fields": {"text": ["w"]}, "draft_id": new_id, "incident_id": None},
    "files.add_paper": {"paper_id": new_id, "line": "A form of the kitchen's"},
    "files.drop_paper": {"paper_id": new_id},
    "files.save_body_map": {"body_map_id": new_id, "draft_id": None, "body_map": BodyMap()},
    "files.begin_upload": {"file_id": new_id, "name": "a.pdf", "size": 10},
    "files.keep_kinds": {"kinds": ["pictures", "documents"]},
    "files.read": {"page": 0},
    "incidents.block_file": {"reason": "R"},
    "incidents.propose_destruction": {"basis": "order", "law": "An order", "reason": "R"},
    "incidents.decide_destruction": {"decision": "keep", "reason": "R"},
    "incidents.decide_file": {"decision": "give_back", "reason": "R"},
    "files.names": {"passes": {}},
    "identity.keep_category": {"category": A_CATEGORY},
    "identity.keep_template": {"template": TemplateItem(code="a_meeting", name="A meeting", text="Who was there:")},
    "identity.keep_group": {"group": GroupItem(code="year_five", name="Year 5", members=[])},
    "identity.set_policy": {"policy": A_POLICY},
    "identity.change_member": {"roles": ["teacher"]},
    "identity.confirm_role": {"accept": True},
    "identity.confirm_trust_role": {"accept": True},
    "identity.keep_trust_person": {"name": "New Person", "email": "new@trust.example", "roles": ["trust_safeguarding_lead"]},
    "identity.change_address": {"email": "moved@one.example"},
    "identity.confirm_address": {"accept": True},
    "identity.give_pass": {"how": "in_person"},
    "identity.add_staff": {"people": [{"name": "New Person", "email": "new@one.example", "roles": ["teacher"]}]},
    "identity.add_school": {"name": "New", "slug": "new_school", "phase": "primary", "trust_slug": "near"},
    "identity.add_trust": {"name": "New", "slug": "new_trust", "admin_name": "Ad Min", "admin_email": "ad@new.example"},
    "identity.add_machine": {"name": "Machine", "scopes": ["counts.read"], "days": 30},
    "identity.add_trust_machine": {"name": "Machine of a trust", "scopes": ["trust.counts.read"], "days": 30},
    "identity.keep_provider": {"id": None, "name": "Sign on", "kind": "other", "issuer": "https://issuer.example", "client_id": "c", "secret": "s"},
    "identity.begin_job": {"kind": "chronology"},
    "reports.preview_pack": {"class_codes": [c.code for c in Class], "reason": "A core group", "school_name": "School One"},
    "reports.make_pack": {"class_codes": ["welfare"], "reason": "A core group", "school_name": "School One", "sha256": "0" * 64},
    "reports.document_piece": {"number": 0},
    "reports.confirm_receipt": {"on_day": dt.date(2026, 1, 1), "by": "Next DSL"},
    "reports.keep_cycle": {"cycle": CycleItem(starts_on=dt.date(2026, 1, 1), name="Governors")},
    "reports.keep_meeting": {"on_day": dt.date(2199, 1, 1), "minute": 1080, "name": "Governors"},
    "reports.read_meetings": {"content": b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"},
    "reports.follow_calendar": {"address": ""},
    "reports.approve_report": {"sha256": "0" * 64, "school_name": "School One"},
    "reports.enter_request": {"kind": "subject_access_parent", "asker": "A Parent", "received_on": dt.date(2026, 1, 1)},
    "reports.check_identity": {"how": "known", "on": dt.date(2026, 1, 2)},
    "reports.take_more_time": {"reason": "R"},
    "reports.nothing_held": {"school_name": "School One"},
    "reports.close_request": {"state": "answered"},
    "reports.take_back_redactions": {"note": "R"},
    "reports.redacted_record": {"school_name": "School One", "form": "pdf"},
    "identity.letter": {"kind": "password_changed", "about": None},
}
"""What the fields that are not ids hold, where a first guess by their type would not do. A callable is called anew each time."""


def requests() -> dict[str, type[Request[Any]]]:
    """Return every request by its method."""
    modules = [importlib.import_module(f"safekeep.contracts.{owner}") for owner in SERVICES]
    found = {c for m in modules for c in vars(m).values() if inspect.isclass(c) and issubclass(c, Request) and "method" in vars(c)}
    return {c.method: c for c in sorted(found, key=lambda c: c.method)}


REQUESTS = requests()


def names_things(request: type[Request[Any]]) -> bool:
    """Whether the request names something by its id, at its own level or in the request it carries."""
    given = GIVEN.get(request.method, {})
    if any(name in request.model_fields and name not in given for name in (*IDS, *LISTS)):
        return True
    return any(_carried(field) and names_things(_carried(field)) for field in request.model_fields.values())  # type: ignore[arg-type]


def sample(request: type[Request[Any]], *, place: Place, made: Made, real: bool = True, trust: bool = False) -> Request[Any]:
    """Return a request about what was made at a place, or (`real` False) about ids of nothing; `trust`: about what its trust has of its own."""
    if trust and "school_id" not in request.model_fields:
        place = replace(place, subject=place.subject | place.of_trust)
    return request(**_fields(request, place=place, made=made, real=real))


def _fields(request: type[Any], *, place: Place, made: Made, real: bool) -> dict[str, Any]:
    given = GIVEN.get(getattr(request, "method", ""), {})
    fields: dict[str, Any] = {}
    for name, field in request.model_fields.items():
        if name in given:
            value = given[name]
            fields[name] = value() if callable(value) else value
        elif name in IDS or name in OTHER_IDS.get(getattr(request, "method", ""), {}):
            known_as = OTHER_IDS.get(getattr(request, "method", ""), {}).get(name, name)
            fields[name] = _id(known_as, place=place, made=made, real=real)
        elif name in NEW:
            fields[name] = new_id()
        elif name in LISTS:
            fields[name] = [_id(LISTS[name], place=place, made=made, real=real)]
        elif carried := _carried(field):
            fields[name] = _fields(carried, place=place, made=made, real=real)
        elif field.is_required():
            fields[name] = _plain(field.annotation)
    return fields


def _id(name: str, *, place: Place, made: Made, real: bool) -> UUID:
    if not real:
        return new_id()
    known = made.ids | place.subject | {"school_id": place.id}
    return known.get(name) or new_id()


def _carried(field: FieldInfo) -> type[Request[Any]] | None:
    """Return the request that a field carries whole, as reports' carry a chronology's."""
    kind = field.annotation
    return kind if inspect.isclass(kind) and issubclass(kind, Request) else None


def _plain(annotation: Any) -> Any:
    """Return some value of a plain type."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _plain(inner[0])
    if origin is typing.Literal:
        return inner[0]
    if origin in (typing.Union, types.UnionType):
        return None if type(None) in inner else _plain(inner[0])
    if origin in (list, set, tuple, dict):
        return origin()
    values: dict[Any, Any] = {
        str: "word",
        int: 1,
        bool: False,
        bytes: b"x",
        UUID: new_id(),
        dt.date: dt.date(2026, 1, 1),
        dt.datetime: dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    }
    return values.get(annotation, [])


def fresh() -> Any:
    """Return how far back a second factor may be, for the tests of stepping up."""
    return permissions.FRESH
