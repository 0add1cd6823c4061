from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned


class Scope(models.TextChoices):
    """What a key may do."""

    RECOGNIZE = "recognize"
    CATALOG_READ = "catalog:read"
    CATALOG_WRITE = "catalog:write"
    JOBS = "jobs"
    ADMIN = "admin"


class ApiKey(TenantOwned):
    """A key of a shop's program: the prefix finds it, the hash proves it, the plaintext is shown once."""

    class State(models.TextChoices):
        LIVE = "live"
        EXPIRED = "expired"
        REVOKED = "revoked"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    secret_hash = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope.choices))
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    # From then on another key takes its place; it lives on to `expires_at`.
    rotated_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} (vtr_{self.prefix}_…)"

    @property
    def state(self) -> State:
        """Whether it opens anything now, and if not, why."""
        if self.revoked_at:
            return self.State.REVOKED
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.State.EXPIRED if expired else self.State.LIVE
