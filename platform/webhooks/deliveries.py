"""The queue of deliveries, kept in their rows: leased by one worker at a time, each ended exactly once.

A lease outlives the time that an attempt may take, so it needs no renewal; a killed worker's runs out, and
what it was at is sent again under the same id.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from tenants.errors import NotFound
from tenants.models import WebhookDelivery, WebhookEndpoint
from webhooks.endpoints import disable_endpoint, lock_endpoint
from webhooks.schedule import find_next_attempt, find_rest

# Beyond the time of one attempt.
_SPARE_LEASE_S = 20
_KEPT_ANSWER = 500
_log = logging.getLogger(__name__)
_State = WebhookDelivery.State


@dataclass(frozen=True)
class Attempt:
    """One attempt. status: what the endpoint answered, None without an answer, for which `code` says why.

    answer: the beginning of its answer, or the reason in words. ms: how long it took.
    """

    at: datetime
    ms: int
    status: int | None
    code: str
    answer: str

    @property
    def is_success(self) -> bool:
        """The endpoint took the event."""
        return self.status is not None and HTTPStatus(200) <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def describe(self) -> dict[str, Any]:
        """As it is kept with the delivery."""
        return {
            "at": self.at.isoformat(),
            "ms": self.ms,
            "status": self.status,
            "code": self.code,
            "answer": self.answer[:_KEPT_ANSWER],
        }


def list_deliveries(endpoint: WebhookEndpoint) -> QuerySet[WebhookDelivery]:
    """What was and will be sent to the endpoint."""
    return WebhookDelivery.objects.filter(endpoint=endpoint)


def get_delivery(endpoint: WebhookEndpoint, delivery_id: UUID) -> WebhookDelivery:
    """A delivery to the endpoint. Raises `NotFound`."""
    delivery = list_deliveries(endpoint).filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound("No such delivery of this webhook.", code="delivery_not_found")
    return delivery


def list_due() -> QuerySet[WebhookDelivery]:
    """Deliveries of the tenant that is set which can be tried now and that no worker holds."""
    return _select_due(WebhookDelivery.objects.all())


def list_due_endpoints() -> list[UUID]:
    """Endpoints to which something is due: those that work first, the longest failing last."""
    endpoints = WebhookEndpoint.objects.filter(pk__in=list_due().values("endpoint"))
    ordered = endpoints.order_by(F("failing_since").desc(nulls_first=True), "pk")
    return list(ordered.values_list("pk", flat=True))


def tenants_with_due_deliveries() -> list[UUID]:
    """Tenants, of all, to whose endpoints something is due."""
    due = _select_due(WebhookDelivery.across_tenants.all())
    return list(due.order_by("tenant_id").values_list("tenant_id", flat=True).distinct())


def lease_delivery(endpoint_id: UUID) -> WebhookDelivery | None:
    """The endpoint's delivery that is due the longest, now held by the caller; None when there is none."""
    with transaction.atomic():
        free = list_due().filter(endpoint=endpoint_id).order_by("next_attempt_at", "pk")
        locked = free.select_related("endpoint").select_for_update(of=("self",), skip_locked=True)
        delivery = locked.first()
        if delivery is not None:
            lease = timedelta(seconds=settings.WEBHOOK_TIMEOUT_S + _SPARE_LEASE_S)
            delivery.leased_until = timezone.now() + lease
            delivery.save(update_fields=["leased_until"])
    return delivery


def record_attempt(delivery: WebhookDelivery, attempt: Attempt) -> None:
    """Keep how the attempt ended, and what follows for the delivery and its endpoint.

    Whoever lost its lease changes nothing: somebody else is at it, and the same event is sent once more.
    """
    with transaction.atomic():
        endpoint = lock_endpoint(delivery.endpoint_id)
        if endpoint is None or not _settle(delivery, attempt):
            _log.info("delivery %s was ended or leased by somebody else", delivery.pk)
        elif attempt.is_success:
            _note_success(endpoint)
        else:
            _note_failure(endpoint, attempt)


def _select_due(rows: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
    now = timezone.now()
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    rested = Q(endpoint__rests_until=None) | Q(endpoint__rests_until__lt=now)
    return rows.filter(free, rested, state=_State.PENDING, next_attempt_at__lte=now, endpoint__enabled=True)


def _settle(delivery: WebhookDelivery, attempt: Attempt) -> bool:
    """Write the attempt down, and when the next one is; False when the caller's lease is not in force."""
    now = timezone.now()
    attempts = [*delivery.attempts, attempt.describe()]
    next_at = None if attempt.is_success else find_next_attempt(tried=len(attempts), now=now)
    ended = _State.DELIVERED if attempt.is_success else _State.FAILED
    held = WebhookDelivery.objects.filter(
        pk=delivery.pk, state=_State.PENDING, leased_until=delivery.leased_until
    )
    return bool(
        held.update(
            state=_State.PENDING if next_at else ended,
            attempts=attempts,
            next_attempt_at=next_at,
            leased_until=None,
            ended_at=None if next_at else now,
        )
    )


def _note_success(endpoint: WebhookEndpoint) -> None:
    if endpoint.failing_since or endpoint.rests_until:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=None, rests_until=None)


def _note_failure(endpoint: WebhookEndpoint, attempt: Attempt) -> None:
    """Let the endpoint rest; disable one that is gone, or that has failed for too long."""
    now = timezone.now()
    since = endpoint.failing_since or attempt.at
    rests_until = find_rest(failing_since=since, now=now)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=since, rests_until=rests_until)
    if attempt.status == HTTPStatus.GONE:
        disable_endpoint(endpoint, reason="The endpoint answered 410 Gone.")
    elif now - since >= timedelta(days=settings.WEBHOOK_DISABLE_AFTER_DAYS):
        disable_endpoint(endpoint, reason=f"No delivery has succeeded since {since:%Y-%m-%d %H:%M} UTC.")
