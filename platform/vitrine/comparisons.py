"""The service's own evaluation of a gallery as it answers it: ways of ranking side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class WayOfRanking:
    """What one way of ranking reached; shares are 0 to 1, None where nothing could be counted.

    true_accepts: the share of known photos named rightly, by the share of strangers that may be named.
    """

    name: str
    grouping: str
    recall_at_1: float
    recall_at_5: float
    image_recall_at_1: float
    mean_average_precision: float
    true_accepts: Mapping[float, float | None]
    median_ms: float | None

    @property
    def plain(self) -> bool:
        """Whether it ranks by similarity alone."""
        return self.name == "plain"


@dataclass(frozen=True)
class Comparison:
    """An evaluation; `recommended` is the place of the way of ranking that the service would take.

    queries: photos of known products; strangers: photos that should be unknown, or the same ones asked with
    their own product left out.
    """

    id: str
    generation: int
    queries: int
    strangers: int
    threshold: float
    ways: tuple[WayOfRanking, ...]
    recommended: int

    @property
    def plain(self) -> WayOfRanking:
        """Ranking by similarity alone, which every evaluation has."""
        return next(way for way in self.ways if way.plain)


def read_comparison(body: Mapping[str, Any]) -> Comparison:
    """An evaluation from its JSON."""
    return Comparison(
        id=str(body["id"]),
        generation=int(body["generation"]),
        queries=int(body["queries"]),
        strangers=int(body["strangers"]),
        threshold=float(body["threshold"]),
        ways=tuple(map(_read_way, body["policies"])),
        recommended=int(body["recommended_policy"]),
    )


def name_way(rerank: Sequence[Any], grouping: str) -> str:
    """One name for policies and grouping: `plain`, `vote`, `alpha_qe + k_reciprocal`, `aqe(k=3), vote`."""
    policies = " + ".join(map(_name_policy, rerank))
    if grouping == "max":
        return policies or "plain"
    return f"{policies}, {grouping}" if policies else grouping


def _name_policy(entry: Any) -> str:
    if isinstance(entry, str):
        return entry
    said = ", ".join(f"{name}={value:g}" for name, value in entry.items() if name != "policy")
    return f"{entry['policy']}({said})" if said else str(entry["policy"])


def _read_way(row: Mapping[str, Any]) -> WayOfRanking:
    return WayOfRanking(
        name=name_way(row["rerank"], str(row["grouping"])),
        grouping=str(row["grouping"]),
        recall_at_1=row["recall_at_1"],
        recall_at_5=row["recall_at_5"],
        image_recall_at_1=row["image_recall_at_1"],
        mean_average_precision=row["mean_average_precision"],
        true_accepts={each["false_accept_rate"]: each["true_accepts"] for each in row["open_set"]},
        median_ms=row["median_ms"],
    )
