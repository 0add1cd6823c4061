"""Figures of retrieval quality. Rankings are lists of labels, best first; scores are similarities."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor


def find_recall(rankings: Sequence[Sequence[str]], truths: Sequence[str], k: int) -> float | None:
    """Recall@k: share of queries whose label is among the first k of their ranking; None for no queries.

    Of images for `search` (several may show one product), of products for `recognize`.
    """
    if not truths:
        return None
    hits = [truth in ranking[:k] for ranking, truth in zip(rankings, truths, strict=True)]
    return sum(hits) / len(hits)


def find_average_precision(ranking: Sequence[str], truth: str, relevant: int) -> float:
    """Average precision over a ranking of images: mean of the precision at each relevant image.

    `relevant` is how many images of the label the gallery has; those missing from a cut ranking count as zero
    precision (Manning et al., Introduction to Information Retrieval, section 8.4).
    """
    if relevant < 1:
        raise ValueError("average precision needs at least one relevant image")
    hits, total = 0, 0.0
    for place, label in enumerate(ranking, start=1):
        if label == truth:
            hits += 1
            total += hits / place
    if hits > relevant:
        raise ValueError(f"the ranking holds {hits} images of a label that has {relevant}")
    return total / relevant


def find_mean_average_precision(
    rankings: Sequence[Sequence[str]], truths: Sequence[str], relevant: Sequence[int]
) -> float | None:
    """mAP: the mean of the average precisions; None without queries."""
    if not truths:
        return None
    cases = zip(rankings, truths, relevant, strict=True)
    return sum(find_average_precision(*case) for case in cases) / len(truths)


@dataclass(frozen=True)
class Acceptance:
    """True accepts at a bound on false accepts. `false_accepts` is the share really reached.

    A threshold of None means that no score in the data keeps enough unknowns out, so nothing is accepted.
    """

    allowed: float
    threshold: float | None
    false_accepts: float
    true_accepts: float


def find_acceptance(
    known: Sequence[tuple[float, bool]], unknown: Sequence[float], allowed: float
) -> Acceptance | None:
    """The true-accept rate with the lowest threshold that falsely accepts at most `allowed` of the unknowns.

    known: (best score, whether the best product is right) of each query whose product is in the gallery;
    unknown: best scores of the others. A query is accepted when its score is *at least* the threshold, so
    ties at the bound are all kept out. A known one is truly accepted if its best product is right as well.
    None where either list is empty.
    """
    if not known or not unknown:
        return None
    threshold = _choose_threshold(unknown, [score for score, _ in known], allowed)
    if threshold is None:
        return Acceptance(allowed, None, 0.0, 0.0)
    accepted = sum(right and score >= threshold for score, right in known)
    wrong = sum(score >= threshold for score in unknown)
    return Acceptance(allowed, threshold, wrong / len(unknown), accepted / len(known))


def _choose_threshold(unknown: Sequence[float], known: Sequence[float], allowed: float) -> float | None:
    """The lowest score that occurs and keeps all but the allowed share of unknowns out."""
    spare = floor(allowed * len(unknown) + 1e-9)
    ordered = sorted(unknown, reverse=True)
    if spare >= len(ordered):
        return min(*unknown, *known)
    above = [score for score in (*known, *unknown) if score > ordered[spare]]
    return min(above, default=None)


def find_percentile(values: Sequence[float], share: float) -> float | None:
    """The value that `share` (0..1) of the values do not exceed, interpolated; None for no values."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
