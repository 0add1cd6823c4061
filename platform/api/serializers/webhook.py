from typing import Any

from rest_framework import serializers

from tenants.models import WebhookDelivery, WebhookEndpoint

_NOT_SUBSCRIBED = {WebhookEndpoint.Event.PING}
SUBSCRIBABLE = [choice for choice in WebhookEndpoint.Event.choices if choice[0] not in _NOT_SUBSCRIBED]


class WebhookRequestSerializer(serializers.Serializer[Any]):
    """Where a shop wants to hear of what."""

    url = serializers.CharField(
        max_length=2000, help_text="An https:// address that the Internet can reach, without a user name."
    )
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=SUBSCRIBABLE),
        allow_empty=False,
        max_length=len(SUBSCRIBABLE),
        help_text="What to be told of; docs/webhooks.md describes each.",
    )


class WebhookChangeSerializer(WebhookRequestSerializer):
    """What is to change of a webhook."""

    enabled = serializers.BooleanField(
        help_text="`false` ends what is pending. `true` starts afresh, also after an automatic disabling."
    )


class WebhookSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    """An endpoint of the shop. Its secret is shown when it is made or rotated, and never again."""

    events = serializers.ListField(child=serializers.ChoiceField(choices=SUBSCRIBABLE))
    previous_secret_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then the secret before the last rotation signs as well."
    )
    failing_since = serializers.DateTimeField(
        allow_null=True, help_text="Since then deliveries were tried, and none has succeeded."
    )

    class Meta:
        model = WebhookEndpoint
        fields = [
            "id",
            "url",
            "events",
            "enabled",
            "disabled_reason",
            "failing_since",
            "previous_secret_until",
            "created_at",
        ]


class WebhookWithSecretSerializer(WebhookSerializer):
    """An endpoint with its secret, which is shown this once."""

    secret = serializers.CharField(help_text="`whsec_…`; verifies signatures (Standard Webhooks).")

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]


class WebhookAttemptSerializer(serializers.Serializer[Any]):
    """One attempt to send an event."""

    at = serializers.DateTimeField()
    ms = serializers.IntegerField(help_text="Milliseconds that it took.")
    status = serializers.IntegerField(allow_null=True, help_text="HTTP status; null without an answer.")
    code = serializers.CharField(
        allow_blank=True, help_text="Why there was no answer, such as `url_timeout`; empty with one."
    )
    answer = serializers.CharField(
        allow_blank=True, help_text="The first 500 characters of the answer, or the reason in words."
    )


class WebhookDeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    """One event on its way to an endpoint."""

    webhook = serializers.UUIDField(source="endpoint_id")
    event_id = serializers.UUIDField(help_text="The header `webhook-id`: the same at every attempt.")
    body = serializers.DictField(help_text="What is sent; docs/webhooks.md describes each event.")
    attempts = WebhookAttemptSerializer(many=True)

    class Meta:
        model = WebhookDelivery
        fields = [
            "id",
            "webhook",
            "event_id",
            "event",
            "body",
            "state",
            "attempts",
            "next_attempt_at",
            "created_at",
            "ended_at",
        ]


class WebhookDeliveryFilterSerializer(serializers.Serializer[Any]):
    """Which deliveries to list."""

    state = serializers.ChoiceField(choices=WebhookDelivery.State.choices, required=False)
