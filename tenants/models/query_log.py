from django.db import models

from tenants.models.gallery import Gallery
from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned


class QueryLog(TenantOwned):
    """A recognition and what became of it. The photo is kept only where the shop has turned that on."""

    class Outcome(models.TextChoices):
        RECOGNISED = "recognised"
        UNKNOWN = "unknown"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    gallery = models.ForeignKey(Gallery, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    request_id = models.CharField(max_length=64, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    # Of the best region; null where nothing was found near.
    similarity = models.FloatField(null=True)
    took_ms = models.PositiveIntegerField()
    # The storage key of the query photo, without its metadata; empty where it is not kept.
    file = models.CharField(max_length=255, blank=True)
    size = models.PositiveBigIntegerField(default=0)

    class Meta(TenantOwned.Meta):
        indexes = [
            models.Index(fields=["tenant", "-at"], name="queries_of_tenant"),
            models.Index(fields=["at"], name="queries_by_age"),
            models.Index(fields=["tenant", "at"], condition=~models.Q(file=""), name="kept_query_photos"),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.at}"
