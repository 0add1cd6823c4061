import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.ranking.chain import Shortlist
from retrieval.ranking.query_expansion import expand_alpha, expand_average
from tests.retrieval.ranking.shortlists import TOLERANCE, make_shortlist, normalise, shortlists

_WIDTHS = st.integers(1, 20)


@given(shortlists(), _WIDTHS)
def test_average_expansion_equals_the_reference(shortlist: Shortlist, k: int) -> None:
    total = shortlist.query.astype(np.float64)
    for vector, similarity in list(zip(shortlist.vectors, shortlist.similarities, strict=True))[:k]:
        if similarity >= 0:
            total = total + vector
    found = expand_average(shortlist.query, shortlist.vectors, k)
    assert found == pytest.approx(normalise(total), abs=TOLERANCE)


@given(shortlists(), _WIDTHS, st.floats(0.1, 10))
def test_alpha_expansion_equals_the_reference(shortlist: Shortlist, k: int, alpha: float) -> None:
    total = shortlist.query.astype(np.float64)
    for vector, similarity in list(zip(shortlist.vectors, shortlist.similarities, strict=True))[:k]:
        total = total + max(float(similarity), 0.0) ** alpha * vector
    found = expand_alpha(shortlist.query, shortlist.vectors, k, alpha)
    assert found == pytest.approx(normalise(total), abs=TOLERANCE)


@given(shortlists(), _WIDTHS)
def test_expanded_query_keeps_length_and_precision(shortlist: Shortlist, k: int) -> None:
    for found in (
        expand_average(shortlist.query, shortlist.vectors, k),
        expand_alpha(shortlist.query, shortlist.vectors, k),
    ):
        assert np.linalg.norm(found) == pytest.approx(1, abs=TOLERANCE)
        assert found.dtype == shortlist.query.dtype


def test_expanded_query_moves_towards_its_neighbours_and_less_so_by_alpha() -> None:
    shortlist = make_shortlist(degrees=[40, 50])
    average = expand_average(shortlist.query, shortlist.vectors, 2)
    weighted = expand_alpha(shortlist.query, shortlist.vectors, 2)
    angles = [np.degrees(np.arctan2(vector[1], vector[0])) for vector in (weighted, average)]
    assert 0 < angles[0] < angles[1] < 45


def test_expanded_query_stays_where_every_candidate_points_away() -> None:
    shortlist = make_shortlist(degrees=[100, 180])
    assert expand_average(shortlist.query, shortlist.vectors, 2) == pytest.approx(shortlist.query)
    assert expand_alpha(shortlist.query, shortlist.vectors, 2) == pytest.approx(shortlist.query)


def test_expanded_query_takes_no_part_from_a_vector_of_zeros() -> None:
    shortlist = make_shortlist(degrees=[0])
    found = expand_average(shortlist.query, np.vstack([np.zeros(2), shortlist.vectors]), 5)
    assert found == pytest.approx(shortlist.query)
