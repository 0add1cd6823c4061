from django.db import models
from django.db.models import Q

from tenants.models.gallery import Gallery
from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned
from tenants.models.reference_image import ReferenceImage


class Exemplar(TenantOwned):
    """A photo kept beside the references and never found by a search.

    A `distractor` shows nothing that the shop sells; it serves all galleries of the tenant. A `query` has
    the SKU that it should be answered with (empty: it should be unknown); evaluations of its gallery ask it.
    """

    class Role(models.TextChoices):
        DISTRACTOR = "distractor"
        QUERY = "query"

    State = ReferenceImage.State

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    role = models.CharField(max_length=10, choices=Role.choices)
    gallery = models.ForeignKey(Gallery, on_delete=models.CASCADE, null=True, related_name="exemplars")
    sku = models.CharField(max_length=100, blank=True)
    filename = models.CharField(max_length=255)
    file = models.CharField(max_length=255)
    content_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    failure_code = models.CharField(max_length=50, blank=True)
    failure_message = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "role", "gallery", "sha256"],
                nulls_distinct=False,
                name="exemplar_once",
            ),
            models.CheckConstraint(
                condition=Q(role="query", gallery__isnull=False) | Q(role="distractor", gallery=None, sku=""),
                name="exemplar_role_has_its_fields",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.filename}"


class ExemplarRegion(TenantOwned):
    """A region of an exemplar as one model sees it: box as in `Region`, the raw unit vector as float16."""

    id = models.BigAutoField(primary_key=True)
    exemplar = models.ForeignKey(Exemplar, on_delete=models.CASCADE, related_name="regions")
    model = models.CharField(max_length=64)
    ordinal = models.PositiveSmallIntegerField()
    x1 = models.FloatField()
    y1 = models.FloatField()
    x2 = models.FloatField()
    y2 = models.FloatField()
    score = models.FloatField()
    source = models.CharField(max_length=10)
    vector = models.BinaryField()

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["exemplar", "model", "ordinal"], name="one_exemplar_region_per_model"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} of {self.source} region {self.ordinal}"
