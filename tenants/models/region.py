from django.db import models

from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned
from tenants.models.reference_image import ReferenceImage


class Region(TenantOwned):
    """A part of a photo that is searched on its own. `id` is its key in the vector index (INT64)."""

    class Source(models.TextChoices):
        DETECTED = "detected"
        WHOLE = "whole"
        GIVEN = "given"

    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField(unique=True, default=new_id, editable=False)
    image = models.ForeignKey(ReferenceImage, on_delete=models.CASCADE, related_name="regions")
    # Pixels of the upright photo; x to the right, y down.
    x1 = models.FloatField()
    y1 = models.FloatField()
    x2 = models.FloatField()
    y2 = models.FloatField()
    score = models.FloatField()
    source = models.CharField(max_length=10, choices=Source.choices)

    def __str__(self) -> str:
        return f"{self.source} {self.x1:.0f},{self.y1:.0f},{self.x2:.0f},{self.y2:.0f}"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x1, y1, x2, y2) in pixels of the upright photo."""
        return self.x1, self.y1, self.x2, self.y2
