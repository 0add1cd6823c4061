"""Precedence of calls over bulk work: who is waiting for an answer goes first."""

import logging
import time

import redis

from jobs.calls import count_calls

# So many times as long as bulk work took since it last waited, it waits at most: it keeps a quarter of the
# time however many calls there are.
_PATIENCE = 3.0
_LONGEST_S = 1.0
_LOOK_EVERY_S = 0.01
_log = logging.getLogger(__name__)


class Courtesy:
    """Lets calls go first, within bounds: bulk work that gives way all the time still gets on.

    Threads that share one give way for the work of all of them.
    """

    def __init__(self) -> None:
        self._resumed = time.monotonic()

    def give_way(self) -> None:
        """Wait while calls are in flight: at most a second, and three times as long as work took before."""
        now = time.monotonic()
        deadline = now + min(_LONGEST_S, _PATIENCE * (now - self._resumed))
        while time.monotonic() < deadline and _are_calls_in_flight():
            time.sleep(_LOOK_EVERY_S)
        self._resumed = time.monotonic()


def _are_calls_in_flight() -> bool:
    try:
        return count_calls() > 0
    except redis.RedisError as error:
        # No call reaches a worker then.
        _log.warning("cannot see whether calls are in flight: %s", error)
        return False
