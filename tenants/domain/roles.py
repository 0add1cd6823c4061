"""What a person may do in a shop, by role, in the words of API keys: there is one list of rights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tenants.errors import OwnerNeeded
from tenants.models import Membership
from tenants.models.api_key import Scope

Role = Membership.Role


@dataclass(frozen=True)
class Powers:
    """What a role may do.

    owns: may close the shop, and make, change and remove its owners.
    """

    scopes: frozenset[Scope]
    owns: bool = False


_READING: Final = frozenset({Scope.RECOGNIZE, Scope.CATALOG_READ, Scope.JOBS})
_EDITING: Final = _READING | {Scope.CATALOG_WRITE}
POWERS: Final[Mapping[Role, Powers]] = {
    Role.OWNER: Powers(frozenset(Scope), owns=True),
    Role.ADMIN: Powers(frozenset(Scope)),
    Role.EDITOR: Powers(_EDITING),
    Role.VIEWER: Powers(_READING),
}
# An API key with the scope `admin` looks after people as an admin would; it owns nothing.
ROLE_OF_KEYS: Final = Role.ADMIN


def role_scopes(role: str) -> frozenset[Scope]:
    """The scopes that a member with this role has. Raises `ValueError` for what is no role."""
    return POWERS[Role(role)].scopes


def check_owns(role: str) -> None:
    """Raises `OwnerNeeded` unless this role owns the shop."""
    if not POWERS[Role(role)].owns:
        raise OwnerNeeded("Only an owner of the shop may do this.")


def check_may_deal_with(role: str, *roles: str) -> None:
    """Raises `OwnerNeeded` where one of `roles` is an owner's, and `role` is not."""
    if Role.OWNER in roles:
        check_owns(role)
