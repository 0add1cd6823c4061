"""Ending an export that nobody wants any more: nothing of its archive is left."""

from django.db import transaction

from jobs.cancelling import cancel_job
from jobs.models import Job
from transfer.exports.draft import discard_drafts


def cancel_export(job: Job) -> Job:
    """End the export and remove what it has written; where a worker is at it, that is the worker's to do.

    Raises `Conflict` (`job_finished`); `Unavailable` when a file cannot be removed: then it expires.
    """
    with transaction.atomic():
        waiting = Job.objects.select_for_update().filter(pk=job.pk, state=Job.State.PENDING).exists()
        cancelled = cancel_job(job)
    if waiting:
        discard_drafts(cancelled)
    return cancelled
