"""Ending a job that nobody wants any more. Its worker notices at its next report."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from jobs.events import emit_job_finished
from jobs.lookup import UNFINISHED
from jobs.models import Job
from tenants.errors import Conflict

# What would leave a shop with half a gallery, or half of one deleted, is seen through.
_SEEN_THROUGH = {Job.Kind.PROVISION_GALLERY, Job.Kind.DELETE_GALLERY, Job.Kind.DELETE_TENANT}


def cancel_job(job: Job) -> Job:
    """End the job as `cancelled`. Raises `Conflict` when it has ended, or is seen through."""
    if job.kind in _SEEN_THROUGH:
        raise Conflict("A job of this kind cannot be cancelled.", code="job_not_cancellable")
    with transaction.atomic():
        cancelled = Job.objects.filter(pk=job.pk, state__in=UNFINISHED).update(
            state=Job.State.CANCELLED,
            code="cancelled",
            message="Cancelled on request.",
            finished_at=timezone.now(),
        )
        if not cancelled:
            raise Conflict("The job has ended already.", code="job_finished")
        emit_job_finished(job.pk)
    return Job.objects.get(pk=job.pk)


def end_jobs(jobs: QuerySet[Job]) -> None:
    """End as `cancelled` those that have not ended, of whatever kind: what they are about goes away."""
    unfinished = jobs.filter(state__in=UNFINISHED).order_by("pk")
    for job_id in list(unfinished.values_list("pk", flat=True)):
        with transaction.atomic():
            if Job.objects.filter(pk=job_id, state__in=UNFINISHED).update(
                state=Job.State.CANCELLED,
                code="cancelled",
                message="Cancelled, since what it was about was deleted.",
                finished_at=timezone.now(),
            ):
                emit_job_finished(job_id)
