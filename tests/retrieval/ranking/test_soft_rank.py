import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.ranking.chain import Shortlist
from retrieval.ranking.soft_rank import predict_label, shift_scores, sum_top
from retrieval.ranking.vectors import Labels
from tests.retrieval.ranking.shortlists import TOLERANCE, Reals, shortlists


def predict_by_reference(similarities: Reals, labels: Labels, neighbours: int) -> int:
    nearest = sorted(range(len(labels)), key=lambda place: (-similarities[place], place))[:neighbours]
    sums: dict[int, float] = {}
    for place in nearest:
        label = int(labels[place])
        sums[label] = sums.get(label, 0.0) + max(float(similarities[place]), 0.0)
    best = max(sums.values())
    return next(int(labels[place]) for place in nearest if sums[int(labels[place])] == best)


@given(shortlists(), st.integers(0, 3))
def test_shifted_scores_equal_the_reference(shortlist: Shortlist, query_label: int) -> None:
    assert shortlist.confidences is not None
    found = shift_scores(shortlist.similarities, shortlist.labels, shortlist.confidences, query_label)

    rows = zip(shortlist.similarities, shortlist.labels, shortlist.confidences, strict=True)
    expected = [s + c if label == query_label else s - 0.1 * c for s, label, c in rows]
    assert found == pytest.approx(np.array(expected, dtype=float), abs=TOLERANCE)


@given(shortlists(), st.integers(1, 10))
def test_predicted_label_equals_the_reference(shortlist: Shortlist, neighbours: int) -> None:
    if len(shortlist.labels):
        similarities = shortlist.similarities.astype(np.float64)
        found = predict_label(similarities, shortlist.labels, neighbours)
        assert found == predict_by_reference(similarities, shortlist.labels, neighbours)


@pytest.mark.parametrize(
    ("similarities", "labels", "expected"),
    [
        ([0.9, 0.6, 0.5, 0.99], [1, 2, 2, 2], 2),  # in any order; the fourth is the nearest
        ([0.9, 0.6, 0.5, 0.4], [1, 2, 2, 2], 2),  # two votes of 0.6 and 0.5 beat one of 0.9
        ([0.9, 0.4, 0.3, 0.2], [1, 2, 2, 2], 1),  # the fourth does not vote
        ([0.5, 0.5], [7, 3], 7),  # a tie goes to the nearer
        ([-0.1, -0.2, -0.3], [4, 5, 5], 4),  # nobody has weight: the nearest
        ([0.0], [9], 9),
    ],
)
def test_predicted_label_has_the_greatest_weight_of_the_nearest_three(
    similarities: list[float], labels: list[int], expected: int
) -> None:
    assert predict_label(np.array(similarities), np.array(labels)) == expected


def test_predicted_label_needs_neighbours() -> None:
    with pytest.raises(ValueError, match="without neighbours"):
        predict_label(np.empty(0), np.empty(0, dtype=np.int64))


@given(st.integers(0, 2**32), st.integers(0, 6), st.integers(0, 9), st.integers(1, 5))
def test_sum_of_the_top_equals_the_reference(seed: int, rows: int, columns: int, k: int) -> None:
    cosines = np.random.default_rng(seed).uniform(-1, 1, size=(rows, columns))
    expected = [sum(sorted(row, reverse=True)[:k]) for row in cosines]
    assert sum_top(cosines, k) == pytest.approx(np.array(expected, dtype=float), abs=TOLERANCE)


def test_shift_lifts_the_querys_label_and_takes_nobody_out() -> None:
    scores, labels = np.array([0.9, 0.8, 0.7]), np.array([1, 2, 2])
    shifted = shift_scores(scores, labels, np.array([0.5, 2.0, 1.5]), query_label=2)
    assert list(np.argsort(-shifted)) == [1, 2, 0]
    assert shifted == pytest.approx(np.array([0.85, 2.8, 2.2]))
