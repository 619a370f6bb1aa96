"""A school in a fresh database, and a way for each of its people to ask incidents."""

from typing import Any
from uuid import UUID

from safekeep.contracts.incidents import Incident, Recorded
from safekeep.errors import NotFound
from tests.make import MadeSchool, a_record, create_pupil, create_school


class Desk:
    """A school with one person of each role and one pupil, and incidents to ask."""

    def __init__(self, resources: Any, ask_service: Any, token_for: Any) -> None:
        from services.incidents.service import Service

        self.resources, self._ask, self._token = resources, ask_service, token_for
        self.service = Service()
        self.service.host = resources
        self.school = create_school(resources=resources)
        self.pupil = create_pupil(resources=resources, school=self.school)

    def ask(self, request: Any, *, role: str, school: MadeSchool | None = None, person: UUID | None = None) -> Any:
        at = school or self.school
        token = self._token(roles=[role], school_id=at.id, person_id=person or at.people[role])
        return self._ask(self.service, request, token=token)

    def record(self, *, role: str = "teacher", person: UUID | None = None, **fields: Any) -> Recorded:
        answer: Recorded = self.ask(a_record(pupil_id=fields.pop("pupil_id", self.pupil), **fields), role=role, person=person)
        return answer

    def reads(self, incident: UUID, *, role: str, person: UUID | None = None) -> int:
        try:
            return len(self.ask(Incident(incident_id=incident), role=role, person=person).entries)
        except NotFound:
            return 0
