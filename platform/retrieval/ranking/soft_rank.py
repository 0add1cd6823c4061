"""Soft up- and down-ranking by the query's likely label.

Henkel, "Efficient large-scale image retrieval with deep feature orthogonality and Hybrid-Swin-Transformers"
(Google Landmark Retrieval 2021, first place). No candidate is ever taken out.
"""

import numpy as np

from retrieval.ranking.vectors import Doubles, Labels, Reals, order_best_first

DOWN_SHARE = 0.1


def shift_scores(scores: Reals, labels: Labels, confidences: Reals, query_label: int) -> Doubles:
    """s_i + c_i where the label is the query's, s_i - 0.1 c_i elsewhere; all (n,), the result float64.

    confidences: c_i of `sum_top`, so a shift is on the scale of a few cosines.
    """
    shifts = find_shifts(labels, confidences, query_label)
    return scores.astype(np.float64) + shifts


def find_shifts(labels: Labels, confidences: Reals, query_label: int) -> Doubles:
    """What each score (n,) is moved by."""
    same = labels == query_label
    return np.where(same, confidences, -DOWN_SHARE * confidences).astype(np.float64)


def predict_label(similarities: Reals, labels: Labels, neighbours: int = 3) -> int:
    """L(q): the label that the nearest candidates vote for, each with its similarity (below 0 counts as 0).

    similarities and labels are (n,) in any order, n at least 1. Of equal sums, the label with the nearest
    candidate wins.
    """
    if not len(labels):
        raise ValueError("a label cannot be predicted without neighbours")
    nearest = order_best_first(similarities)[:neighbours]
    weights = np.maximum(similarities[nearest], 0.0)
    known, first, voted = np.unique(labels[nearest], return_index=True, return_inverse=True)
    sums = np.bincount(voted, weights=weights)
    return int(known[np.lexsort((first, -sums))[0]])


def sum_top(cosines: Reals, k: int = 3) -> Doubles:
    """c_i (n,): sum of the k largest cosines of i to m other labelled images (n, m); of all where m < k.

    The caller leaves out the cosine of i to itself. Without others (m = 0) the sum is 0.
    """
    kept = min(k, cosines.shape[1])
    if not kept:
        return np.zeros(len(cosines))
    top = np.partition(cosines, -kept, axis=1)[:, -kept:]
    return np.asarray(top.sum(axis=1, dtype=np.float64))
