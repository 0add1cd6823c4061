"""Events sent because somebody asked."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from tenants.errors import Conflict
from tenants.models import Tenant, WebhookDelivery, WebhookEndpoint
from tests.webhooks.endpoints import Event, leave_events, make_endpoint, reload
from tests.webhooks.receiver import Receiver
from webhooks.deliveries import get_delivery
from webhooks.delivering import deliver_pending
from webhooks.endpoints import update_endpoint
from webhooks.resending import redeliver, send_ping


def test_ended_delivery_is_sent_again_as_a_new_one_under_the_same_id(
    acme: Tenant, receiver: Receiver
) -> None:
    endpoint = make_endpoint(acme, receiver.url)
    (first,) = leave_events(endpoint)
    deliver_pending(budget_s=5)

    second = redeliver(delivery=get_delivery(endpoint, first.pk))
    deliver_pending(budget_s=5)

    assert second.pk != first.pk
    assert [came.id for came in receiver.received] == [str(first.event_id)] * 2
    assert receiver.received[0].body == receiver.received[1].body
    assert [len(reload(each).attempts) for each in (first, second)] == [1, 1]


def test_pending_delivery_is_tried_at_once_though_it_and_its_endpoint_rest(
    acme: Tenant, receiver: Receiver
) -> None:
    endpoint = make_endpoint(acme, receiver.url)
    (delivery,) = leave_events(endpoint)
    later = timezone.now() + timedelta(hours=10)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(next_attempt_at=later)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(rests_until=later)
    assert deliver_pending(budget_s=5) is False

    assert redeliver(delivery=delivery).pk == delivery.pk
    deliver_pending(budget_s=5)

    assert len(receiver.received) == 1
    assert endpoint.deliveries.count() == 1


def test_ping_reaches_an_endpoint_that_asks_for_other_events(acme: Tenant, receiver: Receiver) -> None:
    endpoint = make_endpoint(acme, receiver.url, Event.JOB_FINISHED)
    send_ping(endpoint=endpoint)
    deliver_pending(budget_s=5)
    (came,) = receiver.received
    event = came.verify(endpoint.secret)
    assert (event["type"], event["data"]) == ("ping", {"webhook": str(endpoint.pk)})


def test_disabled_endpoint_is_sent_nothing_on_request(acme: Tenant, receiver: Receiver) -> None:
    endpoint = make_endpoint(acme, receiver.url)
    (delivery,) = leave_events(endpoint)
    update_endpoint(endpoint=endpoint, enabled=False)
    for ask in (partial(redeliver, delivery=delivery), partial(send_ping, endpoint=endpoint)):
        with pytest.raises(Conflict, match="disabled") as refused:
            ask()
        assert refused.value.code == "webhook_disabled"
    assert endpoint.deliveries.count() == 1
