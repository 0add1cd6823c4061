"""The time that a piece of bulk work has before it is others' turn."""

import logging
import time
from threading import Event

import redis
from django.conf import settings

from jobs.errors import NotDone
from jobs.valkey import connect_valkey

_QUEUE = "bulk"
_log = logging.getLogger(__name__)
_stopping = Event()


class Turn:
    """Begins when it is made; lasts `INDEX_SLICE_S`, and while nobody waits, `INDEX_SLICE_MAX_S` at most.

    Work that is taken up again begins with an idle processor: that is worth its price to others only.
    """

    def __init__(self, least_s: float | None = None, most_s: float | None = None) -> None:
        now = time.monotonic()
        self._least = now + (settings.INDEX_SLICE_S if least_s is None else least_s)
        self._most = now + (settings.INDEX_SLICE_MAX_S if most_s is None else most_s)

    @property
    def is_over(self) -> bool:
        """Whether others are to have theirs."""
        now = time.monotonic()
        return now >= self._least and (now >= self._most or _stopping.is_set() or _is_awaited())

    def check(self) -> None:
        """Raise `NotDone` when it is over."""
        if self.is_over:
            raise NotDone


def end_turns() -> None:
    """Let no turn of this process be longer than it must: it is to stop."""
    _stopping.set()


def _is_awaited() -> bool:
    try:
        return int(connect_valkey().llen(_QUEUE)) > 0
    except redis.RedisError as error:
        _log.warning("cannot see whether others wait: %s", error)
        return True
