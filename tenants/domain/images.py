"""Reference photos: stored once, by content, under a key that carries the tenant."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from inference.metadata import remove_metadata
from tenants.domain.audit import record_change
from tenants.domain.audited import describe_row
from tenants.domain.files import CONTENT_TYPES, clean_filename, replace_file, store_file
from tenants.domain.quotas import check_quota
from tenants.errors import Conflict
from tenants.models import Gallery, Product, ReferenceImage
from tenants.models.identifiers import new_id


@dataclass(frozen=True)
class AddedImage:
    """A photo of a product; `created` is False when the product had the very same photo already."""

    image: ReferenceImage
    created: bool


def add_image(*, product: Product, filename: str, image_format: str, data: bytes) -> AddedImage:
    """Store a photo without its metadata, and its row (`pending`); the same photo again answers the same row.

    Sizes and hashes are those of what is stored: a photo is the same whatever its file said beside it.

    A photo that had failed is given another chance with the bytes that came now.

    image_format: a key of `CONTENT_TYPES`. Raises `Conflict` when the product is deleted meanwhile,
    `StorageAway` when the file cannot be stored, `QuotaExceeded`.
    """
    data = remove_metadata(data)
    digest = hashlib.sha256(data).hexdigest()
    if known := _find_image(product, digest):
        return AddedImage(image=_add_again(known, data), created=False)
    image_id = new_id()
    stored = store_file(name_file(product.gallery, image_id, image_format), data)
    try:
        image = _create_row(
            product,
            pk=image_id,
            filename=clean_filename(filename),
            file=stored,
            content_type=CONTENT_TYPES[image_format],
            size=len(data),
            sha256=digest,
        )
    except BaseException:
        default_storage.delete(stored)
        if known := _find_image(product, digest):
            return AddedImage(image=known, created=False)
        raise
    return AddedImage(image=image, created=True)


def name_file(gallery: Gallery, image_id: UUID, image_format: str) -> str:
    """The name under which the photo's file is stored."""
    return f"{gallery.tenant_id}/{gallery.pk}/{image_id}.{image_format}"


def delete_image(*, image: ReferenceImage) -> None:
    """Take the photo out of sight at once; purging its vectors and file is left to a worker."""
    with transaction.atomic():
        if delete_images([image.pk]):
            record_change(action="image.deleted", object_id=image.pk, before=describe_row(image), after=None)


def delete_images(image_ids: Sequence[UUID]) -> int:
    """As `delete_image`, and how many there were; the caller records them as one change."""
    there = ReferenceImage.objects.filter(pk__in=image_ids, deleted_at=None)
    return there.update(deleted_at=timezone.now())


def retry_failed(image: ReferenceImage, data: bytes) -> ReferenceImage:
    """A failed photo waits again, its file stored anew (it may be the file that was lost).

    Any other is left as it is. The caller records it as a change. Raises `StorageAway`.
    """
    if image.state != ReferenceImage.State.FAILED:
        return image
    with transaction.atomic():
        failed = ReferenceImage.objects.select_for_update().filter(
            pk=image.pk, state=ReferenceImage.State.FAILED
        )
        if failed.exists():
            failed.update(
                state=ReferenceImage.State.PENDING,
                file=replace_file(image.file, data),
                attempts=0,
                failure_code="",
                failure_message="",
            )
    return ReferenceImage.objects.get(pk=image.pk)


def _find_image(product: Product, digest: str) -> ReferenceImage | None:
    return ReferenceImage.objects.filter(product=product, sha256=digest, deleted_at=None).first()


def _create_row(product: Product, *, pk: UUID, **fields: object) -> ReferenceImage:
    with transaction.atomic():
        # Locked, so that a product deleted at this moment does not get a photo nobody would purge.
        if not Product.objects.select_for_update().filter(pk=product.pk, deleted_at=None).exists():
            raise Conflict("The product was deleted meanwhile.", code="product_deleted")
        image = ReferenceImage.objects.create(
            pk=pk,
            tenant_id=product.tenant_id,
            gallery_id=product.gallery_id,
            product=product,
            **fields,
        )
        check_quota(product.tenant_id, "images", "bytes")
        record_change(action="image.added", object_id=pk, before=None, after=describe_row(image))
    return image


def _add_again(image: ReferenceImage, data: bytes) -> ReferenceImage:
    with transaction.atomic():
        # Locked, so that of two callers at once only the one who changes its state records that.
        locked = ReferenceImage.objects.select_for_update().filter(pk=image.pk).first() or image
        again = retry_failed(locked, data)
        if again.state != locked.state:
            states = {"before": {"state": locked.state}, "after": {"state": again.state}}
            record_change(action="image.added_again", object_id=image.pk, **states)
    return again
