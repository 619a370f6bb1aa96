"""The head, hands and feet, larger."""

from typing import Final

from safekeep.body.heads import ear_lines, ears, eye_aside, face, head, profile, profile_lines
from safekeep.body.measures import Figure, Measures
from safekeep.body.shapes import Line, Point, Shape, both, ellipse, limb, mirrored, placed


def heads(m: Measures, drawing: str) -> Figure:
    """Draw the head from the front, from behind, and from both sides."""
    high = 330.0
    half = high * m.face / m.head
    made = Figure()
    layer: list[Shape] = []
    found: list[tuple[str, Shape]] = []
    for behind, mid, top in ((False, 250.0, 70.0), (True, 750.0, 70.0)):
        neck = high * 0.24 if m.cheek > 1.05 else half * 0.56
        layer.append(
            both(
                [
                    (mid, top + high * 0.7),
                    (mid + neck, top + high * 0.8),
                    (mid + neck, top + high * 1.04),
                    (mid + neck * 1.35, top + high * 1.17),
                    (mid, top + high * 1.19),
                ],
                at=mid,
            )
        )
        layer += [head(m, mid, top=top, half=half, high=high), *ears(m, mid, top=top, half=half, high=high)]
        if not behind:
            lines, dots = face(m, mid, top, half, high)
            made.lines += lines
            made.dots += dots
        found += _head_behind_regions(mid, top, half, high) if behind else _head_regions(mid, top, half, high)
    deep = high * 0.5
    for mid, name in ((250.0, "left"), (750.0, "right")):
        top = 560.0
        x = mid + 10
        n = high * 0.2
        shapes = [
            profile(m, x, top, high),
            [
                (x - n, top + high * 0.84),
                (x - n * 0.95, top + high * 1.05),
                (x - n * 1.2, top + high * 1.18),
                (x + n * 1.9, top + high * 1.18),
                (x + n * 1.4, top + high * 1.0),
                (x + n * 1.35, top + high * 0.8),
                (x, top + high * 0.7),
            ],
        ]
        lines = [*ear_lines(x, top, high), *profile_lines(m, x, top, high)]
        dots = [eye_aside(m, x, top, high)]
        regions = _profile_regions(x, top, high, deep)
        if name == "right":
            shapes, lines, dots = ([mirrored(part, at=mid) for part in parts] for parts in (shapes, lines, dots))
            regions = [(code.replace("left_", "right_", 1), mirrored(shape, at=mid)) for code, shape in regions]
        layer += shapes
        made.lines += lines
        made.dots += dots
        found += regions
    made.layers, made.regions = [layer], found
    made.titles = [("from_front", (250, 40)), ("from_back", (750, 40)), ("left_side", (250, 530)), ("right_side", (750, 530))]
    return made


def _boxes(mid: float, top: float, half: float, high: float, rows: list[tuple[str, float, float, float, float]]) -> list[tuple[str, Shape]]:
    """Return boxes given in half widths from the middle and heights from the top."""
    return [
        (
            name,
            [(mid + a * half, top + c * high), (mid + b * half, top + c * high), (mid + b * half, top + d * high), (mid + a * half, top + d * high)],
        )
        for name, a, b, c, d in rows
    ]


def _head_regions(mid: float, top: float, half: float, high: float) -> list[tuple[str, Shape]]:
    rows = [("scalp_front", -1.3, 1.3, -0.1, 0.22), ("forehead", -0.72, 0.72, 0.22, 0.42), ("neck_front", -1.3, 1.3, 0.96, 1.25)]
    for name, to in (("left", 1), ("right", -1)):

        def lies(a: float, b: float, c: float, d: float, part: str, name: str = name, to: int = to) -> tuple[str, float, float, float, float]:
            return (f"{name}_{part}", min(a * to, b * to), max(a * to, b * to), c, d)

        rows += [
            lies(0.72, 1.3, 0.22, 0.46, "temple"),
            lies(0.18, 0.96, 0.46, 0.62, "eye"),
            lies(0.2, 1.1, 0.62, 0.8, "cheek"),
            lies(0.36, 1.1, 0.8, 1.0, "jaw"),
            lies(0.96, 1.4, 0.4, 0.7, "ear"),
        ]
    rows += [("nose", -0.2, 0.2, 0.42, 0.745), ("mouth", -0.4, 0.4, 0.745, 0.88), ("chin", -0.4, 0.4, 0.88, 1.0)]
    return _boxes(mid, top, half, high, rows)


def _head_behind_regions(mid: float, top: float, half: float, high: float) -> list[tuple[str, Shape]]:
    rows = [
        ("scalp_top", -1.3, 1.3, -0.1, 0.25),
        ("left_scalp_back", -1.3, 0.0, 0.25, 0.84),
        ("right_scalp_back", 0.0, 1.3, 0.25, 0.84),
        ("nape", -1.3, 1.3, 0.84, 1.25),
        ("left_behind_ear", -1.4, -0.72, 0.4, 0.72),
        ("right_behind_ear", 0.72, 1.4, 0.4, 0.72),
    ]
    return _boxes(mid, top, half, high, rows)


def _profile_regions(x: float, top: float, high: float, half: float) -> list[tuple[str, Shape]]:
    rows = [
        ("left_scalp_side", -1.2, 1.2, -0.1, 0.84),
        ("left_neck_side", -1.2, 1.2, 0.84, 1.25),
        ("forehead", -1.2, -0.5, 0.2, 0.41),
        ("left_temple", -0.5, -0.16, 0.3, 0.5),
        ("left_eye", -0.86, -0.5, 0.41, 0.54),
        ("left_cheek", -0.8, -0.08, 0.54, 0.76),
        ("left_cheek", -0.5, -0.08, 0.5, 0.56),
        ("left_jaw", -0.7, 0.1, 0.76, 1.0),
        ("nose", -1.2, -0.78, 0.41, 0.655),
        ("mouth", -1.2, -0.66, 0.655, 0.81),
        ("chin", -1.2, -0.6, 0.81, 1.0),
        ("left_ear", -0.12, 0.28, 0.42, 0.67),
        ("left_behind_ear", 0.28, 0.5, 0.4, 0.75),
    ]
    return _boxes(x, top, half, high, rows)


FINGERS: Final = (
    ("index_finger", ((0.3, -0.02), (0.36, -0.38), (0.38, -0.72)), (0.118, 0.108, 0.09)),
    ("middle_finger", ((0.095, -0.06), (0.11, -0.48), (0.115, -0.86)), (0.122, 0.112, 0.092)),
    ("ring_finger", ((-0.115, -0.04), (-0.14, -0.42), (-0.155, -0.76)), (0.116, 0.106, 0.088)),
    ("little_finger", ((-0.315, 0.06), (-0.37, -0.25), (-0.405, -0.53)), (0.105, 0.094, 0.078)),
)
"""The fingers of a left hand seen from its back, pointing up, the thumb to the right: where each begins, bends and ends, and half its thickness."""


def hands(m: Measures, drawing: str) -> Figure:
    """Draw both hands, from the back and from the palm, fingers up."""
    made = Figure(layers=[[]])
    scale = 235.0
    plump, length = (1.2, 0.8) if m.cheek > 1.05 else (1.08, 0.92) if m.cheek > 1 else (1.0, 1.0)
    for name, back, x, y in (
        ("left", True, 250.0, 262.0),
        ("right", True, 750.0, 262.0),
        ("left", False, 250.0, 762.0),
        ("right", False, 750.0, 762.0),
    ):
        shapes, lines, regions = _one_hand(plump=plump, length=length, back=back)
        turned = (name == "left") != back  # a palm is the mirror of the back, and the right hand of the left

        def lies(shape: list[Point], x: float = x, y: float = y, turned: bool = turned) -> Shape:
            put = placed(shape, x=x, y=y, wide=scale, high=scale)
            return mirrored(put, at=x) if turned else put

        made.layers[0] += [lies(shape) for shape in shapes]
        made.lines += [lies(line) for line in lines]
        made.regions += [(f"{name}_{part}", lies(shape)) for part, shape in regions]
    made.titles = [("left_hand_back", (250, 30)), ("right_hand_back", (750, 30)), ("left_palm", (250, 530)), ("right_palm", (750, 530))]
    return made


def _one_hand(*, plump: float, length: float, back: bool) -> tuple[list[Shape], list[Line], list[tuple[str, Shape]]]:
    def tip(point: Point) -> Point:
        return point[0], point[1] * length if point[1] < 0 else point[1]

    palm = [
        *((-0.23, 0.98), (-0.26, 0.84), (-0.35, 0.66), (-0.425, 0.4), (-0.43, 0.16), (-0.36, 0.02), (-0.1, -0.04), (0.16, -0.06), (0.36, 0.0)),
        *((0.44, 0.14), (0.44, 0.32), (0.38, 0.55), (0.29, 0.76), (0.24, 0.9), (0.23, 0.98)),
    ]
    shapes: list[Shape] = [palm]
    thumb = [(0.24, 0.56, 0.2), (0.42, 0.36, 0.155), (0.575, 0.16, 0.125), (0.67, -0.02, 0.118), (0.735, -0.13, 0.09)]
    shapes.append(limb([(x, y, half * plump) for x, y, half in thumb]))
    lines: list[Line] = []
    side = "back" if back else "inner"
    regions: list[tuple[str, Shape]] = [("hand_back" if back else "palm", [(-0.6, -0.1), (0.55, -0.1), (0.55, 0.72), (-0.6, 0.72)])]
    regions.append(("wrist_outer" if back else "wrist_inner", [(-0.6, 0.72), (0.6, 0.72), (0.6, 1.1), (-0.6, 1.1)]))
    for name, bones, thick in FINGERS:
        places = [tip(p) for p in bones]
        shapes.append(limb([(x, y, half * plump) for (x, y), half in zip(places, thick, strict=True)]))
        (x1, y1), (x2, y2), (x3, y3) = places
        if back:
            lines.append(_nail(x3, y3 + 0.03, thick[2] * plump * 0.62))
            lines.append([(x2 - 0.05, y2 + 0.02), (x2, y2 + 0.005), (x2 + 0.05, y2 + 0.02)])
        else:
            for part in (0.36, 0.7):
                x, y = x1 + (x3 - x1) * part, y1 + (y3 - y1) * part
                lines.append([(x - 0.07, y), (x, y + 0.008), (x + 0.07, y)])
            lines.append([(x1 - 0.08, y1 - 0.06), (x1, y1 - 0.045), (x1 + 0.08, y1 - 0.06)])
        w = 0.115 * plump
        regions.append((f"{name}_{side}", [(x1 - w, y1), (x2 - w, y2), (x3 - w, y3 - 0.2), (x3 + w, y3 - 0.2), (x2 + w, y2), (x1 + w, y1)]))
    regions.append((f"thumb_{side}", [(0.45, 0.42), (0.36, 0.2), (0.5, 0.02), (0.56, -0.35), (1.0, -0.35), (1.0, 0.1), (0.62, 0.44)]))
    if back:
        lines.append([placed([p], x=0.715, y=-0.09, wide=1, high=1, turn=30)[0] for p in _nail(0, 0, 0.062 * plump)])
        lines += [[(x, y + 0.17), (x * 0.9, y + 0.34)] for (x, y), _, _ in (bones for _, bones, _ in FINGERS)]
    else:
        lines.append([(0.4, 0.2), (0.16, 0.3), (0.06, 0.5), (0.1, 0.72)])
        lines.append([(0.4, 0.18), (0.15, 0.22), (-0.1, 0.34), (-0.26, 0.45)])
        lines.append([(0.16, 0.06), (0.0, 0.12), (-0.2, 0.16), (-0.42, 0.22)])
        lines.append([(-0.2, 0.83), (0, 0.85), (0.2, 0.83)])
    return shapes, lines, regions


def _nail(x: float, y: float, half: float) -> Line:
    return [
        (x - half * 0.85, y - half * 0.75),
        (x - half * 0.85, y + half * 0.7),
        (x, y + half * 1.1),
        (x + half * 0.85, y + half * 0.7),
        (x + half * 0.85, y - half * 0.75),
    ]


TOES: Final = (
    (0.215, -0.55, 0.128, 0.15),
    (0.035, -0.585, 0.08, 0.13),
    (-0.105, -0.535, 0.074, 0.125),
    (-0.225, -0.465, 0.069, 0.11),
    (-0.32, -0.375, 0.064, 0.09),
)
"""The toes of a left foot seen from above, the heel down: middle, half width, half length; the big toe is on the right."""


def feet(m: Measures, drawing: str) -> Figure:
    """Draw both feet from above and from below, toes up."""
    made = Figure(layers=[[]])
    plump = 1.14 if m.cheek > 1.05 else 1.05 if m.cheek > 1 else 1.0
    scale = 300.0
    for name, above, x, y in (
        ("left", True, 250.0, 270.0),
        ("right", True, 750.0, 270.0),
        ("left", False, 250.0, 770.0),
        ("right", False, 750.0, 770.0),
    ):
        sole = [
            *(
                (0.02, 0.66),
                (-0.14, 0.62),
                (-0.22, 0.48),
                (-0.225, 0.26),
                (-0.255, 0.05),
                (-0.345, -0.18),
                (-0.37, -0.33),
                (-0.3, -0.44),
                (-0.1, -0.535),
            ),
            *((0.1, -0.545), (0.31, -0.48), (0.345, -0.34), (0.3, -0.16), (0.215, 0.05), (0.17, 0.26), (0.19, 0.46), (0.14, 0.61)),
        ]
        shapes: list[Shape] = [
            placed(sole, x=0, y=0, wide=plump, high=1),
            *(ellipse(x=a * plump, y=b, wide=w * plump, high=h) for a, b, w, h in TOES),
        ]
        lines: list[Line] = []
        if above:
            lines += [_nail(a * plump, b - h * 0.42, w * 0.6) for a, b, w, h in TOES]
            lines.append([(-0.17, 0.2), (-0.1, 0.12), (0.02, 0.1), (0.12, 0.13), (0.16, 0.22)])
            lines.append([(-0.19, 0.44), (-0.1, 0.52), (0.02, 0.54), (0.12, 0.5), (0.17, 0.42)])
        else:
            lines.append([(0.3, -0.24), (0.12, -0.16), (-0.08, -0.17), (-0.3, -0.26)])
            lines.append([(0.15, 0.1), (0.02, -0.02), (-0.06, 0.12), (-0.02, 0.32)])
            lines.append([(-0.17, 0.36), (0.0, 0.32), (0.15, 0.36)])
        edge = [(0.1 * plump, -0.42), (0.1 * plump, -0.9), (-0.7, -0.9), (-0.7, -0.32), (-0.34 * plump, -0.33), (-0.16 * plump, -0.4)]
        big = [(0.12 * plump, -0.43), (0.12 * plump, -0.9), (0.7, -0.9), (0.7, -0.41)]
        if above:
            regions = [
                ("foot_top", [(-0.7, -0.5), (0.7, -0.5), (0.7, 0.16), (-0.7, 0.16)]),
                ("ankle_front", [(-0.7, 0.16), (0.7, 0.16), (0.7, 0.8), (-0.7, 0.8)]),
            ]
        else:
            regions = [
                ("foot_ball", [(-0.7, -0.5), (0.7, -0.5), (0.7, -0.16), (-0.7, -0.16)]),
                ("foot_arch", [(-0.7, -0.16), (0.7, -0.16), (0.7, 0.33), (-0.7, 0.33)]),
                ("heel", [(-0.7, 0.33), (0.7, 0.33), (0.7, 0.8), (-0.7, 0.8)]),
            ]
        regions += [("small_toes", edge), ("big_toe", big)]
        turned = (name == "left") != above

        def lies(shape: list[Point], x: float = x, y: float = y, turned: bool = turned) -> Shape:
            put = placed(shape, x=x, y=y, wide=scale, high=scale)
            return mirrored(put, at=x) if turned else put

        made.layers[0] += [lies(shape) for shape in shapes]
        made.lines += [lies(line) for line in lines]
        made.regions += [(f"{name}_{part}{'_below' if not above and 'toe' in part else ''}", lies(shape)) for part, shape in regions]
    made.titles = [("left_foot_top", (250, 30)), ("right_foot_top", (750, 30)), ("left_sole", (250, 530)), ("right_sole", (750, 530))]
    return made
