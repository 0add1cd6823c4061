from datetime import timedelta
from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.serializers.key import (
    KeyChangeSerializer,
    KeyFilterSerializer,
    KeyRequestSerializer,
    KeyRotationSerializer,
    KeySerializer,
    KeyWithPlaintextSerializer,
)
from api.views.tenant_view import TenantView
from tenants.domain.keys import IssuedKey, get_key, issue_key, list_keys, rename_key, revoke_key, rotate_key
from tenants.models import ApiKey
from tenants.models.api_key import Scope


class _KeyView(TenantView):
    # Whoever makes keys could make one with every scope: so this needs the scope that holds all.
    read_scope = Scope.ADMIN
    write_scope = Scope.ADMIN

    def get_key(self) -> ApiKey:
        """The key that the address names. Raises `NotFound`."""
        return get_key(self.kwargs["key"])


class KeysView(_KeyView):
    """The shop's API keys."""

    serializer_class = KeySerializer

    @extend_schema(
        operation_id="list_keys", parameters=[KeyFilterSerializer], responses=KeySerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """List the API keys, newest first, with those that have ended."""
        wanted = KeyFilterSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        return self.paginate(list_keys(**wanted.validated_data))

    @extend_schema(
        operation_id="create_key",
        request=KeyRequestSerializer,
        responses={201: KeyWithPlaintextSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make an API key. The answer holds its plaintext, which is not shown again."""
        given = KeyRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return _answer_issued(issue_key(tenant=self.key.tenant, **given.validated_data))


class KeyView(_KeyView):
    """One API key."""

    serializer_class = KeySerializer

    @extend_schema(operation_id="read_key", responses=KeySerializer)
    def get(self, _request: Request, key: UUID) -> Response:  # noqa: ARG002 - read from kwargs
        """Read an API key: what it may do, how long it lives, when it was last used."""
        return Response(KeySerializer(self.get_key()).data)

    @extend_schema(operation_id="update_key", request=KeyChangeSerializer, responses=KeySerializer)
    def patch(self, request: Request, key: UUID) -> Response:  # noqa: ARG002
        """Rename an API key. What a key may do never changes: make another one for that."""
        found = self.get_key()
        given = KeyChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(KeySerializer(rename_key(key=found, **given.validated_data)).data)

    @extend_schema(operation_id="revoke_key", responses={204: None})
    def delete(self, _request: Request, key: UUID) -> Response:  # noqa: ARG002
        """Revoke an API key: the next call with it is refused. It stays in the list."""
        revoke_key(key=self.get_key())
        return Response(status=204)


class KeyRotationView(_KeyView):
    """An API key, followed by another."""

    serializer_class = KeyWithPlaintextSerializer

    @extend_schema(
        operation_id="rotate_key",
        request=KeyRotationSerializer,
        responses={201: KeyWithPlaintextSerializer},
    )
    def post(self, request: Request, key: UUID) -> Response:  # noqa: ARG002
        """Make a key with the same name, scopes and length of life. The old one lives on for a while."""
        found = self.get_key()
        given = KeyRotationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        overlap = timedelta(seconds=given.validated_data["overlap_s"])
        return _answer_issued(rotate_key(key=found, overlap=overlap))


def _answer_issued(issued: IssuedKey) -> Response:
    shown: dict[str, Any] = {**KeySerializer(issued.key).data, "key": issued.plaintext}
    location = reverse("key", kwargs={"key": issued.key.pk})
    return Response(shown, status=201, headers={"Location": location, "Cache-Control": "no-store"})
