"""The bearer key gives the tenant."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from tenants.domain.keys import authenticate_key
from tenants.models import ApiKey


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer vtr_<prefix>_<secret>`; sets `request.auth` to the key."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey]:
        """The key of the request. Raises `NotAuthenticated`, `KeyRejected`."""
        scheme, _, credentials = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not credentials.strip():
            raise NotAuthenticated("Send your API key as `Authorization: Bearer vtr_…`.")
        return None, authenticate_key(plaintext=credentials.strip())

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        """What `WWW-Authenticate` says."""
        return "Bearer"
