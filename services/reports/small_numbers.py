"""Counts that are published so that no small one can be worked out, within a table, between tables, and from one report to the next. Pure.

The method is the one of NHS England's Hospital Episode Statistics ("HES Analysis Guide", disclosure control) and near to that of the DfE's and
HESA's statistics: zero is shown as it is, a count below the threshold (5, until the school says) as "fewer than 5", and every other count is
rounded to the nearest multiple of the threshold. Totals are rounded by themselves and not added up from rounded cells, so that subtracting
from them, or from the same cell of a report that ends some days later, gives a range and not a number.

Rounding alone leaves corners open: two cells of "fewer than 5" whose total is "about 10" are both 4. So what is to be published is attacked
before it is (the audit of secondary suppression: Eurostat, "Handbook on Statistical Disclosure Control", chapter 4): bounds are carried through
every sum and every stretch of days that this report and the earlier ones have in common, until nothing tightens. Where a small count then has
one value left, the shown count nearest to it is withheld, and the audit begins again; at the end all sums are looked at together (inferring.py).
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Final, Literal

FIRST_THRESHOLD: Final = 5
MOST: Final = 10**9
"""More than any count: a count that is withheld is anything up to it."""
CEILING: Final = 100_000
"""The same for linear programming, which grows unsure of numbers that lie too far apart."""

Kind = Literal["none", "few", "about", "withheld"]
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, order=True)
class Population:
    """Whom or what a count is of: what holds for them, such as (("category", "welfare"),), from a day to a day, both included."""

    of: Pairs
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Sum:
    """That each of `whole` is in exactly one of the parts; all of them are of the same days."""

    whole: Population
    parts: tuple[Population, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A count as it is published. `number` is the rounded count, of "few" the threshold it lies below."""

    kind: Kind
    number: int = 0

    def bounds(self, *, base: int) -> tuple[int, int]:
        """Return the least and the most that the count can be, for somebody who knows the rule."""
        if self.kind == "none":
            return 0, 0
        if self.kind == "few":
            return 1, self.number - 1
        if self.kind == "about":
            return max(base, self.number - base // 2), self.number + base - 1 - base // 2
        return 0, MOST


@dataclass(frozen=True, slots=True)
class Published:
    """A report as the world knows it: its counts, the sums that hold among them, and the threshold it was made with."""

    forms: Mapping[Population, Form]
    sums: Sequence[Sum]
    threshold: int


def rounded(count: int, *, threshold: int) -> Form:
    """Return how a count is shown by itself."""
    if count == 0:
        return Form("none")
    if count < threshold:
        return Form("few", threshold)
    return Form("about", threshold * ((count + threshold // 2) // threshold))


def protect(
    counts: Mapping[Population, int], *, sums: Sequence[Sum], earlier: Sequence[Published] = (), threshold: int = FIRST_THRESHOLD
) -> dict[Population, Form]:
    """Return how each count is shown, so that neither it nor another, nor one of an earlier report, can be worked out where it is small."""
    forms = {population: rounded(count, threshold=threshold) for population, count in counts.items()}
    set_aside: set[int] = set()
    while True:
        world = _world([Published(forms, sums, threshold), *earlier])
        open_ = [index for index in world.found_out() if index not in set_aside]
        if not open_:
            return forms
        hidden = set()
        for index in open_:
            nearest = world.nearest(index, among=forms)
            if nearest is None:  # nothing of this report touches it: hiding more of this one would help nobody
                set_aside.add(index)
            else:
                hidden.add(nearest)
        forms |= dict.fromkeys(hidden, Form("withheld"))


def share_hidden(forms: Iterable[Form]) -> float:
    """Return which share of the counts is not shown as a number: "fewer than", or withheld."""
    kinds = [form.kind for form in forms]
    return sum(kind in {"few", "withheld"} for kind in kinds) / len(kinds) if kinds else 0.0


# --- the audit --------------------------------------------------------------------------------------------------------------


def _world(reports: Sequence[Published]) -> "_World":
    """Return all that is known from these, the newest first. What an earlier one says and a newer one denies was corrected since: it falls away."""
    world = _World(reports)
    while (torn := world.tighten()) is not None:
        world = _World(reports, without=world.without | {world.oldest_near(torn)})
    return world


@dataclass(slots=True)
class _World:
    """Every published count as bounds on sums: of its parts, and of the stretches of days between all the dates that were ever named."""

    reports: Sequence[Published]
    without: frozenset[tuple[int, Population]] = frozenset()
    low: list[int] = field(default_factory=list)
    high: list[int] = field(default_factory=list)
    sums: list[tuple[int, list[int]]] = field(default_factory=list)  # whole, parts
    uses: list[list[int]] = field(default_factory=list)  # a count → the sums it is in
    at: dict[tuple[Pairs, date, date], int] = field(default_factory=dict)
    small: dict[int, int] = field(default_factory=dict)  # what must not be found out → the threshold
    published: dict[int, Population] = field(default_factory=dict)
    _source: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        days: dict[Pairs, set[date]] = {}
        for report in self.reports:
            for population in report.forms:
                days.setdefault(population.of, set()).update((population.since, population.until + timedelta(days=1)))
        _spread(days, self.reports)
        cuts = {of: sorted(found) for of, found in days.items()}
        for number, report in enumerate(self.reports):
            for population, form in report.forms.items():
                self._publish(number, population, form, report.threshold)
        for of, dates in cuts.items():
            for since, until in sorted({(p.since, p.until) for r in self.reports for p in r.forms if p.of == of}):
                inside = [d for d in dates if since <= d <= until + timedelta(days=1)]
                if len(inside) > 2:
                    self._add((of, since, until), [(of, a, b - timedelta(days=1)) for a, b in pairwise(inside)])
        said: set[tuple[Population, tuple[Population, ...]]] = set()
        for report in self.reports:
            for each in report.sums:
                if (each.whole, each.parts) in said:
                    continue
                said.add((each.whole, each.parts))
                whole = each.whole
                self._add((whole.of, whole.since, whole.until), [(p.of, p.since, p.until) for p in each.parts])
                inside = [d for d in cuts.get(whole.of, []) if whole.since <= d <= whole.until + timedelta(days=1)]
                is_of_same_days = all((p.since, p.until) == (whole.since, whole.until) for p in each.parts)
                if len(inside) > 2 and is_of_same_days:
                    for a, b in pairwise(inside):  # what holds of the whole stretch holds of each piece of it
                        last = b - timedelta(days=1)
                        self._add((whole.of, a, last), [(p.of, a, last) for p in each.parts])

    def _publish(self, number: int, population: Population, form: Form, threshold: int) -> None:
        index = self._index((population.of, population.since, population.until))
        self.published[index] = population
        if (number, population) in self.without:
            return
        low, high = form.bounds(base=threshold)
        both = max(low, self.low[index]), min(high, self.high[index])
        if both[0] > both[1]:
            return  # the newer one, which was there first, says something else: it was corrected since
        self.low[index], self.high[index] = both
        self._source.setdefault(index, []).append(number)
        if form.kind == "few":
            self.small[index] = threshold

    def _index(self, key: tuple[Pairs, date, date]) -> int:
        index = self.at.get(key)
        if index is None:
            index = self.at[key] = len(self.low)
            self.low.append(0)
            self.high.append(MOST)
            self.uses.append([])
            self.small.setdefault(index, min(report.threshold for report in self.reports))
        return index

    def _add(self, whole: tuple[Pairs, date, date], parts: Sequence[tuple[Pairs, date, date]]) -> None:
        found = (self._index(whole), [self._index(part) for part in parts])
        for index in {found[0], *found[1]}:
            self.uses[index].append(len(self.sums))
        self.sums.append(found)

    def tighten(self) -> int | None:
        """Carry bounds through the sums until nothing changes. Returns a count that cannot be anything any more, or None."""
        waiting = deque(range(len(self.sums)))
        queued = set(waiting)
        while waiting:
            number = waiting.popleft()
            queued.discard(number)
            whole, parts = self.sums[number]
            least, most = sum(self.low[p] for p in parts), sum(self.high[p] for p in parts)
            changed = self._narrow(whole, least, most)
            for part in parts:
                changed += self._narrow(part, self.low[whole] - (most - self.high[part]), self.high[whole] - (least - self.low[part]))
            for index in changed:
                if self.low[index] > self.high[index]:
                    return index
                for other in self.uses[index]:
                    if other not in queued:
                        queued.add(other)
                        waiting.append(other)
        return None

    def _narrow(self, index: int, low: int, high: int) -> list[int]:
        if low <= self.low[index] and high >= self.high[index]:
            return []
        self.low[index], self.high[index] = max(low, self.low[index]), min(high, self.high[index])
        return [index]

    def found_out(self) -> list[int]:
        """Return small counts that can be one number only: one of them, or those that everything taken together gives away."""
        for index, threshold in self.small.items():
            if 0 < self.low[index] == self.high[index] < threshold:
                return [index]
        may_be = [i for i, threshold in self.small.items() if self.low[i] < threshold and self.low[i] < self.high[i]]
        from services.reports import inferring  # here: scipy is large, and is used a few times a term

        return inferring.fixed(sums=self.sums, low=self.low, high=[min(each, CEILING) for each in self.high], among=may_be)

    def nearest(self, start: int, *, among: Mapping[Population, Form]) -> Population | None:
        """Return the shown count nearest to it through the sums: rounded ones first, of those the smallest; else a small one, else a zero."""
        for layer in self._layers(start):
            found = [self.published[index] for index in layer if index in self.published]
            shown = [p for p in found if p in among and among[p].kind != "withheld"]
            if start in layer and len(layer) == 1:
                continue  # itself: what stands around it is hidden before it is
            if shown:
                return min(shown, key=lambda p: (_ORDER[among[p].kind], among[p].number, p))
        own = self.published.get(start)
        return own if own is not None and own in among and among[own].kind != "withheld" else None

    def oldest_near(self, start: int) -> tuple[int, Population]:
        """Return what the oldest report says that is nearest to it."""
        for layer in self._layers(start):
            found = [(number, self.published[index]) for index in layer for number in self._source.get(index, []) if number > 0]
            found = [each for each in found if each not in self.without]
            if found:
                return max(found)
        raise AssertionError("a report does not contradict itself")

    def _layers(self, start: int) -> Iterable[list[int]]:
        seen, layer = {start}, [start]
        while layer:
            yield layer
            following = {n for index in layer for s in self.uses[index] for n in (self.sums[s][0], *self.sums[s][1])} - seen
            seen |= following
            layer = sorted(following)


_ORDER: Final = {"about": 0, "few": 1, "none": 2}


def _spread(days: dict[Pairs, set[date]], reports: Sequence[Published]) -> None:
    """Give a whole and its parts the same dates, so that what holds of it holds of every stretch between two of them."""
    links = {(s.whole.of, tuple(p.of for p in s.parts)) for r in reports for s in r.sums if len({p.of for p in (s.whole, *s.parts)}) > 1}
    changed = True
    while changed:
        changed = False
        for whole, parts in links:
            together = set().union(*(days.get(of, set()) for of in (whole, *parts)))
            for of in (whole, *parts):
                if days.get(of, set()) != together:
                    days[of] = set(together)
                    changed = True
