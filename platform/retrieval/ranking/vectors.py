"""Kinds of arrays that ranking works on, and the few things every module does with them."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Reals: TypeAlias = npt.NDArray[np.floating[Any]]
Doubles: TypeAlias = npt.NDArray[np.float64]
Labels: TypeAlias = npt.NDArray[np.int64]


def scale_to_unit(vectors: Reals) -> Reals:
    """The vectors (..., d) at length 1, in their own precision; one of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Reals = vectors / np.where(lengths > 0, lengths, 1)
    return unit


def find_top_mean(similarities: Reals, k: int) -> Doubles:
    """Mean of the k largest of the last axis (..., m), or of all m where m < k; float64. m is at least 1."""
    kept = min(k, similarities.shape[-1])
    top = np.partition(similarities, -kept, axis=-1)[..., -kept:]
    return np.asarray(top.mean(axis=-1, dtype=np.float64))


def order_best_first(scores: Reals) -> npt.NDArray[np.intp]:
    """Places (n,) by score, best first; of equal scores the earlier place first."""
    return np.argsort(-scores, kind="stable")


def weigh_similarities(similarities: Reals, alpha: float) -> Reals:
    """s^alpha, and 0 for a negative s even where alpha is 0; the same shape."""
    weights: Reals = np.maximum(similarities, 0.0) ** alpha * (similarities >= 0)
    return weights
