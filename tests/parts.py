"""Which part of the product a file of tests came with (`parts.toml`): `--part` runs one alone, and a run ends with what each took."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

HERE = Path(__file__).parent
PARTS: dict[str, list[str]] = tomllib.loads((HERE / "parts.toml").read_text())
PART_OF = {f"tests/{path}": part for part, paths in PARTS.items() for path in paths}


def share(seconds: Mapping[str, float]) -> str:
    """Return in one line what each part took of the seconds that files took, set-up and teardown included."""
    taken: Counter[str] = Counter()
    for path, took in seconds.items():
        taken[PART_OF.get(path, "no part")] += took  # type: ignore[assignment]
    return "seconds of workers by part: " + ", ".join(f"{part} {round(taken[part])}" for part in in_order(taken))


def in_order(parts: Iterable[str]) -> list[str]:
    """Return parts in the order they were built."""
    known = list(PARTS)
    return sorted(parts, key=lambda part: known.index(part) if part in known else len(known))
