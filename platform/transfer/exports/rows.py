"""A gallery as the rows of a manifest that an import reads (transfer.sources.manifests)."""

import re
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from tenants.models import Gallery, Product, ReferenceImage

_PAGE: Final = 200
_PLAIN_NAME: Final = re.compile(r"\w[\w .()+-]{0,120}\.\w{1,5}")
_ENDINGS: Final = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}
_EXPORTED: Final = (ReferenceImage.State.PENDING, ReferenceImage.State.INDEXED)


def list_photos(gallery: Gallery) -> QuerySet[ReferenceImage]:
    """The gallery's photos, those that wait to be indexed among them, in the order of an export."""
    photos = ReferenceImage.objects.filter(
        gallery=gallery, deleted_at=None, product__deleted_at=None, state__in=_EXPORTED
    )
    return photos.select_related("product__style_of").order_by("pk")


def list_bare_products(gallery: Gallery) -> QuerySet[Product]:
    """Products of which an export holds no photo."""
    photos = ReferenceImage.objects.filter(product=OuterRef("pk"), deleted_at=None, state__in=_EXPORTED)
    bare = Product.objects.filter(~Exists(photos), gallery=gallery, deleted_at=None)
    return bare.select_related("style_of").order_by("pk")


def count_failed(gallery: Gallery) -> int:
    """Photos that an export leaves out, since they could not be indexed."""
    failed = Q(gallery=gallery, deleted_at=None, state=ReferenceImage.State.FAILED)
    return ReferenceImage.objects.filter(failed).count()


def page_through(rows: QuerySet[Any], *, after: UUID | None) -> Iterator[Any]:
    """Rows in the order of their keys, behind the key, a page of them in memory."""
    while page := list(rows.filter(pk__gt=after)[:_PAGE] if after else rows[:_PAGE]):
        yield from page
        after = page[-1].pk


def describe_product(product: Product) -> dict[str, Any]:
    """The product's part of a row; a style that is deleted, or a threshold that is not said, is left out."""
    row: dict[str, Any] = {
        "sku": product.sku,
        "title": product.title,
        "category": product.category,
        "attributes": product.attributes,
    }
    if product.style_of is not None and product.style_of.deleted_at is None:
        row["style_of"] = product.style_of.sku
    if product.score_threshold is not None:
        row["score_threshold"] = product.score_threshold
    return row


def describe_photo(photo: ReferenceImage, *, place: str) -> dict[str, Any]:
    """A row of a photo that lies at this place in the archive."""
    row = {**describe_product(photo.product), "image": place}
    return {**row, "box": photo.given_box} if photo.given_box else row


def name_photo(photo: ReferenceImage, *, number: int) -> str:
    """Its place in the archive: in a folder of its own, so that it keeps its name where that is plain."""
    ending = _ENDINGS.get(photo.content_type, "bmp")
    name = photo.filename if _PLAIN_NAME.fullmatch(photo.filename) else f"photo.{ending}"
    return f"photos/{number:08d}/{name}"
