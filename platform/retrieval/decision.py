"""From ranked matches to a named product or an honest `unknown`."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from inference.boxes import Box
from retrieval.matches import ProductRef
from retrieval.ranked import RankedMatch
from retrieval.ranking.categories import CategoryVote
from retrieval.ranking.votes import weigh_votes
from retrieval.settings.gallery import Grouping

Outcome = Literal["product", "unknown"]
Reason = Literal["below_threshold", "ambiguous", "distractor", "empty_gallery", "no_region"]
SAME_BODY_IOU = 0.5


@dataclass(frozen=True)
class Rules:
    """What a decision goes by (see retrieval.settings.gallery); `threshold` is the one in effect."""

    threshold: float
    margin: float = 0.0
    grouping: Grouping = "max"
    vote_k: int = 20
    top_k: int = 5


@dataclass(frozen=True)
class Candidate:
    """A product: `score` is its confidence (cosine of its nearest reference, less what distractors take off),
    `rank_score` what it was ordered by.
    """

    product: ProductRef
    score: float
    rank_score: float
    similarity: float


@dataclass(frozen=True)
class Verdict:
    """What was decided. `unknown` carries the reason; the best rejected candidate is the first of all."""

    outcome: Outcome
    reason: Reason | None
    candidates: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate | None:
        """The first product, accepted or not."""
        return self.candidates[0] if self.candidates else None


@dataclass(frozen=True)
class RegionVerdict:
    """The verdict on one region of the query photo."""

    box: Box
    source: str
    detection_score: float
    verdict: Verdict
    category: CategoryVote | None = None


def rank_products(
    matches: Iterable[RankedMatch], *, grouping: Grouping = "max", vote_k: int = 20
) -> list[Candidate]:
    """Products, best first: by their best match (`max`), or by the `vote` of the `vote_k` best matches.

    Products without a vote follow, by their best match (retrieval.ranking.votes says what a vote weighs).
    """
    ordered = sorted(matches, key=lambda ranked: -ranked.score)
    groups: dict[ProductRef, list[RankedMatch]] = {}
    for ranked in ordered:
        groups.setdefault(ranked.match.product, []).append(ranked)
    candidates = [_make_candidate(product, group) for product, group in groups.items()]
    if grouping == "vote":
        votes = _count_votes(ordered, vote_k)
        candidates.sort(key=lambda candidate: -votes.get(candidate.product, -1.0))
    return candidates


def decide(matches: Sequence[RankedMatch], rules: Rules) -> Verdict:
    """Name the first product if nothing speaks against it; keep the top_k candidates."""
    ranked = rank_products(matches, grouping=rules.grouping, vote_k=rules.vote_k)
    reason = _find_objection(ranked, rules)
    return Verdict("unknown" if reason else "product", reason, tuple(ranked[: rules.top_k]))


def reject(verdict: Verdict, reason: Reason) -> Verdict:
    """The same candidates, none of them named."""
    return Verdict("unknown", reason, verdict.candidates)


def suppress_repeats(regions: Sequence[RegionVerdict]) -> list[RegionVerdict]:
    """Keep one region a body: of detected boxes that overlap, the one nearer to its product.

    By similarity, not by detection score. The whole photo is a fallback: it never takes a detected box away,
    and stays only while none was named or while it is nearer to its product than all of them.
    """
    detected = sorted((r for r in regions if r.source != "whole"), key=_confidence, reverse=True)
    kept: list[RegionVerdict] = []
    for region in detected:
        if all(region.box.iou(other.box) < SAME_BODY_IOU for other in kept):
            kept.append(region)
    named = [_confidence(region) for region in kept if region.verdict.outcome == "product"]
    wholes = (region for region in regions if region.source == "whole")
    return kept + [whole for whole in wholes if _confidence(whole) > max(named, default=-math.inf)]


def _make_candidate(product: ProductRef, group: Sequence[RankedMatch]) -> Candidate:
    nearest = max(group, key=lambda ranked: ranked.confidence)
    return Candidate(product, nearest.confidence, group[0].score, nearest.match.similarity)


def _count_votes(ordered: Sequence[RankedMatch], voters: int) -> dict[ProductRef, float]:
    # A reference near to several regions of the query is one voter.
    once: dict[int, RankedMatch] = {}
    for ranked in ordered:
        once.setdefault(ranked.match.region_key, ranked)
    weights = weigh_votes([ranked.score for ranked in once.values()], voters)
    votes: dict[ProductRef, float] = {}
    for ranked, weight in zip(once.values(), weights, strict=False):
        product = ranked.match.product
        votes[product] = votes.get(product, 0.0) + float(weight)
    return votes


def _find_objection(ranked: Sequence[Candidate], rules: Rules) -> Reason | None:
    if not ranked:
        return "empty_gallery"
    best = ranked[0]
    own = best.product.score_threshold
    threshold = rules.threshold if own is None else own
    if best.score < threshold:
        return "distractor" if best.similarity >= threshold else "below_threshold"
    rivals = [candidate.score for candidate in ranked[1:]]
    # Without a margin the order stands, even where re-ranking put a less similar product first.
    if rivals and rules.margin > 0 and best.score - max(rivals) < rules.margin:
        return "ambiguous"
    return None


def _confidence(region: RegionVerdict) -> float:
    best = region.verdict.best
    return best.score if best else -3.0
