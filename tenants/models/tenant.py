from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import models

from tenants.models.identifiers import new_id
from tenants.models.reading import ReadingQuerySet
from tenants.scope import describe_scope, platform_scope, tenant_scope


class TenantQuerySet(ReadingQuerySet["Tenant"]):
    """The tenant that is set; while none is, all of them, to be read."""

    def reading(self) -> AbstractContextManager[None]:
        """The platform looks shops up before it knows which one is meant."""
        return nullcontext() if describe_scope() else platform_scope()


class Tenant(models.Model):
    """A shop: the owner of everything else. PostgreSQL shows it to itself and to the platform."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    # Days that query photos are kept; None: not at all.
    keep_queries_days = models.PositiveIntegerField(null=True, blank=True)
    # Its keys are refused from then on; a job removes what it has, and the row last.
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = TenantQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"

    def __str__(self) -> str:
        return self.slug

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row as the tenant that it is."""
        with tenant_scope(self.pk):
            super().save(*args, **kwargs)
