from typing import Any

from rest_framework import serializers

from tenants.models import Calibration


class CalibrationRequestSerializer(serializers.Serializer[Any]):
    """What to calibrate for."""

    false_accept_rate = serializers.FloatField(
        required=False,
        min_value=0,
        max_value=1,
        help_text="Share of strangers that may be named; the gallery's setting when left out.",
    )


class CalibrationSerializer(serializers.ModelSerializer[Calibration]):
    """A threshold for a wanted false-accept rate; null, with a message, where there was too little data."""

    threshold = serializers.FloatField(allow_null=True)
    genuine = serializers.IntegerField(source="result.genuine", help_text="Scores of right answers.")
    impostors = serializers.IntegerField(source="result.impostors", help_text="Scores of strangers.")
    genuine_accepts = serializers.FloatField(
        source="result.genuine_accepts", allow_null=True, help_text="Share that the threshold accepts."
    )
    false_accepts = serializers.FloatField(
        source="result.false_accepts", allow_null=True, help_text="Share that the threshold accepts."
    )

    class Meta:
        model = Calibration
        fields = [
            "id",
            "generation",
            "embedders",
            "false_accept_rate",
            "threshold",
            "message",
            "genuine",
            "impostors",
            "genuine_accepts",
            "false_accepts",
            "created_at",
        ]


class CurvePointSerializer(serializers.Serializer[Any]):
    """What a threshold would accept: scores of at least the threshold."""

    threshold = serializers.FloatField()
    genuine_accepts = serializers.FloatField()
    false_accepts = serializers.FloatField()


class CalibrationDetailSerializer(CalibrationSerializer):
    """A calibration with its curve, and the gallery's settings in effect then."""

    curve = CurvePointSerializer(many=True, source="result.curve")
    settings = serializers.DictField()

    class Meta(CalibrationSerializer.Meta):
        fields = [*CalibrationSerializer.Meta.fields, "curve", "settings"]
