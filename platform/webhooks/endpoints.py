"""A shop's endpoints: made, changed, disabled. Their deliveries follow them."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from jobs.events import emit_event
from tenants.domain.audit import record_change
from tenants.domain.audited import describe_row
from tenants.errors import Conflict, NotFound
from tenants.models import Tenant, WebhookDelivery, WebhookEndpoint
from webhooks.policy import check_url
from webhooks.signing import draw_secret

MAX_ENDPOINTS = 20
# For so long after a rotation the secret before it still signs.
ROTATION = timedelta(hours=24)
_log = logging.getLogger(__name__)


def list_endpoints() -> QuerySet[WebhookEndpoint]:
    """The endpoints of the tenant that is set."""
    return WebhookEndpoint.objects.all()


def get_endpoint(endpoint_id: UUID) -> WebhookEndpoint:
    """An endpoint of the tenant that is set. Raises `NotFound`."""
    endpoint = list_endpoints().filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFound("No such webhook.", code="webhook_not_found")
    return endpoint


def create_endpoint(*, tenant_id: UUID, url: str, events: Sequence[str]) -> WebhookEndpoint:
    """A new endpoint with a secret. Raises `UrlRefused`; `Conflict` when the tenant has too many."""
    check_url(url)
    with transaction.atomic():
        # Locked, so that of two calls at once not both take the last place.
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)
        if list_endpoints().count() >= MAX_ENDPOINTS:
            raise Conflict(
                f"There are {MAX_ENDPOINTS} webhooks already. Delete one first.", code="too_many_webhooks"
            )
        endpoint = WebhookEndpoint.objects.create(
            tenant_id=tenant_id, url=url, events=sorted(set(events)), secret=draw_secret()
        )
        record_change(
            action="webhook.created", object_id=endpoint.pk, before=None, after=describe_row(endpoint)
        )
    return endpoint


def update_endpoint(
    *,
    endpoint: WebhookEndpoint,
    url: str | None = None,
    events: Sequence[str] | None = None,
    enabled: bool | None = None,
) -> WebhookEndpoint:
    """Change the endpoint. Another address, or enabling it, makes it a fresh one: what failed is forgotten.

    Raises `UrlRefused`; `NotFound` when it was deleted meanwhile.
    """
    if url is not None:
        check_url(url)
    with transaction.atomic():
        locked = lock_endpoint(endpoint.pk)
        if locked is None:
            raise NotFound("No such webhook.", code="webhook_not_found")
        before = describe_row(locked)
        if events is not None:
            locked.events = sorted(set(events))
        if url is not None or enabled:
            locked.failing_since = locked.rests_until = None
        locked.url = locked.url if url is None else url
        if enabled is not None:
            locked.enabled = enabled
            locked.disabled_reason = "" if enabled else "Disabled on request."
        locked.save()
        record_change(
            action="webhook.updated", object_id=locked.pk, before=before, after=describe_row(locked)
        )
        if not locked.enabled:
            end_undeliverable(locked)
    return locked


def delete_endpoint(*, endpoint: WebhookEndpoint) -> None:
    """Delete the endpoint with its deliveries."""
    with transaction.atomic():
        # Locked before the cascade begins with the deliveries, so that no event leaves another one meanwhile.
        for locked in list_endpoints().select_for_update().filter(pk=endpoint.pk):
            record_change(
                action="webhook.deleted", object_id=locked.pk, before=describe_row(locked), after=None
            )
            locked.delete()


def rotate_secret(*, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Give the endpoint a new secret; the one before it also signs for `ROTATION`. Raises `NotFound`."""
    with transaction.atomic():
        locked = lock_endpoint(endpoint.pk)
        if locked is None:
            raise NotFound("No such webhook.", code="webhook_not_found")
        locked.previous_secret, locked.secret = locked.secret, draw_secret()
        until = locked.previous_secret_until
        locked.previous_secret_until = timezone.now() + ROTATION
        locked.save()
        record_change(
            action="webhook.secret_rotated",
            object_id=locked.pk,
            before={"previous_secret_until": until},
            after={"previous_secret_until": locked.previous_secret_until},
        )
    return locked


def list_signers(endpoint: WebhookEndpoint) -> list[str]:
    """The secrets that sign now, the newest first."""
    until = endpoint.previous_secret_until
    rotating = until is not None and until > timezone.now()
    return [endpoint.secret, endpoint.previous_secret] if rotating else [endpoint.secret]


def lock_endpoint(endpoint_id: UUID) -> WebhookEndpoint | None:
    """The endpoint, held until the transaction ends; events may be left for it meanwhile."""
    return list_endpoints().select_for_update(no_key=True).filter(pk=endpoint_id).first()


def disable_endpoint(endpoint: WebhookEndpoint, *, reason: str) -> None:
    """Send it nothing any more, end what waits for it, and tell the tenant's other endpoints.

    To be called in a transaction that has locked the endpoint.
    """
    _log.warning("webhook %s of tenant %s is disabled: %s", endpoint.pk, endpoint.tenant_id, reason)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(enabled=False, disabled_reason=reason[:500])
    record_change(
        action="webhook.disabled",
        object_id=endpoint.pk,
        before={"enabled": endpoint.enabled, "disabled_reason": endpoint.disabled_reason},
        after={"enabled": False, "disabled_reason": reason[:500]},
    )
    end_undeliverable(endpoint)
    # Not its address: that may hold a secret of the receiver's.
    emit_event(WebhookEndpoint.Event.ENDPOINT_DISABLED, {"webhook": str(endpoint.pk), "reason": reason})


def end_undeliverable(endpoint: WebhookEndpoint) -> None:
    """End the deliveries that wait for an endpoint that is disabled."""
    waiting = WebhookDelivery.objects.filter(endpoint=endpoint, state=WebhookDelivery.State.PENDING)
    waiting.update(
        state=WebhookDelivery.State.FAILED,
        ended_at=timezone.now(),
        leased_until=None,
        next_attempt_at=None,
    )
