"""Whether anybody wants to hear of an event, asked so often that it must cost nothing."""

import time
from functools import lru_cache
from uuid import UUID

from tenants.models import WebhookEndpoint
from tenants.scope import current_tenant_id

# So long an endpoint that is new may go without events of this kind.
REMEMBERED_S = 5
_TENANTS = 1024


def is_asked_for(event: WebhookEndpoint.Event) -> bool:
    """Whether an endpoint of the tenant that is set asks for the event, as far as was known seconds ago."""
    return _look_up(current_tenant_id(), event, int(time.monotonic() / REMEMBERED_S))


@lru_cache(maxsize=_TENANTS)
def _look_up(tenant_id: UUID, event: WebhookEndpoint.Event, _period: int) -> bool:
    asking = WebhookEndpoint.objects.filter(tenant_id=tenant_id, enabled=True, events__contains=[event])
    return asking.exists()
