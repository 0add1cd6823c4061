"""How long to go on where the service is away, or where nothing moves."""

import time
from collections.abc import Callable
from typing import Final

from vitrine.errors import GaveUpWaiting

_LONGEST_PAUSE_S: Final = 10.0
_MOST: Final = 12  # with the pauses below some 80 seconds, as long as a service takes to be started again


class Setbacks:
    """Errors in a row that may pass: waited out, longer each time, until they are too many."""

    def __init__(self, sleep: Callable[[float], None], *, most: int = _MOST) -> None:
        self._sleep = sleep
        self._most = most
        self._count = 0

    def bear(self, error: Exception) -> None:
        """Pause; raises the error where too many came in a row."""
        self._count += 1
        if self._count > self._most:
            raise error
        self._sleep(min(0.25 * 2**self._count, _LONGEST_PAUSE_S))

    def forget(self) -> None:
        """There was progress."""
        self._count = 0


class StallWatch:
    """Runs out when the same thing has been seen for too long; None never does."""

    def __init__(self, stall_s: float | None) -> None:
        self._stall_s = stall_s
        self._seen = ""
        self._deadline = 0.0

    def look(self, seen: str) -> None:
        """Raise `GaveUpWaiting` when nothing has changed for long."""
        if self._stall_s is None:
            return
        now = time.monotonic()
        if seen != self._seen:
            self._seen, self._deadline = seen, now + self._stall_s
        elif now > self._deadline:
            message = f"For {self._stall_s:g} s now {seen}. Do workers and beat run? See var/log."
            raise GaveUpWaiting("stalled", message)
