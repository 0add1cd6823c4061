import json
import math
from typing import Any

from rest_framework import serializers

from tenants.models import Product

MAX_ATTRIBUTES = 100
MAX_ATTRIBUTES_BYTES = 64 * 1024
MAX_ATTRIBUTES_DEPTH = 10


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

    def validate_attributes(self, value: dict[str, Any]) -> dict[str, Any]:
        """Bound the number of names, their depth and size, and refuse what the database cannot hold."""
        if len(value) > MAX_ATTRIBUTES:
            raise serializers.ValidationError(f"At most {MAX_ATTRIBUTES} attributes.")
        _check_storable(value, MAX_ATTRIBUTES_DEPTH)
        if len(json.dumps(value, ensure_ascii=False).encode()) > MAX_ATTRIBUTES_BYTES:
            raise serializers.ValidationError(f"At most {MAX_ATTRIBUTES_BYTES // 1024} KiB of JSON.")
        return value


def _check_storable(value: Any, depth: int) -> None:
    """PostgreSQL's jsonb takes no NUL, no half of a surrogate pair, no infinity."""
    if depth < 0:
        raise serializers.ValidationError(f"At most {MAX_ATTRIBUTES_DEPTH} levels of nesting.")
    if isinstance(value, dict):
        _check_storable([*value.keys(), *value.values()], depth)
    elif isinstance(value, list):
        for inner in value:
            _check_storable(inner, depth - 1)
    elif isinstance(value, str) and any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in value):
        raise serializers.ValidationError("Text with NUL characters or broken surrogate pairs.")
    elif isinstance(value, float) and not math.isfinite(value):
        raise serializers.ValidationError("Numbers must be finite.")
