from django.db import models

from tenants.models.identifiers import new_id


class Tenant(models.Model):
    """A shop: the owner of everything else."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    # Its keys are refused from then on; a job removes what it has, and the row last.
    deleted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.slug
