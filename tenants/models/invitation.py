from django.conf import settings
from django.db import models
from django.utils import timezone

from tenants.models.identifiers import new_id
from tenants.models.membership import Membership
from tenants.models.owned import TenantOwned


class Invitation(TenantOwned):
    """A person who was asked by mail to join a shop. The token in the link is stored as a hash."""

    class State(models.TextChoices):
        PENDING = "pending"
        ACCEPTED = "accepted"
        REVOKED = "revoked"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Membership.Role.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # When the mail is to be tried; None: it is sent, refused for good, or not wanted any more.
    mail_due_at = models.DateTimeField(null=True)
    mail_attempts = models.PositiveSmallIntegerField(default=0)
    mailed_at = models.DateTimeField(null=True)
    # Why the mail server does not take it, in words.
    mail_failure = models.CharField(max_length=500, blank=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        indexes = [models.Index(fields=["mail_due_at"], name="invitations_to_mail")]

    def __str__(self) -> str:
        return f"{self.email}: {self.role}"

    @property
    def state(self) -> State:
        """Whether it can be accepted now, and if not, why."""
        if self.accepted_at:
            return self.State.ACCEPTED
        if self.revoked_at:
            return self.State.REVOKED
        return self.State.EXPIRED if self.expires_at <= timezone.now() else self.State.PENDING
