"""A threshold that was set for one index, as a threshold of the next.

Another model, projection or representation moves all cosines: 0.85 of raw vectors lets as many strangers
pass as some 0.55 of projected ones. What the owner meant is how many may pass, so that is what is kept.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.ranking.measures import Curve

# Where no stranger passes any more, the share of genuine ones still tells one threshold from the next.
_STRANGERS_WEIGH = 10.0


@dataclass(frozen=True)
class Translation:
    """From the scores of one index to those of another, by the shares of the same photos accepted."""

    before: Curve
    after: Curve

    def apply(self, threshold: float) -> float:
        """The threshold (-1 to 1) that accepts the same shares; beyond all scores it stays as far beyond."""
        known = self.before.thresholds
        passing = np.interp(threshold, known, _weigh(self.before))
        # Shares fall while thresholds rise; np.interp wants them rising.
        moved = np.interp(passing, _weigh(self.after)[::-1], self.after.thresholds[::-1])
        beyond = threshold - float(np.clip(threshold, known[0], known[-1]))
        return float(np.clip(moved + beyond, -1.0, 1.0))


def _weigh(curve: Curve) -> npt.NDArray[np.float64]:
    return _STRANGERS_WEIGH * curve.false_accepts + curve.genuine_accepts
