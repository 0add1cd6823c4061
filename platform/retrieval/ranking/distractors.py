"""Distractors: what looks like a tenant's known non-products is less likely to be a product."""

from dataclasses import dataclass

import numpy as np

from retrieval.ranking.vectors import Doubles, Reals, find_top_mean


@dataclass(frozen=True)
class Penalty:
    """Penalised scores and what each lost; float64 (n,) each."""

    scores: Doubles
    terms: Doubles


def penalise(similarities: Reals, vectors: Reals, negatives: Reals, k: int = 5) -> Penalty:
    """clamp(s_i, 0, 1) less the mean of the k largest cosines of candidate i to the negatives.

    similarities (n,), vectors (n, d), negatives (m, d); vectors of unit length. With fewer than k negatives
    the mean is of those there are, without any it is 0.
    """
    terms = find_top_mean(vectors @ negatives.T, k) if len(negatives) else np.zeros(len(vectors))
    return Penalty(np.clip(similarities.astype(np.float64), 0.0, 1.0) - terms, terms)


def find_query_penalty(query: Reals, negatives: Reals, k: int = 10) -> float:
    """What the final confidence loses: the mean of the k largest cosines of the query (d,) to (m, d).

    With fewer than k negatives the mean is of those there are, without any it is 0. Cosines may be negative,
    and so may the penalty.
    """
    return float(find_top_mean(negatives @ query, k)) if len(negatives) else 0.0
