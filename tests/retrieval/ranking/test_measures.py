"""Measures against those of the demo, which are written with lists, and by their properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo import metrics
from retrieval.ranking.measures import (
    choose_threshold,
    find_average_precision,
    find_recall,
    trace_acceptance,
)

_LABELS = st.lists(st.integers(0, 3), max_size=12)
_SCORES = st.floats(-1, 1) | st.sampled_from([0.0, 0.5, 0.9, 1.0])
_SHARES = st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.05, 0.5, 1.0])


@given(st.lists(st.tuples(_LABELS, st.integers(0, 3)), max_size=8), st.integers(1, 6))
def test_recall_equals_that_of_lists(queries: list[tuple[list[int], int]], k: int) -> None:
    rankings = [np.array(ranking, dtype=np.int64) for ranking, _ in queries]
    truths = [truth for _, truth in queries]
    words = [[str(label) for label in ranking] for ranking, _ in queries]
    assert find_recall(rankings, truths, k) == metrics.find_recall(words, [str(t) for t in truths], k)


@given(_LABELS, st.integers(0, 5))
def test_average_precision_equals_that_of_lists(ranking: list[int], beyond: int) -> None:
    relevant = max(ranking.count(1) + beyond, 1)
    found = find_average_precision(np.array(ranking, dtype=np.int64), 1, relevant)
    words = [str(label) for label in ranking]
    assert found == pytest.approx(metrics.find_average_precision(words, "1", relevant))


def test_average_precision_counts_what_a_cut_ranking_lost() -> None:
    assert find_average_precision(np.array([1, 0, 1, 0]), 1, 4) == pytest.approx((1 / 1 + 2 / 3) / 4)


def test_average_precision_refuses_impossible_counts() -> None:
    with pytest.raises(ValueError, match="at least one relevant"):
        find_average_precision(np.array([1]), 1, 0)
    with pytest.raises(ValueError, match="2 images of a label that has 1"):
        find_average_precision(np.array([1, 1]), 1, 1)


@given(st.lists(_SCORES, min_size=1, max_size=40), st.lists(_SCORES, min_size=1, max_size=40))
def test_curve_equals_counting_at_every_score_that_occurs(
    genuine: list[float], impostors: list[float]
) -> None:
    curve = trace_acceptance(np.array(genuine), np.array(impostors))

    assert curve.thresholds.tolist() == sorted({*genuine, *impostors})
    for place, threshold in enumerate(curve.thresholds):
        accepted = sum(score >= threshold for score in genuine) / len(genuine)
        wrong = sum(score >= threshold for score in impostors) / len(impostors)
        assert curve.genuine_accepts[place] == pytest.approx(accepted)
        assert curve.false_accepts[place] == pytest.approx(wrong)


def test_curve_of_many_scores_has_two_hundred_points_from_end_to_end() -> None:
    rng = np.random.default_rng(3)
    genuine, impostors = rng.normal(0.8, 0.1, 5000), rng.normal(0.3, 0.1, 5000)
    curve = trace_acceptance(genuine, impostors)

    assert len(curve.thresholds) == len(curve.genuine_accepts) == len(curve.false_accepts) == 200
    assert (np.diff(curve.thresholds) > 0).all()
    assert (np.diff(curve.false_accepts) <= 0).all()
    assert curve.thresholds[0] == impostors.min()
    assert curve.thresholds[-1] == genuine.max()
    middle = curve.thresholds[100]
    assert curve.genuine_accepts[100] == pytest.approx((genuine >= middle).mean())
    assert curve.false_accepts[100] == pytest.approx((impostors >= middle).mean())


@pytest.mark.parametrize(("genuine", "impostors"), [([], [0.5]), ([0.5], []), ([], [])])
def test_curve_needs_scores_of_both_kinds(genuine: list[float], impostors: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one genuine and one impostor"):
        trace_acceptance(np.array(genuine), np.array(impostors))


@given(st.lists(_SCORES, min_size=1, max_size=40), st.lists(_SCORES, min_size=1, max_size=40), _SHARES)
def test_threshold_accepts_what_the_demos_accepts(
    impostors: list[float], genuine: list[float], allowed: float
) -> None:
    threshold = choose_threshold(np.array(impostors), allowed)
    assert threshold is not None
    wrong = sum(score >= threshold for score in impostors)
    assert wrong <= allowed * len(impostors) + 1e-6

    demo = metrics.find_acceptance([(score, True) for score in genuine], impostors, allowed)
    assert demo is not None
    assert demo.false_accepts == wrong / len(impostors)
    if wrong < len(impostors):
        assert demo.true_accepts == sum(score >= threshold for score in genuine) / len(genuine)


@given(st.lists(_SCORES, min_size=1, max_size=40), _SHARES)
def test_threshold_is_the_lowest_that_keeps_the_bound(impostors: list[float], allowed: float) -> None:
    threshold = choose_threshold(np.array(impostors), allowed)
    assert threshold is not None
    just_below = sum(score >= np.nextafter(threshold, -np.inf) for score in impostors) / len(impostors)
    assert just_below > allowed or threshold == min(impostors)


def test_threshold_leaves_single_precision_scores_out_too() -> None:
    impostors = np.array([0.7, 0.9], dtype=np.float32)
    threshold = choose_threshold(impostors, 0.0)
    assert threshold is not None
    assert not any(float(score) >= threshold for score in impostors)


def test_threshold_without_impostors_is_none() -> None:
    assert choose_threshold(np.empty(0), 0.05) is None


def test_threshold_exceeds_one_where_an_impostor_is_the_same_picture() -> None:
    threshold = choose_threshold(np.array([1.0, 0.2]), 0.1)
    assert threshold is not None
    assert threshold > 1


def test_recall_without_queries_is_none() -> None:
    assert find_recall([], [], 1) is None
