"""Figures of one way of ranking, out of what it answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.ranking.measures import choose_threshold, find_average_precision, find_recall

Labels = npt.NDArray[np.int64]
FALSE_ACCEPT_RATES = (0.01, 0.05)
_DIGITS = 6


@dataclass(frozen=True)
class Answer:
    """What became of one photo. Products are numbers.

    truth     the photo's product; None for a stranger
    products  (p,) products, best first
    images    (m,) products of the reference photos found, best first, each photo once
    relevant  how many photos of the product could be found
    score     confidence of the first product
    named     whether that was accepted at the gallery's threshold
    """

    truth: int | None
    products: Labels
    images: Labels
    relevant: int
    score: float
    named: bool

    @property
    def right(self) -> bool:
        """Whether the first product is the photo's."""
        return bool(len(self.products)) and int(self.products[0]) == self.truth


def find_figures(known: Sequence[Answer], strangers: Sequence[Answer]) -> dict[str, Any]:
    """The figures as JSON values; None where nothing was asked that they could be counted on.

    recall_at_1, recall_at_5  shares of known photos whose product is first, or among the first five
    image_recall_at_1         share whose nearest reference photo shows their product
    mean_average_precision    over the reference photos found; those that a shortlist cuts off count as missed
    open_set                  for each false-accept rate the threshold that keeps to it, the share of known
                              photos that it names rightly, and the share of strangers that it really names
    at_threshold              the same at the gallery's threshold, with known photos that are named wrongly
    """
    truths = [answer.truth for answer in known if answer.truth is not None]
    if len(truths) != len(known):
        raise ValueError("a known photo has a product")
    rankings = [answer.products for answer in known]
    return {
        "recall_at_1": _round(find_recall(rankings, truths, 1)),
        "recall_at_5": _round(find_recall(rankings, truths, 5)),
        "image_recall_at_1": _round(find_recall([answer.images for answer in known], truths, 1)),
        "mean_average_precision": _round(_mean([_find_precision(answer) for answer in known])),
        "open_set": [_find_acceptance(known, strangers, allowed) for allowed in FALSE_ACCEPT_RATES],
        "at_threshold": {
            "true_accepts": _round(_mean([answer.named and answer.right for answer in known])),
            "wrong_accepts": _round(_mean([answer.named and not answer.right for answer in known])),
            "false_accepts": _round(_mean([answer.named for answer in strangers])),
        },
    }


def _find_precision(answer: Answer) -> float:
    truth = -1 if answer.truth is None else answer.truth
    # A photo may have been indexed since its product's were counted.
    relevant = max(answer.relevant, int((answer.images == truth).sum()), 1)
    return find_average_precision(answer.images, truth, relevant)


def _find_acceptance(
    known: Sequence[Answer], strangers: Sequence[Answer], allowed: float
) -> dict[str, float | None]:
    threshold = choose_threshold(np.array([answer.score for answer in strangers], np.float64), allowed)
    if threshold is None or not known:
        none = dict.fromkeys(("threshold", "true_accepts", "false_accepts"))
        return {"false_accept_rate": allowed, **none}
    return {
        "false_accept_rate": allowed,
        "threshold": _round(threshold),
        "true_accepts": _round(_mean([answer.right and answer.score >= threshold for answer in known])),
        "false_accepts": _round(_mean([answer.score >= threshold for answer in strangers])),
    }


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
