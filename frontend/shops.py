"""The shops of the person who is signed in, and the one that the pages are about."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest

from tenants.domain.members import list_memberships
from tenants.domain.roles import role_scopes
from tenants.models import Membership, Tenant
from tenants.models.api_key import Scope

_CURRENT = "shop"


@dataclass(frozen=True)
class Shop:
    """A shop as one of its members sees it."""

    tenant: Tenant
    membership_id: UUID
    role: Membership.Role
    scopes: frozenset[Scope]

    @classmethod
    def of(cls, membership: Membership) -> "Shop":
        """What this membership gives."""
        role = Membership.Role(membership.role)
        return cls(membership.tenant, membership.pk, role, role_scopes(role))


def list_shops(user: User) -> list[Shop]:
    """All shops of a person, by name."""
    return [Shop.of(membership) for membership in list_memberships(user)]


def find_current(request: HttpRequest, shops: Sequence[Shop]) -> Shop | None:
    """The shop that was chosen last in this session, or else the first."""
    chosen = request.session.get(_CURRENT)
    return next((shop for shop in shops if str(shop.tenant.pk) == chosen), shops[0] if shops else None)


def choose_shop(request: HttpRequest, tenant_id: UUID, shops: Sequence[Shop]) -> bool:
    """Make this shop the current one; False when the person is not in it."""
    known = any(shop.tenant.pk == tenant_id for shop in shops)
    if known:
        request.session[_CURRENT] = str(tenant_id)
    return known
