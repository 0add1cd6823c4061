from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers

from jobs.tallies import count_recognitions
from tenants.domain.allowances import recall_allowance
from tenants.domain.quotas import read_holdings
from tenants.domain.recognitions import month_after, month_of


class UsedSerializer(serializers.Serializer[Any]):
    """How much of one thing."""

    used = serializers.IntegerField()
    limit = serializers.IntegerField(allow_null=True, help_text="null: without bound.")


class UsedThisMonthSerializer(UsedSerializer):
    """How much in this calendar month."""

    resets_at = serializers.DateTimeField(help_text="When the next month begins, in UTC.")


class RatesSerializer(serializers.Serializer[Any]):
    """What bounds the pace; null: without bound."""

    calls_a_minute = serializers.IntegerField(
        allow_null=True,
        help_text="Of the shop; the header `RateLimit` tells what is left, for the key as well.",
    )
    recognitions_at_once = serializers.IntegerField(
        allow_null=True, help_text="Under way at the same time; null: the shop's part of the workers."
    )


class UsageSerializer(serializers.Serializer[Any]):
    """What the shop has and does, of what it may."""

    galleries = UsedSerializer()
    products = UsedSerializer()
    images = UsedSerializer(help_text="Reference photos, distractors and labelled queries.")
    bytes = UsedSerializer(help_text="Of the files of those photos.")
    recognitions = UsedThisMonthSerializer(help_text="Answered calls of `recognize` and `search`.")
    rates = RatesSerializer()


def describe_usage(tenant_id: UUID) -> dict[str, Any]:
    """As `UsageSerializer` shows it."""
    may = recall_allowance(tenant_id)
    has = asdict(read_holdings(tenant_id))
    recognitions = {
        "used": count_recognitions(tenant_id),
        "limit": may.recognitions_a_month,
        "resets_at": month_after(month_of(datetime.now(UTC))),
    }
    rates = {"calls_a_minute": may.calls_a_minute, "recognitions_at_once": may.recognitions_at_once}
    counted = {name: {"used": used, "limit": getattr(may, name)} for name, used in has.items()}
    shown: dict[str, Any] = UsageSerializer({**counted, "recognitions": recognitions, "rates": rates}).data
    return shown
