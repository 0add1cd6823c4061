"""Events as they are left, and the end of every job among them."""

from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import transaction
from django.utils import timezone

from jobs.cancelling import cancel_job
from jobs.dispatch import DELIVER_WEBHOOKS
from jobs.events import emit_event
from jobs.models import Job
from jobs.progress import MAX_ATTEMPTS, run_job
from jobs.unfinished import list_stranded_jobs
from tenants.errors import Conflict
from tenants.models import Tenant, WebhookEndpoint
from tenants.scope import tenant_scope
from tests.jobs.messages import Message, list_messages
from tests.webhooks.endpoints import Event, make_endpoint, make_tenant


@pytest.fixture
def endpoint(acme: Tenant, intranet: None, broker: "redis.Redis") -> WebhookEndpoint:
    return make_endpoint(acme, "http://127.0.0.1:9/", Event.JOB_FINISHED)


def make_job(tenant: Tenant, **fields: Any) -> Job:
    return Job.objects.create(tenant=tenant, kind=Job.Kind.CALIBRATE, trigger="test", **fields)


def read_ends(endpoint: WebhookEndpoint) -> list[dict[str, Any]]:
    """What the endpoint is told of jobs, oldest first."""
    return [delivery.body["data"] for delivery in endpoint.deliveries.order_by("pk")]


def test_event_is_left_and_a_turn_asked_for_on_commit_only(
    acme: Tenant, endpoint: WebhookEndpoint, broker: "redis.Redis"
) -> None:
    with transaction.atomic():
        emit_event(Event.JOB_FINISHED, {})
        emit_event(Event.JOB_FINISHED, {})
        assert list_messages(broker, "webhooks") == []
    assert list_messages(broker, "webhooks") == [Message(DELIVER_WEBHOOKS, [str(acme.pk)])]
    assert endpoint.deliveries.count() == 2


def test_event_that_is_rolled_back_has_not_happened(acme: Tenant, endpoint: WebhookEndpoint) -> None:
    with transaction.atomic():
        emit_event(Event.JOB_FINISHED, {})
        transaction.set_rollback(True)
    assert not endpoint.deliveries.exists()


def test_event_of_another_tenant_or_kind_is_not_left(acme: Tenant, endpoint: WebhookEndpoint) -> None:
    emit_event(Event.IMAGE_FAILED, {})
    with tenant_scope(make_tenant("globex").pk):
        emit_event(Event.JOB_FINISHED, {})
    assert not endpoint.deliveries.exists()


def test_job_that_succeeds_or_fails_is_told_once(acme: Tenant, endpoint: WebhookEndpoint) -> None:
    done, refused, broken = (make_job(acme) for _ in range(3))
    with run_job(done.pk) as job:
        assert job is not None
        job.total = job.done = 3
    with run_job(refused.pk):
        raise Conflict("cannot be", code="gallery_empty")
    with pytest.raises(ZeroDivisionError), run_job(broken.pk):
        raise ZeroDivisionError
    with run_job(done.pk) as again:
        assert again is None

    told = read_ends(endpoint)

    assert [(end["job"], end["state"], end["code"]) for end in told] == [
        (str(done.pk), "succeeded", ""),
        (str(refused.pk), "failed", "gallery_empty"),
        (str(broken.pk), "errored", "internal_error"),
    ]
    assert told[0] == {
        "job": str(done.pk),
        "kind": "calibrate",
        "gallery": None,
        "state": "succeeded",
        "code": "",
        "message": "",
        "counts": {"total": 3, "done": 3, "failed": 0, "skipped": 0},
    }


def test_cancelled_job_is_told_once(acme: Tenant, endpoint: WebhookEndpoint) -> None:
    job = make_job(acme)
    with run_job(job.pk) as running:
        assert running is not None
        cancel_job(running)
    with pytest.raises(Conflict):
        cancel_job(job)
    assert [(end["job"], end["state"]) for end in read_ends(endpoint)] == [(str(job.pk), "cancelled")]


def test_job_that_is_given_up_is_told_once(acme: Tenant, endpoint: WebhookEndpoint) -> None:
    past = timezone.now() - timedelta(minutes=1)
    job = make_job(acme, state=Job.State.RUNNING, leased_until=past, attempts=MAX_ATTEMPTS)
    list_stranded_jobs()
    list_stranded_jobs()
    (told,) = read_ends(endpoint)
    assert (told["job"], told["state"], told["code"]) == (str(job.pk), "errored", "gave_up")
    assert told["message"]
