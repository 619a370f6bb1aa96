"""What each region is called, which of them a drawing shows, and which of them a point lies in."""

from functools import cache
from typing import Final

from safekeep.body import figures
from safekeep.body.shapes import Point, Shape, holds, middle

_ = str  # the gateway's catalogue translates these words

REGIONS: Final = {
    "scalp_front": _("scalp, front"),
    "scalp_top": _("scalp, top"),
    "scalp_back": _("scalp, back"),
    "forehead": _("forehead"),
    "face": _("face"),
    "nose": _("nose"),
    "mouth": _("mouth and lips"),
    "chin": _("chin"),
    "neck_front": _("neck, front"),
    "nape": _("nape of the neck"),
    "groin": _("groin"),
    "left_ear": _("left ear"),
    "right_ear": _("right ear"),
    "left_behind_ear": _("left ear, behind it"),
    "right_behind_ear": _("right ear, behind it"),
    "left_temple": _("left temple"),
    "right_temple": _("right temple"),
    "left_eye": _("left eye"),
    "right_eye": _("right eye"),
    "left_cheek": _("left cheek"),
    "right_cheek": _("right cheek"),
    "left_jaw": _("left jaw"),
    "right_jaw": _("right jaw"),
    "left_scalp_side": _("left side of the scalp"),
    "right_scalp_side": _("right side of the scalp"),
    "left_scalp_back": _("left back of the scalp"),
    "right_scalp_back": _("right back of the scalp"),
    "left_face_side": _("left side of the face"),
    "right_face_side": _("right side of the face"),
    "left_neck_side": _("left side of the neck"),
    "right_neck_side": _("right side of the neck"),
    "left_shoulder_front": _("left shoulder, front"),
    "right_shoulder_front": _("right shoulder, front"),
    "left_shoulder_back": _("left shoulder, back"),
    "right_shoulder_back": _("right shoulder, back"),
    "left_shoulder_outer": _("left shoulder, outer"),
    "right_shoulder_outer": _("right shoulder, outer"),
    "left_chest": _("left side of the chest, front"),
    "right_chest": _("right side of the chest, front"),
    "left_abdomen_upper": _("left upper abdomen"),
    "right_abdomen_upper": _("right upper abdomen"),
    "left_abdomen_lower": _("left lower abdomen"),
    "right_abdomen_lower": _("right lower abdomen"),
    "left_ribs": _("left ribs, side"),
    "right_ribs": _("right ribs, side"),
    "left_waist": _("left side of the waist"),
    "right_waist": _("right side of the waist"),
    "left_upper_back": _("left upper back"),
    "right_upper_back": _("right upper back"),
    "left_lower_back": _("left lower back"),
    "right_lower_back": _("right lower back"),
    "left_buttock": _("left buttock"),
    "right_buttock": _("right buttock"),
    "left_hip": _("left hip, front"),
    "right_hip": _("right hip, front"),
    "left_hip_side": _("left hip, outer"),
    "right_hip_side": _("right hip, outer"),
    "left_upper_arm_front": _("left upper arm, front"),
    "right_upper_arm_front": _("right upper arm, front"),
    "left_upper_arm_back": _("left upper arm, back"),
    "right_upper_arm_back": _("right upper arm, back"),
    "left_upper_arm_outer": _("left upper arm, outer"),
    "right_upper_arm_outer": _("right upper arm, outer"),
    "left_elbow_front": _("left elbow, inner fold"),
    "right_elbow_front": _("right elbow, inner fold"),
    "left_elbow_back": _("left elbow, back"),
    "right_elbow_back": _("right elbow, back"),
    "left_elbow_outer": _("left elbow, outer"),
    "right_elbow_outer": _("right elbow, outer"),
    "left_forearm_inner": _("left forearm, inner"),
    "right_forearm_inner": _("right forearm, inner"),
    "left_forearm_outer": _("left forearm, outer"),
    "right_forearm_outer": _("right forearm, outer"),
    "left_forearm_thumb_side": _("left forearm, thumb side"),
    "right_forearm_thumb_side": _("right forearm, thumb side"),
    "left_wrist_inner": _("left wrist, inner"),
    "right_wrist_inner": _("right wrist, inner"),
    "left_wrist_outer": _("left wrist, outer"),
    "right_wrist_outer": _("right wrist, outer"),
    "left_wrist_thumb_side": _("left wrist, thumb side"),
    "right_wrist_thumb_side": _("right wrist, thumb side"),
    "left_hand_back": _("left hand, back"),
    "right_hand_back": _("right hand, back"),
    "left_palm": _("left palm"),
    "right_palm": _("right palm"),
    "left_thumb_back": _("left thumb, nail side"),
    "right_thumb_back": _("right thumb, nail side"),
    "left_index_finger_back": _("left index finger, nail side"),
    "right_index_finger_back": _("right index finger, nail side"),
    "left_middle_finger_back": _("left middle finger, nail side"),
    "right_middle_finger_back": _("right middle finger, nail side"),
    "left_ring_finger_back": _("left ring finger, nail side"),
    "right_ring_finger_back": _("right ring finger, nail side"),
    "left_little_finger_back": _("left little finger, nail side"),
    "right_little_finger_back": _("right little finger, nail side"),
    "left_thumb_inner": _("left thumb, palm side"),
    "right_thumb_inner": _("right thumb, palm side"),
    "left_index_finger_inner": _("left index finger, palm side"),
    "right_index_finger_inner": _("right index finger, palm side"),
    "left_middle_finger_inner": _("left middle finger, palm side"),
    "right_middle_finger_inner": _("right middle finger, palm side"),
    "left_ring_finger_inner": _("left ring finger, palm side"),
    "right_ring_finger_inner": _("right ring finger, palm side"),
    "left_little_finger_inner": _("left little finger, palm side"),
    "right_little_finger_inner": _("right little finger, palm side"),
    "left_thigh_front": _("left thigh, front"),
    "right_thigh_front": _("right thigh, front"),
    "left_thigh_back": _("left thigh, back"),
    "right_thigh_back": _("right thigh, back"),
    "left_thigh_outer": _("left thigh, outer"),
    "right_thigh_outer": _("right thigh, outer"),
    "left_knee_front": _("left knee, front"),
    "right_knee_front": _("right knee, front"),
    "left_knee_back": _("left knee, back"),
    "right_knee_back": _("right knee, back"),
    "left_knee_outer": _("left knee, outer"),
    "right_knee_outer": _("right knee, outer"),
    "left_shin": _("left shin"),
    "right_shin": _("right shin"),
    "left_calf": _("left calf"),
    "right_calf": _("right calf"),
    "left_lower_leg_outer": _("left lower leg, outer"),
    "right_lower_leg_outer": _("right lower leg, outer"),
    "left_ankle_front": _("left ankle, front"),
    "right_ankle_front": _("right ankle, front"),
    "left_ankle_back": _("left ankle, back"),
    "right_ankle_back": _("right ankle, back"),
    "left_ankle_outer": _("left ankle, outer"),
    "right_ankle_outer": _("right ankle, outer"),
    "left_heel_back": _("left heel, back"),
    "right_heel_back": _("right heel, back"),
    "left_heel": _("left heel, underneath"),
    "right_heel": _("right heel, underneath"),
    "left_foot_top": _("left foot, top"),
    "right_foot_top": _("right foot, top"),
    "left_foot_outer": _("left foot, outer"),
    "right_foot_outer": _("right foot, outer"),
    "left_foot_ball": _("left foot, ball of the sole"),
    "right_foot_ball": _("right foot, ball of the sole"),
    "left_foot_arch": _("left foot, arch of the sole"),
    "right_foot_arch": _("right foot, arch of the sole"),
    "left_big_toe": _("left big toe, nail side"),
    "right_big_toe": _("right big toe, nail side"),
    "left_small_toes": _("left smaller toes, nail side"),
    "right_small_toes": _("right smaller toes, nail side"),
    "left_big_toe_below": _("left big toe, underneath"),
    "right_big_toe_below": _("right big toe, underneath"),
    "left_small_toes_below": _("left smaller toes, underneath"),
    "right_small_toes_below": _("right smaller toes, underneath"),
}
"""Code → name. Left and right are the child's own."""

NEAR: Final = 24.0
"""So far beside every region, in the drawing's units, a point still counts as in the nearest: fingers are wide."""


@cache
def shown(drawing: str) -> tuple[str, ...]:
    """Return the regions that a drawing shows, in the order of the drawing, each once."""
    return tuple(dict.fromkeys(name for name, _ in figures.figure(drawing=drawing, age="middle").regions))


def region_at(point: Point, *, drawing: str, age: str) -> str | None:
    """Return the region that a point of a drawing lies in (the nearest, a finger's breadth beside all of them), or None."""
    polygons = figures.figure(drawing=drawing, age=age).regions
    found = next((name for name, polygon in reversed(polygons) if holds(polygon, point)), None)
    if found is not None:
        return found
    away, nearest = min((_away(polygon, point), name) for name, polygon in polygons)
    return nearest if away <= NEAR else None


@cache
def middle_of(region: str, *, drawing: str, age: str) -> Point:
    """Return where a mark goes that is placed by the name of its region alone: a point inside the outline."""
    polygons = [polygon for name, polygon in figures.figure(drawing=drawing, age=age).regions if name == region]
    figure = figures.figure(drawing=drawing, age=age)
    inside = [
        point for polygon in polygons for point in _grid(polygon) if _is_drawn(figure, point) and region_at(point, drawing=drawing, age=age) == region
    ]
    if not inside:
        return middle(polygons[0])
    x, y = sum(p[0] for p in inside) / len(inside), sum(p[1] for p in inside) / len(inside)
    return min(inside, key=lambda p: (p[0] - x) ** 2 + (p[1] - y) ** 2)


def _grid(polygon: Shape) -> list[Point]:
    xs, ys = [p[0] for p in polygon], [p[1] for p in polygon]
    steps = [(i + 0.5) / 9 for i in range(9)]
    return [(min(xs) + (max(xs) - min(xs)) * a, min(ys) + (max(ys) - min(ys)) * b) for a in steps for b in steps]


def _is_drawn(figure: figures.Figure, point: Point) -> bool:
    return any(holds(shape, point) for layer in figure.layers for shape in layer)


def _away(polygon: Shape, point: Point) -> float:
    """Return how far a point is from a polygon that does not hold it."""
    best = float("inf")
    for i, (x1, y1) in enumerate(polygon):
        x2, y2 = polygon[i - 1]
        along = (x2 - x1) ** 2 + (y2 - y1) ** 2 or 1.0
        part = min(max(((point[0] - x1) * (x2 - x1) + (point[1] - y1) * (y2 - y1)) / along, 0.0), 1.0)
        best = min(best, ((point[0] - x1 - part * (x2 - x1)) ** 2 + (point[1] - y1 - part * (y2 - y1)) ** 2) ** 0.5)
    return best
