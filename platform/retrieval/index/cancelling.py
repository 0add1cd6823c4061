"""An index that is not wanted after all: the gallery stays with the one it has."""

from django.db import transaction

from jobs.cancelling import cancel_job
from jobs.lookup import UNFINISHED
from jobs.models import Job
from retrieval.index.generations import retire_unfinished


def cancel_reindex(job: Job) -> Job:
    """End the job as `cancelled`, and give up what it has built, unless another job is to build on it.

    The index in use is searched on. Settings that were changed stay as they were said: the next change of the
    gallery's settings, or a reindex, builds the index that they want. Raises `Conflict` for a job that has
    ended.
    """
    with transaction.atomic():
        cancelled = cancel_job(job)
        gallery = job.gallery
        others = Job.objects.filter(
            gallery=gallery, kind__in=[Job.Kind.REINDEX, Job.Kind.PROVISION_GALLERY], state__in=UNFINISHED
        )
        if gallery is not None and not others.exists():
            retire_unfinished(gallery)
    return cancelled
