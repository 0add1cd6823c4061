"""A job from claim to end: conditional UPDATEs, so that two workers never both believe they have it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db.models import F, Q
from django.utils import timezone

from jobs.errors import Unavailable
from jobs.heartbeat import keep_renewing
from jobs.models import Job
from tenants.errors import DomainError

LEASE = timedelta(seconds=30)
_RENEW_EVERY_S = 5.0
MAX_ATTEMPTS = 5
_log = logging.getLogger(__name__)


@contextmanager
def run_job(job_id: UUID) -> Iterator[Job | None]:
    """Claim the job and give it an end.

    Yields None when it is not to be run (finished, or held by a live worker). A `DomainError` ends it as
    `failed`; `Unavailable` puts it back to wait for the sweeper; anything else ends it as `errored` and
    goes on up, to be seen.
    """
    job = _claim_job(job_id)
    if job is None:
        yield None
        return
    try:
        with keep_renewing(partial(_renew_lease, job), every_s=_RENEW_EVERY_S):
            yield job
    except Unavailable as away:
        _log.warning("job %s waits: %s", job.id, away.message)
        _release_job(job, away)
    except DomainError as error:
        _end_job(job, Job.State.FAILED, code=error.code, message=error.message)
    except Exception:
        _end_job(job, Job.State.ERRORED, code="internal_error", message="An error of ours; it was logged.")
        raise
    else:
        _end_job(job, Job.State.SUCCEEDED)


def report_progress(job: Job, *, done: int) -> None:
    """Store how far the job is."""
    Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(total=job.total, done=done)


def _renew_lease(job: Job) -> None:
    Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(leased_until=timezone.now() + LEASE)


def _claim_job(job_id: UUID) -> Job | None:
    now = timezone.now()
    free = Q(state=Job.State.PENDING) | Q(state=Job.State.RUNNING, leased_until__lt=now)
    claimed = Job.objects.filter(free, pk=job_id, attempts__lt=MAX_ATTEMPTS).update(
        state=Job.State.RUNNING, started_at=now, leased_until=now + LEASE, attempts=F("attempts") + 1
    )
    return Job.objects.get(pk=job_id) if claimed else None


def _release_job(job: Job, away: Unavailable) -> None:
    """Back to pending, saying what it waits for; the attempt does not count, the job is not to blame."""
    Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(
        state=Job.State.PENDING,
        leased_until=timezone.now() + timedelta(seconds=10),
        attempts=F("attempts") - 1,
        code=away.code,
        message=away.message[:500],
    )


def _end_job(job: Job, state: str, *, code: str = "", message: str = "") -> None:
    ended = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(
        state=state,
        code=code,
        message=message[:500],
        total=job.total,
        done=job.done,
        result=job.result,
        finished_at=timezone.now(),
    )
    if not ended:
        _log.warning("job %s was ended by somebody else", job.id)
