from typing import Any

from django.conf import settings
from rest_framework import serializers

_LONGEST_DAYS = 3650


class PrivacyChangeSerializer(serializers.Serializer[Any]):
    """What may be kept."""

    keep_queries_days = serializers.IntegerField(
        min_value=1,
        max_value=_LONGEST_DAYS,
        allow_null=True,
        required=False,
        help_text="Days that the photos sent to `recognize` are kept, without their metadata. `null`, as a"
        " shop begins: not at all. A shorter time counts for photos kept already, too; `null` removes them.",
    )


class PrivacySerializer(serializers.Serializer[Any]):
    """What is kept of the photos that are sent to `recognize`."""

    keep_queries_days = serializers.IntegerField(
        allow_null=True, help_text="Days that query photos are kept; `null`: not at all."
    )
    query_log_days = serializers.SerializerMethodField(
        help_text="Days that the log keeps what became of a recognition, without its photo: the operator's."
    )

    def get_query_log_days(self, _privacy: object) -> int:
        """The platform's setting."""
        return settings.QUERY_LOG_DAYS
