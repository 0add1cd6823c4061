from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.renderers import CsvRenderer
from api.serializers.audit import AuditEventSerializer, AuditFilterSerializer
from api.streaming import stream_lines
from api.views.tenant_view import TenantView
from tenants.models import AuditEvent
from tenants.models.api_key import Scope
from tenants.queries.audit import COLUMNS, describe_events, list_audit_events
from transfer.spreadsheets import write_table


class AuditEventsView(TenantView):
    """Every change of the shop's."""

    serializer_class = AuditEventSerializer
    read_scope = Scope.ADMIN

    @extend_schema(
        operation_id="list_audit_events",
        parameters=[AuditFilterSerializer],
        responses=AuditEventSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List who changed what, from where, before and after, the newest change first."""
        return self.paginate(_filter(request))


class AuditExportView(TenantView):
    """The same as a table."""

    renderer_classes = [CsvRenderer]
    read_scope = Scope.ADMIN

    @extend_schema(
        operation_id="export_audit_events",
        parameters=[AuditFilterSerializer],
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Download the changes, the oldest first, as CSV in UTF-8 that spreadsheets open without harm."""
        events = _filter(request).order_by("pk").iterator()
        return StreamingHttpResponse(
            stream_lines(self.key.tenant_id, write_table(COLUMNS, describe_events(events))),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="audit-events.csv"'},
        )


def _filter(request: Request) -> QuerySet[AuditEvent]:
    wanted = AuditFilterSerializer(data=request.query_params)
    wanted.is_valid(raise_exception=True)
    said: dict[str, Any] = wanted.validated_data
    return list_audit_events(**said)
