import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from inference.cards import SaliencyRule
from inference.saliency import find_bodies

PLAIN = SaliencyRule(margin=0.0)


def draw_map(*parts: tuple[int, int, int, int, float], side: int = 100) -> npt.NDArray[np.float32]:
    saliency = np.zeros((side, side), np.float32)
    for x1, y1, x2, y2, value in parts:
        saliency[y1:y2, x1:x2] = value
    return saliency


def test_find_bodies_boxes_a_bright_part() -> None:
    (body,) = find_bodies(draw_map((20, 30, 60, 80, 0.9)), PLAIN)
    assert body.box.as_tuple() == pytest.approx((0.2, 0.3, 0.6, 0.8))
    assert body.score == pytest.approx(1.0)


def test_find_bodies_adds_a_margin_inside_the_picture() -> None:
    (body,) = find_bodies(draw_map((0, 30, 50, 80, 0.9)), SaliencyRule(margin=0.04))
    assert body.box.as_tuple() == pytest.approx((0.0, 0.28, 0.52, 0.82))


def test_find_bodies_puts_the_largest_first() -> None:
    small, large = (5, 5, 25, 25, 1.0), (40, 40, 90, 90, 1.0)
    first, second = find_bodies(draw_map(small, large), PLAIN)
    assert first.box.x1 == pytest.approx(0.4)
    assert second.score == pytest.approx(0.4)


@pytest.mark.parametrize("value", [0.0, 0.2, 1.0])
def test_find_bodies_finds_none_in_a_flat_map(value: float) -> None:
    assert find_bodies(np.full((50, 50), value, np.float32), PLAIN) == []


def test_find_bodies_does_not_stretch_nothing_into_a_body() -> None:
    assert find_bodies(draw_map((20, 30, 60, 80, 0.3)), PLAIN) == []
    assert find_bodies(np.full((9, 9), np.nan, np.float32), PLAIN) == []


def test_find_bodies_drops_specks_and_threads() -> None:
    assert find_bodies(draw_map((5, 5, 11, 11, 1.0)), PLAIN) == []
    assert find_bodies(draw_map((5, 50, 95, 52, 1.0)), PLAIN) == []


def test_find_bodies_cuts_a_thread_between_two_bodies() -> None:
    joined = draw_map(
        (10, 10, 40, 40, 1.0), (60, 60, 90, 90, 1.0), (40, 39, 61, 40, 1.0), (60, 39, 61, 61, 1.0)
    )
    assert len(find_bodies(joined, PLAIN)) == 2


@given(arrays(np.float32, (24, 32), elements=st.floats(0, 1, width=32)), st.floats(0, 0.3))
@settings(max_examples=200, deadline=None)
def test_find_bodies_stays_inside_the_picture(saliency: npt.NDArray[np.float32], margin: float) -> None:
    bodies = find_bodies(saliency, SaliencyRule(margin=margin, min_area=0.0, opening=1))
    for body in bodies:
        assert 0 <= body.box.x1 < body.box.x2 <= 1
        assert 0 <= body.box.y1 < body.box.y2 <= 1
        assert 0 < body.score <= 1 + 1e-6
    assert [body.score for body in bodies] == sorted((body.score for body in bodies), reverse=True)
