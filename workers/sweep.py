"""What beat asks for: find work that nobody is doing, and ask for it again."""

from celery import shared_task

from jobs.dispatch import INDEX_IMAGES, PURGE_IMAGES, RUN_JOB, send_task
from jobs.unfinished import list_stranded_jobs, tenants_with_deleted_images, tenants_with_pending_images


@shared_task(name="bulk.sweep")
def sweep() -> None:
    """Ask again for stranded jobs, pending photos and unpurged deletions, whatever befell their messages."""
    for tenant_id, job_id in list_stranded_jobs():
        send_task(RUN_JOB, str(tenant_id), str(job_id))
    for tenant_id in tenants_with_pending_images():
        send_task(INDEX_IMAGES, str(tenant_id))
    for tenant_id in tenants_with_deleted_images():
        send_task(PURGE_IMAGES, str(tenant_id))
