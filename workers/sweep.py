"""What beat asks for: find work that nobody is doing, and ask for it again."""

from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore

from jobs.dispatch import (
    DELIVER_WEBHOOKS,
    FORGET_QUERIES,
    INDEX_IMAGES,
    MAIL_INVITATIONS,
    PURGE_IMAGES,
    REMOVE_UPLOADS,
    RUN_JOB,
    TEND_GALLERY,
    send_task,
)
from jobs.tallies import save_recognitions
from jobs.unfinished import list_stranded_jobs, tenants_with_deleted_images, tenants_with_pending_images
from retrieval.index.tending import list_untended
from retrieval.query_retention import tenants_with_old_queries
from tenants.domain.idempotency import forget_old_calls
from tenants.domain.invitation_mails import tenants_with_due_invitations
from transfer.imports.ending import end_abandoned
from transfer.uploads.expiry import tenants_with_expired_uploads
from webhooks.deliveries import tenants_with_due_deliveries
from webhooks.retention import tidy_deliveries


@shared_task(name="bulk.sweep")
def sweep() -> None:
    """Ask again for what is stranded, pending, unpurged, expired or untended, whatever befell its message.

    And keep what Valkey has counted meanwhile.
    """
    for tenant_id, job_id, turn in list_stranded_jobs():
        send_task(RUN_JOB, str(tenant_id), str(job_id), str(turn))
    end_abandoned()
    for tenant_id in tenants_with_pending_images():
        send_task(INDEX_IMAGES, str(tenant_id))
    for tenant_id in tenants_with_deleted_images():
        send_task(PURGE_IMAGES, str(tenant_id))
    for tenant_id in tenants_with_expired_uploads():
        send_task(REMOVE_UPLOADS, str(tenant_id))
    for tenant_id in tenants_with_old_queries():
        send_task(FORGET_QUERIES, str(tenant_id))
    for tenant_id, gallery_id in list_untended():
        send_task(TEND_GALLERY, str(tenant_id), str(gallery_id))
    forget_old_calls()
    tidy_deliveries()
    save_recognitions()
    for tenant_id in tenants_with_due_deliveries():
        send_task(DELIVER_WEBHOOKS, str(tenant_id))
    for tenant_id in tenants_with_due_invitations():
        send_task(MAIL_INVITATIONS, str(tenant_id))


@shared_task(name="bulk.clear_sessions")
def clear_sessions() -> None:
    """Remove the sessions of people that have run out; they opened nothing any more."""
    SessionStore.clear_expired()
