"""What a query photo comes with, and what is answered."""

import base64
import binascii
from typing import Any, get_args

from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from api.serializers.settings import RerankField, RerankFormField, make_option
from retrieval.decision import Reason
from retrieval.recognition import MAX_MATCHES


@extend_schema_field({"type": "string", "contentEncoding": "base64"})
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


@extend_schema_field(OpenApiTypes.BINARY)
class PhotoFileField(PhotoField):
    """The same in a form, where it is a file."""


def _strip_prefix(text: str) -> str:
    """The base64 part of a data: address, or of the text as it is, without line breaks."""
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    return "".join(encoded.split())


@extend_schema_serializer(component_name="Search")
class SearchRequestSerializer(serializers.Serializer[Any]):
    """A query photo and how to look at it. What is left out, or null, follows the gallery's settings."""

    image = PhotoField(help_text="The file in base64.")
    top_k = serializers.IntegerField(
        default=20, min_value=1, max_value=MAX_MATCHES, help_text="Matches to answer."
    )
    detect = make_option("detect")
    max_regions = make_option("max_regions")
    fallback = make_option("fallback")
    shortlist = make_option("shortlist")
    rerank = RerankField(required=False, allow_null=True, default=None)
    ef = make_option("ef")
    nprobe = make_option("nprobe")
    hamming_radius = make_option("hamming_radius")
    oversample = make_option("oversample")
    explain = serializers.BooleanField(
        default=False, help_text="Also the order before and after ranking, with the terms of each score."
    )


@extend_schema_serializer(component_name="SearchForm")
class SearchFormSerializer(SearchRequestSerializer):
    """The same as a form."""

    image = PhotoFileField(help_text="The file.")
    rerank = RerankFormField(required=False, allow_null=True, default=None)


@extend_schema_serializer(component_name="Recognize")
class RecognizeRequestSerializer(SearchRequestSerializer):
    """A query photo to be named."""

    top_k = serializers.IntegerField(
        default=5, min_value=1, max_value=MAX_MATCHES, help_text="Candidates to answer."
    )
    score_threshold = make_option("score_threshold")
    margin = make_option("margin")
    grouping = make_option("grouping")
    vote_k = make_option("vote_k")
    category_votes = make_option("category_votes")


@extend_schema_serializer(component_name="RecognizeForm")
class RecognizeFormSerializer(RecognizeRequestSerializer):
    """The same as a form."""

    image = PhotoFileField(help_text="The file.")
    rerank = RerankFormField(required=False, allow_null=True, default=None)


class ProductRefSerializer(serializers.Serializer[Any]):
    """The product of a candidate or match."""

    id = serializers.UUIDField()
    sku = serializers.CharField()
    title = serializers.CharField(allow_blank=True)
    category = serializers.CharField(allow_blank=True)


class CandidateSerializer(serializers.Serializer[Any]):
    """A product that it could be."""

    product = ProductRefSerializer()
    score = serializers.FloatField(
        help_text="What the threshold is compared with: the cosine of the nearest reference, -1 to 1, less "
        "what distractors take off."
    )
    rank_score = serializers.FloatField(help_text="What it was ordered by; larger is better.")


class CategorySerializer(serializers.Serializer[Any]):
    """The category that the nearest references voted for."""

    category = serializers.CharField()
    share = serializers.FloatField(help_text="Its share of the votes, 0 to 1.")


class VerdictSerializer(serializers.Serializer[Any]):
    """A named product, or `unknown` with the reason; the first candidate is then the best rejected one."""

    outcome = serializers.ChoiceField(choices=["product", "unknown"])
    product = ProductRefSerializer(allow_null=True)
    score = serializers.FloatField(allow_null=True)
    threshold = serializers.FloatField(help_text="What the score was held to.")
    reason = serializers.ChoiceField(choices=get_args(Reason), allow_null=True)
    category = CategorySerializer(allow_null=True)
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
    embedders = serializers.ListField(child=serializers.CharField())


class IndexSerializer(serializers.Serializer[Any]):
    """The index that was searched."""

    generation = serializers.IntegerField()


class CandidatePlaceSerializer(serializers.Serializer[Any]):
    """A reference of the shortlist."""

    image_id = serializers.UUIDField()
    region_id = serializers.UUIDField()
    sku = serializers.CharField()
    similarity = serializers.FloatField()


class RankedPlaceSerializer(CandidatePlaceSerializer):
    """The same after ranking."""

    before = serializers.IntegerField(
        allow_null=True, help_text="Its place before, from 0; null if only an expanded query found it."
    )
    score = serializers.FloatField(help_text="What it is ordered by; larger is better.")
    terms = serializers.DictField(
        child=serializers.DictField(child=serializers.FloatField()),
        help_text="What each policy made the score of, by policy and name.",
    )


class ExplanationSerializer(serializers.Serializer[Any]):
    """A region's shortlist before and after ranking."""

    box = serializers.ListField(child=serializers.FloatField())
    source = serializers.ChoiceField(choices=["detected", "whole"])  # type: ignore[assignment]  # as above
    before = CandidatePlaceSerializer(many=True)
    after = RankedPlaceSerializer(many=True)


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
    explain = ExplanationSerializer(many=True, required=False, help_text="A region each, when asked for.")


class RecognitionSerializer(PhotoSerializer):
    """The answer on the photo as a whole, and on each body in it."""

    answer = VerdictSerializer()
    regions = RegionVerdictSerializer(many=True)


class MatchSerializer(serializers.Serializer[Any]):
    """A reference photo near the query."""

    image_id = serializers.UUIDField()
    region_id = serializers.UUIDField()
    product = ProductRefSerializer()
    score = serializers.FloatField(help_text="Cosine similarity, -1 to 1.")
    rank_score = serializers.FloatField(help_text="What it is ordered by; larger is better.")
    distance = serializers.IntegerField(
        allow_null=True, help_text="Differing bits, where bits were searched; smaller is nearer."
    )
    box = serializers.ListField(child=serializers.FloatField())


class SearchSerializer(PhotoSerializer):
    """Reference photos, best first."""

    matches = MatchSerializer(many=True)
