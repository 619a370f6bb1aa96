"""The written table, docs/permissions.md, as data."""

from dataclasses import dataclass
from pathlib import Path

from safekeep.permissions import Class

PAGE = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"
YES = {"yes": True, "no": False}


@dataclass(frozen=True)
class Row:
    """One method or address: who may, whose thing it must be, what words it gives, whether it needs the second factor again."""

    name: str
    who: tuple[str, ...]
    whose: str
    gives: str
    again: bool = False

    @property
    def services(self) -> frozenset[str]:
        """The services that may call it."""
        return frozenset(word.removeprefix("service:") for word in self.who if word.startswith("service:"))

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes with which a machine may call it."""
        return frozenset(word.removeprefix("machine:") for word in self.who if word.startswith("machine:"))

    @property
    def is_open(self) -> bool:
        """Whether anyone may call it: the call carries its own proof."""
        return "anyone" in self.who


def _tables() -> dict[str, list[list[str]]]:
    """Return the page's tables by the first word of their heading row."""
    found: dict[str, list[list[str]]] = {}
    name = ""
    for line in PAGE.read_text().splitlines():
        if not line.startswith("|"):
            name = ""
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not name:
            name = cells[0]
            found[name] = [cells]
        elif not set("".join(cells)) <= {"-", " "}:
            found[name].append(cells)
    return found


_READ = _tables()
_ROLES = _READ["word"][0][1:]
WORDS: dict[str, dict[str, bool]] = {row[0]: {role: YES[cell] for role, cell in zip(_ROLES, row[1:], strict=True)} for row in _READ["word"][1:]}
"""Who is meant by each word, role by role."""
READS: dict[tuple[str, Class], bool] = {
    (row[0], Class.of(class_)): YES[cell] for row in _READ["reader"][1:] for class_, cell in zip(_READ["reader"][0][1:5], row[1:5], strict=True)
}
"""(reader, class) → whether they may read an entry of it."""


def _rows(name: str) -> dict[str, Row]:
    rows = [[*cells, "", "", ""][:5] for cells in _READ[name][1:]]
    assert len({cells[0] for cells in rows}) == len(rows), f"a {name} stands twice in {PAGE.name}"
    return {c[0]: Row(c[0], tuple(w.strip() for w in c[1].split(",")), c[2], c[3], c[4] == "yes") for c in rows}


METHODS = _rows("method")
ROUTES = _rows("route") if "route" in _READ else {}


def may(row: Row, role: str) -> bool:
    """Whether the table lets a role do it at all. Raises KeyError for a cell that is not stated."""
    return any(WORDS[word][role] for word in row.who if word != "anyone" and ":" not in word)
