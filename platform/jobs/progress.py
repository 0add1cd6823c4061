"""A job from claim to end: conditional UPDATEs, so that two workers never both believe they have it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from jobs.dispatch import dispatch_job
from jobs.errors import JobCancelled, NotDone, Unavailable
from jobs.events import emit_job_finished
from jobs.heartbeat import keep_renewing
from jobs.models import Job
from jobs.recording import find_starter
from tenants.domain.audit import acting_as
from tenants.errors import DomainError

LEASE = timedelta(seconds=30)
_RENEW_EVERY_S = 5.0
# A large gallery's index is built, or measured, in one piece.
_LONGEST_S = 12 * 3600.0
MAX_ATTEMPTS = 5
_log = logging.getLogger(__name__)


@contextmanager
def run_job(job_id: UUID, *, turn: int | None = None) -> Iterator[Job | None]:
    """Claim the job and give it an end.

    turn: of the message that asks for it, None for whichever turn it is. Yields None when it is not to be run
    (finished, held by a live worker, or the turn is over). A `DomainError` ends it as `failed`; `Unavailable`
    and a database that went away put it back to wait for the sweeper; `NotDone` puts it behind the work of
    others; a job that was cancelled meanwhile stays so; anything else ends it as `errored` and goes on up, to
    be seen.
    """
    # Before the claim: were the database to go away now, nobody would hold the job.
    starter = find_starter(job_id)
    job = _claim_job(job_id, turn)
    if job is None:
        yield None
        return
    with acting_as(starter):
        yield from _run_to_end(job)


def _run_to_end(job: Job) -> Iterator[Job]:
    try:
        renewing = partial(_renew_lease, job)
        with keep_renewing(renewing, every_s=_RENEW_EVERY_S, longest_s=_LONGEST_S):
            yield job
    except Unavailable as away:
        _log.warning("job %s waits: %s", job.id, away.message)
        _release_job(job, away)
    except (OperationalError, InterfaceError):
        _log.warning("job %s waits for the database", job.id, exc_info=True)
        # The connection is of no use any more, although the server may be back.
        connection.close()
        _release_job(job, Unavailable("The database went away.", code="database_away", retry_after=5))
    except NotDone as slice_:
        _queue_again(job, slice_)
    except JobCancelled:
        _log.info("job %s was cancelled", job.id)
    except DomainError as error:
        _end_job(job, Job.State.FAILED, code=error.code, message=error.message)
    except Exception:
        _end_job(job, Job.State.ERRORED, code="internal_error", message="An error of ours; it was logged.")
        raise
    else:
        _end_job(job, Job.State.SUCCEEDED)
    finally:
        _let_go(job)


def report_progress(job: Job, *, done: int) -> None:
    """Store how far the job is. Raises `JobCancelled` when nobody wants it any more."""
    job.done = done
    running = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING)
    if not running.update(total=job.total, done=done, failed=job.failed, skipped=job.skipped):
        raise JobCancelled("The job was cancelled, or another worker has ended it.")


def hold_job(job: Job) -> None:
    """Keep the job from being cancelled until the running transaction ends: what it is for happens in it.

    Raises `JobCancelled` when nobody wants it any more.
    """
    if not Job.objects.select_for_update().filter(pk=job.pk, state=Job.State.RUNNING).exists():
        raise JobCancelled("The job was cancelled, or another worker has ended it.")


def _renew_lease(job: Job) -> None:
    Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(leased_until=timezone.now() + LEASE)


def _let_go(job: Job) -> None:
    """Tell whoever waits for it that nobody is at the cancelled job any more."""
    Job.objects.filter(pk=job.pk, state=Job.State.CANCELLED).update(leased_until=None)


def _claim_job(job_id: UUID, turn: int | None) -> Job | None:
    now = timezone.now()
    free = Q(state=Job.State.PENDING) | Q(state=Job.State.RUNNING, leased_until__lt=now)
    # Were a message that was sent twice taken twice, the job would have two turns a round from then on.
    free &= Q() if turn is None else Q(turn=turn)
    claimed = Job.objects.filter(free, pk=job_id, attempts__lt=MAX_ATTEMPTS).update(
        state=Job.State.RUNNING,
        started_at=Coalesce(F("started_at"), now),
        leased_until=now + LEASE,
        attempts=F("attempts") + 1,
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


def _queue_again(job: Job, slice_: NotDone) -> None:
    """Pending again, with a message for its next turn; attempts that came to nothing are forgotten."""
    with transaction.atomic():
        waits = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(
            state=Job.State.PENDING,
            leased_until=timezone.now() + timedelta(seconds=slice_.after_s),
            attempts=0,
            turn=F("turn") + 1,
            result=job.result,
        )
        if waits:
            job.turn += 1
            dispatch_job(job, after_s=slice_.after_s)


def _end_job(job: Job, state: str, *, code: str = "", message: str = "") -> None:
    with transaction.atomic():
        ended = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(
            state=state,
            code=code,
            message=message[:500],
            total=job.total,
            done=job.done,
            failed=job.failed,
            skipped=job.skipped,
            result=job.result,
            finished_at=timezone.now(),
        )
        if ended:
            emit_job_finished(job.pk)
    if not ended:
        _log.info("job %s was ended by somebody else, or is deleted", job.id)
