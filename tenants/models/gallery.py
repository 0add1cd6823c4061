from django.db import models
from django.db.models import Q

from tenants.models.identifiers import new_id
from tenants.models.owned import TenantOwned


class Gallery(TenantOwned):
    """A shop's set of products that is searched as one.

    settings: what its owner has said (retrieval.settings.gallery knows the rest). generation: of the vector
    indexes that are searched.
    """

    class State(models.TextChoices):
        PROVISIONING = "provisioning"
        READY = "ready"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    settings = models.JSONField(default=dict)
    state = models.CharField(max_length=12, choices=State.choices, default=State.PROVISIONING)
    generation = models.PositiveIntegerField(default=0)
    # The index's own timestamp of the last write that was marked `indexed`: a search that asks for it
    # sees that write, without paying for strong consistency.
    index_timestamp = models.BigIntegerField(default=0)
    # The last write to the index, and when it was last looked at whether it asks for a new fit.
    changed_at = models.DateTimeField(null=True)
    tended_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"], condition=Q(deleted_at=None), name="gallery_name_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.name
