"""Queue `webhooks`: waiting for the servers of shops, beside all work of ours.

A queue of its own, with its own workers: an endpoint that takes ten seconds to answer holds up no import, and
an import holds up no event.
"""

from uuid import UUID

from celery import shared_task
from django.conf import settings

from jobs.dispatch import DELIVER_WEBHOOKS, begin_turn, send_task
from tenants.scope import tenant_scope
from webhooks.delivering import deliver_pending


@shared_task(name=DELIVER_WEBHOOKS)
def deliver_webhooks(tenant_id: str) -> None:
    """Send what is due to the tenant's endpoints for a slice of time, then let others have their turn."""
    begin_turn(DELIVER_WEBHOOKS, tenant_id)
    with tenant_scope(UUID(tenant_id)):
        more = deliver_pending(budget_s=settings.INDEX_SLICE_S)
    if more:
        send_task(DELIVER_WEBHOOKS, tenant_id)
