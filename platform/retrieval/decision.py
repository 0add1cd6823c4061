"""From matches to a named product or an honest `unknown`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from inference.boxes import Box
from retrieval.matches import Match, ProductRef

Outcome = Literal["product", "unknown"]
Reason = Literal["below_threshold", "empty_gallery"]
SAME_BODY_IOU = 0.5


@dataclass(frozen=True)
class Candidate:
    """A product with its best similarity to the query (cosine, -1 to 1)."""

    product: ProductRef
    score: float


@dataclass(frozen=True)
class Verdict:
    """What was decided. `unknown` carries the reason; the best rejected candidate is the first of all."""

    outcome: Outcome
    reason: Reason | None
    candidates: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate | None:
        """The nearest product, accepted or not."""
        return self.candidates[0] if self.candidates else None


@dataclass(frozen=True)
class RegionVerdict:
    """The verdict on one region of the query photo."""

    box: Box
    source: str
    detection_score: float
    verdict: Verdict


def rank_products(matches: Iterable[Match]) -> list[Candidate]:
    """Products by the similarity of their nearest region, best first."""
    best: dict[ProductRef, float] = {}
    for match in matches:
        best[match.product] = max(match.similarity, best.get(match.product, -1.0))
    ranked = sorted(best.items(), key=lambda item: (-item[1], item[0].sku))
    return [Candidate(product=product, score=score) for product, score in ranked]


def decide(matches: Iterable[Match], *, threshold: float, top_k: int) -> Verdict:
    """Name the nearest product if its similarity reaches the threshold; keep the top_k candidates."""
    candidates = tuple(rank_products(matches)[:top_k])
    if not candidates:
        return Verdict(outcome="unknown", reason="empty_gallery", candidates=())
    if candidates[0].score < threshold:
        return Verdict(outcome="unknown", reason="below_threshold", candidates=candidates)
    return Verdict(outcome="product", reason=None, candidates=candidates)


def suppress_repeats(regions: Sequence[RegionVerdict]) -> list[RegionVerdict]:
    """Keep one region a body: of detected boxes that overlap, the one nearer to its product.

    By similarity, not by detection score. The whole photo is a fallback: it never takes a detected box away,
    and stays only while none was named or while it is nearer to its product than all of them.
    """
    detected = sorted((r for r in regions if r.source != "whole"), key=_similarity, reverse=True)
    kept: list[RegionVerdict] = []
    for region in detected:
        if all(region.box.iou(other.box) < SAME_BODY_IOU for other in kept):
            kept.append(region)
    named = [_similarity(region) for region in kept if region.verdict.outcome == "product"]
    wholes = (region for region in regions if region.source == "whole")
    return kept + [whole for whole in wholes if _similarity(whole) > max(named, default=-2.0)]


def _similarity(region: RegionVerdict) -> float:
    best = region.verdict.best
    return best.score if best else -1.0
