"""A shop's endpoint for events, and the events that were left for it."""

from typing import Any
from uuid import UUID

from tenants.models import WebhookDelivery, WebhookEndpoint


def add_endpoint(tenant_id: UUID, *events: WebhookEndpoint.Event) -> WebhookEndpoint:
    """An endpoint that asks for these events; nobody listens there."""
    return WebhookEndpoint.objects.create(
        tenant_id=tenant_id, url="https://shop.example/events", events=list(events), secret="whsec_test"
    )


def list_events(endpoint: WebhookEndpoint) -> list[dict[str, Any]]:
    """What was left for the endpoint, oldest first."""
    return list(
        WebhookDelivery.objects.filter(endpoint=endpoint).order_by("pk").values_list("body", flat=True)
    )
