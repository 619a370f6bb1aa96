"""What can be inferred from sums and bounds taken all together: linear programming (HiGHS, by way of scipy). Pure.

Carrying bounds from sum to sum finds most, and not what several sums give away only together (a table of months by class has rows and columns).
"""

import math
from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

_EPSILON: Final = 1e-6
_ROUNDS: Final = 40
"""Solutions of everything together that are looked at before each count that is left is looked at by itself."""


def fixed(*, sums: Sequence[tuple[int, Sequence[int]]], low: Sequence[int], high: Sequence[int], among: Collection[int]) -> list[int]:
    """Return those of `among` that can be one whole number only, and not zero. `sums`: (whole, parts) as places in `low` and `high`.

    Where the bounds deny each other nothing follows from them, and nothing is returned.
    """
    program = _Program(sums=sums, low=low, high=high)
    least: dict[int, float] = dict.fromkeys(among, math.inf)
    most: dict[int, float] = dict.fromkeys(among, -math.inf)
    left = sorted(among)
    chance = np.random.default_rng(0)  # the same report is always the same
    cost = np.zeros(len(low))
    for turn in range(_ROUNDS):
        cost[:] = 0
        cost[left] = chance.choice([-1.0, 1.0], size=len(left)) * chance.uniform(0.5, 1.5, size=len(left)) if turn > 1 else (1.0, -1.0)[turn]
        found = program.solve(cost)
        if found is None:
            return []
        for index in left:
            least[index], most[index] = min(least[index], found[index]), max(most[index], found[index])
        left = [index for index in left if not _differ(least[index], most[index])]
        if not left:
            return []
    ends = {index: program.ends(index) for index in left}
    return [index for index in left if not _differ(*ends[index]) and ends[index][1] > _EPSILON]


def _differ(least: float, most: float) -> bool:
    """Whether there are two whole numbers between them."""
    return math.floor(most + _EPSILON) - math.ceil(least - _EPSILON) >= 1


class _Program:
    def __init__(self, *, sums: Sequence[tuple[int, Sequence[int]]], low: Sequence[int], high: Sequence[int]) -> None:
        rows, columns, values = [], [], []
        for number, (whole, parts) in enumerate(sums):
            rows += [number] * (1 + len(parts))
            columns += [whole, *parts]
            values += [-1.0, *[1.0] * len(parts)]
        self.equal = csr_array((values, (rows, columns)), shape=(len(sums), len(low))) if sums else None
        self.zeros = np.zeros(len(sums)) if sums else None
        self.bounds = np.column_stack([np.array(low, dtype=float), np.array(high, dtype=float)])

    def solve(self, cost: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> "np.ndarray[tuple[int], np.dtype[np.float64]] | None":
        found = linprog(cost, A_eq=self.equal, b_eq=self.zeros, bounds=self.bounds, method="highs")
        return found.x if found.status == 0 else None

    def ends(self, index: int) -> tuple[float, float]:
        cost = np.zeros(len(self.bounds))
        said: list[float] = []
        for sign in (1.0, -1.0):
            cost[index] = sign
            found = self.solve(cost)
            if found is None:
                return 0.0, math.inf
            said.append(float(found[index]))
        return said[0], said[1]
