"""What happened, for the endpoints that a shop has: written in the transaction in which it happened."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from jobs.dispatch import DELIVER_WEBHOOKS, dispatch_on_commit
from jobs.models import Job
from jobs.recording import record_end
from tenants.models import WebhookDelivery, WebhookEndpoint
from tenants.models.identifiers import new_id
from tenants.scope import current_tenant_id

# KEY SHARE keeps an endpoint from being deleted until its delivery is there, and blocks nothing else.
_WANTING = (
    "SELECT * FROM tenants_webhookendpoint"
    " WHERE tenant_id = %s AND enabled AND %s = ANY(events) ORDER BY id FOR KEY SHARE"
)


def emit_event(event: WebhookEndpoint.Event, data: Mapping[str, Any]) -> None:
    """Leave the event for each endpoint of the tenant that is set which asks for it. data: plain JSON."""
    with transaction.atomic():
        wanting = WebhookEndpoint.objects.raw(_WANTING, [current_tenant_id(), event.value])
        send_event(list(wanting), event, data)


def send_event(
    endpoints: Sequence[WebhookEndpoint], event: WebhookEndpoint.Event, data: Mapping[str, Any]
) -> list[WebhookDelivery]:
    """Leave the event for these endpoints of the tenant that is set. The deliveries, one for each."""
    if not endpoints:
        return []
    now = timezone.now()
    event_id = new_id()
    body = {"type": event.value, "timestamp": now.isoformat(), "data": dict(data)}
    tenant_id = current_tenant_id()
    deliveries = WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            tenant_id=tenant_id,
            endpoint=endpoint,
            event_id=event_id,
            event=event,
            body=body,
            next_attempt_at=now,
        )
        for endpoint in endpoints
    )
    dispatch_on_commit(DELIVER_WEBHOOKS, str(tenant_id))
    return deliveries


def emit_job_finished(job_id: UUID) -> None:
    """Tell the audit log and the shop's endpoints that the job has ended, and how."""
    job = Job.objects.get(pk=job_id)
    data = {
        "job": str(job.pk),
        "kind": job.kind,
        "gallery": str(job.gallery_id) if job.gallery_id else None,
        "state": job.state,
        "code": job.code,
        "message": job.message,
        "counts": {"total": job.total, "done": job.done, "failed": job.failed, "skipped": job.skipped},
    }
    with transaction.atomic():
        record_end(job)
        emit_event(WebhookEndpoint.Event.JOB_FINISHED, data)
