from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants.domain.gallery_settings import GallerySettings
from tenants.models import Gallery
from tenants.queries.catalog import count_images


class GallerySettingsSerializer(serializers.Serializer[dict[str, Any]]):
    """Settings of a gallery. Those left out of a change stay as they are."""

    detect = serializers.BooleanField(
        required=False, help_text="Look for main bodies in photos; else each photo is taken whole."
    )
    max_regions = serializers.IntegerField(
        required=False, min_value=1, max_value=20, help_text="Detected bodies considered per query photo."
    )
    score_threshold = serializers.FloatField(
        required=False,
        min_value=-1,
        max_value=1,
        help_text="Least cosine similarity at which a product is named instead of `unknown`.",
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Refuse unknown settings by name rather than drop them."""
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError(dict.fromkeys(unknown, "There is no such setting."))
        value: dict[str, Any] = super().to_internal_value(data)
        return value


class GallerySerializer(serializers.ModelSerializer[Gallery]):
    """A gallery."""

    settings = GallerySettingsSerializer(required=False)
    embedder = serializers.RegexField(
        r"^[a-z0-9_]{1,64}$",
        required=False,
        help_text="Name of an installed embedder; the platform's default when left out. Fixed once made.",
    )

    class Meta:
        model = Gallery
        fields = ["id", "name", "state", "embedder", "settings", "generation", "created_at", "updated_at"]
        read_only_fields = ["id", "state", "generation", "created_at", "updated_at"]

    def to_representation(self, instance: Gallery) -> dict[str, Any]:
        """The gallery with every setting, defaults included."""
        shown = super().to_representation(instance)
        shown["settings"] = asdict(GallerySettings.parse(instance.settings))
        return shown


class ImageCountsSerializer(serializers.Serializer[dict[str, int]]):
    """Photos of a gallery by state."""

    pending = serializers.IntegerField()
    indexed = serializers.IntegerField()
    failed = serializers.IntegerField()


class GalleryDetailSerializer(GallerySerializer):
    """A gallery with the number of its photos in each state."""

    images = serializers.SerializerMethodField()

    class Meta(GallerySerializer.Meta):
        fields = [*GallerySerializer.Meta.fields, "images"]

    @extend_schema_field(ImageCountsSerializer)
    def get_images(self, gallery: Gallery) -> dict[str, int]:
        """Counts by state."""
        return count_images(gallery)


class GalleryUpdateSerializer(GallerySerializer):
    """What of a gallery can be changed."""

    class Meta(GallerySerializer.Meta):
        read_only_fields = [*GallerySerializer.Meta.read_only_fields, "embedder"]


class GalleryCreatedSerializer(GallerySerializer):
    """A new gallery with the job that prepares it."""

    job = serializers.UUIDField(read_only=True)

    class Meta(GallerySerializer.Meta):
        fields = [*GallerySerializer.Meta.fields, "job"]
