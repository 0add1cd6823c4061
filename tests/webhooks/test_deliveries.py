"""The queue of deliveries in their rows."""

from datetime import timedelta

from django.utils import timezone

from tenants.models import Tenant, WebhookDelivery
from tenants.scope import tenant_scope
from tests.webhooks.endpoints import State, leave_events, make_endpoint, make_tenant, reload
from tests.webhooks.receiver import Receiver
from tests.webhooks.threads import run_as
from webhooks.deliveries import (
    Attempt,
    lease_delivery,
    list_due,
    list_due_endpoints,
    record_attempt,
    tenants_with_due_deliveries,
)
from webhooks.delivering import deliver_pending
from webhooks.endpoints import delete_endpoint, update_endpoint


def succeed() -> Attempt:
    return Attempt(at=timezone.now(), ms=1, status=204, code="", answer="")


def expire_lease(delivery: WebhookDelivery) -> None:
    past = timezone.now() - timedelta(seconds=1)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(leased_until=past)


def test_lease_takes_what_is_due_the_longest_and_nobody_gets_it_twice(
    acme: Tenant, receiver: Receiver
) -> None:
    endpoint = make_endpoint(acme, receiver.url)
    first, second = leave_events(endpoint, 2)
    later = timezone.now() + timedelta(minutes=5)
    (third,) = leave_events(endpoint)
    WebhookDelivery.objects.filter(pk=third.pk).update(next_attempt_at=later)

    leased = [lease_delivery(endpoint.pk) for _ in range(3)]

    assert [delivery and delivery.pk for delivery in leased] == [first.pk, second.pk, None]


def test_killed_workers_delivery_is_sent_again_under_the_same_id(acme: Tenant, receiver: Receiver) -> None:
    endpoint = make_endpoint(acme, receiver.url)
    (delivery,) = leave_events(endpoint)
    # As by a worker that is killed between its request and its record.
    held = lease_delivery(endpoint.pk)
    assert held is not None
    assert deliver_pending(budget_s=5) is False
    assert receiver.received == []
    expire_lease(delivery)

    deliver_pending(budget_s=5)

    (came,) = receiver.received
    assert came.id == str(delivery.event_id)
    assert reload(delivery).state == State.DELIVERED


def test_worker_that_lost_its_lease_changes_nothing(acme: Tenant, receiver: Receiver) -> None:
    endpoint = make_endpoint(acme, receiver.url)
    (delivery,) = leave_events(endpoint)
    late = lease_delivery(endpoint.pk)
    expire_lease(delivery)
    current = lease_delivery(endpoint.pk)
    assert late is not None
    assert current is not None

    record_attempt(late, succeed())
    assert (reload(delivery).state, reload(delivery).attempts) == ("pending", [])
    record_attempt(current, succeed())
    record_attempt(current, succeed())

    row = reload(delivery)
    assert (row.state, len(row.attempts)) == ("delivered", 1)


def test_attempt_at_an_endpoint_that_is_gone_or_disabled_meanwhile_is_dropped(
    acme: Tenant, receiver: Receiver
) -> None:
    gone, disabled = (make_endpoint(acme, receiver.url) for _ in range(2))
    (lost,), (ended,) = leave_events(gone), leave_events(disabled)
    held = [lease_delivery(endpoint.pk) for endpoint in (gone, disabled)]
    delete_endpoint(endpoint=gone)
    update_endpoint(endpoint=disabled, enabled=False)
    for delivery in held:
        assert delivery is not None
        record_attempt(delivery, succeed())
    assert not WebhookDelivery.objects.filter(pk=lost.pk).exists()
    assert (reload(ended).state, reload(ended).attempts) == ("failed", [])


def test_several_workers_deliver_each_event_once(acme: Tenant, receiver: Receiver) -> None:
    receiver.delay_s = 0.05
    endpoint = make_endpoint(acme, receiver.url)
    left = leave_events(endpoint, 20)

    run_as(acme.pk, *[lambda: deliver_pending(budget_s=5)] * 3)

    assert sorted(came.id for came in receiver.received) == sorted(str(each.event_id) for each in left)
    assert set(endpoint.deliveries.values_list("state", flat=True)) == {"delivered"}


def test_working_endpoints_come_before_failing_ones(acme: Tenant, receiver: Receiver) -> None:
    now = timezone.now()
    since = {"long": now - timedelta(days=2), "short": now - timedelta(hours=1), "not": None}
    endpoints = {name: make_endpoint(acme, receiver.url) for name in since}
    for name, endpoint in endpoints.items():
        type(endpoint).objects.filter(pk=endpoint.pk).update(failing_since=since[name])
        leave_events(endpoint)
    assert list_due_endpoints() == [endpoints[name].pk for name in ("not", "short", "long")]


def test_turn_of_one_tenant_leaves_anothers_deliveries_alone(acme: Tenant, receiver: Receiver) -> None:
    leave_events(make_endpoint(acme, receiver.url))
    globex = make_tenant("globex")
    with tenant_scope(globex.pk):
        assert not list_due().exists()
        assert deliver_pending(budget_s=5) is False
    assert receiver.received == []
    assert acme.pk in tenants_with_due_deliveries()
    assert globex.pk not in tenants_with_due_deliveries()


def test_tenant_is_due_until_all_is_delivered_held_or_at_rest(acme: Tenant, receiver: Receiver) -> None:
    endpoint = make_endpoint(acme, receiver.url)
    assert acme.pk not in tenants_with_due_deliveries()
    leave_events(endpoint, 2)
    assert tenants_with_due_deliveries().count(acme.pk) == 1
    for _ in range(2):
        lease_delivery(endpoint.pk)
    assert acme.pk not in tenants_with_due_deliveries()
    for delivery in endpoint.deliveries.all():
        expire_lease(delivery)
    assert acme.pk in tenants_with_due_deliveries()
    rests_until = timezone.now() + timedelta(minutes=1)
    type(endpoint).objects.filter(pk=endpoint.pk).update(rests_until=rests_until)
    assert acme.pk not in tenants_with_due_deliveries()
