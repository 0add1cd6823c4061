from typing import Any

from rest_framework import serializers

from tenants.models import Product

MAX_ATTRIBUTES = 100


class ProductSerializer(serializers.ModelSerializer[Product]):
    """A product of a gallery."""

    sku = serializers.CharField(max_length=100)
    attributes = serializers.DictField(
        required=False, help_text="Anything of your own, at most 100 names, given back as it came."
    )
    style_of = serializers.PrimaryKeyRelatedField[Product](
        required=False,
        allow_null=True,
        queryset=Product.across_tenants.none(),
        help_text="The product of this gallery that this one is a variant of.",
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
            "image_count",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "created_at", "updated_at"]

    def get_fields(self) -> dict[str, Any]:
        """`style_of` may name a live product of the same gallery only."""
        found: dict[str, Any] = super().get_fields()
        if gallery := self.context.get("gallery"):
            found["style_of"].queryset = Product.objects.filter(gallery=gallery, deleted_at=None)
        return found

    def validate_attributes(self, value: dict[str, Any]) -> dict[str, Any]:
        """Bound the number of names."""
        if len(value) > MAX_ATTRIBUTES:
            raise serializers.ValidationError(f"At most {MAX_ATTRIBUTES} attributes.")
        return value
