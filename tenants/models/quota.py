from django.db import models

from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned


class Quota(TenantOwned):
    """What a shop may have and do; None is without bound. Without a row the platform's defaults hold."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    galleries = models.PositiveBigIntegerField(null=True)
    products = models.PositiveBigIntegerField(null=True)
    images = models.PositiveBigIntegerField(null=True)
    bytes = models.PositiveBigIntegerField(null=True)
    recognitions_a_month = models.PositiveBigIntegerField(null=True)
    # Calls: a token bucket for the shop as a whole; one key may take a part of it (RATE_LIMIT_KEY_PERCENT).
    calls_a_minute = models.PositiveIntegerField(null=True)
    recognitions_at_once = models.PositiveIntegerField(null=True)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant"], name="one_quota_per_tenant")]

    def __str__(self) -> str:
        return str(self.tenant_id)


class Usage(TenantOwned):
    """How much a shop has now of what is bounded. Triggers keep it (tenants/migrations); it is read only.

    What is deleted counts until it is purged. images: reference photos, distractors and labelled queries.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    galleries = models.BigIntegerField(default=0)
    products = models.BigIntegerField(default=0)
    images = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant"], name="one_usage_per_tenant")]

    def __str__(self) -> str:
        return str(self.tenant_id)


class MonthlyUsage(TenantOwned):
    """Recognitions of a shop in a calendar month (UTC)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    month = models.DateField()
    recognitions = models.BigIntegerField(default=0)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "month"], name="one_usage_per_month")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
