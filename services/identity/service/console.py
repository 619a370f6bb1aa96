"""The console: trusts, schools, staff, settings, the audit log; and what alerts asks to write letters."""

from safekeep import clock
from safekeep.actor import Actor
from safekeep.contracts.identity import Letter, LetterAnswer
from safekeep.errors import NotFound
from safekeep.rpc import answers
from services.identity import passwords, store
from services.identity.service.auditing import Auditing
from services.identity.service.settings import Settings
from services.identity.service.staff import StaffConsole
from services.identity.service.trust_people import TrustConsole
from services.identity.service.trusts import Trusts
from services.identity.store import accounts, doors

LINK_LETTERS = frozenset({"welcome", "password_link"})
"""Letters that carry a one-time link."""


class Console(Trusts, TrustConsole, StaffConsole, Settings, Auditing):
    """Administration."""

    # --- letters, which alerts writes

    @answers(Letter)
    def letter(self, actor: Actor, request: Letter) -> LetterAnswer:
        with self._scope() as tx:
            person = accounts.person(tx, person_id=request.person_id)
            standing = self._standing_in(tx, request.person_id)
            if person is None or person.closed_at is not None or not standing.places:
                raise NotFound("person")
            token = self._link(tx, person_id=person.id) if request.kind in LINK_LETTERS else ""
            about = accounts.person(tx, person_id=request.about) if request.about else None
            device = accounts.session_of(tx, person_id=person.id, id=request.about) if request.kind == "new_device" and request.about else None
        at = {"new_device": device and device.created_at, "password_due": passwords.due_at(set_at=person.password_set_at, rules=standing.rules)}
        sender = next((p for p in standing.places if p.id == actor.school_id), standing.places[0])
        with self._school(sender.id) as tx:
            school = store.school_with(tx, school_id=sender.id)
            change = doors.address_change(tx, person_id=person.id, id=request.about) if request.kind == "address_gone" and request.about else None
        return LetterAnswer(
            to_name=person.name,
            to_email=change.old_email if change else person.email,
            sender_name=sender.name,
            link_token=token,
            device=device.device if device else "",
            at=at.get(request.kind) or clock.now(),
            zone=school.zone if school else "Europe/London",
            slug=sender.slug if school else "",
            about_name=(about or person).name,
        )
