"""What a gallery's quality was measured to be, kept with what it was measured on."""

from django.db import models

from tenants.models.gallery import Gallery
from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned


class Measurement(TenantOwned):
    """`settings` are the gallery's in effect then; `generation` and `embedders` those that were searched."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    gallery = models.ForeignKey(Gallery, on_delete=models.CASCADE, related_name="+")
    generation = models.PositiveIntegerField()
    embedders = models.JSONField(default=list)
    settings = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        abstract = True

    def __str__(self) -> str:
        return f"{type(self).__name__} of generation {self.generation}"


class Calibration(Measurement):
    """A threshold for a wanted false-accept rate; None, with a message, where the gallery is too small."""

    false_accept_rate = models.FloatField()
    threshold = models.FloatField(null=True)
    message = models.CharField(max_length=500, blank=True)


class Evaluation(Measurement):
    """Ranking policies side by side. source: leave_one_out | queries; recommended: steps of the best."""

    class Source(models.TextChoices):
        LEAVE_ONE_OUT = "leave_one_out"
        QUERIES = "queries"

    source = models.CharField(max_length=13, choices=Source.choices)
    recommended = models.JSONField(null=True)
