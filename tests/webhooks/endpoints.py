"""Endpoints and deliveries for tests."""

import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from jobs.events import send_event
from tenants.domain.tenants import create_tenant
from tenants.models import Tenant, WebhookDelivery, WebhookEndpoint
from webhooks.endpoints import create_endpoint
from webhooks.schedule import RETRY_AFTER_S

Event = WebhookEndpoint.Event
State = WebhookDelivery.State
ALL_ATTEMPTS = len(RETRY_AFTER_S) + 1


def make_tenant(name: str) -> Tenant:
    return create_tenant(slug=f"{name}-{uuid.uuid4().hex[:8]}", name=name)


def make_endpoint(tenant: Tenant, url: str, *events: str) -> WebhookEndpoint:
    """An endpoint of the tenant; for `image.failed`, unless other events are named."""
    return create_endpoint(tenant_id=tenant.pk, url=url, events=events or [Event.IMAGE_FAILED])


def leave_events(endpoint: WebhookEndpoint, count: int = 1, **data: Any) -> list[WebhookDelivery]:
    """So many events that are due to the endpoint."""
    return [
        delivery
        for number in range(count)
        for delivery in send_event([endpoint], Event.IMAGE_FAILED, {"number": number, **data})
    ]


def reload(row: Any) -> Any:
    """The row as it is now."""
    return type(row).objects.get(pk=row.pk)


def hurry(endpoint: WebhookEndpoint) -> None:
    """As if all waits of the endpoint and of its deliveries were over."""
    past = timezone.now() - timedelta(seconds=1)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(rests_until=None)
    pending = WebhookDelivery.objects.filter(endpoint=endpoint, state=State.PENDING)
    pending.update(next_attempt_at=past, leased_until=None)
