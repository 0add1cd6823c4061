from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.media import MediaUrlField
from tenants.models import ReferenceImage, Region


class RegionSerializer(serializers.ModelSerializer[Region]):
    """A part of a reference photo that is searched."""

    id = serializers.UUIDField(source="uid")
    box = serializers.ListField(
        child=serializers.FloatField(), help_text="x1, y1, x2, y2 in pixels of the upright photo."
    )

    class Meta:
        model = Region
        fields = ["id", "box", "score", "source"]


class FailureSerializer(serializers.Serializer[Any]):
    """Why a photo cannot be used."""

    code = serializers.CharField()
    message = serializers.CharField()


class ImageSerializer(serializers.ModelSerializer[ReferenceImage]):
    """A reference photo. It can be found once its state is `indexed`.

    `size` and `sha256` are those of the stored file: the photo as it was sent, without its metadata.
    """

    product = serializers.PrimaryKeyRelatedField[Any](read_only=True)
    url = MediaUrlField()
    regions = RegionSerializer(many=True, read_only=True)
    failure = serializers.SerializerMethodField()

    class Meta:
        model = ReferenceImage
        fields = [
            "id",
            "product",
            "filename",
            "state",
            "failure",
            "content_type",
            "size",
            "sha256",
            "width",
            "height",
            "url",
            "regions",
            "created_at",
            "indexed_at",
        ]

    @extend_schema_field(FailureSerializer(allow_null=True))
    def get_failure(self, image: ReferenceImage) -> dict[str, str] | None:
        """Code and message of a failed photo, else null."""
        failed = image.state == ReferenceImage.State.FAILED
        return {"code": image.failure_code, "message": image.failure_message} if failed else None


class UploadSerializer(serializers.Serializer[Any]):
    """One or many photos."""

    images = serializers.ListField(
        child=serializers.FileField(), help_text="Repeat the field for each photo."
    )


class UploadedSerializer(serializers.Serializer[Any]):
    """What became of one photo of an upload: taken (`image`, and whether it is new) or refused (`error`)."""

    filename = serializers.CharField()
    created = serializers.BooleanField(help_text="False: the product had this very file already.")
    image = ImageSerializer(allow_null=True)
    error = FailureSerializer(allow_null=True)


class UploadsSerializer(serializers.Serializer[Any]):
    """What became of each photo, in the order sent."""

    results = UploadedSerializer(many=True)
