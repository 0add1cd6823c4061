"""What the sweep does about deliveries, of all tenants: none waits for nobody, none is kept for ever."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet
from django.utils import timezone

from tenants.models import WebhookDelivery

# An endpoint that takes nothing while events pour in must not fill the table.
MAX_WAITING = 10_000
_PRUNED_AT_ONCE = 1000
_State = WebhookDelivery.State


def tidy_deliveries() -> None:
    """End what cannot be delivered, forget what ended long ago."""
    pending = WebhookDelivery.across_tenants.filter(state=_State.PENDING)
    # Left by an event that happened while its endpoint was being disabled.
    _end(pending.filter(endpoint__enabled=False))
    _end_overflow(pending)
    _prune_ended()


def _end_overflow(pending: QuerySet[WebhookDelivery]) -> None:
    counted = pending.order_by().values("endpoint").annotate(count=Count("pk"))
    for row in counted.filter(count__gt=MAX_WAITING):
        oldest = pending.filter(endpoint=row["endpoint"]).order_by("-pk").values("pk")[MAX_WAITING:]
        _end(pending.filter(pk__in=oldest))


def _end(rows: QuerySet[WebhookDelivery, Any]) -> None:
    rows.update(state=_State.FAILED, ended_at=timezone.now(), leased_until=None, next_attempt_at=None)


def _prune_ended() -> None:
    before = timezone.now() - timedelta(days=settings.WEBHOOK_KEEP_DAYS)
    old = WebhookDelivery.across_tenants.exclude(state=_State.PENDING).filter(ended_at__lt=before)
    oldest = old.order_by("ended_at").values("pk")[:_PRUNED_AT_ONCE]
    WebhookDelivery.across_tenants.filter(pk__in=oldest).delete()
