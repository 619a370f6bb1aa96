"""`./bench coach`: how well the coach finds what it should, rule by rule, and how long it takes. No server is started."""

import statistics
import time

from services.incidents.coach.looking import Written, look
from services.incidents.coach.rules import rules
from tests.coach.judging import SARAH, Entry, Score, around, entries, scores

ROUNDS = 200
WHEN = ("with", "bettered", "held_out", "held_out_2")


def main() -> None:
    """Print precision and recall of each rule, on the entries the rules were written with and on those held out, and the time for 2,000 characters."""
    sides = [[entry for entry in entries() if entry.written_when == when] for when in WHEN]
    counts = [len(side) for side in sides]
    print(
        f"{sum(counts)} entries: {counts[0]} the rules were written with, {counts[1]} that bettered them, {counts[2]} held out, {counts[3]} held out again\n"
    )
    print(f"{'':24}{'written with':>26}{'bettered by':>26}{'held out':>26}{'held out again':>26}")
    print(f"{'rule':24}" + f"{'precision':>13}{'recall':>13}" * len(WHEN))
    each = [scores(side) for side in sides]
    for code in rules():
        print(f"{code:24}" + "".join(_cells(side.get(code, Score())) for side in each))
    print(f"{'all':24}" + "".join(_cells(_sum(side)) for side in each))
    took = _times(sides[0])
    print(
        f"\n2,000 characters: p50 {statistics.median(took):.1f} ms, p99 {statistics.quantiles(took, n=100)[98]:.1f} ms of a processor ({ROUNDS} times)"
    )


def _cells(score: Score) -> str:
    precision = f"{score.precision:.2f} ({score.right}/{score.right + score.wrong})" if score.precision is not None else "-"
    recall = f"{score.recall:.2f} ({score.right}/{score.right + score.missed})" if score.recall is not None else "-"
    return f"{precision:>13}{recall:>13}"


def _sum(side: dict[str, Score]) -> Score:
    return Score(*(sum(getattr(score, name) for score in side.values()) for name in ("right", "wrong", "missed")))


def _times(known: list[Entry]) -> list[float]:
    text, school, took = " ".join(entry.written.text for entry in known)[:2_000], around(), []
    look(Written(text=text, pupil_id=SARAH), school)
    for _ in range(ROUNDS):
        began = time.thread_time()
        look(Written(text=text, pupil_id=SARAH), school)
        took.append((time.thread_time() - began) * 1000)
    return took


if __name__ == "__main__":
    main()
