"""Database augmentation: each vector of a gallery moves towards its nearest neighbours.

Turcot and Lowe, "Better matching with fewer features", ICCV workshops 2009; weighted as alpha-QE is (Gordo,
Almazan, Revaud and Larlus, "End-to-end Learning of Deep Visual Representations", IJCV 2017, section 5.1).
"""

import numpy as np
import numpy.typing as npt

from retrieval.ranking.vectors import Reals, scale_to_unit, weigh_similarities

_COLUMNS = 8192  # of a similarity block, which bounds the memory for a gallery of any size


def augment(vectors: Reals, neighbours: Reals, alpha: float = 3.0) -> Reals:
    """The unit vectors (n, d) of v + sum s^alpha u over the neighbours u of each v, s = v.u.

    vectors (n, d) and neighbours (n, k, d) are of unit length; a vector is not among its own neighbours.
    Those with a negative similarity take no part.
    """
    similarities = np.einsum("nkd,nd->nk", neighbours, vectors)
    weights = weigh_similarities(similarities, alpha)
    return scale_to_unit(vectors + np.einsum("nk,nkd->nd", weights, neighbours))


def augment_all(vectors: Reals, k: int, alpha: float = 3.0, block: int = 1024) -> Reals:
    """Each vector of a gallery (n, d) augmented by its k nearest others, found by brute force.

    Takes n^2 d steps, `block` rows at a time. The vectors given stay as they are: every augmented one is made
    of vectors as they were embedded.
    """
    augmented = np.empty_like(vectors)
    for start in range(0, len(vectors), block):
        rows = vectors[start : start + block]
        nearest = _find_others(vectors, start, len(rows), k)
        augmented[start : start + block] = augment(rows, vectors[nearest], alpha)
    return augmented


def _find_others(vectors: Reals, start: int, count: int, k: int) -> npt.NDArray[np.int64]:
    """Places (count, k) of the nearest others of the rows from `start` on, in no order; all where n <= k."""
    wanted = min(k, len(vectors) - 1)
    rows = np.arange(start, start + count)
    best = np.empty((count, 0), dtype=vectors.dtype)
    places = np.empty((count, 0), dtype=np.int64)
    for left in range(0, len(vectors), _COLUMNS):
        columns = np.arange(left, min(left + _COLUMNS, len(vectors)))
        similarities = vectors[start : start + count] @ vectors[left : left + _COLUMNS].T
        similarities[rows[:, np.newaxis] == columns] = -np.inf
        best = np.hstack([best, similarities])
        places = np.hstack([places, np.broadcast_to(columns, similarities.shape)])
        kept = np.argpartition(-best, min(wanted, best.shape[1] - 1), axis=1)[:, :wanted]
        best, places = np.take_along_axis(best, kept, axis=1), np.take_along_axis(places, kept, axis=1)
    return places
