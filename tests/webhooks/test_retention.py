"""What the sweep does about deliveries."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from tenants.models import Tenant, WebhookDelivery, WebhookEndpoint
from tests.webhooks.endpoints import State, leave_events, make_endpoint, reload
from webhooks import retention
from webhooks.retention import tidy_deliveries


@pytest.fixture
def endpoint(acme: Tenant, intranet: None) -> WebhookEndpoint:
    return make_endpoint(acme, "http://127.0.0.1:9/")


def end(delivery: WebhookDelivery, state: str, *, days_ago: float) -> None:
    ended_at = timezone.now() - timedelta(days=days_ago)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(state=state, ended_at=ended_at)


def test_deliveries_that_ended_a_month_ago_are_forgotten(
    endpoint: WebhookEndpoint, settings: Settings
) -> None:
    delivered, failed, young, pending = leave_events(endpoint, 4)
    end(delivered, State.DELIVERED, days_ago=31)
    end(failed, State.FAILED, days_ago=31)
    end(young, State.FAILED, days_ago=29)
    WebhookDelivery.objects.filter(pk=pending.pk).update(created_at=timezone.now() - timedelta(days=90))

    tidy_deliveries()

    assert {row.pk for row in endpoint.deliveries.all()} == {young.pk, pending.pk}
    settings.WEBHOOK_KEEP_DAYS = 28
    tidy_deliveries()
    assert {row.pk for row in endpoint.deliveries.all()} == {pending.pk}


def test_delivery_left_for_a_disabled_endpoint_is_ended(endpoint: WebhookEndpoint) -> None:
    (delivery,) = leave_events(endpoint)
    tidy_deliveries()
    assert reload(delivery).state == State.PENDING
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(enabled=False)
    tidy_deliveries()
    row = reload(delivery)
    assert (row.state, row.next_attempt_at, row.ended_at is None) == ("failed", None, False)


def test_oldest_are_ended_where_too_many_wait_for_an_endpoint(
    endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_endpoint(endpoint.tenant, "http://127.0.0.1:9/")
    kept = leave_events(other, 3)
    left = leave_events(endpoint, 5)
    monkeypatch.setattr(retention, "MAX_WAITING", 3)
    tidy_deliveries()
    assert [reload(delivery).state for delivery in left] == ["failed"] * 2 + ["pending"] * 3
    assert {reload(delivery).state for delivery in kept} == {"pending"}
