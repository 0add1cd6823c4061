from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from retrieval.quality.choices import MOST_CHOICES
from retrieval.quality.evaluating import USUAL_SAMPLE
from tenants.models import Evaluation

_RERANK = "Policies in order, as the gallery's setting `rerank` says them."


class EvaluationRequestSerializer(serializers.Serializer[Any]):
    """What to ask, and which ways of ranking to compare."""

    source = serializers.ChoiceField(  # type: ignore[assignment]  # not the `source` that every field has
        choices=Evaluation.Source.choices,
        help_text="Ask with the gallery's own photos, each left out in turn, or with its labelled queries.",
    )
    policies = serializers.ListField(
        child=serializers.JSONField(),
        required=False,
        max_length=MOST_CHOICES,
        help_text="Each a list of policies, or an object of `rerank` and `grouping`. The usual ones when "
        "left out. Plain ranking and the gallery's own are always among them.",
    )
    sample = serializers.IntegerField(
        required=False,
        default=USUAL_SAMPLE,
        min_value=10,
        max_value=5000,
        help_text="Ask with at most so many photos, the same ones each time.",
    )


class WayOfRankingSerializer(serializers.Serializer[Any]):
    """What a gallery's settings would say to rank so."""

    rerank = serializers.ListField(child=serializers.JSONField(), help_text=_RERANK)
    grouping = serializers.CharField()


class EvaluationSerializer(serializers.ModelSerializer[Evaluation]):
    """An evaluation: what was asked, and which way of ranking did best."""

    queries = serializers.IntegerField(source="result.queries", help_text="Photos of known products.")
    strangers = serializers.IntegerField(
        source="result.strangers", help_text="Photos that are to be unknown."
    )
    threshold = serializers.FloatField(source="result.threshold", help_text="The one in effect.")
    recommended = WayOfRankingSerializer()
    recommended_policy = serializers.IntegerField(
        source="result.recommended", help_text="Its place among the policies."
    )

    class Meta:
        model = Evaluation
        fields = [
            "id",
            "source",
            "generation",
            "embedders",
            "queries",
            "strangers",
            "threshold",
            "recommended",
            "recommended_policy",
            "created_at",
        ]


class OpenSetSerializer(serializers.Serializer[Any]):
    """Known photos named rightly where at most so many strangers are named at all; null without strangers."""

    false_accept_rate = serializers.FloatField()
    threshold = serializers.FloatField(allow_null=True)
    true_accepts = serializers.FloatField(allow_null=True)
    false_accepts = serializers.FloatField(allow_null=True)


class AtThresholdSerializer(serializers.Serializer[Any]):
    """Shares at the gallery's threshold: known photos named rightly and wrongly, strangers named."""

    true_accepts = serializers.FloatField(allow_null=True)
    wrong_accepts = serializers.FloatField(allow_null=True)
    false_accepts = serializers.FloatField(allow_null=True)


class FiguresSerializer(WayOfRankingSerializer):
    """What one way of ranking reached; shares are 0 to 1."""

    recall_at_1 = serializers.FloatField(help_text="The product comes first.")
    recall_at_5 = serializers.FloatField(help_text="The product is among the first five.")
    image_recall_at_1 = serializers.FloatField(help_text="The first reference photo shows the product.")
    mean_average_precision = serializers.FloatField(help_text="Over the reference photos found.")
    open_set = OpenSetSerializer(many=True)
    at_threshold = AtThresholdSerializer()
    median_ms = serializers.FloatField(
        allow_null=True, help_text="Milliseconds of searching and ranking, without the models."
    )


class DifferencesSerializer(WayOfRankingSerializer):
    """What the figures exceed the other evaluation's by; null where that has no such policy."""

    differences = serializers.DictField(child=serializers.FloatField(allow_null=True), allow_null=True)


class ComparisonSerializer(serializers.Serializer[Any]):
    """An evaluation against another; pairs are [other, this]."""

    other = serializers.UUIDField()
    same_source = serializers.BooleanField()
    generations = serializers.ListField(child=serializers.IntegerField())
    embedders = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    settings = serializers.DictField(help_text="Settings that differ: [other, this] by name.")
    policies = DifferencesSerializer(many=True)


class EvaluationDetailSerializer(EvaluationSerializer):
    """An evaluation with all figures, and the gallery's settings in effect then."""

    policies = FiguresSerializer(many=True, source="result.policies")
    settings = serializers.DictField()
    comparison = serializers.SerializerMethodField()

    class Meta(EvaluationSerializer.Meta):
        fields = [*EvaluationSerializer.Meta.fields, "policies", "settings", "comparison"]

    @extend_schema_field(ComparisonSerializer(allow_null=True))
    def get_comparison(self, _evaluation: Evaluation) -> dict[str, Any] | None:
        """Against the evaluation that `compare` names, else null."""
        compared: dict[str, Any] | None = self.context.get("comparison")
        return compared


class EvaluationApplySerializer(serializers.Serializer[Any]):
    """Which way of ranking the gallery is to take."""

    policy = serializers.IntegerField(
        required=False, min_value=0, help_text="Its place among the policies; the recommended when left out."
    )


class EvaluationCompareSerializer(serializers.Serializer[Any]):
    """What to compare with."""

    compare = serializers.UUIDField(required=False)
