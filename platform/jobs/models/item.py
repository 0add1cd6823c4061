from django.contrib.postgres.fields import ArrayField
from django.db import models

from jobs.models.job import Job
from tenants.models import ReferenceImage
from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned


class JobItem(TenantOwned):
    """One row of an import, which ends exactly once.

    pending > stored > indexed | duplicate | failed, and in a dry run pending > planned. `stored`: its photo
    waits to be indexed. A row without a photo is a product only: pending > indexed, with no image, once its
    product is stored. Each step is a conditional UPDATE (jobs.items).

    line: the row's place in the source, from 1. place: how the source finds the photo again, "" for no photo.
    data: the row's product fields. duplicate_of: the photo that the gallery had already. conflicts: photos of
    other products that look the same; theirs to review. attempts: times that its photo was begun to be read;
    from the first on, there may be a file under the row's name that no photo owns yet.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        STORED = "stored"
        INDEXED = "indexed"
        DUPLICATE = "duplicate"
        FAILED = "failed"
        PLANNED = "planned"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="items")
    line = models.PositiveIntegerField()
    sku = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=500, blank=True)
    place = models.CharField(max_length=2000, blank=True)
    data = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    code = models.CharField(max_length=50, blank=True)
    message = models.CharField(max_length=500, blank=True)
    image = models.ForeignKey(ReferenceImage, on_delete=models.SET_NULL, null=True, related_name="+")
    duplicate_of = models.UUIDField(null=True)
    conflicts = ArrayField(models.UUIDField(), default=list)
    attempts = models.PositiveSmallIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["job", "line"], name="line_once_per_job"),
        ]
        indexes = [
            models.Index(fields=["job", "state", "id"], name="items_by_state"),
            models.Index(fields=["job", "sku", "line"], name="items_by_sku"),
            models.Index(
                fields=["job"], condition=models.Q(state__in=["pending", "stored"]), name="unfinished_items"
            ),
        ]

    def __str__(self) -> str:
        return f"line {self.line} {self.state}"
