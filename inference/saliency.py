"""From a saliency map to boxes of main bodies."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inference.boxes import Box
from inference.cards import SaliencyRule


@dataclass(frozen=True)
class SalientBody:
    """A box in shares of the picture (0 to 1), and its score, 0 to 1."""

    box: Box
    score: float


def find_bodies(saliency: npt.NDArray[np.float32], rule: SaliencyRule) -> list[SalientBody]:
    """The connected bright parts of a map (h, w) of values 0 to 1, best first; empty where none is.

    A body scores its mean (stretched) saliency times the square root of its area against the largest body's:
    the largest keeps its mean, a scrap a hundredth its size keeps a tenth of it.
    """
    low, high = float(saliency.min()), float(saliency.max())
    # Stretching makes something of nothing: a blank wall must not become a product.
    if not high >= rule.peak or high - low <= 0:
        return []
    stretched = (saliency - low) / (high - low)
    mask = (stretched >= rule.threshold).astype(np.uint8)
    if rule.opening > 1:
        mask = np.asarray(
            cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((rule.opening, rule.opening), np.uint8)), np.uint8
        )
    return _measure_parts(mask, stretched, rule)


def _measure_parts(
    mask: npt.NDArray[np.uint8], stretched: npt.NDArray[np.float32], rule: SaliencyRule
) -> list[SalientBody]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    sums = np.bincount(labels.ravel(), weights=stretched.ravel(), minlength=count)
    kept = [part for part in range(1, count) if areas[part] >= rule.min_area * mask.size]
    if not kept:
        return []
    largest = max(areas[part] for part in kept)
    scores = {part: float(sums[part] / areas[part] * np.sqrt(areas[part] / largest)) for part in kept}
    height, width = mask.shape
    return [
        SalientBody(
            Box(x, y, x + w, y + h).expand(rule.margin).clamp(width, height).scale(1 / width, 1 / height),
            scores[part],
        )
        for part in sorted(kept, key=lambda part: -scores[part])
        for x, y, w, h in [(float(value) for value in stats[part, :4])]
    ]
