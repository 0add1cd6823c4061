"""Endpoints: which addresses they may have, how many there may be, and how they end."""

import threading
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from jobs.events import emit_event
from tenants.errors import Conflict, NotFound
from tenants.models import Tenant, WebhookDelivery, WebhookEndpoint
from tenants.scope import tenant_scope
from tests.webhooks.endpoints import Event, leave_events, make_endpoint, make_tenant, reload
from tests.webhooks.receiver import Receiver
from tests.webhooks.threads import run_as
from webhooks.delivering import deliver_pending
from webhooks.endpoints import MAX_ENDPOINTS, delete_endpoint, get_endpoint, rotate_secret, update_endpoint
from webhooks.errors import UrlRefused


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://8.8.8.8/hook", "https"),
        ("https://127.0.0.1/hook", "public"),
        ("https://localhost/hook", "public"),
        ("https://10.1.2.3/hook", "public"),
        ("https://[::1]/hook", "public"),
        ("https://169.254.169.254/latest", "public"),
        ("https://2130706433/hook", "plain spelling"),
        ("https://8.8.8.8:6379/", "Port"),
        ("https://user:pass@8.8.8.8/hook", "user name"),
        ("https://no-such-host.invalid/hook", "no address"),
        ("ftp://8.8.8.8/hook", "https"),
        ("hook", "https"),
    ],
)
def test_address_that_must_not_be_asked_is_refused(acme: Tenant, url: str, why: str) -> None:
    with pytest.raises(UrlRefused, match=why):
        make_endpoint(acme, url)
    endpoint = make_endpoint(acme, "https://8.8.8.8/hook")
    with pytest.raises(UrlRefused, match=why):
        update_endpoint(endpoint=endpoint, url=url)
    assert reload(endpoint).url == "https://8.8.8.8/hook"


def test_intranet_opens_loopback_but_never_the_clouds_own_addresses(acme: Tenant, intranet: None) -> None:
    assert make_endpoint(acme, "http://localhost:8080/hook").url == "http://localhost:8080/hook"
    with pytest.raises(UrlRefused, match="public"):
        make_endpoint(acme, "http://169.254.169.254/latest")


def test_number_of_endpoints_is_bounded_also_for_two_calls_at_once(acme: Tenant, intranet: None) -> None:
    for _ in range(MAX_ENDPOINTS - 1):
        make_endpoint(acme, "http://127.0.0.1:9/")

    def make_or_refuse() -> str:
        try:
            make_endpoint(acme, "http://127.0.0.1:9/")
        except Conflict as refused:
            return refused.code
        return "made"

    assert sorted(run_as(acme.pk, make_or_refuse, make_or_refuse)) == ["made", "too_many_webhooks"]
    assert WebhookEndpoint.objects.count() == MAX_ENDPOINTS


def test_endpoint_of_another_tenant_is_not_found(acme: Tenant, intranet: None) -> None:
    endpoint = make_endpoint(acme, "http://127.0.0.1:9/")
    with tenant_scope(make_tenant("globex").pk):
        for call in (
            partial(get_endpoint, endpoint.pk),
            partial(rotate_secret, endpoint=endpoint),
            partial(update_endpoint, endpoint=endpoint, enabled=False),
        ):
            with pytest.raises(NotFound):
                call()
        delete_endpoint(endpoint=endpoint)
    assert reload(endpoint) == endpoint
    assert reload(endpoint).secret == endpoint.secret


def test_gone_disables_the_endpoint_at_once_and_tells_the_others(
    acme: Tenant, receiver: Receiver, other_receiver: Receiver
) -> None:
    receiver.status = 410
    gone = make_endpoint(acme, receiver.url, Event.IMAGE_FAILED, Event.ENDPOINT_DISABLED)
    observer = make_endpoint(acme, other_receiver.url, Event.ENDPOINT_DISABLED)
    leave_events(gone, 3)

    deliver_pending(budget_s=5)

    row = reload(gone)
    assert (row.enabled, row.disabled_reason) == (False, "The endpoint answered 410 Gone.")
    states = [(each.state, len(each.attempts)) for each in gone.deliveries.order_by("pk")]
    assert states == [("failed", 1), ("failed", 0), ("failed", 0)]
    deliver_pending(budget_s=5)
    assert len(receiver.received) == 1
    (notice,) = other_receiver.received
    event = notice.verify(observer.secret)
    assert event["type"] == "endpoint.disabled"
    assert event["data"] == {"webhook": str(gone.pk), "reason": "The endpoint answered 410 Gone."}


@pytest.mark.parametrize(("days", "enabled"), [(4.9, True), (5.1, False)])
def test_endpoint_is_disabled_after_five_days_without_success(
    acme: Tenant,
    receiver: Receiver,
    other_receiver: Receiver,
    days: float,
    enabled: bool,  # noqa: FBT001 - the table's own column
) -> None:
    receiver.status = 500
    endpoint = make_endpoint(acme, receiver.url)
    make_endpoint(acme, other_receiver.url, Event.ENDPOINT_DISABLED)
    since = timezone.now() - timedelta(days=days)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=since)
    leave_events(endpoint)

    deliver_pending(budget_s=5)
    deliver_pending(budget_s=5)

    row = reload(endpoint)
    assert row.enabled is enabled
    assert bool(row.disabled_reason) is not enabled
    assert len(other_receiver.received) == (0 if enabled else 1)


def test_time_until_it_is_disabled_can_be_set(acme: Tenant, receiver: Receiver, settings: Settings) -> None:
    settings.WEBHOOK_DISABLE_AFTER_DAYS = 1
    receiver.status = 500
    endpoint = make_endpoint(acme, receiver.url)
    since = timezone.now() - timedelta(days=1.1)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=since)
    leave_events(endpoint)
    deliver_pending(budget_s=5)
    assert reload(endpoint).enabled is False


def test_enabling_starts_afresh_and_disabling_ends_what_waits(acme: Tenant, receiver: Receiver) -> None:
    endpoint = make_endpoint(acme, receiver.url)
    (waiting,) = leave_events(endpoint)
    off = update_endpoint(endpoint=endpoint, enabled=False)
    assert (off.enabled, bool(off.disabled_reason)) == (False, True)
    assert reload(waiting).state == "failed"
    long_ago = timezone.now() - timedelta(days=9)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=long_ago, rests_until=timezone.now())

    on = update_endpoint(endpoint=endpoint, enabled=True)

    assert (on.enabled, on.disabled_reason, on.failing_since, on.rests_until) == (True, "", None, None)
    receiver.status = 500
    leave_events(endpoint)
    deliver_pending(budget_s=5)
    assert reload(endpoint).enabled is True


def test_deletion_waits_for_an_event_that_is_being_left(acme: Tenant, intranet: None) -> None:
    """Were the endpoint gone before its delivery is there, what emits the event could not be committed."""
    endpoint = make_endpoint(acme, "http://127.0.0.1:9/")
    deleted = threading.Event()

    def delete() -> None:
        with tenant_scope(acme.pk):
            delete_endpoint(endpoint=endpoint)
        connection.close()
        deleted.set()

    thread = threading.Thread(target=delete)
    with transaction.atomic():
        emit_event(Event.IMAGE_FAILED, {})
        thread.start()
        assert not deleted.wait(0.5)
    assert deleted.wait(5)
    thread.join()
    assert not WebhookDelivery.objects.filter(endpoint=endpoint.pk).exists()
