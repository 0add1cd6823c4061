"""Mails to people. In the queue `webhooks`, since a mail server is waited for as the servers of shops are."""

from uuid import UUID

from celery import shared_task

from jobs.dispatch import MAIL_INVITATIONS, begin_turn
from tenants.domain.invitation_mails import mail_invitations
from tenants.scope import tenant_scope


@shared_task(name=MAIL_INVITATIONS)
def mail_due_invitations(tenant_id: str) -> None:
    """Send the invitations of the tenant that are due."""
    begin_turn(MAIL_INVITATIONS, tenant_id)
    with tenant_scope(UUID(tenant_id)):
        mail_invitations()
