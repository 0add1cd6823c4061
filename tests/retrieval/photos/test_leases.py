"""The queue of photos in their rows."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from retrieval.photos.leases import (
    LEASE,
    MAX_ATTEMPTS,
    end_as_failed,
    end_as_indexed,
    lease_images,
    list_free,
    list_pending,
    release_images,
    renew_leases,
)
from tenants.models import Gallery, ReferenceImage, WebhookEndpoint
from tests.retrieval.endpoints import add_endpoint, list_events
from tests.retrieval.shelf import Shelf, cleared, list_states, open_shelf, run_together


@pytest.fixture
def queue(rows: None) -> Iterator[Shelf]:
    with cleared(open_shelf("acme")) as shelf:
        yield shelf


def add_rows(shelf: Shelf, count: int) -> list[ReferenceImage]:
    """Pending photos without files: leases do not look at them."""
    return [
        ReferenceImage.objects.create(
            tenant=shelf.tenant, gallery=shelf.gallery, product=shelf.product, size=1, sha256=f"{n:064}"
        )
        for n in range(count)
    ]


def expire_leases(shelf: Shelf) -> None:
    past = timezone.now() - timedelta(seconds=1)
    ReferenceImage.objects.filter(gallery=shelf.gallery).update(leased_until=past)


def read_attempts(image: ReferenceImage) -> int:
    return ReferenceImage.objects.values_list("attempts", flat=True).get(pk=image.pk)


def test_lease_takes_the_oldest_and_nobody_gets_them_twice(queue: Shelf) -> None:
    images = add_rows(queue, 5)
    first, second, third = lease_images(3), lease_images(3), lease_images(3)
    assert [image.pk for image in first + second] == [image.pk for image in images]
    assert third == []


def test_leases_are_exclusive_among_threads(queue: Shelf) -> None:
    images = add_rows(queue, 40)

    def take_all() -> list[ReferenceImage]:
        taken: list[ReferenceImage] = []
        while batch := lease_images(3):
            taken += batch
        return taken

    taken = [image.pk for worker in run_together(queue, *[take_all] * 4) for image in worker]

    assert len(taken) == len(set(taken))
    # A worker whose look found only rows locked by others goes home early; none may be lost for that.
    assert set(taken) | {image.pk for image in list_free()} == {image.pk for image in images}


def test_expired_lease_is_taken_again_and_alone(queue: Shelf) -> None:
    images = add_rows(queue, 3)
    assert len(lease_images(10)) == 3
    assert lease_images(10) == []
    expire_leases(queue)

    again = [lease_images(10) for _ in range(4)]

    assert [[image.pk for image in batch] for batch in again] == [[image.pk] for image in images] + [[]]


def test_fresh_photos_come_before_one_that_was_leased_in_vain(queue: Shelf) -> None:
    suspect, *_ = add_rows(queue, 1)
    lease_images(10)
    expire_leases(queue)
    fresh = add_rows_after(queue, 2)

    assert [image.pk for image in lease_images(10)] == [image.pk for image in fresh]
    assert [image.pk for image in lease_images(10)] == [suspect.pk]


def add_rows_after(shelf: Shelf, count: int) -> list[ReferenceImage]:
    return [
        ReferenceImage.objects.create(
            tenant=shelf.tenant, gallery=shelf.gallery, product=shelf.product, size=1, sha256=f"late{n}"
        )
        for n in range(count)
    ]


def test_renewed_lease_outlives_its_first_term(queue: Shelf) -> None:
    add_rows(queue, 1)
    held = lease_images(1)
    expire_leases(queue)
    renew_leases(held)
    assert lease_images(1) == []
    (row,) = ReferenceImage.objects.filter(gallery=queue.gallery)
    assert row.leased_until is not None
    assert row.leased_until > timezone.now() + LEASE / 2


def test_photo_is_given_up_after_the_last_attempt_with_a_reason(queue: Shelf) -> None:
    (image,) = add_rows(queue, 1)
    for _ in range(MAX_ATTEMPTS):
        assert [leased.pk for leased in lease_images(1)] == [image.pk]
        expire_leases(queue)

    assert lease_images(1) == []
    image.refresh_from_db()
    assert (image.state, image.failure_code) == ("failed", "gave_up")
    assert "another photo" in image.failure_message


def test_release_counts_against_a_photo_only_when_it_may_be_to_blame(queue: Shelf) -> None:
    images = add_rows(queue, 2)
    leased = lease_images(2)
    release_images(leased[:1], blameless=True)
    release_images(leased[1:], blameless=False)
    assert [read_attempts(image) for image in images] == [0, 1]
    assert {image.pk for image in list_free()} == {image.pk for image in images}


def test_photo_ends_once(queue: Shelf) -> None:
    indexed, failed, deleted = add_rows(queue, 3)
    ReferenceImage.objects.filter(pk=deleted.pk).update(deleted_at=timezone.now())

    assert end_as_indexed([indexed]) == 1
    assert end_as_indexed([indexed]) == 0
    end_as_failed(failed, code="file_lost", message="m" * 900)
    end_as_failed(indexed, code="late", message="late")
    assert end_as_indexed([failed, deleted]) == 0
    assert list_states([indexed, failed, deleted]) == ["indexed", "failed", "pending"]


def test_photo_that_fails_is_told_once_and_one_that_had_ended_is_not(queue: Shelf) -> None:
    endpoint = add_endpoint(queue.tenant.id, WebhookEndpoint.Event.IMAGE_FAILED)
    failed, indexed = add_rows(queue, 2)
    end_as_indexed([indexed])

    for image in (failed, failed, indexed):
        end_as_failed(image, code="file_lost", message="m" * 900)

    (event,) = list_events(endpoint)
    assert event["type"] == "image.failed"
    assert event["data"] == {
        "image": str(failed.pk),
        "gallery": str(queue.gallery.pk),
        "product": str(queue.product.pk),
        "filename": failed.filename,
        "code": "file_lost",
        "message": "m" * 500,
    }


def test_renewal_does_not_wait_for_photos_that_are_being_written(queue: Shelf) -> None:
    written, other = add_rows(queue, 2)
    held = lease_images(2)
    expire_leases(queue)
    with transaction.atomic():
        ReferenceImage.objects.select_for_update().get(pk=written.pk)
        run_together(queue, lambda: renew_leases(held))
    assert [image.pk for image in list_free()] == [written.pk]
    renew_leases(held)
    assert not list_free().exists(), other


@pytest.mark.parametrize(
    "change",
    [{"state": Gallery.State.PROVISIONING}, {"deleted_at": timezone.now()}],
    ids=["provisioning", "deleted"],
)
def test_photos_of_a_gallery_that_is_not_ready_wait(queue: Shelf, change: dict[str, object]) -> None:
    add_rows(queue, 2)
    Gallery.objects.filter(pk=queue.gallery.pk).update(**change)
    assert lease_images(10) == []
    assert not list_pending().exists()
