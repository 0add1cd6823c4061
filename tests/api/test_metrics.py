"""`/metrics`: sums for the operator, and nobody's name."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from jobs.models import Job
from jobs.valkey import connect_valkey
from tenants.models import Gallery, VectorIndex
from tenants.scope import tenant_scope
from tests.retrieval.shelf import Shelf, open_shelf
from tests.retrieval.stock import add_stock
from tests.tenants.rows import change_rows

pytestmark = pytest.mark.django_db

Sample = tuple[str, tuple[tuple[str, str], ...]]


def scrape() -> dict[Sample, float]:
    """Values by name and labels."""
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def labelled(name: str, **labels: str) -> Sample:
    return name, tuple(sorted(labels.items()))


def set_drift(shelf: Shelf, missing: int, orphans: int) -> None:
    with tenant_scope(shelf.tenant.id):
        VectorIndex.objects.filter(gallery=shelf.gallery).update(missing=missing, orphans=orphans)


def test_drift_of_all_tenants_indexes_is_summed() -> None:
    before = scrape()
    acme, globex, deleted = (open_shelf(name) for name in ("acme", "globex", "acme"))
    set_drift(acme, 3, 1)
    set_drift(globex, 10_000, 20_000)
    set_drift(deleted, 7, 7)
    change_rows(Gallery.across_tenants.filter(pk=deleted.gallery.pk), deleted_at=timezone.now())
    with tenant_scope(acme.tenant.id):
        VectorIndex.objects.filter(gallery=acme.gallery).update(
            checked_at=timezone.now() - timedelta(days=400)
        )

    found = scrape()

    missing, orphans = (labelled("vitrine_index_drift_vectors", kind=kind) for kind in ("missing", "orphan"))
    assert found[missing] - before[missing] == 10_003
    assert found[orphans] - before[orphans] == 20_001
    assert found[labelled("vitrine_index_drift_worst_vectors")] >= 30_000
    assert found[labelled("vitrine_indexes")] - before[labelled("vitrine_indexes")] == 2
    assert found[labelled("vitrine_index_check_age_seconds")] >= 400 * 86_400


def test_jobs_photos_and_queues_are_counted() -> None:
    before = scrape()
    shelf = open_shelf("acme")
    with tenant_scope(shelf.tenant.id):
        add_stock(shelf.gallery, {}, products=[shelf.product] * 2, state="failed")
        Job.objects.create(tenant=shelf.tenant, kind=Job.Kind.REINDEX, trigger="test", state="errored")
    found = scrape()
    jobs = labelled("vitrine_jobs", kind="reindex", state="errored")
    assert found[jobs] - before.get(jobs, 0) == 1
    photos = labelled("vitrine_images", state="failed")
    assert found[photos] - before.get(photos, 0) == 2
    assert {labelled("vitrine_queue_length", queue=queue) for queue in ("recognize", "bulk")} <= found.keys()


def test_scrape_names_no_tenant() -> None:
    shelf = open_shelf("acme")
    with tenant_scope(shelf.tenant.id):
        add_stock(shelf.gallery, {}, products=[shelf.product])
    text = Client().get("/metrics").content.decode()
    for said in (
        shelf.tenant.slug,
        shelf.tenant.id,
        shelf.tenant.id.hex,
        shelf.gallery.pk,
        shelf.gallery.name,
    ):
        assert str(said) not in text


def test_valkey_away_leaves_its_part_out(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    connect_valkey.cache_clear()
    found = scrape()
    connect_valkey.cache_clear()
    assert not [name for name, _ in found if name == "vitrine_queue_length"]
    assert labelled("vitrine_indexes") in found
