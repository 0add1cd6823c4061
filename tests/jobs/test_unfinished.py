"""What the sweeper finds, across all tenants."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from jobs.models import Job
from jobs.progress import MAX_ATTEMPTS
from jobs.unfinished import list_stranded_jobs, tenants_with_deleted_images, tenants_with_pending_images
from tenants.models import Gallery, ReferenceImage
from tenants.scope import tenant_scope
from tests.retrieval.shelf import Shelf, open_shelf
from tests.tenants.rows import change_rows

pytestmark = pytest.mark.django_db

SOON = timedelta(minutes=1)
LONG = timedelta(minutes=5)


def make_job(shelf: Shelf, *, age: timedelta = LONG, **fields: object) -> Job:
    with tenant_scope(shelf.tenant.id):
        job = Job.objects.create(
            tenant=shelf.tenant, gallery=shelf.gallery, kind=Job.Kind.DELETE_GALLERY, trigger="t", **fields
        )
        Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - age)
    return job


def make_image(shelf: Shelf, *, age: timedelta = LONG, **fields: object) -> None:
    with tenant_scope(shelf.tenant.id):
        image = ReferenceImage.objects.create(
            tenant=shelf.tenant, gallery=shelf.gallery, product=shelf.product, size=1, **fields
        )
        ReferenceImage.objects.filter(pk=image.pk).update(created_at=timezone.now() - age)


def test_stranded_jobs_of_every_tenant_are_listed_and_others_are_not() -> None:
    acme, globex = open_shelf("acme"), open_shelf("globex")
    now = timezone.now()
    waiting = make_job(acme)
    rested = make_job(globex, leased_until=now - SOON)
    abandoned = make_job(globex, state="running", leased_until=now - SOON, attempts=1)
    make_job(acme, age=timedelta(0))
    make_job(acme, leased_until=now + SOON)
    make_job(acme, state="running", leased_until=now + SOON)
    make_job(acme, state="succeeded")

    stranded = set(list_stranded_jobs())

    ours = {found for found in stranded if found[0] in (acme.tenant.id, globex.tenant.id)}
    assert ours == {(job.tenant_id, job.id, 0) for job in (waiting, rested, abandoned)}


def test_hopeless_job_is_ended_with_a_reason() -> None:
    acme = open_shelf("acme")
    past = timezone.now() - SOON
    hopeless = make_job(acme, state="running", leased_until=past, attempts=MAX_ATTEMPTS)

    assert hopeless.id not in {job_id for _, job_id, _ in list_stranded_jobs()}

    row = Job.across_tenants.get(pk=hopeless.pk)
    assert (row.state, row.code) == ("errored", "gave_up")
    assert row.message
    assert row.finished_at is not None


@pytest.mark.parametrize(
    ("fields", "listed"),
    [
        ({}, True),
        ({"leased_until": timezone.now() - SOON}, True),
        ({"leased_until": timezone.now() + LONG * 100}, False),
        ({"age": timedelta(0)}, False),
        ({"state": "indexed"}, False),
        ({"state": "failed"}, False),
        ({"deleted_at": timezone.now()}, False),
    ],
    ids=["waiting", "expired", "held", "young", "indexed", "failed", "deleted"],
)
def test_tenants_with_pending_images_are_those_with_work_nobody_does(
    fields: dict[str, object],
    listed: bool,  # noqa: FBT001 - the table's own column
) -> None:
    acme, globex = open_shelf("acme"), open_shelf("globex")
    make_image(acme, **fields)  # type: ignore[arg-type]
    make_image(globex, sha256="1")
    make_image(globex, sha256="2")

    found = tenants_with_pending_images()

    assert (acme.tenant.id in found) is listed
    assert found.count(globex.tenant.id) == 1


@pytest.mark.parametrize(
    "gallery", [{"state": "provisioning"}, {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}], ids=str
)
def test_pending_images_of_a_gallery_that_cannot_take_them_are_left(gallery: dict[str, object]) -> None:
    acme = open_shelf("acme")
    make_image(acme)
    change_rows(Gallery.across_tenants.filter(pk=acme.gallery.pk), **gallery)
    assert acme.tenant.id not in tenants_with_pending_images()


def test_tenants_with_deleted_images_are_those_whose_purge_is_overdue() -> None:
    overdue, young, gone, none = (open_shelf(name) for name in ("acme", "globex", "acme", "globex"))
    make_image(overdue, deleted_at=timezone.now() - SOON)
    make_image(young, deleted_at=timezone.now())
    make_image(gone, deleted_at=timezone.now() - SOON)
    make_image(none)
    change_rows(Gallery.across_tenants.filter(pk=gone.gallery.pk), deleted_at=timezone.now())

    ours = {shelf.tenant.id for shelf in (overdue, young, gone, none)}
    assert ours & set(tenants_with_deleted_images()) == {overdue.tenant.id}
