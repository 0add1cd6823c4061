"""The wall in the ORM: a tenant-owned model answers only for the tenant that is set."""

from typing import TypeVar

from django.db import models

from tenants.models.reading import PlatformQuerySet
from tenants.scope import current_tenant_id

_Model_co = TypeVar("_Model_co", bound=models.Model, covariant=True)


class TenantScopedManager(models.Manager[_Model_co]):
    """Every query is filtered by the tenant that is set; with none set it raises `TenantRequired`."""

    def get_queryset(self) -> models.QuerySet[_Model_co]:
        """The rows of the tenant that is set."""
        return super().get_queryset().filter(tenant_id=current_tenant_id())


class PlatformManager(models.Manager[_Model_co]):
    """The rows of every tenant, to be read and not to be written."""

    def get_queryset(self) -> PlatformQuerySet[_Model_co]:
        """Rows that tell PostgreSQL, as they are read, that the platform asks."""
        return PlatformQuerySet(self.model, using=self._db)


class TenantOwned(models.Model):
    """A row that belongs to exactly one tenant.

    `objects` is scoped, and is also what Django itself uses for relations, saving and cascades.
    `across_tenants` is for the few places that serve the platform: they are found by this name. They read;
    whoever wants to write what they found enters the row's own tenant_scope().
    """

    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="+")

    objects = TenantScopedManager()
    across_tenants = PlatformManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
        default_manager_name = "objects"
