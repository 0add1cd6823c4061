"""Imports through the running service, whose workers are killed."""

import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db.models import QuerySet

from jobs.models import JobItem
from retrieval.index.rows import list_searched, space_of
from retrieval.index.store import connect_store
from tenants.models import Gallery, ReferenceImage, Region
from tenants.scope import tenant_scope
from tests.api.catalog import make_gallery
from tests.api.photos import draw_photo
from tests.conftest import Service, Shop, wait_until
from tests.tenants.rows import change_rows
from tests.transfer.imports.catalogues import pack

PHOTOS = 40


@pytest.fixture
def restarting(service: Service) -> Iterator[Service]:
    """The service, whole again afterwards whatever the test has killed."""
    yield service
    for name, process in service.processes.items():
        if process.poll() is not None:
            service.start(name)
    service.wait_ready()


def ask_import(shop: Shop, gallery: str, seeds: range) -> str:
    """The id of the job that imports photos drawn from the seeds."""
    photos = {f"sku-{seed % 4}/{seed}.png": draw_photo(seed) for seed in seeds}
    asked = shop.http.post(
        f"/v1/galleries/{gallery}/imports",
        files={"file": ("catalogue.zip", pack(photos))},
        data={"near_duplicates": ""},
    )
    assert asked.status_code == 202, asked.text
    job: str = asked.json()["id"]
    return job


def read_job(shop: Shop, job: str) -> dict[str, Any]:
    found: dict[str, Any] = shop.http.get(f"/v1/jobs/{job}").json()
    return found


def has_rows(rows: QuerySet[JobItem], least: int) -> bool:
    return rows.count() >= least


def assert_exact(gallery_id: str, job: str) -> None:
    """Rows indexed, photos, files and vectors are the same, each once."""
    gallery = Gallery.across_tenants.get(pk=gallery_id)
    with tenant_scope(gallery.tenant_id):
        rows = JobItem.objects.filter(job=UUID(job))
        assert not rows.exclude(state__in=["indexed", "duplicate", "failed"]).exists()
        images = ReferenceImage.objects.filter(gallery=gallery)
        live = images.filter(deleted_at=None, state="indexed")
        indexed = rows.filter(state="indexed").values_list("image", flat=True)
        assert set(indexed) == set(live.values_list("pk", flat=True))
        folder = Path(settings.MEDIA_ROOT) / str(gallery.tenant_id) / str(gallery.pk)
        assert {path.name for path in folder.iterdir()} == {Path(image.file).name for image in images}
        regions = Region.objects.filter(image__in=live).count()
        (index,) = list_searched(gallery)
        assert connect_store().count(space_of(index), seen=None) == regions


def test_import_goes_on_after_its_worker_was_killed(restarting: Service, acme: Shop) -> None:
    gallery = make_gallery(acme)
    job = ask_import(acme, gallery, range(PHOTOS))
    ended = JobItem.across_tenants.filter(job=UUID(job), state="indexed")
    for done in (1, PHOTOS // 3):
        wait_until(partial(has_rows, ended, done), f"{done} photos are indexed", 100)
        restarting.stop("bulk", signal.SIGKILL)
        assert read_job(acme, job)["state"] in {"pending", "running"}
        restarting.start("bulk")

    wait_until(lambda: read_job(acme, job)["state"] == "succeeded", "the import has ended", 150)

    assert read_job(acme, job)["counts"] == {
        "total": PHOTOS,
        "done": PHOTOS,
        "failed": 0,
        "skipped": 0,
        "pending": 0,
    }
    assert_exact(gallery, job)


def test_cancelled_import_stops_and_keeps_what_is_done(service: Service, acme: Shop) -> None:
    gallery = make_gallery(acme)
    photos = 8 * PHOTOS
    job = ask_import(acme, gallery, range(100, 100 + photos))
    ended = JobItem.across_tenants.filter(job=UUID(job), state="indexed")
    wait_until(ended.exists, "a photo is indexed", 100)

    cancelled = acme.http.post(f"/v1/jobs/{job}/cancel")

    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    counts = cancelled.json()["counts"]
    assert (counts["total"], counts["pending"]) == (photos, 0)
    assert counts["done"] == ended.count() > 0
    deleted = ReferenceImage.across_tenants.filter(gallery=UUID(gallery), deleted_at__isnull=False)
    wait_until(lambda: not deleted.exists(), "what was not done is purged", 60)
    assert_exact(gallery, job)


def test_failed_rows_are_retried_by_a_job_of_their_own(service: Service, acme: Shop) -> None:
    gallery = make_gallery(acme)
    job = ask_import(acme, gallery, range(2))
    wait_until(lambda: read_job(acme, job)["state"] == "succeeded", "the import has ended", 100)
    change_rows(JobItem.across_tenants.filter(job=UUID(job), line=2), state="failed", code="photo_missing")
    image = acme.http.get(f"/v1/jobs/{job}/items", params={"state": "failed"}).json()["results"][0]["image"]
    assert acme.http.delete(f"/v1/galleries/{gallery}/images/{image}").status_code == 204

    again = acme.http.post(f"/v1/jobs/{job}/retry")

    assert again.status_code == 202, again.text
    retried = again.json()["id"]
    wait_until(lambda: read_job(acme, retried)["state"] == "succeeded", "the retry has ended", 100)
    assert read_job(acme, retried)["counts"]["done"] == 1
    assert read_job(acme, retried)["retry_of"] == job
