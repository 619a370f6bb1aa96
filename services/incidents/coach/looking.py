"""Looking at what was written: what the coach finds, and whose words stand in quotation marks."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from safekeep.text import fold
from services.incidents.coach.names import PupilName, adults_doing, full_names, words_of
from services.incidents.coach.quotes import Quote, masked, quotes_in
from services.incidents.coach.rules import SENTENCE, Rule, listed, rules

FieldName = Literal["text", "action_taken"]

LEAST = 40
"""So many characters of an account before anything is said to be missing from it."""


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody has written so far, and what the fields beside it say. `of`: incident or action."""

    text: str
    of: str = "incident"
    action_taken: str = ""
    kind: str | None = None
    time_given: bool = False
    place_given: bool = False
    at_risk_now: bool = False
    pupil_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What the school knows: its adults' names, pupils whose names may be in the text, words of its names, and which words are spelt right."""

    is_spelt: Callable[[str], bool]
    adults: Sequence[str] = ()
    pupils: Sequence[PupilName] = ()
    known: Collection[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found in one field: [start, end) of each, and for names the initials offered instead."""

    rule: str
    field: FieldName
    spans: tuple[tuple[int, int], ...] = ()
    offered: tuple[str, ...] = ()


@dataclass(slots=True)
class _Field:
    """A field, its text with quotations blanked, and which fields of a rule it is."""

    name: FieldName
    kind: str
    text: str
    quotes: list[Quote] = field(default_factory=list)
    plain: str = ""

    def __post_init__(self) -> None:
        self.quotes = quotes_in(self.text)
        self.plain = masked(self.text, self.quotes)


def look(written: Written, around: Around) -> list[Finding]:
    """Return what is found, in the order it is said; nothing where a child may be at risk now."""
    if written.at_risk_now:
        return []
    fields = [_Field("text", "text" if written.of == "incident" else "action", written.text)]
    if written.of == "incident":
        fields.append(_Field("action_taken", "action_taken", written.action_taken))
    found: list[Finding] = []
    for rule in rules().values():
        for part in fields:
            if part.kind in rule.fields and part.text.strip():
                finding = _LOOKERS.get(rule.code, _patterns)(rule, part, written, around)
                if finding is not None:
                    found.append(finding)
    alone = [finding for finding in found if finding.rule == "question_for_colleague"]
    ways = [finding for finding in found if finding.rule == "adult_of_school"]
    return alone[:1] if alone and not ways else [f for f in found if f.rule != "question_for_colleague"]


def words_to_ask_for(written: Written) -> set[str]:
    """Return the words, as names are compared, that the school may know as names of pupils."""
    found = {word.plain for text in (written.text, written.action_taken) for word in words_of(text)}
    return found | {part for word in found for part in re.split(r"['-]", word) if part}


def passages(text: str) -> list[str]:
    """Return the passages in quotation marks that somebody may mark as a child's words, without their marks, each once."""
    found = [text[q.inner_start : q.inner_end].strip() for q in quotes_in(text)]
    return [passage for passage in dict.fromkeys(found) if passage]


def _patterns(rule: Rule, part: _Field, written: Written, around: Around) -> Finding | None:
    looked_for = [rule.found]
    if not (written.time_given or _CLOCK.search(part.plain)):
        looked_for.append(rule.times)
    if not written.place_given:
        looked_for.append(rule.places)
    spans = []
    for sentence in SENTENCE.finditer(part.plain):
        if not sentence[0].strip() or (rule.unless and rule.unless.search(sentence[0])):
            continue
        excused = [m.span() for m in rule.excused.finditer(sentence[0])] if rule.excused else []
        for pattern in looked_for:
            for match in pattern.finditer(sentence[0]) if pattern else ():
                if not any(start < match.end() and match.start() < end for start, end in excused):
                    spans.append(_trimmed(part.plain, sentence.start() + match.start(), sentence.start() + match.end()))
    return Finding(rule.code, part.name, tuple(sorted(set(spans)))) if spans else None


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    said = text[start:end]
    return start + len(said) - len(said.lstrip(" \n;:.")), end - len(said) + len(said.rstrip())


# --- what no pattern says ------------------------------------------------------------------------------------------

_CLOCK = re.compile(listed("clock"), re.IGNORECASE)
_PLACE = re.compile(
    r"\b(?:in|on|at|outside|inside|by|near|behind|from|to|into|through|along|across) (?:the |my |his |her |our |their |a )?(?:[\w-]+ ){0,2}?"
    rf"(?:{listed('places')})\b|{listed('places_named')}",
    re.IGNORECASE,
)
_COLLEAGUE = re.compile(
    rf"(?:(?-i:\b(?:Mr|Mrs|Ms|Miss|Mx|Dr)\.? [A-Z][\w'’-]+)|@\w+|(?:^|[.\n:!?]\s*)(?:hi |dear |please )?(?:{listed('colleagues')}))\s*[,:–-]+\s*"
    rf"(?:please |so |hi |and )?(?:{listed('asks')})\b[^.?!\n]{{2,200}}\?",
    re.IGNORECASE,
)
_FAVOUR = re.compile(
    r"\b(?:can|could|would|will) (?:someone|somebody|anyone|anybody|the office|reception|admin) (?:please )?"
    rf"(?:{listed('favours')})\b[^.?!\n]{{2,200}}\?",
    re.IGNORECASE,
)
_WORRY = re.compile(rf"\b(?:{listed('worries')})\b", re.IGNORECASE)
_ADULT_SPEAKING = re.compile(rf"\b(?:{listed('adults_speaking')})\b", re.IGNORECASE)
_CHILD_SAID = re.compile(
    rf"\b(?:he|she|they|the (?:child|boy|girl|pupil)|(?-i:[A-Z][\w'’-]+)) (?:then |also |just |quietly |has |had )?(?:{listed('child_told')})\b",
    re.IGNORECASE,
)

_TELLING = re.compile(rf"\b(?:{listed('then_told')})\s+(?:then |also |just |quietly |she |he |they )?(?:{listed('child_told')})\b", re.IGNORECASE)
_CHILD = re.compile(r"\b(?:he|she|they|the (?:child|boy|girl|pupil))\b", re.IGNORECASE)
_WRITER = re.compile(r"\b(?:I|we|We)\b")


def _adult(rule: Rule, part: _Field, written: Written, around: Around) -> Finding | None:
    spans = adults_doing(part.text, adults=around.adults)
    return Finding(rule.code, part.name, tuple(spans)) if spans else None


def _colleague(rule: Rule, part: _Field, written: Written, around: Around) -> Finding | None:
    if _WORRY.search(written.text) or _WORRY.search(written.action_taken):
        return None
    found = sorted(match.span() for pattern in (_COLLEAGUE, _FAVOUR) for match in pattern.finditer(part.plain))
    return Finding(rule.code, part.name, tuple(found)) if found else None


def _no_time(rule: Rule, part: _Field, written: Written, around: Around) -> Finding | None:
    if written.time_given or len(part.text.strip()) < LEAST or _CLOCK.search(part.plain):
        return None
    return Finding(rule.code, part.name)


def _no_place(rule: Rule, part: _Field, written: Written, around: Around) -> Finding | None:
    if written.place_given or len(part.text.strip()) < LEAST or _PLACE.search(part.plain):
        return None
    return Finding(rule.code, part.name)


def _no_exact_words(rule: Rule, part: _Field, written: Written, around: Around) -> Finding | None:
    if part.quotes or len(part.text.strip()) < LEAST or written.kind == "phone_call":
        return None
    told = any(_child_told(sentence[0], around) for sentence in SENTENCE.finditer(part.plain))
    return Finding(rule.code, part.name) if written.kind == "conversation" or told else None


def _child_told(sentence: str, around: Around) -> bool:
    """Whether a child told something: right after they are named, or after what they did before ("Sarah came to me and said that …")."""
    said = _CHILD_SAID.search(sentence)
    if said is not None:
        return _ADULT_SPEAKING.search(sentence[: said.end()]) is None
    telling = _TELLING.search(sentence)
    before = sentence[: telling.start()] if telling else ""
    if not before or _ADULT_SPEAKING.search(before) or _WRITER.search(before):
        return False
    return _CHILD.search(before) is not None or any(word.plain in around.known for word in words_of(before) if word.said[0].isupper())


_HURTS = re.compile(
    r"\b(?:bruises|marks|cuts|scratches|burns|grazes|scars|lumps|bumps|welts|sores|bites)\b"
    r"(?=[^.\n]{0,25}?\b(?:all|up|down|across|over|round|around|along)\b"
    rf"[^.\n]{{0,15}}?\b(?:his|her|their|the|both)\b[^.\n]{{0,20}}?\b(?:{listed('body')})\b)",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(rf"\b(?:\d+|{listed('numbers')})\b", re.IGNORECASE)


def _vague(rule: Rule, part: _Field, written: Written, around: Around) -> Finding | None:
    """Find what the patterns find, and marks on a body that nobody counted."""
    found = _patterns(rule, part, written, around)
    spans = set(found.spans if found else ())
    for sentence in SENTENCE.finditer(part.plain):
        for hurt in _HURTS.finditer(sentence[0]):
            span = sentence.start() + hurt.start(), sentence.start() + hurt.end()
            if not _HOW_MANY.search(sentence[0]) and not any(start < span[1] and span[0] < end for start, end in spans):
                spans.add(span)
    return Finding(rule.code, part.name, tuple(sorted(spans))) if spans else None


def _full_name(rule: Rule, part: _Field, written: Written, around: Around) -> Finding | None:
    if written.pupil_id is None:
        return None  # whose record it is, is not chosen yet
    found = full_names(part.plain, pupils=around.pupils, adults=around.adults, but=written.pupil_id)
    return Finding(rule.code, part.name, tuple((s, e) for s, e, _ in found), tuple(letters for *_, letters in found)) if found else None


_CAPITALS = re.compile(r"\b[A-Z][A-Z'’]+\b(?:[ ,]+[A-Z][A-Z'’]*\b)*")


def _capitals(rule: Rule, part: _Field, written: Written, around: Around) -> Finding | None:
    """Find words written in capitals that are words: abbreviations and initials are none."""
    spans = []
    for run in _CAPITALS.finditer(part.plain):
        words = [w for w in re.findall(r"[A-Z'’]+", run[0]) if w not in rule.allowed]
        shouted = [w for w in words if len(w) > 3 and fold(w) not in around.known and around.is_spelt(w.lower())]
        short = [w for w in words if len(w) in {2, 3} and around.is_spelt(w.lower())]
        if shouted or (len(short) > 1 and len(words) > 1):
            spans.append(run.span())
    return Finding(rule.code, part.name, tuple(spans)) if spans else None


_SPELT = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def _spelling(rule: Rule, part: _Field, written: Written, around: Around) -> Finding | None:
    """Find words that are no words. Left out: names (a capital inside a sentence, or known to the school), capitals, what is not in our letters."""
    spans, count = [], 0
    for match in _SPELT.finditer(part.plain):
        said = match[0].replace("’", "'")
        word = re.sub(r"'s?$", "", said)
        if (
            len(word) < 3
            or not word.isascii()
            or word[1:] != word[1:].lower()
            or (part.text[match.end() : match.end() + 1] in "@_/" and match.end() < len(part.text))
        ):
            continue
        count += 1
        is_name = word[0].isupper() and not _starts_sentence(part.plain, match.start())
        if is_name or word.lower() in rule.allowed or said.lower() in rule.allowed or fold(word) in around.known:
            continue
        if not (around.is_spelt(word) or around.is_spelt(word.lower()) or around.is_spelt(said)):
            spans.append((match.start(), match.start() + len(word)))
    if not spans or (count >= 10 and len(spans) > count * 0.4):
        return None  # more than typing errors: another language
    return Finding(rule.code, part.name, tuple(spans))


def _starts_sentence(text: str, at: int) -> bool:
    before = text[:at].rstrip(" \t(-–—•*\0")
    return not before or before[-1] in ".!?\n:;"


_LOOKERS: dict[str, Callable[[Rule, _Field, Written, Around], Finding | None]] = {
    "adult_of_school": _adult,
    "question_for_colleague": _colleague,
    "no_time": _no_time,
    "no_place": _no_place,
    "no_exact_words": _no_exact_words,
    "vague": _vague,
    "full_name": _full_name,
    "capitals": _capitals,
    "spelling": _spelling,
}
"""What is looked for by more than patterns, by the rule's code."""
