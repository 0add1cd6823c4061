"""Recognitions and searches as plain mappings, the way the API answers them."""

from collections.abc import Sequence
from typing import Any

from retrieval.decision import Candidate, RegionVerdict, Verdict
from retrieval.matches import Match, ProductRef
from retrieval.ranked import RankedMatch
from retrieval.ranking.categories import CategoryVote
from retrieval.recognition import QueryPhoto, Recognition


def describe_recognition(recognition: Recognition, *, explain: bool) -> dict[str, Any]:
    """The answer of `recognize`."""
    held = recognition.threshold
    return {
        "answer": _describe_verdict(recognition.answer, recognition.category, held),
        "regions": [_describe_region(region, held) for region in recognition.regions],
        **_describe_photo(recognition.photo, explain=explain),
    }


def describe_search(photo: QueryPhoto, matches: Sequence[RankedMatch], *, explain: bool) -> dict[str, Any]:
    """The answer of `search`."""
    return {
        "matches": [_describe_match(ranked) for ranked in matches],
        **_describe_photo(photo, explain=explain),
    }


def _describe_photo(photo: QueryPhoto, *, explain: bool) -> dict[str, Any]:
    described = {
        "image": {"width": photo.width, "height": photo.height},
        "model": {"detector": photo.detector, "embedders": list(photo.embedders)},
        "index": {"generation": photo.generation},
        "timings_ms": {stage: round(ms, 2) for stage, ms in photo.timings.stages.items()},
    }
    if explain:
        described["explain"] = [
            {"box": _round_box(region.box.as_tuple()), "source": region.source, **_explain(found, matches)}
            for region, found, matches in zip(photo.regions, photo.found, photo.matches, strict=True)
        ]
    return described


def _explain(found: Sequence[Match], matches: Sequence[RankedMatch]) -> dict[str, Any]:
    """The shortlist before ranking, and after it with what each score was made of."""
    return {
        "before": [_name_match(match) for match in found],
        "after": [
            {
                **_name_match(ranked.match),
                "before": ranked.before if ranked.before >= 0 else None,
                "score": round(ranked.score, 6),
                "terms": {
                    policy: {name: round(value, 6) for name, value in terms.items()}
                    for policy, terms in ranked.terms.items()
                },
            }
            for ranked in matches
        ],
    }


def _name_match(match: Match) -> dict[str, Any]:
    return {
        "image_id": str(match.image_id),
        "region_id": str(match.region_id),
        "sku": match.product.sku,
        "similarity": round(match.similarity, 6),
    }


def _describe_region(region: RegionVerdict, held: float) -> dict[str, Any]:
    return {
        "box": _round_box(region.box.as_tuple()),
        "source": region.source,
        "detection_score": round(region.detection_score, 4),
        **_describe_verdict(region.verdict, region.category, held),
    }


def _describe_verdict(verdict: Verdict, category: CategoryVote | None, held: float) -> dict[str, Any]:
    """held: the threshold of all products that have none of their own."""
    named = verdict.outcome == "product"
    own = verdict.best.product.score_threshold if verdict.best else None
    return {
        "outcome": verdict.outcome,
        "product": _describe_product(verdict.candidates[0].product) if named else None,
        "score": round(verdict.best.score, 6) if verdict.best else None,
        "threshold": round(held if own is None else own, 6),
        "reason": verdict.reason,
        "category": {"category": category.category, "share": round(category.share, 4)} if category else None,
        "candidates": [_describe_candidate(candidate) for candidate in verdict.candidates],
    }


def _describe_candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "product": _describe_product(candidate.product),
        "score": round(candidate.score, 6),
        "rank_score": round(candidate.rank_score, 6),
    }


def _describe_product(product: ProductRef) -> dict[str, Any]:
    return {
        "id": str(product.id),
        "sku": product.sku,
        "title": product.title,
        "category": product.category,
    }


def _describe_match(ranked: RankedMatch) -> dict[str, Any]:
    match = ranked.match
    return {
        "image_id": str(match.image_id),
        "region_id": str(match.region_id),
        "product": _describe_product(match.product),
        "score": round(match.similarity, 6),
        "rank_score": round(ranked.score, 6),
        "distance": match.distance,
        "box": _round_box(match.box),
    }


def _round_box(box: tuple[float, float, float, float]) -> list[float]:
    return [round(side, 1) for side in box]
