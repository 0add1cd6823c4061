"""Handing work over: on commit only, and without ever breaking the request."""

import time
from collections.abc import Callable

import pytest
import redis
from django.conf import settings
from django.db import transaction

from jobs.dispatch import (
    INDEX_IMAGES,
    RUN_JOB,
    TEND_GALLERY,
    begin_turn,
    create_job,
    dispatch_on_commit,
    send_task,
)
from jobs.models import Job
from tenants.models import Gallery
from tenants.scope import tenant_scope
from tests.jobs.messages import Message, list_messages
from tests.relay import Relay
from tests.retrieval.shelf import open_shelf


def test_task_is_sent_on_commit_and_not_before(rows: None, broker: "redis.Redis") -> None:
    with transaction.atomic():
        dispatch_on_commit("bulk.index_images", "some-tenant")
        assert list_messages(broker, "bulk") == []
    assert list_messages(broker, "bulk") == [Message("bulk.index_images", ["some-tenant"])]


def test_rollback_sends_nothing(rows: None, broker: "redis.Redis") -> None:
    with transaction.atomic():
        dispatch_on_commit("bulk.index_images", "some-tenant")
        transaction.set_rollback(True)
    assert list_messages(broker, "bulk") == []


def test_job_is_created_with_its_message(rows: None, broker: "redis.Redis") -> None:
    shelf = open_shelf("acme")
    with tenant_scope(shelf.tenant.id):
        job = create_job(
            tenant_id=shelf.tenant.id, gallery=shelf.gallery, kind=Job.Kind.PROVISION_GALLERY, trigger="test"
        )
    assert list_messages(broker, "bulk") == [Message(RUN_JOB, [str(shelf.tenant.id), str(job.id), "0"])]


def test_job_carries_what_it_is_given_and_may_be_of_no_gallery(rows: None, broker: "redis.Redis") -> None:
    shelf = open_shelf("acme")
    with tenant_scope(shelf.tenant.id):
        created = create_job(
            tenant_id=shelf.tenant.id, kind=Job.Kind.PREPARE_EXEMPLARS, trigger="test", given={"asked": True}
        )
        job = Job.objects.get(pk=created.pk)
    assert (job.gallery, job.input, job.state) == (None, {"asked": True}, "pending")
    assert len(list_messages(broker, "bulk")) == 1


def test_turns_of_two_galleries_are_two(broker: "redis.Redis") -> None:
    for gallery in ("one", "two", "one"):
        send_task(TEND_GALLERY, "acme", gallery)
    assert list_messages(broker, "bulk") == [
        Message(TEND_GALLERY, ["acme", gallery]) for gallery in ("one", "two")
    ]
    begin_turn(TEND_GALLERY, "acme", "one")
    for gallery in ("one", "two"):
        send_task(TEND_GALLERY, "acme", gallery)
    assert list_messages(broker, "bulk")[2:] == [Message(TEND_GALLERY, ["acme", "one"])]


def test_turn_is_asked_once_until_it_begins(broker: "redis.Redis") -> None:
    for _ in range(3):
        send_task(INDEX_IMAGES, "acme")
        send_task(INDEX_IMAGES, "globex")
        send_task(RUN_JOB, "acme", "some-job")
    assert [message.args for message in list_messages(broker, "bulk")] == [
        ["acme"],
        ["globex"],
        *[["acme", "some-job"]] * 3,
    ]

    begin_turn(INDEX_IMAGES, "acme")
    send_task(INDEX_IMAGES, "globex")
    send_task(INDEX_IMAGES, "acme")
    assert list_messages(broker, "bulk")[5:] == [Message(INDEX_IMAGES, ["acme"])]


def test_turn_whose_message_was_lost_is_asked_again_in_time(broker: "redis.Redis") -> None:
    send_task(INDEX_IMAGES, "acme")
    (asked,) = broker.keys("vitrine:asked:*")
    assert 0 < broker.ttl(asked) <= settings.INDEX_SLICE_S + 10
    broker.delete("bulk", asked)
    send_task(INDEX_IMAGES, "acme")
    assert list_messages(broker, "bulk") == [Message(INDEX_IMAGES, ["acme"])]


@pytest.mark.parametrize("trouble", [Relay.cut, Relay.silence], ids=["killed", "hung"])
def test_broker_away_breaks_no_request_and_the_row_stays(
    rows: None, broker: "redis.Redis", relay: Relay, trouble: Callable[[Relay], None]
) -> None:
    shelf = open_shelf("acme", state=Gallery.State.PROVISIONING)
    send_task("bulk.warm_up")
    trouble(relay)

    started = time.monotonic()
    with tenant_scope(shelf.tenant.id), transaction.atomic():
        job = create_job(
            tenant_id=shelf.tenant.id, gallery=shelf.gallery, kind=Job.Kind.PROVISION_GALLERY, trigger="test"
        )
    waited = time.monotonic() - started

    limit = settings.CELERY_BROKER_TRANSPORT_OPTIONS["socket_timeout"]
    assert waited < limit + 3, f"the request hung for {waited:.1f} s"
    assert Job.across_tenants.get(pk=job.pk).state == Job.State.PENDING
    relay.restore()
    send_task(RUN_JOB, str(shelf.tenant.id), str(job.id))
    assert list_messages(broker, "bulk")[-1].args == [str(shelf.tenant.id), str(job.id)]


def test_send_task_to_a_broker_that_was_never_there_fails_within_seconds(
    broker: "redis.Redis", relay: Relay
) -> None:
    relay.cut()
    started = time.monotonic()
    with pytest.raises(Exception, match=r"refused|Error"):
        send_task("bulk.index_images", "some-tenant")
    assert time.monotonic() - started < 5
