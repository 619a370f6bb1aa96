"""What files asks of incidents: which files an entry refers to, and, after a backup was restored, which were destroyed for good."""

from uuid import UUID

from nameko.rpc import RpcProxy

from safekeep import actor as actors
from safekeep.actor import Actor
from safekeep.contracts.files import DestroyAgain, DestroyAgainAnswer
from safekeep.contracts.incidents import Attached, AttachedAnswer
from safekeep.rpc import answers, ask
from services.files.service import background
from services.files.service.base import Base


class Restoring(Base):
    """Files as the schools' records speak of them."""

    incidents = RpcProxy("incidents")

    @answers(DestroyAgain)
    def destroy_again(self, actor: Actor, request: DestroyAgain) -> DestroyAgainAnswer:
        compared, destroyed = background.destroy_again(self.host, of=lambda school_id, ids: self._attached(school_id, ids).destroyed)
        return DestroyAgainAnswer(compared=compared, destroyed=destroyed)

    def _referred(self, school_id: UUID, file_ids: list[UUID]) -> list[UUID]:
        return self._attached(school_id, file_ids).file_ids

    def _attached(self, school_id: UUID, file_ids: list[UUID]) -> AttachedAnswer:
        own = actors.service_token(keys=self.host.keys, service="files", school_id=school_id, methods=[Attached.method])
        return ask(self.incidents, Attached(file_ids=file_ids), token=own)
