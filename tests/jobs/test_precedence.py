"""Bulk work gives way to calls, and is not starved by them."""

import time

import pytest
import redis

from jobs import precedence
from jobs.precedence import Courtesy
from tests.relay import Relay


def put_in_flight(broker: "redis.Redis", seconds: float) -> None:
    """A call that its caller gives up after so long."""
    broker.zadd("vitrine:calls", {"call": time.time() + seconds})


def work(seconds: float) -> None:
    time.sleep(seconds)


def time_wait(courtesy: Courtesy) -> float:
    started = time.monotonic()
    courtesy.give_way()
    return time.monotonic() - started


def test_work_goes_on_at_once_where_nobody_calls(broker: "redis.Redis") -> None:
    courtesy = Courtesy()
    work(0.2)
    assert time_wait(courtesy) < 0.1


def test_work_waits_until_the_call_is_over(broker: "redis.Redis") -> None:
    courtesy = Courtesy()
    work(0.3)
    put_in_flight(broker, 0.3)
    assert 0.2 < time_wait(courtesy) < 0.6


def test_work_keeps_its_share_under_calls_without_end(broker: "redis.Redis") -> None:
    put_in_flight(broker, 60)
    courtesy = Courtesy()
    worked = waited = 0.0
    for _ in range(4):
        work(0.1)
        worked += 0.1
        waited += time_wait(courtesy)
    assert 1.1 < waited < 3 * worked + 0.4


def test_one_wait_is_bounded_however_long_the_work_took(
    broker: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precedence, "_LONGEST_S", 0.2)
    put_in_flight(broker, 60)
    courtesy = Courtesy()
    work(0.5)
    assert 0.15 < time_wait(courtesy) < 0.5


def test_work_goes_on_without_valkey(broker: "redis.Redis", relay: Relay) -> None:
    put_in_flight(broker, 60)
    relay.cut()
    courtesy = Courtesy()
    work(0.2)
    assert time_wait(courtesy) < 0.15
