"""Shops come into being."""

from tenants.models import Tenant


def create_tenant(*, slug: str, name: str) -> Tenant:
    """A new shop. Raises `django.db.IntegrityError` when the slug is taken."""
    return Tenant.objects.create(slug=slug, name=name)
