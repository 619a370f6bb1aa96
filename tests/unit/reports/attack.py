"""An attack on published reports, written apart from what protects them: linear programming over everything that they say, together.

The unknowns are how many there are of each kind in each stretch of days between any two dates that were ever named. What was published are
bounds on sums of them; that each incident has one category, one class, one year group are equations between them. Whoever attacks looks for
the least and the most that each count can be, and for the least and the most that lies between two counts of overlapping days. Where ways in which
everything can be that were found before already leave two whole numbers open, that is the answer: a range that is wider still tells no more.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import lil_matrix

from services.reports.small_numbers import Pairs, Population, Published

EPSILON = 1e-6


@dataclass(frozen=True)
class Range:
    """What was found of a count, or of the difference of two: exact where it is one number or none, else at least as wide."""

    of: tuple[Population, ...]
    low: int
    high: int


class Attack:
    """Everything published, as one system of inequalities."""

    def __init__(self, reports: Sequence[Published]) -> None:
        self.reports = reports
        dates = sorted({d for r in reports for p in r.forms for d in (p.since, p.until + timedelta(days=1))})
        self.stretches = [(a, b - timedelta(days=1)) for a, b in pairwise(dates)]
        self.of = sorted({p.of for r in reports for p in r.forms})
        self.column = {(of, stretch): n for n, (of, stretch) in enumerate((of, s) for of in self.of for s in self.stretches)}
        self.populations = sorted({p for r in reports for p in r.forms})
        self._possible: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []  # ways in which everything can be, as they were found
        self._build()

    def columns(self, population: Population) -> list[int]:
        return [self.column[population.of, s] for s in self.stretches if population.since <= s[0] and s[1] <= population.until]

    def _build(self) -> None:
        rows: list[tuple[list[int], int, int]] = []
        for report in self.reports:
            for population, form in report.forms.items():
                low, high = form.bounds(base=report.threshold)
                rows.append((self.columns(population), low, min(high, 100_000)))
        equal: set[tuple[Pairs, tuple[Pairs, ...], date, date]] = set()
        for report in self.reports:
            for each in report.sums:
                if all(p.of == each.whole.of for p in each.parts):
                    continue  # months of a term: the stretches say so already
                for stretch in self.stretches:
                    if each.whole.since <= stretch[0] and stretch[1] <= each.whole.until:
                        equal.add((each.whole.of, tuple(p.of for p in each.parts), *stretch))
        self.upper = lil_matrix((2 * len(rows), len(self.column)))
        self.limits = np.zeros(2 * len(rows))
        for n, (columns, low, high) in enumerate(rows):
            for column in columns:
                self.upper[2 * n, column], self.upper[2 * n + 1, column] = 1, -1
            self.limits[2 * n], self.limits[2 * n + 1] = high, -low
        self.equal = lil_matrix((len(equal), len(self.column)))
        for n, (whole, parts, first, last) in enumerate(sorted(equal)):
            self.equal[n, self.column[whole, (first, last)]] = 1
            for part in parts:
                self.equal[n, self.column[part, (first, last)]] = -1
        self.upper, self.equal = self.upper.tocsr(), self.equal.tocsr()

    def range_of(self, plus: list[int], minus: list[int] | None = None) -> tuple[int, int] | None:
        cost = np.zeros(len(self.column))
        cost[plus] += 1
        cost[minus or []] -= 1
        known = [float(cost @ way) for way in self._possible]
        if known:
            low, high = math.ceil(min(known) - EPSILON), math.floor(max(known) + EPSILON)
            if low < high:
                return low, high
        ends = []
        for sign in (1, -1):
            found = linprog(sign * cost, A_ub=self.upper, b_ub=self.limits, A_eq=self.equal, b_eq=np.zeros(self.equal.shape[0]), method="highs")
            if found.status == 2:
                return None  # what was corrected since makes the reports deny each other: nothing follows from them together
            ends.append(sign * found.fun)
            self._possible.append(found.x)
        return math.ceil(ends[0] - EPSILON), math.floor(ends[1] + EPSILON)

    def counts(self) -> Iterator[Range]:
        """Yield what every published small or withheld count can be."""
        for population in self.populations:
            forms = [r.forms[population].kind for r in self.reports if population in r.forms]
            if "few" in forms or "withheld" in forms:
                found = self.range_of(self.columns(population))
                if found is None:
                    return
                yield Range((population,), *found)

    def differences(self) -> Iterator[Range]:
        """Yield what can lie between two counts of the same, of which one holds the other."""
        for one in self.populations:
            for other in self.populations:
                if one != other and one.of == other.of and other.since <= one.since and one.until <= other.until:
                    found = self.range_of(self.columns(other), self.columns(one))
                    if found is None:
                        return
                    yield Range((one, other), *found)
