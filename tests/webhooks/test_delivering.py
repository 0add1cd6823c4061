"""Events on their way to real servers."""

import json
import time
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks import WebhookVerificationError
from standardwebhooks.webhooks import EmptyWebhookSecretError

from jobs.events import emit_event
from tenants.models import Tenant, WebhookEndpoint
from tests.webhooks.endpoints import (
    ALL_ATTEMPTS,
    Event,
    hurry,
    leave_events,
    make_endpoint,
    reload,
)
from tests.webhooks.receiver import Received, Receiver
from webhooks.deliveries import list_due
from webhooks.delivering import deliver_pending
from webhooks.endpoints import ROTATION, rotate_secret
from webhooks.schedule import RETRY_AFTER_S


def deliver() -> bool:
    return deliver_pending(budget_s=5)


def test_event_arrives_signed_and_is_delivered(acme: Tenant, receiver: Receiver) -> None:
    endpoint = make_endpoint(acme, receiver.url, Event.JOB_FINISHED)
    before = timezone.now()
    emit_event(Event.JOB_FINISHED, {"job": "1", "message": "schön"})

    assert deliver() is False

    (came,) = receiver.received
    event = came.verify(endpoint.secret)
    assert (event["type"], event["data"]) == ("job.finished", {"job": "1", "message": "schön"})
    assert event["timestamp"] >= before.isoformat()
    assert came.headers["content-type"] == "application/json"
    (delivery,) = endpoint.deliveries.all()
    assert (delivery.state, delivery.next_attempt_at, delivery.leased_until) == ("delivered", None, None)
    assert came.id == str(delivery.event_id)
    (attempt,) = delivery.attempts
    assert (attempt["status"], attempt["code"], attempt["answer"]) == (200, "", "taken")
    assert 0 <= attempt["ms"] < 5000
    assert endpoint.secret not in str(delivery.attempts)


def test_event_goes_to_the_endpoints_that_ask_for_it_under_one_id(
    acme: Tenant, receiver: Receiver, other_receiver: Receiver
) -> None:
    make_endpoint(acme, receiver.url, Event.JOB_FINISHED, Event.IMAGE_FAILED)
    make_endpoint(acme, other_receiver.url, Event.IMAGE_FAILED)
    disabled = make_endpoint(acme, other_receiver.url, Event.IMAGE_FAILED)
    WebhookEndpoint.objects.filter(pk=disabled.pk).update(enabled=False)
    emit_event(Event.JOB_FINISHED, {})
    emit_event(Event.IMAGE_FAILED, {})

    deliver()

    assert sorted(read_type(came) for came in receiver.received) == ["image.failed", "job.finished"]
    (shared,) = other_receiver.received
    assert read_type(shared) == "image.failed"
    assert shared.id in {came.id for came in receiver.received}


def read_type(came: Received) -> str:
    kind: str = json.loads(came.body)["type"]
    return kind


def test_failed_delivery_is_tried_by_the_schedule_under_one_id_and_then_ends(
    acme: Tenant, receiver: Receiver
) -> None:
    receiver.status, receiver.text = 500, "we are\0 ill " + "x" * 600
    endpoint = make_endpoint(acme, receiver.url)
    (delivery,) = leave_events(endpoint)
    for tried, wait_s in enumerate(RETRY_AFTER_S, 1):
        hurry(endpoint)
        deliver()
        row = reload(delivery)
        assert (row.state, row.leased_until, len(row.attempts)) == ("pending", None, tried)
        waits = (row.next_attempt_at - timezone.now()).total_seconds()
        assert wait_s - 2 < waits < wait_s * 1.1

    hurry(endpoint)
    deliver()

    row = reload(delivery)
    assert (row.state, row.next_attempt_at) == ("failed", None)
    assert row.ended_at is not None
    assert [attempt["status"] for attempt in row.attempts] == [500] * ALL_ATTEMPTS
    assert row.attempts[0]["answer"] == "we are\N{REPLACEMENT CHARACTER} ill " + "x" * 488
    assert {came.id for came in receiver.received} == {str(delivery.event_id)}
    assert {came.body for came in receiver.received} == {receiver.received[0].body}
    assert len(receiver.received) == ALL_ATTEMPTS
    assert all(came.verify(endpoint.secret) for came in receiver.received)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429, 503])
def test_whatever_is_no_success_is_tried_again_and_no_redirect_is_followed(
    acme: Tenant, receiver: Receiver, other_receiver: Receiver, status: int
) -> None:
    receiver.status, receiver.location = status, other_receiver.url
    (delivery,) = leave_events(make_endpoint(acme, receiver.url))

    deliver()

    row = reload(delivery)
    assert (row.state, [attempt["status"] for attempt in row.attempts]) == ("pending", [status])
    assert other_receiver.received == []


def test_endpoint_without_a_server_is_tried_again(acme: Tenant, intranet: None) -> None:
    (delivery,) = leave_events(make_endpoint(acme, "http://127.0.0.1:9/hook"))
    deliver()
    row = reload(delivery)
    (attempt,) = row.attempts
    assert (row.state, attempt["status"], attempt["code"]) == ("pending", None, "url_unreachable")
    assert attempt["answer"]


def test_endpoint_that_does_not_answer_in_time_has_failed(
    acme: Tenant, receiver: Receiver, settings: Settings
) -> None:
    settings.WEBHOOK_TIMEOUT_S = 1
    receiver.delay_s = 2
    (delivery,) = leave_events(make_endpoint(acme, receiver.url))
    deliver()
    (attempt,) = reload(delivery).attempts
    assert (attempt["status"], attempt["code"]) == (None, "url_timeout")
    assert 1000 <= attempt["ms"] < 1900


def test_failing_endpoint_rests_and_a_success_ends_that(acme: Tenant, receiver: Receiver) -> None:
    receiver.status = 500
    endpoint = make_endpoint(acme, receiver.url)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=timezone.now() - timedelta(hours=1))
    leave_events(endpoint, 5)

    assert deliver() is False

    assert len(receiver.received) == 1
    rests_s = (reload(endpoint).rests_until - timezone.now()).total_seconds()
    assert 590 < rests_s <= 600
    receiver.status = 200
    hurry(endpoint)
    deliver()
    assert len(receiver.received) == 6
    row = reload(endpoint)
    assert (row.failing_since, row.rests_until) == (None, None)


def test_slow_endpoint_holds_up_neither_another_nor_the_turn(
    acme: Tenant, receiver: Receiver, other_receiver: Receiver
) -> None:
    receiver.delay_s = 4
    slow = make_endpoint(acme, receiver.url)
    leave_events(slow, 3)
    quick = make_endpoint(acme, other_receiver.url)
    leave_events(quick, 5)
    began = time.monotonic()

    more = deliver_pending(budget_s=3)

    assert time.monotonic() - began < 7
    assert more is True
    assert (len(receiver.received), len(other_receiver.received)) == (1, 5)
    took = F("ended_at") - F("created_at")
    assert max(quick.deliveries.values_list(took, flat=True)) < timedelta(seconds=3.5)


def test_both_secrets_sign_for_a_day_after_a_rotation(acme: Tenant, receiver: Receiver) -> None:
    endpoint = make_endpoint(acme, receiver.url)
    rotated = rotate_secret(endpoint=endpoint)
    assert rotated.previous_secret_until is not None
    assert timedelta(hours=23) < rotated.previous_secret_until - timezone.now() <= ROTATION
    leave_events(endpoint)
    deliver()
    (came,) = receiver.received
    assert len(came.headers["webhook-signature"].split(" ")) == 2
    assert came.verify(endpoint.secret) == came.verify(rotated.secret)

    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(previous_secret_until=timezone.now())
    leave_events(endpoint)
    deliver()

    late = receiver.received[-1]
    assert late.verify(rotated.secret)
    with pytest.raises(WebhookVerificationError):
        late.verify(endpoint.secret)


def test_address_that_has_become_private_is_not_asked(
    acme: Tenant, receiver: Receiver, settings: Settings
) -> None:
    (delivery,) = leave_events(make_endpoint(acme, receiver.url))
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    deliver()
    (attempt,) = reload(delivery).attempts
    assert (attempt["status"], attempt["code"]) == (None, "address_not_allowed")
    assert receiver.received == []


def test_nothing_due_is_left_for_another_turn(acme: Tenant, receiver: Receiver) -> None:
    assert deliver() is False
    leave_events(make_endpoint(acme, receiver.url), 3)
    assert deliver_pending(budget_s=0) is True
    assert (receiver.received, list_due().count()) == ([], 3)


def test_error_of_ours_is_recorded_and_seen(acme: Tenant, receiver: Receiver) -> None:
    endpoint = make_endpoint(acme, receiver.url)
    (delivery,) = leave_events(endpoint)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(secret="whsec_")
    with pytest.raises(EmptyWebhookSecretError):
        deliver()
    row = reload(delivery)
    assert (row.state, [attempt["code"] for attempt in row.attempts]) == ("pending", ["internal_error"])
