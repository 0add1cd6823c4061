"""What beat asks for: find work that nobody is doing, and ask for it again."""

from celery import shared_task

from jobs.dispatch import (
    DELIVER_WEBHOOKS,
    INDEX_IMAGES,
    PURGE_IMAGES,
    REMOVE_UPLOADS,
    RUN_JOB,
    TEND_GALLERY,
    send_task,
)
from jobs.unfinished import list_stranded_jobs, tenants_with_deleted_images, tenants_with_pending_images
from retrieval.index.tending import list_untended
from transfer.imports.ending import end_abandoned
from transfer.uploads.expiry import tenants_with_expired_uploads
from webhooks.deliveries import tenants_with_due_deliveries
from webhooks.retention import tidy_deliveries


@shared_task(name="bulk.sweep")
def sweep() -> None:
    """Ask again for what is stranded, pending, unpurged, expired or untended, whatever befell its message."""
    for tenant_id, job_id, turn in list_stranded_jobs():
        send_task(RUN_JOB, str(tenant_id), str(job_id), str(turn))
    end_abandoned()
    for tenant_id in tenants_with_pending_images():
        send_task(INDEX_IMAGES, str(tenant_id))
    for tenant_id in tenants_with_deleted_images():
        send_task(PURGE_IMAGES, str(tenant_id))
    for tenant_id in tenants_with_expired_uploads():
        send_task(REMOVE_UPLOADS, str(tenant_id))
    for tenant_id, gallery_id in list_untended():
        send_task(TEND_GALLERY, str(tenant_id), str(gallery_id))
    tidy_deliveries()
    for tenant_id in tenants_with_due_deliveries():
        send_task(DELIVER_WEBHOOKS, str(tenant_id))
