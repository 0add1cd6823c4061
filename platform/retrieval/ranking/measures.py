"""Figures of retrieval quality, for evaluation and calibration. Scores are similarities, larger is better.

The same definitions as `demo.metrics`, on arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from retrieval.ranking.vectors import Doubles, Labels, Reals

CURVE_POINTS = 200


@dataclass(frozen=True)
class Curve:
    """What is accepted at rising thresholds, float64 (t,) each; accepted means score >= threshold.

    genuine_accepts and false_accepts are the shares (0 to 1) of genuine and impostor scores accepted.
    """

    thresholds: Doubles
    genuine_accepts: Doubles
    false_accepts: Doubles


def find_recall(rankings: Sequence[Labels], truths: Sequence[int] | Labels, k: int) -> float | None:
    """Recall@k: share of queries whose label is among the first k of their ranking (n_q,); None for none."""
    if not len(truths):
        return None
    hits = [bool((ranking[:k] == truth).any()) for ranking, truth in zip(rankings, truths, strict=True)]
    return sum(hits) / len(hits)


def find_average_precision(ranking: Labels, truth: int, relevant: int) -> float:
    """Average precision over a ranking of labels (n,), best first, that may be cut.

    `relevant` is how many images of the label the gallery has; those missing from a cut ranking count as zero
    precision (Manning et al., Introduction to Information Retrieval, section 8.4).
    """
    if relevant < 1:
        raise ValueError("average precision needs at least one relevant image")
    places = np.flatnonzero(ranking == truth) + 1
    if len(places) > relevant:
        raise ValueError(f"the ranking holds {len(places)} images of a label that has {relevant}")
    return float((np.arange(1, len(places) + 1) / places).sum()) / relevant


def trace_acceptance(genuine: Reals, impostors: Reals, *, points: int = CURVE_POINTS) -> Curve:
    """How many genuine (g,) and impostor (i,) scores each threshold accepts, at most `points` thresholds.

    Thresholds are scores that occur, from the lowest to the highest of both; where there are more of them
    than points, evenly spread by rank. Raises ValueError where either side is empty.
    """
    if not len(genuine) or not len(impostors):
        raise ValueError("an acceptance curve needs at least one genuine and one impostor score")
    scores = np.unique(np.concatenate([genuine, impostors]).astype(np.float64))
    if len(scores) > points:
        scores = scores[np.linspace(0, len(scores) - 1, points).round().astype(np.intp)]
    return Curve(scores, _find_accepts(genuine, scores), _find_accepts(impostors, scores))


def _find_accepts(scores: Reals, thresholds: Doubles) -> Doubles:
    """The share of scores that are at least each threshold."""
    ordered = np.sort(scores.astype(np.float64))
    below = np.searchsorted(ordered, thresholds, side="left")
    return np.asarray(1.0 - below / len(ordered), dtype=np.float64)


def choose_threshold(impostors: Reals, allowed: float) -> float | None:
    """The lowest threshold that accepts at most the share `allowed` (0 to 1) of the impostors (i,).

    It lies just above the best impostor that must stay out, so ties with that one are all kept out and any
    score above it is accepted: the same scores that `demo.metrics` accepts, whose thresholds are scores that
    occur. Where all impostors may pass, it is the lowest of them; None without impostors. It exceeds 1 where
    an impostor whose cosine is 1 must stay out.
    """
    if not len(impostors):
        return None
    ordered = np.sort(impostors.astype(np.float64))[::-1]
    spare = floor(allowed * len(ordered) + 1e-9)
    if spare >= len(ordered):
        return float(ordered[-1])
    return float(np.nextafter(ordered[spare], np.inf))
