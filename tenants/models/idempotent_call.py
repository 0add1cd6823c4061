from django.db import models

from tenants.models.owned import TenantOwned


class IdempotentCall(TenantOwned):
    """A creating call that named an `Idempotency-Key`, and its answer once there is one."""

    # SHA-256 in hex: the key itself, which the caller alone has, unseals the body (tenants.domain.sealing).
    key = models.CharField(max_length=64)
    # Of the method, path and body: another request under the same key is an error.
    fingerprint = models.CharField(max_length=64)
    # None: the call is at work, or was cut short.
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    leased_until = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="one_call_per_key")]
        indexes = [models.Index(fields=["created_at"], name="calls_by_age")]

    def __str__(self) -> str:
        return self.key
