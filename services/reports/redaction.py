"""Which words of an account name somebody other than the pupil it is about: proposals for a person to accept or refuse. Pure.

Found from the school's own register first (whole names, parts of them, what they are called for short, initials of linked pupils), then by how
people are written about ("her uncle Tony", "Dr Sharma") and by form (telephone, address, e-mail, dates of birth, numbers). What only looks like
a name is offered as a guess. Nothing is redacted by being proposed, and what is not proposed is added by hand: two people read the whole of it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Final, Literal

from safekeep import text as said

Why = Literal["name", "initials", "relation", "title", "contact", "address", "birth", "number", "guess"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the school's register. `linked` pupils stand beside the entry, and only theirs are initials looked for."""

    name: str
    kind: Literal["pupil", "staff"]
    known_as: str = ""
    linked: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Proposal:
    """Characters from `first` up to `end` (not counted), and what they were found by."""

    first: int
    end: int
    why: Why


@dataclass(frozen=True, slots=True)
class _Word:
    first: int
    end: int
    written: str
    folded: str


class Names:
    """The names of a register, made once and asked for each entry of a record (`about` None: of words that are about nobody).

    Words of the pupil the record is about are nobody else's unless another part of that person's name stands beside them; those of staff are
    left as they are, since a professional's name in their work is as a rule disclosed, unless the review says otherwise (`staff_too`).
    `is_word` says whether a small-lettered word is one of the language: what is none, and begins with a capital, may be a name.
    """

    def __init__(
        self, register: Iterable[Person], *, about: Person | None, staff_too: bool = False, is_word: Callable[[str], bool] = lambda word: True
    ) -> None:
        self._others: defaultdict[str, set[int]] = defaultdict(set)
        self._own = _parts(about) if about else set()
        self._staff: set[str] = set()
        self._initials: set[str] = set()
        linked: list[Person] = []
        for number, person in enumerate(register):
            if person.kind == "staff" and not staff_too:
                self._staff |= _parts(person)
                continue
            for part in _parts(person):
                self._others[part].add(number)
            if person.linked:
                self._initials |= _initials(person.name)
                linked.append(person)
        self._initials -= _ABBREVIATIONS
        # An initial of one's own is no sign of another: "A.O." of Amelia Okafor.
        self._initials -= _initials(about.name) if about else set()
        self._letters = {name[0] for person in linked for name in re.split(r"[\s-]+", said.fold(person.name)) if name}
        self._own_letters = {name[0] for name in re.split(r"[\s-]+", said.fold(about.name if about else "")) if name}
        self._letters -= self._own_letters
        self._is_word = is_word

    def proposals(self, account: str) -> tuple[Proposal, ...]:
        """Return what to propose in one text, in order, none overlapping another."""
        words = list(_words(account))
        found = [
            *_forms(account),
            *self._names(account, words),
            *self._initials_in(account),
            *self._letters_in(account),
            *self._written_about(account),
        ]
        certain = _apart(found)
        guesses = self._guesses(account, words, certain)
        return _apart([*certain, *(g for g in guesses if not any(c.first < g.end and g.first < c.end for c in certain))])

    def _names(self, account: str, words: Sequence[_Word]) -> Iterator[Proposal]:
        at = 0
        while at < len(words):
            run = self._run(account, words, at)
            if run and self._is_other(account, words, at, at + run):
                first = self._with_initial(account, words, at)
                yield Proposal(first, _with_letter(account, words[at + run - 1].end)[0], "name")
            elif run and words[at].folded in self._own:
                end, letter = _with_letter(account, words[at + run - 1].end)
                if letter and letter not in self._own_letters:  # "Amelia S" in the record of another Amelia
                    yield Proposal(words[at].first, end, "name")
            at += run or 1

    def _run(self, account: str, words: Sequence[_Word], at: int) -> int:
        """Return how many words from here on are parts of one name that is in the register (theirs, staff's or the pupil's own)."""

        def known(word: _Word) -> bool:
            other = word.folded in self._others and not _only_a_word(account, word)
            return other or word.folded in self._own or word.folded in self._staff

        run = 0
        while at + run < len(words) and known(words[at + run]):
            if run and not _JOINS.fullmatch(account[words[at + run - 1].end : words[at + run].first]):
                break
            run += 1
        return run

    def _is_other(self, account: str, words: Sequence[_Word], at: int, end: int) -> bool:
        parts = [words[n].folded for n in range(at, end)]
        if len(parts) == 1:
            word = words[at]
            if word.folded in self._own or word.folded not in self._others:
                return False
            # "Miss Fry" is staff although a pupil is called Fry.
            return not (word.folded in self._staff and _TITLED.search(_before(account, word.first)))
        ours = all(part in self._own for part in parts) or all(part in self._staff for part in parts)
        return not ours and any(part in self._others and part not in self._own for part in parts)

    def _with_initial(self, account: str, words: Sequence[_Word], at: int) -> int:
        before = _INITIAL_BEFORE.search(_before(account, words[at].first))
        return words[at].first - len(before[1]) if before else words[at].first

    def _initials_in(self, account: str) -> Iterator[Proposal]:
        for match in _CAPITALS.finditer(account):
            if "".join(c for c in said.fold(match[0]) if c.isalpha()) in self._initials:
                yield Proposal(match.start(), match.end(), "initials")

    def _letters_in(self, account: str) -> Iterator[Proposal]:
        """A letter alone is how some write of somebody, where one who is linked begins with it; behind "Year", "form" and the like it counts."""
        for match in _LETTER_ALONE.finditer(account):
            if said.fold(match[1]) in self._letters and not _LETTERED.search(_before(account, match.start(1))):
                yield Proposal(match.start(1), match.end(1), "initials")

    def _written_about(self, account: str) -> Iterator[Proposal]:
        for pattern, why in _ABOUT_SOMEBODY:
            for match in pattern.finditer(account):
                folded = [word.folded for word in _words(match["who"])]
                if (
                    not folded
                    or folded[0] in _CAPITALISED
                    or all(part in self._staff for part in folded[-1:])
                    or all(part in self._own for part in folded)
                ):
                    continue
                first = match.start("title") if match.groupdict().get("title") else match.start("who")
                yield Proposal(first, match.end("who"), why)

    def _guesses(self, account: str, words: Sequence[_Word], certain: Sequence[Proposal]) -> Iterator[Proposal]:
        named = {word.folded for word in words if any(p.first <= word.first < p.end for p in certain if p.why in ("relation", "title", "name"))}
        inside = set()
        for word in words:
            if word.written[0].isupper() and not word.written.isupper() and not _begins(account, word.first) and self._unknown(word.folded):
                inside.add(word.folded)
        for word in words:
            if word.folded in inside and word.written[0].isupper():
                yield Proposal(word.first, word.end, "guess")
            elif word.folded in named and self._unknown(word.folded) and word.written[0].isupper():
                yield Proposal(word.first, word.end, "relation")
            elif (word.written[0].isupper() and self._unknown(word.folded) and _DOES.match(account[word.end :])) or (
                word.written[0].isupper() and self._unknown(word.folded) and self._is_no_word(account, word)
            ):
                yield Proposal(word.first, word.end, "guess")

    def _is_no_word(self, account: str, word: _Word) -> bool:
        """Whether a word that has a capital because it begins something is none of the language in small letters."""
        if word.written.isupper() or not _begins(account, word.first):
            return False
        return not any(self._is_word(written) for written in (re.sub(r"['’ʼ]s?$", "", word.written.lower()), word.written.lower()))

    def _unknown(self, folded: str) -> bool:
        return len(folded) > 1 and folded not in self._own and folded not in self._staff and folded not in _CAPITALISED and folded not in self._others


def redacted(account: str, decided: Iterable[tuple[int, int]], *, marks: Iterable[str] = repeat("█████")) -> str:
    """Return the text made anew without the words at those places, each run of them the next mark: its length tells nothing.

    Raises ValueError for a place that is not in the text.
    """
    made, at = [], 0
    for (first, end), mark in zip(joined(decided), marks, strict=False):
        if not 0 <= first < end <= len(account):
            raise ValueError("place_outside_text")
        made += [account[at:first], mark]
        at = end
    return "".join([*made, account[at:]])


def joined(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the places in order, those that touch or overlap made one."""
    made: list[tuple[int, int]] = []
    for first, end in sorted(places):
        if made and first <= made[-1][1]:
            made[-1] = made[-1][0], max(end, made[-1][1])
        else:
            made.append((first, end))
    return made


def _apart(found: Iterable[Proposal]) -> tuple[Proposal, ...]:
    """Return the places with those that overlap made one, called what the longest was called."""
    apart: list[Proposal] = []
    for each in sorted(found):
        if apart and each.first < apart[-1].end:
            last = apart[-1]
            why = last.why if last.end - last.first >= each.end - each.first else each.why
            apart[-1] = Proposal(last.first, max(last.end, each.end), why)
        else:
            apart.append(each)
    return tuple(apart)


def _parts(person: Person) -> set[str]:
    """Return every word by which the person may be called: parts of the name, of the name they are known by, and what is short for either."""
    parts: set[str] = set()
    for name in (person.name, person.known_as):
        words = name.split()
        for place, word in enumerate(words):
            whole = said.fold(word)
            bits = [bit for bit in re.split(r"[-']", whole) if len(bit) > 2]
            parts |= {whole, whole.replace("'", ""), whole.replace("-", ""), *bits}
            if place == 0 or place < len(words) - 1:
                parts |= _SHORT.get(whole, frozenset())
    return {part for part in parts if len(part) > 1}


def _initials(name: str) -> set[str]:
    parts = [part for part in re.split(r"[\s-]+", said.fold(name)) if part]
    names = [part for part in said.fold(name).split() if part]
    return {made for made in ("".join(p[0] for p in parts), "".join(p[0] for p in names), parts[0][0] + parts[-1][0]) if len(made) > 1}


def _words(account: str) -> Iterator[_Word]:
    """Yield each word and, of a word with hyphens, the whole where it is one name; a possessive belongs to the place but not to the word."""
    for match in _WORD.finditer(account):
        folded = said.fold(match[0])
        bare = re.sub(r"'s$|'$", "", folded)
        yield _Word(match.start(), match.end(), match[0], bare)


def _only_a_word(account: str, word: _Word) -> bool:
    """Whether a name that is a word of the language too is only that here: small letters, or a question's beginning, or a date."""
    if word.folded not in _ALSO_WORDS:
        return False
    if word.written[0].islower():
        return True
    if word.folded == "may" and re.search(r"(?:\d|\bin|\bof|\blast|\bsince|\buntil|\bby)\s*$", _before(account, word.first)):
        return True
    return _begins(account, word.first) and re.match(r"\s+(?:I|he|she|they|we|you|it|the|a|this|that)\b", account[word.end :]) is not None


def _begins(account: str, at: int) -> bool:
    return re.search(r"(?:^|[.!?:;\n]['\"”’)]?)\s*['\"“‘(]?$", _before(account, at)) is not None


def _before(account: str, at: int) -> str:
    """Return the little before a place that says what it begins: never the whole, or long accounts would take their square."""
    return account[max(at - 16, 0) : at]


def _with_letter(account: str, end: int) -> tuple[int, str]:
    """Return where a name ends with the letter that stands behind it ("Jayden K"), and the letter; "" where there is none."""
    behind = _LETTER_BEHIND.match(account[end : end + 4])
    return (end + behind.end(1), said.fold(behind[1][0])) if behind else (end, "")


def _forms(account: str) -> Iterator[Proposal]:
    for pattern, why in _FORMS:
        for match in pattern.finditer(account):
            yield Proposal(match.start(1), match.end(1), why)


_LETTER: Final = r"(?:[^\W\d_][\u0300-\u036f]*)"
"""A letter and the marks above and below it, where a phone sends them apart."""
_WORD: Final = re.compile(rf"{_LETTER}+(?:['’ʼ-]{_LETTER}+)*")
_JOINS: Final = re.compile(r"[ -]+|,? ")
_TITLED: Final = re.compile(r"\b(?:Mr|Mrs|Miss|Ms|Mx|Sir|Dr)\.? $")
_INITIAL_BEFORE: Final = re.compile(r"\b([^\W\d_]\.? )$")
_LETTER_BEHIND: Final = re.compile(r" ([B-HJ-ZÀ-ÖØ-Þ]\.?)(?![^\W_'’])")
"""A and I are left out: they are words."""
_LETTER_ALONE: Final = re.compile(r"(?<![^\W_.'’-])(?<![.'’-])([B-HJ-ZÀ-ÖØ-Þ])(?![^\W_])(?!\.[^\W_])(?!-)")
_LETTERED: Final = re.compile(
    r"(?:year|form|class|group|set|stage|room|hall|block|part|plan|vitamin|hepatitis|team|house|section|grade|level)s? $", re.IGNORECASE
)
_LARGE: Final = "[" + "".join(chr(code) for code in range(0x250) if chr(code).isupper()) + "]"
_CAPITALS: Final = re.compile(rf"(?<![^\W_]){_LARGE}(?:\.? ?{_LARGE}){{1,3}}\.?(?![^\W_])")
_NAME: Final = r"[^\W\d_a-z][^\W\d_]*(?:['’-][^\W\d_]+)*"
_WHO: Final = rf"(?P<who>{_NAME}(?: (?!(?:and|from|at)\b){_NAME})*)"
_RELATION: Final = (
    r"(?:step|half|foster|grand|great-)?-?(?:brother|sister|mother|father|mum|mam|mummy|dad|daddy|parent|son|daughter|uncle|aunt|aunty|auntie|nan|nana|nanny|gran|granny|"
    r"grandma|grandad|granddad|grandpa|cousin|niece|nephew|friend|boyfriend|girlfriend|partner|husband|wife|ex|neighbour|carer|childminder|lodger|"
    r"sibling|baby|twin|social worker|family worker|health visitor|landlord|boy|girl|man|woman|child)"
)
_ABOUT_SOMEBODY: Final[tuple[tuple[re.Pattern[str], Why], ...]] = (
    (re.compile(rf"\b(?i:{_RELATION})s?,? \(?(?i:called |named |is )?{_WHO}"), "relation"),
    (re.compile(rf"{_WHO}, (?:his|her|their|the|my|\w+['’]s) (?i:{_RELATION})\b"), "relation"),
    (re.compile(rf"\b(?P<title>(?:Mr|Mrs|Miss|Ms|Mx|Dr|Rev|Fr|PC|DC|DS|DI|PCSO|Sgt|Cllr|Judge|Uncle|Aunty|Auntie|Aunt|Nurse)\.? ){_WHO}"), "title"),
)
_STREET: Final = (
    r"(?:Road|Rd|Street|St|Avenue|Ave|Lane|Close|Drive|Court|Crescent|Place|Terrace|Way|Gardens|Grove|Square|Hill|Park|Row|Mews|Walk|Rise|View)"
)
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_FORMS: Final[tuple[tuple[re.Pattern[str], Why], ...]] = (
    (re.compile(r"([\w.+%-]+@[\w-]+(?:\.[\w-]+)+)"), "contact"),
    (re.compile(r"(?<![\w+])((?:\+44[ -]?\(?0?\)?|0)(?:[ -]?\d){9,10})(?!\d)"), "contact"),
    (re.compile(r"\b([A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})\b"), "address"),
    (re.compile(rf"\b((?:Flat \w+,? )?\d+[a-zA-Z]?,? (?:[A-Z][\w'’-]+ ){{1,3}}{_STREET})\b"), "address"),
    (
        re.compile(
            r"(?i:\bd\.?o\.?b\.?|\bdate of birth|\bborn)(?: is| was| on)?:?,? *"
            rf"(\d{{1,2}}[./ -]\d{{1,2}}[./ -]\d{{2,4}}|\d{{1,2}}(?:st|nd|rd|th)? {_MONTH} \d{{2,4}}|\d{{4}}-\d\d-\d\d)"
        ),
        "birth",
    ),
    (re.compile(r"\b([A-Z]\d{11}[A-Z\d])\b"), "number"),
    (re.compile(r"(?i:\bNHS)\D{0,16}(\d{3} ?\d{3} ?\d{4})\b"), "number"),
    (re.compile(r"\b([A-CEGHJ-PR-TW-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D])\b"), "number"),
)
_DOES: Final = re.compile(
    r"(?:['’]s)? (?:said|says|told|tells|hit|hits|kicked|pushed|shouted|was|is|has|had|did|asked|saw|came|went|rang|denied|gave|took|wrote|laughed)\b"
)
_ALSO_WORDS: Final = frozenset(
    (
        "will may mark grace hope faith joy rose bill rob pat sue jack frank art drew ray dean grant miles summer autumn april "
        "june august dawn eve ivy lily daisy poppy violet amber ruby pearl jade ash heath cliff glen brook river sky star king "
        "prince young long short white brown green black grey wood price stone field hill moor ford bush cook page day week best "
        "rich wise sharp love bird fox wolf lamb swan marsh lane park church baker smith moh can an"
    ).split()
)
_ABBREVIATIONS: Final = frozenset(
    (
        "cp cin sen pe re it ks dsl ta ok uk eu tv id am pm mr ms dr pc dc hr la nhs ehcp pep lac cla fsm tac tam mash lado camhs "
        "ict dt slt pru ehe upn dob gp"
    ).split()
)
_CAPITALISED: Final = frozenset(
    (
        "i mondays tuesdays wednesdays thursdays fridays saturdays sundays monday tuesday wednesday thursday friday saturday "
        "sunday january february march april may june july august september october november december year key stage class form "
        "english maths mathematics science history geography french german spanish welsh art drama music computing religious pe "
        "re ict dt christmas easter eid ramadan diwali british scottish irish polish urdu arabic bengali muslim christian hindu "
        "sikh jewish facebook snapchat instagram tiktok whatsapp youtube xbox roblox fortnite dsl ta senco slt cp cin sen ehcp "
        "camhs nhs mash lado police social services care council city county school primary academy high college hospital surgery "
        "child need plan protection early help head headteacher deputy teacher mr mrs miss ms dr mum dad mummy daddy mother "
        "father nan gran grandma grandad nana uncle aunt auntie the a an he she they we you it his her their my our this that "
        "parents parent carers carer "
        "these there then when where what who why how if in on at by to of for from with and but or so as is was are were has had "
        "have do did does can could would should will not no yes please seen spoke spoken said both all some one two three first "
        "after before during while today yesterday tomorrow later earlier also"
    ).split()
)
_NICKNAMES: Final = (
    "samuel sam sammy",
    "samantha sam sammy",
    "elizabeth beth liz lizzie lizzy eliza betty libby ellie",
    "william will bill billy liam",
    "mohammed moh mo mohammad muhammad",
    "jayden jay",
    "james jim jimmy jamie",
    "robert rob bob bobby robbie",
    "thomas tom tommy",
    "daniel dan danny",
    "joseph joe joey",
    "joshua josh",
    "matthew matt matty",
    "michael mike mikey micky",
    "christopher chris",
    "christine chris chrissie",
    "alexander alex alec xander",
    "alexandra alex lexi sasha",
    "benjamin ben benji",
    "nicholas nick nicky",
    "anthony tony ant",
    "andrew andy drew",
    "edward ed eddie ted teddy",
    "charles charlie chas",
    "charlotte charlie lottie",
    "katherine kate katie kathy kat",
    "catherine cath kate katie cathy",
    "margaret maggie meg peggy",
    "rebecca becky becca bex",
    "jessica jess jessie",
    "jennifer jen jenny",
    "victoria vicky tori",
    "isabella izzy bella",
    "isabelle izzy belle",
    "abigail abi abbie gail",
    "olivia liv livvy",
    "emily em emmy millie",
    "amelia millie amy mia",
    "matilda tilly mattie",
    "natalie nat",
    "nathan nat nate",
    "nathaniel nat nate",
    "oliver ollie olly",
    "harry haz",
    "henry harry",
    "frederick fred freddie",
    "george georgie",
    "georgina georgie",
    "patricia pat trish",
    "patrick pat paddy",
    "stephen steve",
    "steven steve",
    "stephanie steph",
    "susan sue susie",
    "gurpreet preet",
    "zachary zach zac zak",
    "theodore theo ted",
    "maximilian max",
    "archibald archie",
    "jacob jake",
    "john johnny jack",
    "jonathan jon jonny",
    "leonard leo lenny",
    "louis lou louie",
    "philip phil pip",
    "richard rich dick ricky",
    "peter pete",
)
_SHORT: Final = {names.split()[0]: frozenset(names.split()[1:]) for names in _NICKNAMES}
"""What somebody may be called who has the first name: common in British schools, by no means all."""
