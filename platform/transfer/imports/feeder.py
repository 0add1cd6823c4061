"""The next photos are read and stored in a thread, while others are in the models."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from threading import Event
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import connection

from jobs.items import list_in_flight, settle_items
from jobs.models import Job
from tenants.models import Gallery
from transfer.imports.feeding import feed_batch
from transfer.imports.standing import report_items
from transfer.sources.source import Source

_BATCHES_AHEAD = 4
_REPORT_EVERY_S = 2.0
_PAUSE_S = 0.5


class Feeder:
    """Feeds an import for as long as it is entered, a few batches ahead of the models at most.

    It alone uses the source meanwhile, and it keeps the job's counts up to date. exhausted: no row is left to
    be fed. What goes wrong in the thread is raised by `check` and on leaving.
    """

    def __init__(self, job: Job, gallery: Gallery, source: Source) -> None:
        self.exhausted = False
        self._job, self._gallery, self._source = job, gallery, source
        self._stop, self._news = Event(), Event()
        self._reported_at = 0.0
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="feed")
        self._running: Future[None] | None = None

    def __enter__(self) -> Self:
        self._running = self._pool.submit(copy_context().run, self._feed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pool.shutdown()
        if error is None:
            self.check()

    def check(self) -> None:
        """Raise what ended the thread."""
        if self._running is not None and self._running.done():
            self._running.result()

    def wait(self, seconds: float) -> None:
        """Wait for photos that were not there before, for the end of all, or for so long."""
        self._news.wait(seconds)
        self._news.clear()
        self.check()

    def _feed(self) -> None:
        try:
            while not self._stop.is_set():
                self._report_when_due()
                if self.exhausted or self._is_ahead():
                    self._stop.wait(_PAUSE_S)
                    continue
                self.exhausted = not feed_batch(self._job, self._gallery, self._source)
                self._news.set()
        finally:
            self._news.set()
            connection.close()

    def _is_ahead(self) -> bool:
        return list_in_flight(self._job.pk).count() >= _BATCHES_AHEAD * settings.INDEX_BATCH

    def _report_when_due(self) -> None:
        if time.monotonic() - self._reported_at >= _REPORT_EVERY_S:
            settle_items(self._job.pk)
            report_items(self._job)
            self._reported_at = time.monotonic()
