"""What the sweep does about deliveries, of all tenants: none waits for nobody, none is kept for ever."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from tenants.models import WebhookDelivery
from tenants.scope import tenant_scope

# An endpoint that takes nothing while events pour in must not fill the table.
MAX_WAITING = 10_000
_PRUNED_AT_ONCE = 1000
_State = WebhookDelivery.State


def tidy_deliveries() -> None:
    """End what cannot be delivered, forget what ended long ago."""
    _end_left_over()
    _end_overflow()
    _prune_ended()


def _end_left_over() -> None:
    """End what an event left that happened while its endpoint was being disabled."""
    left_over = Q(state=_State.PENDING, endpoint__enabled=False)
    found = WebhookDelivery.across_tenants.filter(left_over).order_by("tenant_id")
    for tenant_id in list(found.values_list("tenant_id", flat=True).distinct()):
        with tenant_scope(tenant_id):
            _end(WebhookDelivery.objects.filter(left_over))


def _end_overflow() -> None:
    pending = WebhookDelivery.across_tenants.filter(state=_State.PENDING)
    counted = pending.order_by().values_list("tenant_id", "endpoint").annotate(count=Count("pk"))
    for tenant_id, endpoint_id, _ in list(counted.filter(count__gt=MAX_WAITING)):
        with tenant_scope(tenant_id):
            waiting = WebhookDelivery.objects.filter(state=_State.PENDING, endpoint=endpoint_id)
            _end(waiting.filter(pk__in=waiting.order_by("-pk").values("pk")[MAX_WAITING:]))


def _end(rows: QuerySet[WebhookDelivery, Any]) -> None:
    rows.update(state=_State.FAILED, ended_at=timezone.now(), leased_until=None, next_attempt_at=None)


def _prune_ended() -> None:
    before = timezone.now() - timedelta(days=settings.WEBHOOK_KEEP_DAYS)
    old = WebhookDelivery.across_tenants.exclude(state=_State.PENDING).filter(ended_at__lt=before)
    oldest = defaultdict(list)
    for tenant_id, key in old.order_by("ended_at").values_list("tenant_id", "pk")[:_PRUNED_AT_ONCE]:
        oldest[tenant_id].append(key)
    for tenant_id, keys in oldest.items():
        with tenant_scope(tenant_id):
            WebhookDelivery.objects.filter(pk__in=keys).delete()
