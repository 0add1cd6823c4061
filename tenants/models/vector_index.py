from django.db import models

from tenants.models.artefact import Projection, Rotation
from tenants.models.gallery import Gallery
from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned


class VectorIndex(TenantOwned):
    """One collection of vectors, with all it takes to fill it again from PostgreSQL.

    Those whose generation is the gallery's are searched (several in a late fusion, one a model); those of a
    later one are being filled; retired ones wait to be dropped until the last search that began on them is
    over.

    spec: the settings it was built with (retrieval.settings.index), whose change asks for a new generation.
    dim: floats, or bits, of a stored vector; width: floats of one that ranking compares. sampled: vectors
    that there were to fit projection and rotation on, whether or not they were enough.
    missing, orphans: what the last comparison found amiss, before it was mended.
    """

    class Stored(models.TextChoices):
        FLOAT = "float"
        BINARY = "binary"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    gallery = models.ForeignKey(Gallery, on_delete=models.CASCADE, related_name="indexes")
    generation = models.PositiveIntegerField()
    model = models.CharField(max_length=200)
    embedders = models.JSONField()
    stored = models.CharField(max_length=6, choices=Stored.choices)
    dim = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    sampled = models.PositiveIntegerField(default=0)
    spec = models.JSONField()
    projection = models.ForeignKey(Projection, on_delete=models.RESTRICT, null=True, related_name="+")
    rotation = models.ForeignKey(Rotation, on_delete=models.RESTRICT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    missing = models.PositiveIntegerField(default=0)
    orphans = models.PositiveIntegerField(default=0)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["gallery", "generation", "model"], name="one_index_per_model_and_generation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stored} {self.model} v{self.generation}"
