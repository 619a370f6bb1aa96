"""The voice of the child: which passages of a text are their own words. Marked beside the text, in its facts: the text stays as it was written."""

from collections.abc import Iterable, Sequence

Spans = list[list[int]]
"""[start, end) of each passage, in code points of the text, in order, none touching another."""


def spans_of(text: str, passages: Iterable[str]) -> Spans:
    """Return where these passages stand in a text, each wherever it stands. One that stands there no more marks nothing."""
    found: list[tuple[int, int]] = []
    for passage in sorted({p.strip() for p in passages if p.strip()}, key=len, reverse=True):
        at = text.find(passage)
        while at >= 0:
            found.append((at, at + len(passage)))
            at = text.find(passage, at + len(passage))
    spans: Spans = []
    for start, end in sorted(found):
        if spans and start <= spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], end)
        else:
            spans.append([start, end])
    return spans


def carried(text: str, *, before: str, spans: Sequence[Sequence[int]]) -> Spans:
    """Return what of an earlier text's marks stands in a later one: a correction of the account leaves the child's words theirs."""
    return spans_of(text, [before[start:end] for start, end in spans])
