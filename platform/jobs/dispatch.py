"""Handing work to the workers by the name of the task, so that no room above has to import theirs."""

from functools import partial
from uuid import UUID

from celery import current_app
from django.db import transaction

from jobs.models import Job
from tenants.models import Gallery

INDEX_IMAGES = "bulk.index_images"
PURGE_IMAGES = "bulk.purge_images"
RUN_JOB = "bulk.run_job"


def dispatch_on_commit(task: str, *args: str) -> None:
    """Send the task once the running transaction is committed (at once outside of one).

    A broker that is away loses nothing: the rows are the truth, and the sweeper asks again.
    """
    transaction.on_commit(partial(send_task, task, *args), robust=True)


def send_task(task: str, *args: str) -> None:
    """Send the task now; arguments are ids."""
    current_app.send_task(task, args=args, ignore_result=True)


def create_job(*, gallery: Gallery, kind: Job.Kind, trigger: str) -> Job:
    """A pending job of the gallery, dispatched when the running transaction is committed."""
    job = Job.objects.create(tenant_id=gallery.tenant_id, gallery=gallery, kind=kind, trigger=trigger)
    dispatch_job(tenant_id=job.tenant_id, job_id=job.id)
    return job


def dispatch_job(*, tenant_id: UUID, job_id: UUID) -> None:
    """Ask a worker to run the job."""
    dispatch_on_commit(RUN_JOB, str(tenant_id), str(job_id))
