"""The coach beside the text: what a form says so far goes to incidents, and its findings come back as sentences. It decides nothing here or there."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from flask_babel import lazy_gettext

from gateway import rpc
from gateway.forms import Form, when
from gateway.schools import Known
from gateway.session import Here
from safekeep.contracts.incidents import AdviceItem, Coach, Span
from safekeep.errors import SafekeepError

_ = lazy_gettext

SENTENCES = {
    "adult_of_school": _("Is this about an adult who works or volunteers here? Do not write it here"),
    "question_for_colleague": _("This may be a question for a colleague. If you are worried about the child, send it as it is."),
    "no_time": _("When did it happen? Choose it above, as exactly as you know."),
    "no_place": _("Where did it happen?"),
    "no_exact_words": _("What did the child say? Put their exact words in quotation marks."),
    "leading_question": _("This question may suggest its answer. Keep this exactly as you said it, with the answer you were given."),
    "opinion": _("What did you see or hear that makes you think so?"),
    "diagnosis": _("Say what you saw. If somebody told you this, say who."),
    "vague": _("How many, how big, how often? Say it as exactly as you know."),
    "full_name": _("Use initials for other pupils, and name them below as linked pupils."),
    "derogatory": _("Would you want the family to read this? If somebody said it, put it in quotation marks and say who."),
    "capitals": _("Words in capitals read like shouting."),
    "planned": _("This sounds planned. Say what is done. Add the rest as an action once it is done."),
    "spelling": _("Is this spelt as you meant it?"),
}
"""What the writer reads, by the code of the rule (services/incidents/coach/rules.toml)."""

SHOWN = 3
"""So many are shown; the others are folded under them."""


@dataclass(slots=True)
class Coached:
    """What the page shows beside what is being written: advice by field, and the passages that may be marked as the child's words."""

    advice: list[AdviceItem] = field(default_factory=list)
    passages: list[str] = field(default_factory=list)

    def of(self, name: str) -> list[AdviceItem]:
        """Return the advice on one field, without the way for concerns about adults."""
        return [item for item in self.advice if item.field == name and item.rule != "adult_of_school"]

    @property
    def about_adult(self) -> list[str]:
        """The words that name an adult of the school as who did something; none: nothing does."""
        return [word for item in self.advice if item.rule == "adult_of_school" for word in item.words]


def unasked(form: Form) -> Coached:
    """Return what the page shows where nobody asked: no advice, and the passages that are marked already."""
    return Coached(passages=form.many("child_words"))


def look(form: Form, *, here: Here, known: Known, of: Literal["incident", "action"], pupil_id: object = None) -> Coached:
    """Ask incidents to look at what a form says so far. Where it cannot be asked, or the text is refused, nothing is said: advice blocks nothing."""
    asked = Form(form.fields)  # whatever is wrong with a field is said when it is sent, not now
    occurred_at, precision = when(asked, zone=known.zone)
    try:
        request = rpc.build(
            Coach,
            of=of,
            text=form.one("narrative" if of == "incident" else "text"),
            action_taken=form.one("action_taken") if of == "incident" else "",
            kind=(form.one("kind") or None) if of == "incident" else None,  # an action has kinds of its own
            time_given=of == "action" or occurred_at is not None or precision == "not_known",
            place_given=of == "action" or bool(form.one("place").strip()),
            at_risk_now=form.has("at_risk_now", "yes"),
            pupil_id=pupil_id,
            adults=[person.name for person in known.staff.values() if person.active][:2_000],
        )
        found = rpc.ask(request, token=here.token)
    except SafekeepError:
        return unasked(form)
    return Coached(found.advice, found.passages)


class Piece(NamedTuple):
    """A piece of a text, and whether it is a child's own words."""

    text: str
    is_child: bool


def pieces(text: str, spans: Sequence[Span]) -> list[Piece]:
    """Return a text in pieces, those that are a child's own words marked."""
    found, at = [], 0
    for span in spans:
        start, end = span.start, span.end
        if at <= start < end <= len(text):
            found += [Piece(text[at:start], False), Piece(text[start:end], True)]
            at = end
    return [piece for piece in [*found, Piece(text[at:], False)] if piece.text]
