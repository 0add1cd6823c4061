"""Ending an import that nobody wants any more: what is done stays."""

from django.db import transaction

from jobs.cancelling import cancel_job
from jobs.lookup import UNFINISHED as UNFINISHED_JOBS
from jobs.models import Job
from transfer.imports.ending import end_rest


def cancel_import(job: Job) -> Job:
    """End the import and each of its rows: those whose photos are indexed as such, the others as failed.

    Raises `Conflict` (`job_finished`); `Unavailable` when a stored file cannot be removed: then it goes on.
    """
    with transaction.atomic():
        locked = Job.objects.select_for_update().get(pk=job.pk)
        if locked.state in UNFINISHED_JOBS:
            end_rest(locked, code="cancelled", message="The import was cancelled before this row was done.")
        return cancel_job(locked)
