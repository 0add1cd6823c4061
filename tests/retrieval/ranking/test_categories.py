import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.ranking.categories import CategoryVote, vote

# Eighths, so that sums are exact in any order.
_CANDIDATES = st.lists(st.tuples(st.sampled_from(["", "tea", "jam", "oil"]), st.integers(-2, 8)), max_size=30)


def vote_by_reference(
    candidates: list[tuple[str, float]], label: str | None, votes: int
) -> tuple[str, float] | None:
    nearest = sorted(candidates, key=lambda candidate: -candidate[1])[:votes]
    ballots = [(category, weight) for category, weight in nearest if category and weight > 0]
    if label:
        ballots.append((label, nearest[0][1] if ballots else 1.0))
    total = sum(weight for _, weight in ballots)
    sums = [(sum(w for c, w in ballots if c == category), category) for category, _ in ballots]
    best = max((weight for weight, _ in sums), default=0.0)
    return next(((category, best / total) for weight, category in sums if weight == best), None)


@given(_CANDIDATES, st.sampled_from([None, "", "tea", "soap"]), st.integers(1, 25))
def test_vote_equals_the_reference(eighths: list[tuple[str, int]], label: str | None, votes: int) -> None:
    candidates = [(category, weight / 8) for category, weight in eighths]
    similarities = np.array([weight for _, weight in candidates], dtype=float)
    found = vote([category for category, _ in candidates], similarities, detector_label=label, votes=votes)

    expected = vote_by_reference(candidates, label, votes)
    assert (found is None) == (expected is None)
    if found and expected:
        assert found.category == expected[0]
        assert found.share == pytest.approx(expected[1])


@pytest.mark.parametrize(
    ("categories", "similarities", "label", "expected"),
    [
        ([], [], None, None),
        (["", ""], [0.9, 0.8], None, None),
        (["tea"], [-0.1], None, None),
        ([], [], "jam", CategoryVote("jam", 1.0)),
        (["", "tea"], [0.9, -0.1], "jam", CategoryVote("jam", 1.0)),
        (["tea", "jam", "jam"], [0.75, 0.5, 0.5], None, CategoryVote("jam", 1.0 / 1.75)),
        (["tea", "jam", "jam"], [0.75, 0.5, 0.5], "tea", CategoryVote("tea", 1.5 / 2.5)),
        (["tea", "jam"], [0.5, 0.5], None, CategoryVote("tea", 0.5)),
    ],
)
def test_vote_weighs_by_similarity_and_lets_the_detector_vote_once(
    categories: list[str], similarities: list[float], label: str | None, expected: CategoryVote | None
) -> None:
    assert vote(categories, np.array(similarities), detector_label=label) == expected


def test_vote_counts_the_nearest_twenty_only() -> None:
    categories = ["tea"] * 20 + ["jam"] * 80
    similarities = np.concatenate([np.full(20, 0.5), np.full(80, 0.4)])
    assert vote(categories, similarities) == CategoryVote("tea", 1.0)
    assert vote(categories[::-1], similarities[::-1]) == CategoryVote("tea", 1.0)
