"""The vote of the best references on the product: weights that know the scale of the scores.

Cosines of raw vectors lie close together and those of projected ones far apart, and re-ranked scores have a
size of their own. So a vote is the score's lead over the shortlist's tail, as a share of the best one's lead,
to the fourth power: a copy of a reference photo then outvotes twenty that are merely alike, and otherwise a
product that is near several times beats one that is near once (figures in docs/measurements.md).
"""

from collections.abc import Sequence

import numpy as np

from retrieval.ranking.vectors import Doubles

# How far down the shortlist the scores say nothing of the query any more: so many times the voters.
_TAIL = 5
_POWER = 4


def weigh_votes(scores: Sequence[float] | Doubles, voters: int) -> Doubles:
    """Weights (min(n, voters),) of 0 to 1 of the first voters; scores (n,) are in falling order."""
    ordered = np.asarray(scores, np.float64)
    if not len(ordered):
        return ordered
    tail = ordered[min(len(ordered), _TAIL * voters) - 1]
    lead = ordered[0] - tail
    if lead <= 0:
        return np.ones(min(len(ordered), voters))
    return np.asarray(((ordered[:voters] - tail) / lead) ** _POWER, np.float64)
