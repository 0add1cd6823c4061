"""People who are asked by mail to join a shop. The mail itself: `tenants.domain.invitation_mails`."""

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from tenants.domain.audit import record_change
from tenants.domain.audited import describe_row
from tenants.domain.members import describe_member, list_members
from tenants.domain.roles import check_may_deal_with
from tenants.domain.tenants import lock_tenant
from tenants.errors import Conflict, InvitationRejected, NotFound
from tenants.models import Invitation, Membership, Tenant
from tenants.scope import tenant_scope

LIFETIME = timedelta(days=7)
MAX_PENDING = 100
# So that nobody is flooded with our mails.
RESEND_AFTER = timedelta(minutes=5)


def list_invitations() -> QuerySet[Invitation]:
    """The invitations of the tenant that is set, with those that were accepted, revoked or have expired."""
    return Invitation.objects.all()


def list_pending() -> QuerySet[Invitation]:
    """Those that can still be accepted."""
    open_ones = list_invitations().filter(accepted_at=None, revoked_at=None)
    return open_ones.filter(expires_at__gt=timezone.now())


def get_invitation(invitation_id: UUID) -> Invitation:
    """An invitation of the tenant that is set. Raises `NotFound`."""
    invitation = list_invitations().filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFound("No such invitation.", code="invitation_not_found")
    return invitation


def invite_person(
    *, tenant: Tenant, email: str, role: str, giver: str, invited_by: User | None = None
) -> Invitation:
    """Ask a person to join the shop; the mail is sent by a worker, again and again until the server takes it.

    giver: the role of who does it. Raises `OwnerNeeded`; `Conflict` for a member, for somebody who has an
    invitation, and when `MAX_PENDING` are open.
    """
    email = email.strip().lower()
    with tenant_scope(tenant.pk), transaction.atomic():
        lock_tenant(tenant.pk)
        check_may_deal_with(giver, role)
        _check_invitable(email)
        now = timezone.now()
        invitation = Invitation.objects.create(
            tenant=tenant,
            email=email,
            role=role,
            invited_by=invited_by,
            # Nobody has this one: the link's is drawn when the mail is sent.
            token_hash=hash_token(draw_token()),
            expires_at=now + LIFETIME,
            mail_due_at=now,
        )
        record_change(
            action="invitation.created",
            object_id=invitation.pk,
            before=None,
            after=describe_row(invitation),
        )
    return invitation


def resend_invitation(*, invitation: Invitation) -> Invitation:
    """Mail the invitation anew, with a new link and all its time before it; the old link ends then.

    Raises `Conflict` for one that was accepted or revoked, or was mailed just now.
    """
    with tenant_scope(invitation.tenant_id), transaction.atomic():
        locked = _lock_open(invitation)
        now = timezone.now()
        if locked.mailed_at and locked.mailed_at > now - RESEND_AFTER:
            raise Conflict("The mail was sent just now. Wait five minutes.", code="invitation_just_sent")
        before = describe_row(locked)
        locked.mail_due_at, locked.mail_attempts, locked.mail_failure = now, 0, ""
        locked.expires_at = now + LIFETIME
        locked.save()
        record_change(
            action="invitation.resent", object_id=locked.pk, before=before, after=describe_row(locked)
        )
    return locked


def revoke_invitation(*, invitation: Invitation, giver: str) -> None:
    """End the invitation at once. giver: the role of who does it.

    Raises `OwnerNeeded`; `Conflict` for one that was accepted or revoked before.
    """
    with tenant_scope(invitation.tenant_id), transaction.atomic():
        locked = _lock_open(invitation)
        check_may_deal_with(giver, locked.role)
        before = describe_row(locked)
        locked.revoked_at, locked.mail_due_at = timezone.now(), None
        locked.save()
        record_change(
            action="invitation.revoked", object_id=locked.pk, before=before, after=describe_row(locked)
        )


def find_invitation(*, token: str) -> Invitation:
    """The open invitation behind the link, with its tenant. Raises `InvitationRejected`."""
    found = Invitation.across_tenants.select_related("tenant").filter(token_hash=hash_token(token)).first()
    if found is None:
        raise InvitationRejected("The invitation is not known. A newer mail may hold another link.")
    _check_open(found)
    if found.tenant.deleted_at:
        raise InvitationRejected("The shop of this invitation is closed.")
    return found


def accept_invitation(*, token: str, user: User) -> Membership:
    """Make the user a member, with the role that the invitation says; a member's role stays as it is.

    Only for the address that the mail went to: a link that was handed on does not let somebody else in.
    Raises `InvitationRejected`.
    """
    found = find_invitation(token=token)
    if user.email.strip().lower() != found.email:
        raise InvitationRejected(
            f"This invitation is for {found.email}. Sign in with that address.", code="invitation_elsewhere"
        )
    with tenant_scope(found.tenant_id), transaction.atomic():
        lock_tenant(found.tenant_id)
        invitation = Invitation.objects.select_for_update(no_key=True).get(pk=found.pk)
        _check_open(invitation)
        invitation.accepted_at, invitation.mail_due_at = timezone.now(), None
        invitation.save()
        member, is_new = Membership.objects.get_or_create(
            tenant_id=found.tenant_id, user=user, defaults={"role": invitation.role}
        )
        if is_new:
            record_change(
                action="member.joined", object_id=member.pk, before=None, after=describe_member(member)
            )
    return member


def draw_token() -> str:
    """32 random bytes for the link."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def _check_invitable(email: str) -> None:
    """To be called with the tenant locked."""
    if list_members().filter(user__email__iexact=email).exists():
        raise Conflict(f"{email} is a member already.", code="already_member")
    if list_pending().filter(email=email).exists():
        raise Conflict(f"{email} has an invitation. Have it sent again instead.", code="already_invited")
    if list_pending().count() >= MAX_PENDING:
        raise Conflict(f"{MAX_PENDING} invitations are open. Revoke one first.", code="too_many_invitations")


def _lock_open(invitation: Invitation) -> Invitation:
    """The invitation, held until the transaction ends, if it was neither accepted nor revoked."""
    locked = list_invitations().select_for_update(no_key=True).filter(pk=invitation.pk).first()
    if locked is None:
        raise NotFound("No such invitation.", code="invitation_not_found")
    if locked.accepted_at or locked.revoked_at:
        word = "accepted" if locked.accepted_at else "revoked"
        raise Conflict(f"The invitation was {word} already.", code="invitation_ended")
    return locked


def _check_open(invitation: Invitation) -> None:
    if invitation.revoked_at:
        raise InvitationRejected("The invitation was taken back.")
    if invitation.accepted_at:
        raise InvitationRejected("The invitation was used already. Sign in instead.")
    if invitation.expires_at <= timezone.now():
        raise InvitationRejected("The invitation has expired. Ask for another one.")
