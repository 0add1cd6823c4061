"""Reference photos: stored once, by content, under a key that carries the tenant."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from tenants.domain.files import CONTENT_TYPES, clean_filename, replace_file, store_file
from tenants.errors import Conflict
from tenants.models import Gallery, Product, ReferenceImage
from tenants.models.identifiers import new_id


@dataclass(frozen=True)
class AddedImage:
    """A photo of a product; `created` is False when the product had the very same file already."""

    image: ReferenceImage
    created: bool


def add_image(*, product: Product, filename: str, image_format: str, data: bytes) -> AddedImage:
    """Store a photo's bytes and its row (state `pending`); the same bytes again answer the same row.

    A photo that had failed is given another chance with the bytes that came now.

    image_format: a key of `CONTENT_TYPES`. Raises `Conflict` when the product is deleted meanwhile,
    `StorageAway` when the file cannot be stored.
    """
    digest = hashlib.sha256(data).hexdigest()
    if known := _find_image(product, digest):
        return AddedImage(image=retry_failed(known, data), created=False)
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
    delete_images([image.pk])


def delete_images(image_ids: Sequence[UUID]) -> None:
    """As `delete_image`."""
    ReferenceImage.objects.filter(pk__in=image_ids, deleted_at=None).update(deleted_at=timezone.now())


def retry_failed(image: ReferenceImage, data: bytes) -> ReferenceImage:
    """A failed photo waits again, its file stored anew (it may be the file that was lost).

    Any other is left as it is. Raises `StorageAway`.
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
        return ReferenceImage.objects.create(
            pk=pk,
            tenant_id=product.tenant_id,
            gallery_id=product.gallery_id,
            product=product,
            **fields,
        )
