from typing import Any, get_args
from uuid import UUID

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from api.serializers.settings import EffectiveSettingsField, SettingsChangeField
from jobs.lookup import find_unfinished
from retrieval.index.report import report_index, report_threshold
from retrieval.settings.gallery import GallerySettings
from retrieval.thresholds import Origin
from tenants.models import Gallery
from tenants.queries.catalog import count_images


@extend_schema_serializer(component_name="Gallery")
class GalleryRequestSerializer(serializers.ModelSerializer[Gallery]):
    """What of a gallery is said; in a change, what is left out stays as it is."""

    settings = SettingsChangeField(required=False)

    class Meta:
        model = Gallery
        fields = ["name", "settings"]


class ThresholdSerializer(serializers.Serializer[Any]):
    """The least similarity at which a product is named, and where it comes from."""

    value = serializers.FloatField()
    origin = serializers.ChoiceField(choices=get_args(Origin))


class FittedSerializer(serializers.Serializer[Any]):
    """Something fitted on the gallery's own photos."""

    version = serializers.IntegerField()
    fitted_on = serializers.IntegerField(help_text="So many photos.")


class BinarizerSerializer(FittedSerializer):
    """How vectors become bits."""

    method = serializers.ChoiceField(choices=["itq", "sign"])


class ModelReportSerializer(serializers.Serializer[Any]):
    """The vectors of one model, or of several that were joined."""

    model = serializers.CharField()
    embedders = serializers.ListField(child=serializers.CharField())
    representation = serializers.ChoiceField(choices=["float", "binary", "hybrid"])
    stored_dim = serializers.IntegerField(help_text="Floats, or bits, of a vector in the index.")
    projected = serializers.BooleanField()
    projection = FittedSerializer(allow_null=True)
    binarizer = BinarizerSerializer(allow_null=True)
    notes = serializers.ListField(
        child=serializers.CharField(), help_text="Where this is not what the settings ask for, and why."
    )


class IndexReportSerializer(serializers.Serializer[Any]):
    """The index that is searched; without models while there is none yet."""

    generation = serializers.IntegerField()
    models = ModelReportSerializer(many=True)


class GallerySerializer(serializers.ModelSerializer[Gallery]):
    """A gallery."""

    settings = serializers.SerializerMethodField()
    threshold = serializers.SerializerMethodField()
    index = serializers.SerializerMethodField()

    class Meta:
        model = Gallery
        fields = ["id", "name", "state", "settings", "threshold", "index", "created_at", "updated_at"]

    @extend_schema_field(EffectiveSettingsField)
    def get_settings(self, gallery: Gallery) -> dict[str, Any]:
        """Every setting, defaults included."""
        return GallerySettings.parse(gallery.settings).as_dict()

    @extend_schema_field(ThresholdSerializer)
    def get_threshold(self, gallery: Gallery) -> Any:
        """The threshold in effect."""
        return ThresholdSerializer(report_threshold(gallery)).data

    @extend_schema_field(IndexReportSerializer)
    def get_index(self, gallery: Gallery) -> Any:
        """The index that is searched."""
        return IndexReportSerializer(report_index(gallery)).data


class ImageCountsSerializer(serializers.Serializer[dict[str, int]]):
    """Photos of a gallery by state."""

    pending = serializers.IntegerField()
    indexed = serializers.IntegerField()
    failed = serializers.IntegerField()


class GalleryDetailSerializer(GallerySerializer):
    """A gallery with the number of its photos in each state, and the job that is at work on it."""

    images = serializers.SerializerMethodField()
    job = serializers.SerializerMethodField(help_text="The oldest job of the gallery that has not ended.")

    class Meta(GallerySerializer.Meta):
        fields = [*GallerySerializer.Meta.fields, "images", "job"]

    @extend_schema_field(ImageCountsSerializer)
    def get_images(self, gallery: Gallery) -> dict[str, int]:
        """Counts by state."""
        return count_images(gallery)

    def get_job(self, gallery: Gallery) -> UUID | None:
        """The id of the oldest job that has not ended."""
        job = find_unfinished(gallery)
        return job.pk if job else None


class GalleryWithJobSerializer(GallerySerializer):
    """A gallery with the job that prepares it, or builds its next index."""

    job = serializers.UUIDField(read_only=True)

    class Meta(GallerySerializer.Meta):
        fields = [*GallerySerializer.Meta.fields, "job"]
