"""k-reciprocal re-ranking against the paper, written with sets and loops."""

from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.ranking.chain import Shortlist
from retrieval.ranking.k_reciprocal import find_distances
from tests.retrieval.ranking.shortlists import TOLERANCE, Reals, draw_shortlist, make_shortlist, shortlists


class Reference:
    """Zhong et al., CVPR 2017, sections 3.2 to 3.5; picture 0 is the query, 1 to n its shortlist."""

    def __init__(self, query: Reals, vectors: Reals) -> None:
        self.pictures = [np.asarray(vector, dtype=np.float64) for vector in (query, *vectors)]
        self.all = range(len(self.pictures))
        self.apart = [[self.measure(a, b) for b in self.all] for a in self.all]

    def measure(self, a: int, b: int) -> float:
        """Distance; rounded, so that a picture that is there twice ties."""
        return round(1 - float(sum(self.pictures[a] * self.pictures[b])), 9)

    def order(self, p: int) -> list[int]:
        """Nearest first, p itself before all, the earlier of equally near ones first."""
        return sorted(self.all, key=lambda g: (g != p, self.apart[p][g], g))

    def near(self, p: int, k: int) -> set[int]:
        """N(p, k), with p itself as the authors' code has it."""
        return set(self.order(p)[: k + 1])

    def mutual(self, p: int, k: int) -> set[int]:
        """R(p, k), equation 2."""
        return {g for g in self.near(p, k) if p in self.near(g, k)}

    def expanded(self, p: int, k1: int) -> set[int]:
        """R*(p, k1), equation 3."""
        start = self.mutual(p, k1)
        members = set(start)
        for c in start:
            smaller = self.mutual(c, round(k1 / 2))
            if 3 * len(start & smaller) > 2 * len(smaller):
                members |= smaller
        return members

    def encode(self, p: int, k1: int) -> list[float]:
        """V_p, equation 5, normalised."""
        members = self.expanded(p, k1)
        weights = [exp(-self.apart[p][g]) if g in members else 0.0 for g in self.all]
        return [weight / sum(weights) for weight in weights]

    def jaccard(self, k1: int, k2: int) -> list[float]:
        """Equations 7 and 6 and the Jaccard distance from the query to each candidate."""
        encoded = [self.encode(p, k1) for p in self.all]
        local = []
        for p in self.all:
            rows = [encoded[g] for g in self.order(p)[:k2]]
            local.append([sum(column) / len(rows) for column in zip(*rows, strict=True)])
        found = []
        for row in local[1:]:
            pairs = list(zip(local[0], row, strict=True))
            found.append(1 - sum(min(pair) for pair in pairs) / sum(max(pair) for pair in pairs))
        return found


@given(shortlists(35), st.integers(1, 25), st.integers(1, 8), st.floats(0, 1))
def test_distances_equal_the_reference(shortlist: Shortlist, k1: int, k2: int, weight: float) -> None:
    found = find_distances(shortlist.query, shortlist.vectors, k1=k1, k2=k2, weight=weight)

    reference = Reference(shortlist.query, shortlist.vectors)
    jaccard = np.array(reference.jaccard(k1, k2))
    original = np.array(reference.apart[0][1:])
    assert found.jaccard == pytest.approx(jaccard, abs=TOLERANCE)
    assert found.original == pytest.approx(original, abs=TOLERANCE)
    assert found.distances == pytest.approx((1 - weight) * jaccard + weight * original, abs=TOLERANCE)


@pytest.mark.parametrize("count", [0, 1, 2, 20, 21, 100])
def test_distances_equal_the_reference_with_the_defaults_of_the_paper(count: int) -> None:
    shortlist = draw_shortlist(count, count)
    found = find_distances(shortlist.query, shortlist.vectors)

    reference = Reference(shortlist.query, shortlist.vectors)
    jaccard = np.array(reference.jaccard(20, 6))
    assert found.distances == pytest.approx(
        0.7 * jaccard + 0.3 * np.array(reference.apart[0][1:]), abs=TOLERANCE
    )


@given(shortlists())
def test_distances_take_similarities_of_the_caller_in_the_original_share_only(shortlist: Shortlist) -> None:
    plain = find_distances(shortlist.query, shortlist.vectors)
    given_ones = np.linspace(1, -1, len(shortlist.vectors))
    found = find_distances(shortlist.query, shortlist.vectors, similarities=given_ones)

    assert found.jaccard == pytest.approx(plain.jaccard)
    assert found.original == pytest.approx(1 - given_ones)
    assert found.distances == pytest.approx(0.7 * plain.jaccard + 0.3 * (1 - given_ones))


@given(shortlists())
def test_jaccard_distance_lies_between_nothing_and_one(shortlist: Shortlist) -> None:
    found = find_distances(shortlist.query, shortlist.vectors)
    assert ((found.jaccard >= 0) & (found.jaccard <= 1)).all()


@given(shortlists(), st.integers(1, 30))
def test_a_candidate_that_is_there_twice_is_as_far_both_times_once_all_are_neighbours(
    shortlist: Shortlist, place: int
) -> None:
    if len(shortlist.vectors):
        vectors = np.vstack([shortlist.vectors, shortlist.vectors[place % len(shortlist.vectors)]])
        found = find_distances(shortlist.query, vectors, k1=100, k2=100)
        assert found.distances[-1] == pytest.approx(found.distances[place % len(shortlist.vectors)])


def test_a_candidate_that_shares_the_neighbours_moves_up_over_a_nearer_stranger() -> None:
    # At 14 degrees a stranger among its own kind; at 16 one of the query's group, to the other side.
    shortlist = make_shortlist(degrees=[4, 8, 12, -14, 16, -15, -16, -17, -18])
    found = find_distances(shortlist.query, shortlist.vectors, k1=4, k2=2)
    stranger, member = 3, 4
    assert shortlist.similarities[stranger] > shortlist.similarities[member]
    assert found.distances[stranger] > found.distances[member]
