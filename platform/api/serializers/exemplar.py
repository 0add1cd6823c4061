from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.media import MediaUrlField
from api.serializers.image import FailureSerializer
from tenants.models import Exemplar

_FIELDS = ["id", "filename", "state", "failure", "content_type", "size", "sha256", "url", "created_at"]


class DistractorSerializer(serializers.ModelSerializer[Exemplar]):
    """A photo of what the shop does not sell. It counts once its state is `indexed`.

    `size` and `sha256` are those of the stored file: the photo as it was sent, without its metadata.
    """

    url = MediaUrlField()
    failure = serializers.SerializerMethodField()

    class Meta:
        model = Exemplar
        fields = _FIELDS

    @extend_schema_field(FailureSerializer(allow_null=True))
    def get_failure(self, exemplar: Exemplar) -> dict[str, str] | None:
        """Code and message of a failed photo, else null."""
        failed = exemplar.state == Exemplar.State.FAILED
        return {"code": exemplar.failure_code, "message": exemplar.failure_message} if failed else None


class LabelledQuerySerializer(DistractorSerializer):
    """A photo with the SKU that it should be answered with. It is asked once its state is `indexed`."""

    sku_known = serializers.BooleanField(
        read_only=True,
        help_text="Whether the gallery has a product of this SKU; if not, `unknown` is the right answer.",
    )

    class Meta(DistractorSerializer.Meta):
        fields = [*_FIELDS, "sku", "sku_known"]


class LabelledQueriesUploadSerializer(serializers.Serializer[Any]):
    """One or many photos of one product."""

    images = serializers.ListField(
        child=serializers.FileField(), help_text="Repeat the field for each photo."
    )
    sku = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=100,
        default="",
        help_text="What the photos show; left out or empty: they should be `unknown`.",
    )


class ExemplarFilterSerializer(serializers.Serializer[Any]):
    """What a list of exemplars may be narrowed to."""

    state = serializers.ChoiceField(choices=Exemplar.State.choices, required=False)


class TakenDistractorSerializer(serializers.Serializer[Any]):
    """What became of one photo of an upload: taken (`image`, and whether it is new) or refused (`error`)."""

    filename = serializers.CharField()
    created = serializers.BooleanField(help_text="False: this very file was there already.")
    image = DistractorSerializer(allow_null=True)
    error = FailureSerializer(allow_null=True)


class TakenLabelledQuerySerializer(TakenDistractorSerializer):
    """What became of one photo of an upload: taken (`image`, and whether it is new) or refused (`error`)."""

    image = LabelledQuerySerializer(allow_null=True)


class TakenDistractorsSerializer(serializers.Serializer[Any]):
    """What became of each photo, in the order sent, and the job that looks at them."""

    results = TakenDistractorSerializer(many=True)
    job = serializers.UUIDField()


class TakenLabelledQueriesSerializer(serializers.Serializer[Any]):
    """What became of each photo, in the order sent, and the job that looks at them."""

    results = TakenLabelledQuerySerializer(many=True)
    job = serializers.UUIDField()
