"""What was fitted on a gallery's own photos: kept with it, versioned, never changed once written."""

from django.db import models

from tenants.models.arrays import Floats, unpack_floats
from tenants.models.gallery import Gallery
from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned


class Artefact(TenantOwned):
    """`model` is the embedder, or the joined names of an early fusion; `fitted_on` counts vectors."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    gallery = models.ForeignKey(Gallery, on_delete=models.CASCADE, related_name="+")
    model = models.CharField(max_length=200)
    version = models.PositiveIntegerField()
    fitted_on = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        abstract = True
        constraints = [
            models.UniqueConstraint(fields=["gallery", "model", "version"], name="%(class)s_version_unique"),
        ]

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.version} of {self.model}"


class Projection(Artefact):
    """Mean and scaled principal axes: (in_dim,) and (in_dim, out_dim) float32."""

    in_dim = models.PositiveIntegerField()
    out_dim = models.PositiveIntegerField()
    mean = models.BinaryField()
    matrix = models.BinaryField()

    def arrays(self) -> tuple[Floats, Floats]:
        """(mean, matrix)."""
        return unpack_floats(self.mean, self.in_dim), unpack_floats(self.matrix, self.in_dim, self.out_dim)


class Rotation(Artefact):
    """How vectors become bits: their mean (dim,) and, for ITQ, a rotation (dim, dim), both float32.

    `method` is what was fitted, which is `sign` where there were fewer vectors than bits.
    """

    class Method(models.TextChoices):
        SIGN = "sign"
        ITQ = "itq"

    method = models.CharField(max_length=4, choices=Method.choices)
    dim = models.PositiveIntegerField()
    mean = models.BinaryField()
    matrix = models.BinaryField(null=True)

    def arrays(self) -> tuple[Floats, Floats | None]:
        """(mean, rotation); no rotation with `sign`."""
        rotation = None if self.matrix is None else unpack_floats(self.matrix, self.dim, self.dim)
        return unpack_floats(self.mean, self.dim), rotation
