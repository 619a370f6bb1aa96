"""A head, from the front and in profile: for the whole figure, and larger."""

from typing import Final

from safekeep.body.measures import TOP, Measures
from safekeep.body.shapes import Line, Shape, both, ellipse, mirrored, placed

HEAD: Final = (
    (0, 0),
    (0.29, 0.014),
    (0.56, 0.062),
    (0.79, 0.155),
    (0.945, 0.285),
    (1.0, 0.43),
    (0.965, 0.56),
    (0.9, 0.69),
    (0.73, 0.84),
    (0.45, 0.955),
    (0.2, 0.995),
    (0, 1.0),
)


def head(m: Measures, mid: float, *, top: float = TOP, half: float = 0, high: float = 0) -> Shape:
    half, high = half or m.face, high or m.head
    full = [(x * (1 if y < 0.5 else 1 + (m.cheek - 1) * (1.2 if y < 0.9 else 1.6)), y) for x, y in HEAD]
    return both([(mid + x * half, top + y * high) for x, y in full], at=mid)


def ears(m: Measures, mid: float, *, top: float = TOP, half: float = 0, high: float = 0) -> list[Shape]:
    half, high = half or m.face, high or m.head
    ear = placed(
        [(0.0, -0.1), (0.11, -0.115), (0.165, -0.06), (0.14, 0.02), (0.09, 0.09), (0.02, 0.11), (-0.05, 0.04)],
        x=mid + half * 0.97,
        y=top + high * 0.53,
        wide=half,
        high=high,
    )
    return [ear, mirrored(ear, at=mid)]


def face(m: Measures, mid: float, top: float, half: float, high: float) -> tuple[list[Line], list[Shape]]:
    """Return a calm face: brows, nose and mouth as lines, and the eyes."""
    low = 0.57 if m.cheek > 1.05 else 0.55 if m.cheek > 1.0 else 0.53  # the younger, the lower the eyes
    brow = [
        (mid + half * 0.22, top + high * (low - 0.085)),
        (mid + half * 0.4, top + high * (low - 0.105)),
        (mid + half * 0.6, top + high * (low - 0.08)),
    ]
    nose = [(mid - half * 0.12, top + high * (low + 0.155)), (mid, top + high * (low + 0.175)), (mid + half * 0.12, top + high * (low + 0.155))]
    mouth = [
        (mid - half * 0.28, top + high * (low + 0.268)),
        (mid - half * 0.13, top + high * (low + 0.272)),
        (mid, top + high * (low + 0.276)),
        (mid + half * 0.13, top + high * (low + 0.272)),
        (mid + half * 0.28, top + high * (low + 0.268)),
    ]
    eye = ellipse(x=mid + half * 0.41, y=top + high * low, wide=half * 0.075, high=high * 0.024)
    return [brow, mirrored(brow, at=mid), nose, mouth], [eye, mirrored(eye, at=mid)]


PROFILE: Final = (
    *(
        (0.02, 0.0),
        (-0.2, 0.02),
        (-0.35, 0.09),
        (-0.435, 0.2),
        (-0.46, 0.32),
        (-0.45, 0.4),
        (-0.435, 0.455),
        (-0.462, 0.53),
        (-0.51, 0.595),
        (-0.5, 0.63),
    ),
    *(
        (-0.452, 0.652),
        (-0.462, 0.69),
        (-0.468, 0.715),
        (-0.446, 0.738),
        (-0.457, 0.765),
        (-0.45, 0.795),
        (-0.42, 0.825),
        (-0.43, 0.88),
        (-0.4, 0.94),
    ),
    *((-0.31, 0.985), (-0.12, 0.97), (0.06, 0.93), (0.24, 0.88), (0.4, 0.75), (0.49, 0.58), (0.52, 0.4), (0.46, 0.21), (0.3, 0.065), (0.16, 0.012)),
)
"""A head that looks to the left of the drawing, 1 high, about 1 deep; its middle is above the neck."""


def profile(m: Measures, x: float, top: float, high: float) -> Shape:
    deep = 1.0 if m.cheek > 1.05 else 0.95 if m.cheek > 1 else 0.92
    return [(x + px * high * deep, top + py * high) for px, py in PROFILE]


def ear_lines(x: float, top: float, high: float) -> list[Line]:
    outer = [(0.0, 0.6), (-0.04, 0.53), (-0.01, 0.46), (0.07, 0.445), (0.12, 0.49), (0.1, 0.57), (0.055, 0.63), (0.012, 0.65), (-0.003, 0.61)]
    inner = [(0.01, 0.53), (0.04, 0.495), (0.075, 0.52), (0.055, 0.575)]
    return [[(x + px * high, top + py * high) for px, py in line] for line in (outer, inner)]


def profile_lines(m: Measures, x: float, top: float, high: float) -> list[Line]:
    mouth = [(-0.455, 0.742), (-0.41, 0.748), (-0.36, 0.745)]
    brow = [(-0.41, 0.4), (-0.36, 0.385), (-0.3, 0.4)]
    wing = [(-0.46, 0.6), (-0.435, 0.585), (-0.42, 0.615), (-0.43, 0.64)]
    deep = 1.0 if m.cheek > 1.05 else 0.95 if m.cheek > 1 else 0.92
    return [[(x + px * high * deep, top + py * high) for px, py in line] for line in (mouth, brow, wing)]


def eye_aside(m: Measures, x: float, top: float, high: float) -> Shape:
    return ellipse(x=x - 0.36 * high, y=top + 0.47 * high, wide=high * 0.022, high=high * 0.026)
