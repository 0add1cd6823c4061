"""The category of a query photo, by the vote of its nearest neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.ranking.vectors import Reals, order_best_first

VOTES = 20


@dataclass(frozen=True)
class CategoryVote:
    """The category with the most weight, and its share of all the weight that voted (above 0, to 1)."""

    category: str
    share: float


def vote(
    categories: Sequence[str],
    similarities: Reals,
    *,
    detector_label: str | None = None,
    votes: int = VOTES,
) -> CategoryVote | None:
    """Let the nearest `votes` candidates name the category, each with its similarity; None if nobody votes.

    categories and similarities are of the same n candidates, in any order. A candidate without a category
    ("") or with a similarity of 0 or less does not vote. The detector's label counts as one more vote, with
    the weight of the greatest similarity; where no candidate votes it stands alone. Of equal weights the
    category with the nearest candidate wins.
    """
    weights: dict[str, float] = {}
    nearest = [int(place) for place in order_best_first(similarities)[:votes]]
    for place in nearest:
        if categories[place] and similarities[place] > 0:
            weights[categories[place]] = weights.get(categories[place], 0.0) + float(similarities[place])
    if detector_label:
        if not weights:
            return CategoryVote(detector_label, 1.0)
        weights[detector_label] = weights.get(detector_label, 0.0) + float(similarities[nearest[0]])
    if not weights:
        return None
    winner = max(weights, key=lambda category: weights[category])  # the first of equals: the nearest
    return CategoryVote(winner, weights[winner] / sum(weights.values()))
