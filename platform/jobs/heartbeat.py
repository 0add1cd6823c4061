"""Keeping hold of work: a lease is short, and renewed for as long as its worker is alive and at it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event, Thread

from django.db import Error, connection

# Whoever hangs for longer than this loses its lease although its process lives.
_LONGEST_S = 600.0
_log = logging.getLogger(__name__)


@contextmanager
def keep_renewing(
    renew: Callable[[], object], *, every_s: float, longest_s: float = _LONGEST_S
) -> Iterator[None]:
    """Call `renew` every so often, in a thread of its own, while the block runs.

    So a lease says that a process lives, not how fast it is: a killed worker's work comes free within one
    lease, and a slow machine does not lose what it is still at. The tenant that is set is set there too.
    """
    stop = Event()
    thread = Thread(
        target=copy_context().run, args=(_renew_until, stop, renew, every_s, longest_s), daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _renew_until(stop: Event, renew: Callable[[], object], every_s: float, longest_s: float) -> None:
    try:
        for _ in range(int(longest_s / every_s)):
            if stop.wait(every_s):
                return
            _renew_once(renew)
    finally:
        connection.close()


def _renew_once(renew: Callable[[], object]) -> None:
    try:
        renew()
    except Error as error:
        _log.warning("cannot renew a lease: %s", error)
        connection.close()
