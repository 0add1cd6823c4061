"""Deleted photos out of the index, out of the store, and out of the tables, in this order."""

from django.conf import settings

from retrieval.index.rows import list_all, space_of
from retrieval.index.store import connect_store
from retrieval.photos.files import delete_file
from tenants.models import Gallery, Product, ReferenceImage, Region


def purge_deleted() -> None:
    """Remove what the tenant that is set has deleted. Killed half-way, the next run goes on.

    Galleries that are being deleted are left to their own job. Raises `Unavailable`.
    """
    deleted = ReferenceImage.objects.filter(deleted_at__isnull=False, gallery__deleted_at=None)
    for gallery in Gallery.objects.filter(pk__in=deleted.values("gallery")):
        while images := list(deleted.filter(gallery=gallery)[: settings.INDEX_BATCH]):
            _purge_images(gallery, images)
    with_photos = ReferenceImage.objects.values("product")
    Product.objects.filter(deleted_at__isnull=False).exclude(pk__in=with_photos).delete()


def _purge_images(gallery: Gallery, images: list[ReferenceImage]) -> None:
    region_ids = list(Region.objects.filter(image__in=images).values_list("id", flat=True))
    for index in list_all(gallery):
        connect_store().delete(space_of(index), region_ids)
    for image in images:
        delete_file(image.file)
    ReferenceImage.objects.filter(pk__in=[image.pk for image in images]).delete()
