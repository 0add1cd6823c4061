"""Evaluations as the service answers them."""

from typing import Any


def make_body(plain: float, aqe: float, *, recommended: int = 0) -> dict[str, Any]:
    """The JSON of an evaluation with two ways of ranking that reached these recalls."""
    return {
        "id": "e",
        "generation": 3,
        "queries": 4,
        "strangers": 4,
        "threshold": 0.85,
        "recommended_policy": recommended,
        "policies": [_make_way([], plain), _make_way(["aqe"], aqe)],
    }


def _make_way(rerank: list[str], recall: float) -> dict[str, Any]:
    return {
        "rerank": rerank,
        "grouping": "max",
        "recall_at_1": recall,
        "recall_at_5": 1.0,
        "image_recall_at_1": recall,
        "mean_average_precision": recall / 2,
        "open_set": [
            {"false_accept_rate": 0.01, "threshold": 0.9, "true_accepts": 0.25, "false_accepts": 0.0},
            {"false_accept_rate": 0.05, "threshold": None, "true_accepts": None, "false_accepts": None},
        ],
        "median_ms": 12.5,
    }
