"""How fast a job goes, by its own counts and the clock."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from jobs.lookup import UNFINISHED
from jobs.models import Job


@dataclass(frozen=True)
class Pace:
    """items_per_second: since the job was first taken up, the time it waited for others included.

    Either is None where it cannot be told: nothing has ended yet, or there is nothing left to wait for.
    """

    items_per_second: float | None
    seconds_left: float | None


def count_pending(job: Job) -> int:
    """Items that have not ended, as far as they are known."""
    return max(0, job.total - _count_ended(job))


def measure_pace(job: Job, *, now: datetime | None = None) -> Pace:
    """The pace of the job until now, or until it ended."""
    ended = _count_ended(job)
    if job.started_at is None or not ended:
        return Pace(None, None)
    taken = ((job.finished_at or now or timezone.now()) - job.started_at).total_seconds()
    if taken <= 0:
        return Pace(None, None)
    rate = ended / taken
    return Pace(rate, count_pending(job) / rate if job.state in UNFINISHED else None)


def _count_ended(job: Job) -> int:
    return job.done + job.failed + job.skipped
