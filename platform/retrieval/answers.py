"""Recognitions and searches as plain mappings, the way the API answers them."""

from collections.abc import Sequence
from typing import Any

from retrieval.decision import Candidate, RegionVerdict, Verdict
from retrieval.matches import Match, ProductRef
from retrieval.recognition import QueryPhoto, Recognition


def describe_recognition(recognition: Recognition) -> dict[str, Any]:
    """The answer of `recognize`."""
    return {
        "answer": _describe_verdict(recognition.answer),
        "regions": [_describe_region(region) for region in recognition.regions],
        **_describe_photo(recognition.photo),
    }


def describe_search(photo: QueryPhoto, matches: Sequence[Match]) -> dict[str, Any]:
    """The answer of `search`."""
    return {"matches": [_describe_match(match) for match in matches], **_describe_photo(photo)}


def _describe_photo(photo: QueryPhoto) -> dict[str, Any]:
    return {
        "image": {"width": photo.width, "height": photo.height},
        "model": photo.model,
        "index": {"generation": photo.generation},
        "timings_ms": {stage: round(ms, 2) for stage, ms in photo.timings.stages.items()},
    }


def _describe_region(region: RegionVerdict) -> dict[str, Any]:
    return {
        "box": _round_box(region.box.as_tuple()),
        "source": region.source,
        "detection_score": round(region.detection_score, 4),
        **_describe_verdict(region.verdict),
    }


def _describe_verdict(verdict: Verdict) -> dict[str, Any]:
    named = verdict.outcome == "product"
    return {
        "outcome": verdict.outcome,
        "product": _describe_product(verdict.candidates[0].product) if named else None,
        "score": round(verdict.best.score, 6) if verdict.best else None,
        "reason": verdict.reason,
        "candidates": [_describe_candidate(candidate) for candidate in verdict.candidates],
    }


def _describe_candidate(candidate: Candidate) -> dict[str, Any]:
    return {"product": _describe_product(candidate.product), "score": round(candidate.score, 6)}


def _describe_product(product: ProductRef) -> dict[str, Any]:
    return {
        "id": str(product.id),
        "sku": product.sku,
        "title": product.title,
        "category": product.category,
    }


def _describe_match(match: Match) -> dict[str, Any]:
    return {
        "image_id": str(match.image_id),
        "region_id": str(match.region_id),
        "product": _describe_product(match.product),
        "score": round(match.similarity, 6),
        "box": _round_box(match.box),
    }


def _round_box(box: tuple[float, float, float, float]) -> list[float]:
    return [round(side, 1) for side in box]
