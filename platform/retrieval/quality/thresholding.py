"""A threshold from the scores of genuine answers and of impostors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.ranking.measures import Curve, choose_threshold, trace_acceptance

LEAST_GENUINE = 30
LEAST_IMPOSTORS = 50
# Below every score that a match can have: nothing was found.
NOTHING = -3.0


@dataclass(frozen=True)
class CalibrationResult:
    """threshold: None where there is too little data, which `message` says. curve: None without any scores.

    genuine_accepts, false_accepts: the shares (0 to 1) of genuine and impostor scores that the threshold
    accepts; accepted means score >= threshold.
    """

    threshold: float | None
    curve: Curve | None
    genuine: int
    impostors: int
    message: str
    genuine_accepts: float | None = None
    false_accepts: float | None = None


def settle_threshold(
    genuine: Sequence[float], impostors: Sequence[float], *, false_accept_rate: float
) -> CalibrationResult:
    """The lowest threshold that accepts at most the share `false_accept_rate` (0 to 1) of the impostors.

    A cosine ends at 1, and so does the threshold: an impostor that is the same picture cannot be kept out.
    """
    right, wrong = np.asarray(genuine, np.float64), np.asarray(impostors, np.float64)
    curve = trace_acceptance(right, wrong) if len(right) and len(wrong) else None
    lacking = _tell_lacking(len(right), len(wrong))
    if lacking:
        return CalibrationResult(None, curve, len(right), len(wrong), lacking)
    chosen = choose_threshold(wrong, false_accept_rate)
    if chosen is None:
        raise ValueError("a threshold needs impostors")
    threshold = min(max(chosen, -1.0), 1.0)
    passed = float((wrong >= threshold).mean())
    return CalibrationResult(
        threshold=threshold,
        curve=curve,
        genuine=len(right),
        impostors=len(wrong),
        message=_tell_excess(passed, false_accept_rate),
        genuine_accepts=float((right >= threshold).mean()),
        false_accepts=passed,
    )


def _tell_lacking(genuine: int, impostors: int) -> str:
    """What is missing to a threshold that means something; empty for nothing."""
    lacking = []
    if genuine < LEAST_GENUINE:
        lacking.append(
            f"{LEAST_GENUINE - genuine} more genuine scores are needed ({genuine} of {LEAST_GENUINE}): add "
            "second photos to products, or labelled queries of known products"
        )
    if impostors < LEAST_IMPOSTORS:
        lacking.append(
            f"{LEAST_IMPOSTORS - impostors} more impostor scores are needed ({impostors} of "
            f"{LEAST_IMPOSTORS}): add photos of more products, or distractors"
        )
    return f"Too little data for a threshold: {'; '.join(lacking)}." if lacking else ""


def _tell_excess(passed: float, allowed: float) -> str:
    if passed <= allowed + 1e-9:
        return ""
    return (
        f"Even the highest threshold accepts {passed:.1%} of the impostors: different products have the same "
        "picture. Look for products that were added twice."
    )
