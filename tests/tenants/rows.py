"""Rows of a shop, made straight in the database (inside a test's transaction)."""

import uuid
from typing import Any

import numpy as np
from django.db.models import QuerySet

from tenants.models import Embedding, Gallery, Product, ReferenceImage, Region, Tenant
from tenants.models.owned import TenantOwned
from tenants.scope import tenant_scope


def make_tenant(name: str) -> Tenant:
    """A new tenant."""
    return Tenant.objects.create(slug=f"{name}-{uuid.uuid4().hex[:8]}", name=name)


def make_gallery(tenant: Tenant, name: str = "shelf") -> Gallery:
    """A gallery that is ready."""
    with tenant_scope(tenant.id):
        return Gallery.objects.create(tenant=tenant, name=name, state=Gallery.State.READY)


def make_product(gallery: Gallery, sku: str = "one") -> Product:
    """A product of the gallery."""
    with tenant_scope(gallery.tenant_id):
        return Product.objects.create(tenant_id=gallery.tenant_id, gallery=gallery, sku=sku)


def make_image(product: Product, name: str = "a.png") -> ReferenceImage:
    """A photo's row with a region and a vector; no file behind it."""
    owner = {"tenant_id": product.tenant_id}
    with tenant_scope(product.tenant_id):
        image = ReferenceImage.objects.create(
            **owner,
            gallery_id=product.gallery_id,
            product=product,
            filename=name,
            file=name,
            content_type="image/png",
            size=1,
            sha256=uuid.uuid4().hex * 2,
        )
        region = Region.objects.create(
            **owner, image=image, x1=0, y1=0, x2=1, y2=1, score=1, source=Region.Source.WHOLE
        )
        vector = Embedding.pack(np.full(4, 0.5, np.float32))
        Embedding.objects.create(**owner, region=region, model="any", vector=vector)
        return image


def change_rows(found: "QuerySet[Any, Any]", **fields: Any) -> None:
    """Change rows that were found across tenants, each as its own tenant."""
    for tenant_id, key in list(found.values_list("tenant_id", "pk")):
        with tenant_scope(tenant_id):
            found.model.objects.filter(pk=key).update(**fields)


def add_rows(*rows: TenantOwned) -> None:
    """Insert the rows, each as its own tenant."""
    for row in rows:
        with tenant_scope(row.tenant_id):
            row.save(force_insert=True)
