"""Several embedders on one gallery: their results fused late (lists) or early (vectors)."""

from collections.abc import Sequence

import numpy as np

from retrieval.ranking.vectors import Doubles, Labels, Reals, scale_to_unit

DEPTH = 750  # candidates that the caller asks of each model
KEEP = 100


def fuse_late(lists: Sequence[tuple[Labels, Reals]], *, keep: int = KEEP) -> tuple[Labels, Doubles]:
    """Similarities summed by region id: ids (n,) and scores (n,), best first, at most `keep`.

    lists: of each model the region ids (n_j,) int64, none twice, and similarities (n_j,) of its nearest
    `DEPTH`, which the caller cuts. A region that a model did not find gains nothing from it, so a score lies
    between -J and J for J models. Of equal scores the smaller id comes first.
    """
    if not lists:
        return np.empty(0, dtype=np.int64), np.empty(0)
    ids, places = np.unique(np.concatenate([found for found, _ in lists]), return_inverse=True)
    similarities = np.concatenate([nearness for _, nearness in lists])
    scores = np.bincount(places, weights=similarities, minlength=len(ids)).astype(np.float64)
    best = np.lexsort((ids, -scores))[:keep]
    return ids[best], scores[best]


def fuse_early(vectors: Sequence[Reals]) -> Reals:
    """The unit vectors (n, d_j) of each model side by side, (n, sum d_j), brought back to unit length.

    The cosine of two fused vectors is the mean of the models' cosines. At least one model.
    """
    return scale_to_unit(np.concatenate(vectors, axis=1))
