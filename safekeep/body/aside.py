"""The whole figure from its sides."""

import math

from safekeep.body.heads import ear_lines, eye_aside, profile, profile_lines
from safekeep.body.measures import SOLE, TOP, Figure, Measures, ankle, down, shank
from safekeep.body.shapes import Point, Shape, limb, mirrored, placed


def aside(m: Measures, drawing: str) -> Figure:
    """Draw the child's left side, looking to the left of the drawing; the right side is its mirror."""
    mid, sh = 210.0, m.shoulder
    deep = (m.chest_half + m.waist_half) * 0.5 * (0.86 if m.cheek > 1.05 else 0.8)
    trunk_rows = [
        (0.03, -0.34, 0.48),
        (0.08, -0.48, 0.63),
        (0.18, -0.66, 0.76),
        (0.34, -0.76, 0.72),
        (0.5, -0.74, 0.52),
        (0.62, -0.78, 0.46),
        (0.74, -0.78, 0.56),
        (0.86, -0.7, 0.8),
        (0.97, -0.58, 0.84),
        (1.06, -0.5, 0.6),
    ]
    belly = 1.1 if m.cheek > 1.05 else 1.0
    trunk = [(mid + a * deep * (belly if 0.45 < t < 0.85 else 1), down(m, t)) for t, a, _ in trunk_rows]
    trunk += [(mid + b * deep, down(m, t)) for t, _, b in reversed(trunk_rows)]
    head = profile(m, mid - deep * 0.02, TOP, m.head)
    n = m.neck_half
    neck = [
        (mid - n * 0.72, TOP + m.head * 0.84),
        (mid - n * 0.7, sh - m.neck * 0.3),
        (mid - n * 0.78, sh + m.arm * 0.4),
        (mid - n * 0.4, sh + m.arm * 1.3),
        (mid + n * 0.6, sh + m.arm * 1.3),
        (mid + n * 1.22, sh + m.arm * 0.45),
        (mid + n * 1.02, sh - m.neck * 0.35),
        (mid + n * 1.04, TOP + m.head * 0.78),
        (mid, TOP + m.head * 0.7),
    ]
    leg = _leg_aside(m, mid, deep)
    foot = _foot_aside(m, mid)
    joint = (mid + deep * 0.08, sh + m.arm * 1.42)
    made = Figure()
    made.layers = [[head, neck, trunk, leg, *foot], [_arm_aside(m, joint), *_hand_aside(m, joint)]]
    made.lines = [*ear_lines(mid - deep * 0.02, TOP, m.head), *profile_lines(m, mid - deep * 0.02, TOP, m.head)]
    made.lines.append([(mid - m.leg * 0.28, shank(m, 0.455)), (mid - m.leg * 0.12, shank(m, 0.49)), (mid - m.leg * 0.24, shank(m, 0.54))])
    x = mid + m.leg * 0.1
    made.lines.append([(x - 5, ankle(m) + 4), (x, ankle(m) + 8), (x + 5, ankle(m) + 3)])
    made.dots = [eye_aside(m, mid - deep * 0.02, TOP, m.head)]
    made.regions = _aside_regions(m, mid, deep, joint)
    if drawing == "left":
        return made
    return Figure(
        layers=[[mirrored(shape, at=mid) for shape in layer] for layer in made.layers],
        lines=[mirrored(line, at=mid) for line in made.lines],
        dots=[mirrored(dot, at=mid) for dot in made.dots],
        regions=[(name.replace("left_", "right_", 1), mirrored(shape, at=mid)) for name, shape in made.regions],
    )


def _leg_aside(m: Measures, mid: float, deep: float) -> Shape:
    t = m.leg
    front = [
        (mid - deep * 0.55, down(m, 0.86)),
        (mid - max(t * 0.95, deep * 0.58), shank(m, 0.05)),
        (mid - t * 0.96, shank(m, 0.2)),
        (mid - t * 0.82, shank(m, 0.36)),
        (mid - t * 0.7, shank(m, 0.46)),
        (mid - t * 0.66, shank(m, 0.53)),
        (mid - t * 0.5, shank(m, 0.62)),
        (mid - t * 0.4, shank(m, 0.76)),
        (mid - t * 0.3, shank(m, 0.92)),
        (mid - t * 0.34, shank(m, 1.06)),
    ]
    back = [
        (mid + t * 0.56, shank(m, 1.08)),
        (mid + t * 0.5, shank(m, 0.97)),
        (mid + t * 0.56, shank(m, 0.86)),
        (mid + t * 0.86, shank(m, 0.71)),
        (mid + t * 0.88, shank(m, 0.62)),
        (mid + t * 0.62, shank(m, 0.51)),
        (mid + t * 0.66, shank(m, 0.44)),
        (mid + t * 0.9, shank(m, 0.26)),
        (mid + max(t * 1.04, deep * 0.62), shank(m, 0.08)),
        (mid + deep * 0.74, down(m, 0.97)),
        (mid + deep * 0.5, down(m, 0.84)),
    ]
    return [*front, *back]


def _foot_aside(m: Measures, mid: float) -> list[Shape]:
    f, t = m.foot, m.leg
    length = f * 1.72
    x, y = mid + t * 0.66 + f * 0.1, SOLE
    body = [
        (-0.07, -0.56),
        (-0.06, -0.4),
        (-0.015, -0.22),
        (0.0, -0.1),
        (-0.045, -0.01),
        (-0.2, 0.0),
        (-0.42, -0.02),
        (-0.62, 0.0),
        (-0.86, 0.0),
        (-0.97, -0.045),
        (-0.985, -0.1),
        (-0.9, -0.165),
        (-0.7, -0.225),
        (-0.52, -0.32),
        (-0.41, -0.44),
        (-0.36, -0.58),
    ]
    return [[(x + px * length, y + py * f * 1.0) for px, py in body]]


def _bend(m: Measures, joint: Point, part: float, off: float = 0.0) -> Point:
    """Return a place along the arm that hangs at the side, a little bent forwards below the elbow. `off`: forwards is negative."""
    upper, reach = 0.5, m.reach * 0.98
    if part <= upper:
        return joint[0] + off + part * reach * 0.03, joint[1] + part * reach
    lean = math.radians(9)
    elbow = joint[0] + upper * reach * 0.03, joint[1] + upper * reach
    far = (part - upper) * reach
    return elbow[0] - math.sin(lean) * far + math.cos(lean) * off, elbow[1] + math.cos(lean) * far + math.sin(lean) * off


def _arm_aside(m: Measures, joint: Point) -> Shape:
    stations = [(0.0, 1.14), (0.1, 1.16), (0.24, 1.0), (0.4, 0.86), (0.5, 0.82), (0.6, 0.84), (0.76, 0.72), (0.92, 0.56), (1.0, 0.52), (1.04, 0.54)]
    return limb([(*_bend(m, joint, part), half * m.arm) for part, half in stations])


def _hand_aside(m: Measures, joint: Point) -> list[Shape]:
    """Return a relaxed hand at the side, its back outwards, the thumb forwards."""
    back = [(-0.17, -0.04), (0.17, -0.04), (0.2, 0.2), (0.2, 0.45), (0.12, 0.52), (-0.2, 0.52), (-0.24, 0.4), (-0.22, 0.18)]
    fingers = [((-0.17, 0.44), (-0.22, 0.84)), ((-0.04, 0.46), (-0.08, 0.92)), ((0.08, 0.46), (0.05, 0.88)), ((0.155, 0.42), (0.14, 0.76))]
    shapes: list[Shape] = [back, *(limb([(x1, y1, 0.075), (x2, y2, 0.062)]) for (x1, y1), (x2, y2) in fingers)]
    shapes.append(limb([(-0.14, 0.1, 0.08), (-0.29, 0.3, 0.082), (-0.34, 0.46, 0.07), (-0.34, 0.54, 0.06)]))
    wrist = _bend(m, joint, 1.0)
    return [placed(shape, x=wrist[0], y=wrist[1], wide=m.hand * 0.86, high=m.hand, turn=9) for shape in shapes]


def _aside_regions(m: Measures, mid: float, deep: float, joint: Point) -> list[tuple[str, Shape]]:
    """Return the polygons of the child's left side."""
    sh, h, far, found = m.shoulder, m.head, 150.0, list[tuple[str, Shape]]()
    x = mid - deep * 0.02

    def box(x1: float, x2: float, y1: float, y2: float) -> Shape:
        return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]

    found.append(("left_scalp_side", box(x - h * 0.3, x + h * 0.7, 0, TOP + h * 0.9)))
    found.append(("left_scalp_side", box(x - h * 0.7, x - h * 0.29, 0, TOP + h * 0.22)))
    found.append(("left_face_side", box(x - h * 0.7, x - h * 0.14, TOP + h * 0.22, TOP + h * 1.0)))
    found.append(("left_face_side", box(x - h * 0.15, x + h * 0.05, TOP + h * 0.6, TOP + h * 1.0)))
    found.append(
        (
            "left_neck_side",
            [
                (mid - 60, TOP + h * 1.0),
                (x + h * 0.05, TOP + h * 0.92),
                (x + h * 0.5, TOP + h * 0.86),
                (mid + 70, sh + m.arm * 0.4),
                (mid - 60, sh + m.arm * 0.4),
            ],
        )
    )
    found.append(("left_ear", box(x - h * 0.04, x + h * 0.17, TOP + h * 0.42, TOP + h * 0.67)))
    rows = (("left_ribs", 0.0, 0.46), ("left_waist", 0.46, 0.74), ("left_hip_side", 0.74, 1.0))
    for name, start, end in rows:
        found.append((name, box(mid - far, mid + far, down(m, start) if start else sh + m.arm * 0.4, down(m, end))))
    for name, start, end in (
        ("left_thigh_outer", 0.0, 0.42),
        ("left_knee_outer", 0.42, 0.56),
        ("left_lower_leg_outer", 0.56, 0.9),
        ("left_ankle_outer", 0.9, 1.1),
    ):
        found.append((name, box(mid - far, mid + far, shank(m, start), shank(m, end))))
    found.append(
        (
            "left_foot_outer",
            [
                (0, shank(m, 1.1)),
                (mid - m.leg * 0.3, shank(m, 0.99)),
                (mid + m.leg * 0.2, shank(m, 1.1)),
                (420, shank(m, 1.1)),
                (420, 1000),
                (0, 1000),
            ],
        )
    )
    cuts = (
        ("left_shoulder_outer", -0.16, 0.12),
        ("left_upper_arm_outer", 0.12, 0.43),
        ("left_elbow_outer", 0.43, 0.57),
        ("left_forearm_thumb_side", 0.57, 0.93),
        ("left_wrist_thumb_side", 0.93, 1.03),
    )
    for name, start, end in cuts:
        wide = m.arm * 1.3
        found.append((name, [_bend(m, joint, start, -wide), _bend(m, joint, start, wide), _bend(m, joint, end, wide), _bend(m, joint, end, -wide)]))
    past = 1.03 + m.hand * 1.15 / m.reach
    wide = m.hand * 0.42
    found.append(
        ("left_hand_back", [_bend(m, joint, 1.03, -wide), _bend(m, joint, 1.03, wide), _bend(m, joint, past, wide), _bend(m, joint, past, -wide)])
    )
    return found
