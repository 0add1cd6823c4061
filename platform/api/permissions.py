"""What a key may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission

from tenants.errors import DomainError
from tenants.models.api_key import ApiKey, Scope

if TYPE_CHECKING:  # rest_framework.views loads this module while it is itself being loaded
    from rest_framework.request import Request
    from rest_framework.views import APIView


class ScopeMissing(DomainError):
    """The key lacks the scope that this call needs."""

    code = "scope_missing"


class HasScope(BasePermission):
    """The key carries the scope that the view names for reading or for writing; `admin` carries all."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """True, or `ScopeMissing` naming the scope."""
        key = request.auth
        needed = find_needed_scope(view, str(request.method))
        if not isinstance(key, ApiKey) or not {needed, Scope.ADMIN} & set(key.scopes):
            raise ScopeMissing(f"This call needs a key with the scope `{needed}`.")
        return True


def find_needed_scope(view: APIView, method: str) -> Scope:
    """The scope that a view names for calls with this method."""
    reading = method in {"GET", "HEAD", "OPTIONS"}
    scope: Scope = getattr(view, "read_scope" if reading else "write_scope")
    return scope
