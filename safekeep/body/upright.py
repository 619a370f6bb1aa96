"""The whole figure from the front and from behind."""

import math

from safekeep.body.heads import ears, face, head
from safekeep.body.measures import SOLE, TOP, Figure, Measures, down, shank
from safekeep.body.shapes import Line, Point, Shape, both, ellipse, limb, mirrored, placed


def upright(m: Measures, drawing: str) -> Figure:
    mid, front = 260.0, drawing == "front"
    made = Figure()
    sh, cr = m.shoulder, m.crotch
    joint = (mid + m.shoulder_half - m.arm, sh + m.arm * 1.42)
    torso = both(
        [
            (mid, sh - m.neck - m.head * 0.14),
            (mid + m.neck_half, sh - m.neck - m.head * 0.1),
            (mid + m.neck_half, sh - m.neck * 0.5 - 2),
            (mid + m.neck_half * 1.18, sh - m.neck * 0.05),
            (mid + m.shoulder_half * 0.52, sh + m.arm * 0.28),
            (mid + m.shoulder_half * 0.76, sh + m.arm * 0.52),
            (mid + m.shoulder_half * 0.9, sh + m.arm * 0.95),
            (mid + m.shoulder_half * 0.9, sh + m.arm * 1.8),
            (mid + m.chest_half * 1.02, down(m, 0.22)),
            (mid + m.chest_half * 0.99, down(m, 0.34)),
            (mid + m.waist_half * 1.02, down(m, 0.54)),
            (mid + m.waist_half, down(m, 0.62)),
            (mid + m.hip_half * 0.93, down(m, 0.78)),
            (mid + m.hip_half * 0.96, down(m, 0.9)),
            (mid + m.hip_half * 0.9, cr + 10),
            (mid + m.hip_half * 0.4, cr + 8),
            (mid, cr + 2),
        ],
        at=mid,
    )
    leg = _leg(m, mid)
    arm, hand = _arm(m, joint, turn=-m.lean), _small_hand(m, _along(m, joint, 1, turn=-m.lean), turn=-m.lean)
    foot = _foot_ahead(m, mid) if front else _heel(m, mid)
    right_half = [leg, arm, *hand, *foot]
    made.layers = [[torso, head(m, mid), *ears(m, mid), *right_half, *(mirrored(shape, at=mid) for shape in right_half)]]
    half_lines, middle_lines = (_front_lines if front else _back_lines)(m, mid, joint)
    made.lines = [*middle_lines, *half_lines, *([*mirrored(line, at=mid)] for line in half_lines)]
    if front:
        lines, made.dots = face(m, mid, TOP, m.face, m.head)
        made.lines += lines
    made.regions = _upright_regions(m, mid, joint, front=front)
    return made


def _leg(m: Measures, mid: float) -> Shape:
    hip, thick = mid + m.hip_half, m.leg
    knee = mid + m.hip_half * 0.56
    calf, ankle = knee - thick * 0.02, knee - thick * 0.1
    outer = [
        (hip - m.hip_half * 0.4, down(m, 0.74)),
        (hip - m.hip_half * 0.07, down(m, 0.8)),
        (hip - m.hip_half * 0.01, down(m, 0.92)),
        (hip - m.hip_half * 0.01, shank(m, 0.06)),
        (hip - thick * 0.1, shank(m, 0.2)),
        (knee + thick * 0.8, shank(m, 0.38)),
        (knee + thick * 0.66, shank(m, 0.5)),
        (knee + thick * 0.69, shank(m, 0.57)),
        (calf + thick * 0.73, shank(m, 0.68)),
        (calf + thick * 0.6, shank(m, 0.8)),
        (ankle + thick * 0.41, shank(m, 0.93)),
        (ankle + thick * 0.42, shank(m, 1.0)),
        (ankle + thick * 0.4, shank(m, 1.06)),
    ]
    inner = [
        (ankle - thick * 0.36, shank(m, 1.06)),
        (ankle - thick * 0.38, shank(m, 1.0)),
        (ankle - thick * 0.36, shank(m, 0.93)),
        (calf - thick * 0.5, shank(m, 0.79)),
        (calf - thick * 0.64, shank(m, 0.67)),
        (knee - thick * 0.57, shank(m, 0.56)),
        (knee - thick * 0.6, shank(m, 0.48)),
        (knee - thick * 0.74, shank(m, 0.34)),
        (mid + thick * 0.16, shank(m, 0.16)),
        (mid + thick * 0.05, shank(m, 0.04)),
        (mid + 1.5, shank(m, 0.0)),
        (mid + 1.5, down(m, 0.93)),
    ]
    return [*outer, *inner]


def _arm(m: Measures, joint: Point, *, turn: float) -> Shape:
    """Return the arm; in the drawing it hangs down and away from the body."""
    thick = m.arm
    stations = [(0.0, 0.99), (0.12, 1.0), (0.3, 0.93), (0.43, 0.8), (0.52, 0.76), (0.62, 0.83), (0.78, 0.7), (0.92, 0.54), (1.0, 0.5)]
    return limb([(*_along(m, joint, part, turn=turn), half * thick) for part, half in stations])


def _along(m: Measures, joint: Point, part: float, *, turn: float, off: float = 0.0) -> Point:
    """Return the place that part of the way from the shoulder's joint to the wrist, `off` beside the middle (outwards is positive)."""
    angle = math.radians(turn)
    return (
        joint[0] - math.sin(angle) * m.reach * part + math.cos(angle) * off,
        joint[1] + math.cos(angle) * m.reach * part + math.sin(angle) * off,
    )


def _small_hand(m: Measures, wrist: Point, *, turn: float) -> list[Shape]:
    """Return a hand of the whole figure, the thumb outwards, fingers down."""
    plump = m.arm / 23
    palm = [(-0.2, -0.06), (0.2, -0.06), (0.27, 0.12), (0.3, 0.3), (0.28, 0.5), (0.0, 0.54), (-0.28, 0.5), (-0.29, 0.28), (-0.24, 0.1)]
    fingers = [((-0.235, 0.46), (-0.29, 0.74)), ((-0.085, 0.5), (-0.105, 0.92)), ((0.075, 0.5), (0.08, 0.97)), ((0.225, 0.48), (0.245, 0.88))]
    thumb = [(0.2, 0.08, 0.09), (0.34, 0.26, 0.092), (0.43, 0.42, 0.08), (0.46, 0.53, 0.066)]
    shapes: list[Shape] = [palm]
    for (x1, y1), (x2, y2) in fingers:
        shapes.append(limb([(x1, y1, 0.078), ((x1 + x2) / 2, (y1 + y2) / 2, 0.074), (x2, y2, 0.064)]))
    shapes.append(limb(thumb))
    return [placed(shape, x=wrist[0], y=wrist[1], wide=m.hand * 0.86 * (0.9 + 0.1 * plump), high=m.hand, turn=turn) for shape in shapes]


def _foot_ahead(m: Measures, mid: float) -> list[Shape]:
    """Return a foot seen from the front, turned a little outwards."""
    x, y, f = mid + m.hip_half * 0.56 - m.leg * 0.08, SOLE, m.foot
    body = [
        (-0.2, -0.62),
        (0.2, -0.62),
        (0.28, -0.4),
        (0.42, -0.2),
        (0.46, -0.07),
        (0.3, -0.01),
        (-0.02, 0.0),
        (-0.2, -0.03),
        (-0.25, -0.14),
        (-0.24, -0.36),
    ]
    toes = [(-0.12, -0.085, 0.11), (0.06, -0.085, 0.08), (0.185, -0.09, 0.072), (0.295, -0.098, 0.066), (0.39, -0.108, 0.06)]
    return [placed(body, x=x, y=y, wide=f, high=f), *(ellipse(x=x + a * f, y=y + b * f, wide=r * f, high=r * f * 0.95) for a, b, r in toes)]


def _heel(m: Measures, mid: float) -> list[Shape]:
    """Return a foot seen from behind."""
    x, y, f = mid + m.hip_half * 0.56 - m.leg * 0.08, SOLE - 6, m.foot
    body = [
        (-0.19, -0.62),
        (0.19, -0.62),
        (0.2, -0.4),
        (0.25, -0.2),
        (0.24, -0.05),
        (0.08, 0.0),
        (-0.1, 0.0),
        (-0.24, -0.05),
        (-0.25, -0.2),
        (-0.2, -0.4),
    ]
    side = [(0.1, -0.24), (0.28, -0.2), (0.38, -0.1), (0.36, -0.02), (0.2, -0.0)]
    return [placed(body, x=x, y=y, wide=f, high=f), placed(side, x=x, y=y, wide=f, high=f)]


def _front_lines(m: Measures, mid: float, joint: Point) -> tuple[list[Line], list[Line]]:
    """Return the fine lines of the right half, and of the middle."""
    knee, sh = mid + m.hip_half * 0.56, m.shoulder
    collar = [
        (mid + m.neck_half * 0.35, sh + m.arm * 0.62),
        (mid + m.shoulder_half * 0.36, sh + m.arm * 0.42),
        (mid + m.shoulder_half * 0.62, sh + m.arm * 0.4),
    ]
    armpit = [
        (mid + m.shoulder_half * 0.83, sh + m.arm * 2.05),
        (mid + m.shoulder_half * 0.78, sh + m.arm * 2.5),
        (mid + m.chest_half * 0.98, down(m, 0.26)),
    ]
    fold = [(mid + m.leg * 0.12, m.crotch - 6), (mid + m.hip_half * 0.42, down(m, 0.92)), (mid + m.hip_half * 0.82, down(m, 0.82))]
    cap = [
        (knee - m.leg * 0.38, shank(m, 0.475)),
        (knee - m.leg * 0.3, shank(m, 0.535)),
        (knee + m.leg * 0.05, shank(m, 0.555)),
        (knee + m.leg * 0.4, shank(m, 0.53)),
        (knee + m.leg * 0.46, shank(m, 0.475)),
    ]
    turn = -m.lean
    elbow = [
        _along(m, joint, 0.5, turn=turn, off=-m.arm * 0.4),
        _along(m, joint, 0.515, turn=turn),
        _along(m, joint, 0.5, turn=turn, off=m.arm * 0.4),
    ]
    navel = [(mid - 4, down(m, 0.665)), (mid, down(m, 0.677)), (mid + 4, down(m, 0.665))]
    return [collar, armpit, fold, cap, elbow], [navel]


def _back_lines(m: Measures, mid: float, joint: Point) -> tuple[list[Line], list[Line]]:
    knee, sh = mid + m.hip_half * 0.56, m.shoulder
    blade = [
        (mid + m.chest_half * 0.36, sh + m.arm * 1.5),
        (mid + m.chest_half * 0.34, down(m, 0.27)),
        (mid + m.chest_half * 0.5, down(m, 0.345)),
        (mid + m.chest_half * 0.72, down(m, 0.3)),
    ]
    armpit = [
        (mid + m.shoulder_half * 0.83, sh + m.arm * 2.05),
        (mid + m.shoulder_half * 0.8, sh + m.arm * 2.5),
        (mid + m.chest_half * 0.98, down(m, 0.26)),
    ]
    seat = [
        (mid + 3, m.crotch + 2),
        (mid + m.hip_half * 0.3, m.crotch + 14),
        (mid + m.hip_half * 0.62, m.crotch + 8),
        (mid + m.hip_half * 0.8, m.crotch - 8),
    ]
    bend = [(knee - m.leg * 0.4, shank(m, 0.505)), (knee + m.leg * 0.04, shank(m, 0.515)), (knee + m.leg * 0.46, shank(m, 0.505))]
    turn = -m.lean
    elbow = [
        _along(m, joint, 0.485, turn=turn, off=-m.arm * 0.3),
        _along(m, joint, 0.515, turn=turn, off=-m.arm * 0.05),
        _along(m, joint, 0.485, turn=turn, off=m.arm * 0.25),
    ]
    spine = [(mid, sh + m.arm * 0.5), (mid, down(m, 0.4)), (mid, down(m, 0.7))]
    cleft = [(mid, down(m, 0.82)), (mid, down(m, 0.92)), (mid, m.crotch + 2)]
    return [blade, armpit, seat, bend, elbow], [spine, cleft]


def _upright_regions(m: Measures, mid: float, joint: Point, *, front: bool) -> list[tuple[str, Shape]]:
    """Return the polygons. In front the child's left is on the right of the drawing, from behind on its left."""
    sh, wide, chin = m.shoulder, m.shoulder_half + 16, TOP + m.head
    side = (1, -1) if front else (-1, 1)  # where the child's left and right are
    found: list[tuple[str, Shape]] = []

    def box(x1: float, x2: float, y1: float, y2: float) -> Shape:
        return [(mid + x1, y1), (mid + x2, y1), (mid + x2, y2), (mid + x1, y2)]

    if front:
        found.append(("scalp_front", box(-m.face * 1.3, m.face * 1.3, 0, TOP + m.head * 0.24)))
        found.append(("face", box(-m.face, m.face, TOP + m.head * 0.24, chin + 3)))
    else:
        found.append(("scalp_back", box(-m.face * 1.3, m.face * 1.3, 0, TOP + m.head * 0.78)))
    neck_top = chin + 3 if front else TOP + m.head * 0.78
    found.append(("neck_front" if front else "nape", box(-m.neck_half * 1.5, m.neck_half * 1.5, neck_top, sh + m.arm * 0.3)))
    trunk = (
        [("chest", 0.0, 0.42), ("abdomen_upper", 0.42, 0.62), ("abdomen_lower", 0.62, 0.84)]
        if front
        else [("upper_back", 0.0, 0.48), ("lower_back", 0.48, 0.76)]
    )
    turn = -m.lean
    for name, to in zip(("left", "right"), side, strict=True):

        def lies(shape: Shape, to: int = to) -> Shape:
            return shape if to > 0 else mirrored(shape, at=mid)

        found.append((f"{name}_ear", lies(box(m.face * 0.96, m.face * 1.5, TOP + m.head * 0.36, TOP + m.head * 0.72))))
        for part, start, end in trunk:
            found.append((f"{name}_{part}", lies(box(0, wide, down(m, start) if start else sh + m.arm * 0.3, down(m, end)))))
        found.append((f"{name}_shoulder_{'front' if front else 'back'}", lies(box(m.neck_half * 1.1, wide, sh - m.neck * 0.4, sh + m.arm * 1.25))))
        thigh, hip = ("thigh_front", "hip") if front else ("thigh_back", "buttock")
        top = down(m, 0.84 if front else 0.76)
        below = shank(m, 0.06 if front else 0.07)
        found.append((f"{name}_{hip}", lies(box(m.hip_half * 0.34 if front else 0, wide, top, below))))
        leg_parts = (
            (thigh, below, 0.42),
            ("knee_front" if front else "knee_back", 0.42, 0.57),
            ("shin" if front else "calf", 0.57, 0.92),
            ("ankle_front" if front else "ankle_back", 0.92, 1.04),
        )
        for part, start, end in leg_parts:
            found.append((f"{name}_{part}", lies(box(0, wide, start if start > 2 else shank(m, start), shank(m, end)))))
        found.append((f"{name}_foot_top" if front else f"{name}_heel_back", lies(box(0, wide, shank(m, 1.04), 1000))))
        arm_parts = (
            ("upper_arm_front", "elbow_front", "forearm_inner", "wrist_inner")
            if front
            else ("upper_arm_back", "elbow_back", "forearm_outer", "wrist_outer")
        )
        for part, start, end in zip(arm_parts, (0.1, 0.43, 0.57, 0.93), (0.43, 0.57, 0.93, 1.04), strict=True):
            inner, outer = (-m.arm * 1.02 if start < 0.3 else -m.arm * 1.5), m.arm * 2
            cut = [
                _along(m, joint, start, turn=turn, off=inner),
                _along(m, joint, start, turn=turn, off=outer),
                _along(m, joint, end, turn=turn, off=outer),
                _along(m, joint, end, turn=turn, off=-m.arm * 1.3),
            ]
            found.append((f"{name}_{part}", lies(cut)))
        past = 1.04 + m.hand * 1.2 / m.reach
        cut = [
            _along(m, joint, 1.04, turn=turn, off=-m.hand * 0.5),
            _along(m, joint, 1.04, turn=turn, off=m.hand * 0.6),
            _along(m, joint, past, turn=turn, off=m.hand * 0.6),
            _along(m, joint, past, turn=turn, off=-m.hand * 0.5),
        ]
        found.append((f"{name}_{'palm' if front else 'hand_back'}", lies(cut)))
    if front:
        found.append(
            (
                "groin",
                [
                    (mid - m.hip_half * 0.34, down(m, 0.84)),
                    (mid + m.hip_half * 0.34, down(m, 0.84)),
                    (mid + m.hip_half * 0.12, m.crotch + 12),
                    (mid - m.hip_half * 0.12, m.crotch + 12),
                ],
            )
        )
    return found
