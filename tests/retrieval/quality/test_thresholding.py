import numpy as np
import pytest

from retrieval.quality.thresholding import settle_threshold

GENUINE = np.linspace(0.5, 0.9, 40).tolist()
IMPOSTORS = np.linspace(0.0, 0.6, 100).tolist()


def test_threshold_accepts_at_most_the_allowed_share_of_impostors() -> None:
    result = settle_threshold(GENUINE, IMPOSTORS, false_accept_rate=0.05)
    assert result.threshold is not None
    assert sum(score >= result.threshold for score in IMPOSTORS) == 5
    assert result.false_accepts == 0.05
    assert result.genuine_accepts == sum(score >= result.threshold for score in GENUINE) / 40
    assert result.message == ""


def test_threshold_is_the_lowest_that_keeps_to_the_share() -> None:
    result = settle_threshold(GENUINE, IMPOSTORS, false_accept_rate=0.05)
    kept_out = sorted(IMPOSTORS)[-6]
    assert result.threshold == np.nextafter(kept_out, 1)


@pytest.mark.parametrize(
    ("genuine", "impostors", "told"),
    [
        (29, 100, "1 more genuine scores are needed (29 of 30)"),
        (40, 12, "38 more impostor scores are needed (12 of 50)"),
    ],
)
def test_too_little_data_is_told_with_what_is_lacking(genuine: int, impostors: int, told: str) -> None:
    result = settle_threshold(GENUINE[:genuine], IMPOSTORS[:impostors], false_accept_rate=0.05)
    assert result.threshold is None
    assert result.genuine_accepts is None
    assert told in result.message
    assert result.message.count("needed") == 1
    assert (result.genuine, result.impostors) == (genuine, impostors)
    assert result.curve is not None


def test_no_data_at_all_has_no_curve_and_names_both_lacks() -> None:
    result = settle_threshold([], [], false_accept_rate=0.05)
    assert (result.threshold, result.curve) == (None, None)
    assert result.message.count("needed") == 2
    assert len(result.message) <= 500


def test_same_picture_of_two_products_leaves_the_threshold_at_one_and_says_so() -> None:
    result = settle_threshold([1.0] * 40, [1.0] * 50, false_accept_rate=0.0)
    assert result.threshold == 1.0
    assert result.false_accepts == 1.0
    assert "added twice" in result.message


def test_curve_has_at_most_200_points_and_falls() -> None:
    scores = np.random.default_rng(0).random(3000)
    result = settle_threshold(scores[:1000].tolist(), scores[1000:].tolist(), false_accept_rate=0.05)
    assert result.curve is not None
    assert len(result.curve.thresholds) == 200
    assert (np.diff(result.curve.thresholds) > 0).all()
    assert (np.diff(result.curve.false_accepts) <= 0).all()
