import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.boxes import Box

NUMBERS = st.floats(-1e4, 1e4)
BOXES = st.builds(Box, NUMBERS, NUMBERS, NUMBERS, NUMBERS)


def test_box_iou_of_a_half_overlap_is_a_third() -> None:
    assert Box(0, 0, 2, 2).iou(Box(1, 0, 3, 2)) == pytest.approx(1 / 3)


def test_box_iou_of_empty_boxes_is_zero() -> None:
    assert Box(1, 1, 1, 1).iou(Box(1, 1, 1, 1)) == 0


def test_box_expand_adds_the_share_on_each_side() -> None:
    assert Box(10, 10, 20, 30).expand(0.1) == Box(9, 8, 21, 32)


def test_box_scale_stretches_each_axis() -> None:
    assert Box(1, 2, 3, 4).scale(10, 100).as_tuple() == (10, 200, 30, 400)


@given(BOXES, st.integers(1, 5000), st.integers(1, 5000))
def test_box_clamp_ends_inside_the_picture(box: Box, width: int, height: int) -> None:
    inside = box.clamp(width, height)
    assert 0 <= inside.x1 <= width
    assert 0 <= inside.x2 <= width
    assert 0 <= inside.y1 <= height
    assert 0 <= inside.y2 <= height


@given(BOXES, BOXES)
def test_box_iou_is_symmetric_and_a_share(one: Box, other: Box) -> None:
    assert one.iou(other) == other.iou(one)
    assert 0 <= one.iou(other) <= 1 + 1e-9
