"""An invitation's way to a membership: with the account that somebody has, or with a new one."""

from enum import Enum

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction

from frontend.people import has_account, owns_address, store_person
from tenants.domain.audit import Actor, acting_as
from tenants.domain.invitations import accept_invitation
from tenants.models import AuditEvent, Invitation, Membership


class Way(Enum):
    """What whoever opened the link has to do."""

    JOIN = "join"
    SIGN_IN = "sign_in"
    SWITCH = "switch"
    REGISTER = "register"


def find_way(invitation: Invitation, user: User | AnonymousUser) -> Way:
    """What is to be done to accept the invitation."""
    if isinstance(user, User):
        return Way.JOIN if owns_address(user, invitation.email) else Way.SWITCH
    return Way.SIGN_IN if has_account(invitation.email) else Way.REGISTER


def join_as_new(*, token: str, draft: User, address: str | None) -> Membership:
    """Store the account and accept with it, or do neither. Who holds the link has shown the e-mail is theirs.

    address: the caller's, for the audit log. Raises `InvitationRejected`; `Conflict` when there is an account
    meanwhile.
    """
    with transaction.atomic():
        store_person(draft)
        actor = Actor(AuditEvent.Actor.USER, str(draft.pk), draft.email, address)
        with acting_as(actor):
            return accept_invitation(token=token, user=draft)
