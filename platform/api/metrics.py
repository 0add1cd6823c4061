"""`/metrics` for the operator's Prometheus: sums over all tenants, and never a tenant's name or id."""

from collections.abc import Iterator

import redis
from django.db.models import Count, F, Max, Min, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from jobs.models import Job
from jobs.valkey import connect_valkey
from tenants.models import ReferenceImage, VectorIndex

_QUEUES = ("recognize", "bulk", "webhooks")


def metrics(_request: HttpRequest) -> HttpResponse:
    """What PostgreSQL and Valkey know now; a Valkey that is away leaves its part out."""
    registry = CollectorRegistry()
    registry.register(_Collector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Collector(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from _collect_indexes()
        yield _count_by_state("vitrine_jobs", "Jobs by kind and state.", ("kind", "state"), Job)
        yield _count_by_state("vitrine_images", "Reference photos by state.", ("state",), ReferenceImage)
        yield from _collect_queues()


def _collect_indexes() -> Iterator[GaugeMetricFamily]:
    searched = VectorIndex.across_tenants.filter(
        generation=F("gallery__generation"), retired_at=None, gallery__deleted_at=None
    )
    sums = searched.aggregate(
        count=Count("pk"),
        worst=Max(F("missing") + F("orphans"), default=0),
        all_missing=Sum("missing", default=0),
        all_orphans=Sum("orphans", default=0),
        oldest=Min("checked_at"),
    )
    drift = GaugeMetricFamily(
        "vitrine_index_drift_vectors",
        "Vectors that the last comparison with PostgreSQL found missing, or too many, before it mended them.",
        labels=["kind"],
    )
    drift.add_metric(["missing"], sums["all_missing"])
    drift.add_metric(["orphan"], sums["all_orphans"])
    yield drift
    yield GaugeMetricFamily("vitrine_indexes", "Vector indexes in use.", value=sums["count"])
    yield GaugeMetricFamily(
        "vitrine_index_drift_worst_vectors", "The same of the index that was worst.", value=sums["worst"]
    )
    age = (timezone.now() - sums["oldest"]).total_seconds() if sums["oldest"] else 0.0
    yield GaugeMetricFamily(
        "vitrine_index_check_age_seconds", "Age of the comparison that is the longest ago.", value=age
    )


def _count_by_state(
    name: str, text: str, labels: tuple[str, ...], model: type[Job] | type[ReferenceImage]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=list(labels))
    rows = model.across_tenants.order_by().values_list(*labels).annotate(Count("pk"))
    for *values, count in rows:
        family.add_metric([str(value) for value in values], count)
    return family


def _collect_queues() -> Iterator[GaugeMetricFamily]:
    family = GaugeMetricFamily("vitrine_queue_length", "Tasks that wait, by queue.", labels=["queue"])
    try:
        for queue in _QUEUES:
            family.add_metric([queue], int(connect_valkey().llen(queue)))
    except redis.RedisError:
        # Told by /readyz; a scrape should still bring the rest.
        return
    yield family
