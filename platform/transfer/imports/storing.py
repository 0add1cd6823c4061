"""Photos that were read become rows and files of their products, or are found to be there already."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from jobs.items import describe_failure
from jobs.models import JobItem
from tenants.domain.files import CONTENT_TYPES, clean_filename, remove_file, replace_file
from tenants.domain.images import name_file, retry_failed
from tenants.domain.quotas import QuotaExceeded, check_quota, describe_full, fit_into_quota, read_room
from tenants.models import Gallery, Product, ReferenceImage
from transfer.imports.leftovers import remove_leftovers
from transfer.imports.reading import ReadPhoto

_WRITERS = 4
_CHANGED = ("state", "code", "message", "image", "duplicate_of", "conflicts", "ended_at")


def store_photos(gallery: Gallery, photos: Sequence[ReadPhoto]) -> None:
    """Store the photos' files and rows, and say so in their items, all or none.

    A photo that its product has already ends its item as `duplicate`, unless it had failed: then it gets
    another chance with these bytes. One that another product has is stored, and that noted as a conflict. One
    that the shop has no room for ends its item as failed (`quota_exceeded`).

    The items are locked first, so that whoever cancels the import waits for the end of this, and products
    next, so that nobody adds the same photo or deletes the product meanwhile. Killed at any point, it leaves
    files at most, under names that the next attempt uses again. Raises `StorageAway`, `Unavailable`.
    """
    fit_into_quota(partial(_store, gallery, photos))


def _store(gallery: Gallery, photos: Sequence[ReadPhoto]) -> None:
    with transaction.atomic():
        waiting = _lock_items(photos)
        placing = _Placing(gallery, waiting)
        for photo in waiting:
            placing.place(photo)
        placing.write()
        JobItem.objects.bulk_update([photo.item for photo in waiting], _CHANGED)


def _lock_items(photos: Sequence[ReadPhoto]) -> list[ReadPhoto]:
    """The photos whose items have not ended meanwhile, with the items as they are now."""
    keys = [photo.item.pk for photo in photos]
    pending = JobItem.objects.filter(pk__in=keys, state=JobItem.State.PENDING)
    items = {item.pk: item for item in pending.order_by("pk").select_for_update()}
    return [replace(photo, item=items[photo.item.pk]) for photo in photos if photo.item.pk in items]


@dataclass(frozen=True)
class _Known:
    """A photo that the gallery has."""

    image_id: UUID
    product_id: UUID
    failed: bool = False


class _Placing:
    """Finds for each photo the place that it gets; nothing of that is written before `write`."""

    def __init__(self, gallery: Gallery, photos: Sequence[ReadPhoto]) -> None:
        self._gallery = gallery
        self._products = _lock_products(gallery, {photo.item.sku for photo in photos})
        self._known = _find_known(gallery, {photo.sha256 for photo in photos})
        self._room = read_room(gallery.tenant_id)
        self._new: list[tuple[ReferenceImage, bytes]] = []

    def place(self, photo: ReadPhoto) -> None:
        """Change the photo's item to what becomes of it."""
        product_id = self._products.get(photo.item.sku)
        if product_id is None:
            _fail_orphan(photo.item)
            return
        known = self._known.setdefault(photo.sha256, [])
        own = next((other for other in known if other.product_id == product_id), None)
        if own is None and not self._room.take_photo(len(photo.data)):
            _fail_unfit(self._gallery, photo.item)
        elif own is None:
            photo.item.conflicts = [other.image_id for other in known]
            known.append(_Known(self._add_image(photo, product_id), product_id))
        elif own.failed:
            _retry(photo, own)
        else:
            _end_as_duplicate(photo.item, own)

    def write(self) -> None:
        """Store the files, then the rows of the new photos. Raises `QuotaExceeded`."""
        if not self._new:
            return
        names = [image.file for image, _ in self._new]
        list(_writers().map(replace_file, names, [data for _, data in self._new]))
        ReferenceImage.objects.bulk_create(image for image, _ in self._new)
        try:
            check_quota(self._gallery.tenant_id, "images", "bytes")
        except QuotaExceeded:
            # Somebody else took the room meanwhile: the next try may find no place for all of these.
            list(_writers().map(remove_file, names))
            raise

    def _add_image(self, photo: ReadPhoto, product_id: UUID) -> UUID:
        item = photo.item
        image = ReferenceImage(
            pk=item.pk,
            tenant_id=item.tenant_id,
            gallery=self._gallery,
            product_id=product_id,
            filename=clean_filename(item.name),
            file=name_file(self._gallery, item.pk, photo.image_format),
            content_type=CONTENT_TYPES[photo.image_format],
            size=len(photo.data),
            sha256=photo.sha256,
            given_box=item.data.get("box"),
        )
        self._new.append((image, photo.data))
        _wait_for(item, image.pk)
        return image.pk


@cache
def _writers() -> ThreadPoolExecutor:
    """A store across the network answers several writes in the time of one."""
    return ThreadPoolExecutor(max_workers=_WRITERS, thread_name_prefix="store")


def _lock_products(gallery: Gallery, skus: set[str]) -> dict[str, UUID]:
    live = Product.objects.filter(gallery=gallery, deleted_at=None, sku__in=skus)
    return dict(live.order_by("pk").select_for_update().values_list("sku", "pk"))


def _find_known(gallery: Gallery, hashes: set[str]) -> dict[str, list[_Known]]:
    live = ReferenceImage.objects.filter(gallery=gallery, sha256__in=hashes, deleted_at=None)
    known: dict[str, list[_Known]] = {}
    for image in live.order_by("pk").only("pk", "product_id", "sha256", "state"):
        failed = image.state == ReferenceImage.State.FAILED
        known.setdefault(image.sha256, []).append(_Known(image.pk, image.product_id, failed))
    return known


def _fail_unfit(gallery: Gallery, item: JobItem) -> None:
    if item.attempts > 1:
        # An earlier attempt may have been killed behind its file.
        remove_leftovers(gallery, [item])
    message = describe_full(item.tenant_id, "images", "bytes")
    _change(item, describe_failure("quota_exceeded", message))


def _wait_for(item: JobItem, image_id: UUID) -> None:
    item.state = JobItem.State.STORED
    item.image_id = image_id


def _retry(photo: ReadPhoto, own: _Known) -> None:
    retry_failed(ReferenceImage.objects.get(pk=own.image_id), photo.data)
    _wait_for(photo.item, own.image_id)


def _end_as_duplicate(item: JobItem, own: _Known) -> None:
    item.state = JobItem.State.DUPLICATE
    item.code = "exact_duplicate"
    item.message = "The product has this very photo already."
    item.duplicate_of = own.image_id
    item.ended_at = timezone.now()


def describe_orphan() -> Mapping[str, Any]:
    """The fields of a row whose product is no more there."""
    message = "The product was deleted while the import ran. Retry the row to create it again."
    return describe_failure("product_deleted", message)


def _fail_orphan(item: JobItem) -> None:
    _change(item, describe_orphan())


def _change(item: JobItem, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(item, name, value)
