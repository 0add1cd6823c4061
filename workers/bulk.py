"""Queue `bulk`: work that nobody is waiting for. Thin: one domain call each.

A server that is away ends a task early and is no error of ours: the sweeper asks again.
"""

from collections.abc import Callable
from uuid import UUID

from celery import shared_task

from jobs.dispatch import (
    FORGET_QUERIES,
    INDEX_IMAGES,
    PURGE_IMAGES,
    REMOVE_UPLOADS,
    RUN_JOB,
    TEND_GALLERY,
    begin_turn,
    send_task,
)
from jobs.errors import Unavailable
from jobs.models import Job
from jobs.progress import run_job
from jobs.turn import Turn
from retrieval.galleries import delete_gallery, provision_gallery
from retrieval.index.reindexing import build_index
from retrieval.index.tending import tend_gallery
from retrieval.photos.indexing import index_pending
from retrieval.photos.purging import purge_deleted
from retrieval.quality.calibrating import run_calibration
from retrieval.quality.evaluating import run_evaluation
from retrieval.quality.exemplars import prepare_exemplars
from retrieval.query_retention import forget_queries
from retrieval.tenants import delete_tenant
from tenants.models import Gallery
from tenants.scope import tenant_scope
from transfer.exports.running import run_export
from transfer.imports.running import run_import
from transfer.uploads.expiry import remove_expired

_WORK: dict[str, Callable[[Job], None]] = {
    Job.Kind.PROVISION_GALLERY: provision_gallery,
    Job.Kind.DELETE_GALLERY: delete_gallery,
    Job.Kind.REINDEX: build_index,
    Job.Kind.PREPARE_EXEMPLARS: prepare_exemplars,
    Job.Kind.CALIBRATE: run_calibration,
    Job.Kind.EVALUATE: run_evaluation,
    Job.Kind.IMPORT: run_import,
    Job.Kind.EXPORT: run_export,
    Job.Kind.DELETE_TENANT: delete_tenant,
}


@shared_task(name=INDEX_IMAGES, throws=(Unavailable,))
def index_images(tenant_id: str) -> None:
    """Index the tenant's pending photos for a slice of time, then let others have their turn."""
    begin_turn(INDEX_IMAGES, tenant_id)
    with tenant_scope(UUID(tenant_id)):
        more = index_pending(Turn())
    if more:
        send_task(INDEX_IMAGES, tenant_id)


@shared_task(name=PURGE_IMAGES, throws=(Unavailable,))
def purge_images(tenant_id: str) -> None:
    """Remove what the tenant has deleted."""
    begin_turn(PURGE_IMAGES, tenant_id)
    with tenant_scope(UUID(tenant_id)):
        purge_deleted()


@shared_task(name=REMOVE_UPLOADS, throws=(Unavailable,))
def remove_uploads(tenant_id: str) -> None:
    """Remove the tenant's uploads that have expired."""
    begin_turn(REMOVE_UPLOADS, tenant_id)
    with tenant_scope(UUID(tenant_id)):
        remove_expired()


@shared_task(name=FORGET_QUERIES, throws=(Unavailable,))
def forget_old_queries(tenant_id: str) -> None:
    """Remove query photos and rows of the log whose time is over."""
    begin_turn(FORGET_QUERIES, tenant_id)
    with tenant_scope(UUID(tenant_id)):
        forget_queries()


@shared_task(name=TEND_GALLERY, throws=(Unavailable,))
def tend(tenant_id: str, gallery_id: str) -> None:
    """Look after a gallery's index."""
    begin_turn(TEND_GALLERY, tenant_id, gallery_id)
    with tenant_scope(UUID(tenant_id)):
        for gallery in Gallery.objects.filter(pk=gallery_id, deleted_at=None):
            tend_gallery(gallery)


@shared_task(name=RUN_JOB)
def run_queued_job(tenant_id: str, job_id: str, turn: str = "0") -> None:
    """Run a job, whatever its kind, or the next slice of it."""
    with tenant_scope(UUID(tenant_id)), run_job(UUID(job_id), turn=int(turn)) as job:
        if job is not None:
            _WORK[job.kind](job)
