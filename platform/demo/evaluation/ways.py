"""Ways of ranking, measured by the service itself with the gallery's labelled queries."""

from dataclasses import asdict
from typing import Any, Final

from demo.settling import Told, wait_for_job
from vitrine.client import VitrineClient
from vitrine.comparisons import Comparison, WayOfRanking

_MOST_QUERIES: Final = 5000  # the API's limit


def compare_ways(client: VitrineClient, gallery: str, tell: Told) -> Comparison:
    """The service's own evaluation of the usual ways. Raises `JobFailed`, `GaveUpWaiting`."""
    job = client.start_evaluation(gallery, source="queries", sample=_MOST_QUERIES)
    ended = wait_for_job(client, job.id, tell)
    return client.read_evaluation(gallery, str(ended.result["evaluation"]))


def describe_comparison(comparison: Comparison) -> dict[str, Any]:
    """The evaluation as JSON values."""
    return {**asdict(comparison), "ways": [_describe_way(way) for way in comparison.ways]}


def _describe_way(way: WayOfRanking) -> dict[str, Any]:
    accepts = {f"{allowed:g}": share for allowed, share in way.true_accepts.items()}
    return {**asdict(way), "true_accepts": accepts}
