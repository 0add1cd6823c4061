"""What a query photo comes with, and what is answered."""

import base64
import binascii
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from retrieval.recognition import MAX_MATCHES, SHORTLIST


@extend_schema_field(OpenApiTypes.BINARY)
class PhotoField(serializers.Field[bytes, Any, str, Any]):
    """A photo's bytes: an uploaded file, or base64 text (with or without a data: prefix)."""

    def to_internal_value(self, data: Any) -> bytes:
        """The bytes."""
        if isinstance(data, UploadedFile):
            content: bytes = data.read()
            return content
        try:
            return base64.b64decode(_strip_prefix(data), validate=True)
        except (AttributeError, binascii.Error, ValueError) as error:
            raise serializers.ValidationError("This is neither a file nor base64.") from error

    def to_representation(self, value: bytes) -> str:
        """The base64 text."""
        return base64.b64encode(value).decode()


def _strip_prefix(text: str) -> str:
    """The base64 part of a data: address, or of the text as it is, without line breaks."""
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    return "".join(encoded.split())


class SearchRequestSerializer(serializers.Serializer[Any]):
    """A query photo and how to look at it. What is left out follows the gallery's settings."""

    image = PhotoField(help_text="A file (multipart) or base64 (JSON).")
    top_k = serializers.IntegerField(default=20, min_value=1, max_value=MAX_MATCHES)
    max_regions = serializers.IntegerField(required=False, min_value=1, max_value=20)
    detect = serializers.BooleanField(required=False, allow_null=True, default=None)


class RecognizeRequestSerializer(SearchRequestSerializer):
    """A query photo to be named."""

    top_k = serializers.IntegerField(
        default=5, min_value=1, max_value=SHORTLIST, help_text="Candidates to answer."
    )
    score_threshold = serializers.FloatField(required=False, min_value=-1, max_value=1)


class ProductRefSerializer(serializers.Serializer[Any]):
    """The product of a candidate or match."""

    id = serializers.UUIDField()
    sku = serializers.CharField()
    title = serializers.CharField(allow_blank=True)
    category = serializers.CharField(allow_blank=True)


class CandidateSerializer(serializers.Serializer[Any]):
    """A product that it could be."""

    product = ProductRefSerializer()
    score = serializers.FloatField(help_text="Cosine similarity, -1 to 1.")


class VerdictSerializer(serializers.Serializer[Any]):
    """A named product, or `unknown` with the reason; the first candidate is then the best rejected one."""

    outcome = serializers.ChoiceField(choices=["product", "unknown"])
    product = ProductRefSerializer(allow_null=True)
    score = serializers.FloatField(allow_null=True)
    reason = serializers.ChoiceField(choices=["below_threshold", "empty_gallery"], allow_null=True)
    candidates = CandidateSerializer(many=True)


class RegionVerdictSerializer(VerdictSerializer):
    """The verdict on one body in the photo."""

    box = serializers.ListField(
        child=serializers.FloatField(), help_text="x1, y1, x2, y2 in pixels of the upright photo."
    )
    # DRF's Field has an attribute of this name; a declared field takes its place only on instances.
    source = serializers.ChoiceField(choices=["detected", "whole"])  # type: ignore[assignment]
    detection_score = serializers.FloatField()


class SizeSerializer(serializers.Serializer[Any]):
    """The upright photo's size in pixels."""

    width = serializers.IntegerField()
    height = serializers.IntegerField()


class ModelsSerializer(serializers.Serializer[Any]):
    """The models that looked at the photo."""

    detector = serializers.CharField()
    embedder = serializers.CharField()


class IndexSerializer(serializers.Serializer[Any]):
    """The index that was searched."""

    generation = serializers.IntegerField()


class PhotoSerializer(serializers.Serializer[Any]):
    """What every answer to a query photo carries."""

    request_id = serializers.CharField()
    image = SizeSerializer()
    model = ModelsSerializer()
    index = IndexSerializer()
    timings_ms = serializers.DictField(
        child=serializers.FloatField(),
        help_text="Milliseconds of each stage; `total` as the web server saw it.",
    )


class RecognitionSerializer(PhotoSerializer):
    """The answer on the photo as a whole, and on each body in it."""

    answer = VerdictSerializer()
    regions = RegionVerdictSerializer(many=True)


class MatchSerializer(serializers.Serializer[Any]):
    """A reference photo near the query."""

    image_id = serializers.UUIDField()
    region_id = serializers.UUIDField()
    product = ProductRefSerializer()
    score = serializers.FloatField()
    box = serializers.ListField(child=serializers.FloatField())


class SearchSerializer(PhotoSerializer):
    """Reference photos, nearest first."""

    matches = MatchSerializer(many=True)
