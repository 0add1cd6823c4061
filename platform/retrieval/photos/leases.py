"""The queue of photos to index, kept in their rows: a worker leases some, and ends each exactly once.

A living worker renews its lease; a killed one's runs out. A photo that was leased in vain before is leased
alone from then on, so that one that kills workers cannot take others with it; after `MAX_ATTEMPTS` it ends
as failed.
"""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from jobs.events import emit_event
from tenants.models import Gallery, ReferenceImage, WebhookEndpoint

LEASE = timedelta(seconds=20)
RENEW_EVERY_S = 5.0
MAX_ATTEMPTS = 5


def list_pending() -> QuerySet[ReferenceImage]:
    """Photos of the tenant that is set which wait to be indexed, in galleries that are ready for them."""
    return ReferenceImage.objects.filter(
        state=ReferenceImage.State.PENDING,
        deleted_at=None,
        gallery__state=Gallery.State.READY,
        gallery__deleted_at=None,
    )


def list_free() -> QuerySet[ReferenceImage]:
    """Pending photos that no worker holds."""
    return list_pending().filter(Q(leased_until=None) | Q(leased_until__lt=timezone.now()))


def lease_images(limit: int, *, suspects: bool = True) -> list[ReferenceImage]:
    """Up to `limit` pending photos that nobody holds, oldest first, now held by the caller.

    suspects: when there are no others, one that was leased in vain before.
    """
    with transaction.atomic():
        locked = (
            list_free()
            .order_by("pk")
            .select_related("gallery")
            .select_for_update(of=("self",), skip_locked=True)
        )
        images = list(locked.filter(attempts=0)[:limit])
        if not images and suspects:
            images = list(locked.filter(attempts__gt=0)[:1])
        held = ReferenceImage.objects.filter(pk__in=[image.pk for image in images])
        held.update(leased_until=timezone.now() + LEASE, attempts=F("attempts") + 1)
    return [image for image in images if not _give_up(image)]


def renew_leases(images: Iterable[ReferenceImage]) -> None:
    """Hold the photos that have not ended for another while."""
    held = list_pending().filter(pk__in=[image.pk for image in images])
    with transaction.atomic():
        # Their worker may be writing some right now, in its own order: to wait for it could be a deadlock,
        # and those will be renewed the next time.
        free = held.select_for_update(of=("self",), skip_locked=True).values_list("pk", flat=True)
        ReferenceImage.objects.filter(pk__in=list(free)).update(leased_until=timezone.now() + LEASE)


def release_images(images: Iterable[ReferenceImage], *, blameless: bool) -> None:
    """Let go of photos that did not end. blameless: the attempt does not count against them."""
    held = list_pending().filter(pk__in=[image.pk for image in images])
    held.update(leased_until=None, attempts=F("attempts") - (1 if blameless else 0))


def end_as_indexed(images: Iterable[ReferenceImage]) -> int:
    """End the photos as indexed, those that were not deleted or ended meanwhile; how many they were."""
    return (
        list_pending()
        .filter(pk__in=[image.pk for image in images])
        .update(state=ReferenceImage.State.INDEXED, indexed_at=timezone.now(), leased_until=None)
    )


def end_as_failed(image: ReferenceImage, *, code: str, message: str) -> None:
    """End the photo as failed, with a reason that its owner can act on, and tell those who want to hear."""
    with transaction.atomic():
        failed = (
            list_pending()
            .filter(pk=image.pk)
            .update(
                state=ReferenceImage.State.FAILED,
                failure_code=code,
                failure_message=message[:500],
                leased_until=None,
            )
        )
        if failed:
            _tell_failed(image, code=code, message=message[:500])


def _tell_failed(image: ReferenceImage, *, code: str, message: str) -> None:
    data = {
        "image": str(image.pk),
        "gallery": str(image.gallery_id),
        "product": str(image.product_id),
        "filename": image.filename,
        "code": code,
        "message": message,
    }
    emit_event(WebhookEndpoint.Event.IMAGE_FAILED, data)


def _give_up(image: ReferenceImage) -> bool:
    """End a photo whose last permitted attempt is behind it."""
    if image.attempts < MAX_ATTEMPTS:
        return False
    end_as_failed(
        image,
        code="gave_up",
        message="The photo could not be processed. Try another format or another photo.",
    )
    return True
