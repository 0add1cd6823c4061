"""Products of a gallery."""

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants.errors import Conflict
from tenants.models import Gallery, Product, ReferenceImage


def create_product(*, gallery: Gallery, sku: str, **fields: Any) -> Product:
    """A new product. Raises `Conflict` when the gallery has the SKU already."""
    try:
        with transaction.atomic():
            return Product.objects.create(tenant_id=gallery.tenant_id, gallery=gallery, sku=sku, **fields)
    except IntegrityError as error:
        raise Conflict(f"This gallery already has a product with SKU {sku!r}.", code="sku_taken") from error


def update_product(*, product: Product, **fields: Any) -> Product:
    """Change the given fields. Raises `Conflict` when a new SKU is taken."""
    for name, value in fields.items():
        setattr(product, name, value)
    try:
        with transaction.atomic():
            product.save(update_fields=[*fields, "updated_at"])
    except IntegrityError as error:
        raise Conflict(
            f"This gallery already has a product with SKU {product.sku!r}.", code="sku_taken"
        ) from error
    return product


def delete_product(*, product: Product) -> None:
    """Take the product and its photos out of sight at once; purging them is left to a worker."""
    delete_products([product])


def delete_products(products: Sequence[Product]) -> None:
    """As `delete_product`, all or none."""
    now = timezone.now()
    keys = [product.pk for product in products]
    with transaction.atomic():
        Product.objects.filter(pk__in=keys, deleted_at=None).update(deleted_at=now)
        ReferenceImage.objects.filter(product__in=keys, deleted_at=None).update(deleted_at=now)
