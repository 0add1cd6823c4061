"""What beat asks for: find work that nobody is doing, and ask for it again."""

from celery import shared_task

from jobs.dispatch import INDEX_IMAGES, PURGE_IMAGES, RUN_JOB, TEND_GALLERY, send_task
from jobs.unfinished import list_stranded_jobs, tenants_with_deleted_images, tenants_with_pending_images
from retrieval.index.tending import list_untended


@shared_task(name="bulk.sweep")
def sweep() -> None:
    """Ask again for what is stranded, pending, unpurged or untended, whatever befell its message."""
    for tenant_id, job_id in list_stranded_jobs():
        send_task(RUN_JOB, str(tenant_id), str(job_id))
    for tenant_id in tenants_with_pending_images():
        send_task(INDEX_IMAGES, str(tenant_id))
    for tenant_id in tenants_with_deleted_images():
        send_task(PURGE_IMAGES, str(tenant_id))
    for tenant_id, gallery_id in list_untended():
        send_task(TEND_GALLERY, str(tenant_id), str(gallery_id))
