"""Re-ranking by k-reciprocal neighbours: two pictures are alike if their neighbours are.

Zhong, Zheng, Cao and Li, "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017, on the
query and its shortlist only. Each picture is its own nearest neighbour, as in the authors' code: N(p, k1) is
p and its k1 nearest others, and the k2 of the local query expansion (section 3.4) count p itself.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.ranking.vectors import Doubles, Reals

# The same picture twice must tie whatever order the sums were made in; real neighbours differ by far more.
_DECIMALS = 9

_Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class KReciprocal:
    """Distances from the query to each of the n candidates, smaller is nearer; float64 (n,) each.

    distances  (1 - weight) jaccard + weight original
    jaccard    Jaccard distance of the encoded neighbourhoods, 0 to 1
    original   1 - similarity, 0 to 2 for a cosine
    """

    distances: Doubles
    jaccard: Doubles
    original: Doubles


def find_distances(
    query: Reals,
    vectors: Reals,
    *,
    k1: int = 20,
    k2: int = 6,
    weight: float = 0.3,
    similarities: Reals | None = None,
) -> KReciprocal:
    """Distances from the query (d,) to the candidates (n, d), all of unit length; n may be 0.

    weight is lambda, the share of the original distance in the result. similarities (n,) take the place of
    the cosines q.v_i in that share only; the neighbourhoods always come from the vectors. Of equally near
    neighbours the earlier one counts as nearer, the query first.
    """
    apart = _measure_all(np.vstack([query[np.newaxis], vectors]))
    original = apart[0, 1:] if similarities is None else 1.0 - similarities.astype(np.float64)
    encoded = _expand_locally(_encode(apart, nearest := _order_neighbours(apart), k1), nearest, k2)
    shared = np.minimum(encoded[0], encoded[1:]).sum(axis=1)
    jaccard = np.maximum(1.0 - shared / (2.0 - shared), 0.0)  # rows sum to 1, so the union is 2 - shared
    return KReciprocal((1.0 - weight) * jaccard + weight * original, jaccard, original)


def _measure_all(vectors: Reals) -> Doubles:
    """1 - cosine of all pairs (m, m), in double precision so that the order of neighbours is exact."""
    exact = vectors.astype(np.float64)
    apart: Doubles = np.round(1.0 - exact @ exact.T, _DECIMALS)
    return apart


def _order_neighbours(apart: Doubles) -> npt.NDArray[np.intp]:
    """Row p: all pictures, nearest to p first, p itself before its duplicates."""
    keys = apart.copy()
    np.fill_diagonal(keys, -1.0)
    return np.argsort(keys, axis=1, kind="stable")


def _encode(apart: Doubles, nearest: npt.NDArray[np.intp], k1: int) -> Doubles:
    """Row p: exp(-d) over the expanded set R*(p, k1), 0 elsewhere, summing to 1 (equations 3 to 5)."""
    mutual = _find_mutual(nearest, k1)
    smaller = _find_mutual(nearest, round(k1 / 2))
    overlap = mutual @ smaller.T  # |R(p, k1) n R(c, k1/2)|; counts up to m, exact in float32
    joins = mutual * (3 * overlap > 2 * smaller.sum(axis=1))
    members = (mutual + joins @ smaller) > 0
    weights = np.where(members, np.exp(-apart), 0.0)
    encoded: Doubles = weights / weights.sum(axis=1, keepdims=True)
    return encoded


def _find_mutual(nearest: npt.NDArray[np.intp], k: int) -> _Matrix:
    """R(p, k) as rows of zeros and ones: those in the first k of p that have p in their first k."""
    near = np.zeros(nearest.shape, dtype=np.float32)
    np.put_along_axis(near, nearest[:, : k + 1], 1.0, axis=1)
    return near * near.T


def _expand_locally(encoded: Doubles, nearest: npt.NDArray[np.intp], k2: int) -> Doubles:
    """Row p: the mean of the rows of its k2 nearest, p among them (equation 7)."""
    averaged: Doubles = encoded[nearest[:, :k2]].mean(axis=1)
    return averaged
