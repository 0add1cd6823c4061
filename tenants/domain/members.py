"""The people of a shop and their roles."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from tenants.domain.audit import record_change
from tenants.domain.audited import describe_row
from tenants.domain.roles import Role, check_may_deal_with
from tenants.domain.tenants import lock_tenant
from tenants.errors import Conflict, NotFound
from tenants.models import Membership
from tenants.scope import tenant_scope


def list_members() -> QuerySet[Membership]:
    """The members of the tenant that is set."""
    return Membership.objects.select_related("user")


def list_memberships(user: User) -> QuerySet[Membership]:
    """The roles of a person in all shops that are open, by the shops' names."""
    open_shops = Membership.across_tenants.filter(user=user, tenant__deleted_at=None)
    return open_shops.select_related("tenant").order_by("tenant__name", "pk")


def get_member(member_id: UUID) -> Membership:
    """A member of the tenant that is set. Raises `NotFound`."""
    member = list_members().filter(pk=member_id).first()
    if member is None:
        raise NotFound("No such member.", code="member_not_found")
    return member


def has_owner() -> bool:
    """Whether the tenant that is set has an owner who can sign in."""
    return _active_owners().exists()


def change_role(*, member: Membership, role: str, giver: str) -> Membership:
    """Give the member another role. giver: the role of who does it.

    Raises `OwnerNeeded`; `Conflict` for the last owner; `NotFound` when the member was removed meanwhile.
    """
    with tenant_scope(member.tenant_id), transaction.atomic():
        lock_tenant(member.tenant_id)
        locked = get_member(member.pk)
        check_may_deal_with(giver, locked.role, role)
        if role != Role.OWNER:
            _check_owner_left(locked)
        before = describe_member(locked)
        locked.role = role
        locked.save(update_fields=["role"])
        record_change(
            action="member.role_changed", object_id=locked.pk, before=before, after=describe_member(locked)
        )
    return locked


def remove_member(*, member: Membership, giver: str) -> None:
    """Take the member out of the shop at once; the account stays. giver: the role of who does it.

    Raises as `change_role`.
    """
    with tenant_scope(member.tenant_id), transaction.atomic():
        lock_tenant(member.tenant_id)
        locked = get_member(member.pk)
        check_may_deal_with(giver, locked.role)
        _check_owner_left(locked)
        record_change(
            action="member.removed", object_id=locked.pk, before=describe_member(locked), after=None
        )
        locked.delete()


def describe_member(member: Membership) -> Mapping[str, Any]:
    """As the audit log shows it: with the address, since the account may be gone when somebody reads it."""
    return {**describe_row(member), "email": member.user.email}


def _active_owners() -> QuerySet[Membership]:
    return Membership.objects.filter(role=Role.OWNER, user__is_active=True)


def _check_owner_left(member: Membership) -> None:
    """Raises `Conflict` for the only owner. To be called with the tenant locked."""
    if member.role == Role.OWNER and not _active_owners().exclude(pk=member.pk).exists():
        raise Conflict("This is the shop's only owner. Make somebody else an owner first.", code="last_owner")
