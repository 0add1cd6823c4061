"""What a shop can see: rows that are not deleted, of the tenant that is set."""

from uuid import UUID

from django.db.models import Count, Q, QuerySet

from tenants.errors import NotFound
from tenants.models import Gallery, Product, ReferenceImage


def list_galleries() -> QuerySet[Gallery]:
    """Live galleries."""
    return Gallery.objects.filter(deleted_at=None)


def get_gallery(gallery_id: UUID) -> Gallery:
    """A live gallery of this tenant. Raises `NotFound`."""
    gallery = list_galleries().filter(pk=gallery_id).first()
    if gallery is None:
        raise NotFound("No such gallery.", code="gallery_not_found")
    return gallery


def count_images(gallery: Gallery) -> dict[str, int]:
    """How many live photos of the gallery are in each state."""
    live = ReferenceImage.objects.filter(gallery=gallery, deleted_at=None)
    counts = dict(live.order_by().values_list("state").annotate(Count("pk")))
    return {state: counts.get(state, 0) for state in ReferenceImage.State.values}


def list_products(gallery: Gallery) -> QuerySet[Product]:
    """Live products of a gallery, each with `image_count`."""
    live_images = Count("images", filter=Q(images__deleted_at=None))
    return Product.objects.filter(gallery=gallery, deleted_at=None).annotate(image_count=live_images)


def get_product(gallery: Gallery, product_id: UUID) -> Product:
    """A live product of the gallery. Raises `NotFound`."""
    product = list_products(gallery).filter(pk=product_id).first()
    if product is None:
        raise NotFound("No such product in this gallery.", code="product_not_found")
    return product


def list_images(gallery: Gallery) -> QuerySet[ReferenceImage]:
    """Live photos of a gallery with their regions."""
    return ReferenceImage.objects.filter(gallery=gallery, deleted_at=None).prefetch_related("regions")


def get_image(gallery: Gallery, image_id: UUID) -> ReferenceImage:
    """A live photo of the gallery. Raises `NotFound`."""
    image = list_images(gallery).filter(pk=image_id).first()
    if image is None:
        raise NotFound("No such image in this gallery.", code="image_not_found")
    return image
