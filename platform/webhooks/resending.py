"""Events that somebody asks for: an old one once more, or a ping."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from jobs.dispatch import DELIVER_WEBHOOKS, dispatch_on_commit
from jobs.events import send_event
from tenants.domain.audit import record_change
from tenants.domain.audited import describe_row
from tenants.errors import Conflict, NotFound
from tenants.models import WebhookDelivery, WebhookEndpoint
from webhooks.endpoints import lock_endpoint


def redeliver(*, delivery: WebhookDelivery) -> WebhookDelivery:
    """Send the event again, under the same id: what is pending at once, what has ended as a new delivery.

    Raises `Conflict` when the endpoint is disabled.
    """
    with transaction.atomic():
        endpoint = _wake(delivery.endpoint_id)
        dispatch_on_commit(DELIVER_WEBHOOKS, str(endpoint.tenant_id))
        now = timezone.now()
        waiting = WebhookDelivery.objects.filter(pk=delivery.pk, state=WebhookDelivery.State.PENDING)
        if waiting.update(next_attempt_at=now):
            again = waiting.get()
        else:
            again = WebhookDelivery.objects.create(
                tenant_id=delivery.tenant_id,
                endpoint=endpoint,
                event_id=delivery.event_id,
                event=delivery.event,
                body=delivery.body,
                next_attempt_at=now,
            )
        _record(again, "webhook.redelivered")
    return again


def send_ping(*, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Send the endpoint a `ping`. Raises `Conflict` when it is disabled."""
    with transaction.atomic():
        woken = _wake(endpoint.pk)
        (delivery,) = send_event([woken], WebhookEndpoint.Event.PING, {"webhook": str(woken.pk)})
        _record(delivery, "webhook.tested")
    return delivery


def _record(delivery: WebhookDelivery, action: str) -> None:
    described = {**describe_row(delivery), "delivery": delivery.pk}
    record_change(action=action, object_id=delivery.endpoint_id, before=None, after=described)


def _wake(endpoint_id: UUID) -> WebhookEndpoint:
    """The endpoint, locked and rested: whoever asks by hand has perhaps just mended it."""
    endpoint = lock_endpoint(endpoint_id)
    if endpoint is None:
        raise NotFound("No such webhook.", code="webhook_not_found")
    if not endpoint.enabled:
        raise Conflict("The webhook is disabled. Enable it first.", code="webhook_disabled")
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(rests_until=None)
    return endpoint
