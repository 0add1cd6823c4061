from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.serializers.privacy import PrivacyChangeSerializer, PrivacySerializer
from api.views.tenant_view import TenantView
from jobs.dispatch import FORGET_QUERIES, dispatch_on_commit
from tenants.domain.privacy import change_privacy, read_privacy
from tenants.models.api_key import Scope


class PrivacyView(TenantView):
    """What the shop lets the platform keep of its customers' photos."""

    serializer_class = PrivacySerializer
    read_scope = write_scope = Scope.ADMIN

    @extend_schema(operation_id="read_privacy", responses=PrivacySerializer)
    def get(self, _request: Request) -> Response:
        """Read for how long query photos are kept."""
        return Response(PrivacySerializer(read_privacy()).data)

    @extend_schema(
        operation_id="change_privacy", request=PrivacyChangeSerializer, responses=PrivacySerializer
    )
    def patch(self, request: Request) -> Response:
        """Change for how long query photos are kept; what is kept longer already is removed at once."""
        given = PrivacyChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        privacy = change_privacy(**given.validated_data) if given.validated_data else read_privacy()
        dispatch_on_commit(FORGET_QUERIES, str(self.key.tenant_id))
        return Response(PrivacySerializer(privacy).data)
