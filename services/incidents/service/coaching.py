"""The coach, as it is asked on the bus: what the school knows goes to the rules, what they find goes back, and nothing of it stays."""

from eventlet import tpool
from eventlet.semaphore import Semaphore

from safekeep import spelling
from safekeep.actor import Actor
from safekeep.contracts.incidents import AdviceItem, Coach, CoachAnswer
from safekeep.rpc import answers
from safekeep.text import search_tokens
from services.incidents import store
from services.incidents.coach import looking
from services.incidents.coach.looking import Around, Finding, Written
from services.incidents.coach.names import PupilName
from services.incidents.service.base import Base

SAID = 5
"""So many words of one rule's finding are given back."""

_TURN = Semaphore()
"""The dictionary is asked by one thread at a time."""


class Coaching(Base):
    """The coach."""

    @answers(Coach)
    def coach(self, actor: Actor, request: Coach) -> CoachAnswer:
        written = Written(**request.model_dump(exclude={"adults"}))
        passages = looking.passages(request.text)[:100]
        if request.at_risk_now or not (request.text + request.action_taken).strip():
            return CoachAnswer(advice=[], passages=passages)
        with self._school(actor) as tx:
            words, named = store.named_in(tx, school_id=actor.at_school, words=looking.words_to_ask_for(written))
        known = words.union(*(search_tokens(name) for name in request.adults))
        pupils = [PupilName(row.id, row.name) for row in named]
        around = Around(is_spelt=spelling.is_spelt, adults=request.adults, pupils=pupils, known=known)
        with _TURN:
            found = tpool.execute(looking.look, written, around)  # in a thread: other calls go on
        return CoachAnswer(advice=[_advice(finding, request) for finding in found], passages=passages)


def _advice(finding: Finding, request: Coach) -> AdviceItem:
    text = request.text if finding.field == "text" else request.action_taken
    words = list(dict.fromkeys(" ".join(text[start:end].split())[:80] for start, end in finding.spans))
    return AdviceItem(rule=finding.rule, field=finding.field, words=words[:SAID], offered=list(dict.fromkeys(finding.offered))[:SAID])
