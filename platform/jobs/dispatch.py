"""Handing work to the workers by the name of the task, so that no room above has to import theirs."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import transaction

from jobs.models import Job
from jobs.recording import record_start
from jobs.valkey import connect_valkey
from tenants.models import Gallery

INDEX_IMAGES = "bulk.index_images"
PURGE_IMAGES = "bulk.purge_images"
TEND_GALLERY = "bulk.tend_gallery"
RUN_JOB = "bulk.run_job"
REMOVE_UPLOADS = "bulk.remove_uploads"
FORGET_QUERIES = "bulk.forget_queries"
DELIVER_WEBHOOKS = "webhooks.deliver"
MAIL_INVITATIONS = "webhooks.mail_invitations"
# Tasks that do whatever a tenant's rows ask for. Were each upload of a busy tenant to queue its own,
# everybody else's work would wait behind all of them, a slice of time each.
_TURNS = {
    INDEX_IMAGES,
    PURGE_IMAGES,
    TEND_GALLERY,
    DELIVER_WEBHOOKS,
    REMOVE_UPLOADS,
    MAIL_INVITATIONS,
    FORGET_QUERIES,
}


def dispatch_on_commit(task: str, *args: str, after_s: float = 0) -> None:
    """Send the task once the running transaction is committed (at once outside of one).

    after_s: seconds that it is to wait then.

    A broker that is away loses nothing: the rows are the truth, and the sweeper asks again.
    """

    def send() -> None:
        send_task(task, *args, after_s=after_s)

    # Not a partial: Django names the function when it logs its failure, and a partial has no name.
    transaction.on_commit(send, robust=True)


def send_task(task: str, *args: str, after_s: float = 0) -> None:
    """Send the task now; arguments are ids. A turn that is asked for and has not begun is not asked twice."""
    if task in _TURNS and not connect_valkey().set(_asked_key(task, args), 1, nx=True, ex=_turn_fades_s()):
        return
    current_app.send_task(task, args=args, ignore_result=True, countdown=after_s or None)


def begin_turn(task: str, *args: str) -> None:
    """To be said before the rows are looked at: what is asked from now on needs another turn."""
    connect_valkey().delete(_asked_key(task, args))


def _turn_fades_s() -> int:
    """When a turn that has not begun is taken for lost: not before the one that runs can have ended."""
    return settings.INDEX_SLICE_S + 10


def _asked_key(task: str, args: Sequence[str]) -> str:
    return f"vitrine:asked:{task}:{':'.join(args)}"


def create_job(
    *,
    tenant_id: UUID,
    kind: Job.Kind,
    trigger: str,
    gallery: Gallery | None = None,
    given: dict[str, Any] | None = None,
) -> Job:
    """A pending job, dispatched when the running transaction is committed. given: what it is to work on."""
    with transaction.atomic():
        job = Job.objects.create(
            tenant_id=tenant_id, gallery=gallery, kind=kind, trigger=trigger, input=given or {}
        )
        record_start(job)
        dispatch_job(job)
    return job


def dispatch_job(job: Job, *, after_s: float = 0) -> None:
    """Ask a worker for the job's next turn."""
    dispatch_on_commit(RUN_JOB, str(job.tenant_id), str(job.pk), str(job.turn), after_s=after_s)
