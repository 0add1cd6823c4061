"""The mails of invitations: sent by a worker, so that a mail server that is away loses none.

The token of the link is drawn when its mail is sent. It stands in no row and in no message to a worker: only
its hash is stored. A worker that is killed between sending and saying so leads to a second mail, whose link
counts.
"""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException, SMTPRecipientsRefused
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone

from tenants.domain.invitations import LIFETIME, draw_token, hash_token
from tenants.models import Invitation

# The page where an invitation is accepted, with the token behind it.
ACCEPT_PATH = "/invitations/"
# Longer than a mail server may take for all its answers.
_LEASE = timedelta(minutes=5)
_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=1)
_log = logging.getLogger(__name__)


def tenants_with_due_invitations() -> list[UUID]:
    """Tenants with a mail that is to be sent now."""
    due = _select_due(Invitation.across_tenants.all(), timezone.now())
    return list(due.order_by().values_list("tenant_id", flat=True).distinct())


def mail_invitations() -> None:
    """Send what is due of the tenant that is set. A mail that could not be sent is due again later."""
    for invitation in _select_due(Invitation.objects.select_related("tenant"), timezone.now()):
        token = draw_token()
        if _claim(invitation, token):
            _try_to_mail(invitation, token)


def _select_due(invitations: QuerySet[Invitation], now: datetime) -> QuerySet[Invitation]:
    return invitations.filter(mail_due_at__lte=now, expires_at__gt=now, accepted_at=None, revoked_at=None)


def _claim(invitation: Invitation, token: str) -> bool:
    """Whether the mail is ours to send. From now on the link with this token is the one that counts."""
    unchanged = Invitation.objects.filter(
        pk=invitation.pk, mail_due_at=invitation.mail_due_at, accepted_at=None, revoked_at=None
    )
    attempts = invitation.mail_attempts + 1
    lease = timezone.now() + _LEASE
    return bool(unchanged.update(token_hash=hash_token(token), mail_due_at=lease, mail_attempts=attempts))


def _try_to_mail(invitation: Invitation, token: str) -> None:
    claimed = Invitation.objects.filter(pk=invitation.pk, token_hash=hash_token(token))
    try:
        _send(invitation, token)
    except SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        wait = None if code >= 500 else _next_wait(invitation)  # noqa: PLR2004 - SMTP's permanent failures
        words = f"The mail server refused the address: {code} {said.decode(errors='replace')}"
    except (SMTPException, OSError) as error:
        _log.warning("the mail server does not take mails: %s", type(error).__name__)
        wait, words = _next_wait(invitation), "The mail server is away. The mail is tried again."
    else:
        now = timezone.now()
        claimed.update(mail_due_at=None, mailed_at=now, mail_failure="", expires_at=now + LIFETIME)
        return
    due = None if wait is None else timezone.now() + wait
    claimed.update(mail_due_at=due, mail_failure=words[:500])


def _send(invitation: Invitation, token: str) -> None:
    # A name with line breaks would end the header.
    shop = " ".join(invitation.tenant.name.split())
    link = f"{settings.PUBLIC_URL}{ACCEPT_PATH}{quote(token)}"
    said = {"shop": shop, "role": invitation.role, "link": link, "days": LIFETIME.days}
    text = render_to_string("tenants/invitation.txt", said)
    send_mail(f"Join {shop} on Vitrine", text, None, [invitation.email])


def _next_wait(invitation: Invitation) -> timedelta:
    """Twice as long each time: 1, 2, 4 minutes, up to an hour."""
    return min(_FIRST_WAIT * (1 << min(invitation.mail_attempts, 10)), _LONGEST_WAIT)
