"""A shop's galleries at a glance."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet

from tenants.models import Gallery, Product, ReferenceImage
from tenants.queries.catalog import list_galleries


@dataclass(frozen=True)
class GalleryCard:
    """A gallery with how many live products and photos it holds."""

    gallery: Gallery
    products: int
    images: int


def list_gallery_cards() -> list[GalleryCard]:
    """The galleries of the tenant that is set, by name; three queries however many there are."""
    products = _count_by_gallery(Product.objects.filter(deleted_at=None))
    images = _count_by_gallery(ReferenceImage.objects.filter(deleted_at=None))
    return [
        GalleryCard(gallery, products.get(gallery.pk, 0), images.get(gallery.pk, 0))
        for gallery in list_galleries().order_by("name")
    ]


def _count_by_gallery(rows: "QuerySet[Any]") -> dict[UUID, int]:
    return dict(rows.order_by().values_list("gallery").annotate(Count("pk")))
