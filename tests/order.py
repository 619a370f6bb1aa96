"""In which order the files of tests are given to the workers: the longest first, so that none is left to run alone at the end.

`first.txt` names those that take more than ten seconds, as a whole run with `--durations 0` says; near enough is enough. One that needs the whole
system comes first, since its start takes a minute, and beside it those that do not. All others come after, as they are collected.
"""

from pathlib import Path

from xdist.scheduler import LoadFileScheduling

FIRST = {path: number for number, path in enumerate(Path(__file__).with_name("first.txt").read_text().split())}


class LongestFirst(LoadFileScheduling):
    """Files to whoever is free, in that order: xdist's own is by the number of tests in a file, which puts the journeys last."""

    def schedule(self) -> None:
        """Give out the first ones, once every worker has said what it collected."""
        self.config.option.loadscopereorder = False
        super().schedule()


def place(nodeid: str) -> int:
    """Return where a test's file stands among the files; the order within it is its own."""
    return FIRST.get(nodeid.partition("::")[0], len(FIRST))
