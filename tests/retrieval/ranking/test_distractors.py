import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.ranking.chain import Shortlist
from retrieval.ranking.distractors import find_query_penalty, penalise
from tests.retrieval.ranking.shortlists import TOLERANCE, Reals, make_shortlist, shortlists


def find_mean_by_reference(vector: Reals, negatives: Reals | None, k: int) -> float:
    assert negatives is not None
    cosines = sorted((float(sum(vector * negative)) for negative in negatives), reverse=True)[:k]
    return sum(cosines) / len(cosines) if cosines else 0.0


@given(shortlists(), st.integers(1, 15), st.floats(0.5, 3))
def test_penalised_scores_equal_the_reference(shortlist: Shortlist, k: int, stretch: float) -> None:
    assert shortlist.negatives is not None
    scores = shortlist.similarities * stretch
    found = penalise(scores, shortlist.vectors, shortlist.negatives, k)

    terms = [find_mean_by_reference(vector, shortlist.negatives, k) for vector in shortlist.vectors]
    expected = [min(max(float(score), 0.0), 1.0) - term for score, term in zip(scores, terms, strict=True)]
    assert found.terms == pytest.approx(np.array(terms, dtype=float), abs=TOLERANCE)
    assert found.scores == pytest.approx(np.array(expected, dtype=float), abs=TOLERANCE)


@given(shortlists(), st.integers(1, 15))
def test_penalty_of_the_query_equals_the_reference(shortlist: Shortlist, k: int) -> None:
    assert shortlist.negatives is not None
    expected = find_mean_by_reference(shortlist.query, shortlist.negatives, k)
    assert find_query_penalty(shortlist.query, shortlist.negatives, k) == pytest.approx(
        expected, abs=TOLERANCE
    )


def test_a_candidate_that_resembles_the_negatives_falls_behind() -> None:
    shortlist = make_shortlist(degrees=[10, -12])
    negatives = make_shortlist(degrees=[20, 25, 30]).vectors
    found = penalise(shortlist.similarities, shortlist.vectors, negatives)
    assert found.scores[0] < found.scores[1]


def test_a_query_amid_the_negatives_loses_nearly_all() -> None:
    shortlist = make_shortlist(degrees=[0, 1, -1])
    assert find_query_penalty(shortlist.query, shortlist.vectors) > 0.999
    assert find_query_penalty(shortlist.query, make_shortlist(degrees=[90]).vectors) == pytest.approx(0)
