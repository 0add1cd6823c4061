"""Which way of ranking to take, and what has changed since another evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any

Figures = Mapping[str, Any]

# A smaller gain is less than what another sample of photos would change.
LEAST_GAIN = 0.003
_SAME = 1e-9
_COMPARED = (
    "recall_at_1",
    "recall_at_5",
    "image_recall_at_1",
    "mean_average_precision",
    "median_ms",
)


def recommend(policies: Sequence[Figures]) -> int:
    """The place of the way of ranking to take.

    The best recall@1 wins; of equal ones the best mAP, then the fastest. But only what gains at least 0.3
    points of recall@1 over plain ranking, or as much mAP at the same recall@1, is worth a change from it;
    where nothing does, it is plain ranking. Plain ranking must be among the policies, or ValueError.
    """
    plain = next((place for place, figures in enumerate(policies) if is_plain(figures)), None)
    if plain is None:
        raise ValueError("plain ranking is not among the policies")
    worthy = [place for place, figures in enumerate(policies) if is_worth_it(figures, policies[plain])]
    return min(worthy, key=lambda place: _rank_by(policies[place]), default=plain)


def is_plain(figures: Figures) -> bool:
    """Whether these are the figures of ranking by similarity alone."""
    return not figures["rerank"] and figures["grouping"] == "max"


def is_worth_it(figures: Figures, plain: Figures) -> bool:
    """Whether the gain over plain ranking is large enough for a change."""
    recall = figures["recall_at_1"] - plain["recall_at_1"]
    precision = figures["mean_average_precision"] - plain["mean_average_precision"]
    least = LEAST_GAIN - _SAME
    return bool(recall >= least or (abs(recall) < _SAME and precision >= least))


def compare_policies(policies: Sequence[Figures], others: Sequence[Figures]) -> list[dict[str, Any]]:
    """For each policy what its figures exceed the same policy's among the others by; None where it is not."""
    return [_compare(figures, _find_same(figures, others)) for figures in policies]


def compare_settings(settings: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Settings that differ: [before, now] by name, those of the index by `index.<name>`."""
    now, before = _flatten(settings), _flatten(others)
    return {
        name: [before.get(name), now.get(name)]
        for name in sorted(now.keys() | before.keys())
        if now.get(name) != before.get(name)
    }


def _rank_by(figures: Figures) -> tuple[float, float, float]:
    return -figures["recall_at_1"], -figures["mean_average_precision"], figures["median_ms"] or 0.0


def _find_same(figures: Figures, others: Sequence[Figures]) -> Figures | None:
    mine = (figures["rerank"], figures["grouping"])
    return next((other for other in others if (other["rerank"], other["grouping"]) == mine), None)


def _compare(figures: Figures, other: Figures | None) -> dict[str, Any]:
    said = {"rerank": figures["rerank"], "grouping": figures["grouping"]}
    if other is None:
        return {**said, "differences": None}
    differences = {name: _subtract(figures[name], other[name]) for name in _COMPARED}
    for mine, theirs in zip(figures["open_set"], other["open_set"], strict=True):
        name = f"true_accepts_at_{mine['false_accept_rate']:g}"
        differences[name] = _subtract(mine["true_accepts"], theirs["true_accepts"])
    for name, value in figures["at_threshold"].items():
        differences[f"{name}_at_threshold"] = _subtract(value, other["at_threshold"][name])
    return {**said, "differences": differences}


def _subtract(mine: float | None, theirs: float | None) -> float | None:
    return None if mine is None or theirs is None else round(mine - theirs, 6)


def _flatten(settings: Mapping[str, Any]) -> dict[str, Any]:
    index = settings.get("index") or {}
    plain = {name: value for name, value in settings.items() if name != "index"}
    return {**plain, **{f"index.{name}": value for name, value in index.items()}}
