"""Asking a worker within the request. The test plays the worker; broker and messages are real."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import redis
from django.db import connection
from pytest_django import Settings

from jobs.calls import Call, answer_call, ask_worker, count_calls, receive_call, refuse_call
from jobs.errors import CallRefused, Unavailable
from jobs.presence import FADES_AFTER_S, announce_worker, list_workers
from tenants.errors import NotFound
from tests.conftest import wait_until
from tests.jobs.messages import take_message
from tests.relay import Relay

TENANT = uuid.uuid4()
pytestmark = pytest.mark.usefixtures("rows")


def ask(photo: bytes = b"photo") -> dict[str, Any]:
    try:
        return ask_worker(
            task="recognize.recognize", tenant_id=TENANT, arguments={"gallery": "g"}, photo=photo
        )
    finally:
        # Most callers are threads, each with a connection of its own.
        connection.close()


def receive(broker: "redis.Redis") -> Call | None:
    message = take_message(broker, "recognize")
    call_id, tenant_id, arguments, _request_id = message.args
    return receive_call(call_id=call_id, tenant_id=tenant_id, arguments=arguments)


def must_receive(broker: "redis.Redis") -> Call:
    call = receive(broker)
    assert call is not None
    return call


@pytest.fixture
def asked(present_worker: None) -> Iterator[Future[dict[str, Any]]]:
    """A caller that waits in a thread."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(ask)


def list_keys(broker: "redis.Redis") -> set[bytes | str]:
    return {*broker.keys("vitrine:photo:*"), *broker.keys("vitrine:reply:*")}


def test_call_carries_the_question_and_brings_back_the_answer(
    broker: "redis.Redis", asked: "Future[dict[str, Any]]"
) -> None:
    call = must_receive(broker)
    assert (call.tenant_id, call.arguments, call.photo) == (TENANT, {"gallery": "g"}, b"photo")

    answer_call(call, {"said": "yes"})

    assert asked.result(10) == {"said": "yes"}
    assert list_keys(broker) == set()


@pytest.mark.parametrize(
    ("code", "retry_after", "expected"),
    [
        ("image_unreadable", None, CallRefused),
        ("gallery_not_found", None, NotFound),
        ("index_away", 5, Unavailable),
    ],
)
def test_refusal_reaches_the_caller_with_its_code(
    broker: "redis.Redis",
    asked: "Future[dict[str, Any]]",
    code: str,
    retry_after: int | None,
    expected: type[Exception],
) -> None:
    refuse_call(must_receive(broker), code=code, message="because", retry_after=retry_after)
    with pytest.raises(expected, match="because") as refused:
        asked.result(10)
    assert getattr(refused.value, "code", None) == code
    assert getattr(refused.value, "retry_after", None) == retry_after


def test_call_is_in_flight_from_asking_to_answering(
    broker: "redis.Redis", asked: "Future[dict[str, Any]]"
) -> None:
    wait_until(lambda: count_calls() == 1, "the call is asked", 5)
    call = must_receive(broker)
    assert count_calls() == 1
    answer_call(call, {})
    asked.result(10)
    assert count_calls() == 0


def test_call_that_nobody_answers_is_in_flight_until_its_caller_gives_up(
    broker: "redis.Redis", present_worker: None, relay: Relay, settings: Settings
) -> None:
    settings.RECOGNIZE_TIMEOUT_S = 1
    with pytest.raises(Unavailable):
        ask()
    assert count_calls() == 0
    assert broker.zcard("vitrine:calls") == 0
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask)
        wait_until(lambda: broker.zcard("vitrine:calls") == 1, "the call is asked", 5)
        relay.cut()
        with pytest.raises(Unavailable):
            waiting.result(10)
    relay.restore()
    wait_until(lambda: count_calls() == 0, "the dead caller's call is over", 3)


def test_two_callers_at_once_get_their_own_answers(broker: "redis.Redis", present_worker: None) -> None:
    photos = [f"photo {number}".encode() for number in range(8)]
    with ThreadPoolExecutor(len(photos)) as pool:
        answers = pool.map(ask, photos)
        calls = [must_receive(broker) for _ in photos]
        for call in reversed(calls):
            answer_call(call, {"saw": call.photo.decode()})
        assert [answer["saw"].encode() for answer in answers] == photos
    assert list_keys(broker) == set()


def test_no_answer_in_time_is_a_timeout_and_leaves_nothing(
    broker: "redis.Redis", present_worker: None, settings: Settings
) -> None:
    settings.RECOGNIZE_TIMEOUT_S = 1
    started = time.monotonic()
    with pytest.raises(Unavailable) as late:
        ask()
    assert (late.value.code, late.value.retry_after > 0) == ("recognition_timeout", True)
    assert time.monotonic() - started < 3
    assert list_keys(broker) == set()

    assert receive(broker) is None, "a call whose caller has gone must be dropped"


def test_answer_that_comes_too_late_fades(
    broker: "redis.Redis", present_worker: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RECOGNIZE_TIMEOUT_S = 1
    monkeypatch.setattr("jobs.calls._GRACE_S", 1)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask)
        call = must_receive(broker)
        with pytest.raises(Unavailable):
            waiting.result(10)
    answer_call(call, {"said": "late"})
    assert len(list_keys(broker)) == 1
    wait_until(lambda: list_keys(broker) == set(), "the late answer fades", 5)


def test_photo_of_a_caller_that_died_fades(
    broker: "redis.Redis", present_worker: None, relay: Relay, settings: Settings
) -> None:
    """The caller is cut off while it waits: nobody deletes the photo for it."""
    settings.RECOGNIZE_TIMEOUT_S = 1
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask)
        wait_until(lambda: len(list_keys(broker)) == 1, "the call is asked", 5)
        relay.cut()
        with pytest.raises(Unavailable) as away:
            waiting.result(10)
    assert away.value.code == "broker_away"
    (photo,) = list_keys(broker)
    assert 0 < broker.ttl(photo) <= 6


def test_no_worker_is_said_at_once(broker: "redis.Redis") -> None:
    started = time.monotonic()
    with pytest.raises(Unavailable) as away:
        ask()
    assert away.value.code == "workers_away"
    assert time.monotonic() - started < 1
    assert list_keys(broker) == set()
    assert broker.llen("recognize") == 0


def test_full_queue_is_said_at_once(broker: "redis.Redis", present_worker: None, settings: Settings) -> None:
    settings.RECOGNIZE_QUEUE_LIMIT = 3
    # One at work and three that wait, all of others.
    broker.zadd("vitrine:calls", {f"{uuid.uuid4()}/{number}": time.time() + 60 for number in range(4)})
    with pytest.raises(Unavailable) as full:
        ask()
    assert full.value.code == "workers_saturated"
    assert list_keys(broker) == set()
    assert broker.llen("recognize") == 0
    assert count_calls() == 4


@pytest.mark.parametrize("trouble", [Relay.cut, Relay.silence], ids=["killed", "hung"])
def test_broker_away_is_said_within_the_time_limit(
    broker: "redis.Redis", relay: Relay, settings: Settings, trouble: Callable[[Relay], None]
) -> None:
    settings.RECOGNIZE_TIMEOUT_S = 2
    with pytest.raises(Unavailable):
        ask()
    trouble(relay)
    started = time.monotonic()
    with pytest.raises(Unavailable) as away:
        ask()
    assert away.value.code == "broker_away"
    assert time.monotonic() - started < 2 + 3

    relay.restore()
    with pytest.raises(Unavailable) as back:
        ask()
    assert back.value.code == "workers_away"


def test_presence_is_taken_back_at_once_and_fades_by_itself(broker: "redis.Redis") -> None:
    stop = threading.Event()
    said = {"queue": "recognize", "hostname": "one", "facts": {"model": "m"}, "stop": stop}
    thread = threading.Thread(target=announce_worker, kwargs=said)
    thread.start()
    wait_until(lambda: list_workers("recognize") == [{"model": "m"}], "the worker is announced", 5)
    announced = broker.hget("vitrine:present:recognize", "one")
    stop.set()
    thread.join()
    assert list_workers("recognize") == []

    # A killed worker takes nothing back.
    broker.hset("vitrine:present:recognize", "one", announced)
    assert list_workers("recognize") == [{"model": "m"}]
    wait_until(lambda: list_workers("recognize") == [], "the worker is forgotten", FADES_AFTER_S + 1)
