import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.metrics import (
    find_acceptance,
    find_average_precision,
    find_mean_average_precision,
    find_percentile,
    find_recall,
)

_SCORES = st.floats(-1, 1, allow_nan=False)


def test_recall_looks_at_the_first_places() -> None:
    rankings = [["a", "b"], ["b", "b", "b", "a"], ["b", "c", "a"]]
    truths = ["a", "a", "a"]
    assert find_recall(rankings, truths, 1) == pytest.approx(1 / 3)
    assert find_recall(rankings, truths, 2) == pytest.approx(1 / 3)
    assert find_recall(rankings, truths, 3) == pytest.approx(2 / 3)
    assert find_recall(rankings, truths, 4) == 1.0


def test_recall_of_an_empty_ranking_is_a_miss() -> None:
    assert find_recall([[], ["a"]], ["a", "a"], 5) == 0.5


def test_recall_without_queries_is_none() -> None:
    assert find_recall([], [], 1) is None


@pytest.mark.parametrize(
    ("ranking", "relevant", "expected"),
    [
        ("aabb", 2, 1.0),
        ("baba", 2, (1 / 2 + 2 / 4) / 2),
        ("bbbb", 3, 0.0),
        ("abab", 4, (1 / 1 + 2 / 3) / 4),  # two of four relevant images are beyond the cut
        ("", 1, 0.0),
    ],
)
def test_average_precision_equals_hand_computed_cases(ranking: str, relevant: int, expected: float) -> None:
    assert find_average_precision(list(ranking), "a", relevant) == pytest.approx(expected)


def test_average_precision_refuses_impossible_counts() -> None:
    with pytest.raises(ValueError, match="at least one relevant"):
        find_average_precision(["a"], "a", 0)
    with pytest.raises(ValueError, match="2 images of a label that has 1"):
        find_average_precision(["a", "a"], "a", 1)


def test_mean_average_precision_is_the_mean_over_queries() -> None:
    assert find_mean_average_precision([["a", "b"], ["a", "b"]], ["a", "b"], [1, 1]) == pytest.approx(0.75)
    assert find_mean_average_precision([], [], []) is None


@given(st.lists(st.sampled_from("ab"), max_size=30), st.integers(0, 5))
def test_average_precision_stays_between_nothing_and_all(ranking: list[str], beyond: int) -> None:
    relevant = ranking.count("a") + beyond
    if relevant:
        value = find_average_precision(ranking, "a", relevant)
        assert 0 <= value <= 1
        assert math.isclose(value, 1.0) == (ranking[:relevant] == ["a"] * relevant)


def test_acceptance_equals_a_hand_computed_case() -> None:
    unknown = [0.1 * number for number in range(1, 11)]  # 0.1 to 1.0
    known = [(0.95, True), (0.85, False), (0.92, True), (0.5, True)]
    found = find_acceptance(known, unknown, 0.1)
    assert found is not None
    # One unknown (1.0) may pass; 0.9 must not, so the threshold is the lowest score above 0.9.
    assert found.threshold == pytest.approx(0.92)
    assert found.false_accepts == pytest.approx(0.1)
    assert found.true_accepts == pytest.approx(2 / 4)


def test_acceptance_does_not_count_wrong_products() -> None:
    found = find_acceptance([(0.9, False)], [0.1], 0.0)
    assert found is not None
    assert found.threshold == 0.9
    assert found.true_accepts == 0.0


def test_acceptance_keeps_ties_with_a_refused_unknown_out() -> None:
    found = find_acceptance([(0.7, True), (0.8, True)], [0.7, 0.7, 0.2], 0.4)
    assert found is not None
    # 0.4 of three is one unknown, but two share 0.7: both stay out.
    assert found.false_accepts == 0.0
    assert found.threshold == 0.8
    assert found.true_accepts == 0.5


def test_acceptance_without_a_score_above_the_unknowns_accepts_nothing() -> None:
    found = find_acceptance([(0.5, True)], [0.6], 0.01)
    assert found is not None
    assert found.threshold is None
    assert found.true_accepts == 0.0


@pytest.mark.parametrize(("known", "unknown"), [([], [0.5]), ([(0.5, True)], [])])
def test_acceptance_without_both_kinds_of_queries_is_none(
    known: list[tuple[float, bool]], unknown: list[float]
) -> None:
    assert find_acceptance(known, unknown, 0.05) is None


@given(
    st.lists(st.tuples(_SCORES, st.booleans()), min_size=1, max_size=40),
    st.lists(_SCORES, min_size=1, max_size=40),
    st.floats(0, 1),
)
def test_acceptance_is_the_best_threshold_within_the_bound(
    known: list[tuple[float, bool]], unknown: list[float], allowed: float
) -> None:
    found = find_acceptance(known, unknown, allowed)
    assert found is not None
    assert found.false_accepts <= allowed + 1e-9
    for threshold in {score for score, _ in known} | set(unknown):
        wrong = sum(score >= threshold for score in unknown) / len(unknown)
        if wrong <= allowed:
            rate = sum(right and score >= threshold for score, right in known) / len(known)
            assert rate <= found.true_accepts


def test_percentile_interpolates_between_neighbours() -> None:
    assert find_percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5
    assert find_percentile([1.0, 2.0, 3.0], 0.95) == pytest.approx(2.9)
    assert find_percentile([7.0], 0.95) == 7.0
    assert find_percentile([], 0.5) is None


@given(st.lists(_SCORES, min_size=1, max_size=30), st.floats(0, 1))
def test_percentile_lies_within_the_values(values: list[float], share: float) -> None:
    found = find_percentile(values, share)
    assert found is not None
    assert min(values) - 1e-9 <= found <= max(values) + 1e-9
