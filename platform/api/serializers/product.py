from typing import Any

from rest_framework import serializers

from tenants.domain.attributes import find_attributes_problem
from tenants.domain.skus import is_clean_sku
from tenants.models import Product


class ProductSerializer(serializers.ModelSerializer[Product]):
    """A product of a gallery."""

    sku = serializers.CharField(max_length=100)
    attributes = serializers.DictField(
        required=False,
        help_text="Anything of your own, at most 100 names and 64 KiB of JSON, given back as it came.",
    )
    style_of = serializers.PrimaryKeyRelatedField[Product](
        required=False,
        allow_null=True,
        queryset=Product.across_tenants.none(),
        help_text="The product of this gallery that this one is a variant of.",
    )
    score_threshold = serializers.FloatField(
        required=False,
        allow_null=True,
        min_value=-1,
        max_value=1,
        help_text="Takes the place of the gallery's threshold for this product; null for the gallery's.",
    )
    image_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Product
        fields = [
            "id",
            "sku",
            "title",
            "category",
            "attributes",
            "style_of",
            "score_threshold",
            "image_count",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "created_at", "updated_at"]

    def get_fields(self) -> dict[str, Any]:
        """`style_of` may name another live product of the same gallery only."""
        found: dict[str, Any] = super().get_fields()
        if gallery := self.context.get("gallery"):
            others = Product.objects.filter(gallery=gallery, deleted_at=None)
            if product := self.context.get("product"):
                others = others.exclude(pk=product.pk)
            found["style_of"].queryset = others
        return found

    def validate_sku(self, value: str) -> str:
        """Refuse what cannot be seen."""
        if not is_clean_sku(value):
            raise serializers.ValidationError("A SKU has no control characters.")
        return value

    def validate_attributes(self, value: dict[str, Any]) -> dict[str, Any]:
        """Bound the number of names, their depth and size, and refuse what the database cannot hold."""
        if problem := find_attributes_problem(value):
            raise serializers.ValidationError(problem)
        return value
