from django.db import models
from django.db.models import Q

from tenants.models.gallery import Gallery
from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned


class Product(TenantOwned):
    """One thing that a shop sells, by its SKU. `style_of` points to the product it is a variant of.

    score_threshold: takes the place of its gallery's for this product.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    gallery = models.ForeignKey(Gallery, on_delete=models.CASCADE, related_name="products")
    sku = models.CharField(max_length=100)
    title = models.CharField(max_length=300, blank=True)
    category = models.CharField(max_length=200, blank=True)
    attributes = models.JSONField(default=dict)
    style_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="variants")
    score_threshold = models.FloatField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["gallery", "sku"], condition=Q(deleted_at=None), name="sku_unique_in_gallery"
            ),
        ]

    def __str__(self) -> str:
        return self.sku
