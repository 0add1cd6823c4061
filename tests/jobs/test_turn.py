"""How long a turn lasts, with and without others that wait, on a real broker."""

from threading import Event

import pytest
import redis

from jobs import turn as turns
from jobs.errors import NotDone
from jobs.turn import Turn, end_turns
from tests.relay import Relay


def test_turn_lasts_its_least_time_whoever_waits(broker: "redis.Redis") -> None:
    broker.rpush("bulk", "somebody")
    turn = Turn(60, 60)
    assert not turn.is_over
    turn.check()


def test_turn_goes_on_while_nobody_waits(broker: "redis.Redis") -> None:
    turn = Turn(0, 60)
    assert not turn.is_over
    broker.rpush("bulk", "somebody")
    assert turn.is_over
    with pytest.raises(NotDone):
        turn.check()


def test_turn_is_over_after_its_most_time_although_nobody_waits(broker: "redis.Redis") -> None:
    assert broker.llen("bulk") == 0
    assert Turn(0, 0).is_over


def test_turn_is_over_when_the_process_is_to_stop(
    broker: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_stopping", Event())
    assert not Turn(0, 60).is_over
    end_turns()
    assert Turn(0, 60).is_over
    assert not Turn(60, 60).is_over


def test_turn_is_no_longer_than_it_must_be_while_the_broker_is_away(
    broker: "redis.Redis", relay: Relay
) -> None:
    relay.cut()
    assert Turn(0, 60).is_over
