from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q

from tenants.models.gallery import Gallery
from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned
from tenants.models.product import Product


class DHashBand(Func):
    """Sixteen of the 64 bits of a dHash, `number` 0 the lowest."""

    output_field = models.BigIntegerField()

    def __init__(self, dhash: F, *, number: int) -> None:
        super().__init__(dhash, template=f"((%(expressions)s >> {16 * int(number)}) & 65535)")


def keep_band(number: int) -> "models.GeneratedField":
    """A column of one band, kept by PostgreSQL.

    No index on the expression would do: row-level security lets an index look up by operators that leak
    nothing, and `>>` is not known for one.
    """
    band = DHashBand(F("dhash"), number=number)
    return models.GeneratedField(expression=band, output_field=models.IntegerField(), db_persist=True)


class ReferenceImage(TenantOwned):
    """A photo of a product. It becomes findable when it is `indexed`; `failed` carries the reason.

    dhash: 64 bits as a signed number (inference.dhash), known once it is indexed; each of its four bands
    has an index, so that near duplicates are looked up, not scanned for (docs/adr/0014). given_box: x1, y1,
    x2, y2 in pixels of the upright photo, where its owner said where the product is.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        INDEXED = "indexed"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    gallery = models.ForeignKey(Gallery, on_delete=models.CASCADE, related_name="images")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="images")
    filename = models.CharField(max_length=255)
    file = models.CharField(max_length=255)
    content_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    dhash = models.BigIntegerField(null=True)
    dhash_band_0, dhash_band_1 = keep_band(0), keep_band(1)
    dhash_band_2, dhash_band_3 = keep_band(2), keep_band(3)
    given_box = ArrayField(models.FloatField(), size=4, null=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    failure_code = models.CharField(max_length=50, blank=True)
    failure_message = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    indexed_at = models.DateTimeField(null=True)
    # A worker that takes the photo holds it until then; a killed worker's photos come free by themselves.
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    deleted_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["product", "sha256"], condition=Q(deleted_at=None), name="photo_once_per_product"
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "id"],
                condition=Q(state="pending") | Q(deleted_at__isnull=False),
                name="unfinished_images",
            ),
            models.Index(
                fields=["gallery", "sha256"], condition=Q(deleted_at=None), name="images_by_content"
            ),
            *(
                models.Index(fields=["gallery", f"dhash_band_{number}"], name=f"dhash_band_{number}")
                for number in range(4)
            ),
        ]

    def __str__(self) -> str:
        return self.filename
