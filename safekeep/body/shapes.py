"""Smooth outlines from few points: what the drawings are made of. Pure geometry; y grows downwards."""

import math
from collections.abc import Sequence

Point = tuple[float, float]
Shape = list[Point]
Line = list[Point]


def mirrored(points: Sequence[Point], *, at: float) -> Shape:
    """Return the points as in a mirror that stands upright at x = `at`."""
    return [(2 * at - x, y) for x, y in reversed(points)]


def both(half: Sequence[Point], *, at: float) -> Shape:
    """Return a closed shape from its right half (top to bottom) and the same in a mirror at x = `at`."""
    return [*half, *mirrored([p for p in half if abs(p[0] - at) > 0.01], at=at)]


def placed(points: Sequence[Point], *, x: float, y: float, wide: float, high: float, turn: float = 0) -> Shape:
    """Return points drawn in units of 1, made so wide and high, turned (degrees, clockwise) about their origin, and moved to x, y."""
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return [(x + px * wide * cos - py * high * sin, y + px * wide * sin + py * high * cos) for px, py in points]


def ellipse(*, x: float, y: float, wide: float, high: float, turn: float = 0) -> Shape:
    """Return an ellipse of these half axes."""
    circle = [(math.cos(a * math.pi / 8), math.sin(a * math.pi / 8)) for a in range(16)]
    return placed(circle, x=x, y=y, wide=wide, high=high, turn=turn)


def limb(stations: Sequence[tuple[float, float, float]]) -> Shape:
    """Return the outline of something long and round: `stations` are (x, y, half its thickness) along its middle; both ends are rounded."""
    left, right = [], []
    last = len(stations) - 1
    for i, (x, y, half) in enumerate(stations):
        before, after = stations[max(i - 1, 0)], stations[min(i + 1, last)]
        along = math.hypot(after[0] - before[0], after[1] - before[1]) or 1
        dx, dy = (after[0] - before[0]) / along, (after[1] - before[1]) / along
        left.append((x + dy * half, y - dx * half))
        right.append((x - dy * half, y + dx * half))
        if i == 0:
            cap = [(x - dx * half, y - dy * half)]
        if i == last:
            end = [(x + dx * half, y + dy * half)]
    return [*cap, *left, *end, *reversed(right)]


def path(points: Sequence[Point], *, closed: bool = True) -> str:
    """Return SVG path data: a smooth curve through the points (Catmull and Rom's), always going round the same way when closed."""
    if closed and _area(points) < 0:
        points = list(reversed(points))
    count = len(points)
    said = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    for i in range(count if closed else count - 1):
        p0, p1, p2, p3 = (_at(points, i + k, closed=closed) for k in (-1, 0, 1, 2))
        c1 = p1[0] + (p2[0] - p0[0]) / 6, p1[1] + (p2[1] - p0[1]) / 6
        c2 = p2[0] - (p3[0] - p1[0]) / 6, p2[1] - (p3[1] - p1[1]) / 6
        said.append(f"C{_n(c1[0])} {_n(c1[1])} {_n(c2[0])} {_n(c2[1])} {_n(p2[0])} {_n(p2[1])}")
    return "".join(said) + ("Z" if closed else "")


def holds(polygon: Sequence[Point], point: Point) -> bool:
    """Whether a polygon with straight sides holds a point."""
    x, y = point
    inside = False
    for i, (x1, y1) in enumerate(polygon):
        x2, y2 = polygon[i - 1]
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def middle(polygon: Sequence[Point]) -> Point:
    """Return the middle of a polygon's area."""
    area = x = y = 0.0
    for i, (x1, y1) in enumerate(polygon):
        x2, y2 = polygon[i - 1]
        cross = x2 * y1 - x1 * y2
        area += cross
        x += (x1 + x2) * cross
        y += (y1 + y2) * cross
    return (x / (3 * area), y / (3 * area)) if area else polygon[0]


def _at(points: Sequence[Point], index: int, *, closed: bool) -> Point:
    return points[index % len(points)] if closed else points[min(max(index, 0), len(points) - 1)]


def _area(points: Sequence[Point]) -> float:
    return sum(points[i - 1][0] * y - x * points[i - 1][1] for i, (x, y) in enumerate(points))


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
