"""Products of a gallery."""

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants.domain.audit import record_change
from tenants.domain.audited import describe_row
from tenants.domain.quotas import check_quota
from tenants.errors import Conflict, NotFound
from tenants.models import Gallery, Product, ReferenceImage


def create_product(*, gallery: Gallery, sku: str, **fields: Any) -> Product:
    """A new product. Raises `Conflict` when the gallery has the SKU already, `QuotaExceeded`."""
    try:
        with transaction.atomic():
            product = Product.objects.create(tenant_id=gallery.tenant_id, gallery=gallery, sku=sku, **fields)
            check_quota(gallery.tenant_id, "products")
            record_change(
                action="product.created", object_id=product.pk, before=None, after=describe_row(product)
            )
    except IntegrityError as error:
        raise Conflict(f"This gallery already has a product with SKU {sku!r}.", code="sku_taken") from error
    return product


def update_product(*, product: Product, **fields: Any) -> Product:
    """Change the given fields.

    Raises `Conflict` when a new SKU is taken, `NotFound` when the product was deleted meanwhile.
    """
    for name, value in fields.items():
        setattr(product, name, value)
    try:
        with transaction.atomic():
            before = _lock_product(product)
            product.save(update_fields=[*fields, "updated_at"])
            # Of the fields that are not to change, the product at hand may know less than its row.
            record_change(
                action="product.updated",
                object_id=product.pk,
                before={name: before[name] for name in before if name in fields},
                after={name: value for name, value in describe_row(product).items() if name in fields},
            )
    except IntegrityError as error:
        raise Conflict(
            f"This gallery already has a product with SKU {product.sku!r}.", code="sku_taken"
        ) from error
    return product


def delete_product(*, product: Product) -> None:
    """Take the product and its photos out of sight at once; purging them is left to a worker."""
    with transaction.atomic():
        if delete_products([product]):
            record_change(
                action="product.deleted", object_id=product.pk, before=describe_row(product), after=None
            )


def delete_products(products: Sequence[Product]) -> int:
    """As `delete_product`, all or none, and how many there were; the caller records them as one change."""
    now = timezone.now()
    keys = [product.pk for product in products]
    with transaction.atomic():
        deleted = Product.objects.filter(pk__in=keys, deleted_at=None).update(deleted_at=now)
        ReferenceImage.objects.filter(product__in=keys, deleted_at=None).update(deleted_at=now)
    return deleted


def _lock_product(product: Product) -> dict[str, Any]:
    """The product as it is described, held until the transaction ends."""
    locked = Product.objects.select_for_update(no_key=True).filter(pk=product.pk, deleted_at=None).first()
    if locked is None:
        raise NotFound("No such product in this gallery.", code="product_not_found")
    return describe_row(locked)
