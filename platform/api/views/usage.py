from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.serializers.usage import UsageSerializer, describe_usage
from api.views.tenant_view import TenantView


class UsageView(TenantView):
    """What the shop has and does, of what it may."""

    serializer_class = UsageSerializer

    @extend_schema(operation_id="read_usage", responses=UsageSerializer)
    def get(self, _request: Request) -> Response:
        """Read what is used of what the shop may have and do. What is deleted counts until it is purged."""
        return Response(describe_usage(self.key.tenant_id))
